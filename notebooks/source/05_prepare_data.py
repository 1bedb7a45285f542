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
# # 05 · Prepare the data
#
# A tuned model is as good as the examples it learned from. Most of the work of tuning is done
# before training starts: collecting examples, labelling them, bringing them into the form that a
# training service reads, checking them, and keeping them apart from those you measure on. In this
# notebook we do all of that once. Then we measure what people like to guess: how many examples are
# enough, and how much harm wrong ones do.
#
# **You will**
#
# - see what tuning needs, and what of it is on this machine,
# - turn rows of a table into a training file, check it, and read what the check tells you,
# - see which tokens are learned and why, and count them,
# - keep training and test examples apart, and measure what a leak does to a score,
# - draw two learning curves, and spoil labels on purpose to see what happens.
#
# **Before you start:** [00 · Start here](00_start_here.ipynb) for the task and the scores, and
# section 2 of [04](04_what_is_fine_tuning.ipynb) for what a training step is.
#
# **Time:** 60 minutes, of which the computer works for about four.

# %%
import json
import math

import lessonlib
from lessonlib import Method, chat_files, compare, evaluate, exercises, lora
from lessonlib.common import paths
from lessonlib.lessons import real_runs
from lessonlib.tasks import prompting, recipes, training_rows

PROVIDER = "practice"  # who serves the models; later: "openai", "azure" or an address
MODEL = "pantry"  # the model that we start from

# %% [markdown]
# ## 1. Four things you need
#
# To tune a model you need a **pretrained model** that may be tuned, **data** to tune it on, a
# **place to train**, and a **place to serve** the result, so that others can ask it. Let's see
# which of the four this machine has.

# %% tags=["nbval-ignore-output"] reason="every machine has something else"
from lessonlib.lessons import nb05_four_needs as four_needs

four_needs.look()

# %% [markdown]
# The last column says what a hosted service brings. It takes the training and the serving off your
# hands, for money. What you choose yourself is the model. Ask four things about it: does its
# *licence* allow your use? Is it *small* enough for the place where it will run? Is it a *base*
# model, which was only pretrained and continues text, or an *instruct* model, which already follows
# instructions? And do your longest prompts fit into its *context window*? The need that no service
# ever fills is the second one. So we turn to the data.
#
# ## 2. From rows to a training file
#
# Examples rarely come in the form that training wants. They come as tables, documents, old emails.
# Ours are recipes, each with the answer we want beside it: the **label**. These recipes are
# *generated* from templates, so that nobody's data is in them; now and then one is silly ("2 cups
# day-old water"). Eighty more were written by hand. Here is one of each kind.

# %%
train, validation, test = map(recipes.load, ("train", "validation", "test"))
field = recipes.load("field")
for example in (train[0], field[1]):
    print(*example.lines, sep="\n")
    print("label:", recipes.answer(example), end="\n\n")

# %% [markdown]
# Before you collect a thousand of your own, know what makes them good:
#
# | ask of your examples | because |
# |---|---|
# | Are the labels **right**, and would two people give the same one? Let two label the same 50, and count. | The model learns disagreement, too. Write down the rules that settle it. |
# | Are they **normalised**: one spelling, one order, one format? | `Salt` and `salt ` are two answers to a program. |
# | Do they look like **what will come later**, with all its kinds, lengths and authors? | Section 8 measures what happens otherwise. |
# | Do they show the **edges**: an empty question, one that is not yours to answer? | What to refuse, and how, has to be shown like everything else. |
# | May you **use** them? Licences, contracts, a service's terms of use. | This holds for answers written by a stronger model, too: a cheap source of labels, but some terms forbid it, and you inherit its mistakes. |
# | Is there **personal data** in them? | A tuned model can repeat what it has read. Take out names, addresses, numbers first. |
#
# A chat model is trained on chats. So each row becomes a short chat: the *system* message that says
# what the job is, the *user* message with the question, and the *assistant* message with the answer
# we want. The prompt should be the one that the model will get later. So we let one function,
# `prompting.tuned`, make it here and there.

