"""How to train a model on a given card: number format, 4 bits or not, batch, attention, and why.

    from lessonlib.lora import plan
    best = plan.make("Qwen3-4B-Instruct", catalogue.card("T4"))
    print(best)                  # each choice, and why
    best.settings                # LoraSettings for lora.tune

Of all ways, from fast to frugal, the first that fits is taken: 16 bits per weight rather than 4
(which has more to compute in each step), keeping what each layer computed rather than computing it
again, and 16 rows at a time rather than fewer.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from lessonlib.common.errors import LessonError
from lessonlib.common.i18n import _
from lessonlib.lora import memory as lora_memory
from lessonlib.lora.memory import MemoryEstimate, gigabytes
from lessonlib.lora.settings import LoraSettings
from lessonlib.models import catalogue
from lessonlib.models.catalogue import Card, OpenModel
from lessonlib.models.device import Choice
from lessonlib.show.tables import Table

#: Rows that are learned from in one step, whatever fits into memory at a time.
ROWS = 16
#: Below that many rows at a time a GPU is mostly idle; saving memory another way is better then.
FEW_ROWS = 4
#: Rank, learning rate and epochs for models of so many weights and more: the larger, the smaller
#: the steps that they bear. The first line was measured on the built-in model, the second on Gemma
#: 3 270M; the third is the rate of the QLoRA paper (Dettmers et al. 2023, appendix B.2).
BY_SIZE = (
    (0, LoraSettings()),
    (50_000_000, LoraSettings(rank=16, learning_rate=5e-4, epochs=2)),
    (1_000_000_000, LoraSettings(rank=16, learning_rate=2e-4, epochs=2)),
)
#: Share of a card's memory that a plan may fill.
FILL = 0.95


@dataclass(frozen=True)
class Plan:
    """How ``model`` is trained on ``card``: choices with reasons, and what they amount to."""

    model: OpenModel
    card: Card
    device: Choice
    four_bit: Choice
    rows: Choice
    recompute: Choice
    attention: Choice
    packing: Choice
    rank: Choice
    learning_rate: Choice
    epochs: Choice
    settings: LoraSettings
    memory: MemoryEstimate

    def __str__(self) -> str:
        lines = [_("{model} ({weights:,} weights) on {card}").format(
            model=self.model.name, weights=self.model.parameters, card=self.card.name)]
        for name, choice in self.choices().items():
            lines.append(f"  {name:18} {choice.value!s:14} {choice.reason}")
        lines.append("  " + _("{name:18} {needed:14} of {there}").format(
            name=_("memory"), needed=gigabytes(self.memory.total),
            there=gigabytes(self.card.memory)))
        return "\n".join(lines)

    def choices(self) -> dict[str, Choice]:
        """Each choice by its name."""
        return {
            _("number format"): self.device, _("4-bit weights"): self.four_bit,
            _("rows at a time"): self.rows, _("compute twice"): self.recompute,
            _("attention"): self.attention, _("packing"): self.packing,
            _("rank"): self.rank, _("learning rate"): self.learning_rate,
            _("epochs"): self.epochs,
        }  # fmt: skip

    def loading(self) -> dict:
        """Keyword arguments for ``AutoModelForCausalLM.from_pretrained``."""
        from lessonlib.lora import base

        kind, number = self.device.value.split("-")
        arguments = {"dtype": base.FORMATS[number],
                     **catalogue.pinned(self.model.hub_id)}
        if kind == "cuda":
            arguments |= {"attn_implementation": self.attention.value, "device_map": kind}
        if self.four_bit.value:
            base.check_four_bit()
            arguments["quantization_config"] = base.four_bit_config(arguments["dtype"])
        return arguments

    def training(self) -> dict:
        """Keyword arguments for TRL's ``SFTConfig`` that depend on the machine."""
        kind, number = self.device.value.split("-")
        return {
            "per_device_train_batch_size": self.settings.batch_size,
            "gradient_accumulation_steps": self.settings.accumulate,
            "gradient_checkpointing": self.settings.recompute,
            "packing": self.packing.value,
            "use_cpu": kind == "cpu",
            "bf16": number == "bf16",
            "fp16": number == "fp16",
        }


def make(name: str = "pantry", card: Card | None = None, rank: int | None = None,
         tokens: int = 256) -> Plan:  # fmt: skip
    """A plan to train an open model on a card.

    Args:
        name: ``pantry``, a short name, a hub name, a folder, or a model tuned here.
        card: where; this machine if not given.
        rank: of the adapter; by the size of the model if not given.
        tokens: of the longest row.

    Raises:
        LessonError: there is no such model, or it does not fit, not even row by row in 4 bits.

    Introduced in notebook 12.
    """
    model, card = catalogue.find(name), card or catalogue.this_card()
    settings = for_size(model.parameters)
    if rank:
        settings = replace(settings, rank=rank)
    device = _device(card, model)
    settings = replace(settings, device=device.value)
    tried = None
    for way in _ways(settings, card):
        memory = lora_memory.estimate(model, way, device.value, tokens)
        tried = min(tried or memory, memory, key=lambda one: one.total)
        if memory.total <= FILL * card.memory:
            attention = _attention(card)
            return Plan(
                model, card, device, _four_bit(model, way, device.value), _rows(way),
                _recompute(way), attention, _packing(attention),
                *_knobs(model, way, rank), way, memory,
            )  # fmt: skip
    raise LessonError(
        _("{model} does not fit on {card}: it takes {least} at least, and there are {there}.")
        .format(model=name, card=card.name, least=gigabytes(tried.total),
                there=gigabytes(card.memory)),
        _("Choose a smaller model, a smaller rank, or a larger card."),
    )  # fmt: skip


