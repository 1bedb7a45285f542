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
# # 03 · When and why should we fine-tune?
#
# Tuning is not the first thing to try. It takes examples, time, upkeep and often money, and done
# badly it makes a model worse. So before we ask *how*, we ask *whether*. The lesson gives us four
# groups of questions. In this notebook we answer them with evidence: with numbers that we measure
# here, with dated prices, and with six made-up cases such as come up at work. In the end you
# write down a decision of your own.
#
# **You will**
#
# - measure tuning beside its two alternatives, in one quick look,
# - find out from how many requests on a tuned model is cheaper, if it ever is,
# - decide six short cases, and compare your reasons with ours,
# - write a decision record that says what you decided, why, and on what evidence.
#
# **Before you start:** [00 · Start here](00_start_here.ipynb) explains the task and the scores.
#
# **Time:** 20 minutes, of which the computer works for about one.

# %%
import math

import lessonlib
from lessonlib import Method, Scoreboard, compare, costs, evaluate, exercises, lora
from lessonlib.costs import Scenario, explore
from lessonlib.decision import DecisionGuide, cases
from lessonlib.tasks import prompting, recipes, training_rows
from lessonlib.tasks.retrieval import GlossaryLookup

PROVIDER = "practice"  # who serves the models; later: "openai", "azure" or an address
MODEL = "pantry"  # the model that we ask, and tune
QUESTIONS = 100  # how many test recipes we measure on
EXAMPLES = 200  # how many examples we tune on
NEEDED = 0.9  # the micro-F1 that our kitchen needs; say it before you measure

# %% tags=["nbval-ignore-output"] reason="whether the service was already running differs"
client = lessonlib.connect(PROVIDER)

# %% [markdown]
# ## 1. Four groups of questions
#
# | group | the question | where the answer comes from |
# |---|---|---|
# | **Use case** | What about the answers should get better? | from you |
# | **Alternatives** | How far do prompts and retrieval get you? | measure them: the *baseline* |
# | **Costs** | Is there a model to tune, and who pays in work, computing and data? | facts, prices |
# | **Benefits** | Is a tuned model better? Is it cheaper? Does it open new work? | measure it, too |
#
# *Retrieval* means to look up what a request needs and to put it into the prompt; with a
# language model behind it, it is called **RAG** (retrieval-augmented generation). A baseline is
# the result that tuning has to beat. Tuning is right when its benefits outweigh its costs,
# and nobody can say that without a baseline.

# %% [markdown]
# ## 2. A quick look: two alternatives, one tuned model
#
# Our use case is the recipe task. We take each way once, in its simplest form: instructions
# alone, with two solved examples (*few-shot*), with the lines of the house glossary that occur
# in the recipe (RAG), and a model tuned on a few examples. Notebooks 01 and 02 take the
# alternatives seriously; here we want a first impression.
#
# How good is good enough? That is for the kitchen to say, and before anything is measured: a
# bar that is moved afterwards is none. Ours stands in the first cell, as `NEEDED`.

# %% tags=["nbval-ignore-output"] reason="losses and seconds differ between runs"
train, test = recipes.load("train"), recipes.load("test")[:QUESTIONS]
tuned = lora.tune(training_rows.chat_rows(train[:EXAMPLES]), name="quick-look",
                  settings=lora.LoraSettings(epochs=4))

# %% tags=["nbval-ignore-output"] reason="digits differ between processors"
shots = prompting.pick_balanced(train, k=2)
lookup = GlossaryLookup(recipes.load_glossary())
methods = {
    "instructions": Method("instructions", MODEL, prompting.instructions),
    "few-shot": Method("few-shot, k = 2", MODEL,
                       lambda recipe: prompting.few_shot(recipe, shots)),
    "RAG": Method("RAG, exact lookup", MODEL,
                  lambda recipe: prompting.with_glossary(recipe, lookup.find(recipe))),
    "tuned": Method("tuned", tuned.name, prompting.tuned),
}
results = {name: evaluate(client, method, test) for name, method in methods.items()}
board = Scoreboard()
for name, result in results.items():
    board.add(result, split="test", price=costs.price("gpt-4.1-mini", tuned=name == "tuned"),
              training_seconds=tuned.seconds if name == "tuned" else None)
columns = ["route", "micro_f1", "valid_json", "prompt_tokens", "training_seconds"]
board.table("test", columns=columns)

# %% [markdown]
# Does the tuned model beat the best alternative by more than luck? We let the numbers answer.
# `compare` sets both side by side on the same recipes; where the interval of the difference does
# not contain 0, it is *significant*. All three outcomes happen in real projects.

