"""Ask a model many things at once, keep every answer, and go on where a run was interrupted."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import closing

import openai

from lessonlib.common.errors import LessonError
from lessonlib.common.i18n import _
from lessonlib.measure.answer_cache import AnswerCache, answer_key
from lessonlib.show.live import bar

#: HTTP statuses that are about one request (too long, filtered), not about the service.
ABOUT_THE_REQUEST = (400, 413, 422)
#: How long a stopped run waits for answers that are under way.
GRACE_SECONDS = 10


def ask_all(
    client: openai.OpenAI,
    model: str,
    prompts: Sequence[list[dict]],
    parameters: dict,
    label: str = "",
    concurrency: int = 16,
    cache: bool = True,
    progress: bool = True,
) -> tuple[list[dict], str]:
    """Send every prompt to the model, ``concurrency`` at a time.

    Returns:
        The answers in the order of the prompts, and who serves the model. An answer has the keys
        text, prompt_tokens, completion_tokens, seconds, finish_reason, error, error_message and
        asked (see ``names_of_requests``); error and error_message are None unless the service
        refused that one request.

    Raises:
        LessonError: the service cannot be used, or it refuses everything for a reason that has
            nothing to do with the length of a prompt.
    """
    identity = model_identity(client, model)
    keys = _names(client, identity, prompts, parameters)
    kept = AnswerCache() if cache and all(keys) else None
    try:
        answers = [kept.get(key) if kept else None for key in keys]
        missing = [number for number, answer in enumerate(answers) if answer is None]

        def ask_and_keep(number: int) -> tuple[int, dict]:
            answer = _ask(client, model, prompts[number], parameters)
            if kept:
                kept.put(keys[number], answer)
            return number, answer

        asked_before = len(prompts) - len(missing)
        # Nothing to wait for, nothing to show.
        show = progress and bool(missing)
        with (
            bar(len(prompts), label, _("requests"), initial=asked_before, show=show) as shown,
            closing(_in_threads(ask_and_keep, missing, concurrency)) as found,
        ):
            for number, answer in found:
                answers[number] = answer
                shown.update()
    except openai.APIError as error:
        raise _explained(error, model) from None
    finally:
        if kept:
            kept.close()
    _refuse_if_nothing_worked(answers)
    named = [answer | {"asked": key} for answer, key in zip(answers, keys, strict=True)]
    return named, identity["owner"]


def names_of_requests(
    client: openai.OpenAI, model: str, prompts: Sequence[list[dict]], parameters: dict
) -> list[str]:
    """For each prompt a name that is the same only for the same request to the same weights.

    Empty names where the service does not tell which model stands behind the name.
    """
    return _names(client, model_identity(client, model), prompts, parameters)


def _names(client, identity: dict, prompts: Sequence[list[dict]], parameters: dict) -> list[str]:
    if _may_be_another(client, identity):
        return [""] * len(prompts)
    return [answer_key(model=identity, messages=one, parameters=parameters) for one in prompts]


def _in_threads(function, items: Sequence, concurrency: int):
    """Yield ``function(item)`` of all items as they come, from a pool of threads.

    Stopped by Ctrl-C or by an error, it starts nothing new and gives what is under way a few
    seconds to finish. What takes longer goes on in its thread, and its answer is kept as well.
    """
    pool = ThreadPoolExecutor(max_workers=max(1, concurrency))
    pending = {pool.submit(function, item) for item in items}
    try:
        while pending:
            # The timeout lets Ctrl-C through on Windows, where waiting blocks it.
            done, pending = wait(pending, timeout=0.5, return_when=FIRST_COMPLETED)
            for future in done:
                yield future.result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        wait([future for future in pending if future.running()], timeout=GRACE_SECONDS)


def _ask(client: openai.OpenAI, model: str, messages: list[dict], parameters: dict) -> dict:
    """One request and its answer. A refusal of this very request is an answer, too."""
    started = time.perf_counter()
    try:
        response = client.chat.completions.create(model=model, messages=messages, **parameters)
    except openai.APIStatusError as error:
        if error.status_code not in ABOUT_THE_REQUEST:
            raise
        return {
            "text": "",
            "prompt_tokens": None,
            "completion_tokens": None,
            "seconds": time.perf_counter() - started,
            "finish_reason": None,
            "error": error.code or error.type or str(error.status_code),
            "error_message": error.message,
        }
    choice = response.choices[0]
    return {
        "text": choice.message.content or "",
        "prompt_tokens": response.usage.prompt_tokens if response.usage else None,
        "completion_tokens": response.usage.completion_tokens if response.usage else None,
        "seconds": time.perf_counter() - started,
        "finish_reason": choice.finish_reason,
        "error": None,
        "error_message": None,
    }


def _may_be_another(client: openai.OpenAI, identity: dict[str, str]) -> bool:
    """Whether another model may stand behind this name tomorrow, and we would not see it.

    On Azure one asks a deployment by a name of one's own; the service does not describe it, and
    a new model can be deployed under the same name. Answers are then asked for afresh.
    """
    return "/openai" in client.base_url.path and not identity["created"]


def model_identity(client: openai.OpenAI, model: str) -> dict[str, str]:
    """What makes answers of this model reusable: its name, where it is served, which weights.

    A practice model that is tuned again keeps its name; the service then serves another
    ``created`` time (or ``fingerprint``). The port of a service on this machine changes from run
    to run and does not count. Services that do not describe their models are told apart by
    address and name alone.
    """
    host = client.base_url.host
    identity = {"model": model, "host": host, "created": "", "fingerprint": "", "owner": ""}
    try:
        served = client.models.retrieve(model)
    except openai.APIStatusError as error:
        # Some compatible services have no such page; if the model itself is missing,
        # the first question will say so.
        if error.status_code in (401, 403) or error.status_code >= 500:
            raise _explained(error, model) from None
        return identity
    except openai.APIError as error:
        raise _explained(error, model) from None
    identity["created"] = str(getattr(served, "created", "") or "")
    identity["fingerprint"] = str(getattr(served, "fingerprint", "") or "")
    identity["owner"] = str(getattr(served, "owned_by", "") or "")
    return identity


def _explained(error: openai.APIError, model: str) -> LessonError:
    """An error that concerns the whole run, in words that say what to do."""
    kept = _("Answers so far are kept: run this again and it goes on.")
    if isinstance(error, openai.APIConnectionError):  # a timeout is one of these
        problem = _("The service does not answer: {reason}").format(reason=error.message)
        return LessonError(problem, _("Check that it runs and that you are online.") + " " + kept)
    if isinstance(error, openai.AuthenticationError | openai.PermissionDeniedError):
        problem = _("The service refuses the key: {reason}").format(reason=error.message)
        return LessonError(problem, _("Check the provider and its API key."))
    if isinstance(error, openai.NotFoundError):
        problem = _("The service has no model {model!r}: {reason}").format(
            model=model, reason=error.message
        )
        cure = _("List what it has: [model.id for model in client.models.list()]")
        return LessonError(problem, cure)
    if isinstance(error, openai.RateLimitError):
        problem = _("The service wants us to slow down, or the account is used up: {reason}")
        return LessonError(problem.format(reason=error.message), _("Wait a little.") + " " + kept)
    return LessonError(_("The service failed: {reason}").format(reason=error.message), kept)


def _refuse_if_nothing_worked(answers: list[dict]) -> None:
    """A score of zero must come from the model, never from a request the service cannot read."""
    codes = {answer["error"] for answer in answers}
    if None in codes or "context_length_exceeded" in codes:
        return
    raise LessonError(
        _("The service refused every request: {message}").format(
            message=answers[0]["error_message"]
        ),
        _("Fix the method (its model, its messages, max_tokens) and run it again."),
    )
