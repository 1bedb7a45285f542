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
# The same models, the same client, the same examples: Microsoft offers OpenAI's models in its own
# data centres, as **Azure OpenAI**. Most of a tuning job is the same there. Two things are not, and
# both take people by surprise. A tuned model cannot be asked until it is *deployed*, under a name
# of its own. And a deployed model costs money by the hour, whether anybody asks it or not. In this
# notebook we go all the way once, on a practice copy of Azure on this computer, and then we let
# the meter run.
#
# **You will**
#
# - upload two small files in the form that Azure asks for, and follow a job to its end,
# - deploy the tuned model with a plain web request, ask it by the name of its deployment, and read
#   the error that you get when you use the wrong name,
# - predict what forgotten deployments cost, wind time forward, and read the meter,
# - take everything away again, in the right order.
#
# **Before you start:** [00 · Start here](00_start_here.ipynb) explains the task and the scores,
# [06 · Tune at OpenAI](06_tune_openai.ipynb) files, jobs, events and checkpoints.
#
# **Time:** 44 minutes, of which the computer works for about one.

# %%
import json
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
MODEL = "pantry"  # the model that we start from; at Azure "<name>-<version>", such as gpt-...-<day>
PRICED = "gpt-4.1-mini"  # the hosted model whose prices we show
EXAMPLES = 120  # how many examples we tune on; few, so that it goes fast
QUESTIONS = 100  # how many test recipes we measure on

# %% [markdown]
# ## 1. One resource, two planes
#
# What you own at Azure is called a **resource**: a place with a name, in a region, with a bill.
# There are two ways to reach it. The **data plane** does the work: it keeps files, trains, and
# answers questions. The resource's *key* opens it. `client` is our way in.

# %% tags=["nbval-ignore-output"] reason="the port differs, and whether the service was running"
client = lessonlib.connect(PROVIDER, protocol="azure")
print(client.base_url)

# %% [markdown]
# The address ends in `/openai/v1/`, and the client is the plain one that we know: Azure speaks
# OpenAI's protocol there. `127.0.0.1` is this computer: the practice service, which shows its
# Azure side here. Nothing leaves the machine and nothing is charged.
#
# The second way, the **control plane**, creates and deletes things that cost money. The key does
# not open it. It wants a *token* that says which person is asking. (This token is a kind of pass,
# not a piece of text.) `resource` is our way in.

# %% tags=["nbval-ignore-output"] reason="the port differs"
resource = deployments.resource(PROVIDER)
resource

# %% [markdown]
# With a resource of your own you would put `PROVIDER = "azure"` into the first cell, and say in the
# environment where it is and who you are:
#
# | variable | what it holds |
# |---|---|
# | `AZURE_OPENAI_ENDPOINT` | the resource's address, `https://<your resource>.openai.azure.com` |
# | `AZURE_OPENAI_API_KEY` | its key, from the portal; for the data plane |
# | `AZURE_SUBSCRIPTION_ID`, `AZURE_RESOURCE_GROUP` | who pays, and the folder the resource is in |
# | `AZURE_OPENAI_RESOURCE` | the resource's name |
# | `AZURE_MANAGEMENT_TOKEN` | the token for the control plane; if it is not set, we ask the command `az account get-access-token`, which works after `az login` |
#
# To deploy, your account needs a role that may write deployments, such as *Cognitive Services
# Contributor*. Everything that costs money is estimated first, and waits for your yes.

# %% [markdown]
# ## 2. Two small files
#
# A training file, and a validation file that the service looks at while it trains. Azure's guide
# asks for a detail that OpenAI does not want: the file should begin with a **byte order mark**,
# three bytes that say "this is UTF-8". No editor shows them. We write both files with it.

# %%
train, validation = recipes.load("train")[:EXAMPLES], recipes.load("validation")[:30]
folder = paths.WORK / "azure"
training_path = chat_files.write(
    training_rows.chat_rows(train), folder / "training.jsonl", bom=True)
validation_path = chat_files.write(
    training_rows.chat_rows(validation), folder / "validation.jsonl", bom=True)
print(training_path.read_bytes()[:24])

# %% [markdown]
# Check before you upload, and say for which service: what Azure asks for is an error at OpenAI.

# %%
for service in ("openai", "azure"):
    report = chat_files.check(training_path, service=service)
    print(f"for {service}: {report.headline()}")

