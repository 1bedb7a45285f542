"""From an installer's pages of output to one line of cause and one line of cure."""

from __future__ import annotations

import re
from pathlib import Path

from tools.terminal import Stop

#: (kind, what pip, uv or venv print, cause, cure): the first that fits is taken.
_KNOWN = [
    ("disk", r"No space left on device|Errno 28|WinError 112|os error 28",
     "The disk is full.",
     "free about 4 GB on the disk that holds this folder (and on the one for temporary files)."),
    ("certificate", r"CERTIFICATE_VERIFY_FAILED|certificate verify failed|invalid peer certificate",
     "The network's certificate is not known to Python (a company proxy, as a rule).",
     "ask for the company's certificate file, set PIP_CERT and SSL_CERT_FILE to it, start again."),
    ("proxy", r"ProxyError|407 Proxy Authentication|proxy authentication required",
     "The network's proxy refuses the connection.",
     "set HTTPS_PROXY=http://user:password@host:port, then start again."),
    ("network", r"Temporary failure in name resolution|Name or service not known"
                r"|nodename nor servname|getaddrinfo failed|NameResolutionError"
                r"|NewConnectionError|ConnectTimeoutError|ReadTimeoutError|ConnectionResetError"
                r"|Connection refused|Network is unreachable|No route to host"
                r"|dns error|error sending request|Failed to fetch|Connection broken"
                r"|IncompleteRead|RemoteDisconnected",
     "No network: the Python package index cannot be reached.",
     "connect to the internet (first set-up needs it, later starts do not), then start again."),
    ("ensurepip", r"ensurepip is not\s+available|No module named '?(ensurepip|venv)",
     "This Python cannot make environments: its venv part is not installed.",
     "on Debian or Ubuntu: sudo apt install python3-venv, then start again."),
    ("permission", r"Permission denied|Access is denied|WinError (5|32)\b|Errno 13",
     "A file in .venv is in use, or may not be written.",
     "close JupyterLab and terminals that use the course; check who owns this folder; try again."),
    ("resolution", r"No matching distribution found|ResolutionImpossible|No solution found"
                   r"|no version of .* satisfies|Could not find a version",
     "The packages do not fit this Python or this machine.",
     "use Python 3.11, 3.12 or 3.13 of python.org (64 bit), then start again."),
]


class InstallStop(Stop):
    """A Stop that also says which kind of trouble it was."""

    kind = "unknown"


def explain(said: str, log: Path) -> InstallStop:
    """The cause in one line, from all that an installer said."""
    for kind, pattern, cause, cure in _KNOWN:
        if re.search(pattern, said, re.IGNORECASE):
            stop = InstallStop(cause, cure, log)
            stop.kind = kind
            return stop
    lines = said.strip().splitlines() or ["no message"]
    errors = [text.strip() for text in lines if re.search(r"\berror\b", text, re.IGNORECASE)]
    last = (errors or lines)[-1]
    return InstallStop(f"The installation failed: {last[:200]}",
                       "read the end of the log; start again with --yes to try once more.", log)


def activity(text: str) -> str:
    """pip's or uv's line as a short note; '' where it tells nothing of what is going on."""
    if text.startswith("Installing collected packages:"):
        return f"installing {text.count(',') + 1} packages"
    found = re.match(r"\s*(Collecting|Downloading|Preparing|Prepared)\s+([^\s<>=!~;]+)", text)
    return f"{found[1].lower()} {found[2].rsplit('/', 1)[-1]}" if found else ""
