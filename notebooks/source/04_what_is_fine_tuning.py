# ---
# jupyter:
#   jupytext:
#     formats: py:percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 04 · What is fine-tuning?
#
# You have asked a model, shown it examples, looked things up for it, and weighed up when tuning is
# worth the trouble. But what does tuning actually *do*? A language model is a machine that gives
# probabilities. Everything we can do to get better answers (pretraining, prompting, retrieval,
# tuning) moves those probabilities. In this notebook we watch all four move the same ones. Then we
# take tuning apart.
#
# **You will**
#
# - read a model's probabilities for the next word, before and after tuning,
# - take a few training steps in PyTorch, and see what each line of a step does,
# - compare four ways to move the same probabilities,
# - train with labels and without, and measure what each teaches and what each makes a model forget,
# - turn LoRA's knobs, and write a configuration for a model of seven billion weights yourself.
#
# **Before you start:** [00 · Start here](00_start_here.ipynb) for the task and the scores. Section
# 3 picks up few-shot prompts ([01](01_baseline_few_shot.ipynb)) and retrieval
# ([02](02_baseline_rag.ipynb)). You need no PyTorch.
#
# **Time:** 60 minutes, of which the computer works for about four.

# %%
import math
from collections import Counter

import lessonlib
from lessonlib import Method, compare, evaluate, exercises, lora
from lessonlib.common import paths
from lessonlib.lessons import nb04_next_tokens as next_tokens
from lessonlib.lessons import real_runs
from lessonlib.tasks import prompting, recipes, training_rows

PROVIDER = "practice"  # who serves the models; it must be able to give log-probabilities
MODEL = "pantry"  # the model that we start from
EXAMPLES = 160  # how many examples we tune on

# %% tags=["nbval-ignore-output"] reason="whether the service was already running differs"
client = lessonlib.connect(PROVIDER)

# %% [markdown]
# ## 1. A model gives probabilities
#
# Text is cut into **tokens**: words, parts of words, punctuation. A language model reads the tokens
# so far and gives every token of its vocabulary a probability of being the next one. That is all it
# does. To write an answer, a program picks a token, appends it to the text, and asks again.
#
# We take a recipe whose first ingredient goes by another name in this kitchen. The right answer is
# a JSON list that begins with the house name. So the first word of the answer tells us whether the
# model knows that name.

# %%
train, validation, test = map(recipes.load, ("train", "validation", "test"))
train = train[:EXAMPLES]
example = next(recipe for recipe in test if recipe.names[0] == "kosher salt")
print(recipes.user_message(example))
print()
print("Wanted:", recipes.answer(example))

# %% [markdown]
# A request can ask for the probabilities along with the answer: `logprobs=True`, and in
# `top_logprobs` how many tokens for each place. They arrive as natural logarithms, so
# `exp(logprob)` is the probability. Two more arguments: `max_tokens=3` stops after three tokens,
# and `temperature=0` always writes the most likely one.

# %% tags=["nbval-ignore-output"] reason="digits differ between processors"
response = client.chat.completions.create(
    model=MODEL, messages=prompting.bare(example), max_tokens=3, temperature=0,
    logprobs=True, top_logprobs=5,
)
for place in response.choices[0].logprobs.content:
    likely = ", ".join(f"{one.token!r} {math.exp(one.logprob):.3f}" for one in place.top_logprobs)
    print(f"written {place.token!r:10} most likely: {likely}")

# %% [markdown]
# Each line is one token of the answer, with what else could have stood there. A name begins at the
# first token that has letters. `next_tokens.first_word` sends the same kind of request, finds that
# place, and keeps its 20 most likely tokens. (Services give no more.)

# %% tags=["nbval-ignore-output"] reason="digits differ between processors"
before = next_tokens.first_word(client, MODEL, prompting.bare(example))
print(f"The answer so far: {before.before!r}. What comes next?")
for token, probability in list(before.probabilities.items())[:4]:
    print(f"{probability:6.3f}  {token}")
print(f"{before.rest:6.3f}  all tokens beyond the 20 most likely, together")
right = example.ingredients[0]
print(f"\nThe right house name, {right!r}: {before.of(right):.3f}")

# %% [markdown] tags=["what-we-saw"]
# You may have expected `["`. The model opened with `<"` instead: the bare prompt names no format,
# so it guesses at one of the many that it has read. Then it copied what stands in the recipe:
# `kosher` has a probability of 0.69. The house name is not even among the 20 most likely tokens, so
# its probability prints as 0.000. This kitchen's choice of words was in no training text.

