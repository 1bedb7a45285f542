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
# A tuned model is as good as the examples that it learned from. Most of the work of tuning is
# done before training starts: examples are collected, labelled, put into the form that a
# training service reads, checked, and kept apart from those that we measure on. In this
# notebook we do all of it once. Then we measure two things that people like to guess: how many
# examples are enough, and how much harm wrong ones do.
#
# **You will**
#
# - see what tuning needs, and what of it is on this machine,
# - turn rows of a table into a training file, check it, and read what a check tells you,
# - count its tokens, see which are learned, and estimate what training would cost elsewhere,
# - keep training and test examples apart, and find copies,
# - draw a learning curve, and spoil labels on purpose to see what happens.
#
# **Before you start:** [00 · Start here](00_start_here.ipynb) explains the task and the scores.
#
# **Time:** 25 minutes, of which the computer works for about two.

# %%
import json

import lessonlib
from lessonlib import Method, chat_files, compare, costs, evaluate, exercises, lora
from lessonlib.common import paths
from lessonlib.lessons import nb05_four_needs as four_needs
from lessonlib.lessons import real_runs
from lessonlib.show import pictures
from lessonlib.tasks import near_duplicates, prompting, recipes, training_rows
from lessonlib.tasks.name_scores import name_recall

PROVIDER = "practice"  # who serves the models; later: "openai", "azure" or an address
MODEL = "pantry"  # the model that we start from
QUESTIONS = 80  # how many test recipes we measure on
SETTINGS = lora.LoraSettings(epochs=3, batch_size=8)  # short trainings: there will be several

# %% [markdown]
# ## 1. Four things you need
#
# To tune a model you need a **pretrained model** that may be tuned, **data** to tune it on, a
# **place to train**, and a **place to serve** the result, that is, to let others ask it. Let us
# see what this machine has of the four.

# %% tags=["nbval-ignore-output"] reason="every machine has something else"
four_needs.look()

# %% [markdown]
# The last column says what a hosted service brings. It takes the training and the serving off
# your hands, for money. One need it never fills is the second. So we turn to the data.

# %% [markdown]
# ## 2. From rows to a training file
#
# Examples seldom come in the form that training wants. They come as tables, documents, old
# e-mails. Ours are recipes with the answer that somebody wrote beside each, the **label**.

# %%
train, test = recipes.load("train"), recipes.load("test")
example = train[0]
print(*example.lines, sep="\n")
print("\nlabel:", recipes.answer(example))

# %% [markdown]
# A chat model is trained on chats. So each row becomes a short chat: the *system* message that
# says what the job is, the *user* message with the question, and the *assistant* message with
# the answer that we want. The prompt must be the very one that the model will get later, to the
# letter. Therefore the same function, `prompting.tuned`, makes it here and there.

# %%
rows = training_rows.chat_rows(train, messages=prompting.tuned)
print(json.dumps(rows[0], indent=1, ensure_ascii=False))

# %% [markdown]
# In the file, each example stands on a line of its own. This form is called **JSON Lines**; its
# files end in `.jsonl`. OpenAI, Azure OpenAI and Hugging Face's TRL all read it.

# %%
path = chat_files.write(rows, paths.WORK / "training" / "recipes.jsonl")
with open(path, encoding="utf-8") as file:
    lines = file.readlines()
print(f"{path.name}: {len(lines)} lines. The first one begins:\n{lines[0][:96]}")

# %% [markdown]
# Each line is complete in itself: read alone, by nothing but `json.loads`, it gives the row again.
# So a program can go through a file of any size line by line, and one broken line spoils no other.

# %%
again = json.loads(lines[0])
print("roles:", [message["role"] for message in again["messages"]])
print("the same row:", again == rows[0])

# %% [markdown]
# ## 3. Check it before anybody trains on it
#
# A service that cannot read your file says so after you have uploaded it and waited. A check on
# your own machine takes seconds. `chat_files.check` knows some thirty kinds of mistakes.

# %%
chat_files.check(path)

# %% [markdown]
# Files that programs write are mostly sound. Files that people have typed in or edited are not.
# Here is one of eleven lines. Read it first: how many mistakes do you see?

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
# What does a service tell? Only the first error that it meets, in its own words:

# %%
code, message, parameter = chat_files.service_error(chat_files.check(typed))
print(f"{code} ({parameter})\n{message}")

# %% [markdown]
# ## 4. Count the tokens
#
# Training is limited and paid by the **token**, a piece of text, a word or less, that a model
# reads as one. A model reads no messages: its **chat template** first makes one text of them, with
# marks where each begins and ends. Template and tokens belong to the model, so both are loaded from
# its folder. Without `tokenize=False` the same call would give the tokens' numbers at once.

