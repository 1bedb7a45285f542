"""Ways to serve a tuned open model: what each needs, and the commands."""

from __future__ import annotations

import importlib.util
import shlex

from lessonlib.common.i18n import _
from lessonlib.models import catalogue, folders
from lessonlib.show.tables import Table

HEAD = (_("way"), _("needs"), _("serves"), _("good for"))
WAYS = (
    (_("the practice service"), _("this course"), _("models tuned here"), _("learning")),
    ("transformers serve", _("a processor or any GPU"), _("a merged model"),
     _("trying things out")),
    ("vLLM", _("Linux, best with a GPU"), _("a merged model, or base and adapters"),
     _("many users; many adapters on one base")),
    ("SGLang", _("Linux and a GPU"), _("a merged model, or base and adapters"), _("many users")),
    ("llama.cpp", _("a processor or any GPU"), _("a model converted to GGUF, and adapters"),
     _("one computer without a large GPU")),
)  # fmt: skip


def table() -> Table:
    """Ways to serve a tuned open model. As of November 2026, by each project's documentation.

    Introduced in notebook 12.
    """
    return Table(HEAD, WAYS)


def vllm_command(model: str, adapters: dict[str, str], rank: int = 16) -> str:
    """The command line that serves a base and adapters beside it with vLLM, on a GPU.

    Args:
        model: a name of ``models.catalogue``.
        adapters: name that requests use -> folder. A request for the base's own name gets it
            without an adapter.
        rank: the highest rank among them; vLLM refuses larger ones (its default is 16).

    Source: vLLM's documentation, page "LoRA Adapters", read 2026-11-25.

    Introduced in notebook 12.
    """
    words = ["vllm", "serve", folders.find_base(model)]
    for option, value in catalogue.pinned(words[2]).items():
        words += [f"--{option}", value]
    words += ["--enable-lora", "--max-lora-rank", str(rank), "--lora-modules"]
    words += [f"{name}={folder}" for name, folder in adapters.items()]
    return " ".join(map(shlex.quote, words)).replace(" --", " \\\n    --")


def unsloth_here() -> str:
    """One line: whether Unsloth can run here, and what it needs where it cannot.

    Introduced in notebook 12.
    """
    import torch

    if not torch.cuda.is_available():
        return _("Unsloth: not run. It needs a GPU, and PyTorch sees none here.")
    if importlib.util.find_spec("unsloth") is None:
        return _("Unsloth: not run. It is not installed here; give it an environment of its own"
                 " (pip install unsloth), because it changes the versions of these libraries.")
    return _("Unsloth is installed. Import it before transformers: it replaces parts of it.")
