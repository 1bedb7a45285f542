"""Exercises are cut from their solutions, so that the two cannot disagree.

In a source the exercise is a code cell with the tag ``exercise``, and holds its solution::

    # %% [markdown]
    # ### Exercise 01-1
    # What do four examples add to the prompt, in tokens?

    # %% tags=["exercise"]
    # BEGIN SOLUTION
    extra = four.prompt_tokens - none.prompt_tokens
    # END SOLUTION

    # %%
    exercises.check("01-1", extra, none, four)

    # %% [markdown] tags=["hint"]
    # A result knows the mean number of tokens of its prompts.

Two notebooks come out of it. In the learner's a *blank* stands in place of the solution, and
hint and solution are folded beneath the check. In ``notebooks/solutions`` the solution stays.

The blank gives ``...`` to what the solution gives to the rest of the notebook: here
``extra = ...  # your turn``; ``return ...`` where the solution returns something.
nbgrader knows the same two markers.
"""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterator

import nbformat
from nbformat import NotebookNode

from lessonlib.exercises import feedback
from tools.notebook_rules import output_text
from tools.terminal import Stop

MARKER = re.compile(r"^[ \t]*#+ ?(BEGIN|END) SOLUTION[ \t]*$")
CHECK = re.compile(r"""\bcheck\(\s*["']([\w-]+)["']""")
HEADING = re.compile(r"(?m)^(#{2,4} \w+ ((?:A?\d+)-\d+))[ \t]*$")
#: A heading as the cut writes it: with the exercise's title, its difficulty and minutes.
FULL_HEADING = re.compile(r"(?m)^(#{2,4} \w+ (?:A?\d+)-\d+): .*\n\n\*.*\*$")
#: A link to a place in the repository: no https://, no #part of this page, no /root.
RELATIVE_LINK = re.compile(r"(\]\(|\b(?:href|src)=\")(?![a-z]+:|[#/])(?=[^)\"\s])")
YOUR_TURN = "  # your turn"
#: What an edition's checks say, by the first word of their text: learner's, solved.
SAYS = {False: "[..]", True: "[ok]"}


def has_exercises(notebook: NotebookNode) -> bool:
    return any("exercise" in tags(cell) for cell in notebook.cells)


def tags(cell: NotebookNode) -> list[str]:
    return cell.metadata.get("tags", [])


def learner(notebook: NotebookNode) -> NotebookNode:
    """The notebook with blanks, folded hints and folded solutions. As many cells, new texts.

    Raises Stop, with the cell's number, where the source breaks a rule of exercises.
    """
    _check_order(notebook)
    cut = nbformat.from_dict(notebook)
    code = [cell.source if cell.cell_type == "code" else "" for cell in notebook.cells]
    answer = ""
    for number, cell in enumerate(cut.cells, start=1):
        if "exercise" in tags(cell):
            answer = solution(cell.source)
            others = "\n".join(code[: number - 1] + code[number:])
            cell.source = _with_blanks(cell.source, others, number)
        elif "hint" in tags(cell):
            shown = f"{_fence(answer)}python\n{answer}\n{_fence(answer)}"
            cell.source = _fold("Hint", cell.source) + "\n\n" + _fold("Solution", shown)
        elif cell.cell_type == "markdown":
            cell.source = HEADING.sub(full_heading, cell.source)
    return cut


def solved(notebook: NotebookNode, name: str) -> NotebookNode:
    """The notebook with its solutions in place, for ``notebooks/solutions/<name>.ipynb``."""
    _check_order(notebook)
    whole = nbformat.from_dict(notebook)
    for cell in whole.cells:
        if "exercise" in tags(cell):
            cell.source = solution(cell.source)
        elif cell.cell_type == "markdown":
            cell.source = RELATIVE_LINK.sub(r"\1../", HEADING.sub(full_heading, cell.source))
            if "hint" in tags(cell):
                cell.source = _fold("Hint", cell.source)
    note = f"> This is [{name}](../{name}.ipynb) with its exercises solved."
    whole.cells.insert(1, nbformat.v4.new_markdown_cell(note))
    return whole


def restore(edited: NotebookNode, notebook: NotebookNode, cut: NotebookNode) -> None:
    """Turn a learner's notebook, as edited in JupyterLab, back into the text of its source.

    notebook, cut: the source before the edit, and the learner's notebook that it gave.
    Raises Stop where a blank, hint or folded solution was edited: what was cut out of it
    cannot be put back.
    """
    pairs = list(zip(cut.cells, notebook.cells, strict=True))
    by_id = {new.id: (new, old) for new, old in pairs}
    by_text = {(new.cell_type, new.source): (new, old) for new, old in pairs}
    for number, cell in enumerate(edited.cells, start=1):
        key = (cell.cell_type, cell.source)
        new, old = by_text.get(key) or by_id.get(cell.get("id")) or (cell, cell)
        if cell.source == new.source:
            cell.source = old.source
        elif {"exercise", "hint", "what-we-saw"} & set(tags(old)):
            raise Stop(f"Cell {number} was edited, and it is a blank, or is folded.",
                       "edit that cell in notebooks/source, then: python start.py build")
        else:
            cell.source = FULL_HEADING.sub(r"\1", cell.source)


def wrong_states(notebook: NotebookNode, is_solved: bool) -> list[str]:
    """Checks of an executed notebook that do not say what this edition must say.

    In the learner's notebook every exercise is unanswered, in the solved one all are right.
    """
    found = []
    for number, cell in enumerate(notebook.cells, start=1):
        if cell.cell_type != "code":
            continue
        for name in CHECK.findall(cell.source):
            if f"{SAYS[is_solved]} {name}:" not in output_text(cell):
                wanted = "that the solution is right" if is_solved else "'not answered yet'"
                found.append(f"cell {number}: the check of exercise {name} does not say {wanted}")
    return found


