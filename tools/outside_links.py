"""Links to other sites: are they well formed, and do they still lead somewhere?

``lint`` needs no network and is part of the tests. ``look`` asks the site; it is for a person at
a desk (``python -m tools.links --online``) and never runs in CI, where a site that is down for a
minute would make the tests fail.
"""

from __future__ import annotations

import re
import urllib.error
import urllib.request
from collections import defaultdict
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from tools.link_reader import links

#: Parameters that say who sent the reader, not what is to be read.
TRACKING = re.compile(r"^(utm_\w+|WT\.mc_id|ref|fbclid|gclid)$", re.IGNORECASE)
HOST = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+(:\d+)?$")
#: A link that tells a reader, or a screen reader's list of links, nothing.
EMPTY_TEXT = re.compile(r"(?<!!)\[\s*(here|link|this|click here)?\s*\]\(", re.IGNORECASE)
IN_TOML = re.compile(r"https://[^\s\"',;)]+")
#: Names that stand for a reader's own server, or are on this machine.
EXAMPLES = ("example.org", "example.com", "localhost", "127.0.0.1")
#: Some sites answer only what looks like a browser.
BROWSER = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)"}
SECONDS = 20.0


@dataclass(frozen=True)
class Answer:
    """``kind`` is ok, moved, gone or unsure; ``words`` says more."""

    kind: str
    words: str


def in_file(path: Path) -> list[tuple[str, str]]:
    """(where, address) of all links to other sites in a .md, .ipynb or .toml file."""
    if path.suffix == ".toml":
        lines = path.read_text(encoding="utf-8").splitlines()
        return [(f"line {number}", found.rstrip("."))
                for number, text in enumerate(lines, start=1) for found in IN_TOML.findall(text)]
    return [(place, target) for place, target in links(path) if "://" in target]


def lint(path: Path, once: bool = False) -> list[str]:
    """One line for each address that is badly written. once: each may stand here only once."""
    found = []
    first: dict[str, str] = {}
    for place, address in in_file(path):
        found += [f"{place}: {address} {text}" for text in _form(address)]
        known = first.setdefault(same(address), place)
        if once and known != place:
            found.append(f"{place}: {address} stands in {known} already")
    if path.suffix == ".md":
        for number, text in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            if EMPTY_TEXT.search(text):
                found.append(f"line {number}: a link whose text does not say where it leads")
    return found


def _form(address: str) -> Iterable[str]:
    parts = urlsplit(address)
    if parts.scheme != "https":
        yield "is not https"
    if not HOST.fullmatch(parts.netloc.lower()):
        yield "has no proper host"
    if named := [name for name, _value in parse_qsl(parts.query) if TRACKING.match(name)]:
        yield f"tells on the reader: {', '.join(named)}"
    if address[-1] in ".,;:":
        yield "ends in punctuation"


def same(address: str) -> str:
    """Two spellings of one address give one text: no www, no last slash, no language."""
    parts = urlsplit(address)
    path = re.sub(r"^/[a-z]{2}-[a-z]{2}(?=/)", "", parts.path.rstrip("/"), flags=re.IGNORECASE)
    host = parts.netloc.lower().removeprefix("www.")
    return f"{host}{path}?{parts.query}#{parts.fragment}"


def look(address: str, seconds: float = SECONDS) -> Answer:
    """Ask the site. 404 and 410 are gone; a site that refuses machines leaves us unsure."""
    bare = address.split("#")[0]
    try:
        with urllib.request.urlopen(urllib.request.Request(bare, headers=BROWSER),
                                    timeout=seconds) as answer:
            now = answer.geturl()
    except urllib.error.HTTPError as error:
        return Answer("gone" if error.code in (404, 410) else "unsure", f"HTTP {error.code}")
    except (OSError, ValueError) as error:  # URLError and timeouts are OSErrors
        return Answer("unsure", str(getattr(error, "reason", error)) or type(error).__name__)
    if same(now.split("?")[0]) != same(bare.split("?")[0]):
        return Answer("moved", f"now {now}")
    return Answer("ok", "")


def check(paths: Iterable[Path], root: Path, say: Callable[[str], None] = print,
          ask: Callable[[str], Answer] = look) -> int:
    """Look at every address in these files, once each. Returns how many are gone."""
    places: dict[str, list[str]] = defaultdict(list)
    for path in paths:
        for place, address in in_file(path):
            if not (urlsplit(address).hostname or "").endswith(EXAMPLES):
                places[address].append(f"{path.relative_to(root).as_posix()}, {place}")
    with ThreadPoolExecutor(8) as pool:
        answers = dict(zip(places, pool.map(ask, places), strict=True))
    for kind in ("gone", "unsure", "moved"):
        for address, answer in answers.items():
            if answer.kind == kind:
                say(f"{'[' + kind + ']':<9}{address}: {answer.words}")
                say(f"         {'; '.join(places[address][:3])}")
    counts = [sum(answer.kind == kind for answer in answers.values())
              for kind in ("ok", "moved", "unsure", "gone")]
    say("{} addresses: {} answer, {} moved, {} unsure, {} gone".format(len(answers), *counts))
    return counts[3]
