"""A measured number and how far to trust it: intervals, differences, and the three verdicts.

One vocabulary for every comparison of this course: *better*, *worse*, or *cannot tell*. There is no
"the same". That an interval holds 0 says only that these examples cannot decide it; with more of
them the verdict could be either of the other two.

What an interval holds is the luck of the draw: other examples of the same kind would have given
other scores. What it does not hold is the luck of training: another seed, or other training rows,
would have made another model.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from lessonlib.common.i18n import _

BETTER, WORSE, CANNOT_TELL = "better", "worse", "cannot tell"
#: Sums of the same numbers in another order differ in the last digit.
EXACT = 1e-9


def decimals(value: float, sign: bool = False) -> str:
    """Two decimals; more where two would say 0.00 or 1.00 of what is neither.

    ``+0.00 to +0.08`` could be a difference or none, and ``-0.00`` is no number.
    """
    plus = "+" if sign else ""
    if math.isfinite(value):
        value = 0.0 if abs(value) < EXACT else value
        value = 1.0 if abs(value - 1) < EXACT else value
    for places in range(2, 7):
        text = f"{value:{plus}.{places}f}"
        told = float(text)
        if value in (0, 1) or not (told == 0 or (told == 1 and value < 1)):
            return text
    return text


@dataclass(frozen=True)
class Interval:
    """A measured value with its 95 % interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{decimals(self.value)} ({decimals(self.low)}-{decimals(self.high)})"


@dataclass(frozen=True)
class Difference:
    """How much better one method is than another, with the 95 % interval of the difference.

    Attributes:
        value: the score of the one minus the score of the other.
        low, high: the interval.
        examples: on how many both were measured; None where that is not known.
        lower_is_better: as for a loss.
    """

    value: float
    low: float
    high: float
    examples: int | None = None
    lower_is_better: bool = False

    @property
    def significant(self) -> bool:
        """Whether the interval leaves zero out: the field's word for better or worse."""
        return self.low > EXACT or self.high < -EXACT

    @property
    def verdict(self) -> str:
        """``"better"``, ``"worse"`` or ``"cannot tell"``: words for programs, never translated."""
        if not self.significant:
            return CANNOT_TELL
        return BETTER if (self.value > 0) != self.lower_is_better else WORSE

    @property
    def numbers(self) -> str:
        """The difference and its interval, without the verdict."""
        return (f"{decimals(self.value, sign=True)} ({decimals(self.low, sign=True)} to"
                f" {decimals(self.high, sign=True)})")

    def examples_to_tell(self) -> int | None:
        """About how many examples would decide it, if the difference stayed as it was measured.

        An interval shrinks with the square root of the number of examples: four times as many
        halve it. So it takes n (half / value) ** 2 examples until the half that reaches towards
        zero is as long as the value. Where the verdict is clear already, fewer would have done.

        Returns None where nothing can be said: the two scored the same, or it is not known on
        how many examples.

        Introduced in notebook 01.
        """
        half = self.value - self.low if self.value > 0 else self.high - self.value
        if not self.examples or abs(self.value) < EXACT:
            return None
        return math.ceil(self.examples * (half / self.value) ** 2)

    def what_would_decide(self) -> str:
        """What it would take to decide what could not be told: a sentence to print.

        Introduced in notebook 01.
        """
        if self.verdict != CANNOT_TELL:
            return _("{n} examples were enough to tell.").format(n=self.examples or _("These"))
        needed = self.examples_to_tell()
        if needed is None:
            return _("The two scored the same here, so nobody can say how many examples would tell"
                     " them apart.")
        if needed > 1_000_000:
            return _("If the difference stays as small as this, a million examples would not"
                     " decide it.")
        return _("If the difference stays as measured, about {needed:,} examples would decide it;"
                 " we had {n:,}.").format(needed=_two_digits(needed), n=self.examples)

    def __str__(self) -> str:
        said = {BETTER: _("better"), WORSE: _("worse"), CANNOT_TELL: _("cannot tell")}
        return f"{self.numbers}: {said[self.verdict]}"

    def _repr_pretty_(self, printer, cycle: bool) -> None:
        printer.text(str(self))


def _two_digits(number: int) -> int:
    """Rounded up to two digits that say something: it is an estimate."""
    unit = 10 ** max(0, len(str(number)) - 2)
    return math.ceil(number / unit) * unit