# %% [markdown]
# ## 2. Before and after tuning
#
# Notebook 00 tuned in one line. Here is the heart of that line in PyTorch, the library that does
# the computing. We load the model from its folder. **PEFT**, a library by Hugging Face, puts an
# *adapter* beside it: the few numbers that training will change. (`r` sets its size and
# `lora_alpha` its strength; sections 5 to 7 explain both.)

# %%
import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer

from lessonlib.models.quiet import quiet

tokenizer = AutoTokenizer.from_pretrained(paths.BUILT_IN)
with quiet():  # leaves out the libraries' remarks
    model = AutoModelForCausalLM.from_pretrained(paths.BUILT_IN, dtype=torch.float32)
    adapter = LoraConfig(r=8, lora_alpha=16, target_modules="all-linear", task_type="CAUSAL_LM")
    model = get_peft_model(model, adapter)
model.print_trainable_parameters()

# %% [markdown]
# Eight recipes with the right answers make one **batch**: the examples that a single step learns
# from. The tokenizer, which cuts text into tokens, turns each chat into one row of token numbers,
# fills up the short rows (`padding`), and marks which tokens belong to an answer. Only those are to
# be learned. A token is predicted from what stands *before* it, so it is compared with the scores
# one place earlier. That is why `[:, 1:]` here, and `[:, :-1]` below, leave one place out. (Not
# every model's template can mark answers. Notebook 05 shows a way that always works.)

# %%
chats = [row["messages"] for row in training_rows.chat_rows(train[:8])]
batch = tokenizer.apply_chat_template(chats, padding=True, return_tensors="pt", return_dict=True,
                                      return_assistant_tokens_mask=True)
is_answer = batch.pop("assistant_masks")[:, 1:].bool()  # no token comes before the first
wanted = batch["input_ids"][:, 1:][is_answer]
print("rows, tokens in the longest:", tuple(batch["input_ids"].shape))
print(f"{len(wanted)} tokens of answers, which begin: {tokenizer.decode(wanted[:16])}")

# %% [markdown]
# One training **step** has five lines, not counting the one that prints.
#
# 1. *Forward*: at each place, the model gives every token a score.
# 2. The **loss** (cross-entropy) turns scores into probabilities, and says how surprising the right
#    tokens were: the mean of `-log(probability)`, in *nats* per token. (A nat is a bit for people
#    who use the natural logarithm.)
# 3. *Backward*: how would the loss change if each number of the adapter changed a little? That is
#    the number's **gradient**.
# 4. The **optimizer** moves each number a little, in the direction that lowers the loss. `lr`, the
#    learning rate, says how far.
# 5. `zero_grad()` clears the gradients for the next step.
#
# Only the adapter's numbers move (`requires_grad`); the rest is frozen. We use the same batch again
# and again, and print the loss *before* each step, so the first line is the untuned model.

# %% tags=["nbval-ignore-output"] reason="digits differ between processors"
optimizer = torch.optim.AdamW((w for w in model.parameters() if w.requires_grad), lr=3e-3)
for step in range(6):
    scores = model(**batch).logits[:, :-1][is_answer]
    loss = torch.nn.functional.cross_entropy(scores, wanted)
    print(f"after {step} steps: loss {loss.item():.2f}, "
          f"a right token gets a probability of about {math.exp(-loss.item()):.2f}")
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()

# %% [markdown] tags=["what-we-saw"]
# Five steps took the loss from 1.97 to about 0.8, and the probability of a right token from 0.14 to
# 0.45. Where the right tokens gain, all others lose. Nobody told the model a rule; it was only
# pulled towards these eight answers. Whether that helps with *other* recipes, these lines can't
# say. Only recipes that were not trained on can.

# %% [markdown]
# `lora.tune` is in essence this loop, over all examples, one batch after another, several times
# (*epochs*). You can read it: run `??lora.tune` in a cell of its own, and Jupyter shows the source.
# (The loop itself is in `lessonlib/lora/loop.py`.) After each epoch it also measures the
# **validation loss**, the loss on recipes that it does not train on.
#
# We take 160 examples and four epochs here, where notebook 00 took 400 examples. The score will be
# a little lower: that's one reason why scores differ between notebooks, and why you should compare
# them within one. But we shall train nine models here, and you shouldn't have to wait.

# %% tags=["nbval-ignore-output"] reason="losses and seconds differ between runs"
checks = training_rows.chat_rows(validation[:20])
settings = lora.LoraSettings(epochs=4, batch_size=8, learning_rate=3e-3)
tuned = lora.tune(training_rows.chat_rows(train), "what-is-tuned", settings=settings,
                  validation=checks)