# %%
rows = training_rows.chat_rows(train, messages=prompting.tuned)
print(json.dumps(rows[0], indent=1, ensure_ascii=False))

# %% [markdown]
# In the file, each example has a line of its own. This form is called **JSON Lines**; its files end
# in `.jsonl`. OpenAI, Azure OpenAI and TRL, Hugging Face's library for training language models,
# all read it. Each line is complete in itself: `json.loads` turns it back into the row, and one
# broken line spoils no other.

# %%
path = chat_files.write(rows, paths.WORK / "training" / "recipes.jsonl")
with open(path, encoding="utf-8") as file:
    lines = file.readlines()
print(f"{path.name}: {len(lines)} lines. The first one begins:\n{lines[0][:96]}")
print("the same row again:", json.loads(lines[0]) == rows[0])

# %% [markdown]
# ## 3. Check it before anybody trains on it
#
# A service that cannot read your file tells you so after you have uploaded it and waited. A check
# on your own machine takes seconds. `chat_files.check` knows some thirty kinds of mistakes.

# %%
chat_files.check(path)

# %% [markdown]
# Files that programs write are mostly sound. Files that people have typed or edited are not. Here
# is one with eleven lines. Read it first: how many mistakes do you see?

# %%
typed = paths.DATA / "training_files" / "typed_by_hand.jsonl"
with open(typed, encoding="utf-8") as file:
    for number, line in enumerate(file, start=1):
        print(f"{number:2}  {line.rstrip()}")

# %%
chat_files.check(typed)

# %% [markdown]
# Each mistake has a key, a place, what is wrong, and a cure. *Errors* make a file useless.
# *Warnings* leave it usable, but look at the last one: the same question with two different
# answers. A model cannot learn both, and no service would have told you.
#
# What does a service tell you? Only the first error that it meets, in its own words:

# %%
code, message, parameter = chat_files.service_error(chat_files.check(typed))
print(f"{code} ({parameter})\n{message}")

# %% [markdown]
# ## 4. What is learned: tokens and labels
#
# A model reads no messages, only **tokens**: words, parts of words, punctuation. Its **chat
# template** first turns a chat into one text. The marks in angle brackets say who speaks and where
# an answer ends; they are *special tokens*, which no ordinary text contains. Template and tokens
# belong to the model, so we load both from its folder.

# %%
from transformers import AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained(paths.BUILT_IN)
chat = rows[0]["messages"]
print(tokenizer.apply_chat_template(chat, tokenize=False))  # without tokenize=False: numbers

# %% [markdown]
# In training, the model reads this text token by token and is asked each time: what comes next? So
# beside each token stands what is to be learned at its place (the code calls these numbers
# *labels*, too): the token itself within the answer, and -100 everywhere else. PyTorch's loss
# leaves out each place with -100: read it, learn nothing here.
#
# Where does the answer begin? `add_generation_prompt=True` ends the prompt with the mark that opens
# an answer, just as it does when the model is asked. What follows in the whole chat is the answer.
# (`return_dict=False` gives nothing but the tokens' numbers.)

# %%
prompt = tokenizer.apply_chat_template(chat[:-1], add_generation_prompt=True, return_dict=False)
tokens = tokenizer.apply_chat_template(chat, return_dict=False)[:-1]  # but for a last line break
labels = [-100] * len(prompt) + tokens[len(prompt):]
print(f"{len(prompt)} tokens to read, {len(tokens) - len(prompt)} to learn. Around the border:\n")
for place in [*range(len(prompt) - 3, len(prompt) + 4), len(tokens) - 1]:
    print(f"{tokenizer.decode([tokens[place]])!r:16} token {tokens[place]:5}   "
          f"label {labels[place]:5}")

# %% [markdown]
# The last line is the end mark, and it has a label, too: a model that never learned it would not
# know when to stop.
#
# **Why only the answer?** Seven of eight tokens here are recipe, and the recipe is different each
# time. A model that is to learn them spends most of each step on predicting what people cook, which
# nobody asked for. That is the reasoning. But it is *our* `lora.tune` that does so. Take the same
# file to TRL, and its defaults do something else:

