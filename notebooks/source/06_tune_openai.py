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
# # 06 · Tune at OpenAI
#
# The data are ready. Now somebody else trains: we send the file to a service, order a **job**,
# wait, and get a model that answers under a name of its own. This notebook takes the way of
# OpenAI's own tutorial, the recipe assistant, from the first call to the last. Then it does what
# the tutorial leaves out: it puts the baseline beside the result, reads what the job tells about
# itself, chooses between checkpoints, meets the failures, and cleans up.
#
# **You will**
#
# - run a fine-tuning job through OpenAI's own client: upload, create, follow, use,
# - measure the tuned model beside the untuned one, on the scoreboard,
# - read a result file, see a run overfit, and choose a checkpoint by what it does,
# - read the error of a job that failed, and know what a newcomer meets at OpenAI today.
#
# **Before you start:** [05 · Prepare the data](05_prepare_data.ipynb) makes training files and
# checks them; the words *epoch* and *validation set* are explained there.
#
# **Time:** 30 minutes, of which the computer works for about one.

# %%
import base64
import time
from dataclasses import replace

import openai

import lessonlib
from lessonlib import Method, Scoreboard, chat_files, compare, costs, evaluate, exercises
from lessonlib.common import facts, paths
from lessonlib.services import jobs
from lessonlib.services.address import is_practice
from lessonlib.tasks import prompting, recipes, training_rows

PROVIDER = "practice"  # who trains and serves; later: "openai", or an address
MODEL = "pantry"  # the base model; elsewhere, one that your account may tune
PRICED = "gpt-4.1-mini"  # the hosted model whose prices we show
EXAMPLES = 200  # how many examples we tune on
QUESTIONS = 100  # how many test recipes we measure on

# %% tags=["nbval-ignore-output"] reason="whether the service was already running differs"
client = lessonlib.connect(PROVIDER)

# %% [markdown]
# ## 1. Who can still do this?
#
# First the news, because it decides how you use this notebook. OpenAI is closing its service
# for fine-tuning, step by step.

# %%
for notice in facts.closing("OpenAI"):
    print(f"{notice.day}  {notice.text}")
print(f"\nSource: {notice.source}\nRead on {notice.read}")

# %% [markdown]
# And a tuned model lives no longer than the model that it was made from. These are the last days
# of models that people have tuned:

# %%
for end in sorted(facts.model_ends(), key=lambda end: end.ends):
    print(f"{end.ends}  {end.model}")

# %% [markdown]
# So why learn it? Because the *way* stays. Files, jobs, events and checkpoints are how other
# services work, too: the next notebook meets them again at Azure. And what can be learned about
# tuning does not depend on who owns the machine.
#
# The practice service on this computer understands the same requests and really trains, only a
# far smaller model. Whoever still has access changes `PROVIDER` and `MODEL` in the first cell;
# the cells below are the same. Before a job goes to a paid service, our client prints what it will
# cost and waits for a yes; without one, nothing is sent. An API key that lies in the environment
# is not a yes.

# %% [markdown]
# ## 2. Prepare and check
#
# As in notebook 05: chats that end in the answer that we want. The tutorial sends two files. The
# **training file** is learned from. The **validation file** is only looked at, so that we see
# how the model does on recipes that it does not learn.

# %%
train, validation = recipes.load("train")[:EXAMPLES], recipes.load("validation")[:50]
test = recipes.load("test")[:QUESTIONS]
folder = paths.WORK / "training"
train_path = chat_files.write(training_rows.chat_rows(train), folder / "recipes_train.jsonl")
valid_path = chat_files.write(training_rows.chat_rows(validation), folder / "recipes_valid.jsonl")
report = chat_files.check(train_path)
report

# %% [markdown]
# What would it cost at a hosted model's price? Practice is free, but the habit is not: look at
# the sum before you order.

# %%
chat_files.estimate(report.tokens, model=PRICED)

