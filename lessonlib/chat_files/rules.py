"""The rules that one line of a chat training file must keep.

The format is OpenAI's (API reference, "Training format for chat models using the supervised
method"): one JSON object per line with a list of ``messages``. Each of them has a ``role`` and
``content``, and perhaps a ``name``; an assistant's message may have a ``weight``. Tools, pictures
and content in parts belong to the format too, but this course does not train on them; they are
refused by name.

Nothing here raises because of bad content: everything that is wrong comes back as problems.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator

from lessonlib.chat_files.problems import ERROR, ROLES, Problem, kind, shown
from lessonlib.common.facts import limits
from lessonlib.common.i18n import _

MESSAGE_KEYS = ("role", "content", "name", "weight")
TOOL_ROW_KEYS = ("tools", "functions", "parallel_tool_calls")
TOOL_MESSAGE_KEYS = ("tool_calls", "function_call", "tool_call_id")
TOOL_ROLES = ("tool", "function")
#: What other programs call the three roles.
OTHER_NAMES = {
    "human": "user",
    "prompter": "user",
    "ai": "assistant",
    "bot": "assistant",
    "chatbot": "assistant",
    "gpt": "assistant",
    "model": "assistant",
    "developer": "system",
}
_NAME = re.compile(limits()["name"]["pattern"])
_LONGEST_NAME = limits()["name"]["longest"]
_WEIGHTS = tuple(limits()["weight"]["allowed"])
#: We look for misspelled keys among so many, and in so many of their characters.
_FEW = 30


def row_problems(row: object, **place: int) -> Iterator[Problem]:
    """All that is wrong with one example, be it sound JSON.

    Args:
        place: ``line`` and ``example``, both counted from 1.
    """
    if not isinstance(row, dict):
        hint = ""
        if isinstance(row, list):
            hint = _("Leave out the outer list: each example just gets a line of its own.")
        yield Problem("not_object", **place, details={"kind": kind(row)}, hint=hint)
        return
    messages = row.get("messages")
    if "messages" not in row or messages == []:
        yield Problem("no_messages", **place, hint=_no_messages_hint(row))
        if set(row) <= {"prompt", "completion"}:
            return  # one problem, not three
    elif not isinstance(messages, list):
        yield _wrong_type("messages", messages, _("a list"), place)
    yield from _row_keys(row, place)
    if isinstance(messages, list) and messages:
        for number, message in enumerate(messages, start=1):
            yield from _message(message, {**place, "message": number})
        yield from _chat(messages, place)


def _no_messages_hint(row: dict) -> str:
    if "prompt" in row and "completion" in row:
        return _("Prompt and completion are the format of older models, before chat.")
    near = any(_meant(key, ("messages",)) for key in list(row)[:_FEW])
    return _("The key must be exactly 'messages'.") if near else ""


def _meant(key: object, allowed: tuple[str, ...]) -> str:
    """The allowed key that a wrong one is nearly spelled like, or nothing."""
    near = difflib.get_close_matches(str(key)[:_FEW].strip().lower(), allowed, 1)
    return near[0] if near else ""


def _row_keys(row: dict, place: dict[str, int]) -> Iterator[Problem]:
    for key in row:
        if key in TOOL_ROW_KEYS:
            yield Problem("tool_calls", **place, details={"name": shown(key)})
        elif key != "messages":
            yield Problem("unknown_key", **place, details={"name": shown(key)})


def _message(message: object, place: dict[str, int]) -> Iterator[Problem]:
    """All that is wrong with one message."""
    if not isinstance(message, dict):
        yield _wrong_type(_("a message"), message, _("an object"), place)
        return
    tools = [key for key in TOOL_MESSAGE_KEYS if key in message]
    role = message.get("role")
    if role in TOOL_ROLES:
        tools.append(role)
    for name in tools:
        yield Problem("tool_calls", **place, details={"name": shown(name)})
    for key in message:
        if key not in MESSAGE_KEYS and key not in TOOL_MESSAGE_KEYS:
            meant = _meant(key, MESSAGE_KEYS) if len(message) < _FEW else ""
            hint = _("Did you mean {name!r}?").format(name=meant) if meant else ""
            yield Problem("unknown_key", **place, details={"name": shown(key)}, hint=hint)
    yield from _role(message, place)
    # The text of a message that calls a tool stands elsewhere.
    if not (tools and message.get("content") is None):
        yield from _content(message, place)
    yield from _name(message, place)
    yield from _weight(message, place)


def _role(message: dict, place: dict[str, int]) -> Iterator[Problem]:
    role = message.get("role")
    if "role" not in message:
        yield Problem("missing_role", **place)
    elif not isinstance(role, str):
        yield _wrong_type("role", role, _("a text"), place)
    elif role not in ROLES and role not in TOOL_ROLES:
        word = role.strip().lower()
        meant = word if word in ROLES else OTHER_NAMES.get(word, "")
        hint = _("Here it should be {name!r}.").format(name=meant) if meant else ""
        yield Problem("unknown_role", **place, details={"role": shown(role)}, hint=hint)


def _content(message: dict, place: dict[str, int]) -> Iterator[Problem]:
    content = message.get("content")
    if content is None:
        yield Problem("missing_content", **place)
    elif not isinstance(content, str):
        hint = ""
        if isinstance(content, list):
            hint = _("Content in parts, and pictures, are not trained here.")
        yield _wrong_type("content", content, _("a text"), place, hint)
    elif not content.strip():
        yield Problem("empty_content", **place)
    elif not _is_whole(content):
        yield Problem("broken_text", **place, details={"name": "content"})


def _name(message: dict, place: dict[str, int]) -> Iterator[Problem]:
    if "name" not in message:
        return
    name = message["name"]
    if not isinstance(name, str):
        yield _wrong_type("name", name, _("a text"), place)
    elif len(name) > _LONGEST_NAME or not _NAME.fullmatch(name):
        yield Problem("wrong_name", **place, details={"name": shown(name)})
    else:
        yield Problem("name_not_used", **place)


def _weight(message: dict, place: dict[str, int]) -> Iterator[Problem]:
    if "weight" not in message:
        return
    weight, role = message["weight"], message.get("role")
    # Exactly int: in Python True is equal to 1, in JSON it is something else.
    if type(weight) is not int or weight not in _WEIGHTS or role != "assistant":
        known = role if role in ROLES else "?"
        yield Problem("wrong_weight", **place, details={"weight": shown(weight), "role": known})


def _chat(messages: list, place: dict[str, int]) -> Iterator[Problem]:
    """What is wrong with the messages taken together, where each one says who speaks."""
    roles = [message.get("role") if isinstance(message, dict) else None for message in messages]
    if not all(role in ROLES + TOOL_ROLES for role in roles):
        return
    answers = [message for message in messages if message["role"] == "assistant"]
    if not answers:
        yield Problem("no_assistant_message", **place)
    elif all(message.get("weight", 1) == 0 for message in answers):
        yield Problem("nothing_to_learn", **place)
    elif roles[-1] in ("system", "user"):
        yield Problem("last_not_assistant", **place, details={"role": roles[-1]})


def _wrong_type(name: str, value: object, wanted: str, place: dict, hint: str = "") -> Problem:
    details = {"name": name, "wanted": wanted, "kind": kind(value)}
    return Problem("wrong_type", **place, details=details, hint=hint)


def _is_whole(text: str) -> bool:
    """Can the text be written as UTF-8? JSON's \\u escapes can hold halves of characters."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def has_error(problems: list[Problem]) -> bool:
    return any(problem.level == ERROR for problem in problems)
