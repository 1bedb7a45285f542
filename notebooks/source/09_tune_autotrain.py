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
# # 09 · AutoTrain: tuning without code
#
# So far, Python did the tuning. Some tools promise that nobody has to program: you fill in a form
# or a file, press a button, and get a tuned model. Hugging Face's **AutoTrain** was the best known
# of them. Its releases stopped long ago, so you will hardly meet it at work. But it is a good
# patient: we can open it up and see what such a tool decides without asking, and what it
# doesn't tell you. Then we run the same training with `trl sft`, which is still maintained, and find
# out by experiment why one of the two scores better.
#
# **You will**
#
# - run an old tool next to a new one without breaking either,
# - tune with a YAML file, from the command line and on a web page,
# - catch a setting that has no effect, and a failure that looks like success,
# - compare AutoTrain with `trl sft`, then change one setting at a time to explain the difference.
#
# **Before you start:** [05 · Prepare the data](05_prepare_data.ipynb) explains the training rows.
# The first run downloads about 300 MB; after that, no network is needed.
#
# **Time:** 46 minutes, of which the computer works for about six.

# %%
import json

from transformers import AutoTokenizer

import lessonlib
from lessonlib import Method, Scoreboard, autotrain, compare, evaluate, exercises
from lessonlib.autotrain import page as autotrain_page
from lessonlib.autotrain import trl
from lessonlib.common import facts, files, paths
from lessonlib.common.errors import LessonError
from lessonlib.tasks import prompting, recipes, training_rows

PROVIDER = "practice"  # who serves the models
MODEL = "pantry"  # the model that we start from; AutoTrain gets a copy of it
HUB = "practice"  # who knows you on AutoTrain's page; "huggingface" wants your token there
ROWS = 240  # how many recipes we tune on
QUESTIONS = 100  # how many test recipes we measure on

# %% [markdown]
# ## 1. What AutoTrain is, and where it stands today
#
# AutoTrain reads a description of a training run and carries it out with Hugging Face's libraries.
# Is it still maintained? Each of our facts has a source and a date.

# %%
for one in facts.read("autotrain.toml")["statement"]:
    print(f"{one['name']} (read on {one['read']}): {one['text']}")

# %% [markdown]
# So nobody has touched it for almost two years, while the libraries under it have moved on. That
# happens to many tools. "No code" means that somebody else has to maintain the code.

# %% [markdown]
# ## 2. An environment of its own
#
# A Python **environment** is a folder with a set of packages that work together. AutoTrain needs
# exactly Transformers 4.48, and this course uses version 5. One environment can't hold both, so
# AutoTrain gets its own, and we run it like any other program. PyTorch, the largest package, is
# shared. If the environment can't be made (no network, or less than about 3 GB of free memory), the
# next cell says so and `ready` is False. Everything under `if ready:` is then skipped, and all other
# lines still run.

# %% tags=["nbval-ignore-output"] reason="made in the first run, found in later ones"
ready = autotrain.get_ready()

# %% [markdown]
# ## 3. The same rows as everywhere
#
# The training rows are the chats from notebook 05: a prompt, and the answer that we want. They go
# into a folder as `train.jsonl`, together with validation rows, on which a good tool reports the
# loss after each epoch.

# %%
rows = training_rows.chat_rows(recipes.load("train")[:ROWS])
checks = training_rows.chat_rows(recipes.load("validation")[:40])
data = autotrain.write_data("recipes", rows, checks)
for file in sorted(data.iterdir()):
    print(f"{file.name}: {len(files.read_text(file).splitlines())} chats")

# %% [markdown]
# The same call also stored two copies of `pantry` there: one as it is, and one in a form that the
# older Transformers can read. A model's folder doesn't hold numbers alone. It also says how to read
# them, and that has changed: given today's form, AutoTrain stops.

# %% [markdown]
# ## 4. With a YAML file
#
# **YAML** is a format for settings that people can read: a name, a colon, a value, and indentation
# for what belongs together. This file is the whole training run.

