"""From a model's folder to the model in memory: which of the two ways suits it."""

from __future__ import annotations

import torch

from lessonlib.practice.answers import network
from lessonlib.practice.answers.any_model import TransformersModel
from lessonlib.practice.answers.folder import Model, bytes_needed, read_config
from lessonlib.practice.answers.model import LoadedModel
from lessonlib.practice.protocol.catalogue import ModelFolder

#: A model of more bytes in float32 is left to ``TransformersModel``: what makes ``LoadedModel``
#: fast, few operations, counts for little there, and its float32 and its copies cost much.
SMALL_BYTES = 4 * 50_000_000


def load(found: ModelFolder) -> Model:
    """The model, ready to answer.

    Raises:
        ApiError: it cannot be loaded: why, and what to do.
    """
    config = read_config(found)
    small = bytes_needed(found, config, torch.float32) <= SMALL_BYTES
    if small and network.can_run(config):
        return LoadedModel(found)
    return TransformersModel(found, config)
