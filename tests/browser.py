"""A real browser on a real JupyterLab, for tests that look at what a learner sees.

Needs Chromium or Chrome on this machine (Debian: apt-get install -y chromium) and the Python
package playwright. It has a profile of its own, empty, and its JupyterLab settings of its own.
"""

from __future__ import annotations

import importlib
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tools.lab import choose_port

PROJECT = Path(__file__).resolve().parent.parent
PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "chrome")
#: JupyterLab's first start on a busy machine takes its time.
PATIENCE = 120_000  # milliseconds


def program() -> str:
    """The browser's program. Raises RuntimeError with the cure where there is none."""
    found = next((path for name in PROGRAMS if (path := shutil.which(name))), None)
    if not found:
        raise RuntimeError(f"This test needs a browser; there is none of: {', '.join(PROGRAMS)}."
                           " Cure: apt-get install -y chromium")
    return found


@contextmanager
def jupyterlab(folder: Path, work: Path) -> Iterator[str]:
    """A JupyterLab that shows ``folder``, whose kernels write to ``work``. Gives its address."""
    port = choose_port(None)
    own = folder.parent / "jupyter"
    own.mkdir(exist_ok=True)
    # Without this, a question about news covers a corner of the page.
    quiet = own / "jupyterlab_settings_dir" / "@jupyterlab" / "apputils-extension"
    quiet.mkdir(parents=True, exist_ok=True)
    (quiet / "notification.jupyterlab-settings").write_text(
        '{"fetchNews": "false"}', encoding="utf-8")
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
            _wait_until_it_answers(f"http://127.0.0.1:{port}/api", server)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()


def _wait_until_it_answers(address: str, server: subprocess.Popen) -> None:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + PATIENCE / 1000
    while server.poll() is None and time.monotonic() < deadline:
        try:
            with direct.open(address, timeout=2):
                return
        except OSError:
            time.sleep(0.2)
    raise RuntimeError("JupyterLab does not answer; see lab.log in its folder")


@contextmanager
def page_of(address: str, profile: Path, width: int = 1200, height: int = 1400) -> Iterator:
    """A browser window (a playwright Page) at this address."""
    try:  # not among the course's requirements: no learner needs it
        sync_playwright = importlib.import_module("playwright.sync_api").sync_playwright
    except ImportError:
        raise RuntimeError("This test needs playwright. Cure: pip install playwright") from None
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


def run_all_cells(page) -> None:
    """Wait until the open notebook has a kernel, then run all of it. Returns when it has run."""
    page.wait_for_function("window.jupyterapp && window.jupyterapp.restored")
    page.evaluate("window.jupyterapp.restored")
    idle = ("window.jupyterapp.shell.currentWidget?.context?.sessionContext?.session"
            "?.kernel?.status === 'idle'")
    page.wait_for_function(idle)
    page.evaluate("window.jupyterapp.commands.execute('notebook:run-all-cells')")
    page.wait_for_function(idle)
