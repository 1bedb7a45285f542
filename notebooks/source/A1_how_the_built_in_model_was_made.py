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
# # A1 · How the built-in model was made
#
# When you tune a model, you build on what others made, and you rarely get to see how. The model of
# this course is small enough to show everything: the text it learned from, how that text is cut
# into tokens, how many numbers it has and what they do, and how its skills grew. At the end we
# pretrain one ourselves for a few minutes, from a model that has not read anything yet.
#
# **You will**
#
# - read samples of every kind of text that `pantry` was pretrained on,
# - check what was kept out of it, and say why that matters for all our measurements,
# - count its parameters, and read its training curve,
# - predict the first loss of a model that has read nothing, pretrain it for a few minutes, and
#   compare it with the finished one.
#
# **Before you start:** [04 · What is fine-tuning?](04_what_is_fine_tuning.ipynb) explains
# tokens, probabilities and loss.
#
# **Time:** 39 minutes, of which the computer works for about two.

# %%
import json
import re
from collections import Counter
from random import Random

import torch
from IPython.display import display
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.utils import logging

import lessonlib
from factory import architecture, batches, corpus, pretrain, probe, renaming
from lessonlib import Method, compare, evaluate, exercises
from lessonlib.common import paths
from lessonlib.lessons.a1_learned_text import LearnedText
from lessonlib.show import pictures
from lessonlib.show.live import LiveCurve
from lessonlib.tasks import prompting, recipes

TOKENS = 250_000  # how many tokens we pretrain on; a minute or two
MINE = "my-pantry"  # what our own model will be called
logging.disable_progress_bar()  # no bar for loading and saving: both take a moment

# %% [markdown]
# The other notebooks use `lessonlib` only. Here we also import `factory`, the folder with the programs
# that made the data and the model. You can open and read all of it.

# %% [markdown]
# ## 1. The model in numbers
#
# A model of this kind (a *transformer*) is a table with one row of numbers for each token, the
# **embedding**, and a stack of equal **layers**. In each layer, *attention* lets every place look
# at earlier places and copy from them, and a *feed-forward* part works on each place by itself.
# Between them, small *norms* keep the numbers at a steady size. A **parameter** or *weight* is one
# number that training adjusts.

# %%
pantry = AutoModelForCausalLM.from_pretrained(paths.BUILT_IN)
config = pantry.config
print(f"{config.num_hidden_layers} layers, {config.num_attention_heads} attention heads in each")
print(f"{config.hidden_size} numbers for each token, {config.vocab_size} tokens to choose from")
print(f"reads up to {config.max_position_embeddings} tokens at once\n")
weights = Counter()
for name, values in pantry.named_parameters():
    parts = {"embed": "embedding", "self_attn": "attention", "mlp": "feed-forward"}
    part = next((label for sign, label in parts.items() if sign in name), "norms")
    weights[part] += values.numel()
for part, count in weights.most_common():
    print(f"{part:14}{count:10,}  {count / weights.total():6.1%}")
print(f"{'all':14}{weights.total():10,}")

# %% [markdown]
# Large models are built from the same parts. They have more layers, more numbers for each token, and
# many thousand times as many weights.

# %% [markdown]
# ## 2. The text
#
# `pantry` has never seen a web page or a book. Every text that it learned from was written by a
# program, `factory/corpus.py`, which draws foods, amounts, styles of writing and requests at random.
# So we know exactly what is in it, and may give it to anyone. There are several kinds of text, and
# their shares change as the training goes on.

# %%
first, last = pretrain.PHASES[0][1], pretrain.PHASES[-1][1]
print(f"{'kind':10}{'first':>7}{'last':>7}")
for place, (kind, write) in enumerate(corpus.KINDS.items()):
    what = write.__doc__.splitlines()[0]
    print(f"{kind:10}{first.mix[place]:7.0%}{last.mix[place]:7.0%}  {what}")

