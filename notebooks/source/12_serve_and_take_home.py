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
# # 12 · Serve it and take it home
#
# Tuning with LoRA leaves you with an **adapter**: a folder of a few megabytes that can do nothing on
# its own. This notebook starts there. You turn the adapter into a model that runs without the tuning
# tools, move it to another computer, and serve it to other programs. Then you work out what all of
# this takes when the model is a large one.
#
# **You will**
#
# - see what an adapter consists of, and why it fits one base model and no other,
# - merge it into its base, ask the merged model, and check that nothing was lost,
# - pack it up, unpack it elsewhere, and serve it, to one program and to many,
# - estimate how much memory it takes to tune a large model, and bring that down.
#
# **Before you start:** [08](08_tune_hugging_face.ipynb), where you tuned an adapter yourself.
#
# **Time:** 40 minutes, of which the computer works for about two.

# %%
import shutil
from dataclasses import replace
from pathlib import Path

# lessonlib comes first: it hides warnings of the other libraries that don't matter here.
from lessonlib import Method, exercises, lora
from lessonlib.common import paths
from lessonlib.lessons import nb12_hosting as hosting
from lessonlib.lessons import nb12_open_server as open_server
from lessonlib.lora import gpu_trial
from lessonlib.lora import memory as lora_memory
from lessonlib.lora import plan as lora_plan
from lessonlib.measure.local_model import evaluate_here
from lessonlib.models import catalogue
from lessonlib.models.quiet import quiet
from lessonlib.tasks import prompting, recipes, training_rows

from peft import PeftConfig, PeftModel
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

ADAPTER = ""  # the folder of a recipe adapter of your own; left empty, we tune one now
MODEL = "pantry"  # what we tune then: "pantry", or a model that notebook 08 has fetched
EXAMPLES = 200  # on so many recipes
QUESTIONS = 40  # how many test recipes we measure on

# %% [markdown]
# ## 1. What you hold
#
# If you have an adapter for the recipe task, put its folder into `ADAPTER` above. Otherwise the next
# cell tunes one. `merge=False` keeps it separate from its base, and `reuse=True` takes the one that
# is already there, as long as it was made from the same rows, settings and base.

# %% tags=["nbval-ignore-output"] reason="losses and seconds differ between runs"
if ADAPTER:
    adapter = Path(ADAPTER)
else:
    rows = training_rows.chat_rows(recipes.load("train")[:EXAMPLES])
    chosen = replace(lora_plan.make(MODEL).settings, epochs=4)
    made = lora.tune(rows, "take-home", base=MODEL, settings=chosen, merge=False, reuse=True)
    adapter = made.adapter_folder

# %% tags=["nbval-ignore-output"] reason="sizes differ a little between runs"
for file in sorted(adapter.glob("*.*")):
    print(f"{file.name:28}{file.stat().st_size:>11,} bytes")
config = PeftConfig.from_pretrained(adapter)
base = config.base_model_name_or_path
print(f"\nrank {config.r}, beside: {', '.join(sorted(config.target_modules))}")
print("tuned beside:", Path(base).name)

# %% [markdown]
# `adapter_model.safetensors` holds the two thin matrices A and B for each large matrix, and nothing
# of the base. `adapter_config.json` says how to read them: the rank, which matrices they belong to,
# and the base that they were trained with. (`tuning.json` is this course's own record of the
# training.)
#
# ### One base, and no other
#
# An adapter is a *difference*: add this to those weights. So it needs exactly the weights that it
# was trained with. We load them, and measure the base alone, then with the adapter.

# %% tags=["nbval-ignore-output"] reason="digits differ between processors"
test = recipes.load("test")[:QUESTIONS]
tokenizer = AutoTokenizer.from_pretrained(base, **catalogue.pinned(base))
with quiet():
    model = AutoModelForCausalLM.from_pretrained(base, **catalogue.pinned(base))
alone = evaluate_here(model, tokenizer, Method("base alone", "base", prompting.tuned), test)
with quiet():
    beside = PeftModel.from_pretrained(model, adapter)
tuned = evaluate_here(beside, tokenizer, Method("tuned", "take-home", prompting.tuned), test)
for result in (alone, tuned):
    print(f"{result.name:11} micro-F1 {result.metrics()['micro_f1']}")

