"""Read what a learner gave as an answer, for the checks in ``lessonlib.exercises.checks``.

The right answers are not here: see ``checks/``.

Each function gives the answer in a form that a check can rely on, or raises ``NotYet`` with a
sentence for the learner. A blank inside an answer raises ``Unanswered``.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Callable, Mapping

from lessonlib.common.i18n import _

#: How many characters of an error message we repeat.
LONGEST = 200


class NotYet(Exception):
    """The answer misses something; the text says what, without giving the answer away."""


class Unanswered(Exception):
    """There is still a blank (``...``) in the answer."""


def number(value: object, what: str) -> float:
    """A finite number. ``what`` names it in the sentence: ``extra``."""
    if isinstance(value, numbers.Real) and not isinstance(value, bool):
        if math.isfinite(value):
            return float(value)
        raise NotYet(_("{what} is {value}, which isn't an amount.").format(what=what, value=value))
    raise NotYet(_("{what} should be a number; it is {kind}.").format(
        what=what, kind=python_kind(value)))


def items(value: object, what: str) -> list:
    """The things in a list or a tuple."""
    if isinstance(value, list | tuple):
        return list(value)
    raise NotYet(_("{what} should be a list; it is {kind}.").format(
        what=what, kind=python_kind(value)))


def call(function: Callable, *arguments: object) -> object:
    """What the learner's function returns; the mistakes in it become sentences."""
    if not callable(function):
        raise NotYet(_("This should be a function; it is {kind}.").format(
            kind=python_kind(function)))
    name = getattr(function, "__name__", _("your function"))
    try:
        value = function(*arguments)
    except (Exception, SystemExit) as error:
        raise NotYet(
            _("{name} stops with {error}.").format(name=name, error=described(error))
        ) from None
    if is_blank(value):
        raise Unanswered
    if value is None:
        raise NotYet(_("{name} returns nothing: is there a return in it?").format(name=name))
    return value


def is_blank(value: object) -> bool:
    """Is this ``...``, or a list, tuple or dictionary with ``...`` among its values?"""
    if isinstance(value, Mapping):
        value = list(value.values())
    # By identity: an answer may be something that cannot be compared, such as an array.
    return value is ... or (
        isinstance(value, list | tuple) and any(one is ... for one in value)
    )


def python_kind(value: object) -> str:
    """What sort of thing this is, in words."""
    if value is None:
        return _("nothing (None)")
    words = {
        str: _("a text"), bool: _("True or False"), list: _("a list"), tuple: _("a tuple"),
        dict: _("a dictionary"), set: _("a set"), int: _("a number"), float: _("a number"),
    }
    if type(value) in words:
        return words[type(value)]
    if callable(value) and not isinstance(value, type):
        return _("a function that was not called")
    return _("of the type {name}").format(name=type(value).__name__)


def described(error: BaseException) -> str:
    """An error in one line, even one whose own text fails."""
    try:
        text = " ".join(str(error).split())
    except Exception:
        text = ""
    text = text if len(text) <= LONGEST else text[: LONGEST - 3] + "..."
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