# %%
import inspect

from trl import SFTConfig

defaults = inspect.signature(SFTConfig).parameters
for setting in ("assistant_only_loss", "completion_only_loss"):
    print(f"{setting}: {defaults[setting].default}")

# %% [markdown]
# For rows of `messages`, `assistant_only_loss=False` means that TRL learns *every* token. (For rows
# split into `prompt` and `completion`, which [notebook 08](08_tune_hugging_face.ipynb) uses,
# `completion_only_loss=None` means that it learns the completion alone.) Does it matter? We try
# both, on the same 200 examples for the same 50 steps. To learn every token, we pass each chat as
# raw text, template included.

# %% tags=["nbval-ignore-output"] reason="whether the service was already running differs"
client = lessonlib.connect(PROVIDER)

# %% tags=["nbval-ignore-output"] reason="digits differ between processors"
def tuned_on(examples, name, steps=50, seed=0, rows_of=training_rows.chat_rows, then=None):
    """Tune for about so many steps, however many examples there are, and measure the model."""
    a_pass = math.ceil(len(examples) / 16)  # steps in one epoch, 16 rows each
    settings = lora.LoraSettings(batch_size=16, epochs=max(1, round(steps / a_pass)))
    model = lora.tune(rows_of(examples), name, settings=settings, seed=seed, show=False)
    return evaluate(client, Method(name, model.name, prompting.tuned, then=then), validation)


def whole_chats(examples):
    """Each chat as one text, of which every token is learned."""
    texts = [tokenizer.apply_chat_template(row["messages"], tokenize=False)
             for row in training_rows.chat_rows(examples)]
    return [{"text": text.removeprefix(tokenizer.bos_token).rstrip()} for text in texts]


clean = tuned_on(train[:200], "data-200")
every_token = tuned_on(train[:200], "data-every-token", rows_of=whole_chats)
print("answers alone:", clean.metrics()["micro_f1"])
print("every token:  ", every_token.metrics()["micro_f1"])
print("every token minus answers alone:", compare(every_token, clean))

# %% [markdown] tags=["what-we-saw"]
# After the same 50 steps, the model that had to learn the recipes as well is worse at the answers:
# 0.73 against 0.83. A likely reason: much of each step went into the recipes. That's no law for
# every task, and longer training may close the gap, but know which of the two your trainer does.
# [Notebook 08](08_tune_hugging_face.ipynb) sets it by hand.

# %% [markdown]
# **Must the prompt be the same, to the letter?** People often say so. We ask the model that learned
# with the bare prompt in three other ways. Guess first: which of them hurts?

# %% tags=["nbval-ignore-output"] reason="digits differ between processors"
def one_line(recipe):
    return [prompting.tuned(recipe)[0], {"role": "user", "content": "; ".join(recipe.lines)}]


def one_more_sentence(recipe):
    system, user = prompting.tuned(recipe)
    return [system, user | {"content": user["content"] + "\nPlease answer in JSON."}]


others = {"the long instructions": prompting.instructions, "the recipe in one line": one_line,
          "one more sentence": one_more_sentence}
for label, messages in others.items():
    asked = evaluate(client, Method(label, "data-200", messages), validation)
    print(f"{label}: micro-F1 {asked.metrics()['micro_f1'].value:.2f}, "
          f"minus the same prompt {compare(asked, clean)}")

# %% [markdown] tags=["what-we-saw"]
# Did you guess that? With a prompt several times as long, and with the recipe squeezed into one
# line, we cannot tell any difference. One polite sentence more at the end, *Please answer in JSON*,
# makes the model worse: 0.80. What hurts is hard to foresee, and no error tells you. So let one
# function make both prompts, or measure with the prompt that you will really send. (From Gemma's
# record: tuned with bare prompts on 400 examples, it is worse, 0.89 instead of 0.96, when glossary
# lines stand in front of the recipe.)
# <!-- record: tuned on 400 -->
# <!-- record: tuned on bare prompts, asked with the glossary -->