def for_size(parameters: int) -> LoraSettings:
    """Rank, learning rate and epochs to begin with, by the size of the model."""
    return next(found for least, found in reversed(BY_SIZE) if parameters >= least)


def _knobs(model: OpenModel, settings: LoraSettings, given: int | None) -> tuple[Choice, ...]:
    """Rank, learning rate and epochs, with why."""
    weights = model.adapter_weights(settings.rank)
    share = _("{weights:,} trained weights, {share:.1%} of the model").format(
        weights=weights, share=weights / model.parameters)
    if model.parameters < BY_SIZE[1][0]:
        rate = _("a small model tolerates large steps, and has much to learn")
        times = _("and it needs many")
    elif model.parameters < BY_SIZE[2][0]:
        rate = _("measured on a model of 270 million weights")
        times = _("a pretrained model learns a form quickly; watch the validation loss")
    else:
        rate = _("the rate of the QLoRA paper; larger models need smaller steps")
        times = _("a pretrained model learns a form quickly; watch the validation loss")
    rank = _("as you wanted: {share}") if given else "{share}"
    return (Choice(settings.rank, rank.format(share=share)),
            Choice(settings.learning_rate, rate), Choice(settings.epochs, times))


def overview(names: Sequence[str], cards: Sequence[Card]) -> Table:
    """Models down, cards across: how each is trained there, and how much memory it takes.

    Introduced in notebook 12.
    """
    head = [_("model"), _("licence"), _("parameters"), *(card.name for card in cards)]
    rows = []
    for name in names:
        model = catalogue.find(name)
        row = [name, model.licence.split(" (")[0], f"{model.parameters / 1e6:,.1f} M"]
        for card in cards:
            try:
                row.append(_in_short(make(name, card)))
            except LessonError:
                row.append(_("does not fit"))
        rows.append(row)
    return Table(head, rows)


def _in_short(plan: Plan) -> str:
    number = plan.device.value.split("-")[1]
    text = _("4-bit") if plan.four_bit.value else number
    text += f", {plan.settings.batch_size} x {plan.settings.accumulate}"
    if plan.recompute.value:
        text += _(", twice")
    return f"{text}: {gigabytes(plan.memory.total)}"


def _ways(settings: LoraSettings, card: Card) -> Iterator[LoraSettings]:
    """Settings from fast to frugal. Without a CUDA card there are no 4-bit weights worth it."""
    sizes = [ROWS // 2**halved for halved in range(5)]
    for enough in (True, False):  # first those with enough rows at a time
        for four_bit in (False, True) if card.kind == "cuda" else (False,):
            for recompute in (False, True):
                for size in sizes:
                    if (size >= FEW_ROWS) == enough:
                        yield replace(settings, batch_size=size, accumulate=ROWS // size,
                                      four_bit=four_bit, recompute=recompute)


def _device(card: Card, model: OpenModel) -> Choice:
    if card.kind != "cuda":
        from lessonlib.models.device import choose_device

        return choose_device()
    if card.bfloat16:
        return Choice("cuda-bf16", _("the card computes in bfloat16"))
    if model.type.startswith("gemma"):
        return Choice("cuda-bf16", _("the card is slow at it, but what Gemma's layers compute"
                                     " exceeds the largest number of float16, 65,504"))
    return Choice("cuda-fp16", _("the card is older than bfloat16; float16 overflows above 65,504,"
                                 " so losses are scaled"))


def _four_bit(model: OpenModel, settings: LoraSettings, device: str) -> Choice:
    size = lora_memory.BYTES[device.split("-")[1]]
    plain = gigabytes(model.parameters * size)
    if not settings.four_bit:
        return Choice(False, _("{plain} of weights fit as they are").format(plain=plain))
    rest = model.parameters - model.matrices
    packed = gigabytes(rest * size + model.matrices * lora_memory.FOUR_BIT_BYTES)
    return Choice(True, _("{plain} of weights leave too little room; in 4 bits they are {packed}")
                  .format(plain=plain, packed=packed))


def _rows(settings: LoraSettings) -> Choice:
    if settings.accumulate == 1:
        return Choice(settings.batch_size, _("a whole step fits at once"))
    return Choice(settings.batch_size, _("more do not fit; {times} times that many make one step")
                  .format(times=settings.accumulate))


def _recompute(settings: LoraSettings) -> Choice:
    if settings.recompute:
        return Choice(True, _("what the layers computed does not fit, so it is computed again"))
    return Choice(False, _("what the layers computed fits"))


def _attention(card: Card) -> Choice:
    """FlashAttention (Dao 2023, https://arxiv.org/abs/2307.08691) where card and package allow."""
    if not card.flash_attention:
        return Choice("sdpa", _("FlashAttention needs an NVIDIA card from 2020 or later (8.0)"))
    if importlib.util.find_spec("flash_attn"):
        return Choice("flash_attention_2", _("the card can, and the package is installed"))
    return Choice("sdpa", _("PyTorch's own, which uses its FlashAttention kernels on this card"))


def _packing(attention: Choice) -> Choice:
    if attention.value == "flash_attention_2":
        return Choice(True, _("rows are laid end to end, without padding"))
    return Choice(False, _("it needs the package flash-attn, else rows would see each other"))
