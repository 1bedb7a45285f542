"""From an installer's pages of output to what went wrong. Standard library only: ``start.py`` uses
it before anything is installed.
"""

from __future__ import annotations

import re

#: (kind, what pip, uv or venv print, the cause in words): the first that fits is taken.
KNOWN = [
    ("disk", r"No space left on device|Errno 28|WinError 112|os error 28",
     "The disk is full."),
    ("certificate", r"CERTIFICATE_VERIFY_FAILED|certificate verify failed|invalid peer certificate",
     "The network's certificate is not known to Python (a company proxy, as a rule)."),
    ("proxy", r"ProxyError|407 Proxy Authentication|proxy authentication required",
     "The network's proxy refuses the connection."),
    ("network", r"Temporary failure in name resolution|Name or service not known"
                r"|nodename nor servname|getaddrinfo failed|NameResolutionError"
                r"|NewConnectionError|ConnectTimeoutError|ReadTimeoutError|ConnectionResetError"
                r"|Connection refused|Network is unreachable|No route to host"
                r"|dns error|error sending request|Failed to fetch|Connection broken"
                r"|IncompleteRead|RemoteDisconnected",
     "No network: the Python package index cannot be reached."),
    ("ensurepip", r"ensurepip is not\s+available|No module named '?(ensurepip|venv)",
     "This Python cannot make environments: its venv part is not installed."),
    ("permission", r"Permission denied|Access is denied|WinError (5|32)\b|Errno 13",
     "A file of the environment is in use, or may not be written."),
    ("resolution", r"No matching distribution found|ResolutionImpossible|No solution found"
                   r"|no version of .* satisfies|Could not find a version",
     "The packages do not fit this Python or this machine."),
]


def recognise(said: str) -> tuple[str, str]:
    """(kind, cause) of a failed installation; the kind is 'unknown' where we do not know it."""
    for kind, pattern, cause in KNOWN:
        if re.search(pattern, said, re.IGNORECASE):
            return kind, cause
    lines = said.strip().splitlines() or ["no message"]
    errors = [text.strip() for text in lines if re.search(r"\berror\b", text, re.IGNORECASE)]
    return "unknown", f"The installation failed: {(errors or lines)[-1][:200]}"


def activity(text: str) -> str:
    """pip's or uv's line as a short note; '' where it tells nothing of what is going on."""
    if text.startswith("Installing collected packages:"):
        return f"installing {text.count(',') + 1} packages"
    found = re.match(r"\s*(Collecting|Downloading|Preparing|Prepared)\s+([^\s<>=!~;]+)", text)
    return f"{found[1].lower()} {found[2].rsplit('/', 1)[-1]}" if found else ""
