"""What saved notebooks show, for tests that hold a text against it.

    @pytest.fixture(params=saved_notebooks.EDITIONS)
    def saved(request):
        return saved_notebooks.load("02", request.param)

    def test_the_tuned_model_beats_lookup(saved):
        assert saved.verdict("tuned against RAG") == "better"

Nothing is run and nothing is trained. A rebuild that turns out otherwise than the text says makes
such a test fail; then the text has to be written anew.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

import nbformat

from tools import notebooks
from tools.notebook_rules import output_text

EDITIONS = ("learner", "solved")
#: A difference as the course prints it: value, low, high, verdict.
DIFFERENCE = (r"([+-][\d.]+) \(([+-][\d.]+) to ([+-][\d.]+)\)(?:: (better|worse|cannot tell))?")


@dataclass(frozen=True)
class Saved:
    """One edition: its text, and all that its outputs say."""

    text: str
    said: str

    def numbers(self, pattern: str) -> list[float]:
        """The numbers in the groups of the first place of the outputs that fits a pattern."""
        found = re.search(pattern, self.said)
        assert found, f"the outputs do not hold {pattern!r}"
        return [float(group.replace(",", "")) for group in found.groups()]

    def score(self, before: str) -> tuple[float, float, float]:
        """Value, low and high of the first score behind some words."""
        value, low, high = self.numbers(
            rf"{re.escape(before)}[^\n]*?([\d.]+) \(([\d.]+)-([\d.]+)\)")
        return value, low, high

    def difference(self, before: str) -> tuple[float, float, float]:
        """Value, low and high of the first difference behind some words."""
        return tuple(map(float, self._difference(before)[:3]))

    def verdict(self, before: str) -> str:
        """``better``, ``worse`` or ``cannot tell``: of the first difference behind some words."""
        value, low, high, verdict = self._difference(before)
        if verdict:
            return verdict
        return "better" if float(low) > 0 else "worse" if float(high) < 0 else "cannot tell"

    def _difference(self, before: str) -> tuple[str, ...]:
        found = re.search(rf"{re.escape(before)}[^\n]*?{DIFFERENCE}", self.said)
        assert found, f"the outputs hold no difference behind {before!r}"
        return found.groups()


@cache
def load(number: str, edition: str = "learner") -> Saved:
    """A saved notebook by its number, such as ``02``."""
    (source,) = notebooks.sources([number])
    path = (notebooks.notebook_of if edition == "learner" else notebooks.solutions_of)(source)
    cells = nbformat.read(path, as_version=4).cells
    text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    said = "\n".join(output_text(cell) for cell in cells if cell.cell_type == "code")
    return Saved(" ".join(text.split()), said)


def verdict(said: str, start: str) -> str:
    """The verdict at the end of the outputs' first line that begins so."""
    found = re.search(rf"(?m)^ *{re.escape(start)}.*: (better|worse|cannot tell)$", said)
    assert found, f"no line begins with {start!r} and ends with a verdict"
    return found[1]
