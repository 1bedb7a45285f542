"""Exercises of notebook 09, tuning without code."""

from __future__ import annotations

import tempfile
from pathlib import Path

from lessonlib.autotrain.watch import ADAPTER
from lessonlib.common.i18n import _
from lessonlib.exercises import answers
from lessonlib.exercises.feedback import exercise


@exercise(
    "09-1",
    title=_("How many steps?"),
    difficulty=1,
    minutes=5,
    learned=_("With the steps of a minute you know how long a training will take."),
)
def steps(function):
    """function(tokens, block_size, batch_size, epochs): steps of a training that packs."""
    cases = (
        ((36_500, 512, 2, 4), 144, ""),
        ((1024, 512, 2, 1), 1, ""),
        ((1023, 512, 1, 1), 1, _("A piece that is not full is not kept: round the pieces down.")),
        ((1536, 512, 2, 1), 2, _("Three pieces in steps of two are two steps: round them up.")),
        ((1536, 512, 2, 3), 6, _("Each epoch begins anew: round up within an epoch, then count"
                                 " the epochs.")),
        ((300, 512, 2, 3), 0, _("A text that fills no piece gives nothing to learn from.")),
    )
    for arguments, right, hint in cases:
        found = answers.number(answers.call(function, *arguments), _("What your function returns"))
        if found != right:
            tokens, block_size, batch_size, epochs = arguments
            said = _("For {tokens} tokens in pieces of {block}, {batch} to a step, {epochs} epochs"
                     " we count another number than {found:g}.").format(
                tokens=tokens, block=block_size, batch=batch_size, epochs=epochs, found=found)
            yield f"{said} {hint}".strip()


def _true_or_false(value: object) -> bool:
    if isinstance(value, bool):
        return value
    raise answers.NotYet(_("Your function should return True or False; it returns {kind}.").format(
        kind=answers.python_kind(value)))


@exercise(
    "09-2",
    title=_("Has it worked?"),
    difficulty=1,
    minutes=5,
    learned=_("What lies in the folder counts, not what the program said."),
)
def has_worked(function):
    """function(folder): does the output folder hold a trained adapter?"""
    with tempfile.TemporaryDirectory() as place:
        folders = {name: Path(place) / name for name in ("good", "none", "empty", "folder")}
        for folder in folders.values():
            folder.mkdir()
            (folder / "training_params.json").write_text("{}", encoding="utf-8")
        (folders["good"] / ADAPTER).write_bytes(b"1")
        (folders["empty"] / ADAPTER).write_bytes(b"")
        (folders["folder"] / ADAPTER).mkdir()
        cases = (
            (folders["good"], True, _("There is an adapter, and your function says there is"
                                      " none.")),
            (folders["none"], False, _("A folder with training_params.json alone: the training was"
                                       " begun, and no adapter came of it.")),
            (folders["empty"], False, _("The adapter's file is empty, and your function is"
                                        " content.")),
            (Path(place) / "missing", False, _("The folder does not exist, and your function is"
                                               " content.")),
            (folders["folder"], False, _("Something of the adapter's name is there, but it is a"
                                         " folder.")),
        )
        for folder, right, sentence in cases:
            if _true_or_false(answers.call(function, folder)) != right:
                yield sentence


@exercise(
    "09-3",
    title=_("Asked for, not used"),
    difficulty=2,
    minutes=6,
    learned=_("Such a comparison takes a minute, and finds the seed that never arrived."),
)
def not_honoured(function):
    """function(asked, used): sorted names of settings that were asked for and not used."""
    cases = (
        ({"epochs": 4, "seed": 1}, {"epochs": 4, "seed": 42}, ["seed"],
         _("A setting was used with another value.")),
        ({"epochs": 4, "valid_split": "validation"}, {"epochs": 4}, ["valid_split"],
         _("A setting is missing in what was used.")),
        ({"quantization": None}, {}, ["quantization"],
         _("None was asked for, and the setting is missing: the program may have taken its"
           " default.")),
        ({"quantization": None}, {"quantization": "int4"}, ["quantization"],
         _("None was asked for, and something else was used.")),
        ({"lr": 0.1}, {"lr": 0.1, "log": "none"}, [],
         _("Settings that were not asked for are none of our business here.")),
        ({"seed": 1, "epochs": 2, "lr": 0.1}, {"seed": 2, "epochs": 3, "lr": 0.1},
         ["epochs", "seed"], _("Sort the names.")),
    )
    for asked, used, right, sentence in cases:
        found = answers.items(answers.call(function, dict(asked), dict(used)),
                              _("What your function returns"))
        if found != right:
            yield sentence
