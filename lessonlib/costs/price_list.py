"""What hosted models cost: per request, for training, and for being kept ready.

All prices are kept in ``data/facts/prices.toml``, each with its source and the day it was read.
Practice models run on your own machine and cost nothing. A cost shown beside one of them is what
the named hosted model *would* charge for the same number of tokens. That is only a rough guide:
every model cuts text into tokens in its own way, and the built-in model's tokens are shorter.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Protocol

from lessonlib.common import facts
from lessonlib.common.errors import LessonError
from lessonlib.common.i18n import _

PRICES = facts.FOLDER / "prices.toml"
MILLION = 1_000_000
#: 365 days of 24 hours, by 12.
HOURS_A_MONTH = 730


#: The newest of the small hosted models: what an untuned route is priced by.
UNTUNED = "gpt-6-luna"
#: The open model that newcomers can have tuned and served by the token.
TUNABLE = "Llama-3.1-8B"


@dataclass(frozen=True)
class ModelPrice:
    """The price of a model, in US dollars per million tokens.

    Attributes:
        model: the model's name.
        tuned: True for the price of its fine-tuned models, False for the untuned model.
        training: per million trained tokens (all epochs counted); None where not sold.
        input, output: per million tokens of prompt and of answer.
        cached_input: per million tokens of a prompt's beginning that the service has just read;
            None where the whole prompt is charged in full.
        source: where the price was published.
        read: the day on which it was read there.
        service: who sells it, where that is not OpenAI.
        open: anybody may keep the weights, so the model has no last day.
        note: what else to know.
    """

    model: str
    tuned: bool
    input: float
    output: float
    source: str
    read: date
    training: float | None = None
    cached_input: float | None = None
    service: str = "OpenAI"
    open: bool = False
    note: str = ""

    @property
    def name(self) -> str:
        return _("{model}, fine-tuned").format(model=self.model) if self.tuned else self.model

    def of_request(
        self, prompt_tokens: float, completion_tokens: float, cached_tokens: float = 0
    ) -> float:
        """US dollars for one request.

        Args:
            cached_tokens: how many of the prompt's tokens come from the service's cache.
        """
        cached = min(cached_tokens, prompt_tokens) if self.cached_input is not None else 0
        prompt = (prompt_tokens - cached) * self.input + cached * (self.cached_input or 0)
        return (prompt + completion_tokens * self.output) / MILLION


@cache
def prices() -> tuple[ModelPrice, ...]:
    """All prices of the list."""
    return tuple(ModelPrice(**row) for row in facts.read(PRICES.name)["model"])


def price(model: str, tuned: bool = False) -> ModelPrice:
    """The price of one model, untuned or fine-tuned. Introduced in notebook 01."""
    for one in prices():
        if (one.model, one.tuned) == (model, tuned):
            return one
    raise LessonError(
        _("The price list has no {kind} model {model!r}.").format(
            kind=_("fine-tuned") if tuned else _("untuned"), model=model
        ),
        _("It has: {names}.").format(names=", ".join(one.name for one in prices())),
    )


def cached_tokens(prompt_tokens: float, same: float) -> float:
    """How many tokens of a prompt a hosted service takes from its cache.

    Args:
        prompt_tokens: the length of the whole prompt.
        same: the length of its beginning that is the same in every request.

    Introduced in notebook 01.
    """
    return same if prompt_tokens >= facts.limits()["caching"]["shortest_prompt"] else 0.0


@dataclass(frozen=True)
class HostingPrice:
    """US dollars an hour for keeping a tuned model ready, whether it is used or not.

    Attributes:
        name: what is paid for, in words.
        tokens: True where the tokens are charged on top, at the price of the base model.
        source, read: where the price was published, and the day on which it was read.
    """

    name: str
    per_hour: float
    tokens: bool
    source: str
    read: date
    note: str = ""

    @property
    def per_month(self) -> float:
        """US dollars for a month of 730 hours."""
        return HOURS_A_MONTH * self.per_hour


@cache
def hosting(service: str = "azure-openai") -> HostingPrice:
    """The price of keeping a tuned model ready, by the service or the kind of machine.

    Args:
        service: ``azure-openai``, ``rented-processor`` or ``rented-card``.

    Raises:
        LessonError: the list does not have it.

    Introduced in notebook 07.
    """
    known = facts.read(PRICES.name)["hosting"]
    if service not in known:
        raise LessonError(
            _("The price list has no hosting {service!r}.").format(service=service),
            _("It has: {names}.").format(names=", ".join(known)),
        )
    return HostingPrice(**known[service])


def hosting_per_hour(service: str = "azure-openai") -> float:
    """US dollars an hour for keeping a tuned model ready, whether it is used or not."""
    return hosting(service).per_hour


def hosting_per_month(service: str = "azure-openai") -> float:
    """US dollars for keeping a tuned model ready for a month of 730 hours, used or not.

    Introduced in notebook 10.
    """
    return hosting(service).per_month


class Tokens(Protocol):
    """What is paid for: mean tokens of a prompt and of an answer. A result of ``evaluate`` has
    both."""

    @property
    def prompt_tokens(self) -> float: ...

    @property
    def completion_tokens(self) -> float: ...


def cost_per_1000(tokens: Tokens, model_price: ModelPrice) -> float:
    """US dollars for 1,000 requests of so many tokens at the prices of a hosted model.

    Introduced in notebook 11.
    """
    return 1000 * model_price.of_request(tokens.prompt_tokens, tokens.completion_tokens)


def training_cost(tokens_per_epoch: int, epochs: float, model_price: ModelPrice) -> float:
    """US dollars for training: services charge for each token as often as it is trained on.

    Introduced in notebook 11.
    """
    if model_price.training is None:
        raise LessonError(
            _("Training has no price for {name}.").format(name=model_price.name),
            _("Use the price of the fine-tuned model: costs.price({model!r}, tuned=True)").format(
                model=model_price.model
            ),
        )
    return tokens_per_epoch * epochs * model_price.training / MILLION