# %% [markdown]
# Now for a mistake. We put another model of the same shape in place of the base. In real life that
# would be the base's next version, or its sibling that was tuned to chat. Ours has random weights,
# so the effect is as large as it can be.

# %% tags=["nbval-ignore-output"] reason="random weights"
with quiet():
    stranger = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(base))
    mistaken = PeftModel.from_pretrained(stranger, adapter)
wrong = evaluate_here(
    mistaken, tokenizer, Method("wrong base", "stranger", prompting.tuned), test[:4])
print("micro-F1", wrong.metrics()["micro_f1"])
print("It wrote:", ascii(wrong.rows[0].text[:60]))

# %% [markdown]
# No error, no warning: the shapes fit, and that is all that PEFT can see. (With another shape, it
# would have refused.) So write down which base an adapter belongs to, down to the *revision* if it
# comes from a hub, and measure again after every move.
#
# ## 2. Merge
#
# There are two ways to use an adapter. Keep it next to its base, which pays off when many adapters
# share one base. Or **merge** it: add it into the base's weights for good. `merge_and_unload` does
# that and removes PEFT; what remains is a plain transformers model. We save the tokenizer with it,
# chat template and all, because the model must be asked in the same form in which it was trained.

# %% tags=["nbval-ignore-output"] reason="sizes depend on the model's number format"
merged = paths.MODELS / "take-home-merged"
with quiet():
    whole = beside.merge_and_unload()
    whole.save_pretrained(merged)
tokenizer.save_pretrained(merged)
for file in sorted(merged.iterdir()):
    print(f"{file.name:28}{file.stat().st_size:>13,} bytes")

# %% [markdown]
# The sum is rounded to the number format of the base, so an answer may change here and there. Does
# the model still do its job? Don't hope, measure.

# %% tags=["nbval-ignore-output"] reason="digits differ between processors"
after = evaluate_here(whole, tokenizer, Method("merged", "merged", prompting.tuned), test)
same = sum(one.text == other.text for one, other in zip(tuned.rows, after.rows, strict=True))
print("beside its base: micro-F1", tuned.metrics()["micro_f1"])
print("merged:          micro-F1", after.metrics()["micro_f1"])
print(f"the same answer, letter for letter: {same} of {len(test)}")

# %% [markdown] tags=["what-we-saw"]
# The merged model does its job: 0.78 instead of 0.79, where the interval reaches from 0.73 to 0.84. But
# only 38 of the 40 answers are the same. The sum was rounded to 16 bits, and where two tokens had been
# almost equally likely, that can decide. On another processor, other answers may change. That matters
# to a program that compares answers letter by letter; it doesn't to the score.

# %% [markdown]
# ## 3. Ask it
#
# With the model in memory, you don't need a service. The chat template turns the prompt into tokens
# and opens an answer (`add_generation_prompt`). `generate` continues from there, token by token: at
# most `max_new_tokens`, and always the most likely one, because `do_sample` is off. It returns the
# prompt followed by the answer, so we cut off the prompt, and drop the end mark
# (`skip_special_tokens`).

# %% tags=["nbval-ignore-output"] reason="digits differ between processors"
example = test[10]
prompt = tokenizer.apply_chat_template(prompting.tuned(example), add_generation_prompt=True,
                                       return_tensors="pt", return_dict=True)
answer = whole.generate(**prompt, max_new_tokens=96, do_sample=False)
written = tokenizer.decode(answer[0, prompt["input_ids"].shape[1] :], skip_special_tokens=True)
print("Wanted: ", recipes.answer(example))
print("Written:", written)
print("Not house names:", set(recipes.parse(written).items) - set(example.ingredients) or "none")

# %% [markdown]
# The names in the last line are the model's mistakes: usually words copied from the recipe, because
# it hasn't learned our name for them. Merging and serving carry such mistakes along faithfully. More
# training rows, the glossary in the prompt, or a look-up in code can fix them.
#
# ## 4. Take it home
#
# What do you take with you from a rented machine, or from Colab, which forgets everything when the
# session ends? The adapter is small, but needs its base at the other end. The merged model is
# complete, and as large as the base.

