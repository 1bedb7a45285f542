"""Exercises of notebook 09, tuning without code."""

from __future__ import annotations

import tempfile
from pathlib import Path

import yaml

from lessonlib.autotrain.watch import ADAPTER
from lessonlib.common.i18n import _
from lessonlib.exercises import answers
from lessonlib.exercises.feedback import exercise


@exercise(
    "09-1",
    title=_("One thing at a time"),
    difficulty=1,
    minutes=5,
    learned=_("Two runs that differ in one setting can explain a difference; two that differ in"
              " five can't."),
)
def one_change(text, before):
    """The YAML text of ``trl sft`` with every token in the loss and a new output folder."""
    if not isinstance(text, str):
        raise answers.NotYet(_("We expect the text of the file; this is {kind}.").format(
            kind=answers.python_kind(text)))
    if text == before:
        raise answers.NotYet(_("The text is still the same as before."))
    try:
        new, old = yaml.safe_load(text), yaml.safe_load(before)
    except yaml.YAMLError:
        yield _("This is no longer YAML. Change values only, and keep one setting on each line.")
        return
    if not isinstance(new, dict):
        yield _("This is no longer a list of settings, one on each line.")
        return
    wanted = {"assistant_only_loss": False, "output_dir": "by-trl-all-tokens"}
    changed = {name for name in {*old, *new} if old.get(name) != new.get(name)}
    for name, value in wanted.items():
        if new.get(name) != value:
            yield _("{name} should be {value}; in your text it is {found}.").format(
                name=name, value=str(value).lower() if value is False else value,
                found=new.get(name))
    if others := sorted(changed - set(wanted)):
        yield _("{names} changed as well. Then the run no longer tells what made the"
                " difference.").format(names=", ".join(others))


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
    learned=_("What is in the folder counts, not what the program said."),
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
            (folders["good"], True, _("There is an adapter, and your function says that it"
                                      " didn't work.")),
            (folders["none"], False, _("A folder with nothing but training_params.json: the"
                                       " training started, but left no adapter.")),
            (folders["empty"], False, _("The adapter's file is empty, and your function says"
                                        " that it worked.")),
            (Path(place) / "missing", False, _("The folder doesn't exist, and your function"
                                               " says that it worked.")),
            (folders["folder"], False, _("There is something with the adapter's name, but it is a"
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
    learned=_("This comparison takes a minute, and finds the seed that never arrived."),
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
         _("Ignore settings that nobody asked for.")),
        ({"seed": 1, "epochs": 2, "lr": 0.1}, {"seed": 2, "epochs": 3, "lr": 0.1},
         ["epochs", "seed"], _("Sort the names.")),
    )
    for asked, used, right, sentence in cases:
        found = answers.items(answers.call(function, dict(asked), dict(used)),
                              _("What your function returns"))
        if found != right:
            yield sentence
