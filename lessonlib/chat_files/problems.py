"""What can be wrong with a chat training file: each kind of problem, in words, with its cure.

A *key* such as ``unknown_role`` names a kind of problem. Keys never change, so programs may rely
on them. An *error* makes a file useless for training or for judging the result; a
*warning* leaves it usable, but it is probably not what you want.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from lessonlib.common.i18n import _

ERROR, WARNING = "error", "warning"
ROLES = ("system", "user", "assistant")
#: Longest piece of a file's own text that a message repeats, in characters.
_SHOWN = 40


@dataclass(frozen=True)
class Rule:
    """A kind of problem. The places in braces are filled with the details of each case."""

    level: str
    rule: str
    cure: str


RULES: dict[str, Rule] = {
    # The file as a whole
    "empty_file": Rule(ERROR, _("the file is empty"),
        _("Write your examples into it: chat_files.write(rows, path).")),
    "too_large": Rule(ERROR, _("the file has {bytes:,} bytes; the service takes {limit:,} at most"),
        _("Use fewer examples. Good ones count for more than many.")),
    "too_few_examples": Rule(
        ERROR, _("there are {examples} examples; the service needs at least {minimum}"),
        _("Add examples; fifty well-made ones are a good start. Copies do not help.")),
    "no_bom": Rule(WARNING, _("the file has no byte order mark; Azure's guide asks for one"),
        _("Write it by chat_files.write(rows, path, bom=True).")),
    # A line as text
    "bom": Rule(ERROR,
        _("the line begins with a byte order mark, three bytes that an editor does not show"),
        _("Save the file as 'UTF-8', not as 'UTF-8 with BOM'. In Python: encoding='utf-8'.")),
    "not_utf8": Rule(
        ERROR, _("byte 0x{byte:02X} at place {place} is not UTF-8; the file looks like {guess}"),
        _("Save the file again with the encoding UTF-8.")),
    "blank_line": Rule(ERROR, _("the line is empty; each line must hold one example"),
        _("Delete the empty lines.")),
    "line_too_long": Rule(
        ERROR, _("the line has more than {limit:,} bytes; that cannot be one example"),
        _("Put each example on a line of its own: chat_files.write(rows, path).")),
    "not_json": Rule(ERROR, _("the line is not JSON: {reason}"),
        _("Let Python write the file: chat_files.write(rows, path).")),
    "trailing_comma": Rule(
        ERROR, _("there is a comma at character {place} with nothing after it to separate"),
        _("Delete that comma. Lines of a JSONL file have no commas between them, either.")),
    "not_object": Rule(ERROR, _("the line holds {kind}, not a JSON object"),
        _('Begin each line with {{"messages": and end it with }}.')),
    "duplicate_key": Rule(
        WARNING, _("the key {name} appears twice in one object; only the last one counts"),
        _("Keep one of the two. Perhaps two messages have grown into one.")),
    "broken_text": Rule(
        ERROR, _("{name} holds half a character (a lone surrogate such as \\ud83d)"),
        _("Delete it, or write the whole character. Cutting a text by bytes leaves such halves.")),
    # An example
    "no_messages": Rule(ERROR, _("the example has no messages"),
        _('Write {{"messages": [{{"role": "user", ...}}, {{"role": "assistant", ...}}]}}.')),
    "wrong_type": Rule(ERROR, _("{name} must be {wanted}; it is {kind}"),
        _("Put texts in double quotes, lists in square brackets and objects in braces.")),
    "unknown_key": Rule(ERROR, _("the key {name} is not part of the format"),
        _("Delete it. Notes of your own belong in another file.")),
    "tool_calls": Rule(ERROR,
        _("{name} belongs to tool calls; OpenAI takes them, this course does not train them"),
        _("Leave out examples with tools, or write the whole answer as text.")),
    "no_assistant_message": Rule(
        ERROR, _("no message is the assistant's, so there is nothing to learn"),
        _('End the example with the right answer: {{"role": "assistant", "content": "..."}}.')),
    "nothing_to_learn": Rule(
        ERROR, _("every message of the assistant has weight 0, so there is nothing to learn"),
        _("Give the answer to be learned the weight 1, or delete its weight.")),
    "last_not_assistant": Rule(
        WARNING, _("the last message is the {role}'s; nothing after the last answer is learned"),
        _("End the example with the assistant's answer.")),
    # A message
    "missing_role": Rule(ERROR, _("the message has no role"),
        _('Add "role": "system", "user" or "assistant".')),
    "unknown_role": Rule(ERROR, _("the role is {role}; it must be system, user or assistant"),
        _("Say who is speaking with one of these three words, in lower case.")),
    "missing_content": Rule(ERROR, _("the message has no content"),
        _('Add "content": and the text of the message.')),
    "empty_content": Rule(ERROR, _("the content is empty"),
        _("Fill it in, or delete the example.")),
    "wrong_name": Rule(
        ERROR, _("the name is {name}; it may hold letters a to z, digits, _ and -, 64 at most"),
        _("Change the name, or delete it: it is optional.")),
    "name_not_used": Rule(
        WARNING, _("the message has a name; OpenAI's models read it, the course's models do not"),
        _("Delete it, or write the name into the content.")),
    "wrong_weight": Rule(ERROR, _("the weight is {weight} on a message of the {role}"),
        _("Only the assistant's messages have a weight: 0 (do not learn it) or 1 (learn it).")),
    # An example that is sound by itself
    "too_long": Rule(
        ERROR, _("the example has {tokens:,} tokens, the model reads {limit:,} at most"),
        _("Shorten it or leave it out. The answer is at the end, where it would be cut off.")),
    "template_refused": Rule(
        ERROR, _("the model's tokenizer or chat template refuses the example: {reason}"),
        _("Let user and assistant take turns, with at most one system message first.")),
    "duplicate_row": Rule(WARNING, _("the example is the same as that in line {first}"),
        _("Delete one of them. A copy costs tokens and counts that example twice.")),
    "conflicting_labels": Rule(
        WARNING, _("the prompt is the same as in line {first}, but the answer is different"),
        _("Decide which answer is right, and delete the other example.")),
    "leak_from_test": Rule(ERROR, _("the user's message is that of test example {first}"),
        _("Take it out of the training file: a test must ask what training has not shown.")),
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem at one place.

    Attributes:
        key: its kind, a key of ``RULES``.
        line: the line in the file, from 1; None where it is the whole file.
        example: the number of the example, from 1; blank lines are no examples.
        message: the number of the message in the example, from 1.
        last: the last line, where a run of lines shares the problem.
        details: what is filled into the words of the rule.
        hint: a likely reason, in words, where we have a guess.
        downgraded: True for an error that at this place is only a warning.
    """

    key: str
    line: int | None = None
    example: int | None = None
    message: int | None = None
    last: int | None = None
    details: dict = field(default_factory=dict)
    hint: str = ""
    downgraded: bool = False

    @property
    def level(self) -> str:
        return WARNING if self.downgraded else RULES[self.key].level

    @property
    def rule(self) -> str:
        """What is wrong, in words."""
        return RULES[self.key].rule.format(**self.details)

    @property
    def cure(self) -> str:
        """What to do about it."""
        cure = RULES[self.key].cure.format(**self.details)
        return f"{self.hint} {cure}" if self.hint else cure

    @property
    def where(self) -> str:
        """The place in words, such as ``line 7, message 2``; empty for the whole file."""
        if self.line is None:
            return ""
        if self.last not in (None, self.line):
            return _("lines {first} to {last}").format(first=self.line, last=self.last)
        if self.message is None:
            return _("line {line}").format(line=self.line)
        return _("line {line}, message {message}").format(line=self.line, message=self.message)

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        return f"[{self.level}] {place}{self.rule}. ({self.key})\n  {_('Cure')}: {self.cure}"


def shown(value: object) -> str:
    """A value from the file as a message may repeat it: short, on one line, harmless to print."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int | float) and abs(value) < 1e15:
        return str(value)
    if not isinstance(value, str):
        # Not the value itself: a list may be long, or nested too deeply to be written out.
        return kind(value)
    text = value if len(value) <= _SHOWN else value[: _SHOWN - 1] + "…"
    return repr(text).encode("utf-8", "backslashreplace").decode("utf-8")


def kind(value: object) -> str:
    """What a JSON value is, in a learner's words."""
    names = {
        str: _("a text"),
        bool: _("true or false"),
        int: _("a number"),
        float: _("a number"),
        list: _("a list"),
        dict: _("an object"),
        type(None): _("null"),
    }
    return names.get(type(value), type(value).__name__)
