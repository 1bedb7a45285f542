"""Ways to write a list of answers down, and the words that ask for each way.

The pretraining text shows many formats, so that the model learns to follow whichever format
it is asked for or shown. The JSON list is one of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

_BRACKETS = (
    ("", ""), ("", ""), ("[", "]"), ("(", ")"), ("{", "}"), ("<", ">"), ("<<", ">>"), ("|", "|"),
    ("[[", "]]"), ("list(", ")"), ("[ ", " ]"),
)  # fmt: skip
_QUOTES = ("", "", "", "'", "`", "*", "_", '"')
_SEPARATORS = (", ", ", ", "; ", " | ", " / ", " + ", " & ", ",", " and ", " - ")
_BULLETS = ("- ", "* ", "+ ", "> ", "", "1. ", "1) ", "(1) ", "# ")
_OPENINGS = ("", "", "", "", "Answer: ", "Items: ", "=> ", "-> ", "names = ", "list: ", "Result: ")
_TAGS = ("item", "i", "li", "name", "food", "x")

_QUOTE_WORDS = {"'": "in single quotes", "`": "in backticks", "*": "between stars",
                "_": "between underscores", '"': "in double quotes", "": ""}  # fmt: skip
_SEPARATOR_WORDS = {
    ", ": "separated by commas", "; ": "separated by semicolons", " | ": "separated by bars",
    " / ": "separated by slashes", " + ": "joined by plus signs", " & ": "joined by &",
    ",": "separated by commas without spaces", " and ": "joined by and",
    " - ": "separated by dashes",
}  # fmt: skip
_JSON_WORDS = (
    "as a JSON list of strings", "as a JSON list", "as a JSON array", "in JSON", "as JSON",
    "as a list of strings in JSON", "as one JSON array of strings",
)  # fmt: skip


@dataclass(frozen=True)
class Format:
    """One way to write a list: what stands before, between, around and after the items."""

    opening: str
    closing: str
    quote: str
    separator: str
    words: str
    numbered: str = ""
    is_json: bool = False

    def pieces(self, items: list[str]) -> list[tuple[str, bool]]:
        """The written list in pieces ``(text, is_item)``, so that items can be weighted."""
        out = []
        for place, item in enumerate(items):
            before = self.opening if place == 0 else self.separator
            if self.numbered:
                before += self.numbered.replace("1", str(place + 1))
            if place:
                before = self.quote + before
            out += [(before + self.quote, False), (item, True)]
        return [*out, (self.quote + self.closing, False)] if items else [(self._empty(), False)]

    def _empty(self) -> str:
        return self.opening + self.closing

    def write(self, items: list[str]) -> str:
        """The written list as one string."""
        return "".join(text for text, _ in self.pieces(items))


def json_format(rng: Random) -> Format:
    """The JSON list of strings, with one of several ways to ask for it."""
    return Format("[", "]", '"', ", ", rng.choice(_JSON_WORDS), is_json=True)


def other_format(rng: Random) -> Format:
    """Any format but the JSON list."""
    kind = rng.random()
    if kind < 0.2:
        bullet = rng.choice(_BULLETS)
        words = f"one per line after {bullet.strip()}" if bullet else "one per line"
        return Format("", "", "", "\n", words, numbered=bullet)
    if kind < 0.26:
        tag = rng.choice(_TAGS)
        gap = rng.choice(("", "\n", " "))
        return Format(f"<{tag}>", f"</{tag}>", "", f"</{tag}>{gap}<{tag}>", f"in <{tag}> tags")
    while True:
        opening, closing = rng.choice(_BRACKETS)
        quote, separator = rng.choice(_QUOTES), rng.choice(_SEPARATORS)
        if not (opening.strip() == "[" and quote == '"' and separator.startswith(",")):
            break  # that would be JSON, or nearly
    words = f"{_QUOTE_WORDS[quote]} {_SEPARATOR_WORDS[separator]}".strip()
    if opening:
        words += f" inside {opening.strip()} {closing.strip()}"
    return Format(rng.choice(_OPENINGS) + opening, closing, quote, separator, words)


def any_format(rng: Random, json: float = 0.4) -> Format:
    """The JSON list with probability ``json``, else another format."""
    return json_format(rng) if rng.random() < json else other_format(rng)