# %% [markdown]
# What will training cost? Azure bills tokens times epochs, as OpenAI does. Its price depends on the
# region and the training type, and we have not read it; here is the sum at OpenAI's price, to give
# you an idea.

# %%
chat_files.estimate(report.tokens, model=PRICED, n_epochs=3)

# %% [markdown]
# Now we send the files, as in notebook 06. Azure reads a file before it can be used. OpenAI's client
# can wait for that: `wait_for_processing` asks every `poll_interval` seconds until the status is
# `processed`, or `error`. We need the **ids** later: the job finds the files by them.

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
# The call is the one from notebook 06. New is the **training type**, which says where the job may
# run: `Standard` stays in your region, `GlobalStandard` may run anywhere and is cheaper,
# `developerTier` is cheaper still and waits for machines that are free. (Here it changes nothing.)
# Only Azure has it, so OpenAI's client has no argument for it: `extra_body` adds it to the request.

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
# Some words differ. The first state is called `pending`. We left the batch size to the service, and
# what is not known yet is written as `-1`.

# %% tags=["nbval-ignore-output"] reason="ids, losses and seconds differ between runs"
run = jobs.follow(client, job)
run

# %% [markdown]
# The messages are the job's events; you can read them tomorrow, from another notebook. And this is
# the result file. At Azure it is plain CSV, and has columns for the loss on all validation rows.

# %% tags=["nbval-ignore-output"] reason="losses differ between machines"
jobs.results(client, job).picture()

# %% [markdown]
# The checkpoints of the last three epochs stay. Each is a model with a name, and can be deployed like
# the finished one. That helps when the last epoch was one too many.

# %% tags=["nbval-ignore-output"] reason="names and losses differ between runs"
kept = client.fine_tuning.jobs.checkpoints.list(job.id).data
for one in kept:
    loss = one.metrics.full_valid_loss
    print(f"step {one.step_number:3}, loss {loss:.3f}: {one.fine_tuned_model_checkpoint}")

# %% [markdown] tags=["what-we-saw"]
# From epoch to epoch the loss on all validation rows fell, from 0.75 to 0.56 and 0.50, and the mean
# training loss from 1.22 to 0.59 and 0.36. The last epoch still helped, so the last checkpoint is
# the one to deploy. Had the validation loss turned, we would deploy the one before.

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
# computer has been told to load it. (The sentence in brackets is our practice service's help; at
# Azure you only get the first part.)

# %% [markdown]
# ## 5. Deploy
#
# A **deployment** is a computer that keeps the model ready, and a name that you choose. One request
# to the control plane creates it. OpenAI's client does not know that plane, so here is the request
# in full: a method, an address, two headers, a body. The method is `PUT`, which means: put this at
# that address.
#
# The address begins with the control plane; at Azure this is `https://management.azure.com`. Then
# it goes down level by level: the subscription, which pays; the resource group, a folder; the
# account, which is our resource; the deployment. Every request names the `api-version`, the day
# whose rules it follows. One header holds the token, the other says that the body is JSON. The body
# says what is to be deployed: in which tier and how much (`sku`; `capacity` counts thousands of
# tokens a minute), and which model. A tuned model has the version "1".

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
body = {
    "sku": {"name": "standard", "capacity": 1},
    "properties": {"model": {"format": "OpenAI", "name": run.model, "version": "1"}},
}
print(f"PUT {address}\nAuthorization: Bearer <the token, which is not for showing>")
print(f"Content-Type: {headers['Content-Type']}\n\n{json.dumps(body, indent=2)}")

# %% [markdown]
# `requests.put` sends it.

# %% tags=["nbval-ignore-output"] reason="the model's name is new each time"
if resource.practice:  # at Azure this line would start the meter; there, we ask first (below)
    made = requests.put(address, headers=headers, json=body, proxies=direct, timeout=60)
    made.raise_for_status()
    print(made.status_code, made.json()["properties"]["provisioningState"])

# %% [markdown]
# The number is the status of the answer. 201 means *created*: the deployment is new. (200 would mean
# that it was there and has been changed.) Look at the two names. The one in the address is the
# deployment's, the one in the body is the model's; to ask, you use the first.
#
# *Created* does not mean *ready*. So we `GET` the same address until the state is a final one:
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
# `resource.deploy` does nothing else. It makes this body (`deployments.request_body`), prints what
# the deployment will cost, waits at Azure for your "yes", sends the request and follows it. Sent a
# second time for the same model, it changes nothing. (With your own Azure resource, the two cells
# above have sent nothing; this one asks, and deploys. Its estimate takes 30 days; notebooks 03 and
# 10 count 730 hours, a twelfth of a year, and so come to a little more.)

