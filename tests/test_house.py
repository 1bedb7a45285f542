"""The house keeps its own rules: imports go one way, files are small and readable, nothing that
the texts name is missing."""

from __future__ import annotations

import ast
import importlib.util
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

import start

PROJECT = Path(__file__).resolve().parent.parent
ROOMS = ("lessonlib", "factory", "tools", "tests", "benchmarks")
#: Which rooms a room may import from, besides itself.
MAY_IMPORT = {
    "lessonlib": set(),
    "factory": {"lessonlib"},
    "tools": {"lessonlib"},
    "notebooks": {"lessonlib"},
    "benchmarks": {"lessonlib"},
}
#: Two files may import more than their rooms: one tells how the model was made, and shows the
#: makers; the other runs whole notebooks, by the same lines as rehearsal and build.
ALSO = {"notebooks/source/A1_how_the_built_in_model_was_made.py": {"factory"},
        "benchmarks/classroom.py": {"tools"}}
PAPERS = ("README.md", "CONTRIBUTING.md")
TEXT_SUFFIXES = {".py", ".md", ".toml", ".txt", ".csv", ".json", ".jsonl", ".ipynb", ".cfg",
                 ".jinja", ".yaml", ".yml", ""}


def tracked() -> list[Path]:
    """The files that git knows, as far as they are there."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=PROJECT, capture_output=True, check=True)
    paths = [PROJECT / name for name in listed.stdout.decode().split("\0") if name]
    assert len(paths) > 30, "git lists too few files for the tests below to mean anything"
    return [path for path in paths if path.is_file()]


def modules(room: str) -> list[Path]:
    return sorted((PROJECT / room).rglob("*.py"))


def imported(path: Path) -> set[str]:
    """Top-level names of everything that a module imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add(node.module.split(".")[0])
    return found


def functions(path: Path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


# --- imports ---------------------------------------------------------------------------


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_imports_go_one_way(room):
    others = set(ROOMS) | {"notebooks", "start"}
    paths = modules(room)
    assert paths or room == "benchmarks"
    for path in paths:
        name = path.relative_to(PROJECT).as_posix()
        allowed = {room} | MAY_IMPORT[room] | ALSO.get(name, set())
        wrong = imported(path) & others - allowed
        assert not wrong, f"{name} imports {', '.join(wrong)}"


def test_importing_lessonlib_loads_nothing_heavy():
    code = ("import sys, lessonlib, lessonlib.setup.environment; print([n for n in"
            " ('torch', 'transformers', 'openai', 'matplotlib', 'numpy') if n in sys.modules])")
    command = [sys.executable, "-c", code]
    asked = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True)
    assert asked.stdout.strip() == "[]", asked.stderr


# --- requirements ------------------------------------------------------------------------


def requirements() -> dict[str, str]:
    """{package: comment} of requirements.txt."""
    found = {}
    for text in (PROJECT / "requirements.txt").read_text(encoding="utf-8").splitlines():
        if text and not text.startswith("#"):
            match = re.fullmatch(r"([A-Za-z0-9._-]+)(>=[\w.]+,<[\w.]+) +# (.+)", text)
            assert match, f"not 'package>=low,<high  # which lesson': {text}"
            found[match[1].lower()] = match[3]
    return found


def test_each_requirement_is_a_range_and_says_which_lesson_needs_it():
    known = re.compile(r"(all|tests|maintainers|rehearsal|(\d\d|A1)(, (\d\d|A1))*)\b")
    for package, comment in requirements().items():
        assert known.match(comment), f"{package}: {comment}"
    assert list(requirements()) == sorted(requirements())


