"""Trains the built-in model ``pantry`` from nothing, on text that ``factory.corpus`` writes.

    python -m factory.pretrain --tokens 23e6                 one process
    python -m factory.pretrain --tokens 23e6 --processes 2   two processes, one thread each
    python -m factory.pretrain --tokens 1e9                  on a GPU, if there is one

A run that was stopped goes on where it was: state is kept in work/factory/pretrain. The same
seed and budget give the same batches in the same order on any machine. At the end the model
is written to data/models/pantry.

The optimiser is Muon (Jordan et al. 2024, https://kellerjordan.github.io/posts/muon/) for the
matrices and AdamW for the rest; the learning rate warms up, stays, and falls over the last
third ("warmup-stable-decay", Hu et al. 2024, https://arxiv.org/abs/2404.06395).
"""

from __future__ import annotations

import argparse
import json
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
import torch.distributed as dist
import torch.nn.functional as F
from tqdm.auto import tqdm
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

from factory import architecture, batches, probe, tokenizer
from factory.corpus import LONG_REQUESTS, STEP_BY_STEP, WHOLE_RECIPES, Phase
from factory.number_format import Muon, autocast
from lessonlib.common.paths import DATA, WORK

#: From this many tokens on, training is in this phase. The last one lasts to the end.
PHASES = (
    (0, Phase(256)),
    (4_500_000, Phase(256, focused=True, shares=STEP_BY_STEP)),
    (9_000_000, Phase(512, focused=True, shares=WHOLE_RECIPES)),
    (14_000_000, Phase(1024, focused=True)),
    (14_569_472, Phase(1024, focused=True, wordy=True, shares=LONG_REQUESTS)),
)
DECAY_SHARE = 0.3
WARM_UP_STEPS = 40
SAVE_EVERY_SECONDS = 120
PROBE_EVERY_TOKENS = 1_000_000