# %% [markdown]
# ## 3. Upload
#
# This is the call of OpenAI's own client, as their documentation has it. The `purpose` says what
# the file is for: `fine-tune` stands for training and for validation files. What comes back has an
# **id**, the name under which the service knows the file.

# %% tags=["nbval-ignore-output"] reason="each upload gets an id of its own"
training_file = client.files.create(file=train_path, purpose="fine-tune")
validation_file = client.files.create(file=valid_path, purpose="fine-tune")
for file in (training_file, validation_file):
    print(f"{file.id}: {file.filename}, {file.bytes:,} bytes, for {file.purpose}")

# %% [markdown]
# ## 4. Create the job
#
# A job says what to learn from and what to start from. All else has a default. The files are named
# by their ids. `method` says how to learn: *supervised*, that is, from right answers, and with
# which settings. The `suffix` becomes part of the new model's name, and a `seed` makes the run
# repeatable, as far as the service can.

# %% tags=["nbval-ignore-output"] reason="ids and times differ between runs"
job = client.fine_tuning.jobs.create(
    model=MODEL,
    training_file=training_file.id,
    validation_file=validation_file.id,
    method={"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": "auto"}}},
    suffix="recipe-ner",
    seed=1,
)
print(job.id, job.status)
print(job.method.supervised.hyperparameters)

# %% [markdown]
# The job is there, but nothing has been trained yet: the service first checks the files. There are
# three settings, the **hyperparameters**: the number of epochs, the *batch size* (how many examples
# each step learns from) and the *learning rate multiplier* (how far each step goes, compared with
# the service's usual). We have named one; those that are left out are `auto`, too. With `auto` the
# service chooses when it knows the file.

# %% [markdown]
# ## 5. Follow it
#
# A hosted job may wait for hours in a queue. It runs at the service, not here: you can close the
# notebook and come back with the job's id. To follow it, ask now and then for its **status**. It
# goes from `validating_files` to `queued` and `running`, and ends as `succeeded`, `failed` or
# `cancelled`. Some states pass too quickly to be seen here. (With a hosted job, ask once a minute.)

# %% tags=["nbval-ignore-output"] reason="seconds differ between runs"
status = ""
while status not in ("succeeded", "failed", "cancelled"):
    time.sleep(1)
    job = client.fine_tuning.jobs.retrieve(job.id)
    if job.status != status:
        status = job.status
        print(f"after {time.time() - job.created_at:3.0f} s: {status}")

# %% [markdown]
# Whatever happens to a job leaves an **event**. The service keeps them, the newest first. Most are
# single steps, with their numbers in `data`. The others have the type `message`; we print those in
# the order in which they happened. (`limit` is for one answer of the service; `list` goes on asking
# until it has all.)

# %% tags=["nbval-ignore-output"] reason="ids differ between runs"
events = list(client.fine_tuning.jobs.list_events(job.id, limit=100))
print(len(events), "events; the last step:", next(one for one in events if one.data).message)
for event in reversed(events):
    if event.type == "message":
        print("-", event.message)

# %% [markdown]
# So much for the bare calls. From here on `jobs.follow` asks for us: it shows new events and a
# picture of the loss, waits when the network is away for a moment, and gives back the job's model,
# steps and seconds. If you interrupt the cell, the job goes on, and a message says how to come
# back. (This job has come to its end already, so `show=False` leaves the events out.)

# %% tags=["nbval-ignore-output"] reason="ids, losses and seconds differ between runs"
run = jobs.follow(client, job, show=False)
run

# %% [markdown]
# `succeeded` is one of three ends; we will meet `failed` and `cancelled` in section 9. Now the job
# also says what `auto` was, and how many tokens it has trained on. Those are billed. (They are a
# token less for each example and epoch than our estimate: what follows the answer is not trained.)

# %% tags=["nbval-ignore-output"] reason="names differ between runs"
done = run.job
print(done.method.supervised.hyperparameters)
print(f"{done.trained_tokens:,} tokens trained, all epochs together")
print(f"The model's name: {done.fine_tuned_model}")

