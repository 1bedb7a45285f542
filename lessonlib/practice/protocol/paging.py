"""Pages of lists: ``after`` and ``limit`` in, a list object with ``has_more`` out."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from lessonlib.practice.protocol.errors import ApiError
from lessonlib.practice.protocol.fields import Fields, invalid_type, unknown


def read_limit(query: Mapping[str, str], default: int, most: int) -> int:
    """The page's size.

    Raises:
        ApiError: 400, it is no whole number from 1 to ``most``.
    """
    text = query.get("limit")
    if text is None:
        return default
    try:
        value: object = int(text)
    except ValueError:
        raise invalid_type("limit", "an integer", text) from None
    return Fields({"limit": value}).integer("limit", default, low=1, high=most)


def read_after(query: Mapping[str, str], place: Callable[[str], int | None]) -> int | None:
    """The ``seq`` that the page begins behind; None for the beginning of the list.

    Args:
        place: gives the ``seq`` of an id, None where there is no such thing.

    Raises:
        ApiError: 400, ``after`` is the id of nothing in this list.
    """
    after = query.get("after")
    if after is None:
        return None
    found = place(after)
    if found is None:
        raise ApiError(
            f"Invalid 'after': {after!r} is not in this list.", param="after", code="invalid_value"
        )
    return found


def refuse_others(query: Mapping[str, str], known: tuple[str, ...]) -> None:
    """Raises ApiError for a parameter that this list does not have: nothing is ignored."""
    for name in query:
        if name not in known:
            raise unknown(name)


def list_object(items: list[dict], more: bool) -> dict:
    """OpenAI's list object, with the ids of its ends."""
    return {
        "object": "list",
        "data": items,
        "first_id": items[0]["id"] if items else None,
        "last_id": items[-1]["id"] if items else None,
        "has_more": more,
    }
