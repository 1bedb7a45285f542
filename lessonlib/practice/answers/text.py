"""From tokens to text: the bytes of each token, stop strings, and how much may be shown already."""

from __future__ import annotations

import codecs
import json
import re
from typing import Any


def _byte_of_character() -> dict[str, int]:
    """Byte-level BPE writes each byte as one printable character; this is the way back.

    Source: the table of GPT-2 (Radford et al. 2019), which all byte-level tokenizers share.
    """
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    table = {chr(byte): byte for byte in printable}
    table.update({chr(256 + place): byte for place, byte in enumerate(others)})
    return table


class Vocabulary:
    """What each token id stands for, as bytes: a token may be a piece of a letter."""

    def __init__(self, tokenizer: Any):
        self._tokenizer = tokenizer
        self._added = {
            id: (token.content, token.special)
            for id, token in tokenizer.added_tokens_decoder.items()
        }
        decoder = json.loads(tokenizer.backend_tokenizer.to_str())["decoder"]
        self._byte_level = "ByteLevel" in json.dumps(decoder)
        self._table = _byte_of_character()
        self._known: dict[int, bytes] = {}

    def text_bytes(self, id: int) -> bytes:
        """The bytes that this token adds to the answer: none for a special token."""
        found = self._known.get(id)
        if found is None:
            special = id in self._added and self._added[id][1]
            found = self._known[id] = b"" if special else self.label_bytes(id)
        return found

    def label_bytes(self, id: int) -> bytes:
        """The bytes of the token itself, special tokens too (``<|end|>``)."""
        if id in self._added:
            return self._added[id][0].encode()
        token = self._tokenizer.convert_ids_to_tokens(id)
        if token is None:  # the model's table may be longer than the tokenizer's
            return b""
        if self._byte_level:
            return bytes(self._table[character] for character in token)
        # SentencePiece: a low line for the space, <0x0A> for a byte outside the vocabulary.
        byte = re.fullmatch(r"<0x([0-9A-F]{2})>", token)
        return bytes([int(byte[1], 16)]) if byte else token.replace("\u2581", " ").encode()

    def label(self, id: int) -> tuple[str, list[int]]:
        """The token as OpenAI's logprobs show it: text, and its bytes.

        Bytes that are no whole letters are written as ``\\xe2\\x80``.
        """
        raw = self.label_bytes(id)
        try:
            return raw.decode(), list(raw)
        except UnicodeDecodeError:
            return "".join(f"\\x{byte:02x}" for byte in raw), list(raw)


class TextStream:
    """Turns one answer's tokens into text as they come.

    Text that may be the beginning of a stop string is held back until it is decided.
    ``text`` is what has been released so far. Each token's logprob entry is released
    with its text, and dropped when a stop string cuts all of its text off.
    """

    def __init__(self, stop: tuple[str, ...] = ()):
        self.text = ""
        self.stopped = False
        self._stop = stop
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._held = ""
        self._entries: list[tuple[int, int, dict]] = []  # (start, end in the text, entry)

    def feed(self, raw: bytes, entry: dict | None = None, last: bool = False):
        """Take one token's bytes; return (new text, logprob entries) released by it.

        Args:
            raw: the token's bytes, perhaps a part of a letter.
            entry: the token's logprob entry, if wanted.
            last: no more tokens follow, so nothing is held back.
        """
        if not self._stop and entry is None and not self._entries:  # nothing is ever held back
            new = self._decoder.decode(raw, final=last)
            self.text += new
            return new, []
        start = len(self.text) + len(self._held)
        self._held += self._decoder.decode(raw, final=last)
        if entry is not None:
            self._entries.append((start, len(self.text) + len(self._held), entry))
        cut = self._find_stop()
        if cut is not None:
            self.stopped = True
            release = cut
        else:
            release = len(self._held) if last else len(self._held) - self._undecided()
        new, self._held = self._held[:release], self._held[release:]
        self.text += new
        return new, self._release_entries(last)

    def _find_stop(self) -> int | None:
        """Where the earliest stop string begins in the held text."""
        places = [self._held.find(stop) for stop in self._stop]
        return min((place for place in places if place >= 0), default=None)

    def _undecided(self) -> int:
        """How many characters at the end may yet become a stop string."""
        longest = 0
        for stop in self._stop:
            for length in range(min(len(stop) - 1, len(self._held)), longest, -1):
                if self._held.endswith(stop[:length]):
                    longest = length
                    break
        return longest

    def _release_entries(self, last: bool) -> list[dict]:
        shown = len(self.text)
        if self.stopped or last:
            ready = [e for start, end, e in self._entries if end <= shown or start < shown]
            self._entries = []
        else:
            ready = [entry for _, end, entry in self._entries if end <= shown]
            self._entries = [item for item in self._entries if item[1] > shown]
        return ready