# %% [markdown]
# ### How much is it all together?
#
# `chat_files.check` counts in the same way; *answer* is what is learned. Two questions for the
# whole file: does every example fit into the model's context window? And how much is it in all?

# %%
report = chat_files.check(rows)
report.tokens

# %%
report.tokens.picture()

# %% [markdown]
# Look at the longest. An example that doesn't fit is cut off at its end, and the end is where the
# answer stands: the model would learn from half an answer, or from none.
#
# Each pass of training through the file is an **epoch**. If you leave their number to OpenAI, a
# rule in its cookbook estimates the choice: three, more for a small file, fewer for a very large
# one. You pay for tokens times epochs. Practice costs nothing; this is an estimate for a hosted
# model.

# %%
for examples in (10, 25, 100, 800, 25_000):
    epochs = chat_files.epochs(examples)
    print(f"{examples:6,} examples: {epochs:2} {'epoch' if epochs == 1 else 'epochs'}")
chat_files.estimate(report.tokens, model="gpt-4.1-mini")

# %% [markdown]
# The amount is often a surprise. Money for training is seldom what matters; the hours in which
# people write and check labels are. At a minute each, 800 examples are more than 13 hours.
#
# ## 5. Keep them apart: splits, leaks and copies
#
# Examples are divided into three **splits**. The *training set* is learned from. The *validation
# set* is looked at along the way, to choose between settings. The *test set* is looked at once, at
# the end. A test example that is also in the training set is a **leak**: then the test measures
# memory, not skill.

# %%
for name in ("train", "validation", "test"):
    print(f"{name:10} {len(recipes.load(name)):4} recipes")

# %% [markdown]
# The check finds leaks if you tell it what the test asks. We put two test recipes among fifty
# training recipes, and three of the fifty in twice.

# %%
asked = training_rows.chat_rows(test)
chat_files.check(rows[:50] + asked[:2] + rows[:3], test_rows=asked)

# %% [markdown]
# That comparison forgives capitals and spaces, nothing else. Real copies are rarely so plain:
# somebody has changed a word or left out a line. To find those, we compare the runs of three words
# that two recipes share, divided by all that either of them holds. This measure is called the
# *Jaccard index*: 1 for the same recipe, 0 for two that share no run of three words.

# %%
from lessonlib.tasks import near_duplicates

first, *rest = test[0].lines
copied = recipes.Recipe("copy-1", "Our best", (first.upper(), *rest[:-1]), (), ())
for one, other, likeness in near_duplicates.near_duplicates([*train, *test, copied]):
    print(f"{one.id} and {other.id}: Jaccard index {likeness:.2f}")

# %% [markdown]
# Only the copy that we made ourselves should be on that list. In your own data, remove copies
# *before* you divide into splits; afterwards, the two halves of a pair may stand on both sides. And
# divide by *source*: all recipes of one author, all emails of one customer go to the same side.
# Else the test asks about people that training has met.
#
# What does a leak do to a score? We train on 50 examples, and once more on 50 of which 20 are
# validation recipes, with their labels.

# %% tags=["nbval-ignore-output"] reason="digits differ between processors"
from dataclasses import replace

fifty = tuned_on(train[:50], "data-50")
leaky = tuned_on(train[:30] + validation[:20], "data-leaky")
for what, part in (("the 20 that leaked", slice(0, 20)), ("the other 80", slice(20, 100))):
    scores = [replace(one, rows=one.rows[part]) for one in (leaky, fifty)]
    print(f"{what}: micro-F1 {scores[0].metrics()['micro_f1'].value:.2f}, "
          f"without the leak {scores[1].metrics()['micro_f1'].value:.2f}: {compare(*scores)}")
print("all 100, leak minus no leak:", compare(leaky, fifty))

# %% [markdown] tags=["what-we-saw"]
# The 20 leaked recipes are answered without a mistake: 1.00 instead of 0.72. The other 80 are not:
# 0.74 against 0.75, which we cannot tell apart. So this model knows 20 answers by heart and is no
# better at its job that we can see, yet the score of all 100 is higher by 0.04, and its interval
# just reaches zero. That is too little to notice, which is just what makes leaks dangerous. The
# more of the test has leaked, the better the score looks, and the less it says.