def test_everything_that_is_imported_is_required():
    owners = packages_distributions()
    ours = set(ROOMS) | {"start", "conftest", "fake_service"} | {p.stem for p in modules("tests")}
    optional = {"google"}  # Colab's own, only asked for there
    needed = {}
    for path in [p for room in (*ROOMS, "notebooks") for p in modules(room)]:
        for name in imported(path) - ours - optional - sys.stdlib_module_names:
            needed[name] = path
    assert {"torch", "openai", "numpy"} <= set(needed)
    for name, path in needed.items():
        packages = {package.lower() for package in owners.get(name, [name])}
        assert packages & set(requirements()), f"{path.name} imports {name}"


def test_the_exact_set_fits_the_ranges_and_is_complete():
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    text = (PROJECT / "constraints" / "tested-py311.txt").read_text(encoding="utf-8")
    exact = dict(line.split("==") for line in text.splitlines() if not line.startswith("#"))
    for line in (PROJECT / "requirements.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            wanted = Requirement(line.split("  #")[0])
            version = exact[canonicalize_name(wanted.name)]
            assert version in wanted.specifier, f"{wanted}: {version}"
    assert not any(c in version for version in exact.values() for c in "+@/ ")


def test_colabs_set_is_plain():
    text = (PROJECT / "constraints" / "colab.txt").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert all(re.fullmatch(r"[a-z0-9-]+==[\d.]+", line) for line in lines) and len(lines) > 8


# --- sizes ----------------------------------------------------------------------------------


def test_modules_are_short_enough_to_be_read():
    sizes = {path: len(path.read_text(encoding="utf-8").splitlines())
             for room in ("lessonlib", "tools") for path in modules(room)}
    assert len(sizes) > 20
    long = {path.name: size for path, size in sizes.items() if size > 250}
    assert len(long) <= len(sizes) / 5, f"most modules have at most 250 lines: {long}"
    assert max(sizes.values()) <= 400, long


def test_functions_are_short_enough_to_be_read():
    sizes = {f"{path.name}: {node.name}": node.end_lineno - node.lineno + 1
             for room in ("lessonlib", "tools") for path in modules(room)
             for node in functions(path)}
    long = {name: size for name, size in sizes.items() if size > 40}
    assert len(long) <= len(sizes) / 20, f"most functions have at most 40 lines: {long}"
    assert max(sizes.values()) <= 80, long


def test_public_names_of_lessonlib_are_documented():
    for path in modules("lessonlib"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        assert ast.get_docstring(tree) or not tree.body, f"{path.name} does not say what it is for"
        for node in tree.body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                assert ast.get_docstring(node), f"{path.name}: {node.name}"


def test_the_course_is_a_small_download():
    sizes = {path: path.stat().st_size for path in tracked()}
    data = sum(size for path, size in sizes.items() if path.is_relative_to(PROJECT / "data"))
    assert data < 20e6, f"data and models: {data / 1e6:.1f} MB"
    largest = max(sizes, key=sizes.get)
    assert sizes[largest] < 12e6, f"{largest.name}: {sizes[largest] / 1e6:.1f} MB"


# --- texts -------------------------------------------------------------------------------------


#: In another encoding on purpose: notebook 11 shows how a messy file is read.
MESSY = PROJECT / "data" / "assignment" / "messy.csv"


def test_every_text_file_is_utf8_with_unix_line_ends():
    for path in tracked():
        if path.suffix in TEXT_SUFFIXES and path != MESSY:
            content = path.read_bytes()
            content.decode("utf-8")
            assert b"\r\n" not in content, path
            assert not content.startswith(b"\xef\xbb\xbf"), f"{path} begins with a byte order mark"


def test_files_are_opened_with_an_encoding():
    # Without one, Windows reads and writes cp1252.
    for path in [p for room in ("lessonlib", "factory", "tools") for p in modules(room)]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                where = f"{path.relative_to(PROJECT)}:{node.lineno}"
                assert not _opens_text_without_encoding(node), where


def _opens_text_without_encoding(call: ast.Call) -> bool:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if name == "open" and isinstance(call.func, ast.Name):
        modes = [a for a in call.args[1:2] + [k.value for k in call.keywords if k.arg == "mode"]
                 if isinstance(a, ast.Constant)]
        if any("b" in mode.value for mode in modes):
            return False
    elif name not in ("read_text", "write_text"):
        return False
    elif len(call.args) > (name == "write_text"):  # given by place
        return False
    return not any(keyword.arg == "encoding" for keyword in call.keywords)


def test_the_repositorys_address_stands_in_one_place():
    text = (PROJECT / "pyproject.toml").read_text(encoding="utf-8")
    address = tomllib.loads(text)["project"]["urls"]["Repository"]
    # Notebooks carry it in the cell for Colab; tests/setup/test_colab.py compares it.
    holders = [path.name for path in tracked() if path.suffix in TEXT_SUFFIXES - {".ipynb"}
               and path != MESSY and address in path.read_text(encoding="utf-8")]
    assert holders == ["pyproject.toml"]


def commands(paper: str) -> list[str]:
    """Everything in code type that begins with python, in one of our papers."""
    text = (PROJECT / paper).read_text(encoding="utf-8")
    return re.findall(r"(?:^|`) *(python3? [^`\n#]+)", text, re.MULTILINE)


@pytest.mark.parametrize("paper", PAPERS)
def test_commands_in_our_papers_exist(paper):
    found = commands(paper)
    assert len(found) >= 4
    for command in found:
        words = command.split()[1:]
        if words[0] == "start.py":
            start.read_options(words[1:])  # leaves with 2 where a word is unknown
        elif words[0] == "-m" and words[1] != "...":
            assert importlib.util.find_spec(words[1]), command


@pytest.mark.parametrize("paper", PAPERS)
def test_files_that_our_papers_name_exist(paper):
    text = (PROJECT / paper).read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", text) if "://" not in link]
    in_type = re.findall(r"`([\w./-]+(?:/|\.(?:py|md|toml|txt|csv|jsonl)))`", text)
    made_by_the_user = (".venv", "work/")
    for name in links + [name for name in in_type if "NN" not in name]:
        if not name.startswith(made_by_the_user):
            there = (PROJECT / name).exists() or any(
                any(PROJECT.glob(f"{folder}/**/{name}")) for folder in ("data", "tests"))
            assert there, f"{paper} names {name}"


def test_the_readme_lists_every_notebook():
    text = (PROJECT / "README.md").read_text(encoding="utf-8")
    notebooks = sorted(path.name for path in (PROJECT / "notebooks").glob("*.ipynb"))
    assert notebooks and sorted(set(re.findall(r"notebooks/(\w+\.ipynb)", text))) == notebooks


def test_the_code_is_in_one_style():
    asked = subprocess.run([sys.executable, "-m", "ruff", "check", "."], cwd=PROJECT,
                           capture_output=True, text=True)
    assert asked.returncode == 0, asked.stdout


def test_nothing_is_left_to_do():
    marks = re.compile(r"\b(?:TO" r"DO|FIX" r"ME|XX" r"X)\b|raise NotImplemented" "Error")
    for path in tracked():
        if path.suffix == ".py":
            assert not marks.search(path.read_text(encoding="utf-8")), path


def test_every_command_that_is_named_anywhere_exists():
    """A command moves with its module; a text that names the old place helps nobody."""
    named = {}
    for path in tracked():
        if path.suffix in {".py", ".md", ".toml"}:
            text = path.read_text(encoding="utf-8")
            for module in re.findall(r"python -m ((?:lessonlib|tools|factory|benchmarks)[\w.]*)",
                                     text):
                named[module.rstrip(".")] = path
    assert "lessonlib.assignment.command" in named
    for module, where in named.items():
        path = PROJECT.joinpath(*module.split("."))
        file = path.with_suffix(".py") if path.with_suffix(".py").is_file() else (
            path / "__main__.py")
        assert file.is_file() and "__main__" in file.read_text(encoding="utf-8"), (module, where)