def solution(text: str) -> str:
    """The text of an exercise's cell without the markers."""
    return "\n".join(line for line in text.split("\n") if not MARKER.match(line))


def _check_order(notebook: NotebookNode) -> None:
    """Exercise, then its check, then its hint: no part without the others. Raises Stop."""
    open_since, checked = 0, False
    for number, cell in enumerate(notebook.cells, start=1):
        is_exercise, is_hint = "exercise" in tags(cell), "hint" in tags(cell)
        if is_exercise and open_since:
            raise Stop(f"The exercise in cell {open_since} has no hint.",
                       'write a markdown cell with tags=["hint"] behind its check.')
        if is_exercise:
            open_since, checked = number, False
        if cell.cell_type == "code":
            _check_markers(cell, number)
            checked = checked or bool(CHECK.search(cell.source))
        if is_hint and not (open_since and checked and cell.cell_type == "markdown"):
            raise Stop(f"The hint in cell {number} does not follow an exercise and its check.",
                       "put it behind them, in a markdown cell.")
        if is_hint:
            open_since = 0
    if open_since:
        raise Stop(f"The exercise in cell {open_since} has no hint, or no check before it.",
                   'write exercises.check(...), then a markdown cell with tags=["hint"].')


def _check_markers(cell: NotebookNode, number: int) -> None:
    """BEGIN and END in turns, something between them, and only in exercises. Raises Stop."""
    found = [match[1] for line in cell.source.split("\n") if (match := MARKER.match(line))]
    if "exercise" not in tags(cell):
        if found:
            raise Stop(f"Cell {number} holds a solution, but is no exercise.",
                       'write tags=["exercise"] in its first line.')
    elif not found or found != ["BEGIN", "END"] * (len(found) // 2):
        raise Stop(f"The exercise in cell {number} does not say what its solution is.",
                   "put # BEGIN SOLUTION and # END SOLUTION around it.")


def _with_blanks(text: str, others: str, number: int) -> str:
    """The cell with a blank for each solution. others: the code of all other cells."""
    lines, inside, kept = text.split("\n"), None, []
    for line in lines:
        marker = MARKER.match(line)
        if marker and marker[1] == "BEGIN":
            inside = []
        elif marker:
            rest = _without(lines, inside)
            if not "\n".join(inside)[:1].isspace():  # names inside a function stay there
                rest += "\n" + others
            kept += _blank("\n".join(inside), rest, number)
            inside = None
        else:
            (kept if inside is None else inside).append(line)
    return "\n".join(kept)


def _without(lines: list[str], part: list[str]) -> str:
    """All lines but one run of them."""
    for start in range(len(lines) - len(part) + 1):
        if lines[start : start + len(part)] == part:
            return "\n".join(lines[:start] + lines[start + len(part) :])
    return "\n".join(lines)


def _blank(text: str, rest: str, number: int) -> list[str]:
    """The lines that stand in place of one solution.

    rest: all code outside of it. A name that only the solution itself uses is not given away.
    """
    try:
        body = ast.parse(textwrap.dedent(text)).body
    except SyntaxError as error:
        raise Stop(f"The solution in cell {number} is not plain Python: {error.msg}.",
                   "fix it; magics such as %time must stand outside of it.") from None
    if not body:
        raise Stop(f"The solution in cell {number} is empty.", "write it between its markers.")
    nodes = [node for statement in body for node in _own_scope(statement)]
    names = dict.fromkeys(name for node in nodes if (name := _name_given_by(node)))
    blanks = [f"{name} = ..." for name in names if re.search(rf"\b{name}\b", rest)]
    if any(isinstance(node, ast.Return) for node in nodes):
        blanks.append("return ...")
    blanks = blanks or ["..."]
    blanks[0] += YOUR_TURN
    indent = re.match(r"[ \t]*", next(line for line in text.split("\n") if line.strip()))[0]
    return [indent + blank for blank in blanks]


def _own_scope(node: ast.AST) -> Iterator[ast.AST]:
    """The node and what it holds, in order, but nothing from inside functions and the like."""
    yield node
    inner = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda, ast.ListComp,
             ast.SetComp, ast.DictComp, ast.GeneratorExp)
    children = () if isinstance(node, inner) else ast.iter_child_nodes(node)
    for child in children:
        if child is not getattr(node, "target", None) or not isinstance(node, ast.For):
            yield from _own_scope(child)  # the variable of a loop is nobody else's


def _name_given_by(node: ast.AST) -> str:
    """The name that this part of the code assigns, or ''."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return node.name
    return node.id if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) else ""


def full_heading(match: re.Match) -> str:
    """'### Exercise 01-1' with the title, and a line with its difficulty and minutes."""
    try:
        exercise = feedback.find(match[2])
    except KeyError:
        raise Stop(f"There is a heading for exercise {match[2]}, which does not exist.",
                   "write it in lessonlib/exercises/checks, or fix the number.") from None
    return f"{match[1]}: {exercise.title}\n\n*{exercise.effort}*"


def _fold(summary: str, text: str) -> str:
    """Folded text. The empty lines make markdown of what stands between them."""
    return f"<details>\n<summary>{summary}</summary>\n\n{text}\n\n</details>"


def _fence(text: str) -> str:
    """Backticks that do not occur in the text."""
    return "`" * max([3, *(len(run) + 1 for run in re.findall(r"`{3,}", text))])