# %% [markdown]
# Each piece of a text counts more or less in the loss. What cannot be predicted, such as a new
# recipe, hardly counts; an answer that can be worked out from the text before it counts; and where
# a name was given another meaning earlier in the text, using it correctly counts most.
#
# Here is a text with a glossary. What has no line or a dotted one hardly counts, a line counts, a
# double line counts most. (Where you read it as plain text, brackets say the same: `{hardly}`,
# `[counts]`, `[[counts most]]`.)

# %%
def sample(kind, seed=4):
    """One text of a kind, as the early training saw it."""
    return LearnedText(kind, corpus.KINDS[kind](Random(f"{kind}/{seed}"), first))


sample("glossary")

# %% [markdown]
# Look at the names in the glossary lines. They make no sense, and that is on purpose: each text gets
# new ones. A model that tries to remember them gains nothing. What it can learn is to *look the name
# up in the text and use it*. Few-shot prompts and retrieval rest on that skill. Two more kinds; for
# the others, call `sample` with their names.

# %%
for kind in ("ask", "examples"):
    display(sample(kind))

# %% [markdown]
# ## 3. What was kept out, and why
#
# All measurements on recipes ask: what does a prompt, a lookup or tuning *add*? If the model knew
# the answers from pretraining, we would credit them to the wrong thing. So three things must not
# occur in its training text: pairs of the house glossary, our prompts, and our layout of a recipe.
# We generate fresh texts and look for ourselves.
#
# (For the second task of the course, SQL, nothing was kept out. A few of the shortest queries in its
# test set probably occur in the text, too, but never with their questions.)

# %%
rng, texts = Random("a look"), []
for _number in range(1000):
    phase = rng.choice(pretrain.PHASES)[1]
    texts.append("".join(text for text, _weight in corpus.document(rng, phase)[1]))
signs = r" (?:->|=>|=|is called) |: "
pairs = [re.compile(rf"(?m)(?:^|; |- ){re.escape(a)}(?:{signs}){re.escape(b)}(?:$|;)")
         for a, b in renaming.house_pairs()]
sentences = [one for one in re.split(r"(?<=[.]) ", recipes.SYSTEM_GLOSSARY) if len(one) > 40]
layout = re.compile(r"Title: [^\n]*\nIngredients:\n- ")
print(f"{len(texts)} texts, {sum(map(len, texts)):,} characters. Of them,")
hits = [text for text in texts if any(pair.search(text) for pair in pairs)]
print(f"{len(hits)} show one of {len(pairs)} house pairs,")
print(f"{sum(any(one in text for one in sentences) for text in texts)} hold a sentence of our"
      f" prompts, {sum(bool(layout.search(text)) for text in texts)} have our layout.")

# %% [markdown]
# A published model rarely lets you check this. When it does well on a public test set, it may have
# read the answers somewhere. That is called **contamination**, and it is the reason to measure on
# examples of your own.

# %% [markdown]
# ## 4. From text to tokens
#
# The *tokenizer* cuts text into pieces from a fixed list. It was trained, too: frequent pieces
# get a token of their own, rare words are put together from several. This one keeps a rule that helps
# a small model: letters, single digits and all other characters never share a token.

# %%
tokenizer = AutoTokenizer.from_pretrained(paths.BUILT_IN)


def pieces(text):
    """The text with a bar between its tokens."""
    return "|".join(tokenizer.decode([one]) for one in tokenizer.encode(text))


for text in ("- 2 1/2 c. chopped scallions, sliced", '["green onion", "salt"]',
             "a word that it has hardly met: photosynthesis"):
    print(pieces(text))

# %% [markdown]
# A word has the same tokens after a space, a quotation mark or a bracket. So to copy a word from
# a recipe into a JSON list is to copy tokens, which a small model can learn. Most large models
# use another rule, in which the space belongs to the word.

# %% [markdown]
# ## 5. A start from which it can copy
#
# This model does not start from nothing. Its weights are random, with one exception: six attention
# heads were given a first task by hand. In the first layer, three look one, two and three tokens
# back. In the second, three look for an earlier place with the same tokens, and copy what followed
# there (Olsson et al. 2022, [In-context learning and induction heads](https://arxiv.org/abs/2209.11895)).
# Large models find such heads by themselves; a model this small would need a great deal more text
# for it. The beginning of `factory/architecture.py` lists all that was arranged. Here is where each
# head of the first layer looks before any training.

