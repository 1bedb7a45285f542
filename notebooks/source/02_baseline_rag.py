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
# # 02 · A baseline with retrieval
#
# Examples in the prompt cannot show every house name. But all of them are written down, in the
# house glossary. So for each recipe we look up the lines that it needs, and put just those into
# the prompt. This is **RAG**, retrieval-augmented generation: first *retrieve* (look up), then
# let the model generate its answer. It is the lesson's second alternative to tuning, and has one
# strength that tuning lacks: a name that was added yesterday can be used today.
#
# **You will**
#
# - look things up in three ways: exactly, by words (BM25) and by meaning (embeddings),
# - measure the search by itself, apart from what the model makes of it,
# - draw quality and tokens against the number of looked-up passages,
# - see what a tuned model knows of names that came later, and give it a glossary as well.
#
# **Before you start:** [01 · A baseline with few-shot prompts](01_baseline_few_shot.ipynb).
#
# **Time:** 25 minutes, of which the computer works for about two.

# %%
# lessonlib comes first: it keeps a library that bm25s may load from taking most of a GPU's memory.
import lessonlib
from lessonlib import Method, Scoreboard, compare, evaluate, exercises, lora
from lessonlib.lessons import real_runs
from lessonlib.show import pictures
from lessonlib.tasks import embeddings, prompting, recipes, training_rows
from lessonlib.tasks.name_scores import found_and_used, name_recall
from lessonlib.tasks.retrieval import Bm25Examples, Bm25Glossary, GlossaryLookup, recall_at_k

import bm25s
import numpy as np

PROVIDER = "practice"  # who serves the models; later: "openai", "azure" or an address
MODEL = "pantry"  # the model that we ask, and tune
QUESTIONS = 50  # how many test recipes we measure on
EXAMPLES = 200  # how many examples we tune on
DOWNLOAD = False  # True: fetch an embedding model (90 MB) if none is here

# %% tags=["nbval-ignore-output"] reason="whether the service was already running differs"
client = lessonlib.connect(PROVIDER)

# %% [markdown]
# ## 1. Exact lookup
#
# A glossary has keys, the names as people write them. The simplest search looks for each key in
# the recipe, word for word. What it finds goes before the recipe:

# %%
train, test = recipes.load("train"), recipes.load("test")
glossary = recipes.load_glossary(until=recipes.TRAINING_DATE)
lookup = GlossaryLookup(glossary)
print(prompting.with_glossary(test[10], lookup.find(test[10]))[-1]["content"])

# %% [markdown]
# Longer keys go first, so that `ground black pepper` is not taken for `black pepper`. Exact
# lookup is hard to beat where keys are names. It fails where people write something that is
# nearly a key, and it is of no use where there are no keys: in a manual, say, or a pile of
# letters. For those we need a search that *ranks*.

# %% [markdown]
# ## 2. Search by words: BM25
#
# **BM25** gives each piece of text, each *passage*, a score by the words that it shares with the
# question; rare words count more. Our passages are the left sides of the glossary's lines, our
# question is the recipe. The library `bm25s` needs three calls. `tokenize` cuts texts into words,
# in lower case and without everyday ones such as *the*. `index` counts the words of all passages,
# once: this makes the *index*. `retrieve` gives the best `k` passages and their scores. (With
# `corpus` it knows their texts, else it would give their numbers.) Both come with a row for each
# question; we have one question, so we take row 0.

# %%
passages = [entry.written for entry in glossary]
index = bm25s.BM25(corpus=passages)
index.index(bm25s.tokenize(passages, show_progress=False), show_progress=False)
question = bm25s.tokenize(" ".join(test[10].lines), show_progress=False)
found, scores = index.retrieve(question, k=6, show_progress=False)
print(*test[10].lines, sep="\n")
print()
for passage, points in zip(found[0], scores[0], strict=True):
    print(f"{points:5.2f}  {passage}")

