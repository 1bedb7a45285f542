"""The built-in model's shape, and a start from which it can copy at once.

A Llama model (Touvron et al. 2023, https://arxiv.org/abs/2302.13971) of about 3.5 million
parameters, with biases in its attention.

Everything that the course shows rests on one skill: to look up in the text what stood beside a
word before. Olsson et al. 2022 ("In-context learning and induction heads",
https://arxiv.org/abs/2209.11895) found how transformers do it: one head looks at the token
before, a head in a later layer looks for a place where the token before was the same. A small
model may take hundreds of millions of tokens to find this by chance: one that started from
plain random weights, trained on 40 million tokens, looked up the right word in 18 of 100 cases.
So both kinds of head are put into the starting weights (``_look_back`` and ``_match``). They
know no words and no task, and training is free to change them.

Three things matter for that, each found by trial:

- The embeddings and what is added to them start at a size of 0.5, and the last norm shrinks the
  logits instead. At the usual 0.02 the optimiser's first steps wipe the start out.
- Rotary positions with a base of a million: most of a head's numbers hardly turn within the
  context, so that words can be compared across it.
- Heads of 64 numbers: a random view of a token in fewer confuses words.
"""

from __future__ import annotations

import torch
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from factory.tokenizer import CONTEXT, END_OF_TEXT

WIDTH, LAYERS, HEADS, HEAD_WIDTH, FEED_FORWARD = 192, 6, 4, 64, 512
ROPE_BASE = 1_000_000.0
#: Standard deviation of the embeddings at the start, and the weights of the last norm.
EMBEDDING, LAST_NORM = 0.5, 0.1
#: Rotary frequencies (radians per token) above this tell neighbours apart.
FAST = 0.02
#: Heads of layer 0 that start out looking so many tokens back.
DISTANCES = (1, 2, 3)
#: By layer, heads that start out matching: the token this far back, here, is to equal the token
#: that far back, there. (0, 1) is the induction head; (1, 2) reads "key = value" after "key =".
MATCHES: dict[int, tuple[tuple[int, int], ...]] = {1: ((0, 1), (1, 2), (0, 2))}


def new_model(tokenizer: PreTrainedTokenizerFast) -> LlamaForCausalLM:
    """An untrained model. Set ``torch.manual_seed`` first to make it repeatable."""
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=WIDTH,
        intermediate_size=FEED_FORWARD,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        num_key_value_heads=HEADS,
        head_dim=HEAD_WIDTH,
        attention_bias=True,
        max_position_embeddings=CONTEXT,
        rope_parameters={"rope_type": "default", "rope_theta": ROPE_BASE},
        tie_word_embeddings=True,
        bos_token_id=tokenizer.convert_tokens_to_ids(END_OF_TEXT),
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    model = LlamaForCausalLM(config)
    _initialise(model)
    _match(model, _look_back(model))
    return model


@torch.no_grad()
def _initialise(model: LlamaForCausalLM) -> None:
    """Starting weights: each matrix scaled to its width, small where it adds to the stream."""
    torch.nn.init.normal_(model.model.embed_tokens.weight, std=EMBEDDING)
    model.model.norm.weight.fill_(LAST_NORM)
    for layer in model.model.layers:
        attention, feed = layer.self_attn, layer.mlp
        reads = (attention.q_proj, attention.k_proj, attention.v_proj, feed.gate_proj, feed.up_proj)
        for linear in reads:
            torch.nn.init.normal_(linear.weight, std=0.7 * WIDTH**-0.5)
        for linear in (attention.o_proj, feed.down_proj):
            fan_in = linear.weight.shape[1]
            torch.nn.init.normal_(linear.weight, std=0.5 * EMBEDDING * fan_in**-0.5)
        for linear in (attention.q_proj, attention.k_proj, attention.v_proj, attention.o_proj):
            torch.nn.init.zeros_(linear.bias)


def _part(head: int) -> slice:
    """The rows of a layer's queries, keys and values that belong to one head."""
    return slice(head * HEAD_WIDTH, (head + 1) * HEAD_WIDTH)


def _frequencies() -> torch.Tensor:
    """How fast each pair of a head's numbers turns with position, in radians per token."""
    return ROPE_BASE ** (-torch.arange(0, HEAD_WIDTH, 2).float() / HEAD_WIDTH)


def _directions(count: int) -> torch.Tensor:
    """``count`` random orthonormal directions of the stream, shape (count, WIDTH)."""
    return torch.linalg.qr(torch.randn(WIDTH, count))[0].T


@torch.no_grad()
def _look_back(model: LlamaForCausalLM, strength: float = 12.0) -> dict[int, torch.Tensor]:
    """Makes heads of the first layer look a fixed number of tokens back.

    With rotary positions a constant query and a constant key, turned by the wanted distance,
    do it. Each head reads the token through the same random view and writes it down in a part
    of the stream of its own.

    Returns, by distance, the directions (HEAD_WIDTH, WIDTH) in which a later layer finds the
    token that stood so far back; distance 0 is the token itself.
    """
    frequencies = _frequencies()
    fast = (frequencies > FAST).float()
    attention = model.model.layers[0].self_attn
    view, room = _directions(HEAD_WIDTH), _directions(HEAD_WIDTH * len(DISTANCES))
    found = {0: view}
    for head, distance in enumerate(DISTANCES):
        part = _part(head)
        turned = frequencies * distance
        constant_key = torch.cat((torch.cos(turned) * fast, torch.sin(turned) * fast))
        attention.k_proj.bias[part] = strength * constant_key
        attention.q_proj.bias[part] = strength * torch.cat((fast, torch.zeros_like(fast)))
        attention.k_proj.weight[part] *= 0.1
        attention.q_proj.weight[part] *= 0.1
        found[distance] = room[part]
        attention.v_proj.weight[part] = view
        attention.o_proj.weight[:, part] = EMBEDDING * found[distance].T
    return found


@torch.no_grad()
def _match(model: LlamaForCausalLM, found: dict[int, torch.Tensor], sharpness: float = 4.0) -> None:
    """Makes heads look for earlier places with the same tokens around them, and copy from there.

    Only the slowly turning pairs compare; the fast ones would ask for a fixed distance, too.
    """
    slow = _frequencies() < FAST
    compare = torch.cat((slow, slow)).float().unsqueeze(1)
    mix = torch.linalg.qr(torch.randn(HEAD_WIDTH, HEAD_WIDTH))[0]
    for layer, pairs in MATCHES.items():
        attention = model.model.layers[layer].self_attn
        for head, (here, there) in enumerate(pairs):
            part = _part(head)
            attention.q_proj.weight[part] = sharpness**0.5 * compare * (mix @ found[here])
            attention.k_proj.weight[part] = sharpness**0.5 * compare * (mix @ found[there])
            copied = _directions(HEAD_WIDTH)
            attention.v_proj.weight[part] = copied
            attention.o_proj.weight[:, part] = EMBEDDING * copied.T