# %% [markdown]
# ## 6. How many examples are enough?
#
# No rule answers that for your task, but a measurement does. Quality against the number of examples
# is called a **learning curve**. There's a trap in it: more examples usually means more training,
# and then you don't know which of the two helped. So we give every size the same number of steps,
# and draw the curve twice: with 50 steps, and with 200. (We measure on the validation set, since we
# are about to choose something.)

# %% tags=["nbval-ignore-output"] reason="digits differ between processors"
curves = {50: {50: fifty, 200: clean}, 200: {}}
for size in (25, 100, 800):
    for steps, curve in curves.items():
        curve[size] = tuned_on(train[:size], f"data-{size}-{steps}", steps)
        print(f"{size:3} examples, {steps:3} steps: micro-F1 {curve[size].metrics()['micro_f1']}")

# %% tags=["nbval-ignore-output"] reason="a picture of measured numbers"
from lessonlib.show import pictures

fig, axes = pictures.figure(width=8, height=3.8)
told = []
for (steps, curve), mark in zip(curves.items(), "os", strict=True):
    sizes, scores = zip(*((size, curve[size].metrics()["micro_f1"]) for size in sorted(curve)),
                        strict=True)
    reach = [[s.value - s.low for s in scores], [s.high - s.value for s in scores]]
    axes.errorbar(sizes, [s.value for s in scores], reach, fmt=f"{mark}-", capsize=4,
                  label=f"{steps} steps each")
    told.append(f"{steps} steps: " + ", ".join(
        f"{size}: {s.value:.2f}" for size, s in zip(sizes, scores, strict=True)))
axes.set_xscale("log")
axes.set_xticks((25, 50, 100, 200, 800), ("25", "50", "100", "200", "800"))
axes.minorticks_off()
axes.set(xlabel="training examples", ylabel="micro-F1", ylim=(0.5, 1), title="Learning curves")
axes.legend()
pictures.show(fig, f"Micro-F1 by the number of examples. {'. '.join(told)}.")

# %% tags=["nbval-ignore-output"] reason="digits differ between processors"
for steps, curve in curves.items():
    print(f"{steps} steps, 800 minus 25 examples: {compare(curve[800], curve[25])}")
for size in (25, 800):
    print(f"{size} examples, 200 minus 50 steps: {compare(curves[200][size], curves[50][size])}")

# %% [markdown] tags=["what-we-saw"]
# The two curves disagree, and that is the point. From 25 to 800 examples, the score rises by 0.16
# with 50 steps, and by 0.27 with 200. With 50 steps, 800 examples get hardly more than 200: 0.84
# and 0.83. With 25 examples, four times the training makes no difference that we can tell; with 800
# it adds 0.10. **More examples help more if you train long enough to use them, and longer training
# helps more if there are many examples.** A flat curve may just mean that the training was short.
# So: use all 800 examples, and train longer. Whether labelling more would pay, these curves don't
# say: the one with 200 steps rests on three points. First use the examples that you have.

# %% [markdown]
# ### How much of it is luck?
#
# The intervals above hold the luck of the *questions*: with other recipes, the score would be a
# little different. They don't hold the luck of *training*: which examples we happened to have, and
# the **seed**, the number from which everything random starts (how the adapter begins, in which
# order examples come). So we draw three times 25 examples, each with a seed of its own.

# %% tags=["nbval-ignore-output"] reason="digits differ between processors"
from random import Random

draws = [curves[50][25]]
for seed in (1, 2):
    chosen = Random(seed).sample(train, 25)
    draws.append(tuned_on(chosen, f"data-25-seed-{seed}", seed=seed))
print("pantry,  25 examples, three draws:",
      ", ".join(f"{draw.metrics()['micro_f1'].value:.2f}" for draw in draws))
print("the best minus the worst:", compare(max(draws, key=lambda d: d.metrics()["micro_f1"].value),
                                           min(draws, key=lambda d: d.metrics()["micro_f1"].value)))