# %% [markdown]
# A higher score is a better match. It has no scale of its own, so compare only scores of one
# question. And a ranking does not know when to stop: it gives `k` passages, needed or not. Look for
# some that only share a word with the recipe. They cost tokens, and can mislead the model.
#
# From here on `Bm25Glossary` does this for us. It gives the glossary's whole lines, and fewer than
# `k` where fewer share a word with the recipe. Which of its lines would exact lookup leave out?

# %%
bm25 = Bm25Glossary(glossary)
print("exact:", [entry.written for entry in lookup.find(test[10])])
print("BM25: ", [entry.written for entry in bm25.find(test[10], k=6)])

# %% [markdown]
# ## 3. Search by meaning: embeddings
#
# An **embedding** turns a text into a few hundred numbers, so that texts of like meaning lie close
# together, whatever their words. It takes a model of its own to compute them, and that model is
# optional in this course. The next cell says which one is used here, and why.

# %% tags=["nbval-ignore-output"] reason="depends on what is installed"
chosen = embeddings.choose(download=DOWNLOAD)
print("Embedding model:", "yes," if chosen.value else "none,", chosen.reason)
finders = {"BM25": bm25.find}
if chosen.value:
    encode = embeddings.load(chosen)
    by_meaning = embeddings.EmbeddedGlossary(glossary, encode)
    by_meaning.prepare(test)  # all at once is faster than one after another
    finders["embeddings"] = by_meaning.find
else:
    print("So below we search by words alone, and the rows for embeddings are missing.")

# %% [markdown]
# How near are two texts? `encode` makes a row of numbers of each. The usual measure is the
# **cosine** of the angle between two rows: 1 where they point the same way, about 0 where they have
# nothing to do with each other. To compute it, multiply the rows number by number and add up (that
# is `@`), then divide by the length of each (`np.linalg.norm`). Which should be nearer to shrimp,
# prawns or flour? (Without an embedding model the cell prints nothing.)

# %% tags=["nbval-ignore-output"] reason="depends on what is installed"
if chosen.value:
    shrimp, *others = encode(["200 g shrimp", "prawns", "plain flour"])
    for text, other in zip(("prawns", "plain flour"), others, strict=True):
        cosine = shrimp @ other / (np.linalg.norm(shrimp) * np.linalg.norm(other))
        print(f"200 g shrimp and {text}: {len(shrimp)} numbers each, cosine {cosine:.2f}")

# %% [markdown]
# Where would meaning help? Here are three lines in other words than the glossary's left side: none
# of them holds a key. A search by words finds something only if a single word happens to agree.

# %% tags=["nbval-ignore-output"] reason="depends on what is installed"
for line in ("2 salad onions", "200 g shrimp", "1 small zucchini"):
    strange = recipes.Recipe("made-up", "Made up", (line,), (line,), (line,))
    print(line)
    for name, find in finders.items():
        print(f"   {name:11}", [entry.written for entry in find(strange, 3)])

# %% [markdown]
# ## 4. Measure the search by itself
#
# Before we ask the model anything: does the search find what is needed? **Recall@k** is the share
# of the needed passages that are among the best `k`. We know which lines each recipe needs, so we
# can count. The language model is not asked, so it takes hardly any time: do this first, whenever
# you build RAG.

# %% tags=["nbval-ignore-output"] reason="depends on what is installed"
sizes = (1, 2, 4, 8, 16)
curves = {name: [recall_at_k(lambda one, k=k: find(one, k), test, glossary) for k in sizes]
          for name, find in finders.items()}
exact = recall_at_k(lookup.find, test, glossary)
print("recall@k      " + "".join(f"{k:>7}" for k in sizes))
for name, curve in curves.items():
    print(f"{name:14}" + "".join(f"{recall:7.2f}" for recall in curve))
mean = sum(len(lookup.find(one)) for one in test) / len(test)
print(f"exact lookup  {exact:7.2f}  with {mean:.1f} lines for a recipe")