# %% [markdown]
# The name tells the story: `ft` for fine-tuned, the base model, whose it is, our suffix, and a
# few letters that make it unique. At OpenAI and here, this name is how you ask for it.

# %% [markdown]
# ## 6. Read what the job learned
#
# A finished job leaves a **result file**: a table with a line for each step. It is fetched like any
# file of yours, by its id. One thing has surprised many: OpenAI delivers it encoded in **base64**,
# letters and digits that stand for the file's bytes. Decode it, and there is a plain CSV file: a
# line with the names of the columns, then the steps, with commas between the numbers.

# %% tags=["nbval-ignore-output"] reason="losses differ between machines"
content = client.files.content(run.job.result_files[0]).read()
print("as it comes:", content[:60])
lines = base64.b64decode(content).decode("utf-8").splitlines()
print(*lines[:4], "...", lines[-1], sep="\n")

# %% [markdown]
# `jobs.results` does the same, and makes a table of some of the lines. Where a line above has fewer
# numbers than names of columns, the rest was not measured at that step.

# %% tags=["nbval-ignore-output"] reason="losses differ between machines"
results = jobs.results(client, job)
results

# %% tags=["nbval-ignore-output"] reason="a picture of measured numbers"
results.picture()

# %% [markdown]
# The **training loss** says how surprised the model was by the right answers of the examples
# that it was just learning from. The **validation loss** is the same on the validation file: on
# all of it after each epoch, and on a few of its examples now and then between. The first line
# jumps, because each step sees other examples. As long as both fall together, the model learns
# something that holds beyond its examples.
#
# The table has a second pair of columns, the **token accuracy**: the share of answer tokens that
# the model would have chosen itself, given all the right tokens before. It sounds like the score
# that we want. It is not, as the scoreboard will show.

# %% tags=["nbval-ignore-output"] reason="a picture of measured numbers"
results.accuracy_picture()

# %% [markdown]
# ## 7. Use it, and put the baseline beside it
#
# The tutorial ends with one answer that looks good. Let us see it, too.

# %% tags=["nbval-ignore-output"] reason="digits differ between processors"
example = test[0]
answer = client.chat.completions.create(
    model=run.model, messages=prompting.tuned(example), max_tokens=96
)
print(recipes.user_message(example))
print("\nWanted:", recipes.answer(example))
print("Tuned: ", answer.choices[0].message.content)

# %% [markdown]
# One answer proves little, and without a baseline even a good score proves nothing: perhaps the
# untuned model can do it as well. So we ask the same test recipes of the base model, with the
# bare prompt and with full instructions, and of the tuned one.

# %% tags=["nbval-ignore-output"] reason="digits differ between processors"
board = Scoreboard()
bare = evaluate(client, Method("bare prompt", MODEL, prompting.bare), test)
told = evaluate(client, Method("instructions", MODEL, prompting.instructions), test)
tuned = evaluate(client, Method("OpenAI job", run.model, prompting.tuned), test)
for result in (bare, told):
    board.add(result, split="test", price=costs.price(PRICED))
board.add(tuned, split="test", training_seconds=run.seconds, price=costs.price(PRICED, tuned=True))
board.table("test")

# %% tags=["nbval-ignore-output"] reason="digits differ between processors"
print("job against the bare prompt:  ", compare(tuned, bare))
print("job against the instructions: ", compare(tuned, told))

# %% [markdown]
# Rows of other notebooks stand on the board as well, if you have run them. Compare the prompt
# tokens: the tuned model gets the bare prompt, the shortest. And compare its micro-F1 with the
# token accuracy above. A list with one wrong name among eight has most of its tokens right; the
# score counts names, and so does whoever cooks from the list.

# %% [markdown]
# ## 8. Checkpoints: more than one model
#
# A **checkpoint** is the model as it was at the end of an epoch. The service keeps those of the
# last three epochs. The newest has the plain name; the others have a name of their own, and each
# can be asked like any model.

