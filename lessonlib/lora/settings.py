"""The knobs of a LoRA run, each with what it does."""

from __future__ import annotations

from dataclasses import dataclass

from lessonlib.common.errors import LessonError
from lessonlib.common.i18n import _

#: So many rows are in memory together at most, on any device: enough to keep one busy. A larger
#: batch is computed in parts, whose gradients are added up: the same step in less memory.
ROWS_AT_ONCE = 16
SCHEDULES = ("cosine", "linear", "constant_with_warmup")


@dataclass(frozen=True)
class LoraSettings:
    """How to tune. What you leave out stays as it suits the built-in model.

    Attributes:
        rank: how many numbers the adapter may use for each row and column of a matrix.
        alpha: how strongly the adapter counts; it is scaled by alpha / rank. None: twice the rank.
        dropout: share of the adapter's inputs left out at random, against learning by heart.
        learning_rate: how far each step goes. Small models bear large steps: for a model with
            billions of parameters take about 0.0002.
        epochs: how often all rows are gone through.
        batch_size: rows that are in memory together; of more than 16 it is 16 at a time.
        accumulate: that many batches are learned from together, in one step. Twice as many of
            half the size need less memory, take longer, and learn the same.
        warmup: share of all steps over which the learning rate rises from zero to its full size.
        schedule: how it falls afterwards: ``cosine``, ``linear`` or ``constant_with_warmup``.
        max_length: longest row in tokens that is accepted. None: as long as the model can read.
        targets: what gets an adapter: ``all-linear`` is all matrices of all layers; else names
            such as ``("q_proj", "v_proj")``, and ``embed_tokens`` for the embeddings.
        keep_checkpoints: keep the adapter of each epoch, so that an earlier one can be taken.
        four_bit: keep the base model in 4 bits a weight (QLoRA, Dettmers et al. 2023,
            https://arxiv.org/abs/2305.14314). Saves memory where the model is large.
        recompute: do not keep what each layer computed, compute it again when it is needed
            (activation or gradient checkpointing). Saves memory, costs about a third more time.
        device: ``auto``, or one of ``cuda-bf16``, ``cuda-fp16``, ``mps-fp32``, ``cpu-bf16``,
            ``cpu-fp32``.

    Introduced in notebook 00.
    """

    rank: int = 64
    alpha: float | None = None
    dropout: float = 0.0
    learning_rate: float = 3e-3
    epochs: int = 8
    batch_size: int = 16
    accumulate: int = 1
    warmup: float = 0.05
    schedule: str = "cosine"
    max_length: int | None = None
    targets: str | tuple[str, ...] = "all-linear"
    keep_checkpoints: bool = False
    four_bit: bool = False
    recompute: bool = False
    device: str = "auto"

    def __post_init__(self):
        if isinstance(self.targets, list):
            object.__setattr__(self, "targets", tuple(self.targets))
        self._whole("rank", 1, 1024)
        self._whole("epochs", 1, 1000)
        self._whole("batch_size", 1, 4096)
        self._whole("accumulate", 1, 4096)
        self._between("learning_rate", 0, 1, open_below=True)
        self._between("dropout", 0, 0.95)
        self._between("warmup", 0, 1)
        if self.max_length is not None:
            self._whole("max_length", 2, 10**6)
        if self.schedule not in SCHEDULES:
            raise LessonError(
                _("The schedule {value!r} is unknown.").format(value=self.schedule),
                _("Choose one of: {names}.").format(names=", ".join(SCHEDULES)),
            )

    def _whole(self, field: str, lowest: int, highest: int) -> None:
        value = getattr(self, field)
        if not isinstance(value, int) or isinstance(value, bool) or not lowest <= value <= highest:
            raise LessonError(
                _("{field} is {value!r}.").format(field=field, value=value),
                _("Give a whole number from {lowest} to {highest}.").format(
                    lowest=lowest, highest=highest
                ),
            )

    def _between(self, field: str, lowest: float, highest: float, open_below=False) -> None:
        value = getattr(self, field)
        good = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not good or not lowest <= value <= highest or (open_below and value == lowest):
            text = _("Give a number above {lowest}, at most {highest}.")
            if not open_below:
                text = _("Give a number from {lowest} to {highest}.")
            raise LessonError(
                _("{field} is {value!r}.").format(field=field, value=value),
                text.format(lowest=lowest, highest=highest),
            )
