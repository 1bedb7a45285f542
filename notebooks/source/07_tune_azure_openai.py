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
# # 07 · Tune with Azure OpenAI
#
# The same models, the same client, the same examples: Microsoft offers OpenAI's models in
# its own data centres, as **Azure OpenAI**. Much of a tuning job is the same there. Two things
# are not, and both surprise people. A tuned model cannot be asked until it is *deployed*, under a
# name of its own. And a deployed model costs money by the hour, whether anybody asks it or not.
# In this notebook we do the whole way once, on a practice copy of Azure on this computer, and
# then we let the meter run.
#
# **You will**
#
# - upload two small files in the form that Azure asks for, and follow a job to its end,
# - deploy the tuned model by a plain request, ask it by the name of its deployment, and read the
#   error that you get when you take the wrong name,
# - read the hosting meter, wind time forward, and see what a forgotten deployment costs,
# - take everything away again, in the right order.
#
# **Before you start:** [00 · Start here](00_start_here.ipynb) explains the task and the scores,
# [05 · Prepare the data](05_prepare_data.ipynb) what stands in a training file.
#
# **Time:** 30 minutes, of which the computer works for about one.

# %%
import time
from urllib.parse import urlsplit

import openai
import requests

import lessonlib
from lessonlib import Method, Scoreboard, chat_files, compare, costs, evaluate, exercises
from lessonlib.common import facts, paths
from lessonlib.common.facts import API_VERSION, DATA_API_VERSION
from lessonlib.services import deployments, jobs
from lessonlib.tasks import prompting, recipes, training_rows

PROVIDER = "practice"  # or "azure": your own Azure resource, which costs money
MODEL = "pantry"  # the model that we start from; at Azure its name and, behind it, its version
EXAMPLES = 120  # how many examples we tune on; few, so that it goes fast
QUESTIONS = 100  # how many test recipes we measure on

# %% [markdown]
# ## 1. A resource, two planes
#
# What you own at Azure is called a **resource**: a place with a name, in a region, with a bill.
# One reaches it on two ways. The **data plane** does the work: it keeps files, trains, and
# answers questions. It is opened by the resource's *key*. `client` is our way to it.

# %% tags=["nbval-ignore-output"] reason="the port differs, and whether the service was running"
client = lessonlib.connect(PROVIDER, protocol="azure")
print(client.base_url)

# %% [markdown]
# The address ends in `/openai/v1/`, and the client is the plain one that we know. Azure speaks
# OpenAI's language there. What stands before it, `127.0.0.1`, is this computer: the practice
# service, which shows its Azure side here. Nothing leaves the machine and nothing is charged.
#
# The second way, the **control plane**, makes and deletes things that cost money. It does not
# take the key. It wants a *token* that says which person is asking. `resource` is our way to it.

# %% tags=["nbval-ignore-output"] reason="the port differs"
resource = deployments.resource(PROVIDER)
resource

# %% [markdown]
# ## 2. Two small files
#
# A training set, and a *validation set* that the service looks at while it trains. Azure's guide
# asks for a detail that OpenAI does not want: the file should begin with a **byte order mark**,
# three bytes that say "this is UTF-8". Nobody sees them in an editor. We write both files with it.

# %%
train, validation = recipes.load("train")[:EXAMPLES], recipes.load("validation")[:30]
folder = paths.WORK / "azure"
training_path = chat_files.write(
    training_rows.chat_rows(train), folder / "training.jsonl", bom=True)
validation_path = chat_files.write(
    training_rows.chat_rows(validation), folder / "validation.jsonl", bom=True)
print(training_path.read_bytes()[:24])

# %% [markdown]
# Check before you upload, and say for which service. Told that the file is for Azure, the check
# knows about the mark. Told that it is for OpenAI, it calls the very same file broken.

# %%
for service in ("azure", "openai"):
    report = chat_files.check(training_path, service=service, count_tokens=False)
    print(f"for {service}: {report.headline()}")

# %% [markdown]
# Now we send them, as in notebook 06. Azure reads a file before it can be used. OpenAI's client can
# wait for that: `wait_for_processing` asks every `poll_interval` seconds until the status is
# `processed`, or `error`. What we need later are the **ids**: by them the job finds the files.