# %% tags=["nbval-ignore-output"] reason="the model's name is new each time"
print("the same body:", deployments.request_body(run.model, "standard") == body)
resource.deploy(NAME, run.model)

# %% tags=["nbval-ignore-output"] reason="digits differ between processors"
answer = client.chat.completions.create(model=NAME, messages=question, max_tokens=96)
print(answer.choices[0].message.content)
print("answered by:", answer.model)

# %% [markdown] tags=["what-we-saw"]
# It answers, and not everything is right: `cheddar` stands in the list twice, the second time in
# the place of the rockmelon, and `curd cheese` and `pepitas` are not the house's names. One answer
# shows that the deployment works, no more. How good the model is, the next section measures.

# %% [markdown]
# We asked for `recipes`, and the answer says which model stands behind it. This is useful: next
# month you can deploy a better model under the same name, and no program that asks has to change.

# %% [markdown]
# ## 6. Did tuning help?
#
# At Azure you ask every model through a deployment, the untuned one as well. So we deploy that, too.
# A base model costs nothing while nobody asks it: you pay for its tokens only.

# %% tags=["nbval-ignore-output"] reason="states pass too quickly to be the same each time"
resource.deploy("untuned", MODEL)

# %% tags=["nbval-ignore-output"] reason="digits differ between processors"
test = recipes.load("test")[:QUESTIONS]
before = evaluate(client, Method("bare prompt at Azure", "untuned", prompting.bare), test)
after = evaluate(client, Method("Azure OpenAI job", NAME, prompting.tuned), test)
board = Scoreboard()
board.add(before, split="test")
board.add(after, split="test", training_seconds=run.seconds)
board.table("test")

# %% tags=["nbval-ignore-output"] reason="digits differ between processors"
print("tuned against the bare prompt, micro-F1:", compare(after, before))

# %% [markdown] tags=["what-we-saw"]
# 0.76 against 0.02: better. Do not be too pleased: the bare prompt does not say in which form to
# answer, so it is the weakest rival there is. Notebook 06 has the fairer one, full instructions.
# 120 examples were enough for this; with more, the score goes on rising (notebook 05).

# %% [markdown]
# A row of this job looks like that of any other tuned model: here the same program trains for both
# providers. What differs is where the model lives, who may see the data, and how you pay.

# %% [markdown]
# ## 7. Take it away again
#
# Some things can only be taken away in the right order. Let's begin with the wrong one.

# %% tags=["nbval-ignore-output"] reason="the model's name is new each time"
try:
    client.models.delete(run.model)
except openai.APIStatusError as error:
    print(error.status_code, error.body["message"])

# %% [markdown]
# A model that is deployed cannot be deleted. The deployment has to go first, and that stops the
# meter. The model itself may stay: keeping it costs nothing, and you can deploy it again.

# %%
for name in (NAME, "untuned"):
    resource.delete(name)
print("deployed now:", [one.name for one in resource.deployments()])

# %% [markdown]
# Make the last line a habit: whenever you finish, list what is deployed. An empty list costs
# nothing. The two files are not needed any more either.

# %%
for file in (training, check):
    client.files.delete(file.id)
left = {file.id for file in client.files.list(purpose="fine-tune")}
print("files left:", sorted(left & {training.id, check.id}))

# %% [markdown]
# ## 8. What if we forget?
#
# Now the experiment that nobody should make with real money. On a Monday, three people each deploy
# a model: the job's last checkpoint and the two before it. *Ada* keeps hers for two hours and
# deletes the deployment. *Ben* leaves his and goes home. *Cora* uses the **developer tier**: it has
# no hourly fee, and Azure removes such a deployment after 24 hours.
#
# (Why three models? Microsoft's pages disagree. Several say that a tuned model may have only one
# deployment at a time; the newest ones on Azure OpenAI that we have read do not repeat it. We could
# not try it. The practice service allows several.)
#
# ### Exercise 07-1
#
# Predict the bill before you run on. What will each of the three have cost after 21 days, if nobody
# asks any of the models? `hosting.per_hour` is the fee; when a deployment ends by itself is in the
# lines that `resource.deploy` printed above.

