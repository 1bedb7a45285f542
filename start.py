#!/usr/bin/env python3
"""The front door of the course: python start.py --help

Needs nothing but Python itself; what the course needs it puts into .venv beside this file.
"""

import os
import subprocess
import sys

SUPPORTED = ((3, 11), (3, 13))


def answers(program):
    """Is there such a program, and does it run?"""
    with open(os.devnull, "w") as nowhere:
        try:
            return subprocess.call([program, "--version"], stdout=nowhere, stderr=nowhere) == 0
        except OSError:
            return False


def python_problem(version):
    """One line of cause and one of cure where this Python does not fit, else ''.

    All of this file must be readable for old Pythons too, or they could not say this.
    """
    if SUPPORTED[0] <= tuple(version[:2]) <= SUPPORTED[1]:
        return ""
    found = ".".join(str(part) for part in version[:3])
    there = [name for name in ("python3.13", "python3.12", "python3.11") if answers(name)]
    if there:
        cure = "start with another Python of this machine: {} start.py".format(there[0])
    elif answers("uv"):
        cure = "uv run --no-project --python 3.12 start.py"
    else:
        cure = "install Python 3.12 from https://www.python.org/downloads/, start with that one."
    return (
        "[fail] This is Python {}; the course needs 3.11, 3.12 or 3.13.\n"
        "       Cure: {}".format(found, cure)
    )


if python_problem(sys.version_info):
    sys.exit(python_problem(sys.version_info))

import argparse  # noqa: E402
import signal  # noqa: E402
from pathlib import Path  # noqa: E402

PROJECT = Path(__file__).resolve().parent
sys.path.insert(0, str(PROJECT))

from lessonlib.common import facts  # noqa: E402
from lessonlib.setup import environment  # noqa: E402
from tools import lab, own_environment  # noqa: E402
from tools.terminal import Stop, child_environment, line, wait_for  # noqa: E402

#: Both sizes of the tests: two files at a time. What is asked for by name runs alone.
ALL_TESTS = ("-n", "2")
QUICK_TESTS = ALL_TESTS + ("-m", "not long and not embeddings and not extras")
WORDS = {
    "": "set up, check, and open the course in JupyterLab",
    "check": "check this machine; nothing is installed",
    "fetch": "fetch a real model by its name (gemma-3-270m); without a name: what there is, and"
             " what is here",
    "rehearse": "run the course, or the notebooks named (00 01), without a browser; minutes,"
                " scoreboard and web pages",
    "test": "set up, run the tests that find most faults; with --all every test and notebook (what"
            " else follows goes to pytest)",
    "build": "make notebooks from notebooks/source: all of them, or those named (00 01)",
    "kit": "make a folder with the course and its packages, for rooms without a network",
    "site": "make a web site to read, with search, that works without a network",
    "slides": "make slides from notebooks: all of them, or those named (01)",
    "nbgrader": "export the exercises for nbgrader: all notebooks, or those named (01)",
    "freeze": "write down the exact package versions of .venv as the tested set",
}