tuned

# %% tags=["nbval-ignore-output"] reason="digits differ between processors"
after = next_tokens.first_word(client, tuned.name, prompting.bare(example))
next_tokens.side_by_side({"before tuning": before, "after tuning": after}, right)

# %% [markdown] tags=["what-we-saw"]
# The same prompt, the same place, another distribution. The filled bar is the house name: from
# practically nothing to 0.98. Tuning put nothing into the prompt and stored no table anywhere. It
# changed the numbers that the model computes with, its **weights**, and that moved the
# probabilities.

# %% [markdown]
# ## 3. Four ways to move the same probabilities
#
# | | what it changes | how long it lasts |
# |---|---|---|
# | pretraining | all weights, from nothing, with a great deal of text | for good |
# | prompting | the text before the question: instructions or solved examples | one request |
# | retrieval | the text before the question: what was looked up for it | one request |
# | tuning | the weights, a little further, with our examples | for good |
#
# One recipe proves little. We take all test recipes whose first ingredient has a house name that
# begins with another word, ask about each in five ways, and take the mean. (We only look here and
# choose nothing, so the test set stays a fair test.)

# %%
from lessonlib.tasks.retrieval import GlossaryLookup

entries = recipes.load_glossary(until=recipes.TRAINING_DATE)
asked = next_tokens.renamed_first(test, entries)
names = [recipe.ingredients[0] for recipe in asked]
shown = Counter(name for recipe in train for name in recipe.names)
often = sum(shown[recipe.names[0]] >= 4 for recipe in asked)
never = sum(shown[recipe.names[0]] == 0 for recipe in asked)
print(f"{len(asked)} recipes. Our training examples show the name at least four times for "
      f"{often} of them, and never for {never}.")

# %% tags=["nbval-ignore-output"] reason="digits differ between processors"
lookup = GlossaryLookup(entries)
shots = prompting.pick_balanced(train, k=2)
ways = {
    "bare prompt": (MODEL, prompting.bare),
    "instructions": (MODEL, prompting.instructions),
    "two examples": (MODEL, lambda one: prompting.few_shot(one, shots)),
    "looked-up glossary lines": (MODEL, lambda one: prompting.with_glossary(one, lookup.find(one))),
    "tuned, bare prompt": (tuned.name, prompting.bare),
}
found = {way: next_tokens.first_words(client, *how, asked) for way, how in ways.items()}

# %% tags=["nbval-ignore-output"] reason="digits differ between processors"
from lessonlib.models import sizes

means = {way: next_tokens.mean_probability(one, names) for way, one in found.items()}
untrained = 1 / sizes.vocabulary_size()
next_tokens.of_one_word(means, untrained, "How probable is the right house name?")

# %% [markdown]
# The line at the left edge is where *pretraining* began: a model that has learned nothing considers
# every token equally likely. The bar of the bare prompt is what pretraining alone gave. What does
# each way add to that? And is tuning ahead of looking up?

# %% tags=["nbval-ignore-output"] reason="digits differ between processors"
def better_by(one, other, keep=tuple(range(len(asked)))):
    """How much more probable the right name is, paired, on the recipes to keep."""
    rows = [[found[way][place] for place in keep] for way in (one, other)]
    gain = next_tokens.difference(*rows, [names[place] for place in keep])
    print(f"{one} minus {other}: {gain}")


for way in list(ways)[1:]:
    better_by(way, "bare prompt")
print()
tuning, looking_up = "tuned, bare prompt", "looked-up glossary lines"
better_by(tuning, looking_up)
print("Only names that the training examples show at least four times:")
better_by(tuning, looking_up, [n for n, one in enumerate(asked) if shown[one.names[0]] >= 4])

# %% [markdown] tags=["what-we-saw"]
# Instructions hold no house name, so they can do little: 0.03. Two examples help with the names
# that they happen to show: 0.18. A looked-up glossary line holds the very name, and the model makes
# use of it: 0.85. Tuning reaches 0.62 with nothing in the prompt at all.
#
# On all 74 recipes, tuning is worse than looking up, by 0.23. On the names that our examples show
# at least four times, we cannot tell the two apart. So tuning knows what it was shown often.
# Retrieval doesn't depend on that; it even knows a name that was added this morning. No way is best
# in every case, and more examples may change this one: notebook 05 measures how much they add to
# the score.