# %%
torch.manual_seed(1)
untrained = architecture.new_model(tokenizer).eval()
untrained.set_attn_implementation("eager")
ids = torch.tensor([tokenizer.encode("1 c. rice, cooked\n1 tsp. salt")])
with torch.inference_mode():
    attention = untrained(input_ids=ids, output_attentions=True).attentions[0][0].float()
words = [tokenizer.decode([one]).replace("\n", "\u21b5").replace(" ", "\u2423") for one in ids[0]]
fig, axes = pictures.figure(columns=len(attention), width=10, height=3.2)
for number, (panel, looks) in enumerate(zip(axes, attention, strict=True)):
    panel.imshow(looks, cmap="Blues", vmin=0, vmax=1)
    panel.set(title=f"head {number + 1}", xlabel="looks at", xticks=())
    panel.set_yticks(range(len(words)), words if number == 0 else [""] * len(words), fontsize=9)
places = torch.arange(3, len(words))
back = [", ".join(f"{d} back {looks[places, places - d].mean():.2f}" for d in (0, 1, 2, 3))
        for looks in attention]
pictures.show(fig, "Attention of the first layer before training, mean by distance. "
              + " ".join(f"Head {n + 1}: {one}." for n, one in enumerate(back)))

# %% [markdown]
# A dark cell means: the token of this row (from top to bottom) looks at that of this column
# (from left to right). A dark line just below the diagonal looks one token back, the next line two,
# the next three. A head without such a line looks everywhere at once, and has to find its own work.

# %% [markdown]
# ## 6. The training curve
#
# Training shows the model one *batch* of texts after another. After each it changes all weights
# a little, so that the next tokens of these texts become more probable. Now and then its skills
# were measured on texts that it was never trained on. The record lies beside the model.

# %%
record = json.loads((paths.BUILT_IN / "training_record.json").read_text(encoding="utf-8"))
print(f"{record['tokens']:,} tokens in {record['steps']:,} steps, {record['seconds'] / 3600:.1f} h")
curve = record["curve"]
skills = {"ask": "answers a request", "copying": "repeats a list",
          "examples_recalled": "uses names that examples show",
          "glossary_recalled": "uses names from a glossary"}
print(f"{'loss':32}{curve[0]['loss']:6.2f} -> {curve[-1]['loss']:.2f}")
for skill, label in skills.items():
    print(f"{label:32}{curve[0].get(skill, 0):6.2f} -> {curve[-1].get(skill, 0):.2f}")

# %%
fig, (left, right) = pictures.figure(columns=2, width=10, height=4.4)
millions = [point["tokens"] / 1e6 for point in curve]
left.plot(millions, [point["loss"] for point in curve])
left.set(title="Loss on held-out text", xlabel="million tokens", ylim=(0, None))
for (skill, label), style in zip(skills.items(), ("-", "--", "-.", ":"), strict=True):
    right.plot(millions, [point.get(skill, float("nan")) for point in curve], style, label=label)
right.set(title="Next tokens predicted", xlabel="million tokens", ylim=(0, 1))
fig.legend(fontsize=10, loc="outside lower center", ncols=2)  # beside the curves, not over them
ends = ", ".join(f"{label} {curve[-1].get(skill, 0):.2f}" for skill, label in skills.items())
pictures.show(fig, f"Over {millions[-1]:.0f} million tokens the loss falls from "
              f"{curve[0]['loss']:.1f} to {curve[-1]['loss']:.1f}. Skills at the end: {ends}.")