# %%
from transformers import AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained(paths.BUILT_IN)
chat = rows[0]["messages"]
print(tokenizer.apply_chat_template(chat, tokenize=False))

# %% [markdown]
# In training the model reads this text token by token, and is asked each time: what comes next? It
# is to learn the answers, not to invent recipes. So beside each token stands what is to be learned
# at its place (the code calls these numbers *labels*): the token itself within the answer, and -100
# everywhere else. PyTorch's loss leaves out each place with -100: read it, learn nothing here.
#
# Where is the border? `add_generation_prompt=True` ends the prompt with the mark that opens an
# answer, as it does when the model is asked. What follows in the whole chat is the answer.
# (`return_dict=False` gives nothing but the tokens' numbers.)

# %%
prompt = tokenizer.apply_chat_template(chat[:-1], add_generation_prompt=True, return_dict=False)
tokens = tokenizer.apply_chat_template(chat, return_dict=False)[:-1]  # but for a last line break
labels = [-100] * len(prompt) + tokens[len(prompt):]
print(f"{len(prompt)} tokens to read, {len(tokens) - len(prompt)} to learn. Around the border:\n")
for token, label in list(zip(tokens, labels, strict=True))[len(prompt) - 4 : len(prompt) + 6]:
    print(f"{tokenizer.decode([token])!r:16} token {token:5}   label {label:5}")

# %% [markdown]
# Find the first label that is not -100: what token stands there? At the other end, not printed, the
# end mark `<|end|>` is one of the tokens to learn: a model that never learned it would not know
# when to stop.
#
# `chat_files.check` counts in the same way, *answer* being what is learned. Two questions for the
# whole file: does every example fit into the model's context window? And how much is it all
# together?

# %%
report = chat_files.check(rows)
report.tokens

# %%
report.tokens.picture()

# %% [markdown]
# Look at the longest. An example that does not fit is cut off at its end, and at the end stands
# the answer: the model would learn from half an answer, or from none.
#
# How often will training go through the file? Each pass is an **epoch**. Where you leave the
# number to OpenAI, a rule in its cookbook estimates the choice: three epochs, more for a small
# file, fewer for a very large one.

# %%
for examples in (10, 25, 50, 100, 800, 10_000, 25_000):
    print(f"{examples:6,} examples: {chat_files.epochs(examples):2} epochs")

# %% [markdown]
# Tokens times epochs is what is paid for. Practice costs nothing; this is an estimate of what a
# hosted model would cost, by a price list with a date.

# %%
chat_files.estimate(report.tokens, model="gpt-4.1-mini")

# %% [markdown]
# The amount often surprises. The money for training is seldom what matters: the hours in which
# people write and check the labels are.

# %% [markdown]
# ## 5. Keep them apart: splits, leaks and copies
#
# Examples are divided into three **splits**. The *training set* is learned from. The
# *validation set* is looked at during training, to choose between settings. The *test set* is
# looked at once, at the end. An example of the test set that is also in the training set is a
# **leak**: then the test measures memory, not skill.

# %%
for name in ("train", "validation", "test"):
    print(f"{name:10} {len(recipes.load(name)):4} recipes")

# %% [markdown]
# The check finds leaks when it is told what the test asks. We put two test recipes among fifty
# training recipes, and three of the fifty in twice.

# %%
asked = training_rows.chat_rows(test)
chat_files.check(rows[:50] + asked[:2] + rows[:3], test_rows=asked)

# %% [markdown]
# That comparison forgives capitals and spaces in a leak, nothing else. Real copies are rarely so
# plain: somebody has changed a word or left out a line. To find those we compare the runs of three
# words that two recipes share, divided by all that they hold together. This measure is called the
# *Jaccard index*: 1 for the same recipe, 0 for two that share no run of three words.

# %%
first, *rest = test[0].lines
copied = recipes.Recipe("copy-1", "Our best", (first.upper(), *rest[:-1]), (), ())
for one, other, likeness in near_duplicates.near_duplicates([*train, *test, copied]):
    print(f"{one.id} and {other.id}: likeness {likeness:.2f}")

# %% [markdown]
# Only the copy that we made ourselves should be in that list. If you collect your own examples,
# remove copies *before* you divide them into splits. Afterwards the two halves of a pair may
# stand on both sides, and you have to look across all splits at once, as we did.

