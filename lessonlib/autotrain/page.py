"""AutoTrain's web page: started, filled in, followed and ended from a notebook.

    from lessonlib.autotrain.page import open_page
    page = open_page()
    training = page.train(job)        # fills in the form, as one would with a mouse
    page.close()

The page belongs to Hugging Face's AutoTrain and is made for people with an account there: it wants
a token. By default a stand-in on this machine plays the hub's part; with ``hub="huggingface"``
the real hub is asked, with your token.
"""

from __future__ import annotations

import atexit
import json
import os
import re
import socket
import time
from pathlib import Path

import requests

from lessonlib.autotrain import job as autotrain_job
from lessonlib.autotrain import watch, ways
from lessonlib.autotrain.hub_stand_in import TOKEN, HubStandIn
from lessonlib.autotrain.job import Job
from lessonlib.autotrain.watch import Training
from lessonlib.common import child_process
from lessonlib.common.errors import LessonError
from lessonlib.common.i18n import _

HUBS = ("practice", "huggingface")
START_SECONDS = 240.0
#: How often we look whether the page answers, or the training is over.
LOOK_SECONDS = 1.0


def open_page(hub: str = "practice", wait: bool = True, show: bool = True) -> Page:
    """Start AutoTrain's web page, and say where it is. One that was open before is ended.

    Args:
        hub: who knows the user: ``practice``, the stand-in on this machine, or ``huggingface``,
            the real one. That needs a token with write access: HF_TOKEN, or ``hf auth login``.
        wait: wait until it answers; else it starts in the background, until
            ``page.wait_until_ready()``.

    Raises:
        LessonError: no environment, no token for the real hub, or the page does not start.

    Introduced in notebook 09.
    """
    if hub not in HUBS:
        raise LessonError(_("There is no hub {hub!r}.").format(hub=hub),
                          _("Choose one of: {names}.").format(names=", ".join(HUBS)))
    end_left_over()
    page = Page(hub)
    if wait:
        page.wait_until_ready(show)
    elif show:
        print(_("AutoTrain's page is starting."))
    return page


