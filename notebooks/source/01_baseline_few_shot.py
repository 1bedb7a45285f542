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
# # 01 · A baseline with few-shot prompts
#
# Before we tune, we try what is cheaper. A **baseline** is the result that tuning has to beat.
# The first one costs no training at all: we put a few solved examples into the prompt and let
# the model follow them. This is called **few-shot prompting**, and one example is a *shot*. It
# often works well. The lesson names two limits: the number of tokens that fit, and the tokens
# that each call costs. We measure what it brings, and run into both limits on purpose.
#
# **You will**
#
# - build prompts with no, one and several examples, and see what each adds,
# - draw quality against length of the prompt,
# - find out what examples teach (the format) and what they do not (names they do not show),
# - run into the context window, read the error, and work out what examples cost per call.
#
# **Before you start:** [00 · Start here](00_start_here.ipynb) explains the task and the scores.
#
# **Time:** 25 minutes, of which the computer works for about one.

# %%
import openai

import lessonlib
from lessonlib import Method, Scoreboard, compare, costs, evaluate, exercises
from lessonlib.lessons import real_runs
from lessonlib.show import pictures
from lessonlib.tasks import prompting, recipes
from lessonlib.tasks.name_scores import name_recall

PROVIDER = "practice"  # who serves the models; later: "openai", "azure" or an address
MODEL = "pantry"  # the model that we ask
QUESTIONS = 100  # how many test recipes we measure on

# %% tags=["nbval-ignore-output"] reason="whether the service was already running differs"
client = lessonlib.connect(PROVIDER)

# %% [markdown]
# ## 1. A fair start: say what you want
#
# The tutorial's prompt is two short sentences, the *bare* prompt. It names neither the format nor
# the rules. If we measured few-shot prompts against that, we would praise the examples for what
# clearer words do as well. So we have two starting points: the bare prompt, and the same
# with **full instructions** in words.

# %%
print(recipes.SYSTEM_INSTRUCTIONS)

# %% [markdown]
# ## 2. A prompt with examples
#
# The examples are put in as if the chat had already gone on for a while: a question, the right
# answer, a question, the right answer. Then comes the recipe that we want to know about. There is
# nothing to it but a list of messages, so let us write one by hand, with a single example.
# (`pick_balanced` chooses it; more on that below.)
#
# Each message has a **role**. `system` is for the instructions, printed above. `user` is whoever
# asks. `assistant` is the model: here we write its first answer ourselves. The list ends with a
# question, so the next answer is the model's own.

# %%
train, test = recipes.load("train"), recipes.load("test")[:QUESTIONS]
shot, recipe = prompting.pick_balanced(train, k=1)[0], test[0]
messages = [
    {"role": "system", "content": recipes.SYSTEM_INSTRUCTIONS},
    {"role": "user", "content": recipes.user_message(shot)},
    {"role": "assistant", "content": recipes.answer(shot)},
    {"role": "user", "content": recipes.user_message(recipe)},
]
for message in messages[1:]:
    print(f"[{message['role']}]\n{message['content']}\n")

# %% [markdown]
# The model cannot tell that the first answer was not its own. It goes on as the chat has begun.
# `temperature=0` asks for the likeliest token at each place, and `max_tokens` ends an answer that
# does not end by itself.

# %% tags=["nbval-ignore-output"] reason="the answer may differ between processors"
reply = client.chat.completions.create(
    model=MODEL, messages=messages, max_tokens=96, temperature=0
)
print("answer:", reply.choices[0].message.content)
print("right: ", recipes.answer(recipe))

# %% [markdown]
# Compare the two lines: first the form, then the names. One answer proves little; section 3
# measures on many recipes. For that, `prompting.few_shot` writes the same list for as many examples
# as you like.

# %%
prompting.few_shot(recipe, [shot]) == messages

# %% [markdown]
# Which examples? `pick_shots` draws them at random. `pick_balanced` looks for examples that show
# as many different renamed ingredients as possible. Both choose from the training set only: a test
# recipe in the prompt would be cheating.

# %%
for pick in (prompting.pick_shots, prompting.pick_balanced):
    shown = set()
    for shot in pick(train, k=4):
        shown |= set(shot.names) - set(shot.ingredients)
    print(f"{pick.__name__:14} shows {len(shown):2} renamed ingredients:", ", ".join(sorted(shown)))

# %% [markdown]
# ## 3. Quality against the number of examples

# %% tags=["nbval-ignore-output"] reason="digits differ between processors"
def with_shots(k):
    """Few-shot prompting with the same k examples for every recipe."""
    chosen = prompting.pick_balanced(train, k)
    return Method(f"few-shot, k = {k}", MODEL, lambda recipe: prompting.few_shot(recipe, chosen))