# %% tags=["nbval-ignore-output"] reason="a picture of measured numbers"
fig, axes = pictures.figure()
for (name, curve), style in zip(curves.items(), ("o-", "s--"), strict=False):
    axes.plot(sizes, curve, style, label=name)
axes.axhline(exact, color=pictures.GREY, linestyle=":", label="exact lookup")
axes.set(xlabel="k, passages that are looked up", ylabel="recall@k", ylim=(0, 1.05))
axes.set_xscale("log", base=2)
axes.set_xticks(sizes, [str(k) for k in sizes])
axes.legend()
ends = "; ".join(f"{name} from {c[0]:.2f} at k = 1 to {c[-1]:.2f} at k = {sizes[-1]}"
                 for name, c in curves.items())
pictures.show(fig, f"Recall against the number of passages: {ends}; exact lookup {exact:.2f}.")

# %% [markdown]
# Two things to read here. How many passages does it take until nearly all is found? And is the
# costlier search the better one? Embeddings are made for paraphrases, for questions in other
# words than the answer. Keys that stand in the recipe letter by letter are the home ground of
# words. Neither is better *as such*: measure on your own passages.

# %% [markdown]
# ## 5. From the search to the answer
#
# Now the model gets the passages. With more of them the needed ones are surely there, but the
# prompt grows, and so does what distracts.

# %% tags=["nbval-ignore-output"] reason="digits differ between processors"
asked = test[:QUESTIONS]


def with_lines(name, find):
    """RAG over the glossary: the lines that ``find`` gives, before the recipe."""
    return Method(name, MODEL, lambda recipe: prompting.with_glossary(recipe, find(recipe)))


searches = {"RAG, exact lookup": lookup.find}
for name, find in finders.items():
    for k in (4, 16) if name == "embeddings" else (2, 4, 16):
        searches[f"RAG, {name}, k = {k}"] = lambda one, find=find, k=k: find(one, k)
board = Scoreboard()
plain = evaluate(client, Method("instructions", MODEL, prompting.instructions), asked)
results = {name: evaluate(client, with_lines(name, find), asked)
           for name, find in searches.items()}
for result in (plain, *results.values()):
    board.add(result, split="test")
columns = ["route", "micro_f1", "exact_match", "valid_json", "prompt_tokens"]
board.table("test", columns=columns)

# %% tags=["nbval-ignore-output"] reason="a picture of measured numbers"
pictures.errorbars(
    results, x="prompt_tokens", xlabel="prompt tokens for each request",
    lines=("exact lookup", "BM25", "embeddings"), across={"instructions alone": plain},
)

# %% [markdown]
# Is any search better than none? The paired comparison says so, or says that we cannot tell.

# %% tags=["nbval-ignore-output"] reason="digits differ between processors"
for name, result in results.items():
    difference = compare(result, plain)
    verdict = "cannot tell"
    if difference.significant:
        verdict = "better" if difference.value > 0 else "worse"
    print(f"{name:27} against instructions alone: {difference}  {verdict}")

# %% [markdown]
# All three verdicts happen in real projects. Worse than no search? Then the model is distracted by
# the lines more than they help it. That is no reason to give up; it is one to look closer.

# %% [markdown]
# ## 6. Which half fails?
#
# A RAG answer goes wrong in one of two ways. The passage was not found: then mend the search. Or
# it was found and the model did not use it: then finding more will not help; fewer wrong lines, or
# a model that reads better, may. So we count both.

# %% tags=["nbval-ignore-output"] reason="digits differ between processors"
print(f"{'':27}{'shown':>7}{'needed':>8}{'found':>7}{'used':>6}  recall   use")
counts = {}
for name, find in searches.items():
    counts[name] = count = found_and_used(results[name], find, asked, glossary)
    print(f"{name:27}{count.shown:7}{count.needed:8}{count.found:7}{count.used:6}"
          f"{count.recall:8.2f}{count.use:6.2f}")