# %% tags=["nbval-ignore-output"] reason="names and losses differ between runs"
for one in client.fine_tuning.jobs.checkpoints.list(job.id):
    loss = one.metrics.full_valid_loss
    print(f"step {one.step_number:3}, loss {loss:.3f}: {one.fine_tuned_model_checkpoint}")

# %% [markdown]
# (The loss is that on the whole validation file.) Why keep more than the last? Because more
# training is not always better. A model that goes through few examples again and again learns
# what is peculiar to *them*, and loses what holds in general. That is **overfitting**. With clean
# examples our small model only grows too sure of itself; its answers stay right (notebook 10
# shows that). It costs answers where the examples are few *and* unlike the rest. That we make
# happen, in a way that is taken from life.

# %% [markdown]
# A colleague sends 40 more examples, all labelled in one afternoon and without the house
# glossary: the answers name things as the recipe does. Each answer is sensible, and the form is
# right. Nobody looks. We tune our finished model further on them; a tuned model can be the base
# of a new job. We choose a small learning rate, so that we can watch what happens.

# %%
new = recipes.load("train")[600:640]
sent = [replace(one, ingredients=tuple(dict.fromkeys(one.names))) for one in new]
here = next(one for one in new if one.ingredients != one.names)
print("house label:", recipes.answer(here))
print("as sent:    ", recipes.answer(replace(here, ingredients=here.names)))
more = training_rows.chat_rows(sent)
print("\nThe check says:", chat_files.check(more, count_tokens=False).headline())

# %% tags=["nbval-ignore-output"] reason="ids, losses and seconds differ between runs"
more_path = chat_files.write(more, folder / "recipes_more.jsonl")
more_file = client.files.create(file=more_path, purpose="fine-tune")
settings = {"n_epochs": 3, "batch_size": 4, "learning_rate_multiplier": 0.05}
further = client.fine_tuning.jobs.create(
    model=run.model,
    training_file=more_file.id,
    validation_file=validation_file.id,
    method={"type": "supervised", "supervised": {"hyperparameters": settings}},
    suffix="further",
    seed=1,
)
overfit = jobs.follow(client, further)

# %% tags=["nbval-ignore-output"] reason="a picture of measured numbers"
overfit.picture()

# %% [markdown]
# The line of the training loss jumps from batch to batch, but its peaks get lower: on the new
# examples the model gets better. The points of the validation loss do not follow it. Compare them
# with the last validation loss of the first job. A look at the training loss alone would have
# told you that all is well: that is what the validation file is for.

# %% tags=["nbval-ignore-output"] reason="names and losses differ between runs"
kept = client.fine_tuning.jobs.checkpoints.list(further.id).data
for one in kept:
    print(f"step {one.step_number:3}, loss {one.metrics.full_valid_loss:.3f}")

# %% [markdown]
# Which one would you take? The rule: choose on the *validation* data, then measure the choice once
# on the *test* data. So we take the checkpoint with the lowest validation loss, and compare it with
# the last one. (The service lists the newest first.)

# %% tags=["nbval-ignore-output"] reason="digits differ between processors"
early, last = min(kept, key=lambda one: one.metrics.full_valid_loss), kept[0]
print(f"lowest loss: step {early.step_number}; the last one: step {last.step_number}\n")
chosen, final = (
    evaluate(client, Method(name, one.fine_tuned_model_checkpoint, prompting.tuned), test)
    for name, one in (("chosen checkpoint", early), ("last checkpoint", last))
)
for result in (tuned, chosen, final):
    print(f"{result.name:18} micro-F1 {result.metrics()['micro_f1']}")
gain = compare(chosen, final)
print(f"\nchosen against last: {gain}, {'more than luck' if gain.significant else 'could be luck'}")

# %% [markdown]
# Two things to take along. Only the last three epochs are kept, here and at OpenAI: if the best
# one was earlier, it is gone, and the cure is a new job with fewer epochs. And look at the first
# line, the model *before* this job. Choosing a checkpoint limits the damage. It cannot mend the
# examples.