# %% [markdown]
# ## 4. With labels, or without
#
# What we did is **supervised fine-tuning**: new examples, each with a **label**, the answer we
# want. The loss counts the answer alone, as in section 2. That is what people usually mean by
# fine-tuning, and what this course means by it.
#
# You can also train on without labels, as in pretraining: the model reads plain text and learns to
# predict every token of it. This is called *unsupervised* fine-tuning or **continued pretraining**.
# Nobody has to write answers for it. Here are both kinds of row, made from one recipe.

# %%
with_label = training_rows.chat_rows(train)[2]
without_label = training_rows.text_rows(train)[2]
print("with a label, only this is learned:")
print(with_label["messages"][-1]["content"])
print("\nwithout a label, all of this is learned:")
print(without_label["text"])

# %% [markdown]
# We train on the same recipes for as many epochs, with the same settings. Only the rows differ.

# %% tags=["nbval-ignore-output"] reason="losses and seconds differ between runs"
raw = lora.tune(training_rows.text_rows(train), "what-is-raw", settings=settings,
                validation=checks, show=False)
raw

# %% [markdown]
# Now all three models take the same four tests. Three are losses, so lower is better: on *the text
# of recipes*, on *the right answers*, and on *other text* of the kind that `pantry` was pretrained
# on. If the last one rises, the model has lost something it could do before. That is called
# **forgetting**. The fourth test is *the job itself*: micro-F1 on validation recipes. All three get
# the prompt with instructions, because with the bare prompt the untuned model has nothing to lose.

# %% tags=["nbval-ignore-output"] reason="digits differ between processors"
from lessonlib.lora import forgetting

texts = [row["text"] for row in training_rows.text_rows(validation[:20])]
models = {"not tuned": (MODEL, paths.BUILT_IN, raw.history[0]),  # step 0 is the untuned model
          "raw text": (raw.name, raw.folder, raw.epochs[-1]),
          "with labels": (tuned.name, tuned.folder, tuned.epochs[-1])}
told_by = {}
print("loss on:       recipe text   answers   other text   micro-F1")
for label, (name, folder, point) in models.items():
    told_by[label] = evaluate(client, Method(label, name, prompting.instructions), validation)
    print(f"{label:15}{forgetting.general_loss(folder, texts):11.2f}{point.validation_loss:10.2f}"
          f"{forgetting.general_loss(folder):13.2f}   {told_by[label].metrics()['micro_f1']}")

# %% tags=["nbval-ignore-output"] reason="digits differ between processors"
for one, other in (("raw text", "not tuned"), ("with labels", "not tuned")):
    change = compare(told_by[one], told_by[other])
    print(f"{one} minus {other}: micro-F1 {change}")

# %% [markdown] tags=["what-we-saw"]
# Read the table column by column. Raw text taught the model to predict recipes (3.70 down to 1.96),
# but not the job: with instructions it scores 0.47 against 0.45, which we cannot tell apart. Labels
# taught the job: 0.85, better than untuned by 0.40.
#
# And both made the model **forget**. Its loss on other text rose from 1.76 to 2.44 with raw text,
# and to 2.22 with labels. The model tuned with labels even predicts recipes a little worse than
# before (3.94), since nothing asked it to keep that up. Whether forgetting matters depends on
# whether anybody needs what was forgotten; [notebook 10](10_compare_and_decide.ipynb) measures it
# again. People continue pretraining where a model doesn't know the *language* of a field; we
# haven't measured that. For this *task*, labels are what counted.

# %% tags=["nbval-ignore-output"] reason="a picture of measured numbers"
real = real_runs.load()
for text in ("recipes", "prose"):
    print(f"Gemma's loss on {text}: {real.loss('not tuned', text):.2f} not tuned, "
          f"{real.loss('raw text', text):.2f} after raw text, "
          f"{real.loss('tuned on 400', text):.2f} tuned with labels")
real_runs.show({"not tuned": "bare prompt", "raw text": "raw text", "with labels": "tuned on 400"})

# %% [markdown] tags=["what-we-saw"]
# The same on a real model, only more so. Raw text takes Gemma's loss on recipes from 3.46 to 1.85,
# and it still gets none of the answers: 0.00. And both trainings make plain English prose more
# surprising than it was: 4.71 before, 6.06 after raw text, 5.76 after labels.

# %% [markdown]
# ## 5. LoRA in one picture
#
# A model is built of **layers**, equal parts stacked one upon the other, and each layer holds a few
# large matrices of weights. Training all of them takes a great deal of memory. **LoRA** (low-rank
# adaptation) leaves each large matrix `W` as it is, *frozen*, and trains two narrow ones beside it,
# `B` and `A`. Their product has the size of `W` and is added to it. How narrow they are is the
# **rank** `r`. Everything that was learned is in `B` and `A`: that is the **adapter**.