# %% tags=["nbval-ignore-output"] reason="a picture of measured numbers"
real_runs.show({"no lines": "few-shot, k = 4", "exact lookup": "RAG, exact lookup, k = 4",
                "BM25, 4 lines": "RAG, BM25, 4 lines, k = 4",
                "BM25, 16 lines": "RAG, BM25, 16 lines, k = 4",
                "the whole glossary": "whole glossary, k = 4",
                "exact lookup, no examples": "RAG, exact lookup, k = 0"})

# %% [markdown]
# Read *recall* first, then *use*. Recall should rise with `k`; does *use* fall? A model that
# has to pick its lines out of many makes more mistakes. Which of the two is the weak half, the
# search or the reading, decides what is worth working on. Reading is what a model as small as
# `pantry` finds hard; large ones are better at it, so measure yours.
#
# The real model shows what is `pantry`'s own weakness and what is not. Gemma 3 270M does not answer
# with a list until it sees examples, so all but the last of its prompts carry four. The lines help:
# 0.37 with exact lookup against 0.26 without any. But a dozen lines too many do it no measurable
# harm: 0.34 with 16 lines of BM25 and 0.32 with 4 of them. What does harm is the whole glossary
# before the recipe, 0.13. Retrieval is worth having because it leaves that out.

# %% [markdown]
# ## 7. Retrieve solved examples
#
# Glossary lines are not all that can be looked up. Few-shot prompts can look up their examples:
# for each recipe, the solved recipes that are most like it. It shows the format and some of the
# needed names at once. We compare with fixed examples, the same number of them.

# %% tags=["nbval-ignore-output"] reason="digits differ between processors"
pool = train[:EXAMPLES]
likest = {"BM25": Bm25Examples(pool).find}
if chosen.value:
    likest["embeddings"] = embeddings.EmbeddedExamples(pool, encode).find
fixed = prompting.pick_balanced(pool, k=2)
shots = {"few-shot, 2 fixed examples": lambda recipe: fixed}
for name, find in likest.items():
    # The likest comes last: models weigh most what they read last.
    shots[f"RAG, 2 examples by {name}"] = lambda one, find=find: find(one, 2)[::-1]
for name, find in shots.items():
    method = Method(name, MODEL, lambda one, find=find: prompting.few_shot(one, find(one)))
    shots[name] = evaluate(client, method, asked)
    board.add(shots[name], split="test")
    print(shots[name])
first, *others = shots.values()
for result in others:
    print(f"{result.name} against fixed ones: {compare(result, first)}")

# %% [markdown]
# Fixed examples cost no search, and services give a discount on a long beginning that repeats.
# Looked-up ones can show the very names that this recipe needs. Whether that pays, the interval
# says. If it contains 0, take the simpler way.

# %% [markdown]
# ## 8. Names that were added yesterday
#
# Each recipe of the set `test_new_names` holds a name that joined the glossary after the training
# examples were written. No model can have learned it. But a glossary can be extended in a minute:
# we look up in the glossary of the training day, and in today's.

# %% tags=["nbval-ignore-output"] reason="digits differ between processors"
today = recipes.load_glossary()
added = {entry.written for entry in today} - {entry.written for entry in glossary}
newer = recipes.load("test_new_names")[:QUESTIONS]
lookup_today = GlossaryLookup(today)
print(f"The glossary grew from {len(glossary)} to {len(today)} lines.\n")
print(f"{'RAG, exact lookup in':32}{'recall':>7}{'micro-F1':>19}   new names right")
for name, search in (("the glossary of the training day", lookup), ("today's", lookup_today)):
    result = evaluate(client, with_lines(f"RAG, {name}", search.find), newer)
    share, times = name_recall(result, newer, added, today)
    recall = recall_at_k(search.find, newer, today)
    f1 = str(result.metrics()["micro_f1"])
    print(f"{name:32}{recall:7.2f}{f1:>19}   {share:.2f} of {times}")
board.add(result, split="test_new_names", route="RAG, exact lookup")