# %% [markdown]
# ## 9. When it goes wrong
#
# **A file that the service cannot use.** The upload works, and so does the order. The job then
# fails when its file is checked, and tells why. We send the file of notebook 05 that somebody typed
# by hand.

# %% tags=["nbval-ignore-output"] reason="ids differ between runs"
typed = client.files.create(
    file=paths.DATA / "training_files" / "typed_by_hand.jsonl", purpose="fine-tune"
)
doomed = client.fine_tuning.jobs.create(model=MODEL, training_file=typed.id)
failed = jobs.follow(client, doomed, show=False)
print(failed.job.status)
print(f"code:    {failed.job.error.code}")
print(f"param:   {failed.job.error.param}")
print(f"message: {failed.job.error.message}")

# %% [markdown]
# Read it from behind. The message names the first broken example, and only that one; mend it,
# and the next job may fail on another. The code is for programs: it stays the same when the words
# change. `chat_files.check` from notebook 05 names all mistakes at once, before you upload.

# %% [markdown]
# **A job that you no longer want.** Cancel it; what was trained until then is billed, and the
# checkpoints stay. A job that has ended cannot be cancelled: the second call shows what is said
# then.

# %% tags=["nbval-ignore-output"] reason="ids differ between runs"
unwanted = client.fine_tuning.jobs.create(model=MODEL, training_file=training_file.id)
print(client.fine_tuning.jobs.cancel(unwanted.id).status)
try:
    client.fine_tuning.jobs.cancel(unwanted.id)
except openai.BadRequestError as error:
    print(error.body["message"])

# %% [markdown]
# **You are new here.** This is what an organisation that has never tuned gets from OpenAI today.
# We can meet it safely: the practice service lets you *rehearse* refusals. (That is an invention
# of ours; a real service does not know the word, so the cell asks the practice service alone.)

# %%
if is_practice(client):
    try:
        client.fine_tuning.jobs.create(
            model=MODEL,
            training_file=training_file.id,
            metadata={"practice_rehearse": "training_not_available"},
        )
    except openai.PermissionDeniedError as error:
        print(error.status_code, error.code)
        print(error.body["message"])

# %% [markdown]
# Trying again does not help, and neither does another key of the same organisation: 403 means
# *you may not*. The upload has worked, by the way. That tells nothing about the job.

# %% [markdown]
# **Too many requests.** Services limit how many requests you may send in a minute. The answer is
# 429, and it says how long to wait. OpenAI's client waits and tries again, twice, without a word.
# So the first request below works; the second one has its patience taken away.

# %%
once = {"X-Practice-Rehearse": "rate_limit_once"}
if is_practice(client):
    print("patient:  ", len(client.models.list(extra_headers=once).data) > 0)
    try:
        client.with_options(max_retries=0).models.list(extra_headers=once)
    except openai.RateLimitError as error:
        wait = error.response.headers["retry-after"]
        print("impatient:", error.status_code, error.code, f"- wait {wait} s")

# %% [markdown]
# ## 10. Clean up
#
# Files stay at the service until you delete them, and they are your data. A tuned model costs
# nothing at OpenAI while nobody asks it, but an old one gets used by mistake. We delete what the
# experiments have left, and keep the model that works.

# %% tags=["nbval-ignore-output"] reason="the number of things left from earlier runs differs"
for checkpoint in kept:
    client.models.delete(checkpoint.fine_tuned_model_checkpoint)
for file in (training_file, validation_file, more_file, typed):
    client.files.delete(file.id)
mine = [model.id for model in client.models.list() if model.id.startswith(f"ft:{MODEL}:")]
print(f"{len(mine)} tuned models of {MODEL} are left, ours among them: {run.model in mine}")

