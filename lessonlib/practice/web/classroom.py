"""One practice service for a whole room: a key for each learner, and limits that keep it fair.

    python -m lessonlib.practice classroom --learners 30 --open

Each key stands for an organisation of its own: files, jobs and models of one learner are not
visible to another. The keys are kept in work/practice/service.db, so that they stay the same
when the service is started again; learners may be added later.
"""

from __future__ import annotations

import hashlib
import secrets
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from lessonlib.common.files import write_whole
from lessonlib.common.i18n import _
from lessonlib.practice.store.store import DEFAULT, Organisation, Store

#: Limits of each learner: enough for every notebook, too little to bring the room to a halt.
UPLOAD_BYTES = 20 * 2**20
PENDING_JOBS = 3
REQUESTS_PER_MINUTE = 1200
#: A port that stays the same, so that the learners' lines stay right after a restart.
PORT = 8300
#: A classroom's service does not stop in the lunch break.
IDLE_MINUTES = 12 * 60.0
STATUS_PATH = "/practice/status"


@dataclass(frozen=True)
class Learner:
    """A learner's organisation and key."""

    organisation: str
    key: str


def learners(store: Store, count: int) -> list[Learner]:
    """The first ``count`` learners; those that are missing are made."""
    for number in range(1, count + 1):
        id = f"{DEFAULT}-{number:02d}"
        if store.organisation(id) is None:
            new = Organisation(
                id, f"learner {number}", UPLOAD_BYTES, PENDING_JOBS, REQUESTS_PER_MINUTE
            )
            store.add_organisation(new, f"practice-{secrets.token_hex(16)}")
    known = [(one.id, key) for one, key in store.organisations() if key]
    return [Learner(id, key) for id, key in sorted(known)][:count]


def lines_to_paste(url: str, learner: Learner) -> str:
    """The three lines that a learner pastes into the first cell of a notebook."""
    return (
        "import os\n"
        f'os.environ["LESSON_PROVIDER"] = "{url}"\n'
        f'os.environ["LESSON_API_KEY"] = "{learner.key}"'
    )


def write_handout(path: Path, url: str, room: Iterable[Learner]) -> None:
    """A text file with each learner's lines, to cut up or to send; readable by this user only."""
    parts = [f"# {one.organisation}\n{lines_to_paste(url, one)}\n" for one in room]
    write_whole(path, "\n".join(parts), private=True)


def announcement(url: str, room: list[Learner], handout: Path, status_url: str) -> list[str]:
    """What the instructor reads in the terminal."""
    lines = [_("Classroom: {count} learners, each with a key of their own:").format(
        count=len(room))]
    lines += [f"  {one.organisation}  {one.key}" for one in room]
    lines += ["", _("Each learner pastes three lines into the first cell, such as these:"), ""]
    lines += ["  " + line for line in lines_to_paste(url, room[0]).splitlines()]
    lines += [
        "",
        _("All of them stand in {path}.").format(path=handout),
        _("Queue, jobs and errors (for you alone): {url}").format(url=status_url),
    ]
    return lines


def status_key(api_key: str) -> str:
    """The key in the address of the status page. It opens that page and nothing else."""
    return hashlib.sha256(f"status page {api_key}".encode()).hexdigest()[:24]


def own_address() -> str:
    """This machine's address in its network; 127.0.0.1 where it has none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # no packet is sent; only the way is looked up
            return probe.getsockname()[0]
        except OSError:
            return "127.0.0.1"