methods = [
    Method("bare prompt", MODEL, prompting.bare),
    Method("instructions", MODEL, prompting.instructions),
    *[with_shots(k) for k in (1, 2, 4)],
]
results = [evaluate(client, method, test) for method in methods]
board = Scoreboard()
for result in results:
    board.add(result, split="test", price=costs.price("gpt-4.1-mini"))
board.table("test", columns=["route", "micro_f1", "exact_match", "valid_json", "prompt_tokens"])

# %% tags=["nbval-ignore-output"] reason="a picture of measured numbers"
pictures.errorbars(results, x="prompt_tokens", xlabel="prompt tokens for each request")

# %% [markdown]
# What did you expect? Look where the curve rises, and where it does not. The words of the
# instructions bring a lot. The examples make the prompt several times longer.
#
# Each step can be tested: is it more than luck? The comparison is *paired*: both methods answer
# the same recipes, so an easy recipe is easy for both and does not blur the difference.

# %% tags=["nbval-ignore-output"] reason="digits differ between processors"
for worse, better in zip(results, results[1:], strict=False):
    print(f"{better.name:16} against {worse.name:16} {compare(better, worse)}")

# %% [markdown]
# And a real model? Gemma 3 270M has room for far more examples in its prompt.

# %% tags=["nbval-ignore-output"] reason="a picture of measured numbers"
real_runs.show({"instructions": "instructions", "bare prompt, k = 4": "bare prompt, k = 4",
                **{f"k = {k}": f"few-shot, k = {k}" for k in (1, 2, 4, 8, 16)}})

# %% [markdown]
# Here the two models part. For `pantry` the words of the instructions bring a lot. For Gemma they
# bring nothing that we can measure: alone they give 0.00, and with four examples it makes no
# difference whether full instructions or the bare prompt stand before them, 0.26 and 0.26. *The
# examples* teach it the form. The first gets it to write lists, 0.12, and the second brings it to
# 0.27. From there on little happens: 0.30 with eight examples, 0.29 with sixteen.

# %% [markdown]
# ## 4. What do examples teach?
#
# Look at single names. Some renamed ingredients occur in the four examples, most do not. And some
# ingredients are not in the glossary at all: they only need to be copied.

# %% tags=["nbval-ignore-output"] reason="digits differ between processors"
entries = recipes.load_glossary(until=recipes.TRAINING_DATE)
glossary = {entry.written for entry in entries}
shown = {name for shot in prompting.pick_balanced(train, 4) for name in shot.names} & glossary
plain = {name for recipe in test for name in recipe.names} - glossary
groups = {"renamed, in the examples": shown, "renamed, not in them": glossary - shown,
          "plain names": plain}
short = [result.name.removeprefix("few-shot, ") for result in results]
print(f"{'':25}{'times':>6}" + "".join(f"{name:>14}" for name in short))
for label, names in groups.items():
    recalls = [name_recall(result, test, names, entries) for result in results]
    print(f"{label:25}{recalls[0][1]:6}" + "".join(f"{share:14.2f}" for share, _ in recalls))

# %%
real = real_runs.load()
print(f"{'Gemma 3 270M':25}{'times':>6}" + "".join(f"{f'k = {k}':>14}" for k in (1, 2, 4, 8)))
for label, names in groups.items():
    recalls = [name_recall(real.result(f"few-shot, k = {k}"), test, names, entries)
               for k in (1, 2, 4, 8)]
    print(f"{label:25}{recalls[0][1]:6}" + "".join(f"{share:14.2f}" for share, _ in recalls))

# %% [markdown]
# This is the heart of the matter, so read the rows one by one.
#
# - *Renamed, in the examples*: picked up in part, more of them with each example. Nothing in the
#   prompt says to rename; the model works it out from recipes and their answers. (Its pretraining
#   practised that, with other names.)
# - *Renamed, not in them*: stay unknown to `pantry`, whose prompt does not say them, and whose
#   weights do not either. A large model may guess some (kosher salt is salt), but not which words
#   this kitchen chose. More examples help only if they show those names.
# - *Plain names* hardly need examples. Clear instructions are enough to list them.
#
# The lower table is Gemma's, and it reads otherwise. After one example it gives that example's own
# list for nearly every recipe: so the renamed names in it are right now and then (0.44), and the
# plain names of the recipe hardly ever (0.04). That is copying, not reading. With eight examples it
# begins to look at the recipe: 0.33 of the plain names. Names that no example shows stay unknown to
# it, too: 0.11.

# %% [markdown]
# So examples gain what they show, and little else. Large models follow examples far better than
# `pantry` does, and for them few-shot prompting is a strong baseline. What carries over is the
# way of looking: measure on your model, split the score by what the examples can have taught,
# and believe the intervals. Four examples show a part of the house names. Would more help?