# %%
hosting = costs.hosting()
print(f"${hosting.per_hour:.2f} an hour (read {hosting.read})")

# %% tags=["exercise"]
# BEGIN SOLUTION
predicted = {"ada": 2 * hosting.per_hour, "ben": 15 * 24 * hosting.per_hour, "cora": 0.0}
# END SOLUTION

# %%
exercises.check("07-1", predicted, hosting.per_hour)

# %% [markdown] tags=["hint"]
# `predicted = {"ada": ..., "ben": ..., "cora": ...}`, in dollars. Ada's meter runs for two hours. How
# many days does Azure wait before it removes what nobody asks?

# %% [markdown]
# Only our practice service has a clock that can be wound forward. It moves the meter of your
# deployments and nothing else. (With your own Azure resource nothing is deployed or wound here.)

# %% tags=["nbval-ignore-output"] reason="states pass too quickly to be the same each time"
monday = resource.bill().now
if resource.practice:
    resource.deploy("ada", kept[0].fine_tuned_model_checkpoint)
    resource.deploy("ben", kept[1].fine_tuned_model_checkpoint)
    resource.deploy("cora", kept[2].fine_tuned_model_checkpoint, tier="developer")
    resource.wind(hours=2)
    resource.delete("ada")

# %% tags=["nbval-ignore-output"] reason="the first moments are measured in real seconds"
if resource.practice:
    for day in range(1, 22):
        bill = resource.wind(hours=24 if day > 1 else 22).since(monday)  # two hours are gone
        if day in (1, 2, 7, 14, 15, 21):
            names = ", ".join(one.name for one in resource.deployments())
            print(f"day {day:2}: {f'${bill.dollars:.2f}':>8}   still deployed: {names or 'nothing'}")

# %% tags=["nbval-ignore-output"] reason="the first moments are measured in real seconds"
bill = resource.bill(since=monday)
bill

# %% tags=["nbval-ignore-output"] reason="the first moments are measured in real seconds"
bill.picture()

# %% [markdown] tags=["what-we-saw"]
# It adds up. Day 1 is Ada's two hours, $3.40, and Ben's 24 hours, $40.80: together $44.20. Then
# $40.80 are added each day, until Ben's deployment is removed on day 15. Of the $615.40, $612.00
# are Ben's. Cora paid nothing for hosting, but her deployment was gone after a day. In the picture
# both of theirs lie at the very bottom, which is the point. If anybody had asked Ben's model once
# in those 15 days, his line would go on.
# <!-- derived: 44.20 = 3.40 + 40.80 -->

# %% [markdown]
# Nobody sent Ben a letter, and nobody asked his model a single question. Hosting was charged every
# hour all the same, until Azure's one safety net: a tuned model's deployment that nobody has asked
# for 15 days is removed. One question in each of these weeks, and it would never have caught him.
# And when Ben comes back in week three:

# %% tags=["nbval-ignore-output"] reason="the model's name is new each time"
try:
    client.chat.completions.create(model="ben", messages=question, max_tokens=8)
except openai.NotFoundError as error:
    print(error.body["message"])
models = [model.id for model in client.models.list()]
print("\nIs the model still there?", kept[1].fine_tuned_model_checkpoint in models)

# %% [markdown]
# ## 9. When is the hourly price worth it?
#
# The fee is the same for one question a day and for a million. So what *one* answer costs depends
# on how many there are. We put the fee beside the price of the tokens, for a prompt and an answer
# as long as those we just measured. (At Azure OpenAI a tuned model's tokens cost what those of its
# base cost. For the base we use OpenAI's list.)

# %% tags=["nbval-ignore-output"] reason="tokens of the answers differ a little between machines"
price = costs.price(PRICED)
tokens = 1000 * price.of_request(after.prompt_tokens, after.completion_tokens)
print(f"prices of {price.name}, read {price.read}; for 1,000 answers:")
for daily in (10, 100, 1_000, 10_000, 100_000, 1_000_000):
    fee = 1000 * 24 * hosting.per_hour / daily
    print(f"{daily:9,} answers a day: hosting {f'${fee:,.2f}':>9} + tokens ${tokens:.2f}")

