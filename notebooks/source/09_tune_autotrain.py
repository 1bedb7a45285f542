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
# In the notebooks before this one, Python did the tuning. Some tools promise that nobody has to
# program: you fill in a form or a file, press a button, and get a tuned model. Hugging Face's
# **AutoTrain** is the one that the lesson names. We use it in three ways, by file, by command and by web page, put
# its model on the scoreboard, and then look behind the form. What does it decide without asking?
# What does it not tell? At the end the same training is done by a tool that is still kept up.
#
# **You will**
#
# - set up an old tool beside a new one without harm to either,
# - tune by a YAML file, by a command line and by a web page,
# - find out by experiment what a tool hides: a setting without effect, a failure that looks like
#   success,
# - compare AutoTrain with `trl sft` on the same examples.
#
# **Before you start:** [05 · Prepare the data](05_prepare_data.ipynb) explains the training rows.
# The first run fetches about 300 MB from the network; later ones need none.
#
# **Time:** 30 minutes, of which the computer works for about six.

# %%
import json

from transformers import AutoModelForCausalLM, AutoTokenizer

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
# ## 1. What AutoTrain is, and how it stands
#
# AutoTrain is a program that reads a description of a training and carries it out, with Hugging
# Face's libraries. How does it stand today? Our facts have a source and a day.

# %%
for one in facts.read("autotrain.toml")["statement"]:
    print(f"{one['name']} (read on {one['read']}): {one['text']}")

# %% [markdown]
# So this is a tool that has not been touched for long, while the libraries that it rests on have
# moved on. That happens to many tools, and it is worth knowing how to use one all the same. It is
# also a warning: a tool without code is code that somebody else must keep up.

# %% [markdown]
# ## 2. An environment of its own
#
# A Python **environment** is a folder with a set of packages that fit each other. AutoTrain asks
# for exactly Transformers 4.48, and this course runs on version 5. Both cannot be in one
# environment. So AutoTrain gets its own, and we talk to it as to any other program. PyTorch, the
# largest package, is shared. If it cannot be made, for want of a network, or if there is too little
# memory for it (it takes about 3 GB), the next cell says so. Then `ready` is False, and the lines
# that need AutoTrain, those under `if ready:`, are passed over. All others run anyway.

# %% tags=["nbval-ignore-output"] reason="made in the first run, found in later ones"
ready = autotrain.get_ready()

# %% [markdown]
# ## 3. The same rows as everywhere
#
# The training rows are the chats that notebook 05 made: a prompt, and the answer that we want.
# They go into a folder as `train.jsonl`. Beside it we put validation rows, on which a good tool
# reports the loss after each epoch.

# %%
rows = training_rows.chat_rows(recipes.load("train")[:ROWS])
checks = training_rows.chat_rows(recipes.load("validation")[:40])
data = autotrain.write_data("recipes", rows, checks)
for file in sorted(data.iterdir()):
    print(f"{file.name}: {len(files.read_text(file).splitlines())} chats")

# %% [markdown]
# The same call has put two copies of `pantry` beside them: one as it is, and one in the form
# that an older Transformers can read. A model's folder is not only numbers: it says how they are
# to be read, and that has changed. Given the new form, AutoTrain's version stops.

# %% [markdown]
# ## 4. By a YAML file
#
# **YAML** is a way to write settings so that people can read them: a name, a colon, a value, and
# what belongs together is indented. This is the whole training.

# %%
job = autotrain.Job("by-yaml", "recipes", validation="validation")
path = job.write_yaml()
print(files.read_text(path))

# %% [markdown]
# Most lines are known from notebook 04: epochs, learning rate (`lr`), LoRA with its rank
# (`lora_r`). `base_model` is a folder here; it could be a name on the Hugging Face hub. And
# `batch_size` does not count chats, but pieces of text: section 7 shows what that means.
#
# AutoTrain does not check such a file; it starts, and stops later, or takes a default. So we let
# the course check first. The lines that it prints are remarks, not errors. Keep them in mind.

