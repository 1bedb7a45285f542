"""A model that learns: one optimizer step on some rows, and measures on others."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from lessonlib.lora_speed import answer_scores
from lessonlib.models_chat_template import NO_LABEL

#: Rows that are computed at once. A larger batch is learned from in parts, whose gradients are
#: added up: the same step, in less memory.
ROWS_AT_ONCE = 16
#: Longer gradients are shortened to this length, as in Hugging Face's trainer.
LONGEST_GRADIENT = 1.0


class Learner:
    """A model with a LoRA adapter and its optimizer."""

    def __init__(self, model, learning_rate: float):
        self.model = model
        self.parameters = [p for p in model.parameters() if p.requires_grad]
        self.optimizer = torch.optim.AdamW(self.parameters, learning_rate, weight_decay=0.0)
        self._device = self.parameters[0].device

    def learn(self, rows: list[dict], learning_rate: float) -> tuple[float, float]:
        """One step on these rows.

        Returns:
            Mean loss per answer token in nats, and the share of answer tokens that the model
            would have chosen itself; both from before the step.
        """
        self.model.train()
        count = sum(_answer_tokens(row) for row in rows)
        total, right = 0.0, 0
        for ids, labels in self._parts(rows):
            scores, targets = answer_scores(self.model.get_base_model(), ids, labels)
            loss = F.cross_entropy(scores, targets, reduction="sum")
            (loss / count).backward()
            total += float(loss.detach())
            right += int((scores.argmax(-1) == targets).sum())
        torch.nn.utils.clip_grad_norm_(self.parameters, LONGEST_GRADIENT)
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return total / count, right / count

    @torch.no_grad()
    def measure(self, rows: list[dict]) -> tuple[float, float]:
        """Mean loss per answer token and token accuracy, without learning."""
        self.model.eval()
        total, right = 0.0, 0
        for ids, labels in self._parts(sorted(rows, key=lambda row: len(row["input_ids"]))):
            scores, targets = answer_scores(self.model.get_base_model(), ids, labels)
            total += float(F.cross_entropy(scores, targets, reduction="sum"))
            right += int((scores.argmax(-1) == targets).sum())
        count = sum(_answer_tokens(row) for row in rows)
        return total / count, right / count

    def _parts(self, rows: list[dict]):
        """Ids and labels of shape (rows, longest), padded at the end."""
        for start in range(0, len(rows), ROWS_AT_ONCE):
            part = rows[start : start + ROWS_AT_ONCE]
            longest = max(len(row["input_ids"]) for row in part)
            padded = [
                [row[kind] + [fill] * (longest - len(row[kind])) for row in part]
                for kind, fill in (("input_ids", 0), ("labels", NO_LABEL))
            ]
            yield tuple(torch.tensor(values, device=self._device) for values in padded)


def _answer_tokens(row: dict) -> int:
    return sum(label != NO_LABEL for label in row["labels"][1:])
