"""The HTTP routes of the practice service, as OpenAI's API reference describes them."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable

from fastapi import FastAPI, Request
from fastapi.responses import Response, StreamingResponse
from starlette.exceptions import HTTPException

from lessonlib.practice import chat_request, folders, responses
from lessonlib.practice.batch import Answer, Piece, Settings
from lessonlib.practice.door import Activity, Door, error_response, json_response
from lessonlib.practice.engine import Engine
from lessonlib.practice.errors import ApiError, model_not_found

log = logging.getLogger("lessonlib.practice")


def create_app(
    engine: Engine, *, api_key: str, about: dict, activity: Activity, stop: Callable[[], None]
) -> Callable:
    """The service as an ASGI application.

    Args:
        about: what /health tells, so that a starter knows this very service again.
        stop: called when a client with the key asks the service to end.
    """
    app = FastAPI(title="Practice service", docs_url=None, redoc_url=None, openapi_url=None)

    @app.exception_handler(ApiError)
    async def refused(request: Request, error: ApiError) -> Response:
        return error_response(error)

    @app.exception_handler(HTTPException)
    async def no_such_route(request: Request, error: HTTPException) -> Response:
        method, path = request.method, request.url.path
        if error.status_code == 405:
            message = f"Not allowed to {method} on {path}."
        else:
            message = f"Invalid URL ({method} {path}). This practice service does not have it."
        return error_response(ApiError(message, status=error.status_code, code="unknown_url"))

    @app.get("/health")
    async def health() -> Response:
        return json_response({"status": "ok", **about})

    @app.post("/practice/stop")
    async def stop_service() -> Response:
        log.info("asked to stop")
        stop()
        return json_response({"status": "stopping", **about})

    @app.get("/v1/models")
    async def models() -> Response:
        return json_response(responses.model_list(folders.all_models()))

    @app.get("/v1/models/{name:path}")
    async def model(name: str) -> Response:
        found = folders.find(name)
        if found is None:
            raise model_not_found(name, [model.name for model in folders.all_models()])
        return json_response(responses.model_object(found))

    @app.post("/v1/chat/completions")
    async def chat(request: Request) -> Response:
        return await ChatCall(engine, request).respond()

    return Door(app, api_key, activity)


async def read_json(request: Request) -> object:
    """The request's body.

    Raises:
        ApiError: it is not JSON.
    """
    try:
        return json.loads(await request.body())
    except (ValueError, RecursionError):
        raise ApiError(
            "We could not parse the JSON body of your request. (HINT: This likely means you "
            "aren't using your HTTP library correctly. The API expects a JSON payload, but "
            "what was sent was not valid JSON.)"
        ) from None


class ChatCall:
    """One POST /v1/chat/completions, from the body to the last byte of the answer."""

    def __init__(self, engine: Engine, request: Request):
        self._engine = engine
        self._request = request
        self._loop = asyncio.get_running_loop()
        self._news: asyncio.Queue[Piece | Exception] = asyncio.Queue()
        self._answers: list[Answer] = []

    async def respond(self) -> Response:
        wish = chat_request.parse(await read_json(self._request))
        # Loading a model and tokenizing are work: not in the thread that serves everyone.
        batch, prompt = await asyncio.to_thread(self._prepare, wish)
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
            Answer(index, prompt, settings, self._emit, streaming=wish.stream)
            for index in range(wish.n)
        ]
        writer = responses.ChatAnswer(
            wish.model, batch.model.fingerprint, len(prompt), wish.top_logprobs is not None
        )
        self._engine.submit(batch, self._answers)
        if wish.stream:
            chunks = self._stream(writer, wish.include_usage)
            return StreamingResponse(chunks, media_type="text/event-stream")
        return await self._whole(writer)

    def _prepare(self, wish: chat_request.ChatRequest):
        batch = self._engine.batch_for(wish.model)
        return batch, batch.model.encode(wish.messages)

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