# %% [markdown] tags=["what-we-saw"]
# Most of the loss is gone within the first two million tokens, when the model has learned which
# words there are and how a recipe looks. The skills had not come far by then: of the names from a
# glossary hardly any were right, and this skill took off much later, while the loss stood nearly
# still. At the end the loss is 1.69, down from 7.96; requests are answered with 0.88 of the tokens
# right, names from a glossary with 0.80. Using names that only examples show comes last and stays
# weakest, 0.49. That fits notebooks 01 and 02, where this model gains more from glossary lines than
# from solved examples.

# %% [markdown]
# (The names that examples show were measured from 4 million tokens on, so that curve begins there.) The
# loss is a mean over all tokens, and a skill shows in only a few of them. So the loss can stand
# nearly still while a skill grows, or rise for a while when training turns to other texts than those
# it is measured on.

# %% [markdown]
# ## 7. Pretrain one yourself
#
# Now we do it: the same program, the same kinds of text, the same start as in section 5, and the
# finished tokenizer. Only the budget is smaller, so of the phases of training our model sees the
# first. What do you expect after so few tokens? Will it answer?
#
# ### Exercise A1-1
#
# Predict the first number. A model that has read nothing considers all tokens about equally likely.
# Write a function that says what its loss is, for a vocabulary of so many tokens. The loss is the
# negative natural logarithm of the probability of the right token.

# %% tags=["exercise"]
import math


def first_loss(vocabulary):
    # BEGIN SOLUTION
    return math.log(vocabulary)
    # END SOLUTION


# %%
exercises.check("A1-1", first_loss)

# %% [markdown] tags=["hint"]
# The probability of each token is `1 / vocabulary`.

# %%
share = TOKENS / record["tokens"]
plan = pretrain.Plan(tokens=TOKENS, seed=3)
print(f"{plan.steps} steps of {batches.BATCH_TOKENS:,} tokens: {share:.2%} of what pantry had")

# %% tags=["nbval-ignore-output"] reason="losses and seconds differ between machines"
folder = paths.WORK / "pretraining"
tokenizer.save_pretrained(folder / "tokenizer")  # the finished one; training it takes a minute
run = pretrain.Run(plan, folder, rank=0, processes=1, compiled=False)
with LiveCurve(TOKENS, "tokens", "loss", "Pretraining") as loss:
    while run.step < plan.steps:
        value = run.train_step()
        loss.add(run.tokens, value)
run.model.to(torch.bfloat16).save_pretrained(paths.MODELS / MINE)
tokenizer.save_pretrained(paths.MODELS / MINE)
print(f"{run.tokens:,} tokens in {loss.seconds:.0f} s")
loss.picture()

# %% [markdown]
# A loss can be put into words: throwing a die with `exp(loss)` sides is as hard to predict as the next
# token. And how close was your prediction?

# %% tags=["nbval-ignore-output"] reason="losses differ between machines"
for label, value in (("at the start", loss.points[0][1]), ("at the end", loss.points[-1][1])):
    print(f"{label:14} loss {value:.2f}: a die with {math.exp(value):,.0f} sides")
predicted = first_loss(config.vocab_size)
if isinstance(predicted, float):
    print(f"predicted      loss {predicted:.2f}: a die with {config.vocab_size:,} sides")

# %% [markdown] tags=["what-we-saw"]
# The first loss, 7.76, lies a little below `math.log(3072)`, the loss of a model that knows
# nothing. That fits how it was made: six heads can copy from the start (section 5), and what can be
# taken from earlier in the text counts most in this loss (section 2). At the end it is 4.41, a die
# with 82 sides instead of 2,348. More tokens would bring it down further.

# %% [markdown]
# ## 8. What it can do, and what it cannot
#
# The practice service offers our model at once. We give both models the same recipe.

# %% tags=["nbval-ignore-output"] reason="whether the service was already running differs"
client = lessonlib.connect("practice")

# %% tags=["nbval-ignore-output"] reason="digits differ between processors"
example = recipes.load("test")[10]
for model in (MINE, "pantry"):
    answer = client.chat.completions.create(
        model=model, messages=prompting.instructions(example), max_tokens=60, temperature=0)
    print(f"[{model}]\n{answer.choices[0].message.content}\n")
