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
# In the first notebook tuning made a model better at our job. Here we look inside: what exactly
# did it change? A language model is a machine that gives probabilities. Everything that we can
# do to get better answers (pretraining, prompting, retrieval, tuning) moves these
# probabilities. We watch all four move the same ones, and then take tuning itself apart.
#
# **You will**
#
# - read a model's probabilities for the next word, before and after tuning,
# - take a few training steps in PyTorch, and see what each line of a step does,
# - compare four ways to move these probabilities: pretraining, prompting, retrieval, tuning,
# - tune with labels and without, and measure both on the same recipes,
# - see what LoRA trains, and turn its knobs: rank, alpha, target modules, learning rate, epochs.
#
# **Before you start:** [00 · Start here](00_start_here.ipynb) explains the task and the scores.
#
# **Time:** 25 minutes, of which the computer works for about two.

# %%
import math
from collections import Counter

import lessonlib
from lessonlib import Method, compare, evaluate, exercises, lora
from lessonlib.common import paths
from lessonlib.lessons import nb04_next_tokens as next_tokens
from lessonlib.lessons import nb04_strength as lora_strength
from lessonlib.lessons import real_runs
from lessonlib.lessons.nb04_lora_picture import lora_picture
from lessonlib.lessons.nb04_next_tokens import of_one_word, side_by_side
from lessonlib.lessons.nb04_rank_lab import RankLab
from lessonlib.lora import forgetting
from lessonlib.models import sizes
from lessonlib.models.quiet import quiet
from lessonlib.show import pictures
from lessonlib.tasks import prompting, recipes, training_rows
from lessonlib.tasks.retrieval import GlossaryLookup

PROVIDER = "practice"  # who serves the models; it must be able to give log-probabilities
MODEL = "pantry"  # the model that we start from
EXAMPLES = 160  # how many examples we tune on

# %% tags=["nbval-ignore-output"] reason="whether the service was already running differs"
client = lessonlib.connect(PROVIDER)

# %% [markdown]
# ## 1. A model gives probabilities
#
# Text is cut into **tokens**: words, parts of words, signs. A language model reads the tokens so
# far and gives every token of its vocabulary a probability of being the next one. That is all it
# does. An answer is written by taking a token, adding it to the text, and asking again.
#
# We take a recipe whose first ingredient has another name in this kitchen. The right answer is
# a JSON list that begins with the house name. So at the first word of the answer we can see
# whether the model knows the name.

# %%
train, test = recipes.load("train")[:EXAMPLES], recipes.load("test")
example = next(recipe for recipe in test if recipe.names[0] == "kosher salt")
print(recipes.user_message(example))
print()
print("Wanted:", recipes.answer(example))

# %% [markdown]
# A request can ask for the probabilities along with the answer: `logprobs=True`, and in
# `top_logprobs` how many tokens at each place. They come as natural logarithms: `exp(logprob)` is
# the probability. Two more arguments: `max_tokens=3` stops after three tokens, and `temperature=0`
# always writes the likeliest one.

# %% tags=["nbval-ignore-output"] reason="digits differ between processors"
response = client.chat.completions.create(
    model=MODEL, messages=prompting.bare(example), max_tokens=3, temperature=0,
    logprobs=True, top_logprobs=5,
)
for place in response.choices[0].logprobs.content:
    likely = ", ".join(f"{one.token!r} {math.exp(one.logprob):.3f}" for one in place.top_logprobs)
    print(f"written {place.token!r:10} likeliest: {likely}")

# %% [markdown]
# Each line is one token of the answer, and what else could have stood there. A name begins at the
# first token that has letters. `next_tokens.first_word` sends the same kind of request, finds that
# place, and keeps its 20 likeliest tokens. (The services give no more.)

# %% tags=["nbval-ignore-output"] reason="digits differ between processors"
before = next_tokens.first_word(client, MODEL, prompting.bare(example))
print(f"The answer so far: {before.before!r}. What comes next?")
for token, probability in list(before.probabilities.items())[:6]:
    print(f"{probability:6.3f}  {token}")