# %%
for remark in autotrain.check(path):
    print("-", remark)

# %% [markdown]
# And a file with three typical mistakes?

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
# The first is the nastiest. AutoTrain knows no `epoch`, passes over it and trains for one epoch.
# Now the training. The command beneath is `autotrain --config by-yaml.yml`.

# %% tags=["nbval-ignore-output"] reason="losses and seconds differ between machines"
if ready:
    by_yaml = autotrain.by_yaml(path)
    print(by_yaml)

# %% [markdown]
# ## 5. What came out
#
# The result is a folder with an **adapter**: the small add-on that LoRA trains. It was made by
# the old libraries. Does it fit into today's? We load it in this notebook's kernel, on
# top of our own `pantry`, and ask one question.

# %% tags=["nbval-ignore-output"] reason="digits differ between processors"
test = recipes.load("test")[:QUESTIONS]
if ready:
    from peft import PeftModel

    from lessonlib.models.quiet import quiet

    with quiet():  # no bars and no remarks on what will be called otherwise next year
        base = AutoModelForCausalLM.from_pretrained(paths.BUILT_IN, dtype="float32")
        tokenizer = AutoTokenizer.from_pretrained(paths.BUILT_IN)
        model = PeftModel.from_pretrained(base, by_yaml.folder)
    trained = sum(p.numel() for name, p in model.named_parameters() if "lora_" in name)
    print(f"numbers in the adapter: {trained:,}; rank {model.peft_config['default'].r}")
    prompt = tokenizer.apply_chat_template(
        prompting.tuned(test[0]), add_generation_prompt=True, return_tensors="pt",
        return_dict=True)
    answer = model.generate(**prompt, max_new_tokens=96, do_sample=False)
    print(tokenizer.decode(answer[0, prompt["input_ids"].shape[1]:], skip_special_tokens=True))
    print(recipes.answer(test[0]), "was wanted")

# %% [markdown]
# It fits. `serve` adds the adapter into the model's own matrices (it *merges* them), and the
# practice service offers the sum under a name. From here on it is a model like all others.

# %% tags=["nbval-ignore-output"] reason="whether the service was already running differs"
client = lessonlib.connect(PROVIDER)
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

# %% [markdown]
# ## 6. By web page, and by command line
#
# The second way is a web page. It is made for people with an account at Hugging Face, and asks
# the hub who you are before it shows anything. Here a **stand-in** on this machine answers for
# the hub, and says that you are called *practice*. (With `HUB = "huggingface"` in the first cell,
# and your token in `HF_TOKEN`, it is the real one.) The page takes a while to start. So we start
# it now, and use the command line in the meantime.

# %% tags=["nbval-ignore-output"] reason="without AutoTrain there is no page"
if ready:
    page = autotrain_page.open_page(hub=HUB, wait=False)

# %% [markdown]
# The third way is the same training in a terminal's language: one word for each setting. We train
# on fewer rows now, because quality is no longer the point, and we say `--seed 1`. A **seed** is
# the number from which a program's random choices start: the same seed, the same choices.

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
# Now to the page. Open its address in another tab of your browser, if you like. (In Colab it leads
# nowhere: the page is on the machine that Colab lent you.) It fetches its looks from the network,
# so it is plain without one. What stands in its form before you touch it?

# %% tags=["nbval-ignore-output"] reason="the port differs from run to run"
if ready:
    page.wait_until_ready()
    for name, value in page.fields().items():
        if name in ("quantization", "mixed_precision", "epochs", "block_size", "peft", "lr"):
            print(f"{name}: {value}")

# %% [markdown]
# Defaults are decisions that somebody else has taken. These were made for a graphics card: `fp16`
# is refused on a processor, and `int4` needs a package that our environment leaves out. One thing
# is in no field at all: the page would upload the finished model to the hub, unless one switches
# to its JSON view and writes `"push_to_hub": false`. We send the form as a mouse would, with the
# settings of the command line.