# %%
from lessonlib.lessons.nb04_lora_picture import lora_picture

shapes = sizes.matrices()
name = next(name for name in shapes if name.endswith("q_proj"))
lora_picture(*shapes[name], rank=8, name=name.split(".")[-1])

# %% [markdown]
# `q_proj`, the `W` of this picture, is one of the matrices in each layer. The adapter has a `B` and
# an `A` for every one of them. We count what that comes to, and compare it with the file that our
# tuning wrote.

# %%
size = sizes.adapter_size(rank=settings.rank)
print(f"{len(shapes)} matrices in the model, {size.base_weights:,} weights in all")
print(f"an adapter of rank {size.rank}: {size.weights:,} weights ({size.share:.1%})")
print(f"in the adapter's file:   {sizes.weights_in(tuned.adapter_folder):,} weights")
wide = 4096  # a width that large models have
for rank in (16, 64):
    share = rank * (wide + wide) / wide**2
    print(f"rank {rank} beside a matrix of {wide} x {wide}: {share:.1%} of its weights")

# %% [markdown]
# `pantry`'s matrices are narrow, so an adapter is a large share of it. In a large model the
# matrices are thousands wide, and an adapter of the same rank is a small part of them.
#
# ### What fills the memory
#
# Each weight that is *trained* takes about 16 bytes: the weight, its gradient, and two running
# means that the optimizer keeps. LoRA saves nearly all of that. What remains is the frozen model
# itself, and the *activations*: what each layer has computed and keeps until the gradients are
# done. For a model of 7 billion weights, with eight recipes at a time:

# %%
from lessonlib.lora import memory
from lessonlib.models import catalogue

llama = catalogue.find("CodeLlama-7b")
print(f"training all {llama.parameters / 1e9:.1f} billion weights: "
      f"{memory.gigabytes(16 * llama.parameters)} before a single activation\n")
ways_to_tune = {"LoRA": {}, "activations computed twice": {"recompute": True},
                "and 4 bits a weight (QLoRA)": {"recompute": True, "four_bit": True}}
gb = memory.gigabytes
for label, change in ways_to_tune.items():
    needed = memory.estimate(llama, lora.LoraSettings(rank=16, batch_size=8, **change), "cuda-bf16")
    print(f"{label:27} model {gb(needed.weights):>7}, adapter {gb(needed.adapter)}, "
          f"activations {gb(needed.activations):>7}, in all {gb(needed.total):>7}")

# %% [markdown] tags=["what-we-saw"]
# Training all weights would take 107.8 GB. LoRA's adapter takes 640 MB, and the rest is the frozen
# model and its activations. *Gradient checkpointing* throws activations away and computes them
# again when they are needed: that costs about a third more time. **QLoRA** keeps the frozen model
# in 4 bits a weight and trains an ordinary adapter beside it; the model shrinks from 13.5 GB to 3.9
# GB, and the whole job fits on a card with 8 GB. These are estimates; [notebook
# 12](12_serve_and_take_home.ipynb) makes them for other models and cards.

# %% [markdown]
# ## 6. The rank: what it costs, and how much it helps
#
# A higher rank lets the adapter change more at once, and has more weights to train. We try three
# lower ranks with the same rows and settings as before. Our tuned model from section 2 has rank 64.
# We measure on validation recipes, because this is a choice.

# %% tags=["nbval-ignore-output"] reason="losses and seconds differ between runs"
from lessonlib.lessons.nb04_rank_lab import RankLab

lab = RankLab(client, training_rows.chat_rows(train), checks, validation, settings)
for rank in (1, 4, 16):
    print(lab.run(rank))
print(lab.add(tuned))
lab.picture()

# %% tags=["nbval-ignore-output"] reason="digits differ between processors"
for (higher, lower), change in lab.pairs().items():
    print(f"rank {higher:2} minus rank {lower:2}: micro-F1 {change}")

# %% [markdown] tags=["what-we-saw"]
# On `pantry`, every step up is better: by 0.04 from rank 1 to 4, by 0.04 to 16, and by 0.07 to 64.
# That is why this course tunes it with rank 64. A likely reason: its matrices are narrow and there
# are many new names to learn in only 80 steps, so a low rank leaves little room. One warning: each
# rank was trained once. The intervals hold the luck of the questions, not that of the training, and
# a difference of 0.04 might turn out otherwise with another seed.
# <!-- derived: 80 = 160 * 4 / 8 -->

