"""Take typed parameters out of a request's JSON body; refuse wrong ones in OpenAI's words."""

from __future__ import annotations

import sys
from typing import Any

from lessonlib.practice.protocol.errors import ApiError


def type_name(value: Any) -> str:
    """A JSON value's type in OpenAI's words."""
    if value is None:
        return "null"
    kinds = {
        bool: "a boolean",
        str: "a string",
        int: "an integer",
        float: "a decimal",
        list: "an array",
        dict: "an object",
    }
    return kinds[type(value)]


def invalid_type(name: str, expected: str, value: Any) -> ApiError:
    return ApiError(
        f"Invalid type for '{name}': expected {expected}, but got {type_name(value)} instead.",
        param=name,
        code="invalid_type",
    )


class Fields:
    """Takes parameters out of a body one by one; what is left at the end was not asked for.

    A parameter that is null counts as absent, as on the real service.
    """

    def __init__(self, body: dict[str, Any]):
        self.left = {name: value for name, value in body.items() if value is not None}

    def take(self, name: str) -> Any:
        return self.left.pop(name, None)

    def required(self, name: str) -> Any:
        value = self.take(name)
        if value is None:
            raise ApiError(
                f"Missing required parameter: '{name}'.",
                param=name,
                code="missing_required_parameter",
            )
        return value

    def required_string(self, name: str) -> str:
        return _text(name, self.required(name))

    def string(self, name: str) -> str | None:
        value = self.take(name)
        return None if value is None else _text(name, value)

    def boolean(self, name: str, default: bool) -> bool:
        value = self.take(name)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise invalid_type(name, "a boolean", value)
        return value

    def integer(self, name: str, default: Any, *, low: int, high: int) -> Any:
        value = self.take(name)
        if value is None:
            return default
        if not isinstance(value, int) or isinstance(value, bool):
            raise invalid_type(name, "an integer", value)
        _check_range(name, value, low, high, "integer")
        return value

    def number(self, name: str, default: float, *, low: float, high: float) -> float:
        value = self.take(name)
        if value is None:
            return default
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise invalid_type(name, "a decimal", value)
        # No JSON has infinity, and a whole number may be larger than any decimal.
        _check_range(name, value, low, min(high, sys.float_info.max), "decimal")
        return float(value)


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise invalid_type(name, "a string", value)
    try:
        value.encode()
    except UnicodeEncodeError:  # half a letter, "\\ud800": nothing can be looked up by it
        raise ApiError(
            f"Invalid '{name}': it is no Unicode text.", param=name, code="invalid_value"
        ) from None
    return value


def _check_range(name: str, value: float, low: float, high: float, kind: str) -> None:
    for broken, side, word, sign, limit in (
        (value < low, "below", "minimum", ">=", low),
        (value > high or value != value, "above", "maximum", "<=", high),
    ):
        if broken:
            raise ApiError(
                f"Invalid '{name}': {kind} {side} {word} value. "
                f"Expected a value {sign} {limit}, but got {value} instead.",
                param=name,
                code=f"{kind}_{side}_{word[:3]}_value",
            )


def unsupported(name: str) -> ApiError:
    return ApiError(
        f"Unsupported parameter: '{name}' is not supported by this practice service.",
        param=name,
        code="unsupported_parameter",
    )


def unknown(name: str) -> ApiError:
    return ApiError(f"Unknown parameter: '{name}'.", param=name, code="unknown_parameter")
