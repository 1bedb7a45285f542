"""What LoRA's knobs amount to: sizes counted and proved, strength turned, the picture's words."""

from __future__ import annotations

import pytest

from lessonlib import lora
from lessonlib.common import paths
from lessonlib.lessons import nb04_strength
from lessonlib.lessons.nb04_lora_picture import lora_picture
from lessonlib.models import sizes
from lessonlib.tasks import recipes
from lessonlib.tasks.training_rows import chat_rows, text_rows


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    folder = tmp_path_factory.mktemp("work")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paths, "MODELS", folder / "models")
        patch.setattr(paths, "ADAPTERS", folder / "adapters")
        yield folder


def tune(name, rows, **settings):
    settings = lora.LoraSettings(**{"epochs": 2, "batch_size": 4, "learning_rate": 4e-3}
                                 | settings)
    checks = chat_rows(recipes.load("validation")[:6])
    return lora.tune(rows, name, settings=settings, validation=checks, show=False)


@pytest.fixture(scope="module")
def tuned(work):
    return tune("knobs", chat_rows(recipes.load("train")[:12]), rank=4)


@pytest.mark.parametrize(
    "targets", ["all-linear", ("q_proj", "v_proj"), ("q_proj", "embed_tokens")]
)
def test_the_count_is_what_the_adapters_file_holds(work, tuned, targets):
    if targets != "all-linear":
        tuned = tune("few", chat_rows(recipes.load("train")[:2]), epochs=1, rank=4, targets=targets)
    size = sizes.adapter_size(4, targets)
    assert size.weights == sizes.weights_in(tuned.adapter_folder) > 0
    assert 0 < size.share < 1 and size.training_megabytes < size.full_megabytes


def test_an_adapter_beside_the_embeddings_is_merged_into_what_is_read_alone(work):
    """Merged into the one matrix that the base reads and writes with, it changed both."""
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    rows = chat_rows(recipes.load("train")[:8])
    tuned = tune("reads", rows, targets=("q_proj", "embed_tokens"), rank=8, learning_rate=2e-2)
    base = AutoModelForCausalLM.from_pretrained(paths.BUILT_IN, dtype=torch.float32)
    tokens = torch.arange(200, 260)[None]
    with torch.no_grad():
        alone = base(tokens).logits
        beside = PeftModel.from_pretrained(base, tuned.adapter_folder)(tokens).logits
        merged = AutoModelForCausalLM.from_pretrained(tuned.folder, dtype=torch.float32)
        same = merged(tokens).logits
    assert not merged.config.tie_word_embeddings
    learned, rounded = (beside - alone).norm(), (same - beside).norm()
    assert rounded < 0.05 * learned, f"{rounded:.2f} of {learned:.2f}"


def test_weights_grow_with_the_rank():
    one, eight = sizes.adapter_size(1), sizes.adapter_size(8)
    assert eight.weights == 8 * one.weights and eight.base_weights == one.base_weights


def test_every_weight_of_the_base_model_is_counted():
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(paths.BUILT_IN)
    assert sizes.adapter_size(1).base_weights == model.num_parameters()
    assert sizes.vocabulary_size() == model.get_input_embeddings().weight.shape[0]
    shapes = sizes.matrices()
    assert all(model.get_submodule(name).weight.shape == shape for name, shape in shapes.items())
    assert "lm_head" not in shapes


def test_strength_zero_is_the_base_model_and_one_the_tuned(tuned):
    checks = chat_rows(recipes.load("validation")[:6])
    none, half, full = nb04_strength.losses(tuned, checks, (0, 0.5, 1))
    assert none == pytest.approx(tuned.history[0].validation_loss, abs=0.03)
    assert full == pytest.approx(tuned.history[-1].validation_loss, abs=0.03)
    assert none != half != full


def test_losses_by_epoch_are_the_mean_within_each_and_the_check_at_its_end(tuned):
    """Twelve rows, four a step: three steps in each of two epochs."""
    epochs, means, checks = tuned.losses_by_epoch()
    steps = [point.train_loss for point in tuned.history if point.train_loss is not None]
    assert epochs == [1, 2] and len(steps) == 6
    assert means == pytest.approx([sum(steps[:3]) / 3, sum(steps[3:]) / 3])
    assert checks == [point.validation_loss for point in tuned.epochs]


def test_training_on_raw_text_learns_the_text(work):
    """Without labels the model learns to predict recipes; the row's text is all that it sees."""
    from lessonlib.lora.forgetting import general_loss

    rows = text_rows(recipes.load("train")[:24])
    raw = tune("raw", rows, epochs=3)
    texts = [row["text"] for row in text_rows(recipes.load("validation")[:10])]
    assert general_loss(raw.folder, texts) < general_loss(paths.BUILT_IN, texts) - 0.1
    assert len(raw.epochs) == 3 and raw.epochs[-1].validation_loss is not None


@pytest.mark.parametrize(("rows", "columns"), [(192, 192), (512, 192), (192, 512), (4096, 4096)])
def test_the_picture_gives_the_sizes_in_words(rows, columns):
    alt = lora_picture(rows, columns, rank=8, name="up_proj").alt
    assert f"W, {rows} by {columns}, is frozen" in alt
    assert f"{8 * (rows + columns):,} weights" in alt