# %%
job = autotrain.Job("by-yaml", "recipes", validation="validation")
path = job.write_yaml()
print(files.read_text(path))

# %% [markdown]
# You know most of these lines from notebook 04: epochs, learning rate (`lr`), LoRA with its rank
# (`lora_r`). `base_model` is a folder here; it could also be a name on the Hugging Face hub. And
# `batch_size` doesn't count chats, but pieces of text: section 7 shows what that means.
#
# AutoTrain doesn't check such a file. It starts anyway, and either stops later or falls back on a
# default. So we check it ourselves first. What the check prints here are remarks, not errors; we
# will come back to all three.

# %%
for remark in autotrain.check(path):
    print("-", remark)

# %% [markdown]
# And what does it say about a file with three typical mistakes?

# %%
broken = path.with_name("broken.yml")
text = files.read_text(path).replace("lr: 0.003", "lr: 3e-3")
text = text.replace("epochs:", "epoch:").replace("by-yaml", "by yaml!")
broken.write_text(text, encoding="utf-8")
try:
    autotrain.check(broken)
except LessonError as error:
    print(error)

# %% [markdown]
# The first is the nastiest: AutoTrain doesn't know `epoch`, ignores it and trains for a single epoch.
# Now for the training. The command behind this cell is `autotrain --config by-yaml.yml`.

# %% tags=["nbval-ignore-output"] reason="losses and seconds differ between machines"
if ready:
    by_yaml = autotrain.by_yaml(path)
    print(by_yaml)

# %% [markdown]
# ## 5. What came out
#
# The result is a folder with an **adapter**, the small add-on that LoRA trains, made by the old
# libraries. It still fits today's: `serve` adds it into the matrices of our own `pantry` (it
# *merges* them), and the practice service offers the sum under a name.

# %% tags=["nbval-ignore-output"] reason="whether the service was already running differs"
client = lessonlib.connect(PROVIDER)
test = recipes.load("test")[:QUESTIONS]
if ready:
    print(autotrain.serve(by_yaml, "autotrain-recipes"))

# %% tags=["nbval-ignore-output"] reason="digits differ between processors"
board = Scoreboard()
untuned = evaluate(client, Method("bare prompt", MODEL, prompting.bare), test)
print(untuned)
if ready:
    result = evaluate(client, Method("AutoTrain", "autotrain-recipes", prompting.tuned), test)
    board.add(result, split="test", training_seconds=by_yaml.seconds)
    print(result)
    print("AutoTrain against the bare prompt:", compare(result, untuned))

# %% [markdown] tags=["what-we-saw"]
# It works: 0.75 instead of 0.02, and all 100 answers were valid JSON. The interval of that share, 0.96
# to 1.00, says that up to 4 in 100 may still fail. But only about every sixth list is right in
# all names (exact match 0.16). Is that the best one can get from these 240 rows in three epochs? Hold that
# question until section 8.

# %% [markdown]
# ## 6. On a web page, and from the command line
#
# The second way is a web page. It is meant for people with a Hugging Face account, and asks the hub
# who you are before it shows anything. Here, a **stand-in** on this machine answers for the hub and
# says that your name is *practice*. (Set `HUB = "huggingface"` in the first cell and put your token
# into `HF_TOKEN`, and it asks the real hub.) The page takes a while to start, so we start it now and
# use the command line in the meantime.

# %% tags=["nbval-ignore-output"] reason="without AutoTrain there is no page"
if ready:
    page = autotrain_page.open_page(hub=HUB, wait=False)

# %% [markdown]
# The third way is a command for the terminal, with one option for each setting. Quality is no longer
# the point, so we train on fewer rows, and we set `--seed 1`. A **seed** is the number from which a
# program's random choices start: same seed, same choices.

# %%
autotrain.write_data("few-recipes", rows[:60])
small = {"data": "few-recipes", "epochs": 1, "lora_r": 16, "lora_alpha": 32, "seed": 1}
by_hand = autotrain.Job("by-command", **small)
print(autotrain.show_command(by_hand.command()))

