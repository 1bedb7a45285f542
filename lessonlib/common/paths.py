"""Where things are. Every other module gets its folders from here."""

from __future__ import annotations

import os
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
DATA = PROJECT / "data"
#: Everything that a run writes. Git ignores it. ``LESSON_WORK`` moves it elsewhere.
WORK = Path(os.environ.get("LESSON_WORK", PROJECT / "work")).resolve()
#: One Hugging Face model folder for each model that the learner has tuned.
MODELS = WORK / "models"
ADAPTERS = WORK / "adapters"
#: AutoTrain's own environment, which takes a minute to make: one for all work folders.
AUTOTRAIN = Path(
    os.environ.get("LESSON_AUTOTRAIN", PROJECT / "work" / "autotrain-environment")
).resolve()
#: The built-in model ``pantry``. ``LESSON_BUILT_IN`` puts another folder in its place,
#: which is how a model still in training is tried out.
BUILT_IN = Path(os.environ.get("LESSON_BUILT_IN", DATA / "models" / "pantry")).resolve()