# %% tags=["nbval-ignore-output"] reason="sizes depend on the model's number format"
for name, folder in (("adapter", adapter), ("merged model", merged)):
    size = sum(file.stat().st_size for file in folder.glob("*.safetensors"))
    print(f"{name:13} {lora_memory.gigabytes(size):>8}")

# %% [markdown]
# For `pantry` the two are nearly the same size: the model is small, its rank of 64 is high, and the
# adapter's numbers take four bytes each, the base's only two. For a model of seven billion
# parameters, an adapter of rank 16 is about a hundredth of the size.
#
# We pack the adapter, unpack it in another folder (pretend that it's another computer), load the
# base again, and measure once more.

# %% tags=["nbval-ignore-output"] reason="sizes and digits differ between runs"
parcel = Path(shutil.make_archive(str(paths.WORK / "take-home"), "zip", adapter))
print(f"{parcel.name}: {lora_memory.gigabytes(parcel.stat().st_size)}")
there = paths.WORK / "another-computer"
shutil.unpack_archive(parcel, there)
with quiet():
    fresh = AutoModelForCausalLM.from_pretrained(base, **catalogue.pinned(base))
    arrived = PeftModel.from_pretrained(fresh, there)
again = evaluate_here(arrived, tokenizer, Method("arrived", "take-home", prompting.tuned), test)
print("before:", tuned.metrics()["micro_f1"])
print("after: ", again.metrics()["micro_f1"])

# %% [markdown]
# A base from the hub is found by its hub name, wherever you are. A base from a folder is named by
# that folder, which another computer doesn't have: fetch the same base there and pass it in
# yourself, as the cell above does.
#
# From Colab, there are three ways to get the archive out:
#
# ```python
# from google.colab import files
# files.download(str(parcel))                        # to your own computer
#
# from google.colab import drive
# drive.mount("/content/drive")                      # to your Google Drive
# shutil.copy(parcel, "/content/drive/MyDrive")
#
# arrived.push_to_hub("your-name/recipes-adapter", private=True)   # to the Hugging Face hub
# ```
#
# The last one needs an account and a *token* with write access (`hf auth login` asks for it). Before
# you share a model, read the licence of its base: it also applies to what you made from it. And
# think of your rows: a tuned model may repeat what it has learned by heart.
#
# ## 5. Serve it
#
# Other programs ask a model through a service. The command `transformers serve` turns the folder of
# a merged model into one:
#
# ```bash
# transformers serve work/models/take-home-merged --port 8000
# ```
#
# Our next cell runs it on a free port, asks it with the same client as everywhere in this course,
# and stops it again.

# %% tags=["nbval-ignore-output"] reason="seconds differ, and digits between processors"
with open_server.serving(merged) as server:
    print(f"started in {server.seconds:.0f} s")
    reply = server.connect().chat.completions.create(
        model=server.model, messages=prompting.tuned(example), max_tokens=96, temperature=0)
    served = reply.choices[0].message.content
print("Served:", served)
print("The same as without a service:", served == written)
print("stopped:", server.process.poll() is not None)

# %% [markdown]
# It is meant for trying things out. It asks for no key, silently ignores some parameters of OpenAI's
# protocol (`response_format`, for example), and answers one request after the other unless told
# otherwise.
#
# ### Many users, many adapters
#
# For many users on a GPU, **vLLM** is the usual choice. It answers many requests together, and it
# serves adapters next to their base, without merging: each request names the adapter that it wants.
# Here is the command for an adapter that was tuned on Qwen3-0.6B. A request then asks for
# `model="recipes"`.

# %%
print(hosting.vllm_command("Qwen3-0.6B", {"recipes": "work/adapters/qwen-recipes"}))

# %% [markdown]
# `--revision` is the exact version of the base that the adapter belongs to. vLLM reserves memory for
# ranks up to `--max-lora-rank` and refuses adapters above it.

# %%
hosting.table()

