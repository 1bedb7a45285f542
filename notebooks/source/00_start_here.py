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
# # 00 · Start here: tune a model in ten minutes
#
# A *language model* is a program that continues text. It learned to do so from a great deal of
# other text. **Fine-tuning** means to train such a finished model a little further, on examples
# of your own, so that it does one job better. In this notebook we do that once, from start to
# end: we ask a model, measure it, tune it, and measure again. Everything runs on this computer.
# No account, no graphics card, no network.
#
# **You will**
#
# - see one task from a learner's and from a program's side,
# - measure a model before and after tuning, on recipes that it has never seen,
# - tune a model yourself and use it right away,
# - learn what a number like "F1 = 0.86 (0.84-0.88)" tells, and what it does not.
#
# **Before you start:** nothing. Run each cell with Shift + Enter, from top to bottom.
#
# **Time:** 12 minutes, of which the computer works for about one.

# %%
import lessonlib
from lessonlib import Method, Scoreboard, compare, evaluate, exercises, lora
from lessonlib.lessons import real_runs
from lessonlib.tasks import prompting, recipes, training_rows

PROVIDER = "practice"  # who serves the models; later: "openai", "azure" or an address
MODEL = "pantry"  # the model that we start from
EXAMPLES = 400  # how many examples we tune on; fewer is faster, more is better

# %% [markdown]
# ## 1. The task
#
# A recipe collection wants to know what is in each recipe. People write ingredients in every
# way one can think of. We want a clean list, in the names that this kitchen uses.

# %%
example = recipes.load("test")[10]
print(recipes.user_message(example))
print()
print("Wanted:", recipes.answer(example))

# %% [markdown]
# The answer is a *JSON list*: text that another program can read. And the names are house names.
# This kitchen keeps a *house glossary* that says, for example, that scallions are called
# `green onion` here. No model can know that by itself.

# %%
for entry in recipes.load_glossary()[:8]:
    print(f"{entry.written:22} -> {entry.house}")

# %% [markdown]
# ## 2. A model that does not know our names
#
# `connect()` gives us a *client*: the object through which we talk to a model. It is OpenAI's
# own Python client. Here it talks to the **practice service**, a small program on this computer
# that understands the same requests. Behind it stands `pantry`, a *tiny* model of our own. It has
# three and a half million parameters (the numbers that training adjusts); large models have
# thousands to hundreds of thousands of times as many. `pantry` can read recipes and little else.
# What we do with it, and how we measure it, is the same with a large one.

# %% tags=["nbval-ignore-output"] reason="whether the service was already running differs"
client = lessonlib.connect(PROVIDER)

# %%
prompt = prompting.bare(example)
for message in prompt:
    print(f"[{message['role']}]\n{message['content']}\n")

# %% [markdown]
# That is the **prompt**: all that the model gets. The *system* message says what the job is, the
# *user* message holds the recipe. Now we ask.

# %% tags=["nbval-ignore-output"] reason="digits differ between processors"
answer = client.chat.completions.create(model=MODEL, messages=prompt, max_tokens=96)
print(answer.choices[0].message.content)

# %% [markdown]
# Compare it with what we wanted. The model has seen many recipes, but nobody told it our format
# or our names. One answer proves little, though. Let us measure.

# %% [markdown]
# ## 3. Measure before you change anything
#
# We ask about 100 recipes of the **test set**: examples that are kept aside for measuring and
# are never trained on. Three numbers come back.
#
# - **micro-F1**: of all ingredients, how many are found and right. 1 is perfect, 0 is nothing.
#   It falls when names are missing, and when wrong ones are there.
# - **exact match**: the share of recipes whose whole list is right.
# - **valid JSON**: the share of answers that a program can read at all. An answer that is not
#   valid JSON counts as empty.
#
# We ask twice: with the bare prompt above, and with a prompt that spells out all the rules.

# %% tags=["nbval-ignore-output"] reason="digits differ between processors"
test = recipes.load("test")[:100]
board = Scoreboard()

before = evaluate(client, Method("bare prompt", MODEL, prompting.bare), test)
told = evaluate(client, Method("instructions", MODEL, prompting.instructions), test)
for result in (before, told):
    board.add(result, split="test")
    print(result)

# %% [markdown]
# The two numbers in brackets are a **95 % confidence interval**. We measured only 100 recipes;
# the score on all recipes of this kind very likely lies in that range. Without it, one cannot
# tell luck from progress.

# %% [markdown]
# ## 4. Tune
#
# Now we show the model what we want, with examples from the **training set**. Each one is a
# small chat: the same prompt as before, and then the answer that we would have liked.

# %%
train = recipes.load("train")[:EXAMPLES]
rows = training_rows.chat_rows(train)
for message in rows[0]["messages"]:
    print(f"[{message['role']}]\n{message['content']}\n")

# %% [markdown]
# `tune` trains on all of them, several times over. Each pass over all examples is called an
# **epoch**. We use **LoRA** (low-rank adaptation): the model itself stays as it is, and a small
# add-on, the *adapter*, learns the difference. Watch the **loss**: it says how surprised the
# model still is by the right answers. It should fall.

# %% tags=["nbval-ignore-output"] reason="losses and seconds differ between runs"
tuned = lora.tune(rows, name="first-taste", settings=lora.LoraSettings(epochs=4))
tuned

# %% [markdown]
# ## 5. The same question again
#
# The service offers the new model at once, under its name. The prompt is the *bare* one: no
# rules, no glossary. What the model needs to know is now in its weights.

