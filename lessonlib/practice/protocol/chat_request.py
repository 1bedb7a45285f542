"""Check the body of a chat request, and refuse what is wrong in OpenAI's words.

Every parameter of OpenAI's chat API is in one of three groups: honoured here; known but not
possible here, and refused by name; or unknown, and refused as OpenAI refuses it. Nothing is ignored
silently: anyone who asks for a tool call and gets plain text would look for the mistake in the
wrong place.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

from lessonlib.practice.protocol import response_format
from lessonlib.practice.protocol.errors import ApiError
from lessonlib.practice.protocol.fields import Fields, invalid_type, unknown, unsupported

#: Known to OpenAI, not possible here. The values given are harmless: they ask for nothing.
UNSUPPORTED: dict[str, tuple] = {
    "audio": (),
    "frequency_penalty": (0,),
    "function_call": ("none",),
    "functions": (),
    "logit_bias": ({},),
    "metadata": ({},),
    "modalities": (["text"],),
    "moderation": (),
    "parallel_tool_calls": (),
    "prediction": (),
    "presence_penalty": (0,),
    "prompt_cache_options": (),
    "prompt_cache_retention": (),
    "reasoning_effort": (),
    "service_tier": ("auto", "default"),
    "store": (False,),
    "tool_choice": ("none",),
    "tools": (),
    "verbosity": (),
    "web_search_options": (),
}
#: Labels for the provider's own records. They change no answer, here as there.
LABELS = ("user", "safety_identifier", "prompt_cache_key")
ROLES = ("developer", "system", "user", "assistant")
MOST_ANSWERS = 128
MOST_STOPS = 4
MOST_ALTERNATIVES = 20


@dataclass(frozen=True)
class ChatRequest:
    """A checked request. ``max_tokens`` is None for "as many as fit"."""

    model: str
    messages: list[dict[str, str]]
    temperature: float
    top_p: float
    max_tokens: int | None
    stop: tuple[str, ...]
    seed: int
    n: int
    top_logprobs: int | None
    stream: bool
    include_usage: bool
    thinking: bool = False
    form: response_format.ResponseFormat | None = None


def parse(body: Any) -> ChatRequest:
    """The request as typed values.

    Raises:
        ApiError: 400 that names the parameter and what is wrong with it.
    """
    if not isinstance(body, dict):
        raise invalid_type("body", "an object", body)
    fields = Fields(body)
    stream = fields.boolean("stream", False)
    model, messages = fields.required_string("model"), _messages(fields)
    request = ChatRequest(
        model=model,
        messages=messages,
        temperature=fields.number("temperature", 0.0, low=0, high=2),
        top_p=fields.number("top_p", 1.0, low=0, high=1),
        max_tokens=_max_tokens(fields),
        stop=_stop(fields),
        seed=_seed(fields),
        n=fields.integer("n", 1, low=1, high=MOST_ANSWERS),
        top_logprobs=_top_logprobs(fields),
        stream=stream,
        include_usage=_include_usage(fields, stream),
        thinking=_thinking(fields),
        form=response_format.take(fields, messages),
    )
    if request.form and request.thinking:
        raise ApiError(
            "A model cannot think first where 'response_format' fixes the form of its answer. "
            "Leave out one of 'response_format' and 'chat_template_kwargs'.",
            param="response_format",
            code="invalid_parameter_combination",
        )
    for label in LABELS:
        fields.string(label)
    _refuse_the_rest(fields)
    return request


def _messages(fields: Fields) -> list[dict[str, str]]:
    value = fields.required("messages")
    if not isinstance(value, list):
        raise invalid_type("messages", "an array of objects", value)
    if not value:
        raise ApiError(
            "Invalid 'messages': empty array. Expected an array with minimum length 1, "
            "but got an empty array instead.",
            param="messages",
            code="empty_array",
        )
    return [_message(f"messages[{place}]", message) for place, message in enumerate(value)]


def _message(where: str, message: Any) -> dict[str, str]:
    """One message as {"role", "content"}; parts of text are joined."""
    if not isinstance(message, dict):
        raise invalid_type(where, "an object", message)
    # Absent things that the client's own message objects carry along are no wishes.
    left = {name: value for name, value in message.items() if value not in (None, [])}
    role = left.pop("role", None)
    if role is None:
        raise ApiError(
            f"Missing required parameter: '{where}.role'.",
            param=f"{where}.role",
            code="missing_required_parameter",
        )
    if role not in ROLES:
        names = ", ".join(f"'{name}'" for name in ROLES)
        raise ApiError(
            f"Invalid value: {role!r}. Supported values on this practice service are: {names}.",
            param=f"{where}.role",
            code="invalid_value",
        )
    content = _content(f"{where}.content", left.pop("content", None))
    for name in left:
        raise unsupported(f"{where}.{name}")
    return {"role": "system" if role == "developer" else role, "content": content}


def _content(where: str, content: Any) -> str:
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        raise invalid_type(where, "one of a string or array of objects", content)
    texts = []
    for place, part in enumerate(content):
        here = f"{where}[{place}]"
        if not isinstance(part, dict):
            raise invalid_type(here, "an object", part)
        if part.get("type") != "text":
            raise ApiError(
                f"Invalid value: {part.get('type')!r}. "
                "Supported values on this practice service are: 'text'.",
                param=f"{here}.type",
                code="invalid_value",
            )
        if not isinstance(part.get("text"), str):
            raise invalid_type(f"{here}.text", "a string", part.get("text"))
        texts.append(part["text"])
    return "".join(texts)


def _max_tokens(fields: Fields) -> int | None:
    most = 2**31 - 1
    old = fields.integer("max_tokens", None, low=1, high=most)
    new = fields.integer("max_completion_tokens", None, low=1, high=most)
    if old is not None and new is not None:
        raise ApiError(
            "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.",
            param="max_tokens",
            code="invalid_parameter_combination",
        )
    return old if new is None else new


def _stop(fields: Fields) -> tuple[str, ...]:
    value = fields.take("stop")
    if value is None:
        return ()
    stops = [value] if isinstance(value, str) else value
    if not isinstance(stops, list) or not all(isinstance(stop, str) for stop in stops):
        raise invalid_type("stop", "a string or an array of strings", value)
    if len(stops) > MOST_STOPS:
        raise ApiError(
            f"Invalid 'stop': array too long. Expected an array with maximum length "
            f"{MOST_STOPS}, but got an array with length {len(stops)} instead.",
            param="stop",
            code="array_above_max_length",
        )
    if not all(stops):
        raise ApiError(
            "Invalid 'stop': empty string. Expected strings of at least one character.",
            param="stop",
            code="empty_string",
        )
    return tuple(stops)


def _seed(fields: Fields) -> int:
    """The seed as a number that is never negative; without one, an unrepeatable one."""
    value = fields.integer("seed", None, low=-(2**63), high=2**63 - 1)
    return secrets.randbits(63) if value is None else value % 2**64


def _top_logprobs(fields: Fields) -> int | None:
    """None when no log-probabilities are wanted, else how many alternatives."""
    wanted = fields.boolean("logprobs", False)
    most = fields.integer("top_logprobs", None, low=0, high=MOST_ALTERNATIVES)
    if most is not None and not wanted:
        raise ApiError(
            "The 'top_logprobs' parameter is only allowed when 'logprobs' is enabled.",
            param="top_logprobs",
        )
    return (most or 0) if wanted else None


def _include_usage(fields: Fields, stream: bool) -> bool:
    options = fields.take("stream_options")
    if options is None:
        return False
    if not stream:
        raise ApiError(
            "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
            param="stream_options",
        )
    if not isinstance(options, dict):
        raise invalid_type("stream_options", "an object", options)
    inner = Fields({f"stream_options.{name}": value for name, value in options.items()})
    include = inner.boolean("stream_options.include_usage", False)
    if inner.boolean("stream_options.include_obfuscation", False):
        raise unsupported("stream_options.include_obfuscation")
    for name in inner.left:
        raise unknown(name)
    return include


def _thinking(fields: Fields) -> bool:
    """Whether a model that can think before it answers should. Off unless it is asked for.

    OpenAI has no such parameter; servers of open models (vLLM, SGLang) call it
    ``chat_template_kwargs={"enable_thinking": true}``.
    """
    value = fields.take("chat_template_kwargs")
    if value is None:
        return False
    if not isinstance(value, dict):
        raise invalid_type("chat_template_kwargs", "an object", value)
    inner = Fields({f"chat_template_kwargs.{name}": one for name, one in value.items()})
    wanted = inner.boolean("chat_template_kwargs.enable_thinking", False)
    for name in inner.left:
        raise unknown(name)
    return wanted


def _refuse_the_rest(fields: Fields) -> None:
    for name, value in fields.left.items():
        if name not in UNSUPPORTED:
            raise unknown(name)
        if value not in UNSUPPORTED[name]:
            raise unsupported(name)