print("Wanted:", recipes.answer(example))

# %% tags=["nbval-ignore-output"] reason="digits differ between processors"
mine = probe.measure(run.model, tokenizer)
print(f"{'next tokens predicted':32}{MINE:>10}{'pantry':>10}")
for skill, label in skills.items():
    print(f"{label:32}{mine.get(skill, 0):10.2f}{curve[-1].get(skill, 0):10.2f}")
print(f"{'loss':32}{mine['loss']:10.2f}{curve[-1]['loss']:10.2f}")

# %% tags=["nbval-ignore-output"] reason="digits differ between processors"
test = recipes.load("test")[:30]
results = [evaluate(client, Method(model, model, prompting.instructions), test)
           for model in (MINE, "pantry")]
for result in results:
    print(f"{result.name:10} micro-F1 {result.metrics()['micro_f1']}")
print(f"pantry against {MINE}: {compare(results[1], results[0])}")

# %% [markdown] tags=["what-we-saw"]
# After 1.09 % of the tokens our model has the form of an answer, brackets, quotes and commas, and
# nothing in it: its list holds one space, then empty names. Not one name comes from *this* recipe,
# so its micro-F1 is 0.00, and `pantry` is better by +0.43 (+0.37 to +0.49). Its 0.38 for "answers a
# request" counts tokens, and many tokens of an answer are form. Looking at the question and copying
# from it comes later, renaming later still: both skills with names stand at 0.00. More tokens are
# what would change it.

# %% [markdown]
# This is why hardly anybody pretrains for a single job: the expensive part is learning to read at all.
# Tuning starts where that is done.
#
# With more time, the same program goes on. `python -m factory.pretrain --help` says how to make a
# model of your own with any budget. Give it a place of its own, `--target work/models/mine`: without
# that it replaces `pantry`. It uses a GPU if there is one.

# %% [markdown]
# ## 9. Your turn
#
# ### Exercise A1-2
#
# How many hours would the full training take on this computer, the way we ran it? You have
# `run.tokens`, the tokens of our run; `loss.seconds`, the time they took; and `record["tokens"]`, the
# tokens that `pantry` had.

# %% tags=["exercise"]
# BEGIN SOLUTION
hours = record["tokens"] / run.tokens * loss.seconds / 3600
# END SOLUTION

# %%
exercises.check("A1-2", hours, record["tokens"], run.tokens, loss.seconds)

# %% [markdown] tags=["hint"]
# How many times our run is that? And how many seconds are there in an hour?

# %% [markdown]
# ### Exercise A1-3
#
# Write a function that finds contamination: which of the `examples` (texts of a test set) occur word
# for word in one of the training `texts`? Capitals do not matter, nor how many spaces or line breaks
# are between the words. Return a list of these examples.

# %% tags=["exercise"]
def contaminated(examples, texts):
    # BEGIN SOLUTION
    def plain(text):
        return f" {' '.join(text.lower().split())} "

    known = [plain(text) for text in texts]
    return [one for one in examples if any(plain(one) in text for text in known)]
    # END SOLUTION


# %%
exercises.check("A1-3", contaminated)

# %% [markdown] tags=["hint"]
# `" ".join(text.lower().split())` makes capitals and spaces alike. A space at both ends keeps
# `ham` from being found in `graham crackers`.

# %% [markdown]
# ## 10. A short quiz

# %%
exercises.quiz("A1")

# %% [markdown]
# ## What to remember
#
# - Pretraining is next-token prediction on a great deal of text. Skills come late, and some of them
#   slowly.
# - What is in the training text decides what a model can do, and what a test of it is worth.
# - Where the facts differ in every text, a model learns a skill rather than the facts.
# - A tokenizer is a choice. For a small model it decides how easily words can be copied.
# - Tuning is cheap because pretraining was not.
#
# ## Next
#
# Back to the course: from notebook 04 it goes on with [05 · Prepare the data](05_prepare_data.ipynb), from
# 11 with [12 · Serve it and take it home](12_serve_and_take_home.ipynb).