# %% tags=["nbval-ignore-output"] reason="a picture of measured numbers"
real_runs.show({"rank 1": "rank 1", "rank 4": "rank 4", "rank 16": "tuned on 200",
                "rank 64": "rank 64"})

# %% [markdown] tags=["what-we-saw"]
# How to read Gemma's scores, here and in notebook 05: each model was *trained* for about 200 steps,
# here on 200 examples (8 epochs), and *asked* at the epoch with the lowest validation loss. It gets
# 0.83 with rank 1, and 0.90 with rank 4, which is better. After that we cannot tell: 0.91 and 0.92.
#
# Which epoch is asked matters, too. After the last one, ranks 4, 16 and 64 get 0.90, 0.93 and 0.93.
# There rank 16 is better than rank 4, if only just; 64 can be told from neither. So a rank of 1 is
# too low here, and no step beyond 16 shows. People often begin with 8, 16 or 32, and go higher only
# if a measurement says so. `pantry`'s 64 is nothing to copy.
# <!-- record: rank 4, last epoch -->
# <!-- record: tuned on 200, last epoch -->
# <!-- record: rank 64, last epoch -->

# %% [markdown]
# If you like, try other ranks: choose one, read what it costs, and press the button to tune with
# it. Each run adds a point to the picture.

# %%
lab.explore()

# %% [markdown]
# ## 7. The other knobs
#
# ### Alpha, twice
#
# What is added to `W` is `alpha / r` times `B A`. With alpha at twice the rank, as here, that
# factor is 2 whatever the rank. There are two ways to change it, and they are easily confused.
#
# *After training* it's a volume control. At strength 0 the model is the old one, at 1 it is as
# trained, at 2 everything that the adapter changes counts double.

# %% tags=["nbval-ignore-output"] reason="digits differ between processors"
from lessonlib.lessons import nb04_strength

strengths = (0, 0.5, 1, 1.5, 2)
for strength, loss in zip(strengths, nb04_strength.losses(tuned, checks, strengths), strict=True):
    print(f"finished adapter at strength {strength:3}: loss on answers {loss:.2f}")

# %% [markdown]
# *In training* it's something else. Before you run the next cell, make a prediction: we train once
# more with an alpha twice as large. Will the loss be like that at strength 2?

# %% tags=["nbval-ignore-output"] reason="losses and seconds differ between runs"
from dataclasses import replace

louder = lora.tune(training_rows.chat_rows(train), "what-is-louder", validation=checks,
                   settings=replace(settings, alpha=4 * settings.rank), show=False)
print(f"trained with alpha = 2 r: loss on answers {tuned.epochs[-1].validation_loss:.2f}")
print(f"trained with alpha = 4 r: loss on answers {louder.epochs[-1].validation_loss:.2f}")

# %% [markdown] tags=["what-we-saw"]
# The *finished* adapter works best as trained. At strength 2 the loss is 1.83, no lower than the
# untuned model's 1.80. But *trained* with twice the alpha, the model ends at 0.51, not far from the
# 0.41 of our first run: training adapts to the factor, which then acts much like a larger learning
# rate. So don't read the first list as advice about alpha. Leave alpha at `r` or `2 r`, and look
# for a good learning rate instead.

# %% [markdown]
# ### Target modules
#
# The **target modules** are the matrices that get an adapter: all of them, or only some, such as
# `q_proj` and `v_proj` in the first paper on LoRA. To compare *where* the weights are and not *how
# many* there are, we give both about the same number: rank 64 for the two, rank 16 for all.

# %% tags=["nbval-ignore-output"] reason="losses and seconds differ between runs"
two = lora.tune(training_rows.chat_rows(train), "what-is-two", validation=checks,
                settings=replace(settings, targets=("q_proj", "v_proj")), show=False)
two_asked = evaluate(client, Method("q_proj, v_proj", two.name, prompting.tuned), validation)
for label, one, result in (("all, rank 16", sizes.adapter_size(16), lab.runs[16].result),
                           ("q_proj, v_proj, rank 64",
                            sizes.adapter_size(64, two.settings.targets), two_asked)):
    print(f"{label:24}{one.weights:9,} weights   micro-F1 {result.metrics()['micro_f1']}")
change = compare(lab.runs[16].result, two_asked)
print(f"all minus two: {change}")

# %% [markdown] tags=["what-we-saw"]
# With about the same number of weights, spreading them over all matrices is better here: 0.79
# against 0.75, one training each. It's also today's usual choice. (Had we given both rank 64, all
# matrices would have had more than four times the weights, and we couldn't have said which of the
# two helped.)
# <!-- derived: 4.36 = 1499136 / 344064 -->

