"""Tuning without code: AutoTrain and TRL, by YAML file, command line and web page.

Read it with notebook 09, if you want to know what the tool does with your file: ``ways.py`` first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lessonlib.common.faces import face

if TYPE_CHECKING:
    from lessonlib.autotrain.job import Job, write_data
    from lessonlib.autotrain.watch import Training, difference, serve
    from lessonlib.autotrain.ways import by_command, by_yaml, get_ready, show_command
    from lessonlib.autotrain.yaml_check import check

__all__ = [
    "Job", "Training", "by_command", "by_yaml", "check", "difference", "get_ready", "serve",
    "show_command", "write_data",
]

__getattr__, __dir__ = face(__name__, {
    "Job": "job",
    "Training": "watch",
    "by_command": "ways",
    "by_yaml": "ways",
    "check": "yaml_check",
    "difference": "watch",
    "get_ready": "ways",
    "serve": "watch",
    "show_command": "ways",
    "write_data": "job",
})