# %% [markdown]
# The search needs no training to know a new name: its recall jumps with the new lines. What the
# answer gains depends, again, on how well the model reads.

# %% [markdown]
# ## 9. Retrieval with a tuned model
#
# Why not both? A tuned model has learned the task and the old names; today's glossary can bring
# the new ones. But a model does what its training showed. If our training prompts hold no
# glossary, will it still read one? (`pantry` met glossaries in its pretraining; tuning could undo
# that.) So we tune twice on the same recipes: once with bare prompts, once with prompts that carry
# the looked-up lines.

# %% [markdown]
# In the second set there is a catch. With the true glossary in each prompt, a model soon knows
# the names by heart and stops reading. So in half of the rows `glossary_rows` gives the lines house
# names drawn at random from the whole glossary, and the answer with them. There, only reading
# helps.

# %%
for row in training_rows.glossary_rows(train[1:3], glossary, shuffled=1.0):
    print(row["messages"][1]["content"].split("\n\n")[0])
    print("Answer:", row["messages"][2]["content"], "\n")

# %% tags=["nbval-ignore-output"] reason="losses and seconds differ between runs"
settings = lora.LoraSettings(epochs=3)
rows = {"rag-bare": training_rows.chat_rows(train[:EXAMPLES]),
        "rag-glossary": training_rows.glossary_rows(train[:EXAMPLES], glossary)}
tuned = {name: lora.tune(given, name, settings=settings, show=False)
         for name, given in rows.items()}
for model in tuned.values():
    print(model)

# %% [markdown]
# Each of the two is asked both ways, on the usual recipes and on those with new names.

# %% tags=["nbval-ignore-output"] reason="digits differ between processors"
def today_in_prompt(recipe):
    return prompting.tuned_with_glossary(recipe, lookup_today.find(recipe))


print(f"{'tuned with':16}{'asked with':16}{'usual recipes':>18}{'new names':>18}   new names right")
answers = {}
for model, taught in (("rag-bare", "bare prompts"), ("rag-glossary", "glossary")):
    for how, prompt in (("bare prompt", prompting.tuned), ("glossary", today_in_prompt)):
        route = f"tuned with {taught}, asked with {how}"
        usual, new = (evaluate(client, Method(route, model, prompt), part)
                      for part in (asked, newer))
        for result, split in ((usual, "test"), (new, "test_new_names")):
            board.add(result, split=split, training_seconds=tuned[model].seconds)
        f1 = [str(result.metrics()["micro_f1"]) for result in (usual, new)]
        share, times = name_recall(new, newer, added, today)
        print(f"{taught:16}{how:16}{f1[0]:>18}{f1[1]:>18}   {share:.2f} of {times}")
        answers[taught, how] = new

# %% [markdown]
# Four rows, four questions.
#
# - *Bare prompts, bare prompt* is tuning alone. How many of the new names does it get right? It
#   was not taught them; a hit is a guess by likeness, as *vegetable broth* is like *chicken
#   broth*. **Tuning does not learn what came later.**
# - *Bare prompts, glossary*: our tuning showed it no glossary, and now it gets one. Does that
#   help, or does the strange prompt even confuse it?
# - *Glossary, bare prompt*: trained to lean on the glossary, and now it is missing.
# - *Glossary, glossary*: trained as it is asked. This is the row to compare with the others.

# %% tags=["nbval-ignore-output"] reason="digits differ between processors"
both = answers["glossary", "glossary"]
rag = evaluate(client, with_lines("RAG, today's", lookup_today.find), newer)
for name, other in (("tuning alone", answers["bare prompts", "bare prompt"]),
                    ("RAG alone, without tuning", rag)):
    difference = compare(both, other)
    verdict = "more than luck" if difference.significant else "could be luck"
    print(f"on new names, tuning with retrieval against {name:26} {difference}  {verdict}")