# %% [markdown]
# llama.cpp reads models in a file format of its own, **GGUF**; its script `convert_hf_to_gguf.py`
# makes such a file from a merged model's folder.
#
# Many pages from 2023 and 2024 use *Text Generation Inference* (TGI). That project is archived; its
# own notice recommends vLLM, SGLang and llama.cpp instead.
#
# ## 6. A larger model: what fits where?
#
# Tuning a model on a given card takes a chain of choices: which number format, 4 bits or not, how
# many rows at a time. The course makes them for you. Each field of this table says how the numbers
# are kept (`bf16`, `fp16`, or 4 bits), then *rows at a time* x *batches in a step*, then our
# estimate of the memory. `twice` means that the layers' results aren't kept, but computed a second
# time on the way back. (The T4 is slow at `bf16`. Gemma gets it even there: its layers compute numbers
# that are too large for `fp16`.)

# %% tags=["nbval-ignore-output"] reason="this machine's free memory differs"
cards = [catalogue.card("T4"), catalogue.card("24 GB"), catalogue.this_card()]
lora_plan.overview(["pantry", *catalogue.names()], cards)

# %% [markdown]
# ### Where does the memory go?
#
# Take the largest model of the list, and 16 rows in a step. First come the base model's weights. Then
# everything about the trained weights: the adapter itself, its **gradients** (in which direction,
# and how strongly, each weight should change), and two running averages for each, kept by the
# **optimizer**, which makes the steps. Then the *activations*: what each layer computed for each
# token of each row, stored for the way back.

# %%
large = catalogue.find(catalogue.names()[-1])
print(large.name, "in 16 bits, 16 rows at a time:\n")
plain = lora.LoraSettings(rank=16, batch_size=16)
print(lora_memory.estimate(large, plain, "cuda-bf16"))

# %% [markdown]
# Training *all* weights would take 16 bytes for each of them: over 100 GB. LoRA avoids most of that.
# Two big items remain, weights and activations, and there is a remedy for each.
#
# **QLoRA** keeps the frozen weights in 4 bits. (Storing weights in fewer bits is called
# **quantization**.) They are only read, never changed, and each piece is unpacked just when it is
# needed. The adapter isn't compressed: its many tiny steps would be rounded
# away. **Gradient accumulation** takes a few rows at a time and adds up their gradients until the
# step is complete: the same step in less memory. And **recomputing** ("gradient checkpointing")
# throws the activations away and computes them again when they are needed, which takes about a third
# more time.

# %%
ways = {
    "16 bits, 16 rows": plain,
    "16 bits, 4 rows x 4": replace(plain, batch_size=4, accumulate=4),
    "4 bits, 16 rows": replace(plain, four_bit=True),
    "4 bits, 4 rows x 4": replace(plain, batch_size=4, accumulate=4, four_bit=True),
    "4 bits, 4 rows x 4, twice": replace(
        plain, batch_size=4, accumulate=4, four_bit=True, recompute=True),
}
for name, way in ways.items():
    total = lora_memory.estimate(large, way, "cuda-bf16").total
    print(f"{name:27}{lora_memory.gigabytes(total):>8}")

# %% [markdown]
# All five learn from the same 16 rows in each step. They differ in memory and time, and hardly in
# what is learned. (The tables above and below combine these differently, so the memory for the same
# model differs, too.)
#
# Colab's free card, the T4, dates from 2018. It has 16 GB and no units for bfloat16. The plan for it
# gives its reasons. (`sdpa` is PyTorch's own way of computing the attention; FlashAttention is faster,
# for newer cards.)

# %%
print(lora_plan.make(large.name, catalogue.card("T4")))

# %% [markdown]
# Is the estimate right? On a GPU, the next cell runs a few steps and prints the measured peak next to
# it. (It downloads `SmolLM2-135M` for that, 270 MB.) We did that once on an H200: for a model of the
# shape of CodeLlama-7b with QLoRA, 36.2 GB were reserved, against an estimate of 36.5 GB
# (`benchmarks/GPU.md`).

# %% tags=["nbval-ignore-output"] reason="a GPU prints speed and memory"
trial = gpu_trial.run("SmolLM2-135M", training_rows.chat_rows(recipes.load("train")[:64]))
if trial:
    print(trial)

# %% [markdown]
# Another way to save time on a GPU is **Unsloth**: the same LoRA, with hand-written GPU code. It needs
# an environment of its own, because it brings its own versions of these libraries. The steps of
# notebook 08 stay the same; only loading is different:
# `FastLanguageModel.from_pretrained(...)`, then `FastLanguageModel.get_peft_model(...)`.

