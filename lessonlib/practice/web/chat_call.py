"""One chat request, from its body to the last byte of its answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

from fastapi import Request
from fastapi.responses import Response, StreamingResponse

from lessonlib.practice.answers.batch import Answer, Piece, Settings
from lessonlib.practice.protocol import chat_request
from lessonlib.practice.protocol.catalogue import ModelFolder
from lessonlib.practice.protocol.errors import ApiError, read_json
from lessonlib.practice.web import responses
from lessonlib.practice.web.door import json_response
from lessonlib.practice.web.shared import House, whose


class ChatCall:
    """One POST .../chat/completions, from the body to the last byte of the answer.

    Args:
        find: the model for the name in the request; refuses a wrong one.
        name: asked for whatever the body says, where the address already tells.
    """

    def __init__(
        self,
        house: House,
        request: Request,
        find: Callable[[str, str], ModelFolder] | None = None,
        name: str | None = None,
    ):
        self._engine = house.engine
        self._find = find or house.catalogue.usable
        self._name = name
        self._request = request
        self._loop = asyncio.get_running_loop()
        self._news: asyncio.Queue[Piece | Exception] = asyncio.Queue()
        self._answers: list[Answer] = []

    async def respond(self) -> Response:
        body = await read_json(self._request)
        if self._name is not None and isinstance(body, dict):
            body["model"] = self._name
        wish = chat_request.parse(body)
        # Loading a model and tokenizing are work: not in the thread that serves everyone.
        batch, prompt, constraints = await asyncio.to_thread(self._prepare, wish)
        room = check_length(len(prompt), wish.max_tokens, batch.model.context)
        settings = Settings(
            max_tokens=room,
            temperature=wish.temperature,
            top_p=wish.top_p,
            seed=wish.seed,
            stop=wish.stop,
            top_logprobs=wish.top_logprobs,
        )
        self._answers = [
            Answer(index, prompt, settings, self._emit, wish.stream, constraint=constraint)
            for index, constraint in enumerate(constraints)
        ]
        writer = responses.ChatAnswer(
            batch.model.name, batch.model.fingerprint, len(prompt), wish.top_logprobs is not None
        )
        self._engine.submit(batch, self._answers)
        if wish.stream:
            chunks = self._stream(writer, wish.include_usage)
            return StreamingResponse(chunks, media_type="text/event-stream")
        return await self._whole(writer)

    def _prepare(self, wish: chat_request.ChatRequest):
        owner = whose(self._request).id
        batch = self._engine.batch_for(self._find(owner, wish.model))
        constraints = [batch.model.constraint(wish.form) for _ in range(wish.n)]
        return batch, batch.model.encode(wish.messages, wish.thinking), constraints

    def _emit(self, news: Piece | Exception) -> None:
        """Called by the decoding thread; hands over to the thread that serves HTTP."""
        try:
            self._loop.call_soon_threadsafe(self._news.put_nowait, news)
        except RuntimeError:  # the service is ending and its loop is closed
            self._cancel()

    def _cancel(self) -> None:
        for answer in self._answers:
            answer.cancelled = True

    async def _next(self) -> Piece:
        news = await self._news.get()
        if isinstance(news, Exception):
            raise news
        return news

    async def _whole(self, writer: responses.ChatAnswer) -> Response:
        """Wait for all answers; give up when the client goes away."""

        async def collect() -> list[Piece]:
            return [await self._next() for _ in self._answers]

        collecting = asyncio.create_task(collect())
        # After the body, the only thing that can still arrive is "disconnected".
        leaving = asyncio.create_task(self._request.receive())
        try:
            await asyncio.wait({collecting, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if not collecting.done():
                return Response(status_code=499)  # nobody is there to read it
            return json_response(writer.whole(collecting.result()))
        finally:
            self._cancel()
            collecting.cancel()
            leaving.cancel()

    async def _stream(
        self, writer: responses.ChatAnswer, include_usage: bool
    ) -> AsyncIterator[bytes]:
        """Server-sent events. When the client leaves, this generator is closed."""

        def event(chunk: dict) -> bytes:
            if include_usage:
                chunk.setdefault("usage", None)
            return b"data: " + responses.to_json(chunk) + b"\n\n"

        open_answers, tokens = len(self._answers), 0
        try:
            for answer in self._answers:
                yield event(writer.opening(answer.index))
            while open_answers:
                piece = await self._next()
                for chunk in writer.chunks(piece):
                    yield event(chunk)
                open_answers -= piece.finish is not None
                tokens += piece.tokens
            if include_usage:
                yield event(writer.closing_usage(tokens))
            yield b"data: [DONE]\n\n"
        except ApiError as error:
            yield b"data: " + responses.to_json(error.body()) + b"\n\n"
        finally:
            self._cancel()


def check_length(prompt: int, wanted: int | None, context: int) -> int:
    """How many tokens the answer may have, in a context that prompt and answer share.

    Raises:
        ApiError: ``context_length_exceeded``, with the counts, in OpenAI's words.
    """
    if prompt + (wanted or 1) <= context:
        return wanted or context - prompt
    start = f"This model's maximum context length is {context} tokens. However, "
    if wanted is None or prompt >= context:
        message = (
            f"your messages resulted in {prompt} tokens. Please reduce the length of the messages."
        )
    else:
        message = (
            f"you requested {prompt + wanted} tokens ({prompt} in the messages, {wanted} in the "
            "completion). Please reduce the length of the messages or completion."
        )
    raise ApiError(start + message, param="messages", code="context_length_exceeded")
