"""Before a job on a paid service: what it will cost, and an explicit yes. Practice is free.

The guard sits in the HTTP client of every client that ``lessonlib.connect`` hands out, and looks at
what is about to be sent. So a notebook can use the official calls as they are, and they are guarded
all the same: ``client.fine_tuning.jobs.create``, its copies by ``with_options``, a plain
``client.post``, and ``jobs.resume``, on OpenAI's addresses and on Azure's.

A key in the environment is not consent, and neither is the yes to ``connect``: that was a yes to
being connected, this is a yes to a sum of money. Prices and dates are those of ``data/facts``.

Asked about is what trains. Other requests (answers, also many of them as a batch or an eval) go by
the yes to ``connect``, which says that each is charged.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import posixpath
import re
import threading
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote

import openai

from lessonlib.chat_files import files
from lessonlib.chat_files.report import Report
from lessonlib.chat_files.tokens import TokenStatistics
from lessonlib.common import consent, facts
from lessonlib.common.errors import LessonError
from lessonlib.common.i18n import _
from lessonlib.costs import price_list
from lessonlib.services.address import is_practice

#: A script's yes, in ``extra_headers`` of the one call that it is meant for. Never sent.
AGREED = "X-Lesson-Agreed"
#: Where jobs are ordered, in letters alone. The second was OpenAI's first, and is others' today.
ORDERS = (["finetuning", "jobs"], ["finetunes"])
#: What may be posted below a job without a question: it trains nothing.
FREE = ("cancel", "pause")
#: Headers by which a file or a job is fetched for the estimate.
_KEYS = ("authorization", "api-key", "openai-organization", "openai-project")
#: Holds the request that was agreed to: a redirection sends a copy of it, with what it holds.
_MARK = "lesson_agreed"


class NotAgreed(LessonError, openai.OpenAIError):
    """There was no yes, and nothing was sent.

    An ``OpenAIError``, too: any other is repeated by the client, or told as a lost connection.
    """


@dataclass(frozen=True)
class Order:
    """A request that will cost money.

    Attributes:
        root: the path of everything that the service has, such as ``/v1``.
        id: of the job that goes on; "" for a new one.
        wish: the request's JSON; empty where it has none.
    """

    root: str
    id: str
    wish: dict


def watch(http_client: Any) -> Any:
    """Put the guard into an HTTP client of ``openai.DefaultHttpxClient``; returns the client."""
    http_client.event_hooks["request"].append(_Guard(http_client).look)
    return http_client


class _Guard:
    """Looks at each request before it is sent.

    Not guarded is what the client does not send: an ``http_client`` of the learner's own, or
    another program.
    """

    def __init__(self, http_client: Any):
        self._http = http_client
        self._agreed: set[bytes] = set()
        self._one_question = threading.Lock()

    def look(self, request: Any) -> None:
        """Let a request pass, or raise.

        Raises:
            NotAgreed: it costs money, and there was no yes.
        """
        in_writing = request.headers.pop(AGREED, "")
        order, agreed = order_of(request), request.extensions.get(_MARK, request)
        # The very request that was agreed to is new where it comes back: somebody sends it again.
        if order is None or agreed is not request or _is_free(request):
            return
        digest = hashlib.sha256(request.url.raw_path + b"\n" + request.read()).digest()
        # The client's own second try of what was agreed to is the same order. A call that the
        # learner makes again is another one: the yes to the call before ends with it.
        if request.headers.get("x-stainless-retry-count", "0") == "0":
            self._agreed.discard(digest)
        if digest not in self._agreed:
            with self._one_question:
                self._ask(request, order, in_writing)
        self._agreed.add(digest)
        request.extensions[_MARK] = request

    def _ask(self, request: Any, order: Order, in_writing: str) -> None:
        print(_("This job is paid for. {estimate}").format(estimate=self._estimate(request, order)))
        consent.agree(
            _("Type yes to resume the job: ") if order.id else _("Type yes to create the job: "),
            True if in_writing.strip().lower() == "yes" else None,
            nobody=NotAgreed(
                _("This job costs money, and nobody is here to agree to it: nothing was sent."),
                _("In a script, read the estimate first, then add to this one call:"
                  " extra_headers={header}").format(header={AGREED: "yes"}),
            ),
            refused=NotAgreed(
                _("You did not agree to the cost: nothing was sent."),
                _("The practice service trains for free: lessonlib.connect()."),
            ),
        )

    def _estimate(self, request: Any, order: Order) -> str:
        def fetch(path: str) -> bytes:
            address = request.url.copy_with(path=f"{order.root}/{path}")
            headers = {name: request.headers[name] for name in _KEYS if name in request.headers}
            try:
                # Redirected, the HTTP client takes "authorization" away, but not Azure's key.
                answer = self._http.get(
                    address, headers=headers, follow_redirects="api-key" not in headers)
            except Exception as error:  # its text may quote a key; so only its kind is told
                raise LessonError(_("there was no answer ({kind})").format(
                    kind=type(error).__name__)) from None
            if not answer.is_success:  # here the text of httpx quotes the address, keys and all
                raise LessonError(
                    _("the service answers {status}").format(status=answer.status_code))
            return answer.content

        told, wish = [], order.wish
        if order.id:
            told.append(_("The job {id} goes on; what it has trained already is in this estimate,"
                          " too.").format(id=order.id))
            try:
                wish = json.loads(fetch(f"fine_tuning/jobs/{quote(order.id, safe='')}"))
            except Exception as error:  # whatever it is: it is told, and the question is asked
                told.append(_("It could not be looked up: {reason}").format(reason=_line(error)))
        return "\n".join([*told, estimate(wish, fetch)])


def order_of(request: Any) -> Order | None:
    """What a request orders; None where it costs nothing by itself."""
    if request.method.upper() in ("GET", "HEAD", "OPTIONS", "DELETE"):
        return None
    # Services take "Fine_Tuning//jobs/", "fine%5Ftuning" and "jobs;x=1" for the same address.
    path = unquote(request.url.path).replace("\\", "/")
    parts = posixpath.normpath("/" + path).strip("/").split("/")
    letters = [re.sub(r"[\W_]", "", part.partition(";")[0].lower()) for part in parts]
    for place in range(len(parts)):
        for words in ORDERS:
            if letters[place : place + len(words)] != words:
                continue
            rest = parts[place + len(words) :]
            if len(rest) == 2 and rest[1].lower() in FREE:
                return None
            root = "".join(f"/{part}" for part in parts[:place])
            return Order(root, rest[0] if rest else "", _json(request.read()))
    return None


def _json(content: bytes) -> dict:
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _is_free(request: Any) -> bool:
    """Whether each key that a request brings is one of a practice service."""
    bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
    keys = [key for key in (bearer, request.headers.get("api-key", "")) if key]
    # Two in one header, with a comma between them, begin like the first.
    return bool(keys) and all(is_practice(key) and "," not in key for key in keys)


def estimate(wish: dict, fetch: Any) -> str:
    """What is known of a job's cost, in sentences; also where it is little.

    Args:
        wish: the job's JSON, as it is ordered or as the service shows it.
        fetch: fetch(path) gives the bytes of something that the service has.
    """
    model, (method, n_epochs) = str(wish.get("model") or "?"), _method(wish)
    known, parts = base_of(model), []
    try:
        if method != "supervised":
            raise LessonError(_("jobs by the method {name!r} are paid in another way").format(
                name=method))
        report = _report(str(wish.get("training_file") or ""), fetch)
    except Exception as error:  # the service's, or a file that cannot be read: tell, and ask
        parts.append(_("We cannot estimate its cost: {reason}").format(reason=_line(error)))
    else:
        if known is None:
            parts.append(_unpriced(report.tokens, model, n_epochs))
        else:
            parts.append(str(files.estimate(report.tokens, known, n_epochs)))
        if uncounted := report.examples - len(report.tokens):
            parts.append(_("{count:,} of the file's {all:,} examples could not be counted (such as"
                           " those with tools): they cost more on top.").format(
                count=uncounted, all=report.examples))
        if n_epochs is None:
            parts.append(_("The service chooses the number of epochs; this is its published"
                           " rule."))
    with contextlib.suppress(LessonError):  # the list does not have it
        end = facts.ends(_untuned(model))
        parts.append(_("At OpenAI, {model} and all that is tuned from it end on {day} (read"
                       " {read}).").format(
            model=end.model, day=end.ends.isoformat(), read=end.read.isoformat()))
    parts.append(_("The service's own count and price list are what you pay by."))
    return "\n".join(parts)


def _method(wish: dict) -> tuple[str, int | None]:
    """The method of a job and its number of epochs, None where the service chooses."""
    def part(value: Any, name: str) -> Any:
        return value.get(name) if isinstance(value, dict) else None

    method = str(part(wish.get("method"), "type") or "supervised")
    settings = part(part(wish.get("method"), method), "hyperparameters")
    for where in (settings, wish.get("hyperparameters"), wish):
        # "auto", nothing, or no number at all: left to the service, which may take "3" for 3.
        with contextlib.suppress(TypeError, ValueError, OverflowError):
            if (n_epochs := int(part(where, "n_epochs"))) > 0:
                return method, n_epochs
    return method, None


def base_of(model: str) -> str | None:
    """The name in the price list of a model to be tuned; None where it is not in there.

    ``gpt-4.1-mini-2025-04-14`` and models that were tuned from it are ``gpt-4.1-mini`` there.
    """
    name = _untuned(model)
    priced = [one.model for one in price_list.prices() if one.tuned]
    for one in sorted(priced, key=len, reverse=True):
        if name == one or name.startswith(one + "-2"):
            return one
    return None


def _untuned(model: str) -> str:
    """The model that one tuned at OpenAI was made from."""
    return model.split(":")[1] if model.startswith("ft:") else model


def _unpriced(statistics: TokenStatistics, model: str, epochs: int | None) -> str:
    n_epochs = epochs or files.epochs(len(statistics))
    return _("{examples:,} examples, {epochs} epochs: {tokens:,} training tokens. Our price list"
             " does not have {model}: look its price up first.").format(
        examples=len(statistics), epochs=n_epochs, model=model,
        tokens=files.training_tokens(statistics, n_epochs))


def _report(id: str, fetch: Any) -> Report:
    """A file that the service has, with the lengths of its examples. To fetch it is free."""
    if not id:
        raise LessonError(_("the request names no training file"))
    content = fetch(f"files/{quote(id, safe='')}/content")
    report = files.check(content.removeprefix(b"\xef\xbb\xbf"), progress=False)
    if report.tokens is None or not len(report.tokens):
        raise LessonError(_("the file {id} holds no sound example").format(id=id))
    return report


def _line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
