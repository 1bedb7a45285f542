"""A learner's first JupyterLab asks no question about news, and sends nothing anywhere."""

from __future__ import annotations

import json
import subprocess
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest

from tests import browser
from tools import lab
from tools.own_environment import PAGES
from tools.terminal import child_environment

pytestmark = [pytest.mark.browser, pytest.mark.long("a browser and a JupyterLab of its own")]
#: JupyterLab's question, in a corner of the first page, at the first start on a machine.
QUESTION = "Would you like to get notified about official Jupyter news?"


@contextmanager
def first_start(folder):
    """The address of a JupyterLab that ``python start.py`` begins where there never was one.

    The settings are those of the course's own environment, and none of a user's.
    """
    course = folder / "course"
    (course / "notebooks").mkdir(parents=True)
    (course / lab.FIRST_NOTEBOOK).write_bytes((lab.PROJECT / lab.FIRST_NOTEBOOK).read_bytes())
    port = lab.choose_port(None)
    command = [part.replace(str(lab.PROJECT), str(course)) if "root_dir" in part else part
               for part in lab._command(port, browser=False)]
    command = [part.replace("port_retries=0", "port_retries=50") for part in command]
    command += ["--IdentityProvider.token=", "--LabApp.expose_app_in_browser=True"]
    kinds = ("JUPYTER_RUNTIME_DIR", "JUPYTER_DATA_DIR", "JUPYTER_CONFIG_DIR",
             "JUPYTERLAB_SETTINGS_DIR", "JUPYTERLAB_WORKSPACES_DIR", "HOME")
    env = child_environment() | {kind: str(folder / kind.lower()) for kind in kinds}
    with subprocess.Popen(command, cwd=course, env=env, stdin=subprocess.DEVNULL,
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            address = browser.address_of(folder / "jupyter_runtime_dir", server)
            yield f"{address}/lab/tree/{lab.FIRST_NOTEBOOK}"
        finally:
            server.terminate()


def test_no_question_about_news_and_nothing_from_elsewhere(tmp_path):
    asked: list[str] = []
    with (first_start(tmp_path) as address,
          browser.page_of("about:blank", tmp_path / "profile") as page):
        page.on("request", lambda request: asked.append(request.url))
        page.goto(address)
        page.wait_for_function("window.jupyterapp && window.jupyterapp.restored")
        page.evaluate("window.jupyterapp.restored")
        page.wait_for_timeout(5000)
        assert QUESTION not in page.inner_text("body")
        settings = json.loads(page.locator("#jupyter-config-data").inner_text())
    (wanted,) = PAGES["disabledExtensions"]
    assert wanted in settings["disabledExtensions"], "else the question comes, sooner or later"
    hosts = {urlsplit(one).hostname for one in asked if one.startswith("http")}
    assert hosts == {"127.0.0.1"}, hosts