# %% tags=["nbval-ignore-output"] reason="losses and seconds differ between machines"
if ready:
    by_page = page.train(autotrain.Job("by-page", **small))
    page.close()
    print(by_page)

# %% [markdown]
# The line `page.close()` is no decoration: the page's server goes on when the program that
# started it is ended. A forgotten one holds memory and a port until the computer restarts.

# %% [markdown]
# ## 7. What it hides
#
# **The seed.** Both trainings had the same rows, the same settings and seed 1. AutoTrain writes
# down what it was told, in `training_params.json`. If the seed did its work, the two adapters
# would be the same, number for number.

# %% tags=["nbval-ignore-output"] reason="digits differ from run to run"
if ready:
    for training in (by_command, by_page):
        told = files.read_text(training.folder / "training_params.json")
        print(f"{training.folder.name}: AutoTrain was told seed {json.loads(told)['seed']}")
    gap = autotrain.difference(by_command, by_page)
    print(f"largest difference between two numbers of the adapters: {gap:.3f}")

# %% [markdown]
# They are not. The seed is kept in the file, and handed to nobody. The adapter's first numbers and
# the order of the rows are drawn anew in each run, so no run can be repeated exactly. That need not
# harm a model. But whoever reports "seed 1" believes in something that is not there. A difference
# between two such models may be nothing but another draw.

# %% [markdown]
# **The validation rows.** Our YAML file named them. A training that uses them prints a
# validation loss (`eval_loss`) after each epoch. We look for that word in the whole log.

# %% tags=["nbval-ignore-output"] reason="without AutoTrain there is no log"
if ready:
    log = files.read_text(by_yaml.log)
    print("a loss of the training rows in the log: ", "'loss':" in log)
    print("a loss of the validation rows in the log:", "eval_loss" in log)

# %% [markdown]
# For data in a local folder AutoTrain leaves them out, without a word. So nothing tells when the
# model begins to learn by heart, and no earlier, better state is kept.

# %% [markdown]
# **A failure that looks like success.** We leave out one line, `quantization: null`. AutoTrain
# then takes its default, `int4`, and the package for that is not in its environment. A program
# reports to others how it went by its *exit status*: 0 means all well.

# %% tags=["nbval-ignore-output"] reason="what fails, and its words, differ between machines"
doomed = autotrain.Job("doomed", **small, quantization=None).write_yaml()
if ready:
    try:
        autotrain.by_yaml(doomed, checked=False, show=False)
        print("It worked: bitsandbytes is installed here.")
    except LessonError as error:
        print(error)

# %% [markdown]
# Read the first line. The program itself was content. A script that trusts the exit status would
# go on and serve whatever lies in the folder from last time. `lessonlib` looks for the adapter
# instead, and removes an old one before it starts.

# %% [markdown]
# **Packing.** AutoTrain puts all chats one after another and cuts the long text into pieces of
# `block_size` tokens. The borders fall where they fall. How often do they cut a chat in two?

# %%
tokenizer = AutoTokenizer.from_pretrained(paths.BUILT_IN)
lengths = [len(tokenizer.apply_chat_template(row["messages"])["input_ids"]) for row in rows]
for block_size in (128, 512, 1024):
    packed = trl.pack(lengths, block_size)
    print(f"block_size {block_size:4}: {packed.pieces:3} pieces, {packed.cut / len(rows):4.0%} of"
          f" the chats are cut, {packed.dropped} tokens are dropped")

# %% [markdown]
# A piece that begins in the middle of an answer shows the model an answer without its question;
# one that ends too early shows a question without its answer. And every token counts in the loss,
# the prompts' as well, so most of the learning goes into predicting recipes. Is that how it was
# done? The number of steps tells: it must be pieces by batch, times epochs.

