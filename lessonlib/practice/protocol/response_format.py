"""``response_format``: which form an answer must have, checked as OpenAI checks it.

``text`` asks for nothing, ``json_object`` for any JSON object, ``json_schema`` for what a JSON
schema describes. Here it is about the request alone: whether a schema can be enforced for a model's
tokens is found out by ``answers/grammar.py``.

OpenAI enforces a schema where ``strict`` is true, and then wants more of it: an object at the top,
every property required, no others allowed. With ``strict`` these rules hold here, in OpenAI's
words. Without it OpenAI only tries to follow the schema; here it is enforced in any case, as it is
by servers of open models (vLLM, SGLang, llama.cpp), so that a list may stand at the top.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lessonlib.practice.protocol.errors import ApiError
from lessonlib.practice.protocol.fields import Fields, invalid_type, unknown

KINDS = ("json_object", "json_schema", "text")
#: What a schema may be called.
NAME, LONGEST_NAME = r"[a-zA-Z0-9_-]+", 64
#: Parts of a schema that hold schemas: of named parts, in a list, and by itself.
NAMED, LISTED, SINGLE = ("properties", "$defs", "definitions"), ("anyOf",), ("items",)


@dataclass(frozen=True)
class ResponseFormat:
    """The form that an answer must have: a name for messages, and a JSON schema."""

    name: str
    schema: dict


def take(fields: Fields, messages: list[dict[str, str]]) -> ResponseFormat | None:
    """The form that a request wants; None for plain text.

    Raises:
        ApiError: 400 that names what is wrong, in OpenAI's words.
    """
    value = fields.take("response_format")
    if value is None:
        return None
    inner = _fields("response_format", value)
    kind = inner.required_string("response_format.type")
    if kind not in KINDS:
        raise ApiError(
            f"Invalid value: '{kind}'. Supported values are: 'json_object', 'json_schema', and "
            "'text'.",
            param="response_format.type",
            code="invalid_value",
        )
    asked = inner.required("response_format.json_schema") if kind == "json_schema" else None
    for name in inner.left:
        raise unknown(name)
    if kind == "json_object":
        return _json_object(messages)
    return None if asked is None else _json_schema(asked)


def _fields(name: str, value: Any) -> Fields:
    if not isinstance(value, dict):
        raise invalid_type(name, "an object", value)
    return Fields({f"{name}.{key}": one for key, one in value.items()})


def _json_object(messages: list[dict[str, str]]) -> ResponseFormat:
    """OpenAI's JSON mode, with its rule that the messages say so: a model that expects to write
    something else writes poor JSON."""
    if not any("json" in message["content"].lower() for message in messages):
        raise ApiError(
            "'messages' must contain the word 'json' in some form, to use 'response_format' of "
            "type 'json_object'.",
            param="messages",
        )
    return ResponseFormat("json_object", {"type": "object"})


def _json_schema(value: Any) -> ResponseFormat:
    here = "response_format.json_schema"
    inner = _fields(here, value)
    name = inner.required_string(f"{here}.name")
    if not re.fullmatch(NAME, name):
        raise ApiError(
            f"Invalid '{here}.name': string does not match pattern. Expected a string that matches "
            f"the pattern '^{NAME}$'.",
            param=f"{here}.name",
            code="invalid_value",
        )
    if len(name) > LONGEST_NAME:
        raise ApiError(
            f"Invalid '{here}.name': string too long. Expected a string with maximum length "
            f"{LONGEST_NAME}, but got a string with length {len(name)} instead.",
            param=f"{here}.name",
            code="string_above_max_length",
        )
    schema = inner.required(f"{here}.schema")
    if not isinstance(schema, dict):
        raise invalid_type(f"{here}.schema", "an object", schema)
    inner.string(f"{here}.description")
    strict = inner.boolean(f"{here}.strict", False)
    for left in inner.left:
        raise unknown(left)
    if strict:
        _check_strict(name, schema)
    return ResponseFormat(name, schema)


def invalid_schema(name: str, reason: str) -> ApiError:
    """400: a schema that is wrong, or cannot be enforced."""
    message = f"Invalid schema for response_format '{name}': {reason}"
    return ApiError(message, param="response_format")


def _check_strict(name: str, schema: dict) -> None:
    """What OpenAI wants of a schema with ``strict``."""
    kind = schema.get("type")
    if kind != "object":
        raise invalid_schema(
            name, f"schema must be a JSON Schema of 'type: \"object\"', got 'type: \"{kind}\"'."
        )
    for place, part in _parts(schema):
        properties = part.get("properties", {})
        if part.get("type") != "object" and "properties" not in part:
            continue
        if part.get("additionalProperties") is not False:
            raise invalid_schema(
                name,
                f"In context={place}, 'additionalProperties' is required to be supplied and to be "
                "false.",
            )
        required = part.get("required")
        known = required if isinstance(required, list) else []
        missing = [key for key in properties if key not in known]
        if missing:
            raise invalid_schema(
                name,
                f"In context={place}, 'required' is required to be supplied and to be an array "
                f"including every key in properties. Missing '{missing[0]}'.",
            )


def _parts(schema: dict) -> Iterator[tuple[tuple, dict]]:
    """A schema and all schemas in it, each with the way to it. (Not by recursion: a request may
    nest them as deep as it likes.)"""
    waiting: list[tuple[tuple, Any]] = [((), schema)]
    while waiting:
        place, part = waiting.pop(0)
        if not isinstance(part, dict):
            continue
        yield place, part
        for key in NAMED:
            found = part.get(key)
            if isinstance(found, dict):
                waiting += [((*place, key, name), one) for name, one in found.items()]
        for key in LISTED:
            found = part.get(key)
            if isinstance(found, list):
                waiting += [((*place, key, str(number)), one) for number, one in enumerate(found)]
        waiting += [((*place, key), part.get(key)) for key in SINGLE]