# %% tags=["nbval-ignore-output"] reason="losses and seconds differ between machines"
if ready:
    by_command = autotrain.by_command(by_hand)
    print(by_command)

# %% [markdown]
# Now the page. You can open its address in another tab of your browser. (Not in Colab: the page runs
# on the machine that Colab lends you.) Without a network it looks plain, because it loads its
# styles from there. What is in its form before you touch anything?

# %% tags=["nbval-ignore-output"] reason="the port differs from run to run"
if ready:
    page.wait_until_ready()
    for name, value in page.fields().items():
        if name in ("quantization", "mixed_precision", "epochs", "block_size", "peft", "lr"):
            print(f"{name}: {value}")

# %% [markdown]
# Defaults are decisions that somebody else has made. These were made for a graphics card: `fp16` is
# refused on a processor, and `int4` needs a package that our environment leaves out. And one
# decision is in no field at all: the page uploads the finished model to the hub, unless you switch
# to its JSON view and write `"push_to_hub": false`. We fill in the form with the settings from the
# command line, and send it as a click would.

# %% tags=["nbval-ignore-output"] reason="losses and seconds differ between machines"
if ready:
    by_page = page.train(autotrain.Job("by-page", **small))
    page.close()
    print(by_page)

# %% [markdown]
# `page.close()` matters: the page's server keeps running when the program that started it ends. If
# you forget it, it holds memory and a port until the computer restarts.

# %% [markdown]
# ## 7. What it hides
#
# **The seed.** The last two runs had the same rows, the same settings and seed 1. AutoTrain writes
# down what it was told in `training_params.json`. If the seed did its job, the two adapters would be
# the same, number for number. Are they?

# %% tags=["nbval-ignore-output"] reason="digits differ from run to run"
if ready:
    for training in (by_command, by_page):
        told = files.read_text(training.folder / "training_params.json")
        print(f"{training.folder.name}: AutoTrain was told seed {json.loads(told)['seed']}")
    gap = autotrain.difference(by_command, by_page)
    print(f"largest difference between two numbers of the adapters: {gap:.3f}")

# %% [markdown]
# They aren't. The seed ends up in that file and nowhere else. Each run draws the adapter's first
# numbers and the order of the rows afresh, so no run can be repeated exactly. That doesn't make the
# model worse. But anyone who reports "seed 1" reports something that never happened, and a
# difference between two such models may be the luck of the draw.

# %% [markdown]
# **The validation rows.** Our YAML file named them. A run that uses them prints a validation loss
# (`eval_loss`) after each epoch. We search the whole log for that word.

# %% tags=["nbval-ignore-output"] reason="without AutoTrain there is no log"
if ready:
    log = files.read_text(by_yaml.log)
    print("a loss of the training rows in the log: ", "'loss':" in log)
    print("a loss of the validation rows in the log:", "eval_loss" in log)

# %% [markdown]
# With data in a local folder, AutoTrain leaves the validation rows out without saying so. Nothing
# shows when the model starts to learn its rows by heart, and no earlier, better checkpoint is kept.

# %% [markdown]
# **A failure that looks like success.** We leave out one line, `quantization: null`. **Quantization**
# stores weights in fewer bits. AutoTrain then uses its default, `int4` (4 bits each), and the package
# for that is missing. A program tells other programs how it went by its *exit status*: 0 means that
# all is well.

# %% tags=["nbval-ignore-output"] reason="what fails, and its words, differ between machines"
doomed = autotrain.Job("doomed", **small, quantization=None).write_yaml()
if ready:
    try:
        autotrain.by_yaml(doomed, checked=False, show=False)
        print("It worked: bitsandbytes is installed here.")
    except LessonError as error:
        print(error)

# %% [markdown]
# Read the first line: the program reported success. A script that trusts the exit status would go on
# and serve whatever is in the folder from last time. `lessonlib` looks for the adapter instead, and
# removes an old one before it starts.

# %% [markdown]
# **Packing.** AutoTrain joins all chats into one long text and cuts it into pieces of `block_size`
# tokens, wherever the cut happens to fall. How many chats does it cut in two?

