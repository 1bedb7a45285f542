"""A real browser on a real JupyterLab, for tests that look at what a learner sees.

Needs Chromium, Chrome or Edge on this machine. The browser has a profile of its own, empty, and
JupyterLab the course's settings (``tools/own_environment.py``) and none of the user's.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tools.lab import choose_port
from tools.own_environment import PAGES

PROJECT = Path(__file__).resolve().parent.parent
PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "chrome", "msedge")
#: Where macOS and Windows keep theirs, which are not on the path.
PLACES = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
    *(os.path.join(os.environ.get(folder, ""), *name.split("/"))
      for folder in ("PROGRAMFILES", "PROGRAMFILES(X86)", "LOCALAPPDATA")
      for name in ("Google/Chrome/Application/chrome.exe",
                   "Microsoft/Edge/Application/msedge.exe")),
)
CURE = ("install Chromium, Chrome or Edge (Debian and Ubuntu: apt-get install chromium), then:"
        " python start.py test -m browser")
#: JupyterLab's first start on a busy machine takes its time.
PATIENCE = 120_000  # milliseconds


def program() -> str:
    """The browser's program, or '' where there is none."""
    on_path = (shutil.which(name) for name in PROGRAMS)
    return next((path for path in (*on_path, *PLACES) if path and os.path.isfile(path)), "")


@contextmanager
def jupyterlab(folder: Path, work: Path) -> Iterator[str]:
    """A JupyterLab that shows ``folder``, whose kernels write to ``work``. Gives its address."""
    port = choose_port(None)
    own = folder.parent / "jupyter"
    own.mkdir(exist_ok=True)
    for old in (own / "jupyter_runtime_dir").glob("jpserver-*.json"):
        old.unlink()  # of a server that was killed
    _write_json(own / "jupyter_config_dir" / "labconfig" / "page_config.json", PAGES)
    # All cells on the page at once, not only those in sight, so that a test can look at them.
    _write_json(own / "jupyterlab_settings_dir" / "@jupyterlab" / "notebook-extension"
                / "tracker.jupyterlab-settings", {"windowingMode": "none"})
    kinds = ("JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR", "JUPYTERLAB_SETTINGS_DIR",
             "JUPYTERLAB_WORKSPACES_DIR")
    env = os.environ | {kind: str(own / kind.lower()) for kind in kinds}
    env |= {"LESSON_WORK": str(work), "LESSON_PROGRESS": "1", "PYTHONPATH": str(PROJECT)}
    env.pop("MPLBACKEND", None)
    command = [
        sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root",
        f"--ServerApp.root_dir={folder}", f"--ServerApp.port={port}", "--IdentityProvider.token=",
        "--LabApp.expose_app_in_browser=True",
    ]
    with open(own / "lab.log", "w", encoding="utf-8") as log, subprocess.Popen(
        command, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
    ) as server:
        try:
            yield address_of(own / "jupyter_runtime_dir", server)
        finally:
            server.terminate()


def _write_json(path: Path, content: dict) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")


def address_of(records: Path, server: subprocess.Popen) -> str:
    """Where this server answers: by its own record, since it may have had to take another port."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + PATIENCE / 1000
    while server.poll() is None and time.monotonic() < deadline:
        for record in records.glob("jpserver-*.json"):
            try:
                port = json.loads(record.read_text(encoding="utf-8"))["port"]
                with direct.open(f"http://127.0.0.1:{port}/api", timeout=2):
                    return f"http://127.0.0.1:{port}"
            except (OSError, ValueError):  # not yet listening, or not yet written to its end
                continue
        time.sleep(0.2)
    raise RuntimeError("JupyterLab does not answer; see lab.log in its folder")


@contextmanager
def page_of(address: str, profile: Path, width: int = 1200, height: int = 1400
            ) -> Iterator[Page]:
    """A browser window (a playwright Page) at this address."""
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking",
                 "--proxy-bypass-list=127.0.0.1;localhost"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch_persistent_context(
            str(profile), executable_path=program(), headless=True, args=arguments,
            viewport={"width": width, "height": height},
        )
        try:
            page = browser.new_page()
            page.set_default_timeout(PATIENCE)
            page.goto(address)
            yield page
        finally:
            browser.close()


#: Is the open notebook's kernel waiting for work?
IDLE = ("window.jupyterapp.shell.currentWidget?.context?.sessionContext?.session"
        "?.kernel?.status === 'idle'")


def run_all_cells(page: Page, seconds: float = PATIENCE / 1000) -> None:
    """Wait until the open notebook has a kernel, then run all of it. Returns when it has run."""
    page.wait_for_function("window.jupyterapp && window.jupyterapp.restored")
    page.evaluate("window.jupyterapp.restored")
    page.wait_for_function(IDLE)
    # Not awaited: what a page is asked to evaluate has no time limit of its own.
    page.evaluate("window.hasRun = false; window.jupyterapp.commands.execute("
                  "'notebook:run-all-cells').finally(() => { window.hasRun = true }); null")
    page.wait_for_function("window.hasRun", timeout=seconds * 1000)
    page.wait_for_function(IDLE)