print(f"{before.rest:6.3f}  all tokens beyond the 20 likeliest, together")
right = example.ingredients[0]
print(f"\nThe right house name, {right!r}: {before.of(right):.3f}")

# %% [markdown]
# These numbers are what the model learned from the text that it was trained on. With the tokens
# that are not printed they make one. The house name can have only little of it: this kitchen's
# choice of words was in no training text.

# %% [markdown]
# ## 2. Before and after tuning
#
# Notebook 00 tuned in one line. What goes on in there? Here is its heart, in PyTorch, the library
# that does the computing. We load the model from its folder. PEFT, a library of Hugging Face, puts
# an *adapter* beside it: the few numbers that will change. (`r` sets its size and `lora_alpha` its
# strength; sections 5 to 7 come to them.)
#
# Then we take eight recipes with the right answers as one *batch*: the examples that one step
# learns from. The tokenizer makes one row of tokens of each chat, fills short rows up (`padding`),
# and marks which tokens belong to an answer. Only those are to be learned. A token is predicted
# from what stands *before* it, so it is compared with the scores one place earlier. That is why
# `[:, 1:]` here, and `[:, :-1]` below, leave one place out. (Not every model's template can mark
# answers. Notebook 05 shows a way that works with others, too.)

# %%
import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained(paths.BUILT_IN)
with quiet():  # leaves out the libraries' remarks
    model = AutoModelForCausalLM.from_pretrained(paths.BUILT_IN, dtype=torch.float32)
    model = get_peft_model(model, LoraConfig(r=8, lora_alpha=16, target_modules="all-linear"))
chats = [row["messages"] for row in training_rows.chat_rows(train[:8])]
batch = tokenizer.apply_chat_template(chats, padding=True, return_tensors="pt", return_dict=True,
                                      return_assistant_tokens_mask=True)
is_answer = batch.pop("assistant_masks")[:, 1:].bool()  # no token comes before the first
wanted = batch["input_ids"][:, 1:][is_answer]
print("rows, tokens in the longest:", tuple(batch["input_ids"].shape))
print(f"{len(wanted)} tokens of answers, which begin: {tokenizer.decode(wanted[:16])}")

# %% [markdown]
# One training **step** has five lines, beside the one that prints. *Forward*: at each place the
# model gives every token a score. The **loss** (cross-entropy) makes probabilities of the scores,
# and says how little the right tokens were expected: the mean of `-log(probability)`. *Backward*:
# how would the loss change with each number of the adapter? That is the number's *gradient*. The
# *optimiser* moves each number a little, the way that makes the loss smaller; `lr`, the learning
# rate, says how far. Last, `zero_grad()` clears the gradients for the next step.
#
# Only the adapter's numbers are moved (`requires_grad`); the rest is frozen. We use the same batch
# again and again and print the loss *before* each step, so the first line is the model as it came.

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

# %% [markdown]
# Follow the loss from line to line, and the probability beside it. Where the right tokens gain, all
# others lose. Nobody told the model a rule: it was only pulled towards these eight answers. Whether
# that helps with other recipes, the lines above cannot say.
#
# `lora.tune` is in essence this loop, over all examples, one batch after another, several times
# (*epochs*). After each epoch it also measures the *validation loss*: the loss on recipes that it
# does not train on.

# %% tags=["nbval-ignore-output"] reason="losses and seconds differ between runs"
validation = recipes.load("validation")[:20]
checks = training_rows.chat_rows(validation)
settings = lora.LoraSettings(epochs=4, batch_size=8, learning_rate=3e-3)
tuned = lora.tune(training_rows.chat_rows(train), "what-is-tuned", settings=settings,
                  validation=checks)
tuned

# %% tags=["nbval-ignore-output"] reason="digits differ between processors"
after = next_tokens.first_word(client, tuned.name, prompting.bare(example))
side_by_side({"before tuning": before, "after tuning": after}, right)