# %% tags=["nbval-ignore-output"] reason="digits differ between processors"
def score(result):
    return result.metrics()["micro_f1"].value


best = max((name for name in methods if name != "tuned"), key=lambda name: score(results[name]))
difference = compare(results["tuned"], results[best])
quality = "same"
if difference.significant:
    quality = "better" if difference.value > 0 else "worse"
print(f"tuned against {best}: {difference}")
print("So, against the best alternative, the tuned model is:", quality)
for name, result in results.items():
    print(f"{name:12} {'good enough' if score(result) >= NEEDED else 'below what we need'}")

# %% [markdown]
# Be careful what you take from that: `pantry` is a tiny model. Large models make more of
# examples and of looked-up lines, so there the alternatives are stronger. The procedure is the
# same: the alternatives first, all on the same held-out examples.

# %% [markdown]
# ## 3. Does it pay? The break-even
#
# A long prompt is paid for with every request. Tuning is paid for once, and its prompt is short.
# So from some number of requests on, the **break-even**, tuning is cheaper. Or never: OpenAI
# charges more for a tuned model's tokens, and Azure OpenAI charges by the hour for keeping it
# ready. Here are the prices that we reckon with. (OpenAI is about to end both models; notebook 06
# says when. We take them because their prices are known both ways, tuned and not.)

# %%
for name in ("gpt-4.1-mini", "gpt-4o"):
    for price in (costs.price(name), costs.price(name, tuned=True)):
        training = f", {price.training:.2f} $ training" if price.training else ""
        print(f"{price.name:25} {price.input:.2f} $ prompt, {price.output:.2f} $ answer{training}"
              f" (read {price.read})")
print("per million tokens; keeping a tuned model ready at Azure OpenAI:",
      f"{costs.hosting_per_hour():.2f} $ an hour")

# %% [markdown]
# We take the tokens from our own measurement, and pretend that a hosted model had needed as
# many. (It would cut the text into other tokens, so this is a rough guide.)

# %% tags=["nbval-ignore-output"] reason="digits differ between processors"
tokens = {name: (result.prompt_tokens, result.completion_tokens)
          for name, result in results.items()}
scenario = Scenario(tokens, trained_tokens=tuned.tokens, model="gpt-4.1-mini", requests=2_000)
scenario.show()
scenario.table()

# %% [markdown]
# The picture and the table say the same. Look where the line of the tuned model begins (what
# training cost), and how steep it is beside the others. Where lines cross, there is a ring.
#
# Now change the numbers. What happens with few requests a month? When the model is kept ready by
# the hour? When somebody has to be paid for writing the examples? With a prompt of 3,000 tokens?

# %%
explorer = explore(scenario)

# %% [markdown]
# The same from code. Hosting by the hour does not ask how many requests come: with few of them it
# outweighs everything else. (Who takes an hourly price, Azure OpenAI, takes no more for a tuned
# model's tokens than for those of its base.)

# %% tags=["nbval-ignore-output"] reason="digits differ between processors"
for requests in (10_000, 1_000_000, 100_000_000):
    hosted = Scenario(tokens, tuned.tokens, model="gpt-4o", requests=requests,
                      hosting="azure-openai")
    print(f"{requests:,} requests a month, kept ready by the hour:")
    print("   " + "\n   ".join(hosted.sentences()))

# %% [markdown]
# Not in this sum: what running a search costs, and the seconds that a long prompt takes. And
# cost is only one of the benefits. A tuned model that is better may be worth more money.

# %% [markdown]
# ## 4. Six cases
#
# Deciding is a matter of practice. Here are six short cases. Choose what you would do as the
# next step; then we tell what speaks for and against each way. Some can be argued about.

# %%
cases.show()

# %% [markdown]
# Three questions run through all six. Does the knowledge change? Then look it up. Is the
# *manner* stable, and needed often? Then tuning can pay. Has anybody measured? If not, that is
# the next step.

# %% [markdown]
# ## 5. The guide, for our own use case
#
# `DecisionGuide` asks the lesson's questions and shows the evidence for each, as far as there is
# any: from the scoreboard, from this machine, from the dated facts of the course. First we answer
# for the recipe task, in code. What we measured and reckoned above goes in as answers.

# %% tags=["nbval-ignore-output"] reason="measured numbers, and the date of today"
def enough(*names):
    return "enough" if max(score(results[name]) for name in names) >= NEEDED else "not_enough"