# %% [markdown] tags=["what-we-saw"]
# Tokens cost $0.08 for 1,000 answers, whatever happens. With 10 answers a day, hosting adds
# $4,080.00 to that; with a million a day, $0.04. They are equal at about 510,000 answers a day.
# With a few answers a day, hosting is practically the whole bill, and a longer prompt to an untuned
# model would be far cheaper. At a service that charges tuned models by the token (notebook 03)
# there is no hourly fee to earn back.
# <!-- derived: 510000 = 40.80 / 0.08 * 1000 -->

# %% [markdown]
# ## 10. The tutorial's client
#
# The original lesson's tutorial was written before `/openai/v1` existed. There, every address carried
# a version, and the client was another one, `AzureOpenAI`. You will meet it in many programs. It
# reaches the same resource and the same job.

# %% tags=["nbval-ignore-output"] reason="the port differs, and ids are new each time"
older = lessonlib.connect(PROVIDER, protocol="azure", api_version=DATA_API_VERSION)
print(type(older).__name__, older.base_url)
print(older.fine_tuning.jobs.retrieve(job.id) == client.fine_tuning.jobs.retrieve(job.id))

# %% [markdown]
# ## 11. What has changed since
#
# Azure OpenAI is now part of **Microsoft Foundry**, with a new portal. The tutorial tuned
# `gpt-35-turbo`, version 0613. You can no longer follow it to the letter.

# %%
for notice in facts.closing("Azure OpenAI"):
    print(f"{notice.day}  {notice.text}\n            read {notice.read}: {notice.source}\n")

# %% [markdown]
# So what we did here has an end in sight with these models. Some open models can be tuned at Azure by
# the same requests, and what you have learned stays useful: files, job, events, checkpoints,
# deployment, meter. Check the dates before you plan; they are kept in `data/facts`.

# %% [markdown]
# ## 12. Your turn
#
# ### Exercise 07-2
#
# Write a function that finds what to put into `model=` when you want an answer from a certain *model*.
# `deployed` is a list like that of `resource.deployments()`: each entry has a `name`, a `model` and a
# `state`. Only those in the state `Succeeded` answer. If there is none, return `None`.

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
# Deploy one yourself. Write the body of a request that deploys the job's *first* checkpoint,
# `kept[-1]`, in the developer tier. At Azure this tier is called `developertier`, and its usual
# capacity is 50.

# %% tags=["exercise"]
# BEGIN SOLUTION
order = {
    "sku": {"name": "developertier", "capacity": 50},
    "properties": {"model": {"format": "OpenAI", "name": kept[-1].fine_tuned_model_checkpoint,
                             "version": "1"}},
}
# END SOLUTION

# %%
exercises.check("07-3", order, kept[-1].fine_tuned_model_checkpoint)

# %% [markdown] tags=["hint"]
# It is the body of section 5 with other values: the name and the capacity of the `sku`, and the
# model's name, which is `kept[-1].fine_tuned_model_checkpoint`.

# %% [markdown]
# This cell sends your request to the practice service, asks the model, and takes the deployment
# away again.

# %% tags=["nbval-ignore-output"] reason="it depends on your answer"
if resource.practice and isinstance(order, dict):
    address = f"{account}/deployments/mine?api-version={API_VERSION}"
    sent = requests.put(address, headers=headers, json=order, proxies=direct, timeout=60)
    if sent.ok:
        print(resource.wait("mine"))
        answer = client.chat.completions.create(model="mine", messages=question, max_tokens=96)
        print(answer.choices[0].message.content)
        resource.delete("mine")
    else:
        print(sent.status_code, sent.text)

# %% [markdown]
# ## 13. A short quiz

# %%
exercises.quiz("07")

# %% [markdown]
# ## What to remember
#
# - At Azure you ask a *deployment*, by the name you gave it. The model's own name is for deploying it,
#   tuning it further and deleting it, not for asking.
# - The key opens the data plane: files, jobs, answers. What costs money by the hour is created at the
#   control plane, with a token.
# - A deployed tuned model costs money by the hour, used or not. Delete the deployment when you are
#   done; the model stays, and costs nothing.
# - After 15 days without a question, or 24 hours in the developer tier, a deployment is removed.
#   That is a safety net, not a plan.
# - A job is ordered and followed as at OpenAI. Choose the provider by where your data may go, by
#   contract and law, and by the bill.
#
# ## Next
#
# [08 · Tune a real open model, in plain code](08_tune_hugging_face.ipynb): the model's weights in our
# own hands, and nobody else's meter.