# %% [markdown]
# ## 6. How many examples are enough?
#
# No rule answers that for your task, but a measurement does. We tune on 25, 50, 100 and 200
# examples and measure each model on the same test recipes. The result, quality against number
# of examples, is called a **learning curve**. The trainings are short, so that you need not wait
# long; longer ones score higher. (In a lesson we look at test recipes often. In a project of your
# own, draw the curve on the validation set.)

# %% tags=["nbval-ignore-output"] reason="whether the service was already running differs"
client = lessonlib.connect(PROVIDER)

# %%
questions = test[:QUESTIONS]


def tuned_on(examples, name):
    """Tune on these examples and measure on the test recipes."""
    chats = training_rows.chat_rows(examples)
    model = lora.tune(chats, name, settings=SETTINGS, show=False)
    return evaluate(client, Method(name, model.name, prompting.tuned), questions)


# %% tags=["nbval-ignore-output"] reason="digits differ between processors"
curve = {0: evaluate(client, Method("not tuned", MODEL, prompting.bare), questions)}
for size in (25, 50, 100, 200):
    curve[size] = tuned_on(train[:size], f"curve-{size}")
for size, result in curve.items():
    print(f"{size:4} examples: micro-F1 {result.metrics()['micro_f1']}")

# %% tags=["nbval-ignore-output"] reason="a picture of measured numbers"
pictures.errorbars(
    {str(size): result for size, result in curve.items()}, title="Learning curve",
    xlabel="training examples, from 25 on twice as many at each step",
)

# %% tags=["nbval-ignore-output"] reason="a picture of measured numbers"
real = real_runs.load()
for size in (25, 100, 400):
    runs = [real.result(f"tuned on {size}", seed=seed) for seed in (0, 1, 2)]
    print(f"Gemma, {size:3} examples, three seeds:",
          ", ".join(f"{run.metrics()['micro_f1'].value:.2f}" for run in runs))
real_runs.show({f"{size} examples": f"tuned on {size}" for size in (25, 50, 100, 200, 400, 800)})

# %% [markdown]
# So does the curve of a real model, Gemma 3 270M, and it goes on to where ours ends. Each size was
# trained for the same 200 steps, so the curve shows examples and not hours of training. It climbs
# from 0.59 to 0.96 with 400 examples. Twice as many bring 0.97, which we cannot tell from that. And
# look at the seeds, which only decide how the adapter begins and in which order examples come: with
# 25 examples they give anything from 0.40 to 0.63, with 400 always 0.96.

# %% [markdown]
# The first examples teach mostly the *form* of the answer. The rest is slower: each house name
# has to be met before it can be known. So we look apart at names that only need to be copied
# and at house names: what share of them is answered right?

# %% tags=["nbval-ignore-output"] reason="digits differ between processors"
entries = recipes.load_glossary(until=recipes.TRAINING_DATE)
house = {entry.written for entry in entries}
plain = {name for recipe in questions for name in recipe.names} - house
print("examples   plain names   house names   of these, met in training")
for size, result in curve.items():
    met = house & {name for recipe in train[:size] for name in recipe.names}
    shares = [name_recall(result, questions, names, entries)[0] for names in (plain, house, met)]
    print(f"{size:8}" + "".join(f"{share:14.2f}" for share in shares))

# %% [markdown]
# (`nan` stands where there is nothing to count.) And is it enough now? Look at the last step. If
# twice the examples still bring more than luck, more examples will probably go on helping. If
# they do not, put your hours elsewhere: into better labels, or into longer training.

# %% tags=["nbval-ignore-output"] reason="digits differ between processors"
last = compare(curve[200], curve[100])
print(f"From 100 to 200 examples: micro-F1 {last}")
if last.low > 0:
    print("The curve still rises: label more examples.")
else:
    print("No more than luck, on so many questions: more examples are not what is missing.")

# %% [markdown]
# ## 7. What do bad labels do?
#
# Mistakes in real data are rarely random. Here is one that happens in tables: somebody deletes
# one cell in the column of answers, and from there on every recipe stands beside the answer of
# the next. Nothing looks broken. Each row is sound, each answer is a fine list.

# %%
slip_10 = training_rows.slipped(train[:200], share=0.1)
slip_30 = training_rows.slipped(train[:200], share=0.3)
print(*slip_30[140].lines, sep="\n")
print("\nlabel:", recipes.answer(slip_30[140]))
report = chat_files.check(training_rows.chat_rows(slip_30), count_tokens=False)
print("\n" + report.headline())