# %% [markdown]
# Same prompt, same place, another distribution. The filled bar is the house name. Tuning put
# nothing into the prompt and stored no table anywhere: it changed the numbers that the model
# computes with, its **weights**, and so moved the probabilities.

# %% [markdown]
# ## 3. Four ways to move the same probabilities
#
# | | what it changes | how long it lasts |
# |---|---|---|
# | pretraining | all weights, from nothing, by a great deal of text | for good |
# | prompting | the text before the question: instructions or solved examples | one request |
# | retrieval | the text before the question: what was looked up for it | one request |
# | tuning | the weights, a little further, by our examples | for good |
#
# One recipe proves little. We take all test recipes whose first ingredient has a house name with
# another first word, if our training examples show that name at least four times. (No tuning can
# teach a name that it does not show.) For each way we ask about all of them, and take the mean.

# %%
entries = recipes.load_glossary(until=recipes.TRAINING_DATE)
shown = Counter(name for recipe in train for name in recipe.names)
asked = [one for one in next_tokens.renamed_first(test, entries) if shown[one.names[0]] >= 4]
names = [recipe.ingredients[0] for recipe in asked]
print(f"{len(asked)} recipes. The house names: {', '.join(sorted(set(names)))}")

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
means = {way: next_tokens.mean_probability(one, names) for way, one in found.items()}
untrained = 1 / sizes.vocabulary_size()
of_one_word(means, untrained, "How probable is the right house name?")

# %% [markdown]
# The line at the left edge is about where *pretraining* began: a model that has learned nothing
# holds every token for equally likely. The bar of the bare prompt is what pretraining alone
# gave. All other bars start from there. Is what they add more than luck?

# %% tags=["nbval-ignore-output"] reason="digits differ between processors"
for way in list(ways)[1:]:
    gain = next_tokens.difference(found[way], found["bare prompt"], names)
    verdict = "no clear change" if not gain.significant else "up" if gain.value > 0 else "down"
    print(f"{way:26}{gain}   {verdict}")

# %% [markdown]
# How to read this: *instructions* say how to answer, but they hold no house name, so they can do
# little here. *Examples* can only help with the names that they happen to show. A *glossary
# line* holds the very name, and what is left is whether the model makes use of it. *Tuning* has
# shown each of these names several times, and asks for no room in the prompt.
#
# Nothing here is the best way as such. Retrieval knows a name that was added this morning,
# tuning does not. The following notebooks measure that.

# %% [markdown]
# ## 4. With labels, or without
#
# What we did is **supervised fine-tuning**: new examples, each with a **label**, the answer that
# we want. The loss counts the answer alone, as in section 2. This is what the lesson means by
# fine-tuning.
#
# One can also go on without labels, as in pretraining: the model reads plain text and learns to
# predict every token of it. This is called *unsupervised* fine-tuning or **continued
# pretraining**. It needs no one to write answers. (The lesson has in mind that one trains again
# on the original data, with other settings. We take plain text that is new. Either way nobody
# tells the model what to answer.) Here are both kinds of row, from one recipe.

# %%
with_label = training_rows.chat_rows(train)[2]
without_label = training_rows.text_rows(train)[2]
print("with a label, what is learned is only this:")
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
# Now all three models take the same three tests on held-out recipes: how well do they predict *the
# text of a recipe*, how well *the right answer* (both as a loss on validation recipes: lower is
# better), and how well do they *do the job* (micro-F1 on test recipes)?

