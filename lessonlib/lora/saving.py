"""How a tuned model is written to disk: the adapter alone, or merged into its base."""

from __future__ import annotations

from pathlib import Path

from lessonlib.models import configs, folders
from lessonlib.models.chat_template import end_ids, template_of
from lessonlib.models.loading import load_model, load_tokenizer


def save_adapter(model, folder: Path) -> None:
    """Write what was learned, and nothing of the base.

    Left to itself, PEFT adds the base's own embeddings where the adapter stands beside them, too.
    """
    model.save_pretrained(folder, save_embedding_layers=False)
    for card in folder.rglob("README.md"):  # PEFT's model card, all of it still to be filled in
        card.unlink()


def save_merged(base: str, adapter: Path, target: Path) -> None:
    """Write base plus adapter as one model, with tokenizer and chat template, to ``target``.

    The sum is taken in float32 and rounded once, to the number format that the base came in.
    Many models read and write with the same matrix of embeddings. An adapter beside it counts
    for reading alone; so the merged model gets two.

    Args:
        base: folder or hub name of the model that the adapter was trained on.
        adapter: a PEFT adapter folder.
    """
    import torch

    from lessonlib.models.peft import read_beside

    stored = configs.read(base)
    apart = getattr(stored, "tie_word_embeddings", False) and beside_embeddings(adapter)
    model = load_model(
        base, dtype=stored.dtype or torch.float32,
        **({"tie_word_embeddings": False} if apart else {}),
    )  # fmt: skip
    if apart:
        read, write = model.get_input_embeddings(), model.get_output_embeddings()
        write.weight = torch.nn.Parameter(read.weight.detach().clone())
    model = read_beside(model, adapter).merge_and_unload()
    tokenizer = load_tokenizer(base)
    if ends := end_ids(model, tokenizer):
        model.generation_config.eos_token_id = ends if len(ends) > 1 else ends[0]
    with folders.new_folder(target) as folder:
        model.save_pretrained(folder)
        # Whoever asks the model must write as it was trained, and stop where it ends its answers.
        tokenizer.chat_template = template_of(tokenizer)
        tokenizer.save_pretrained(folder)


def beside_embeddings(adapter: Path) -> bool:
    """Whether an adapter stands beside the base's embeddings, not only beside its layers."""
    from safetensors import safe_open

    with safe_open(adapter / "adapter_model.safetensors", framework="pt") as file:
        return any("lora_embedding_" in name for name in file.keys())