# %% tags=["nbval-ignore-output"] reason="digits differ between processors"
answer = client.chat.completions.create(model=tuned.name, messages=prompt, max_tokens=96)
print("Wanted:", recipes.answer(example))
print("Tuned: ", answer.choices[0].message.content)

# %% tags=["nbval-ignore-output"] reason="digits differ between processors"
after = evaluate(client, Method("tuned", tuned.name, prompting.tuned), test)
board.add(after, split="test", training_seconds=tuned.seconds)
board.table("test")

# %% tags=["nbval-ignore-output"] reason="digits differ between processors"
board.picture("test")

# %% [markdown]
# Is the difference more than luck? `compare` sets the answers of both methods to the same recipes
# side by side, and gives the difference with its interval. If the interval does not contain 0, we
# call the difference *significant*.

# %% tags=["nbval-ignore-output"] reason="digits differ between processors"
print("tuned against the bare prompt:  ", compare(after, before))
print("tuned against the instructions: ", compare(after, told))

# %% [markdown]
# `pantry` is our own, and tiny. Does the same happen with a real model? We have measured one in the
# same way: **Gemma 3 270M** by Google, which has about 75 times as many weights and has read text
# of every kind. Its answers are kept in `data/real_runs`, so nothing has to be run for this. Click
# on the line below the cell to open it. You will meet this line again in other notebooks.

# %% tags=["nbval-ignore-output"] reason="a picture of measured numbers"
real_runs.show(["bare prompt", "instructions", "few-shot, k = 4", "tuned on 400"])

# %% [markdown]
# The order is the same, and the steps are larger. Asked without examples, Gemma gives no list at
# all: 0.00. Four solved examples in the prompt take it to 0.26, and 400 of them in training to
# 0.96, more than `pantry` reaches. One thing to keep in mind: this is a *pretrained* model, which
# goes on with a text and was never taught to follow instructions. A model that was, an *instruct*
# model, would start from a better place.

# %% [markdown]
# ## 6. Your turn
#
# A line `...  # your turn` is a blank: replace the dots and run the cell, then the check below
# it. Nothing breaks if you leave it as it is. Hint and solution are folded beneath.

# %% [markdown]
# ### Exercise 00-1
#
# How much micro-F1 did tuning gain over the bare prompt? Take both scores from the results
# `after` and `before`; `result.metrics()["micro_f1"].value` is the number without its interval.

# %% tags=["exercise"]
# BEGIN SOLUTION
gain = after.metrics()["micro_f1"].value - before.metrics()["micro_f1"].value
# END SOLUTION

# %%
exercises.check("00-1", gain, before, after)

# %% [markdown] tags=["hint"]
# A gain is the later value minus the earlier one.

# %% [markdown]
# ### Exercise 00-2
#
# Is our test really held out? Write a function that returns those recipes of `examples` whose
# ingredient lines (`recipe.lines`) are the very lines of a recipe in `training`. The id and the
# title do not matter: a recipe that was copied under a new name is a copy all the same.

# %% tags=["exercise"]
def seen_in_training(examples, training):
    # BEGIN SOLUTION
    known = {recipe.lines for recipe in training}
    return [recipe for recipe in examples if recipe.lines in known]
    # END SOLUTION


# %%
exercises.check("00-2", seen_in_training)

# %% [markdown] tags=["hint"]
# `recipe.lines` is a tuple, so it can be put into a set: `{recipe.lines for recipe in training}`.

# %% [markdown]
# ## 7. A short quiz

# %%
exercises.quiz("00")

# %% [markdown]
# ## What just happened
#
# The instructions could tell the model the *format* and the *rules*. They did not tell it what
# this kitchen calls things: the whole glossary in every prompt would make it several times as
# long. The training examples did. The tuned model does better with the shortest prompt than the
# untuned one with the longer. It is not perfect, as its score says: a few hundred examples and a
# minute of training are a first taste.
#
# It is too early to say "so we should always tune". We have not tried the alternatives: showing
# a few examples in the prompt, or looking names up in the glossary. Both cost no training at
# all. That is why the course measures them first.
#
# ## Five minutes more, on a real model
#
# Is all this true of a *real* language model? Find out. Google's Gemma 3 270M is small enough for two
# cores of a laptop, and you need no account. In a terminal, in the folder of this course:
#
# ```bash
# python start.py fetch gemma-3-270m
# .venv/bin/python -m lessonlib.assignment.command my_rows.csv --model gemma-3-270m
# ```
#
# The first line downloads it, once you have accepted Google's terms (240 MB). The second tunes it on
# rows of your own, in the columns `question,answer` (labels or JSON) or `line,name` (ingredient
# lines), and compares it with the best prompt. Before it begins, it says how many minutes that takes
# on your computer. (On Windows it is `.venv\Scripts\python`.)
#
# Or see every step: [08](08_tune_hugging_face.ipynb) tunes it on our recipes, line by line.
#
# ## What to remember
#
# - Tuning changes the model, prompting changes what the model is given.
# - Measure before, measure after, on examples that training never saw.
# - A number without an interval is half a number.
# - `pantry` is a practice model. Its scores are its own. Which of its lessons hold for a real model
#   is measured, and told at each place.
#
# ## Next
#
# [04 · What is fine-tuning?](04_what_is_fine_tuning.ipynb): what did that minute change
# inside the model?
#
# In a hurry? [01 · A baseline with few-shot prompts](01_baseline_few_shot.ipynb) goes straight on
# with this task: how far do we get with a better prompt alone, and what does it cost?