class Page:
    """A running page. ``url``: where a browser finds it. ``user``: who the hub says we are."""

    def __init__(self, hub: str):
        self.stand_in = HubStandIn() if hub == "practice" else None
        self.token = TOKEN if self.stand_in else _token()
        self.folder = autotrain_job.folder()
        self.folder.mkdir(parents=True, exist_ok=True)
        self.log = self.folder / "autotrain.log"  # written by AutoTrain, shown on its page
        self.log.unlink(missing_ok=True)
        # The list of jobs that an earlier page had running means nothing to a new one.
        (self.folder / "autotrain.db").unlink(missing_ok=True)
        self.user = ""
        self._own: dict[int, float] = {}
        self.session = requests.Session()
        self.session.trust_env = False  # the page is on this machine: no proxy
        self._start()
        atexit.register(self.close)  # a closed or restarted notebook leaves no server behind

    def _start(self) -> None:
        port = _free_port()
        self.url = f"http://127.0.0.1:{port}/ui/"
        command = [str(ways.environment().programs / "autotrain"), "app", "--port", str(port)]
        self._output = open(self.folder / "page.log", "wb")
        self.process = child_process.start(command, self.folder, self._variables(), self._output)
        self._note()

    def _variables(self) -> dict[str, str]:
        """With HF_HUB_OFFLINE the page would not even start; so it is told where a hub is."""
        env = ways.environment().variables(self.folder / "home")
        env |= {"HF_TOKEN": self.token, "AUTOTRAIN_CUSTOM_MODELS": autotrain_job.BASE}
        env.pop("HF_HUB_OFFLINE", None)
        if self.stand_in:
            env |= {"HF_API": self.stand_in.url, "HF_ENDPOINT": self.stand_in.url}
        return env

    def wait_until_ready(self, show: bool = True) -> None:
        """Wait until the page answers, and say where it is.

        Raises:
            LessonError: it does not start, or the hub does not take the token. It is ended then.
        """
        try:
            self._wait_for_answer()
        except BaseException:
            self.close()
            raise
        if show:
            print(_("AutoTrain's page is open for {user}: {url}").format(
                user=self.user, url=self.url))

    def _wait_for_answer(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                answer = self.session.get(self.url, timeout=60)
                break
            except requests.ConnectionError:
                if self.process.poll() is None and time.monotonic() < deadline:
                    time.sleep(LOOK_SECONDS)
                    continue
            except requests.Timeout:
                pass
            raise LessonError(
                _("AutoTrain's page does not start. The end of its log:") + "\n" + "\n".join(
                    "    " + watch.plain(text)
                    for text in child_process.last_lines(self.folder / "page.log", 5)),
                _("Run this cell again; the whole log is work/autotrain/page.log."),
            )
        self._note()
        if answer.status_code != 200:
            raise LessonError(
                _("AutoTrain's page refuses the request: HTTP {status}. The hub did not take the"
                  " token.").format(status=answer.status_code),
                _("Make a token with write access on huggingface.co/settings/tokens, set"
                  " HF_TOKEN to it; or use the stand-in: open_page()."))
        self.user = self._user(answer.text)

    def _user(self, html: str) -> str:
        """The user's name as the page offers it in its first list."""
        part = html.partition('id="autotrain_user"')[2]
        found = re.search(r'<option value="([^"]+)"', part)
        return found[1] if found else "practice"

    def fields(self) -> dict[str, object]:
        """The parameters on the page's form, with the values that stand there at first."""
        answer = self.session.get(f"{self.url}params/llm:sft/full", timeout=60)
        answer.raise_for_status()
        return {name: about["default"] for name, about in answer.json().items()}

    def train(self, job: Job, again: bool = False, show: bool = True) -> Training:
        """Fill in the form, send it, and follow the training to its end.

        Raises:
            LessonError: the page refuses the form, or there is no adapter afterwards.
        """
        output, log = self.folder / job.project, self.folder / f"{job.project}.log"
        form = job.form(self.user)
        key = ways.key_of(["page", json.dumps(form, sort_keys=True)], job.base, job.data)
        return watch.once(output, log, key, lambda: self._train(job, form, output, log, show),
                            again, show)

    def _train(self, job: Job, form: dict[str, str], output: Path, log: Path, show: bool
               ) -> Training:
        watch.clear(output)
        began, watcher = time.monotonic(), watch.Watcher(show)
        start = self.log.stat().st_size if self.log.is_file() else 0
        self._send(form, self.folder / job.data / "train.jsonl")
        try:
            self._follow(watcher, start)
        except BaseException:
            self.session.get(f"{self.url}stop_training", timeout=60)
            raise
        finally:
            watcher.close()
            _forget_token(output)
            # The page notes each question of ours as well; they would hide what matters.
            said = self._said(start).splitlines(keepends=True)
            log.write_bytes(b"".join(line for line in said if b"/ui/" not in line))
        if not (output / watch.ADAPTER).is_file():
            raise watch.failed(job.project, log, None)
        return Training(output, time.monotonic() - began, 0, watcher.losses, watcher.steps, log)

    def _send(self, form: dict[str, str], data: Path) -> None:
        with open(data, "rb") as file:
            answer = self.session.post(
                f"{self.url}create_project", data=form, timeout=120,
                files={"data_files_training": (data.name, file, "application/json")})
        if answer.status_code != 200:
            try:
                reason = answer.json()["detail"]
            except (ValueError, KeyError):
                reason = f"HTTP {answer.status_code}"
            raise LessonError(
                _("AutoTrain's page refuses the form: {reason}").format(reason=reason),
                _("Close the page and open it again: page.close(); page = open_page()"))

    def _follow(self, watcher: watch.Watcher, start: int) -> None:
        """Show the log's lines as they come, until the page says that nothing is training."""
        seen = 0
        while True:
            running = self.session.get(f"{self.url}is_model_training", timeout=60).json()
            self._note()
            said = self._said(start).replace(b"\r", b"\n")
            *whole, _rest = said[seen:].split(b"\n")
            for line in whole:
                watcher(line.decode("utf-8", "replace"))
            seen += sum(len(line) + 1 for line in whole)
            if not running["model_training"]:
                return
            time.sleep(LOOK_SECONDS)

    def _said(self, start: int) -> bytes:
        if not self.log.is_file():
            return b""
        with open(self.log, "rb") as file:
            file.seek(start)
            return file.read()

    def _note(self) -> None:
        """Write down who belongs to the page now: its server outlives its parent."""
        for one in child_process.family(self.process.pid):
            self._own[one.pid] = one.create_time()
        _record().write_text(json.dumps(self._own), encoding="utf-8")

    def close(self) -> None:
        """End the page, its server and whatever it is training. May be called twice."""
        atexit.unregister(self.close)
        child_process.end_known(self._own)
        child_process.end(self.process)
        self._output.close()
        if self.stand_in:
            self.stand_in.close()
            self.stand_in = None

    def __enter__(self) -> Page:
        return self

    def __exit__(self, *error) -> None:
        self.close()


def _token() -> str:
    """The learner's own token for the hub. Never printed, and not left on the disk."""
    import huggingface_hub

    token = os.environ.get("HF_TOKEN", "").strip() or huggingface_hub.get_token()
    if not token:
        raise LessonError(
            _("The real hub wants a token, and there is none."),
            _("Set the environment variable HF_TOKEN, or use the stand-in: open_page()."))
    return token


def _forget_token(output: Path) -> None:
    """Take the hub's token out of the settings that AutoTrain has saved beside the adapter."""
    file = output / "training_params.json"
    if file.is_file():
        values = json.loads(file.read_text(encoding="utf-8"))
        if values.pop("token", None):
            file.write_text(json.dumps(values, indent=4), encoding="utf-8")


def _free_port() -> int:
    with socket.socket() as place:
        place.bind(("127.0.0.1", 0))
        return place.getsockname()[1]


def _record() -> Path:
    return autotrain_job.folder() / "page-processes.json"


def end_left_over() -> None:
    """End the page that was opened before, here or by a notebook that died: there is one."""
    try:
        known = json.loads(_record().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return
    child_process.end_known({int(pid): began for pid, began in known.items()})
    _record().unlink(missing_ok=True)
