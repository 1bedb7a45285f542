"""From one GGUF file to an ordinary model folder: weights, configuration, tokenizer, chat template.

GGUF is the format of llama.cpp: everything in one file, weights in 4 to 8 bits. To tune a model,
PyTorch wants ordinary numbers, so each weight is decoded into bfloat16 (16 bits). That changes
nothing: the file's numbers have fewer digits than bfloat16 keeps, up to its rounding.

``transformers`` reads such files, too, but holds all weights in float32 twice while it does:
3.3 GB for 270 million weights. Here they are decoded a few rows at a time.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from lessonlib.common.errors import LessonError, first_line
from lessonlib.common.i18n import _
from lessonlib.models.quiet import quiet

#: Gemma's turns. It has no system role: such a text goes before the first user's. The marks of
#: ``generation`` say which part the model writes, its end mark included.
GEMMA_TEMPLATE = (
    "{{ bos_token }}"
    "{% if messages[0]['role'] == 'system' %}"
    "{% set first = messages[0]['content'] + '\n\n' %}{% set rest = messages[1:] %}"
    "{% else %}{% set first = '' %}{% set rest = messages %}{% endif %}"
    "{% for m in rest %}{% if m['role'] == 'assistant' %}"
    "{{ '<start_of_turn>model\n' }}{% generation %}{{ m['content'] + '<end_of_turn>' }}"
    "{% endgeneration %}{{ '\n' }}"
    "{% else %}{{ '<start_of_turn>user\n' + (first if loop.first else '') + m['content']"
    " + '<end_of_turn>\n' }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif %}"
)
TURN_END = "<end_of_turn>"
#: What we can convert, by the names of transformers and of gguf.
KNOWN = {"gemma3_text": "GEMMA3"}
#: Rows of a matrix that are decoded at once.
ROWS = 8192


def convert(
    gguf_file: Path, target: Path, tell: Callable[[int, int], object] = lambda done, of: None
) -> None:
    """Write the model in ``gguf_file`` to ``target``, a folder that is there and empty.

    The same file gives the same bytes each time.

    Args:
        tell: told how many matrices are done, and of how many.

    Raises:
        LessonError: the package ``gguf`` is missing, or the file holds another kind of model.
    """
    try:
        import gguf  # noqa: F401
    except ImportError as error:
        raise LessonError(
            _("The package gguf, which reads the model's file, is not installed."),
            _("Set up the course again (python start.py), or: pip install gguf"),
        ) from error
    from transformers import AutoConfig, AutoTokenizer, GenerationConfig

    place = {"pretrained_model_name_or_path": gguf_file.parent, "gguf_file": gguf_file.name}
    with quiet():
        try:
            config = AutoConfig.from_pretrained(**place)
        except ValueError as error:  # a kind that transformers does not read
            raise _other_kind(gguf_file, first_line(error)) from error
        if config.model_type not in KNOWN:
            raise _other_kind(gguf_file, config.model_type)
        _save_weights(gguf_file, config, target, tell)
        tokenizer = AutoTokenizer.from_pretrained(**place)
    config.architectures, config.dtype = ["Gemma3ForCausalLM"], "bfloat16"
    config.save_pretrained(target)
    tokenizer.chat_template = GEMMA_TEMPLATE
    tokenizer.save_pretrained(target)
    ends = [tokenizer.eos_token_id, tokenizer.convert_tokens_to_ids(TURN_END)]
    GenerationConfig(
        bos_token_id=tokenizer.bos_token_id, eos_token_id=ends, pad_token_id=tokenizer.pad_token_id
    ).save_pretrained(target)


def _other_kind(gguf_file: Path, found: str) -> LessonError:
    return LessonError(
        _("{file} holds another kind of model: {found}.").format(file=gguf_file.name, found=found),
        _("This converter knows: {kinds}.").format(kinds=", ".join(KNOWN)),
    )


def _save_weights(gguf_file: Path, config, target: Path, tell) -> None:
    """Decode all weights and write ``model.safetensors``, by the names that transformers uses."""
    import gguf
    import torch
    from safetensors.torch import save_file
    from transformers import AutoModelForCausalLM

    with torch.device("meta"):  # shapes and names without numbers
        shapes = {name: tuple(weight.shape) for name, weight
                  in AutoModelForCausalLM.from_config(config).named_parameters()}  # fmt: skip
    kind = getattr(gguf.MODEL_ARCH, KNOWN[config.model_type])
    names = gguf.get_tensor_name_map(kind, config.num_hidden_layers)
    tensors = {tensor.name: tensor for tensor in gguf.GGUFReader(gguf_file).tensors}
    weights = {}
    for done, (name, shape) in enumerate(shapes.items()):
        tell(done, len(shapes))
        layer, _dot, last = name.rpartition(".")
        stored = f"{names.get_name(layer)}.{last}"
        if stored not in tensors:
            raise LessonError(_("The file has no {name}.").format(name=stored),
                              _("It is not complete, or of another kind: fetch it again."))
        # llama.cpp stores a norm's factor itself, transformers what is added to 1.
        weights[name] = _decoded(tensors[stored], shape, 1 if name.endswith("norm.weight") else 0)
    tell(len(shapes), len(shapes))
    save_file(weights, target / "model.safetensors", metadata={"format": "pt"})


def _decoded(tensor, shape: tuple[int, ...], less: int):
    """One tensor in bfloat16, each number less ``less``, a few rows at a time.

    The subtraction is done in float32: in bfloat16 it would round twice.
    """
    import gguf
    import torch

    made = torch.empty(shape, dtype=torch.bfloat16)
    for start in range(0, shape[0], ROWS):
        rows = gguf.dequantize(tensor.data[start : start + ROWS], tensor.tensor_type)
        made[start : start + ROWS] = torch.from_numpy(rows - less).to(torch.bfloat16)
    return made
