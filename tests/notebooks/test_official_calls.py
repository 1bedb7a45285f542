"""What a lesson is about stands in its cells; our helper comes the second time.

Once the notebooks called our own words 591 times, and those of the libraries that the course is
about 70 times: `client.files.create` and `client.fine_tuning.jobs.create` stood in no code cell.
"""

from __future__ import annotations

import jupytext
import pytest

#: Notebook, the library's call, and our helper for the same, which may stand only behind it.
CALLS = [
    ("04", "top_logprobs=5", "next_tokens.first_word("),
    ("04", "LoraConfig(", "lora.tune("),
    ("04", "get_peft_model(", "lora.tune("),
    ("04", "cross_entropy(", "lora.tune("),
    ("04", "loss.backward()", "lora.tune("),
    ("04", "optimizer.step()", "lora.tune("),
    ("01", '{"role": "assistant"', "prompting.few_shot("),
    ("01", '"response_format": recipes.SCHEMA', "response_format=recipes.SCHEMA"),
    ("02", "bm25s.BM25(", "Bm25Glossary("),
    ("02", "house.get(name, name)", "recipes.rename("),
    ("05", "tokenizer.apply_chat_template(", "lora.tune("),
    ("06", "client.files.create(", "jobs.follow("),
    ("06", "client.fine_tuning.jobs.create(", "jobs.follow("),
    ("06", "client.fine_tuning.jobs.retrieve(", "jobs.follow("),
    ("06", "client.fine_tuning.jobs.list_events(", "jobs.follow("),
    ("06", "client.fine_tuning.jobs.checkpoints.list(", None),
    ("06", "client.files.content(", None),
    ("06", "b64decode(", None),
    ("07", "client.fine_tuning.jobs.create(", "jobs.follow("),
    ("07", "requests.put(", "deployments.request_body("),
    ("08", "AutoModelForCausalLM.from_pretrained(", "lora.tune("),
    ("08", "apply_chat_template(", "lora.tune("),
    ("08", "BitsAndBytesConfig(", None),
    ("08", "LoraConfig(", "lora.tune("),
    ("08", "SFTConfig(", "lora.tune("),
    ("08", "SFTTrainer(", "lora.tune("),
    ("08", ".generate(", "lora.tune("),
    ("08", "PeftModel.from_pretrained(", None),
    ("08", ".merge_and_unload()", None),
    ("11", "client.fine_tuning.jobs.create(", None),
    ("11", "lora.tune(", None),
    ("12", "PeftModel.from_pretrained(", None),
    ("12", ".merge_and_unload()", "open_server.serving("),
    ("12", ".generate(", "open_server.serving("),
    ("13", ".load_adapter(", None),
    ("13", ".set_adapter(", None),
]


@pytest.fixture(scope="module")
def code(project):
    """Number of a notebook -> all its code, without the cell that imports."""
    found = {}
    for path in sorted((project / "notebooks" / "source").glob("*.py")):
        cells = [cell.source for cell in jupytext.read(path, fmt="py:percent").cells
                 if cell.cell_type == "code"]  # fmt: skip
        found[path.name[:2]] = "\n".join(cells[1:])
    return found


@pytest.mark.parametrize(("notebook", "call", "helper"), CALLS)
def test_the_call_stands_in_a_cell_before_its_helper(code, notebook, call, helper):
    assert call in code[notebook]
    if helper:
        assert helper in code[notebook], "strike it from the list"
        assert code[notebook].index(call) < code[notebook].index(helper)
