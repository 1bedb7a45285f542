"""The answers as OpenAI's JSON objects (OpenAI API reference, chat completions and models)."""

from __future__ import annotations

import json
import secrets
import time

from lessonlib.practice.answers.batch import Piece
from lessonlib.practice.protocol.catalogue import Entry


def to_json(value: object) -> bytes:
    """ASCII JSON: valid whatever a request contained, half letters too."""
    return json.dumps(value, separators=(",", ":")).encode("ascii")


def model_object(entry: Entry) -> dict:
    """One entry of GET /v1/models. The owner says that this is practice."""
    tuned = entry.tuned
    model = {
        "id": entry.model.name,
        "object": "model",
        "created": entry.model.created,
        "owned_by": tuned.organisation if tuned else "practice",
    }
    if tuned and tuned.shutdown_date:
        model["shutdown_date"] = tuned.shutdown_date
    return model


def model_list(entries: list[Entry]) -> dict:
    return {"object": "list", "data": [model_object(entry) for entry in entries]}


def usage(prompt_tokens: int, completion_tokens: int) -> dict:
    return {
        "prompt_tokens": prompt_tokens,
        "completion_tokens": completion_tokens,
        "total_tokens": prompt_tokens + completion_tokens,
    }


class ChatAnswer:
    """Writes one request's answer, whole or as a stream of chunks.

    ``fingerprint`` names the exact weights (OpenAI: "system_fingerprint"): it changes when
    the model is tuned again, and then the same seed need not give the same answer.
    """

    def __init__(self, model: str, fingerprint: str, prompt_tokens: int, logprobs: bool):
        self._head = {
            "id": f"chatcmpl-practice-{secrets.token_hex(12)}",
            "created": int(time.time()),
            "model": model,
            "system_fingerprint": f"fp_practice_{fingerprint}",
        }
        self._prompt_tokens = prompt_tokens
        self._logprobs = logprobs

    def whole(self, pieces: list[Piece]) -> dict:
        """The response object of a request without ``stream``; one last piece per answer."""
        choices = [
            {
                "index": piece.index,
                "message": {"role": "assistant", "content": piece.text, "refusal": None},
                "logprobs": self._logprobs_of(piece),
                "finish_reason": piece.finish,
            }
            for piece in sorted(pieces, key=lambda piece: piece.index)
        ]
        return self._head | {
            "object": "chat.completion",
            "choices": choices,
            "usage": usage(self._prompt_tokens, sum(piece.tokens for piece in pieces)),
        }

    def opening(self, index: int) -> dict:
        """The first chunk of one answer: who speaks."""
        return self._chunk(index, {"role": "assistant", "content": "", "refusal": None})

    def chunks(self, piece: Piece) -> list[dict]:
        """The chunks of one piece: its text, and the end where it is the last."""
        chunks = []
        if piece.text or piece.entries:
            chunks.append(
                self._chunk(piece.index, {"content": piece.text}, self._logprobs_of(piece))
            )
        if piece.finish:
            chunks.append(self._chunk(piece.index, {}, finish=piece.finish))
        return chunks

    def closing_usage(self, completion_tokens: int) -> dict:
        """The extra last chunk that ``stream_options.include_usage`` asks for."""
        return self._head | {
            "object": "chat.completion.chunk",
            "choices": [],
            "usage": usage(self._prompt_tokens, completion_tokens),
        }

    def _chunk(
        self, index: int, delta: dict, logprobs: dict | None = None, finish: str | None = None
    ) -> dict:
        choice = {"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": finish}
        return self._head | {"object": "chat.completion.chunk", "choices": [choice]}

    def _logprobs_of(self, piece: Piece) -> dict | None:
        return {"content": piece.entries, "refusal": None} if self._logprobs else None
