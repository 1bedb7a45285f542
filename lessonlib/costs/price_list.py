"""What hosted models cost: per request, for training, and for being kept ready.

All prices are kept in ``data/facts/prices.toml``, each with its source and the day it was read.
Practice models run on your own machine and cost nothing. A cost shown beside one of them is what
the named hosted model *would* charge for as many tokens. That is only a rough guide: every model
cuts text into tokens in its own way, and the built-in model's tokens are shorter.
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


@dataclass(frozen=True)
class ModelPrice:
    """The price of a model, in US dollars per million tokens.

    Attributes:
        model: the model's name.
        tuned: True for the price of its fine-tuned models, False for the model as it comes.
        training: per million trained tokens (all epochs counted); None where not sold.
        input, output: per million tokens of prompt and of answer.
        source: where the price was published.
        read: the day on which it was read there.
        note: what else to know, such as the day the model ends.
    """

    model: str
    tuned: bool
    input: float
    output: float
    source: str
    read: date
    training: float | None = None
    note: str = ""

    @property
    def name(self) -> str:
        return _("{model}, fine-tuned").format(model=self.model) if self.tuned else self.model

    def of_request(self, prompt_tokens: float, completion_tokens: float) -> float:
        """US dollars for one request."""
        return (prompt_tokens * self.input + completion_tokens * self.output) / MILLION


@cache
def prices() -> tuple[ModelPrice, ...]:
    """All prices of the list."""
    return tuple(ModelPrice(**row) for row in facts.read(PRICES.name)["model"])


def price(model: str, tuned: bool = False) -> ModelPrice:
    """The price of one model, as it comes or fine-tuned. Introduced in notebook 01."""
    for one in prices():
        if (one.model, one.tuned) == (model, tuned):
            return one
    raise LessonError(
        _("The price list has no {kind} model {model!r}.").format(
            kind=_("fine-tuned") if tuned else _("untuned"), model=model
        ),
        _("It has: {names}.").format(names=", ".join(one.name for one in prices())),
    )


@dataclass(frozen=True)
class HostingPrice:
    """US dollars an hour for keeping a tuned model deployed, whether it is used or not.

    ``source`` and ``read``: where the price was published, and the day on which it was read.
    """

    per_hour: float
    source: str
    read: date
    note: str = ""


@cache
def hosting(service: str = "azure-openai") -> HostingPrice:
    """The price of keeping a tuned model deployed at a service. Introduced in notebook 07."""
    return HostingPrice(**facts.read(PRICES.name)["hosting"][service])


def hosting_per_hour(service: str = "azure-openai") -> float:
    """US dollars an hour for keeping a tuned model deployed, whether it is used or not.

    Introduced in notebook 03.
    """
    return hosting(service).per_hour


def hosting_per_month(service: str = "azure-openai") -> float:
    """US dollars for keeping a tuned model deployed for a month of 730 hours, used or not.

    Introduced in notebook 10.
    """
    return HOURS_A_MONTH * hosting_per_hour(service)


class Tokens(Protocol):
    """What is paid for: mean tokens of a prompt and of an answer. A result of ``evaluate`` has
    both."""

    @property
    def prompt_tokens(self) -> float: ...

    @property
    def completion_tokens(self) -> float: ...


def cost_per_1000(tokens: Tokens, model_price: ModelPrice) -> float:
    """US dollars for 1,000 requests of so many tokens at the prices of a hosted model.

    Introduced in notebook 01.
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