# %% tags=["nbval-ignore-output"] reason="a picture of measured numbers"
real_runs.show({"tuned with bare prompts": "tuned on 400",
                "... asked with the glossary": "tuned on bare prompts, asked with the glossary",
                "tuned with the glossary": "tuned + glossary",
                "... asked with a bare prompt": "tuned with the glossary, asked bare",
                "RAG alone, 4 examples": "RAG, exact lookup, k = 4"}, split="test_new_names")

# %% [markdown]
# On the real model this is the clearest result of all. On recipes with new names, tuning alone gets
# 0.55 and retrieval alone 0.24. Tuned to read the glossary, and given today's, Gemma gets 0.93.
# Both crossed ways lose: a model that was tuned with bare prompts gains nothing from a glossary
# (0.52), and one that was tuned to read it is lost without it (0.36).

# %% [markdown]
# So retrieval and tuning are no rivals. Tuning is for what stays: the form of the answer, and how
# to use what stands in the prompt. Retrieval is for what changes. Ask the model as it was trained,
# or measure: another prompt can help, as in the second row, or harm, as in the third.

# %% [markdown]
# ## 10. Your turn
#
# ### Exercise 02-1
#
# Write a function that computes the recall for one recipe: the share of the `needed` names that
# are among the `found` ones. Both are lists of texts. Where nothing is needed, nothing can be
# missed: return 1.

# %% tags=["exercise"]
def recall(found, needed):
    # BEGIN SOLUTION
    needed = set(needed)
    return len(needed & set(found)) / len(needed) if needed else 1
    # END SOLUTION


# %%
exercises.check("02-1", recall)

# %% [markdown] tags=["hint"]
# Sets have an intersection: `{1, 2} & {2, 3}` is `{2}`.

# %% [markdown]
# ### Exercise 02-2
#
# Which half fails? Write a function that says `"search"` or `"reading"`, whichever does worse: the
# share of the needed passages that were found, or the share of the found ones that were used.
# All three arguments are counts. Where both do equally well, say `"search"`. Where nothing was
# found, it is the search.

# %% tags=["exercise"]
def weaker_half(needed, found, used):
    # BEGIN SOLUTION
    if found == 0:
        return "search"
    return "search" if found / needed <= used / found else "reading"
    # END SOLUTION


# %%
exercises.check("02-2", weaker_half)

# %% [markdown] tags=["hint"]
# Two shares: `found / needed` and `used / found`. Look out for a division by zero.

# %% [markdown]
# ### Exercise 02-3
#
# Write an exact lookup of your own. `line` is an ingredient line in lower case, `keys` is a list of
# names. Return those keys that stand in the line, but not those that are part of a longer key
# which was found: in `2 tsp ground black pepper` find `ground black pepper`, and not `pepper`.
# (Here it is enough that the letters stand in the line; whole words are not asked for.)

# %% tags=["exercise"]
def keys_in(line, keys):
    # BEGIN SOLUTION
    found = []
    for key in sorted(keys, key=len, reverse=True):
        if key in line:
            found.append(key)
            line = line.replace(key, "|")
    return found
    # END SOLUTION


# %%
exercises.check("02-3", keys_in)

# %% [markdown] tags=["hint"]
# Longest key first. When one is found, take it out of the line before you look for the next:
# `line.replace(key, "|")`.

# %% [markdown]
# ## 11. A short quiz

# %%
exercises.quiz("02")

# %% [markdown]
# ## What to remember
#
# - RAG has two halves. Measure the search (recall@k) before you look at answers.
# - More passages find more, cost more, and distract more.
# - Words are strong where names stand letter by letter, embeddings where the question says it
#   differently. Where there are keys, exact lookup finds nearly all of them with the fewest lines.
# - What was added yesterday can be looked up today. A tuned model was not taught it.
# - Tuning and retrieval go together, best where the training prompts look like those in use.
#
# ## Next
#
# [05 · Prepare the data](05_prepare_data.ipynb): two baselines stand on the scoreboard. If
# neither is good enough, we tune, and that begins with the data.
