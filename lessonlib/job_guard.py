"""Before a job on a paid service: what it will cost, and an explicit yes. Practice is free.

A key in the environment is not consent, and neither is the yes to ``connect``: that one was to
being connected, this one is to a sum of money. Prices and dates are those of ``data/facts``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lessonlib import chat_files, consent, costs, facts
from lessonlib.chat_tokens import TokenStatistics
from lessonlib.errors import LessonError
from lessonlib.i18n import _

if TYPE_CHECKING:
    import openai

#: Beginning of the keys of practice services, on this machine or in a classroom. No paid service
#: takes such a key.
PRACTICE_KEY = "practice-"

#: Lengths of the files that were sent from this Python process, by their ids.
_counted: dict[str, TokenStatistics] = {}


def is_practice(client: openai.OpenAI) -> bool:
    """Whether a client talks to a practice service, where everything is free."""
    return str(client.api_key or "").startswith(PRACTICE_KEY)


def remember(id: str, rows: list[dict]) -> None:
    """Keep the lengths of an uploaded file, for the estimate."""
    _counted[id] = chat_files.token_statistics(rows)


def agree(
    client: openai.OpenAI, model: str, training: str, n_epochs: int | str, confirm: bool | None
) -> None:
    """Go on only after a yes to the printed estimate. On the practice service: at once.

    Args:
        model: the base model.
        training: id of the uploaded training file.
        n_epochs: a number, or "auto".
        confirm: True is a yes, for scripts; False a no; None asks.

    Raises:
        LessonError: there was no yes, or nobody to ask. Nothing was created.
    """
    if is_practice(client):
        return
    print(_("This job is paid for. {estimate}").format(
        estimate=estimate(client, model, training, n_epochs)))
    answer = consent.yes(_("Type yes to create the job: ")) if confirm is None else confirm
    if answer is None:
        raise LessonError(
            _("This job costs money, and nobody is here to agree to it."),
            _("In a script, read the estimate first, then write jobs.create(..., confirm=True)."),
        )
    if not answer:
        raise LessonError(
            _("You did not agree to the cost: no job was created."),
            _("The practice service trains for free: lessonlib.connect()."),
        )


def estimate(client: openai.OpenAI, model: str, training: str, n_epochs: int | str) -> str:
    """What is known of a job's cost, in sentences; also where it is little."""
    known = base_of(model)
    parts = []
    try:
        statistics = _statistics(client, training)
    except Exception as error:  # the client's, or a file that cannot be read: tell, and ask
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        parts.append(_("Its file could not be counted: {reason}").format(reason=reason))
    else:
        epochs = n_epochs if isinstance(n_epochs, int) else None
        if known is None:
            parts.append(_unpriced(statistics, model, epochs))
        else:
            parts.append(str(chat_files.estimate(statistics, known, epochs)))
        if epochs is None:
            parts.append(_("The service chooses the number of epochs; this is its published"
                           " rule."))
    if known is not None:
        end = facts.ends(known)
        parts.append(_("{model} and all that is tuned from it end on {day} (read {read}).").format(
            model=known, day=end.ends.isoformat(), read=end.read.isoformat()))
    parts.append(_("The service's own count and price list are what you pay by."))
    return "\n".join(parts)


def base_of(model: str) -> str | None:
    """The name in the price list of a model to be tuned; None where it is not in there.

    ``gpt-4.1-mini-2025-04-14`` and models that were tuned from it are ``gpt-4.1-mini`` there.
    """
    name = model.split(":")[1] if model.startswith("ft:") and ":" in model else model
    priced = [one.model for one in costs.prices() if one.tuned]
    for one in sorted(priced, key=len, reverse=True):
        if name == one or name.startswith(one + "-2"):
            return one
    return None


def _unpriced(statistics: TokenStatistics, model: str, epochs: int | None) -> str:
    n_epochs = epochs or chat_files.epochs(len(statistics))
    return _("{examples:,} examples, {epochs} epochs: {tokens:,} training tokens. Our price list"
             " does not have {model}: look its price up first.").format(
        examples=len(statistics), epochs=n_epochs, model=model,
        tokens=chat_files.training_tokens(statistics, n_epochs))


def _statistics(client: Any, training: str) -> TokenStatistics:
    """The lengths of a file: remembered, or counted anew from what the service has."""
    if training not in _counted:
        content = client.files.content(training).read()
        report = chat_files.check(content.removeprefix(b"\xef\xbb\xbf"), progress=False)
        if report.tokens is None or not len(report.tokens):
            raise LessonError(_("it holds no sound example"))
        _counted[training] = report.tokens
    return _counted[training]