# %%
tokenizer = AutoTokenizer.from_pretrained(paths.BUILT_IN)
lengths = [len(tokenizer.apply_chat_template(row["messages"])["input_ids"]) for row in rows]
for block_size in (128, 512, 1024):
    packed = trl.pack(lengths, block_size)
    print(f"block_size {block_size:4}: {packed.pieces:3} pieces, {packed.cut / len(rows):4.0%} of"
          f" the chats are cut, {packed.dropped} tokens are dropped")

# %% [markdown]
# A piece that starts in the middle of an answer shows the model an answer without its question; one
# that ends too early shows a question without its answer. On top of that, *every* token counts in
# the loss, the prompt's too, so most of the learning goes into predicting recipes. Was our model
# really trained like that? The number of steps tells: pieces divided by batch size, times epochs.

# %% tags=["nbval-ignore-output"] reason="without AutoTrain there are no steps to count"
pieces = trl.pack(lengths, job.block_size).pieces
expected = -(-pieces // job.batch_size) * job.epochs  # divided, and rounded up
if ready:
    print(f"by our count {expected} steps; AutoTrain took {by_yaml.steps}")

# %% [markdown]
# ## 8. The maintained way: `trl sft`
#
# TRL is the library that notebook 08 uses from Python. Its command `trl sft` trains from a YAML
# file without a line of Python, and we already have it. Same rows, epochs, learning rate, rank.
# Three lines say what AutoTrain can't: `packing` is off, the loss counts the answers alone
# (`assistant_only_loss`), and the validation rows are used.

# %% tags=["nbval-ignore-output"] reason="the device stands in it"
trl_path = trl.write_config(trl.config("by-trl", "recipes", job), "by-trl")
print(files.read_text(trl_path))

# %% [markdown]
# Two lines need a word. `per_device_train_batch_size: 7` makes a step as large as AutoTrain's: two
# pieces of 512 tokens hold about seven of our chats. `warmup_steps: 0.1` lets the learning rate
# rise from 0 during the first tenth of all steps: a *warm-up*, because the first steps of an adapter
# are the wildest. Now we run it. In a terminal you would type `trl sft --config by-trl.yml`.

# %% tags=["nbval-ignore-output"] reason="losses and seconds differ between machines"
by_trl = trl.sft(trl_path)
by_trl

# %% tags=["nbval-ignore-output"] reason="digits differ between processors"
autotrain.serve(by_trl, "trl-recipes")
kept = evaluate(client, Method("trl sft", "trl-recipes", prompting.tuned), test)
board.add(kept, split="test", training_seconds=by_trl.seconds)
print("a loss of the validation rows in the log:", "eval_loss" in files.read_text(by_trl.log))
print("trl sft against the bare prompt:", compare(kept, untuned))
if ready:
    print("trl sft against AutoTrain:      ", compare(kept, result))

# %% [markdown]
# (Don't compare the *losses* of the two tools. AutoTrain's counts the tokens of the prompts, too,
# so it is an average over other tokens.)
#
# Where does the difference in the score come from? At least three things changed at once: chats are
# no longer cut, the loss counts the answers alone, and the libraries are two years younger. To find
# out, change **one** thing and run again.

# %% [markdown]
# ### Exercise 09-1
#
# Write the file for that run: the text of our file for `trl sft`, changed so that the loss counts
# every token, as AutoTrain's does. All else stays as it is. Change `output_dir`, too, so that the
# first result is not overwritten: `by-trl-all-tokens`.
#
# Then predict: will this model score like AutoTrain's, like the first `trl sft`, or in between?

# %% tags=["exercise"]
text = files.read_text(trl_path)
# BEGIN SOLUTION
one_change = text.replace("assistant_only_loss: true", "assistant_only_loss: false")
one_change = one_change.replace("output_dir: by-trl", "output_dir: by-trl-all-tokens")
# END SOLUTION

# %%
exercises.check("09-1", one_change, files.read_text(trl_path))

# %% [markdown] tags=["hint"]
# `text.replace("old", "new")` gives the text with one line changed. Which line says what the loss
# counts?

# %% [markdown]
# The next cell runs this experiment, whatever you wrote above.

# %% tags=["nbval-ignore-output"] reason="losses and seconds differ between machines"
every_token = trl.config("by-trl-all-tokens", "recipes", job, answers_only=False)
by_every_token = trl.sft(trl.write_config(every_token, "by-trl-all-tokens"))
by_every_token

# %% tags=["nbval-ignore-output"] reason="digits differ between processors"
autotrain.serve(by_every_token, "trl-all-tokens")
between = evaluate(client, Method("trl sft, every token", "trl-all-tokens", prompting.tuned), test)
board.add(between, split="test", training_seconds=by_every_token.seconds)
print("answers alone against every token:   ", compare(kept, between))
if ready:
    print("whole chats against chats cut in two:", compare(between, result))

# %% [markdown] tags=["what-we-saw"]
# What the loss counts explains almost all of the difference: with the answers alone the model scores
# 0.84, with every token 0.76, and that +0.09 (+0.06 to +0.12) is better beyond the luck of the test
# recipes. What is left is the cut chats and the old libraries together, for that last pair differs in
# both: +0.01 (-0.02 to +0.03), cannot tell. Before the third run we would have blamed all of them. A
# prompt is several times as long as its answer, so a loss over everything mostly teaches the model to
# write recipes.
#
# Each model was trained once. Another seed moves a score, too, and these intervals don't contain that;
# a difference of 0.09 would most likely survive it, one of 0.01 would not. With longer texts or
# shorter pieces, packing could matter more.

# %% tags=["nbval-ignore-output"] reason="the rows of other notebooks are on the board as well"
board.table("test", columns=["route", "micro_f1", "exact_match", "valid_json", "training_seconds"])

# %% [markdown]
# Would you rather have a web page? **LLaMA-Factory** is one for tuning that is still maintained. It
# needs an environment of its own, as AutoTrain does, and no account.

# %% [markdown]
# ## 9. Your turn
#

# %% [markdown]
# ### Exercise 09-2
#
# Did it work? Write a function that says True or False for an output folder, a `pathlib.Path`. The
# exit status is no help, as we have seen. A good sign is the file `adapter_model.safetensors`. But
# the folder may be missing, and the file may be empty because the disk was full.

# %% tags=["exercise"]
def has_worked(folder):
    # BEGIN SOLUTION
    adapter = folder / "adapter_model.safetensors"
    return adapter.is_file() and adapter.stat().st_size > 0
    # END SOLUTION


# %%
exercises.check("09-2", has_worked)

# %% [markdown] tags=["hint"]
# `path.is_file()` is also False if the folder is missing. `path.stat().st_size` is the size.

# %% [markdown]
# ### Exercise 09-3
#
# It's easy to overlook one setting among twenty. Write a function that compares the settings you
# asked for with those a program says it used (both are dictionaries). It returns the sorted names of
# the settings that you asked for but didn't get: changed or missing.

# %% tags=["exercise"]
def not_honoured(asked, used):
    # BEGIN SOLUTION
    return sorted(name for name, value in asked.items() if name not in used or used[name] != value)
    # END SOLUTION


# %%
exercises.check("09-3", not_honoured)

# %% [markdown] tags=["hint"]
# Loop over `asked.items()`. Watch out for a setting whose value is `None`: that isn't the same as a
# missing one.

# %% [markdown]
# ## 10. A short quiz

# %%
exercises.quiz("09")

# %% [markdown]
# ## What to remember
#
# - No code doesn't mean no decisions. They are in the defaults.
# - Trust what is in the output folder, not an exit status and not a green button.
# - Before you rely on a setting, test whether it does anything.
# - When two runs differ in several ways, change one thing at a time before you explain the gap.
# - An old tool can run next to new ones, in an environment of its own. Its adapters still fit.
# - Before you build on a tool, check when it was last released and who maintains it.
#
# ## Next
#
# [10 · Compare and decide](10_compare_and_decide.ipynb): every route has had its turn. We put them
# side by side and make the decision once more from the start, with numbers.
