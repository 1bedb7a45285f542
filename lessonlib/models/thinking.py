"""Answers without the thinking that some models write before them.

A thinking model writes to itself first, between two marks, and then answers. Programs read the
answer alone, and so do the scores of this course.
"""

from __future__ import annotations

import re

#: How models begin and end their thinking: Qwen, DeepSeek, SmolLM; others; Mistral; Seed.
_NAMES = r"think|thinking|thought|reasoning|seed:think"
OPEN = rf"<(?:{_NAMES})>|\[THINK\]"
CLOSE = rf"</(?:{_NAMES})>|\[/THINK\]"
_WHOLE = re.compile(f"(?:{OPEN}).*?(?:{CLOSE})", re.DOTALL | re.IGNORECASE)
_UP_TO = re.compile(f"^.*(?:{CLOSE})", re.DOTALL | re.IGNORECASE)
_FROM = re.compile(f"(?:{OPEN}).*$", re.DOTALL | re.IGNORECASE)


def without_thinking(text: str) -> str:
    """The answer without its thinking.

    Left out is: what stands between the two marks; all before a closing mark, where the prompt
    had opened the thinking; and all from an opening mark on, where the answer was cut off before
    it came to the point: then there is no answer. A text without marks comes back as it is.
    """
    answer = _FROM.sub("", _UP_TO.sub("", _WHOLE.sub("", text)))
    return text if answer == text else answer.lstrip()