# %% tags=["nbval-ignore-output"] reason="ids are new each time"
training = client.files.create(file=training_path, purpose="fine-tune")
check = client.files.create(file=validation_path, purpose="fine-tune")
print("at first:", training.status, check.status)
for file in (training, check):
    read = client.files.wait_for_processing(file.id, poll_interval=1)
    print(read.id, read.status)

# %% [markdown]
# ## 3. The job
#
# The call is that of notebook 06. Besides the number of epochs, three choices are ours. The
# **suffix** becomes a part of the model's name (at Azure up to 18 characters). The **seed** makes
# the job repeatable, as far as the service can. The **training type** says where it may run:
# *Standard* stays in your region, *GlobalStandard* may run anywhere and is cheaper, *Developer* is
# cheaper still and waits for machines that are free. (Here it changes nothing.) OpenAI's client has
# no word for it, since it is Azure's alone: `extra_body` adds it to the request.

# %% tags=["nbval-ignore-output"] reason="ids are new each time"
job = client.fine_tuning.jobs.create(
    model=MODEL,
    training_file=training.id,
    validation_file=check.id,
    method={"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 3}}},
    suffix="recipes",
    seed=105,
    extra_body={"trainingType": "Standard"},
)
print(job.id, job.status, job.hyperparameters, sep="\n")

# %% [markdown]
# Azure's way of speaking shows. The first state is called `pending`. We left the *batch size* (how
# many examples make one step) to the service, and what is not known yet is written as `-1`.
#
# `jobs.follow` asks how the job is until it has come to an end, and shows what happens.

# %% tags=["nbval-ignore-output"] reason="ids, losses and seconds differ between runs"
run = jobs.follow(client, job)
run

# %% [markdown]
# These messages are the job's **events**. The service keeps them, so you can read them tomorrow,
# from another notebook, newest first. Most of them are steps with their numbers; `follow` has left
# those out.

# %% tags=["nbval-ignore-output"] reason="ids and losses differ between runs"
for event in client.fine_tuning.jobs.list_events(job.id, limit=5).data:
    print(f"{event.level:5} {event.type:8} {event.message}")

# %% [markdown]
# And this is the **result file**, a table that the service writes at the end. Compare both
# losses: as long as the validation loss falls, the model learns what holds for new recipes, too.

# %% tags=["nbval-ignore-output"] reason="losses differ between machines"
results = jobs.results(client, job)
results

# %% tags=["nbval-ignore-output"] reason="losses differ between machines"
results.picture()

# %% [markdown]
# After each epoch the service keeps a **checkpoint**: the model as it was then. The last three
# stay. Each is a model with a name, and can be deployed like the finished one. That helps when the
# last epoch was one too many.

# %% tags=["nbval-ignore-output"] reason="names and losses differ between runs"
for one in client.fine_tuning.jobs.checkpoints.list(job.id):
    loss = one.metrics.full_valid_loss
    print(f"step {one.step_number:3}, loss {loss:.3f}: {one.fine_tuned_model_checkpoint}")

# %% [markdown]
# ## 4. Ask it. It does not answer
#
# The job has succeeded and the model has a name. At OpenAI we could ask it now. Let us try.

# %% tags=["nbval-ignore-output"] reason="the model's name is new each time"
question = prompting.tuned(recipes.load("test")[10])
try:
    client.chat.completions.create(model=run.model, messages=question, max_tokens=96)
except openai.NotFoundError as error:
    print(error.code)
    print(error.body["message"])

# %% [markdown]
# `DeploymentNotFound` is an error that many newcomers to Azure meet. The model is there, but no
# computer has been told to load it. (What stands in brackets is a help of our practice service.
# Azure leaves you with the rest.)

# %% [markdown]
# ## 5. Deploy
#
# A **deployment** is a computer that holds the model ready, and a name that you choose. It is made
# at the control plane by one request. OpenAI's client does not know that plane, so here is the
# whole of it: a method, an address, two headers, a body. The method is `PUT`, which means: let this
# stand at that address.
#
# The address begins with the control plane; at Azure this is `https://management.azure.com`. Then
# it goes down: the subscription, which pays; the resource group, a folder; the account, which is
# our resource; the deployment. `api-version` is the day whose rules we go by, and no request may
# lack it. One header holds the token, the other says that the body is JSON.

# %% tags=["nbval-ignore-output"] reason="the port differs"
NAME = "recipes"
place = resource.place
account = (
    f"{place.address}/subscriptions/{place.subscription}/resourceGroups/{place.group}"
    f"/providers/Microsoft.CognitiveServices/accounts/{place.account}"
)
address = f"{account}/deployments/{NAME}?api-version={API_VERSION}"
headers = {"Authorization": f"Bearer {place.token}", "Content-Type": "application/json"}
direct = {"no_proxy": urlsplit(address).hostname}  # no proxy between us and this machine
print(address)

# %% [markdown]
# The token says who is asking, so it is not for showing. The body says what should stand there: of
# which kind and how much (`sku`; `capacity` counts thousands of tokens a minute), and which model.
# A tuned model has the version "1". `requests.put` sends it all.

# %% tags=["nbval-ignore-output"] reason="the model's name is new each time"
body = {
    "sku": {"name": "standard", "capacity": 1},
    "properties": {"model": {"format": "OpenAI", "name": run.model, "version": "1"}},
}
if resource.practice:  # at Azure this line would start the meter; there, we ask first (below)
    made = requests.put(address, headers=headers, json=body, proxies=direct, timeout=60)
    made.raise_for_status()
    print(made.status_code, made.json()["properties"]["provisioningState"])

# %% [markdown]
# The number is the answer's status. 201 means *created*: a deployment of this name is new. (200
# means that one was there and is changed. 202, *accepted*, is how a deletion is answered: it will
# be done.) Look at the two names. The one in the address is the deployment's, the one in the body
# is the model's, and whoever asks later uses the first.
#
# *Created* is not *ready*. So we `GET` the same address until the state is a lasting one:
# `Accepted` and `Creating` pass, `Succeeded` and `Failed` stay. At Azure this takes some minutes.

# %% tags=["nbval-ignore-output"] reason="states pass too quickly to be the same each time"
while resource.practice:
    found = requests.get(address, headers=headers, proxies=direct, timeout=60).json()
    state = found["properties"]["provisioningState"]
    print(state)
    if state not in ("Accepted", "Creating"):
        break
    time.sleep(0.5)

# %% [markdown]
# That is all that stands behind `resource.deploy`. It makes this body (`deployments.request_body`), prints
# what the deployment will cost, waits at Azure for your "yes", sends the request and follows it.
# Sent a second time for the same model, it changes nothing. (With your own Azure resource, the two
# cells above have sent nothing; this one asks, and deploys.)

# %% tags=["nbval-ignore-output"] reason="the model's name is new each time"
print("the same body:", deployments.request_body(run.model, "standard") == body)
resource.deploy(NAME, run.model)

# %% tags=["nbval-ignore-output"] reason="digits differ between processors"
answer = client.chat.completions.create(model=NAME, messages=question, max_tokens=96)
print(answer.choices[0].message.content)
print("answered by:", answer.model)

# %% [markdown]
# We asked for `recipes`, and the answer says which model stands behind it. This is useful: next
# month you can deploy a better model under the same name, and no program that asks has to change.

# %% [markdown]
# ## 6. Did tuning help?
#
# At Azure everything is asked by a deployment, the untuned model as well. So we deploy that, too.
# A base model costs nothing while nobody asks it. It is only paid by the token.

# %% tags=["nbval-ignore-output"] reason="states pass too quickly to be the same each time"
resource.deploy("untuned", MODEL)

# %% tags=["nbval-ignore-output"] reason="digits differ between processors"
test = recipes.load("test")[:QUESTIONS]
before = evaluate(client, Method("bare prompt at Azure", "untuned", prompting.bare), test)
after = evaluate(client, Method("Azure OpenAI job", NAME, prompting.tuned), test)
board = Scoreboard()
board.add(after, split="test", training_seconds=run.seconds)
board.table("test")

# %% tags=["nbval-ignore-output"] reason="digits differ between processors"
for result in (before, after):
    print(f"{result.name:22} micro-F1 {result.metrics()['micro_f1']}")
print(f"{'difference':22} micro-F1 {compare(after, before)}")

# %% [markdown]
# The row on the scoreboard looks like that of any other tuned model, and it should. The training
# is the same. What differs is where the model lives, who may see the data, and how it is paid.

# %% [markdown]
# ## 7. Take it away again
#
# Some things can only be taken away in the right order. Let us begin with the wrong one.

# %% tags=["nbval-ignore-output"] reason="the model's name is new each time"
try:
    client.models.delete(run.model)
except openai.APIStatusError as error:
    print(error.status_code, error.body["message"])

# %% [markdown]
# A model that is deployed cannot be deleted. First the deployment goes, and with it the meter
# stops. The model itself may stay: to keep it costs nothing, and it can be deployed again.

# %%
for name in (NAME, "untuned"):
    resource.delete(name)
print("deployed now:", [one.name for one in resource.deployments()])

# %% [markdown]
# Make the last line a habit: whenever you finish, list what is deployed. An empty list never costs
# anything. The two files are not needed any more either.

# %%
for file in (training, check):
    client.files.delete(file.id)
left = {file.id for file in client.files.list(purpose="fine-tune")}
print("files left:", sorted(left & {training.id, check.id}))

# %% [markdown]
# ## 8. What if we forget?
#
# Now the experiment that nobody should make with real money. Three people deploy the same tuned
# model on a Monday. *Ada* keeps it for two hours and deletes the deployment. *Ben* leaves his and
# goes home. *Cora* uses the **developer tier**: it has no hourly fee, and Azure removes such a
# deployment after 24 hours.
#
# Only our practice service has a clock that can be wound forward. It moves the meter of your
# deployments and nothing else. (With your own Azure resource nothing is deployed or wound here; the
# bill shows what you have deployed.)

# %% tags=["nbval-ignore-output"] reason="states pass too quickly to be the same each time"
monday = resource.bill().now
if resource.practice:
    resource.deploy("ada", run.model)
    resource.deploy("ben", run.model)
    resource.deploy("cora", run.model, tier="developer")
    resource.wind(hours=2)
    resource.delete("ada")

# %% tags=["nbval-ignore-output"] reason="the first moments are measured in real seconds"
if resource.practice:
    for day in range(1, 22):
        bill = resource.wind(days=1).since(monday)
        if day in (1, 2, 7, 14, 15, 21):
            names = ", ".join(one.name for one in resource.deployments())
            print(f"after {day:2} days: {bill.dollars:7.2f} $   still deployed: {names or '-'}")

# %% [markdown]
# Nobody sent Ben a letter. Nobody asked his model a single question. Day by day its hosting cost as
# much as on a day of hard work, until Azure's one safety net: a tuned model's deployment that was
# not asked for 15 days is removed.

# %% tags=["nbval-ignore-output"] reason="the first moments are measured in real seconds"
bill = resource.bill(since=monday)
bill

# %% tags=["nbval-ignore-output"] reason="the first moments are measured in real seconds"
bill.picture()

# %% [markdown]
# A flat line is a deployment that is gone, or one without a fee. Ben's rises for 15 days. If he
# had asked one question in each of these weeks, the safety net would never have caught him, and
# the line would have no end. And when Ben comes back in week three:

# %% tags=["nbval-ignore-output"] reason="the model's name is new each time"
try:
    client.chat.completions.create(model="ben", messages=question, max_tokens=8)
except openai.NotFoundError as error:
    print(error.body["message"])
print("\nIs the model still there?", run.model in [model.id for model in client.models.list()])

# %% [markdown]
# ## 9. When is the hourly price worth it?
#
# The fee is the same for one question a day and for a million. So the price of *one* answer
# depends on how many there are. We set the fee beside the price of the tokens, for the size of
# prompt and answer that we just measured. (At Azure OpenAI a tuned model's tokens cost what those
# of its base cost.)

# %% tags=["nbval-ignore-output"] reason="tokens of the answers differ a little between machines"
price = costs.price("gpt-4.1-mini")
hosting = costs.hosting()
tokens = price.of_request(after.prompt_tokens, after.completion_tokens)
print(f"tokens of one answer: {tokens:.6f} $   (prices of {price.name}, read {price.read})")
print(f"hosting for a day:    {24 * hosting.per_hour:.2f} $   (read {hosting.read})\n")
for daily in (10, 100, 1_000, 10_000, 100_000, 1_000_000):
    share = 24 * hosting.per_hour / daily
    print(f"{daily:9,} answers a day: {share + tokens:9.6f} $ each, {share / tokens:10,.1f} x"
          " as much for hosting as for tokens")

# %% [markdown]
# Read it from the bottom. The more questions, the less hosting counts. With a few a day it is
# nearly all that you pay, and a longer prompt to a model that is not tuned would be far cheaper.

# %% [markdown]
# ## 10. The tutorial's client
#
# The tutorial that our lesson follows was written before `/openai/v1` existed. There, every
# address carried a version, and the client was another one, `AzureOpenAI`. You will meet it in
# many programs. It reaches the same resource, and the same job.

# %% tags=["nbval-ignore-output"] reason="the port differs, and ids are new each time"
older = lessonlib.connect(PROVIDER, protocol="azure", api_version=DATA_API_VERSION)
print(type(older).__name__, older.base_url)
print(older.fine_tuning.jobs.retrieve(job.id) == client.fine_tuning.jobs.retrieve(job.id))

# %% [markdown]
# ## 11. What has changed since
#
# Azure OpenAI is now a part of **Microsoft Foundry**, and the portal is another one. The tutorial
# tuned `gpt-35-turbo` in its version 0613. You cannot follow it to the letter any more.

# %%
for notice in facts.closing("Azure OpenAI"):
    print(f"{notice.day}  {notice.text}\n            read {notice.read}: {notice.source}\n")

# %% [markdown]
# So a newcomer cannot do today at Azure what we did here, with these models. Some open models can
# be tuned there by the same requests. And the way of working stays: files, job, events,
# checkpoints, deployment, meter. Look at the dates before you plan; the list is in `data/facts`.

# %% [markdown]
# ## 12. Your turn
#
# ### Exercise 07-1
#
# On Friday at 17:00 somebody deploys a tuned model (standard tier), and leaves. On Monday at 9:00
# the deployment is deleted. How many dollars did the weekend cost? `hosting.per_hour` is the price.

# %% tags=["exercise"]
# BEGIN SOLUTION
weekend = (7 + 24 + 24 + 9) * hosting.per_hour
# END SOLUTION

# %%
exercises.check("07-1", weekend, hosting.per_hour)

# %% [markdown] tags=["hint"]
# Count the hours first: the rest of Friday, two whole days, and the morning of Monday.

# %% [markdown]
# ### Exercise 07-2
#
# Write a function that says what to write for `model=` when you want an answer of a certain
# *model*. `deployed` is a list like that of `resource.deployments()`: each entry has a `name`, a
# `model` and a `state`. Only one in the state `Succeeded` answers. If there is none, return `None`.

# %% tags=["exercise"]
def name_to_ask(model, deployed):
    # BEGIN SOLUTION
    for one in deployed:
        if one.model == model and one.state == "Succeeded":
            return one.name
    return None
    # END SOLUTION


# %%
exercises.check("07-2", name_to_ask)

# %% [markdown] tags=["hint"]
# Go through the list and compare `one.model` and `one.state`. What you return is `one.name`.

# %% [markdown]
# ### Exercise 07-3
#
# From how many answers a day on does hosting cost less than the tokens? Write a function for the
# smallest whole number, from the price of hosting for an hour and of the tokens of one answer.

# %% tags=["exercise"]
def enough_answers(per_hour, per_answer):
    # BEGIN SOLUTION
    return int(24 * per_hour // per_answer) + 1
    # END SOLUTION


# %%
exercises.check("07-3", enough_answers)

# %% [markdown] tags=["hint"]
# A day of hosting costs the same, however many there are. Divide it by the price of one answer. And
# if it comes out even, both cost the same, so one more is needed.

# %% [markdown]
# ## 13. A short quiz

# %%
exercises.quiz("07")

# %% [markdown]
# ## What to remember
#
# - At Azure you ask a *deployment*, by a name that you gave it. The model's own name is for
#   deploying, tuning further and deleting it, not for asking.
# - The key opens the data plane: files, jobs, answers. What costs money by the hour is made at the
#   control plane, with a token.
# - A deployed tuned model is paid by the hour, used or not. Delete it when you are done; its model
#   stays, and costs nothing.
# - 15 days without a question, or 24 hours in the developer tier, and a deployment is removed.
#   That is a safety net, not a plan.
# - The training is the same as at OpenAI, and so is the score. Choose the house by data, law and
#   bill.
#
# ## Next
#
# [08 · Tune a real open model, in plain code](08_tune_hugging_face.ipynb): the model's weights in
# our own hands, and nobody else's meter.