# %% [markdown]
# ## 5. The first limit: the context window
#
# A model reads a limited number of tokens at once, its **context window**. Prompt and answer
# must fit into it together. `pantry` has room for 1,024 tokens; large models have room for a
# hundred thousand and more, and people fill that, too. Let us ask with 16 examples.

# %%
chosen = prompting.pick_balanced(train, 16)
try:
    client.chat.completions.create(
        model=MODEL, messages=prompting.few_shot(test[0], chosen), max_tokens=96
    )
except openai.BadRequestError as error:
    print(error.code)
    print(error.body["message"])

# %% [markdown]
# The message says how many tokens the model can take, and how many we sent. The code
# `context_length_exceeded` is the one that OpenAI's service sends as well. Without the `try`
# the cell would have stopped here with a long red *traceback*, whose last line is this message.
#
# How many examples fit? We ask with more and more of them and count the refusals.

# %% tags=["nbval-ignore-output"] reason="digits differ between processors"
for k in (4, 5, 6, 8):
    result = evaluate(client, with_shots(k), test[:25])
    print(f"k = {k}: {result.prompt_tokens:7.0f} prompt tokens, refused: {result.errors or 'none'}")

# %% [markdown]
# ## 6. The second limit: every call pays for the examples again
#
# The examples are sent with *each* request. Hosted models are paid by the token, so a longer
# prompt costs more each time. We put a price on it: what would as many tokens cost at a hosted
# model's price? (Practice models cost nothing. The price list, with source and date, is in
# `data/facts/prices.toml`.)

# %% tags=["nbval-ignore-output"] reason="digits differ between processors"
price = costs.price("gpt-4.1-mini")
print(f"{price.name}: {price.input} $ per million prompt tokens, {price.output} $ for answers")
print(f"({price.source}, {price.read})\n")
base = costs.cost_per_1000(results[1], price)
for result in results:
    cost = costs.cost_per_1000(result, price)
    print(f"{result.name:18}{cost:7.3f} $ per 1,000 requests  ({cost / base:.1f} x instructions)")

# %% [markdown]
# Services give a discount on a long beginning that repeats from call to call (*prompt caching*; at
# OpenAI from 1,024 tokens on, more than we send here). Then a fixed set of examples costs less. It
# does not become free, and it still takes its place in the context window.

# %% [markdown]
# ## 7. Your turn
#
# ### Exercise 01-1
#
# How many prompt tokens do the four examples add, over 1,000 requests? `without` is the result
# with instructions alone, `with_four` the one with four examples. A result's `prompt_tokens` is
# the mean of one request.

# %%
without, with_four = results[1], results[-1]

# %% tags=["exercise"]
# BEGIN SOLUTION
extra = 1000 * (with_four.prompt_tokens - without.prompt_tokens)
# END SOLUTION

# %%
exercises.check("01-1", extra, without, with_four)

# %% [markdown] tags=["hint"]
# First the difference for one request, then for a thousand.

# %% [markdown]
# ### Exercise 01-2
#
# Write a function that says how many examples fit at most. All four arguments are in tokens:
# the model's context window, the instructions with the question, one solved example, and the
# room that the answer needs.

# %% tags=["exercise"]
def most_examples(window, instructions, example, answer):
    # BEGIN SOLUTION
    left = window - instructions - answer
    return max(0, left // example)
    # END SOLUTION


# %%
exercises.check("01-2", most_examples)

# %% [markdown] tags=["hint"]
# `//` divides and drops the rest. And what if not even the instructions fit?

# %% [markdown]
# ### Exercise 01-3
#
# Write a function that lists the names in a recipe that stay unknown: names that are in the
# glossary, but in none of the examples. `glossary` is a set of names as people write them.

# %% tags=["exercise"]
def stays_unknown(recipe, shots, glossary):
    # BEGIN SOLUTION
    shown = {name for shot in shots for name in shot.names}
    return [name for name in recipe.names if name in glossary and name not in shown]
    # END SOLUTION


# %%
exercises.check("01-3", stays_unknown)

# %% [markdown] tags=["hint"]
# Collect all names of all shots in one set first.

# %% [markdown]
# ## 8. A short quiz

# %%
exercises.quiz("01")

# %% [markdown]
# ## What to remember
#
# - First write down what you want. Only then count what examples add.
# - Examples can teach what they show. What they do not show stays unknown.
# - More examples show more names, each at the price of a longer prompt. Measure where it stops.
# - The context window limits how many fit, and every call pays for them again.
# - Few-shot prompting needs no training and can be changed in a minute. If it is good enough
#   for your job, you are done.
#
# ## Next
#
# [02 · A baseline with retrieval](02_baseline_rag.ipynb): examples cannot show every name, but
# the glossary holds them all. We look up the right lines for each recipe and put just those into
# the prompt.