@dataclass(frozen=True)
class Plan:
    """What a run is to do. Two runs with equal plans are the same run."""

    tokens: int
    seed: int = 1
    matrix_rate: float = 0.01
    embedding_rate: float = 2e-3
    vector_rate: float = 1e-3

    @property
    def steps(self) -> int:
        """Optimiser steps in the whole budget."""
        return max(1, self.tokens // batches.BATCH_TOKENS)

    def phase(self, step: int) -> Phase:
        """The phase at ``step``."""
        tokens = step * batches.BATCH_TOKENS
        return [phase for start, phase in PHASES if tokens >= start][-1]

    def rate(self, step: int) -> float:
        """The factor on every learning rate at ``step``, between 0 and 1."""
        left = (self.steps - step) / (DECAY_SHARE * self.steps)
        return min(1.0, (step + 1) / WARM_UP_STEPS, max(0.02, left))


def _optimisers(model: LlamaForCausalLM, plan: Plan) -> list[torch.optim.Optimizer]:
    named = [(n, p) for n, p in model.named_parameters()]
    matrices = [p for n, p in named if p.ndim == 2 and "embed" not in n]
    embeddings = [p for n, p in named if "embed" in n]
    vectors = [p for n, p in named if p.ndim == 1]
    groups = [
        dict(params=embeddings, lr=plan.embedding_rate, weight_decay=0.0),
        dict(params=vectors, lr=plan.vector_rate, weight_decay=0.0),
    ]
    optimisers = [
        Muon(matrices, lr=plan.matrix_rate, weight_decay=0.01, momentum=0.95),
        torch.optim.AdamW(groups, betas=(0.9, 0.95)),
    ]
    for optimiser in optimisers:
        for group in optimiser.param_groups:
            group["full_rate"] = group["lr"]
    return optimisers


def _average_gradients(model: LlamaForCausalLM) -> None:
    """Adds the processes' gradients up, in one message."""
    gradients = [p.grad for p in model.parameters()]
    flat = torch.cat([g.reshape(-1) for g in gradients])
    dist.all_reduce(flat)
    for gradient, part in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
        gradient.copy_(part.view_as(gradient))


class Run:
    """One process of a pretraining run."""

    def __init__(self, plan: Plan, folder: Path, rank: int, processes: int, compiled: bool):
        self.plan, self.folder, self.rank, self.processes = plan, folder, rank, processes
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        torch.manual_seed(plan.seed)
        self.tokenizer = tokenizer.load(folder / "tokenizer")
        self.model = architecture.new_model(self.tokenizer).to(self.device)
        self.optimisers = _optimisers(self.model, plan)
        self.step, self.curve, self.seconds = 0, [], 0.0
        self.loss = torch.compile(self._loss, dynamic=False) if compiled else self._loss
        self._resume()

    def _loss(self, ids: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor):
        hidden = self.model.model(input_ids=ids, use_cache=False).last_hidden_state
        logits = self.model.lm_head(hidden).float()
        each = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none")
        return (each * weights.flatten()).sum()

    def train_step(self) -> float:
        """One optimiser step; returns the weighted loss per token in nats (this process)."""
        phase = self.plan.phase(self.step)
        ids, weights = batches.batch(self.tokenizer, self.plan.seed, self.step, phase)
        total = float(weights[:, 1:].sum())  # over all processes, so that the sum is exact
        ids = torch.from_numpy(ids[self.rank :: self.processes]).to(self.device)
        weights = torch.from_numpy(weights[self.rank :: self.processes]).to(self.device)
        with autocast(self.device):
            loss = self.loss(ids[:, :-1].contiguous(), ids[:, 1:].contiguous(), weights[:, 1:])
        (loss / total).backward()
        if self.processes > 1:
            _average_gradients(self.model)
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        for optimiser in self.optimisers:
            for group in optimiser.param_groups:
                group["lr"] = group["full_rate"] * self.plan.rate(self.step)
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
        self.step += 1
        return loss.item() / float(weights[:, 1:].sum())

    @property
    def tokens(self) -> int:
        """Tokens seen so far, over all processes."""
        return self.step * batches.BATCH_TOKENS

    def train(self) -> None:
        """Trains to the end of the budget; saves, probes and shows progress on the way."""
        started, saved = time.monotonic() - self.seconds, time.monotonic()
        bar = tqdm(total=self.plan.tokens, initial=self.tokens, unit="tok", unit_scale=True,
                   disable=self.rank > 0, mininterval=5)  # fmt: skip
        smooth = None
        while self.step < self.plan.steps:
            if self.rank == 0 and self.tokens >= len(self.curve) * PROBE_EVERY_TOKENS:
                self._probe()
            loss = self.train_step()
            smooth = loss if smooth is None else 0.95 * smooth + 0.05 * loss
            self.seconds = time.monotonic() - started
            bar.update(batches.BATCH_TOKENS)
            bar.set_postfix(loss=f"{smooth:.3f}", context=self.plan.phase(self.step - 1).room)
            if self.rank == 0 and time.monotonic() - saved > SAVE_EVERY_SECONDS:
                self._save()
                saved = time.monotonic()
        bar.close()
        if self.rank == 0:
            self._probe()
            self._save()

    def _probe(self) -> None:
        result = probe.measure(self.model, self.tokenizer)
        self.curve.append(dict(tokens=self.tokens, **result))
        tqdm.write(json.dumps(self.curve[-1]))

    def _save(self) -> None:
        """Writes the state beside the old one and swaps them: a kill never leaves half a file."""
        state = dict(
            step=self.step, curve=self.curve, seconds=self.seconds, plan=asdict(self.plan),
            model=self.model.state_dict(), optimisers=[o.state_dict() for o in self.optimisers],
        )  # fmt: skip
        torch.save(state, self.folder / "state.new")
        os.replace(self.folder / "state.new", self.folder / "state.pt")

    def _resume(self) -> None:
        file = self.folder / "state.pt"
        if not file.exists():
            return
        state = torch.load(file, map_location=self.device)
        mine = asdict(self.plan)
        different = [k for k, v in state["plan"].items() if k != "tokens" and mine[k] != v]
        if different:
            raise SystemExit(
                f"{file} belongs to another run ({', '.join(different)} differ).\n"
                "  Cure: give the same settings, or another --folder, or delete that folder."
            )
        self.model.load_state_dict(state["model"])
        for optimiser, saved in zip(self.optimisers, state["optimisers"], strict=True):
            optimiser.load_state_dict(saved)
        self.step, self.curve, self.seconds = state["step"], state["curve"], state["seconds"]


def _process(rank: int, plan: Plan, folder: Path, processes: int, compiled: bool) -> None:
    """What each process does; process 0 also writes the files."""
    if processes > 1:
        torch.set_num_threads(1)  # two processes with spinning threads slow each other down
        meeting = f"file://{folder.resolve().as_posix()}/meeting"
        dist.init_process_group("gloo", init_method=meeting, rank=rank, world_size=processes)
    run = Run(plan, folder, rank, processes, compiled)
    run.train()
    if processes > 1:
        dist.destroy_process_group()


def export(folder: Path, target: Path) -> None:
    """Writes the trained model of ``folder`` as a Hugging Face folder (bfloat16) to ``target``."""
    state = torch.load(folder / "state.pt", map_location="cpu")
    words: PreTrainedTokenizerFast = tokenizer.load(folder / "tokenizer")
    model = architecture.new_model(words)
    model.load_state_dict(state["model"])
    target.mkdir(parents=True, exist_ok=True)
    model.to(torch.bfloat16).save_pretrained(target)
    words.save_pretrained(target)
    record = dict(plan=state["plan"], steps=state["step"], seconds=round(state["seconds"]),
                  tokens=state["step"] * batches.BATCH_TOKENS, curve=state["curve"])  # fmt: skip
    text = json.dumps(record, indent=1) + "\n"
    (target / "training_record.json").write_text(text, encoding="utf-8")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(
        prog="python -m factory.pretrain",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--tokens", type=float, default=23e6, help="the whole budget")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, default=WORK / "factory" / "pretrain")
    parser.add_argument("--target", type=Path, default=DATA / "models" / "pantry")
    parser.add_argument(
        "--no-compile", action="store_true", help="where torch.compile has no compiler"
    )
    parser.add_argument(
        "--export-only", action="store_true", help="write the model as it stands now"
    )
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    (arguments.folder / "meeting").unlink(missing_ok=True)
    if not arguments.export_only:
        tokenizer.load(arguments.folder / "tokenizer")  # made once, before processes ask for it
        plan = Plan(int(arguments.tokens), arguments.seed)
        rest = (plan, arguments.folder, arguments.processes, not arguments.no_compile)
        if arguments.processes == 1:
            _process(0, *rest)
        else:
            torch.multiprocessing.spawn(_process, rest, arguments.processes)
    export(arguments.folder, arguments.target)
    print(f"model written to {arguments.target}")


if __name__ == "__main__":
    main()
