"""Check the body of a request for a fine-tuning job, and refuse what is wrong in OpenAI's words."""

from __future__ import annotations

import hashlib
import json
import secrets
import time
from types import ModuleType
from typing import Any

from lessonlib.practice.protocol import hyperparameters, openai_view, rehearse
from lessonlib.practice.protocol.catalogue import Catalogue
from lessonlib.practice.protocol.errors import ApiError
from lessonlib.practice.protocol.fields import Fields, invalid_type, unknown, unsupported
from lessonlib.practice.store.file_store import Files, StoredFile
from lessonlib.practice.store.job_store import Job

LARGEST_SEED = 2**31 - 1
MOST_PAIRS, LONGEST_KEY, LONGEST_VALUE = 16, 64, 512


def parse(
    body: Any,
    organisation: str,
    catalogue: Catalogue,
    files: Files,
    view: ModuleType = openai_view,
) -> Job:
    """A new job, not stored yet. What is in its files is checked later, by the trainer.

    Args:
        view: the protocol that the request came through.

    Raises:
        ApiError: 400 (or 403, on request), with the parameter and what is wrong with it.
    """
    if not isinstance(body, dict):
        raise invalid_type("body", "an object", body)
    fields = Fields(body)
    model = fields.required_string("model")
    entry = catalogue.find(organisation, model, view.NAME)
    if entry is None or (entry.tuned and entry.tuned.is_shut_down):
        raise _not_available(model, catalogue, organisation, view)
    training = fields.required_string("training_file")
    validation = fields.string("validation_file")
    _see_file(files.find(organisation, training, view.NAME), training, "training_file")
    if validation is not None:
        found = files.find(organisation, validation, view.NAME)
        _see_file(found, validation, "validation_file")
    suffix, metadata = _suffix(fields, view), read_metadata(fields.take("metadata"))
    extra = view.take_extra(fields)
    asked = _method(fields)
    seed = fields.integer("seed", None, low=0, high=LARGEST_SEED)
    if fields.take("integrations"):
        raise unsupported("integrations")
    for name in fields.left:
        raise unknown(name)
    word = rehearse.job_word(metadata)
    if word == "training_not_available":
        raise rehearse.training_not_available()
    return Job(
        id=view.new_job_id(),
        organisation=organisation,
        view=view.NAME,
        model=model,
        training_file=training,
        validation_file=validation,
        suffix=suffix,
        seed=secrets.randbelow(LARGEST_SEED + 1) if seed is None else seed,
        asked=asked,
        metadata=metadata,
        extra=extra,
        rehearse=word,
        tuned_model=view.tuned_name(model, organisation, suffix),
        created_at=int(time.time()),
        fingerprint=hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest(),
    )


def _not_available(
    model: str, catalogue: Catalogue, organisation: str, view: ModuleType
) -> ApiError:
    names = ", ".join(entry.model.name for entry in catalogue.all(organisation, view.NAME))
    return ApiError(
        f"Model {model} is not available for fine-tuning or does not exist. "
        + (catalogue.unusable(organisation, model, view.NAME)
           or f"This practice service has: {names}."),
        param="model",
        code="model_not_available",
    )


def _see_file(found: StoredFile | None, id: str, name: str) -> None:
    """See that a named file can be trained on, as far as that is known now."""
    if found is None:
        raise ApiError(f"invalid {name}: {id}", param=name, code="file_not_found")
    if found.purpose != "fine-tune":
        raise ApiError(
            f"File '{id}' has the purpose '{found.purpose}'; a {name} needs 'fine-tune'.",
            param=name,
            code="invalid_file_purpose",
        )


def _suffix(fields: Fields, view: ModuleType) -> str | None:
    suffix, longest = fields.string("suffix"), view.LONGEST_SUFFIX
    if suffix is not None and not 1 <= len(suffix) <= longest:
        side = "short" if not suffix else "long"
        raise ApiError(
            f"Invalid 'suffix': string too {side}. Expected a string with 1 to {longest} "
            f"characters, but got a string with length {len(suffix)} instead.",
            param="suffix",
            code=f"string_{'below_min' if not suffix else 'above_max'}_length",
        )
    return suffix


def read_metadata(value: Any) -> dict[str, str] | None:
    """At most 16 pairs of texts.

    Raises:
        ApiError: 400, with the pair that is wrong.
    """
    if value is None:
        return None
    if not isinstance(value, dict):
        raise invalid_type("metadata", "an object", value)
    if len(value) > MOST_PAIRS:
        raise ApiError(
            f"Invalid 'metadata': too many properties. Expected at most {MOST_PAIRS}, "
            f"but got {len(value)} instead.",
            param="metadata",
            code="object_above_max_properties",
        )
    for key, text in value.items():
        if not isinstance(text, str):
            raise invalid_type(f"metadata.{key}", "a string", text)
        if len(key) > LONGEST_KEY or len(text) > LONGEST_VALUE:
            raise ApiError(
                f"Invalid 'metadata.{key[:LONGEST_KEY]}': keys have at most {LONGEST_KEY} "
                f"characters, values at most {LONGEST_VALUE}.",
                param="metadata",
                code="string_above_max_length",
            )
    return value


def _method(fields: Fields) -> dict[str, Any]:
    """The hyperparameters, from ``method`` or from their former place."""
    method, former = fields.take("method"), fields.take("hyperparameters")
    if method is None:
        return hyperparameters.read(former, "hyperparameters")
    if not isinstance(method, dict):
        raise invalid_type("method", "an object", method)
    inner = Fields({f"method.{name}": value for name, value in method.items()})
    kind = inner.required_string("method.type")
    if kind in ("dpo", "reinforcement"):
        raise ApiError(
            f"Unsupported value: 'method.type' does not support '{kind}' on this practice "
            "service. It trains by 'supervised' alone.",
            param="method.type",
            code="unsupported_value",
        )
    if kind != "supervised":
        raise ApiError(
            f"Invalid value: '{kind}'. Supported values are: 'supervised', 'dpo', and "
            "'reinforcement'.",
            param="method.type",
            code="invalid_value",
        )
    if former is not None:
        raise ApiError(
            "Setting 'method' and the deprecated 'hyperparameters' at the same time is not "
            "supported.",
            param="hyperparameters",
            code="invalid_parameter_combination",
        )
    supervised = inner.take("method.supervised")
    for name in inner.left:
        raise unknown(name)
    if supervised is None:
        supervised = {}
    if not isinstance(supervised, dict):
        raise invalid_type("method.supervised", "an object", supervised)
    for name in supervised.keys() - {"hyperparameters"}:
        raise unknown(f"method.supervised.{name}")
    where = "method.supervised.hyperparameters"
    return hyperparameters.read(supervised.get("hyperparameters"), where)