# %% tags=["nbval-ignore-output"] reason="a picture of measured numbers"
real = real_runs.load()
for size in (25, 100, 400):
    runs = [real.result(f"tuned on {size}", seed=seed) for seed in (0, 1, 2)]
    print(f"Gemma, {size:3} examples, three seeds:",
          ", ".join(f"{run.metrics()['micro_f1'].value:.2f}" for run in runs))
real_runs.show({f"{size} examples": f"tuned on {size}" for size in (25, 50, 100, 200, 400, 800)})

# %% [markdown] tags=["what-we-saw"]
# Gemma was trained for about 200 steps at every size and, as in notebook 04, asked at the epoch
# with the lowest validation loss. With few examples that comes early: with 25, after 6 of 50
# epochs. The curve climbs from 0.59 with 25 examples to 0.96 with 400; with 800 it gets 0.97, which
# we cannot tell from that. After the *last* epoch, so with equal training, it reads 0.63, 0.74,
# 0.85, 0.93 and 0.97 for 25 to 400 examples (with 800, the last epoch was also the one with the
# lowest loss). On both curves, each size up to 400 is better than the one before.
#
# Now look at the luck. `pantry`'s three draws of 25 examples lie close together, Gemma's three
# seeds anywhere from 0.40 to 0.63. With 100 examples they lie 0.02 apart, with 400 all three print
# as 0.96. So with few examples, train more than once before you believe a difference, and don't
# trust a verdict about two single trainings that lie as close as the seeds do.
# <!-- derived: 0.02 = 0.84 - 0.82 -->
# <!-- record: tuned on 25, last epoch -->
# <!-- record: tuned on 50, last epoch -->
# <!-- record: tuned on 100, last epoch -->
# <!-- record: tuned on 200, last epoch -->
# <!-- record: tuned on 400, last epoch -->

# %% [markdown]
# What do the examples teach? We look apart at names that only need to be copied from the recipe,
# and at house names, which have to be known. What share of them is answered right, after 200 steps?

# %% tags=["nbval-ignore-output"] reason="digits differ between processors"
from lessonlib.tasks.name_scores import name_recall

entries = recipes.load_glossary(until=recipes.TRAINING_DATE)
house = {entry.written for entry in entries}
plain = {name for recipe in validation for name in recipe.names} - house
print("examples   plain names   house names   house names met in training")
for size, result in curves[200].items():
    met = house & {name for recipe in train[:size] for name in recipe.names}
    shares = [name_recall(result, validation, names, entries)[0] for names in (plain, house, met)]
    print(f"{size:8}{shares[0]:14.2f}{shares[1]:14.2f}{shares[2]:14.2f} "
          f"({len(met)} of {len(house)} names)")

# %% [markdown] tags=["what-we-saw"]
# With 25 examples, four of five names that only need to be copied are right (0.81), but not even
# half of the house names (0.46). Those come more slowly: a name that training never showed can
# hardly be known. With all 800 examples, every one of the 95 has been met, and both kinds reach
# 0.96. So house names gain most from more examples, but copying gains as well.

# %% [markdown]
# ## 7. What do bad labels do?
#
# Mistakes in real data are rarely random. Here is one that happens in tables: somebody deletes one
# cell in the column of answers, and from there on every recipe stands beside the answer of the
# next. Nothing looks broken. Each row is sound, each answer is a fine list.

# %%
slipped = training_rows.slipped(train[:200], share=0.3)
print(*slipped[140].lines, sep="\n")
print("\nlabel:", recipes.answer(slipped[140]))
report = chat_files.check(training_rows.chat_rows(slipped), count_tokens=False)
print("\n" + report.headline())

# %% [markdown]
# The check has nothing to say: it knows the form, not the meaning. We tune on these 200 examples,
# of which 60 have slipped, and on the 140 right ones alone. Which will be better?

# %% tags=["nbval-ignore-output"] reason="digits differ between processors"
bad = tuned_on(slipped, "data-slipped")
fewer = tuned_on(slipped[:140], "data-140")
for label, result in (("200 right", clean), ("140 right, 60 slipped", bad), ("140 right", fewer)):
    print(f"{label:22} micro-F1 {result.metrics()['micro_f1']}")