guide = DecisionGuide("recipe assistant", board)
guide.answer(
    aspect="habits", prompting=enough("instructions", "few-shot"), retrieval=enough("RAG"),
    tunability="yes", effort="lasting", compute="own", data="hundreds", quality=quality,
    cost="yes" if scenario.break_even(best) < math.inf else "no", extensibility="yes",
)
for question in ("quality", "cost"):
    print(question, *guide.evidence[question], sep="\n   ")
print()
print(guide.suggestion())

# %% [markdown]
# The guide's rules are few and plain: cheaper ways first, then what tuning needs, then what it
# brought. You can read them in `lessonlib/decision/questionnaire.py`. It suggests; we decide.
# Mind that *better* is not yet *good enough*: a tuned model that is below what we need, too, is a
# direction to go on in (more examples, a larger model), and not a result. A **decision record**
# keeps the decision together with its reason and its evidence, for the day when somebody asks. In
# notebook 10 we come back to it with better numbers.

# %% tags=["nbval-ignore-output"] reason="measured numbers, and the date of today"
decided = guide.suggestion().verdict or "measure_first"
path = guide.write(decided, because="a first look, with a small model and few examples")
print(f"Written to work/decisions/{path.name}\n")
print("\n".join(path.read_text(encoding="utf-8").splitlines()[:16]))

# %% [markdown]
# ## 6. Your own decision
#
# Take a use case from your work, or one that you can imagine: sorting mails, writing product
# texts, answering questions about a rulebook. Answer what you can. An honest "not measured" is
# an answer, too. The button at the end writes your record.

# %%
DecisionGuide("my use case", board).show()

# %% [markdown]
# ## 7. Your turn
#
# ### Exercise 03-1
#
# How many times as much does a *prompt* token of the fine-tuned `gpt-4.1-mini` cost as one of the
# model as it comes? `costs.price(...)` gives a price; its `input` is for prompt tokens.

# %% tags=["exercise"]
# BEGIN SOLUTION
times = costs.price("gpt-4.1-mini", tuned=True).input / costs.price("gpt-4.1-mini").input
# END SOLUTION

# %%
exercises.check("03-1", times)

# %% [markdown] tags=["hint"]
# `costs.price(name, tuned=True)` is the price of the fine-tuned model. Divide one `input` by the
# other.

# %% [markdown]
# ### Exercise 03-2
#
# A tuned model is kept ready by the hour. Write a function that says how many requests a month it
# takes until the savings pay for that. All arguments are in dollars: `hosting` for one month,
# `prompted` and `tuned` for one request with the long prompt and with the tuned model. Where
# there is no such number, return `math.inf`.

# %% tags=["exercise"]
def requests_that_pay_hosting(hosting, prompted, tuned):
    # BEGIN SOLUTION
    saving = prompted - tuned
    return math.ceil(hosting / saving) if saving > 0 else math.inf
    # END SOLUTION


# %%
exercises.check("03-2", requests_that_pay_hosting)

# %% [markdown] tags=["hint"]
# What does one request save? And what if it saves nothing? Part of a request cannot be sent, so
# round up: `math.ceil`.

# %% [markdown]
# ### Exercise 03-3
#
# Decide the six cases once more, now in code: a dictionary with the keys `contracts`,
# `catalogue`, `newsletter`, `codes`, `help` and `mails`. Each value is `"prompt"`, `"retrieve"`,
# `"tune"`, `"tune and retrieve"` or `"nothing yet"`.

# %% tags=["exercise"]
# BEGIN SOLUTION
decisions = {
    "contracts": "retrieve",
    "catalogue": "tune",
    "newsletter": "prompt",
    "codes": "tune",
    "help": "tune and retrieve",
    "mails": "nothing yet",
}
# END SOLUTION

# %%
exercises.check("03-3", decisions)

# %% [markdown] tags=["hint"]
# For each case ask: does the knowledge change? Is the manner stable, and needed often? Has it
# been measured? The reasons stand in section 4, as soon as you have chosen there.

# %% [markdown]
# ## 8. A short quiz

# %%
exercises.quiz("03")

# %% [markdown]
# ## What to remember
#
# - Ask *whether* before *how*: use case, alternatives, costs, benefits.
# - Without a baseline nobody can say what tuning brings. The alternatives are cheaper to try:
#   measure them first, on the same held-out examples.
# - Look up what changes. Tune for what stays.
# - A shorter prompt saves money only if a tuned model's tokens, its training and its hosting do
#   not cost more. Count it for your number of requests.
# - Write the decision down, with its evidence. You will want to know why.
#
# ## Next
#
# [01 · A baseline with few-shot prompts](01_baseline_few_shot.ipynb): the first alternative, taken
# seriously.