# %% tags=["nbval-ignore-output"] reason="depends on what is installed"
print(hosting.unsloth_here())

# %% [markdown]
# ## 7. More than one process
#
# Is one GPU too slow? Several can share the work. Each process takes its part of the batch, and they
# add up their gradients before each step. The tool is `accelerate launch`; the training script
# hardly changes, it only divides the batch. You can try it on this machine, with two processes on
# the processor:
#
# ```bash
# python -m lessonlib.lora.script rows.jsonl --out work/adapters/mine
# accelerate launch --config_file data/accelerate/two_processes.yaml \
#     -m lessonlib.lora.script rows.jsonl --out work/adapters/mine
# ```
#
# (Write `rows.jsonl` first: `chat_files.write(rows, "rows.jsonl")`, as in notebook 05.) The result
# must not depend on how many processes take part: as long as the rows of a step are the same, so is
# the loss. A test of this course runs both and compares them.

# %% [markdown]
# A model that is too large for one GPU is itself divided. With **FSDP** (fully sharded data parallel),
# each process holds a piece of every layer and gathers the rest when that layer computes. The script
# stays as it is; only the configuration file changes:

# %%
print((paths.DATA / "accelerate" / "fsdp.yaml").read_text(encoding="utf-8"))

# %% [markdown]
# ## 8. Your turn
#
# ### Exercise 12-1
#
# A step should learn from `step` rows. Each GPU has room for `fits` rows at a time, and there are
# `gpus` of them. How many batches must each GPU add up before the step is taken? Write a function
# that returns this number. It is at least 1; if the division leaves a remainder, round up.

# %% tags=["exercise"]
def batches_to_add_up(step, fits, gpus):
    # BEGIN SOLUTION
    at_once = fits * gpus
    return max(1, -(-step // at_once))
    # END SOLUTION


# %%
exercises.check("12-1", batches_to_add_up)

# %% [markdown] tags=["hint"]
# All GPUs together take `fits * gpus` rows at once. `math.ceil(a / b)` rounds up.

# %% [markdown]
# ### Exercise 12-2
#
# Which cards can hold the model? Write a function that returns the names of the cards whose memory is
# enough for the weights alone, in the order given. `parameters` is the number of weights, `bits` how
# many bits each one takes, and `cards` a dictionary from a card's name to its memory in bytes.

# %% tags=["exercise"]
def cards_that_hold(parameters, bits, cards):
    # BEGIN SOLUTION
    size = parameters * bits / 8
    return [name for name, memory in cards.items() if memory >= size]
    # END SOLUTION


# %%
exercises.check("12-2", cards_that_hold)

# %% [markdown] tags=["hint"]
# Eight bits are one byte.

# %% [markdown]
# ### Exercise 12-3
#
# You have a card with 8 GB and want to tune `large` on it. Find settings that take at most 7.5 GB by
# the estimate, so that something is left for the screen. Keep what decides *what* is learned: rank
# 16, and 16 rows in a step. Take as many rows at a time as the card allows: fewer leave it idle.

# %% tags=["exercise"]
# BEGIN SOLUTION
small_card = lora.LoraSettings(
    rank=16, batch_size=8, accumulate=2, four_bit=True, recompute=True)
# END SOLUTION
# Try: print(lora_memory.estimate(large, small_card, "cuda-bf16"))

# %%
exercises.check("12-3", small_card, large)

# %% [markdown] tags=["hint"]
# Start with the last of the five ways above and print its estimate. `batch_size` times `accumulate`
# must stay 16.

# %% [markdown]
# ## 9. A short quiz

# %%
exercises.quiz("12")

# %% [markdown]
# ## What to remember
#
# - An adapter is a difference. It belongs to one base, down to the revision, and only a measurement
#   tells you that the base is wrong.
# - Merge for one plain model; keep adapters separate if many of them share a base.
# - Tokenizer and chat template travel with the model.
# - Moving, merging and serving make nothing better. Measure again after each of them.
# - Memory decides what you can train. With 4 bits for the frozen weights, fewer rows at a time and
#   recomputing, seven billion parameters fit on a modest card.
#
# ## Next
#
# [13 · A second task: text-to-SQL](13_text_to_sql.ipynb): another adapter for the same base, and a
# score that runs what the model has written.