# %% [markdown]
# ### Learning rate and epochs
#
# The **learning rate** says how far each step goes. If it's too small, little is learned in the
# time; if it's too large, the steps jump over what they aim for. An **epoch** is one pass over all
# examples. More passes fit the training examples ever more closely. At some point the model learns
# them by heart and gets worse on new ones: that is **overfitting**.
#
# The two losses, on training and on validation rows, tell you which of these you have. Here are
# three trainings: one with a learning rate a hundred times smaller than ours, one with a rate ten
# times larger, and one on just 25 examples, 50 times over. The last is a recorded run of Gemma. The
# pictures don't say which is which. (The code does, so look at them first.)

# %% tags=["nbval-ignore-output"] reason="losses differ between runs"
half = training_rows.chat_rows(train[:80])
small = lora.tune(half, "what-is-small", validation=checks, show=False,
                  settings=replace(settings, learning_rate=settings.learning_rate / 100))
large = lora.tune(half, "what-is-large", validation=checks, show=False,
                  settings=replace(settings, learning_rate=settings.learning_rate * 10))
curves = {"A": large.losses_by_epoch(), "B": small.losses_by_epoch(),
          "C": real.training("tuned on 25, again and again").epochs()}

# %% tags=["nbval-ignore-output"] reason="a picture of measured numbers"
from lessonlib.show import pictures

fig, axes = pictures.figure(columns=3, width=10, height=3.2)
told = []
for panel, (name, (epochs, training, checked)) in zip(axes, curves.items(), strict=True):
    panel.plot(epochs, training, label="training")
    panel.plot(epochs, checked, "--", marker="o", markersize=4, label="validation")
    panel.set(title=name, xlabel="epoch", ylim=(0, None))
    told.append(f"{name}: training {training[0]:.2f} to {training[-1]:.2f}, validation "
                f"{checked[0]:.2f} to {checked[-1]:.2f}, lowest {min(checked):.2f}")
axes[0].set_ylabel("loss on answers")
axes[-1].legend()
pictures.show(fig, f"Three trainings, losses by epoch. {'. '.join(told)}.")

# %% [markdown]
# ### Exercise 04-1
#
# Read the three pictures. For each, say what is wrong: `"rate too small"`, `"rate too large"` or
# `"overfitting"`.

# %% tags=["exercise"]
# BEGIN SOLUTION
diagnosis = {"A": "rate too large", "B": "rate too small", "C": "overfitting"}
# END SOLUTION

# %%
exercises.check("04-1", diagnosis)

# %% [markdown] tags=["hint"]
# Look at the training loss first: does it get anywhere? Then at the other one: do the two part? And
# read the numbers on the axes.

# %% [markdown]
# And what do you do about it? If the rate is too small or too large, try a few that lie a factor of
# 3 to 10 apart, briefly. Against overfitting: keep the model at several moments of its training.
# Each of these is a **checkpoint** ([notebook 06](06_tune_openai.ipynb) goes back to one). The
# validation loss tells you where to look; then compare the checkpoints' scores on validation
# recipes. Or collect more examples.

# %% tags=["nbval-ignore-output"] reason="a picture of measured numbers"
best = min(tuned.epochs, key=lambda point: point.validation_loss)
for point in tuned.epochs:
    mark = "  <- lowest" if point is best else ""
    print(f"our model, epoch {point.epoch:.0f}: validation loss {point.validation_loss:.3f}{mark}")
real_runs.show_losses("tuned on 25, again and again")

# %% [markdown] tags=["what-we-saw"]
# Our own run has its lowest validation loss at the end, so it isn't overfitted; another epoch might
# still help. Gemma on 25 examples is what overfitting looks like: the training loss falls to 0.00,
# while the validation loss is lowest at epoch 5 with 0.67 and then rises to 1.15.
#
# Now look at the scores on validation recipes. While that loss rises, they don't fall: 0.54 after
# epoch 4, 0.52 after 8 and 16, and then 0.64 and 0.63 after 32 and 50. Epoch 50 is better than
# epoch 4, by 0.09. A model kept because its loss was lowest would have missed that. (Epoch 5 itself
# was not asked; 4 is the nearest.) The two measure different things. The loss asks how surprised
# the model is by each right token, and an overfitted model is punished for being too sure of
# itself. The score only asks which token comes out on top. So the loss warns you early, and the
# score on validation recipes has the last word. (Notebook 05 shows 0.59 for Gemma on 25 examples:
# another rate, 5e-4 instead of 1e-3, and asked at the lowest loss.)
# <!-- derived: 0.09 = 0.63 - 0.54 -->
# <!-- record: tuned on 25 -->

