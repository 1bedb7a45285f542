"""The built-in model's tokenizer: byte-level BPE that keeps words whole and apart.

Letters, digits and everything else never share a token, and spaces belong to "everything
else". So a word is cut into the same tokens wherever it stands: after a space, a quotation
mark or a bracket. For a large model that is a detail. For one with a few million parameters
it decides whether it can copy a word from a recipe into a JSON list: with the usual rule
("space + word" is a token of its own) it would have to learn every word twice.

    python -m factory.tokenizer        trains it and writes work/factory/tokenizer
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from factory.corpus import MIX, Phase, document

VOCABULARY = 3072
CONTEXT = 1024
SPECIAL = ("<|endoftext|>", "<|system|>", "<|user|>", "<|assistant|>", "<|end|>", "<|pad|>")
END_OF_TEXT, END_OF_TURN, PAD = SPECIAL[0], SPECIAL[4], SPECIAL[5]
#: Letters (with an apostrophe inside), single digits, or a run of anything else.
_WORDS = r"\p{L}+(?:'\p{L}+)*|\p{N}|[^\p{L}\p{N}]+"
_SEED = "tokenizer"
_DOCUMENTS = 40_000

#: Every chat begins with the token that every training document begins with. Without it the
#: model's attention has no place to rest, and it reads nothing well.
CHAT_TEMPLATE = (
    "{{ '<|endoftext|>' }}"
    "{% for m in messages %}<|{{ m['role'] }}|>"
    "{% if m['role'] == 'assistant' %}"
    "{% generation %}{{ m['content'] + '<|end|>' }}{% endgeneration %}"
    "{% else %}{{ m['content'] + '<|end|>' }}{% endif %}"
    "{{ '\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


def _texts() -> Iterator[str]:
    rng = Random(_SEED)
    for _ in range(_DOCUMENTS):
        phase = Phase(rng.choice(list(MIX)))
        text = "".join(text for text, _ in document(rng, phase)[1])
        for special in SPECIAL:
            text = text.replace(special, "\n")
        yield text


def train() -> PreTrainedTokenizerFast:
    """Trains the tokenizer on 40,000 documents (about a minute). Same corpus, same tokenizer."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_WORDS), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=list(SPECIAL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_texts(), trainer)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=END_OF_TEXT,
        eos_token=END_OF_TURN,
        pad_token=PAD,
        additional_special_tokens=list(SPECIAL[1:4]),
        model_max_length=CONTEXT,
        clean_up_tokenization_spaces=False,
    )
    fast.chat_template = CHAT_TEMPLATE
    return fast


def load(folder: Path) -> PreTrainedTokenizerFast:
    """The tokenizer in ``folder``; trained and saved there first if it is missing."""
    if not (folder / "tokenizer.json").exists():
        train().save_pretrained(folder)
    return PreTrainedTokenizerFast.from_pretrained(folder)


if __name__ == "__main__":
    from lessonlib.common.paths import WORK

    target = WORK / "factory" / "tokenizer"
    train().save_pretrained(target)
    print(f"tokenizer of {VOCABULARY} tokens written to {target}")