print("\n60 slipped instead of right:", compare(bad, clean))
print("60 slipped thrown away:     ", compare(fewer, bad))

# %% tags=["nbval-ignore-output"] reason="a picture of measured numbers"
print("Gemma, 400 examples, 30 % of them from one bad source:",
      compare(real.result("one bad source"), real.result("tuned on 400")))

# %% [markdown] tags=["what-we-saw"]
# The 60 wrong labels cost 0.04, and throwing them away is better than keeping them, by 0.05: a
# wrong label isn't just useless, it pulls the model in the wrong direction. We cannot see that 140
# right examples do worse than 200: 0.84 and 0.83, one training each. The harm may be greater where
# the mistake goes together with something that the model can see, such as one author: then it can
# learn the mistake and repeat it. Of Gemma's 400 examples, 30 % came from one source without the
# glossary, and that cost 0.13. (Another model and another mistake, so these two costs can't be
# compared.)

# %% [markdown]
# ### What should the label be?
#
# That's yours to decide, and it may matter more than anything above. Our labels ask for two things:
# find the foods, and call them by their house names. The second is a table, and a program looks
# things up in a table without a mistake. So let the model learn only the first: labels with *all*
# names as written in the recipe (the output calls them plain names; in section 6 those were only
# the names that the glossary doesn't change), renamed afterwards in Python (`then=`).

# %% tags=["nbval-ignore-output"] reason="digits differ between processors"
plainly = [replace(one, ingredients=tuple(dict.fromkeys(one.names))) for one in train[:200]]
split_job = tuned_on(plainly, "data-plain", then=lambda text: recipes.rename(text, entries))
print("house names learned:              ", clean.metrics()["micro_f1"])
print("plain names learned, then renamed:", split_job.metrics()["micro_f1"])
print("renamed minus learned:", compare(split_job, clean))

# %% [markdown] tags=["what-we-saw"]
# The cheapest gain of this notebook: 0.97 against 0.83, with the same 200 examples, the same 50
# steps, and a table. The idea goes beyond recipes: let tuning learn what is hard to program, and
# leave to a program what is a table. It also stays right on the day a name is added. (In these
# generated recipes, every name stands in the glossary letter by letter. On what people write, a
# table misses typos and odd forms.)

# %% [markdown]
# ## 8. One look at the test set, and one beyond it
#
# For a model that learns the house names itself, the curves chose all 800 examples and 200 steps.
# (Section 7's model with its table got 0.97 on validation recipes against 0.95 for this one; we
# didn't compare the two in pairs, and look at the one without a table here.) Now, once in this
# notebook, the test set. And then the 80 recipes that people wrote by hand, in many styles, with
# abbreviations and typos that no template contains.

# %% tags=["nbval-ignore-output"] reason="digits differ between processors"
last = Method("800 examples, 200 steps", "data-800-200", prompting.tuned)
for label, examples in (("test, generated", test), ("written by hand", field)):
    print(f"{label:16} micro-F1 {evaluate(client, last, examples).metrics()['micro_f1']}")

# %% [markdown] tags=["what-we-saw"]
# On recipes from the same templates the model reaches 0.96; on recipes that people wrote, 0.72.
# Nothing is wrong with the model or the test. The training examples didn't look like what came
# later. A score holds for data *of the same kind*, so before you celebrate one, get fifty real
# examples and measure on those.

# %% [markdown]
# ## 9. Your turn
#
# ### Exercise 05-1
#
# Your examples lie in a spreadsheet. The column *ingredients* was typed by many hands: `"Flour;
# salt ;flour"`. Write a function that turns a question and such a cell into a row for a chat
# training file, with the label *normalised*: a JSON list of names in lower case, without blanks
# around them, each once, in the order in which they first come, and no empty ones. The first
# message is the system's, with the text `recipes.SYSTEM_BARE`.