# %% tags=["nbval-ignore-output"] reason="a picture of measured numbers"
real_runs.show({"rate 2e-5": "learning rate 2e-05", "rate 2e-4": "learning rate 0.0002",
                "rate 5e-4": "tuned on 200"}, picture=False)

# %% [markdown] tags=["what-we-saw"]
# With 2e-4 and 5e-4, Gemma gets 0.92 and 0.91, which we cannot tell apart. With 2e-5 it gets 0.67,
# although that model was asked at its last epoch, where its validation loss was lowest: about 200
# steps were too few for so small a rate. `pantry` takes 3e-3. As a rule, the larger the model, the
# smaller the rate; for billions of weights, people begin with 1e-4 to 2e-4.

# %% [markdown]
# ## 8. Your turn
#
# ### Exercise 04-2
#
# Predict, then measure. The tuned model learned with the *bare* prompt. Now we ask it with
# *instructions*, a prompt it never saw in training. Compared with the bare prompt, will its
# micro-F1 be `"better"`, `"worse"`, or will 100 recipes not be enough to tell (`"cannot tell"`)?
# Write down your guess before you run the check, which holds the measurement.

# %% tags=["exercise"]
# BEGIN SOLUTION
guess = "cannot tell"
# END SOLUTION

# %%
exercises.check("04-2", guess, compare(told_by["with labels"], lab.runs[64].result))

# %% [markdown] tags=["hint"]
# Nearly everyone says "worse". There is no shame in a wrong guess. Read what was measured, change
# your guess, and ask yourself: what did the training change, and which part of the prompt does the
# model still need?

# %% [markdown]
# ### Exercise 04-3
#
# Write the configuration for a real job: CodeLlama with 6.7 billion weights, on the T4 that Google
# Colab lends for free, a card with 16 GB. `config` is PEFT's `LoraConfig`, as in section 2;
# `four_bits` says whether the frozen model is kept in 4 bits. Three conditions: it must fit on the
# card (activations computed twice, four rows at a time); every matrix of every layer gets an
# adapter; and the adapter has at most 1 % of the model's weights.

# %% tags=["exercise"]
# BEGIN SOLUTION
config = LoraConfig(r=16, lora_alpha=32, target_modules="all-linear", task_type="CAUSAL_LM")
four_bits = True
# END SOLUTION

# %%
exercises.check("04-3", config, four_bits)

# %% [markdown] tags=["hint"]
# 6.7 billion weights of 2 bytes each: how many GB is that, and what is left of the card's 16 for
# everything else? For the rank, begin with a usual one and let the check tell you what it comes to.

# %% [markdown]
# ### Exercise 04-4
#
# When training is done, the adapter is *merged*: added into the frozen matrix, so that the model
# can be served like any other. Write that sum. `W`, `B` and `A` are NumPy arrays with the shapes
# from the picture in section 5; `@` multiplies matrices.

# %% tags=["exercise"]
def merged(W, B, A, alpha, rank):
    # BEGIN SOLUTION
    return W + alpha / rank * (B @ A)
    # END SOLUTION


# %%
exercises.check("04-4", merged)

# %% [markdown] tags=["hint"]
# It is the formula in the picture of section 5.

# %% [markdown]
# ## 9. A short quiz

# %%
exercises.quiz("04")

# %% [markdown]
# ## What to remember
#
# - A language model gives probabilities for the next token. Whatever we do to get better answers
#   moves them.
# - Prompting and retrieval move them for one request, through what the model reads. Tuning moves
#   them for good, by changing weights.
# - A training step: scores, loss, gradients, a small move of the weights. Tuning is many of them.
# - Labels teach a task, raw text teaches text. Either way the model forgets something: measure it.
# - LoRA freezes the model and trains a small adapter beside it. What fills the memory is the frozen
#   model and its activations; QLoRA keeps that model in 4 bits.
# - Where to begin with a real model: rank 16, alpha twice that, all matrices, a rate of 2e-4.
# - The training loss says whether anything is learned, the validation loss whether it is of use
#   elsewhere, and the score has the last word.
#
# ## Next
#
# [05 · Prepare the data](05_prepare_data.ipynb): a model is tuned by its examples. What makes good
# ones, how many do you need, and what do bad ones do?
#
# And how did `pantry` get its probabilities in the first place? Appendix [A1 · How the built-in
# model was made](A1_how_the_built_in_model_was_made.ipynb) shows you, and lets you train one from
# nothing.