def parser():
    """The words and options."""
    text = "\n".join("  {:<22} {}".format(("start.py " + word), WORDS[word]) for word in WORDS)
    made = argparse.ArgumentParser(
        prog="start.py", description="The fine-tuning course.\n\n" + text,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("word", nargs="?", default="", choices=list(WORDS), help=argparse.SUPPRESS)
    made.add_argument("names", nargs="*", help=argparse.SUPPRESS)
    made.add_argument("--no-browser", action="store_true",
                      help="start JupyterLab without opening a browser")
    made.add_argument("--port", type=int, metavar="N",
                      help="JupyterLab's port (default: 8888, or the next that is free)")
    made.add_argument("--yes", action="store_true",
                      help="rebuild a broken .venv without asking; with fetch and kit: agree"
                           " to a model's licence")
    made.add_argument("--rebuild", action="store_true", help="make .venv again")
    made.add_argument("--with", action="append", default=[], metavar="MODEL", dest="models",
                      help="with kit: put this model into it, too (gemma-3-270m)")
    made.add_argument("--facts", action="store_true",
                      help="with check: how old are the course's prices, limits and dates?")
    made.add_argument("--check", action="store_true",
                      help="with build: only tell which notebooks are out of date")
    made.add_argument("--text", action="store_true",
                      help="with build: only texts were changed, keep the outputs; runs nothing")
    made.add_argument("--take", action="store_true",
                      help="with build: put edits made in a notebook back into its source")
    made.add_argument("--lend", action="append", default=[], metavar="MODEL",
                      help="with build: a fetched model that the notebooks may use (gemma-3-270m)")
    made.add_argument("--after", action="append", default=[], metavar="NN",
                      help="with build: a notebook to be run first, in the same work folder")
    made.add_argument("--badges", action="store_true",
                      help="with build: write the addresses for Colab again; runs nothing")
    return made


def inside(*arguments):
    """Run a module with the environment's own Python, here in this terminal."""
    command = [str(own_environment.python_of(own_environment.VENV)), "-m"] + list(arguments)
    with subprocess.Popen(command, cwd=PROJECT, env=child_environment()) as process:
        return wait_for(process)


def check():
    """The preflight, by the course's environment where there is one, else by this Python."""
    now = own_environment.condition()
    if now.state in ("ready", "outdated"):
        return inside("lessonlib.setup.environment")
    cure = "python start.py" + (" --yes" if now.state == "broken" else "")
    checks = [environment.Check(".venv", False, now.why, cure)]
    checks += environment.preflight(quick=True, packages=False)
    print("\n".join(str(check) for check in checks))
    return 1


def read_options(given):
    """(options, words for pytest). Leaves with exit status 2 where a word is unknown."""
    to_pytest = []
    if given[:1] == ["test"]:  # pytest has options of its own
        ours = ("--yes", "--rebuild", "-h", "--help")
        to_pytest = [word for word in given[1:] if word not in ours]
        given = given[:1] + [word for word in given[1:] if word in ours]
    options = parser().parse_intermixed_args(given)
    if options.names and options.word not in ("build", "fetch", "rehearse", "slides",
                                                  "nbgrader"):
        parser().error("too many words: " + " ".join(options.names))
    return options, to_pytest


def main(arguments=None):
    """Do what the words say. Returns the exit status."""
    options, to_pytest = read_options(list(sys.argv[1:] if arguments is None else arguments))
    if options.facts and options.word != "check":
        parser().error("--facts belongs to check: python start.py check --facts")
    if options.models and options.word != "kit":
        parser().error("--with belongs to kit: python start.py kit --with gemma-3-270m")
    if options.word == "check" and options.facts:
        print(facts.report())
        return 0  # a reminder, not a failure
    if options.word == "check":
        return check()
    port = lab.choose_port(options.port) if options.word == "" else None
    installed = own_environment.set_up(yes=options.yes, rebuild=options.rebuild)
    if options.word == "test":
        if "--all" in to_pytest:
            to_pytest = list(ALL_TESTS) + [word for word in to_pytest if word != "--all"]
        return inside("pytest", *(to_pytest or QUICK_TESTS))
    if options.word in ("fetch", "kit"):
        yes = ["--yes"] if options.yes else []
        module = "lessonlib.models.fetching" if options.word == "fetch" else "tools.kit"
        return inside(module, *options.names, *options.models, *yes)
    if options.word in ("rehearse", "freeze", "site", "slides", "nbgrader"):
        return inside("tools." + options.word, *options.names)
    if options.word == "build":
        flags = [flag for flag in ("check", "text", "take", "badges") if getattr(options, flag)]
        lent = ["--lend=" + model for model in options.lend]
        before = ["--after=" + name for name in options.after]
        return inside("tools.notebooks", *options.names, *("--" + flag for flag in flags), *lent,
                      *before)
    quick = [] if installed else ["--quick"]
    failed = inside("lessonlib.setup.environment", "--failures", *quick)
    if failed:
        return failed
    line("ok", "this machine is ready")
    return lab.open_course(port, browser=not options.no_browser)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a kill is tidy, like Ctrl+C
    try:
        sys.exit(main())
    except Stop as stop:
        sys.exit(str(stop))
    except KeyboardInterrupt:
        sys.exit("\nStopped.")