# %% tags=["nbval-ignore-output"] reason="digits differ between processors"
texts = [row["text"] for row in training_rows.text_rows(validation)]
loss_before = raw.history[0].validation_loss  # step 0 is the model that we started from
models = {
    "not tuned": (MODEL, paths.BUILT_IN, loss_before),
    "raw text": (raw.name, raw.folder, raw.epochs[-1].validation_loss),
    "with labels": (tuned.name, tuned.folder, tuned.epochs[-1].validation_loss),
}
results = {}
print(f"{'':14}{'loss on text':>14}{'loss on answers':>17}   micro-F1")
for label, (name, folder, answer_loss) in models.items():
    results[label] = evaluate(client, Method(label, name, prompting.bare), test[:60])
    text_loss, f1 = forgetting.general_loss(folder, texts), results[label].metrics()["micro_f1"]
    print(f"{label:14}{text_loss:14.2f}{answer_loss:17.2f}   {f1}")

# %% tags=["nbval-ignore-output"] reason="digits differ between processors"
for better, worse in (("raw text", "not tuned"), ("with labels", "not tuned"),
                      ("with labels", "raw text")):
    gain = compare(results[better], results[worse])
    verdict = "no clear change" if not gain.significant else "up" if gain.value > 0 else "down"
    print(f"{better} against {worse}: {gain}   {verdict}")

# %% tags=["nbval-ignore-output"] reason="a picture of measured numbers"
real = real_runs.load()
for text in ("recipes", "prose"):
    print(f"Gemma's loss on {text}: {real.loss('not tuned', text):.2f} not tuned, "
          f"{real.loss('raw text', text):.2f} after raw text")
real_runs.show({"not tuned": "bare prompt", "raw text": "raw text", "with labels": "tuned on 400"})

# %% [markdown]
# Look at the first column: training on raw text teaches to predict such text. Look at the last:
# does it teach the job? The model saw no answer, so it cannot have learned which answer we want.
# It can even have unlearned to answer at all: after a recipe it now expects more recipe.
#
# Continued pretraining is of use where a model does not know the *language* of a field. For a
# *task*, labels are what counts.
#
# The recorded run of a real model, Gemma 3 270M, says the same. Raw text took its loss on recipes
# from 3.46 to 1.85, and it still gets none of the answers (0.00). It also has a price: plain
# English prose surprises it more than before, 6.06 against 4.71.

# %% [markdown]
# ## 5. LoRA in one picture
#
# Tuning all weights of a large model takes a great deal of memory. **LoRA** (low-rank
# adaptation) leaves each large matrix `W` as it is, *frozen*, and trains two narrow ones beside
# it, `B` and `A`. Their product has the size of `W`, and is added to it. How narrow they are is
# the **rank** `r`. All that was learned is in `B` and `A`: that is the **adapter**.

# %%
shapes = sizes.matrices()
name = next(name for name in shapes if name.endswith("q_proj"))
lora_picture(*shapes[name], rank=8, name=name.split(".")[-1])

# %% [markdown]
# `q_proj` is one of the matrices in each layer of the model. The adapter has a `B` and an `A`
# for every one of them. We count what that comes to, and compare it with the file that our
# tuning wrote.

# %%
size = sizes.adapter_size(rank=settings.rank)
print(f"{len(shapes)} matrices in the model, {size.base_weights:,} weights in all")
print(f"an adapter of rank {size.rank}: {size.weights:,} weights ({size.share:.1%})")
print(f"in the adapter's file:   {sizes.weights_in(tuned.adapter_folder):,} weights")
wide = 4096  # a width that large models have
share = size.rank * (wide + wide) / wide**2
print(f"beside a matrix of {wide} x {wide} it is {share:.1%} of the weights")

# %% [markdown]
# In this tiny model the matrices are narrow, so the share is large. In a large model they are
# several thousand wide, and an adapter of the same rank is a small part of them.

# %% [markdown]
# ## 6. The rank: what it costs, what it brings
#
# A higher rank lets the adapter change more at once. It also has more weights to train and
# needs more memory: for each trained weight about 16 bytes (the weight, its gradient, and two
# running means of the optimiser). We try three ranks on fewer examples.

# %% tags=["nbval-ignore-output"] reason="losses and seconds differ between runs"
few = training_rows.chat_rows(train[:80])
short = lora.LoraSettings(epochs=2, batch_size=8, learning_rate=3e-3)
lab = RankLab(client, few, checks, test[:40], short)
for rank in (1, 8, 64):
    print(lab.run(rank))