# %% tags=["exercise"]
def as_row(question, cell):
    # BEGIN SOLUTION
    names = [name.strip().lower() for name in cell.split(";")]
    answer = json.dumps(list(dict.fromkeys(name for name in names if name)))
    return {
        "messages": [
            {"role": "system", "content": recipes.SYSTEM_BARE},
            {"role": "user", "content": question},
            {"role": "assistant", "content": answer},
        ]
    }
    # END SOLUTION


# %%
exercises.check("05-1", as_row)

# %% [markdown] tags=["hint"]
# Section 2 prints a row. `dict.fromkeys(names)` keeps the order and drops what comes twice.

# %% [markdown]
# ### Exercise 05-2
#
# Divide by source. Each example is a dictionary with an `"id"` and an `"author"`. Write a function
# that returns two lists, training and test. All examples of an author go to the same side. Take
# whole authors into the test, in the order in which they first come, until it holds at least the
# `share` that was asked for; the rest is for training.

# %% tags=["exercise"]
def split_by_author(examples, share):
    # BEGIN SOLUTION
    in_test, count = set(), 0
    for example in examples:
        author = example["author"]
        if author not in in_test and count < share * len(examples):
            in_test.add(author)
            count += sum(one["author"] == author for one in examples)
    train = [one for one in examples if one["author"] not in in_test]
    return train, [one for one in examples if one["author"] in in_test]
    # END SOLUTION


# %%
exercises.check("05-2", split_by_author)

# %% [markdown] tags=["hint"]
# First choose the authors, then deal the examples out. A `set` holds the authors of the test.

# %% [markdown]
# ### Exercise 05-3
#
# Find labels that have slipped. Write a function that returns those recipes whose label cannot be
# theirs: *none* of the names in `recipe.ingredients` occurs in the recipe's lines. Mind that lines
# may have capitals, and that one name found is enough to clear a recipe.

# %% tags=["exercise"]
def suspicious(examples):
    # BEGIN SOLUTION
    found = []
    for recipe in examples:
        text = " ".join(recipe.lines).lower()
        if not any(name in text for name in recipe.ingredients):
            found.append(recipe)
    return found
    # END SOLUTION


# %%
exercises.check("05-3", suspicious)

# %% [markdown] tags=["hint"]
# Join the lines to one text in lower case, then ask `any(name in text for name in ...)`.

# %% [markdown]
# Does it find them? Once your answer passes, this cell shows how many of the 60 slipped labels your
# function suspects, and how many of the 140 right ones.

# %% tags=["nbval-ignore-output"] reason="it depends on your answer"
for what, part in (("right", slipped[:140]), ("slipped", slipped[140:])):
    found = suspicious(part)
    said = len(found) if isinstance(found, list) else "no answer yet"
    print(f"{what:8} labels: {len(part):3}, suspected: {said}")

# %% [markdown]
# Such a simple test finds many of them, not all: slipped labels share everyday names such as salt
# with their new recipe. It's still the best quarter of an hour you can spend on data: sort your
# examples by how suspicious they are, and read the top of the list yourself.
#
# ## 10. A short quiz

# %%
exercises.quiz("05")

# %% [markdown]
# ## What to remember
#
# - Four needs: a pretrained model, data, a place to train, a place to serve. The data are yours to
#   bring.
# - Learn the answer alone, its end mark included; elsewhere the label is -100. TRL doesn't do so by
#   itself for rows of `messages`.
# - Make the training prompt with the very function that makes the prompt later. What harms is hard
#   to foresee.
# - A check finds broken form in seconds. Wrong meaning is found by reading and by measuring.
# - Remove copies, then divide by source, then leave the test set alone.
# - More examples help more if training is long enough to use them. Draw the curve with the same
#   number of steps for each size, and repeat it where it is close.
# - Throw away labels that you know to be wrong. And ask what the label should be at all.
# - A score holds for data that look like the test. Measure on what people really write.
#
# ## Next
#
# [06 · Tune at OpenAI](06_tune_openai.ipynb): the file is written and checked. Now it goes to a
# training service: upload, job, waiting, result. The hosted ones and the practice service take the
# same examples and nearly the same requests.
