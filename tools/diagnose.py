"""From an installer's pages of output to one line of cause and one line of cure."""

from __future__ import annotations

from pathlib import Path

from lessonlib.common.install_problems import activity, recognise
from tools.terminal import Stop

__all__ = ["InstallStop", "activity", "explain"]

#: The cure of each kind of trouble that lessonlib.common.install_problems knows.
CURES = {
    "disk": "free about 4 GB on the disk that holds this folder (and on the one for temporary"
            " files).",
    "certificate": "ask for the company's certificate file, set PIP_CERT and SSL_CERT_FILE to it,"
                   " start again.",
    "proxy": "set HTTPS_PROXY=http://user:password@host:port, then start again.",
    "network": "connect to the internet (first set-up needs it, later starts do not), then start"
               " again.",
    "ensurepip": "on Debian or Ubuntu: sudo apt install python3-venv, then start again.",
    "permission": "close JupyterLab and terminals that use the course; check who owns this folder;"
                  " try again.",
    "resolution": "use Python 3.11, 3.12 or 3.13 of python.org (64 bit), then start again.",
    "unknown": "read the end of the log; start again with --yes to try once more.",
}


class InstallStop(Stop):
    """A Stop that also says which kind of trouble it was."""

    kind = "unknown"


def explain(said: str, log: Path) -> InstallStop:
    """The cause in one line, from all that an installer said."""
    kind, cause = recognise(said)
    stop = InstallStop(cause, CURES[kind], log)
    stop.kind = kind
    return stop
