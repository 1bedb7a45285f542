"""No library speaks to a learner in red. A notebook shows what stands on stderr in a red box.

On every processor with AVX-512 BF16, notebook 00 once said "Failed to load CPU gemm_4bit_forward
from kernels-community" at its first training: PEFT had loaded a library that nobody had asked for.
"""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys

import pytest

TUNE_AND_ASK = """
import sys

import lessonlib
from lessonlib import lora
from lessonlib.tasks import recipes, training_rows

client = lessonlib.connect("practice")
rows = training_rows.chat_rows(recipes.load("train")[:6])
settings = lora.LoraSettings(epochs=1, batch_size=2, rank=2)
lora.tune(rows, "red", settings=settings, validation=rows[:2])
answer = client.chat.completions.create(
    model="red", messages=rows[0]["messages"][:2], max_tokens=4)
print(answer.choices[0].finish_reason)
print([name for name in ("bitsandbytes", "trl", "datasets") if name in sys.modules])
"""

#: What bitsandbytes and transformers say on some machines, by their own names, on any machine.
KNOWN = """
import lessonlib, logging, warnings
logging.getLogger("bitsandbytes.backends.cpu.ops").warning(
    "Failed to load CPU gemm_4bit_forward from kernels-community: %s. Please", ImportError("no"))
warnings.warn("`is_gradient_checkpointing` is deprecated and will be removed in v6.", FutureWarning)
"""

UNKNOWN = """
import lessonlib, logging, warnings
logging.getLogger("bitsandbytes.backends.cpu.ops").warning("The weights are wrong.")
warnings.warn("`is_right` is deprecated.", FutureWarning)
"""

PUT_BESIDE = """
import sys
from transformers import AutoModelForCausalLM, BitsAndBytesConfig
from lessonlib.common import paths
from lessonlib.models.peft import LoraConfig, put_beside

def tuned(**options):
    model = AutoModelForCausalLM.from_pretrained(paths.BUILT_IN, **options)
    model = put_beside(model, LoraConfig(r=2, target_modules="all-linear"))
    return type(model.base_model.model.model.layers[0].mlp.up_proj).__name__

print(tuned(), "bitsandbytes" in sys.modules)
print(tuned(quantization_config=BitsAndBytesConfig(load_in_4bit=True)))
"""


def run(code: str, project, work) -> subprocess.CompletedProcess:
    """The code in a fresh Python, with everything that it says apart."""
    drop = ("PYTHONWARNINGS", "LESSON_KEEP_TRAININGS")  # it is to train, and to say what it says
    env = {name: value for name, value in os.environ.items() if name not in drop}
    env |= {"LESSON_WORK": str(work), "LESSON_PROGRESS": "1", "PYTHONPATH": str(project)}
    done = subprocess.run([sys.executable, "-c", code], cwd=project, env=env, text=True,
                          capture_output=True, encoding="utf-8", timeout=300)  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done


@pytest.fixture
def work(tmp_path, project):
    yield tmp_path
    run("from lessonlib.practice import service; service.stop()", project, tmp_path)


def test_tuning_and_asking_in_a_fresh_process_write_nothing_to_stderr(project, work):
    done = run(TUNE_AND_ASK, project, work)
    assert done.stderr == ""
    *_lines, end, loaded = done.stdout.splitlines()
    assert end in ("length", "stop")
    assert loaded == "[]", "a learner waits for each library that is loaded"


def test_what_is_known_is_left_out_and_nothing_else(project, tmp_path):
    assert run(KNOWN, project, tmp_path).stderr == ""
    said = run(UNKNOWN, project, tmp_path).stderr
    assert "The weights are wrong." in said and "`is_right` is deprecated." in said


def test_an_adapter_needs_no_bitsandbytes_until_a_base_in_four_bits_does(project, tmp_path):
    """A second and 40 MB in each process that tunes. What PEFT was told must not last."""
    pytest.importorskip("bitsandbytes")
    assert run(PUT_BESIDE, project, tmp_path).stdout.splitlines() == ["Linear False", "Linear4bit"]


def test_peft_is_loaded_by_one_door(project):
    """But for the script that shows how others do it. Whoever loads it first decides."""
    doors = {"models/peft.py", "peft.py", "lora/script.py", "script.py"}
    for path in (project / "lessonlib").rglob("*.py"):
        if path.name in doors:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            loaded = []
            if isinstance(node, ast.ImportFrom):
                loaded = [node.module or ""]
            elif isinstance(node, ast.Import):
                loaded = [alias.name for alias in node.names]
            assert not [name for name in loaded if name.split(".")[0] == "peft"], path


def test_a_notebook_loads_lessonlib_before_what_speaks_in_red(project):
    for path in (project / "notebooks" / "source").glob("*.py"):
        text = path.read_text(encoding="utf-8")
        loaded = re.findall(r"^ *(?:from|import) (lessonlib|peft|trl)\b", text, re.M)
        assert loaded[0] == "lessonlib", path.name