# %% tags=["nbval-ignore-output"] reason="without AutoTrain there are no steps to count"
pieces = trl.pack(lengths, job.block_size).pieces
expected = -(-pieces // job.batch_size) * job.epochs  # divided, and rounded up
if ready:
    print(f"by our count {expected} steps; AutoTrain took {by_yaml.steps}")

# %% [markdown]
# ## 8. Kept up today: `trl sft`
#
# TRL is Hugging Face's library for fine-tuning, which notebook 08 uses in Python. Its command
# `trl sft` trains from a YAML file, without a line of Python, and it belongs to the packages that
# we have anyway. Same rows, same epochs, same learning rate, same rank. Some lines say what
# AutoTrain cannot: `packing` is off, the loss counts the answers only, and the validation rows are
# used.

# %% tags=["nbval-ignore-output"] reason="the device stands in it"
trl_path = trl.write_config(trl.config("by-trl", "recipes", job), "by-trl")
print(files.read_text(trl_path))

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

# %% tags=["nbval-ignore-output"] reason="the rows of other notebooks are on the board as well"
board.table("test", columns=["route", "micro_f1", "exact_match", "valid_json", "training_seconds"])

# %% [markdown]
# Both are tunings without code, on the same rows. Look at the difference and its interval, and at
# what could make it: whole chats against cut ones, answers alone against everything. A tool is
# not only its buttons.
#
# And if it should be a web page? **LLaMA-Factory** is a page for tuning that is kept up. It wants
# an environment of its own, as AutoTrain does, and no account.

# %% [markdown]
# ## 9. Your turn
#
# ### Exercise 09-1
#
# How many steps will a training take? Write a function for a trainer that packs. `tokens` is the
# length of all chats together, `block_size` that of a piece; only whole pieces are kept; a step
# learns from `batch_size` pieces, and the last step of an epoch may have fewer.

# %% tags=["exercise"]
def steps(tokens, block_size, batch_size, epochs):
    # BEGIN SOLUTION
    pieces = tokens // block_size
    steps_of_an_epoch = (pieces + batch_size - 1) // batch_size
    return steps_of_an_epoch * epochs
    # END SOLUTION


# %%
exercises.check("09-1", steps)

# %% [markdown] tags=["hint"]
# First pieces, rounded down. Then steps of one epoch, rounded up: `math.ceil(a / b)`.

# %% [markdown]
# ### Exercise 09-2
#
# Has it worked? Write a function that says True or False for an output folder, a `pathlib.Path`.
# The exit status is no help, as we have seen. A good sign is the file
# `adapter_model.safetensors`. The folder may be missing, and a file may be empty when the disk
# was full.

# %% tags=["exercise"]
def has_worked(folder):
    # BEGIN SOLUTION
    adapter = folder / "adapter_model.safetensors"
    return adapter.is_file() and adapter.stat().st_size > 0
    # END SOLUTION


# %%
exercises.check("09-2", has_worked)

# %% [markdown] tags=["hint"]
# `path.is_file()` is False where the folder is missing, too. `path.stat().st_size` is the size.

# %% [markdown]
# ### Exercise 09-3
#
# One setting among twenty is easily overlooked. Write a function that compares what you asked
# for with what a program says it used, both dictionaries of settings. It returns the sorted names
# of the settings that you asked for and that were not used: changed, or missing.

# %% tags=["exercise"]
def not_honoured(asked, used):
    # BEGIN SOLUTION
    return sorted(name for name, value in asked.items() if name not in used or used[name] != value)
    # END SOLUTION


# %%
exercises.check("09-3", not_honoured)

# %% [markdown] tags=["hint"]
# Go through `asked.items()`. Mind a setting whose value is `None`: missing is not the same.

# %% [markdown]
# ## 10. A short quiz

# %%
exercises.quiz("09")

# %% [markdown]
# ## What to remember
#
# - No code does not mean no decisions. They are in the defaults.
# - Believe what lies in the output folder, not an exit status and not a button that turned green.
# - Try whether a setting has an effect before you rely on it.
# - An old tool can be used beside new ones, in an environment of its own. Its adapters still fit.
# - Before you build on a tool, look when it was last released, and who keeps it up.
#
# ## Next
#
# [10 · Compare and decide](10_compare_and_decide.ipynb): every route has had its turn now. We
# put them side by side, and take the decision from the beginning once more, with numbers.