lab.picture()

# %% [markdown]
# Try others: choose a rank, read what it costs, then press the button to tune with it. Each run
# adds a point to the picture.

# %%
lab.explore()

# %% [markdown]
# Compare the intervals before you call one rank better. What to look for: from rank to rank the
# slider doubles the weights, and with them their memory. Does the gain keep up? People often
# begin with 8, 16 or 32, and go higher only if a measurement says so.

# %% tags=["nbval-ignore-output"] reason="a picture of measured numbers"
real_runs.show({"rank 1": "rank 1", "rank 4": "rank 4", "rank 16": "tuned on 200",
                "rank 64": "rank 64"})

# %% [markdown]
# On the real model, with 200 examples and 200 steps for each: rank 1 gets 0.83. Rank 4 is better,
# 0.90. After that we cannot tell: 0.91 with rank 16 and 0.92 with rank 64. So `pantry`'s rank of 64
# is no model to follow: it is a matter of its narrow matrices.

# %% [markdown]
# ## 7. The other knobs
#
# ### Alpha: how loud the adapter speaks
#
# What is added to `W` is `alpha / r` times `B A`. With alpha at twice the rank, as here, the
# factor is 2 whatever the rank. We can turn it after training, too: at strength 0 the model is
# the old one, at 1 it is as trained, at 2 all that the adapter changes counts double.

# %% tags=["nbval-ignore-output"] reason="a picture of measured numbers"
strengths = (0, 0.5, 1, 1.5, 2)
losses = lora_strength.losses(tuned, checks, strengths)
fig, axes = pictures.figure(width=8, height=3)
axes.plot(strengths, losses, "o-")
axes.axvline(1, color=pictures.GREY, linestyle=":")
axes.set(xlabel="strength of the adapter (1: as trained)", ylabel="loss on answers",
         ylim=(0, None), xticks=strengths)
told = ", ".join(f"{s}: {loss:.2f}" for s, loss in zip(strengths, losses, strict=True))
pictures.show(fig, f"Loss on held-out answers by strength of the adapter. {told}.")

# %% [markdown]
# ### Learning rate, and target modules
#
# The **learning rate** says how far each step goes. Too small, and little is learned in the
# time; too large, and the steps jump over what they aim for. The **target modules** are the
# matrices that get an adapter: all, or for example only `q_proj` and `v_proj`, as in the first
# paper on LoRA. We change one knob at a time, in very short runs.

# %% tags=["nbval-ignore-output"] reason="losses and seconds differ between runs"
knobs = {
    "usual": {},
    "learning rate / 30": {"learning_rate": 1e-4},
    "learning rate x 10": {"learning_rate": 3e-2},
    "only q_proj, v_proj": {"targets": ("q_proj", "v_proj")},
}
print(f"{'not tuned':50}loss on answers {loss_before:.2f}")
for label, change in knobs.items():
    one = lora.LoraSettings(**{"epochs": 1, "batch_size": 8, "learning_rate": 3e-3, **change})
    model = lora.tune(few[:48], "what-is-knob", settings=one, validation=checks, show=False)
    weights = sizes.adapter_size(one.rank, one.targets).weights
    print(f"{label:20} {weights:9,} weights {model.seconds:5.1f} s    "
          f"loss on answers {model.epochs[-1].validation_loss:.2f}")

# %% [markdown]
# A rate that is right here is not right elsewhere: small models bear larger steps than large
# ones. What carries over is to try a few that lie a factor of 3 to 10 apart, briefly.

# %% tags=["nbval-ignore-output"] reason="a picture of measured numbers"
real_runs.show({"rate 2e-5": "learning rate 2e-05", "rate 2e-4": "learning rate 0.0002",
                "rate 5e-4": "tuned on 200"}, picture=False)