# %% [markdown]
# The check has nothing to say: it knows the form, not the meaning. We tune on 200 examples of
# which 10 % have slipped, and on 200 of which 30 % have.

# %% tags=["nbval-ignore-output"] reason="digits differ between processors"
clean = curve[200]
bad_10, bad_30 = tuned_on(slip_10, "slipped-10"), tuned_on(slip_30, "slipped-30")
for result in (clean, bad_10, bad_30):
    print(f"{result.name:12} micro-F1 {result.metrics()['micro_f1']}")
print("\nAgainst 200 right labels, micro-F1:")
for share, result in (("10 %", bad_10), ("30 %", bad_30)):
    change = compare(result, clean)
    verdict = "more than luck" if change.significant else "could be luck"
    print(f"{share} slipped: {change}, {verdict}")

# %% [markdown]
# Expect a small share of mistakes to cost little and a large one to cost much. As long as most
# labels are right, training follows the majority; but it has less to follow, and it is pulled
# into wrong directions. (Mistakes that go together with something that the model can see, such
# as all recipes of one author, are worse: those it learns.)
#
# So what is better: 200 examples with 60 wrong ones among them, or half as many that are right?

# %% tags=["nbval-ignore-output"] reason="digits differ between processors"
choice = compare(curve[100], bad_30)
print(f"100 right examples against 200 with 30 % slipped: micro-F1 {choice}")
if choice.low > 0:
    print("Fewer and right is better.")
elif choice.high < 0:
    print("More is better here, in spite of the mistakes. Mending them would be better still.")
else:
    print("No difference that we could see: the other 100 examples brought nothing "
          "that shows.")

# %% [markdown]
# ## 8. Your turn
#
# ### Exercise 05-1
#
# Write a function that turns a question and its right answer, two texts, into a row for a chat
# training file. Its first message is the system's, with the text `recipes.SYSTEM_BARE`.

# %% tags=["exercise"]
def as_row(question, answer):
    # BEGIN SOLUTION
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
# Look at the row that section 2 prints.

# %% [markdown]
# ### Exercise 05-2
#
# What would it cost to train `gpt-4.1` on the whole file, in dollars? `tokens` is the sum of one
# epoch; OpenAI chooses the number of epochs for 800 examples itself; prices are for a *million*
# tokens.

# %%
tokens = sum(chat_files.token_statistics(rows).total)
price = costs.price("gpt-4.1", tuned=True).training

# %% tags=["exercise"]
# BEGIN SOLUTION
dollars = tokens * chat_files.epochs(len(rows)) * price / 1_000_000
# END SOLUTION

# %%
exercises.check("05-2", dollars, tokens, price)

# %% [markdown] tags=["hint"]
# Tokens of one epoch, times the number of epochs, times the price of one token.

# %% [markdown]
# ### Exercise 05-3
#
# Find labels that have slipped. Write a function that returns those recipes whose label cannot
# be theirs: *none* of the names in `recipe.ingredients` occurs in the recipe's lines. Mind that
# lines may have capitals, and that one name found is enough to acquit a recipe.

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
# Does it find them? Once the check is content, this cell shows how many of the 60 slipped
# labels your function suspects, and how many of the 140 right ones.

# %% tags=["nbval-ignore-output"] reason="it depends on your answer"
for what, part in (("right", slip_30[:140]), ("slipped", slip_30[140:])):
    found = suspicious(part)
    told = len(found) if isinstance(found, list) else "no answer yet"
    print(f"{what:8} labels: {len(part):3}, suspected: {told}")

# %% [markdown]
# A test as simple as that finds many of them, not all: slipped labels share everyday names such
# as salt with their new recipe. It is still the best quarter of an hour that you can spend on
# data: sort your examples by how suspicious they are, and read the top of the list yourself.

# %% [markdown]
# ## 9. A short quiz

# %%
exercises.quiz("05")

# %% [markdown]
# ## What to remember
#
# - Four needs: a pretrained model, data, a place to train, a place to serve. The data are yours
#   to bring.
# - Make the training prompt by the very function that makes the prompt later.
# - Only the answer is learned, its end mark included. Elsewhere the label is -100.
# - A check finds broken form in seconds. Wrong meaning is found by reading and by measuring.
# - Remove copies first, then divide into splits, then leave the test set alone.
# - A learning curve says whether more examples will help. Labels that are right count for more
#   than labels that are many.
#
# ## Next
#
# [06 · Tune at OpenAI](06_tune_openai.ipynb): the file is written and checked. Now it
# goes to a training service: upload, job, waiting, result. The hosted ones and the practice
# service take the same examples and nearly the same requests.