# %% [markdown]
# ## 11. What changed since the tutorial
#
# The calls in the lesson's tutorial are from a time when the client worked in another way. If
# you find such code, this is what it means today.
#
# | then (client before 1.0, models of 2023) | today |
# |---|---|
# | `openai.api_key = "..."` | `client = OpenAI()`, which reads the key from the environment |
# | `openai.File.create(file=..., purpose="fine-tune")` | `client.files.create(file=..., purpose="fine-tune")` |
# | `openai.FineTuningJob.create(training_file=..., model="gpt-3.5-turbo")` | `client.fine_tuning.jobs.create(training_file=..., model=...)` |
# | `hyperparameters={"n_epochs": 3}` | `method={"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 3}}}`; the old place still works |
# | `openai.FineTuningJob.list_events(id=...)` | `client.fine_tuning.jobs.list_events(...)` |
# | no checkpoints | `client.fine_tuning.jobs.checkpoints.list(...)` |
# | `openai.ChatCompletion.create(model=..., ...)` | `client.chat.completions.create(model=..., ...)` |
# | `response["choices"][0]["message"]["content"]` | `response.choices[0].message.content` |
# | `gpt-3.5-turbo` | ended, see section 1 |

# %% [markdown]
# ## 12. Your turn
#
# ### Exercise 06-1
#
# Write a function that reads a list of steps, such as `results.steps`, and returns the number of
# the step with the lowest validation loss. A step has `step` and `valid_loss`; most steps have
# no validation loss, it is `None` there.

# %% tags=["exercise"]
def best_step(steps):
    # BEGIN SOLUTION
    measured = [one for one in steps if one.valid_loss is not None]
    return min(measured, key=lambda one: one.valid_loss).step
    # END SOLUTION


# %%
exercises.check("06-1", best_step)

# %% [markdown] tags=["hint"]
# First leave out the steps whose `valid_loss` is `None`, then take the smallest of the rest by
# `min(..., key=lambda one: one.valid_loss)`. The function returns its number, not the step.

# %% [markdown]
# ### Exercise 06-2
#
# What would our first job have cost as a job on the hosted model, in dollars? `tokens` is what
# the job itself reports as trained, `price` is for a *million* trained tokens.

# %%
tokens, price = run.job.trained_tokens, costs.price(PRICED, tuned=True).training

# %% tags=["exercise"]
# BEGIN SOLUTION
dollars = tokens * price / 1_000_000
# END SOLUTION

# %%
exercises.check("06-2", dollars, tokens, price)

# %% [markdown] tags=["hint"]
# Are the epochs already in the tokens that the job reports? Section 5 says so.

# %% [markdown]
# ### Exercise 06-3
#
# Four things can go wrong, and each asks for something else. Write a function that gets an
# error's code and returns what to do: `"mend"` the file, `"wait"` and try again, go
# `"elsewhere"`, or `"read"` the message where the code is another one. The codes stand in
# section 9; there are two for files, the second one is `invalid_n_examples`.

# %% tags=["exercise"]
def what_now(code):
    # BEGIN SOLUTION
    if code in ("invalid_training_file", "invalid_n_examples"):
        return "mend"
    return {"rate_limit_exceeded": "wait", "training_not_available": "elsewhere"}.get(code, "read")
    # END SOLUTION


# %%
exercises.check("06-3", what_now)

# %% [markdown] tags=["hint"]
# Run section 9 and look at the codes: one of a failed job, one of the 403, one of the 429.

# %% [markdown]
# ## 13. A short quiz

# %%
exercises.quiz("06")

# %% [markdown]
# ## What to remember
#
# - The way is the same at such services: check, upload, create, follow, measure, clean up. Azure
#   adds a step, the deployment.
# - The baseline belongs on the board before the tuned model does.
# - Give a validation file. The training loss falls whatever happens.
# - Choose a checkpoint on validation data, and measure the choice once on test data.
# - A failed job says why in `error`. A 403 is final; a 429 passes by itself if you asked too often,
#   not if your money is used up.
# - Where a service ends, so does the model. Keep your data, your prompt and your measurements:
#   they move with you.
#
# ## Next
#
# [07 · Tune with Azure OpenAI](07_tune_azure_openai.ipynb): the same protocol in another house,
# where a tuned model has to be deployed before it answers, and costs money by the hour.