# %% [markdown]
# Gemma's usual rates lie about ten times lower than `pantry`'s 3e-3. With 2e-4 and 5e-4 it gets
# 0.92 and 0.91, which we cannot tell apart. With 2e-5 too little is learned in the same 200 steps:
# 0.67.

# %% [markdown]
# ### Epochs
#
# An **epoch** is one pass over all examples. More passes fit the training examples ever more
# closely. At some point the model learns them by heart and gets worse on new ones, which is
# called **overfitting**. The validation loss tells when: it stops falling, while the training
# loss goes on. Here is our run from section 2 once more, in numbers.

# %% tags=["nbval-ignore-output"] reason="losses differ between processors"
best = min(tuned.epochs, key=lambda point: point.validation_loss)
for point in tuned.epochs:
    mark = "  <- lowest" if point is best else ""
    print(f"epoch {point.epoch:.0f}: validation loss {point.validation_loss:.3f}{mark}")
print("still falling at the end" if best is tuned.epochs[-1] else "an earlier epoch was better")

# %% [markdown]
# If it is still falling, another epoch could help. If it has turned, fewer are better, or more
# examples. A later notebook takes an overfitted model back to an earlier checkpoint.

# %% [markdown]
# ## 8. Your turn
#
# ### Exercise 04-1
#
# Write a function that says how many weights an adapter trains beside *one* matrix of so many
# rows and columns, at a rank.

# %% tags=["exercise"]
def adapter_weights(rows, columns, rank):
    # BEGIN SOLUTION
    return rank * (rows + columns)
    # END SOLUTION


# %%
exercises.check("04-1", adapter_weights)

# %% [markdown] tags=["hint"]
# `B` has `rows` rows and `rank` columns. `A` has `rank` rows and `columns` columns.

# %% [markdown]
# ### Exercise 04-2
#
# A name often has several tokens: `white sugar` is `white`, a space, `sugar`. A service gives
# the natural logarithm of the probability of each, given those before. Write a function that
# takes a list of such `logprobs` and returns the probability of the whole name.

# %% tags=["exercise"]
import math


def name_probability(logprobs):
    # BEGIN SOLUTION
    return math.exp(sum(logprobs))
    # END SOLUTION


# %%
exercises.check("04-2", name_probability)

# %% [markdown] tags=["hint"]
# Probabilities of one token after the other are multiplied. What does one do with their
# logarithms instead?

# %% [markdown]
# ### Exercise 04-3
#
# When training is done, the adapter is *merged*: added into the frozen matrix, so that the
# model is served like any other. Write that sum. `W`, `B` and `A` are NumPy arrays with the
# shapes from the picture; `@` multiplies matrices.

# %% tags=["exercise"]
def merged(W, B, A, alpha, rank):
    # BEGIN SOLUTION
    return W + alpha / rank * (B @ A)
    # END SOLUTION


# %%
exercises.check("04-3", merged)

# %% [markdown] tags=["hint"]
# It is the formula in the picture of section 5.

# %% [markdown]
# ## 9. A short quiz

# %%
exercises.quiz("04")

# %% [markdown]
# ## What to remember
#
# - A language model gives probabilities for the next token. All that we do to get better answers
#   moves them.
# - Prompting and retrieval move them for one request, by what the model reads. Tuning moves
#   them for good, by changing weights.
# - A training step: scores, loss, gradients, a small move of the weights. Many of them are tuning.
# - Supervised fine-tuning learns from new examples with labels. Training on raw text teaches to
#   predict that text, not to do a task.
# - LoRA freezes the model and trains a small adapter beside it: rank sets its size, alpha its
#   weight in the sum.
# - Choose learning rate and epochs by the validation loss, not by the training loss.
#
# ## Next
#
# [03 · When and why should we fine-tune?](03_when_and_why.ipynb): now that we know what tuning
# is, is it what we need?
#
# How did `pantry` get its probabilities in the first place? The appendix
# [A1 · How the built-in model was made](A1_how_the_built_in_model_was_made.ipynb) shows it, and
# lets you train one from nothing.
