"""Keep the libraries quiet while one of their longer calls runs."""

from __future__ import annotations

import contextlib
import sys
import warnings
from collections.abc import Iterator


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep the libraries' bars and remarks out of the notebook; errors still come through.

    Introduced in notebook 04.
    """
    from transformers.utils import logging

    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    datasets = sys.modules.get("datasets")  # who does not use it need not load it
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    if datasets:
        datasets.disable_progress_bars()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()
        if datasets:
            datasets.enable_progress_bars()
