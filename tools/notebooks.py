"""From ``notebooks/source/NN_name.py``, the only edited text, to ``notebooks/NN_name.ipynb``.

    python start.py build              make and run all notebooks, save their outputs
    python start.py build 00 01        only these
    python start.py build 08 --lend gemma-3-270m   with this model of work/models at hand
    python start.py build 10 --after 03 --after 06    run these first, in the same work folder
    python start.py build --check      which notebooks disagree with their source? runs nothing
    python start.py build --text 01    only text cells were changed: keep the outputs; runs nothing
    python start.py build --take 01    put edits made in the notebook back into its source
    python start.py build --badges     write the addresses for Colab anew; runs nothing

A source is jupytext's py:percent. Tags stand in a cell's header line:
``# %% tags=["raises-exception"]`` for an error that the reader is meant to see,
``# %% tags=["nbval-ignore-output"] reason="seconds differ"`` for an output that no two
runs share. The reason is not optional.

Where a source has exercises, two notebooks come out of it: see ``tools.exercise_cutting``.
Cells that say what was seen are folded: see ``tools.what_we_saw``. Behind each title the build
puts two cells for Google Colab: see ``tools.colab_cell``.
"""

from __future__ import annotations

import argparse
import datetime
import hashlib
import re
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import jupytext
import nbformat
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode

from tools import colab_cell, what_we_saw
from tools.exercise_cutting import has_exercises, learner, restore, solved, wrong_states
from tools.notebook_rules import problems
from tools.notebook_run import execute, stop_practice
from tools.saved_words import old_words, renew
from tools.terminal import Step, Stop, duration, line

PROJECT = Path(__file__).resolve().parent.parent
NOTEBOOKS = PROJECT / "notebooks"
FORMAT = "py:percent"
#: The comment block at the beginning of a source, which tells JupyterLab what it is.
HEADER = re.compile(r"\A# ---\n(?:#.*\n)*?# ---\n")
#: What a cell keeps beside its text.
CELL_METADATA = ("tags", "reason")
NOTEBOOK_METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"file_extension": ".py", "mimetype": "text/x-python", "name": "python"},
}
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"



def sources(names: list[str] | None = None, folder: Path = NOTEBOOKS) -> list[Path]:
    """The sources in order; ``names`` are beginnings such as "01". Raises Stop."""
    found = sorted((folder / "source").glob("*.py"))
    if not names:
        return found
    chosen = [path for path in found if path.stem.startswith(tuple(names))]
    for name in names:
        if not any(path.stem.startswith(name) for path in found):
            there = ", ".join(path.stem for path in found) or "none"
            raise Stop(f"There is no notebook {name} in notebooks/source.", f"one of: {there}")
    return chosen


def notebook_of(source: Path) -> Path:
    """notebooks/source/01_x.py -> notebooks/01_x.ipynb"""
    return source.parent.parent / f"{source.stem}.ipynb"


def solutions_of(source: Path) -> Path:
    """notebooks/source/01_x.py -> notebooks/solutions/01_x.ipynb"""
    return source.parent.parent / "solutions" / f"{source.stem}.ipynb"


def from_source(source: Path) -> NotebookNode:
    """What a source describes, solutions included, not yet run."""
    notebook = jupytext.reads(source.read_text(encoding="utf-8"), fmt=FORMAT)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    notebook.metadata = nbformat.from_dict(NOTEBOOK_METADATA)
    for cell in notebook.cells:
        cell.metadata = _kept(cell.metadata)
    return _with_ids(notebook)


def editions(source: Path, day: str | None = None) -> dict[Path, NotebookNode]:
    """The notebooks that a source makes, not yet run: a learner's, and where there are
    exercises the solved one.

    day: on which they are run; that of the saved run if not given.
    """
    whole = from_source(source)
    made = {notebook_of(source): whole}
    if has_exercises(whole):
        made = {notebook_of(source): learner(whole),
                solutions_of(source): solved(whole, source.stem)}
    root = source.parent.parent.parent
    for path, notebook in made.items():
        what_we_saw.fold(notebook, day or day_of_run(path))
        _with_ids(colab_cell.with_cells(notebook, path.relative_to(root).as_posix()))
    return made


def day_of_run(path: Path) -> str | None:
    """The day on which a notebook was run, as the file says; None where it does not exist."""
    return what_we_saw.day_of(nbformat.read(path, as_version=4)) if path.exists() else None


def _with_ids(notebook: NotebookNode) -> NotebookNode:
    """Ids that depend on the cells' texts alone; those for Colab have names of their own."""
    seen: dict[str, int] = {}
    for cell in notebook.cells:
        key = hashlib.sha256(f"{cell.cell_type}\n{cell.source}".encode()).hexdigest()[:8]
        seen[key] = seen.get(key, 0) + 1
        cell.id = key if seen[key] == 1 else f"{key}-{seen[key]}"
    for number, cell in enumerate(filter(colab_cell.is_generated, notebook.cells)):
        cell.id = f"{colab_cell.TAG}-{number}"
    return notebook


def _kept(metadata: dict) -> NotebookNode:
    kept = {k: metadata[k] for k in CELL_METADATA if k in metadata}
    if colab_cell.TAG in kept.get("tags", []):  # of our own cells, what folds them
        kept |= {k: metadata[k] for k in colab_cell.FOLDED if k in metadata}
    return nbformat.from_dict(kept)


def clean(
    notebook: NotebookNode, work: Path | None = None, day: str | None = None
) -> NotebookNode:
    """Leave out what differs between two runs of the same text, or between two machines.

    work: where the run wrote; the outputs then say ``work``, which is a learner's folder.
    day: on which it was run; the notebook keeps it.
    """
    lesson = {"lesson": {what_we_saw.RUN: day}} if day else {}
    notebook.metadata = nbformat.from_dict(NOTEBOOK_METADATA | lesson)
    for cell in notebook.cells:
        cell.metadata = _kept(cell.metadata)
        for output in cell.get("outputs", []):
            # A live widget's number; without the kernel it shows an error in place of the text.
            output.get("data", {}).pop(WIDGET_VIEW, None)
            _name_learners_folder(output, work)
            _name_learners_folder(output.get("data", {}), work)
    return notebook


def _name_learners_folder(texts: dict, work: Path | None) -> None:
    if work and work.is_relative_to(PROJECT):
        run = work.relative_to(PROJECT)
        for kind in {"text", "text/plain", "text/html", "text/markdown"} & set(texts):
            texts[kind] = texts[kind].replace(run.as_posix(), "work").replace(str(run), "work")


def write(notebook: NotebookNode, path: Path) -> None:
    text = nbformat.writes(notebook).rstrip() + "\n"
    path.write_text(text, encoding="utf-8", newline="\n")


def differences(source: Path) -> list[str]:
    """How the saved notebooks disagree with their source: types, texts and tags of the cells;
    which outputs show words that the package no longer says; and which numbers of a text on what
    was seen are in no output."""
    found, made = [], editions(source)
    for path, wanted in made.items():
        name = path.relative_to(source.parent.parent).as_posix()
        if path.exists():
            saved = nbformat.read(path, as_version=4)
            found += [f"{name}{text}" for text in _compare(saved.cells, wanted.cells)]
            found += [f"{name}, {text}" for text in old_words(saved)]
            found += [f"{name}, source {text}"
                      for text in what_we_saw.unfounded(from_source(source), saved)]
        else:
            found.append(f"{name} has not been made yet")
    if solutions_of(source) not in made and solutions_of(source).exists():
        found.append(f"solutions/{source.stem}.ipynb is there, but its source has no exercise")
    return found


def _compare(saved: list[NotebookNode], wanted: list[NotebookNode]) -> Iterator[str]:
    if len(saved) != len(wanted):
        yield f" has {len(saved)} cells, its source {len(wanted)}"
    for number, (old, new) in enumerate(zip(saved, wanted, strict=False), start=1):
        for part, a, b in (("type", old.cell_type, new.cell_type), ("text", old.source, new.source),
                           ("tags", _kept(old.metadata), new.metadata)):
            if a != b:
                yield f", cell {number}: the {part} differs from the source"


def build(source: Path, work: Path | None = None, lend: Sequence[str] = (),
          after: Sequence[Path] = ()) -> list[str]:
    """Make the notebooks of one source, run and save them. Returns which house rules they break.

    work: default is a fresh folder work/build/NN_name; the solved notebook gets another one
    beside it. lend: real models that were fetched into work/models and that the runs may use;
    without them a run is that of a learner who has fetched none. after: sources of notebooks that
    are run before, and not saved: both runs begin with the work folder that these leave. Raises
    Stop where a cell fails, or where such a model is not here.
    """
    work = work or PROJECT / "work" / "build" / source.stem
    before = _before(after, work.with_name(f"{work.name}_before"), lend) if after else None
    made = editions(source, datetime.date.today().isoformat())
    if solutions_of(source) not in made:
        solutions_of(source).unlink(missing_ok=True)
    found = list(what_we_saw.misplaced(from_source(source)))
    for path, notebook in made.items():
        is_solved = path == solutions_of(source)
        if is_solved:
            done = (work / "autotrain", work / "adapters", work / "cache")
            _run(notebook, path, work.with_name(f"{work.name}_solved"), done, lend, before)
        else:
            _run(notebook, path, work, (), lend, before)
        texts = problems(notebook) + wrong_states(notebook, is_solved)
        texts += [f"source {text}" for text in what_we_saw.unfounded(from_source(source), notebook)]
        found += [f"solved, {text}" if is_solved else text for text in texts]
    return found


def _before(sources: Sequence[Path], work: Path, lend: Sequence[str]) -> Path:
    """Run learner's editions one after the other in one work folder. Raises Stop."""
    shutil.rmtree(work, ignore_errors=True)
    for name in lend:
        _lend(PROJECT / "work" / "models" / name, work / "models" / name)
    for source in sources:
        path = notebook_of(source)
        _execute(editions(source)[path], f"{path.stem}, before", path.parent, work)
    return work


def _run(notebook: NotebookNode, path: Path, work: Path, done: Sequence[Path],
         lend: Sequence[str], before: Path | None) -> None:
    """Run one notebook, and save it. Raises Stop where a cell fails.

    done: folders of the learner's edition with finished trainings and answers, for cells that take
    what was done before. before: the work folder that the run begins with."""
    shutil.rmtree(work, ignore_errors=True)
    if before:
        shutil.copytree(before, work, symlinks=True)
    for folder in done:
        if folder.is_dir():
            shutil.copytree(folder, work / folder.name, dirs_exist_ok=True)
    for name in () if before else lend:
        _lend(PROJECT / "work" / "models" / name, work / "models" / name)
    path.parent.mkdir(exist_ok=True)
    title = path.stem + (", solved" if path.parent.name == "solutions" else "")
    _execute(notebook, title, path.parent, work)
    write(clean(notebook, work, datetime.date.today().isoformat()), path)


def _execute(notebook: NotebookNode, title: str, folder: Path, work: Path) -> None:
    """Run a notebook's cells with a line of progress. Raises Stop where one fails."""
    code = sum(cell.cell_type == "code" for cell in notebook.cells)
    with Step(title, f"{title}: {code} code cells") as step:
        try:
            execute(notebook, work, folder,
                    on_cell=lambda i: step.now(f"cell {i + 1} of {len(notebook.cells)}"))
        except CellExecutionError as error:
            log = PROJECT / "work" / "logs" / f"build-{work.name}.log"
            log.parent.mkdir(parents=True, exist_ok=True)
            log.write_text(str(error), encoding="utf-8")
            raise Stop(f"{title}: a cell fails with {error.ename}: {error.evalue}",
                       "fix the cell in the source; where the reader is meant to see the error,"
                       ' give it tags=["raises-exception"].', log) from None
        finally:
            stop_practice(work)


def _lend(model: Path, place: Path) -> None:
    """A fetched model where the run looks for it: a link, or a copy where links are not allowed.

    Raises Stop where it is not here.
    """
    if not (model / "config.json").is_file():
        raise Stop(f"The model {model.name} is not in work/models.",
                   f"python start.py fetch {model.name}")
    place.parent.mkdir(parents=True, exist_ok=True)
    try:
        place.symlink_to(model.resolve(), target_is_directory=True)
    except OSError:  # Windows allows links to administrators and developers only
        shutil.copytree(model, place)


def reword(source: Path) -> list[str]:
    """Make the notebooks of one source with the outputs that they have: only texts have changed.
    Quizzes and cases, which show nothing but words of the package, get today's.

    Returns which house rules they break. Raises Stop where a code cell differs, too: its saved
    output would belong to other code.
    """
    found = list(what_we_saw.misplaced(from_source(source)))
    for path, notebook in editions(source).items():
        saved = nbformat.read(path, as_version=4).cells if path.exists() else []
        saved, code = ([cell for cell in cells if cell.cell_type == "code"
                        and not colab_cell.is_generated(cell)] for cells in (saved, notebook.cells))
        if [cell.source for cell in saved] != [cell.source for cell in code]:
            raise Stop(f"{path.name}: the code differs as well, so it has to be run.",
                       f"python start.py build {source.stem[:2]}")
        for cell, old in zip(code, saved, strict=True):
            cell.outputs, cell.execution_count = old.outputs, old.execution_count
            renew(cell)
        for cell in filter(colab_cell.is_generated, notebook.cells):
            if cell.cell_type == "code":
                cell.execution_count = 1  # it has nothing to do here, and shows nothing
        write(clean(notebook, day=day_of_run(path)), path)
        texts = problems(notebook)
        texts += [f"source {text}" for text in what_we_saw.unfounded(from_source(source), notebook)]
        found += [f"{path.parent.name}/{path.name}: {text}" for text in texts]
    return found


def take(source: Path) -> None:
    """Write the notebook's cells, as edited in JupyterLab, into its source. Raises Stop."""
    notebook, cut = (
        colab_cell.without_cells(one) for one in
        (nbformat.read(notebook_of(source), as_version=4), editions(source)[notebook_of(source)]))
    restore(notebook, from_source(source), cut)
    before = source.read_text(encoding="utf-8")
    # What jupytext knows of the layout: the empty lines after each cell.
    layout = {(cell.cell_type, cell.source): cell.metadata.get("lines_to_next_cell")
              for cell in jupytext.reads(before, fmt=FORMAT).cells}
    for cell in notebook.cells:
        cell.metadata = _kept(cell.metadata)
        if lines := layout.get((cell.cell_type, cell.source)):
            cell.metadata["lines_to_next_cell"] = lines
    # The header stays as it is: of a notebook's own metadata, none is ours.
    header = HEADER.match(before)
    text = HEADER.sub("", jupytext.writes(notebook, fmt=FORMAT), count=1)
    source.write_text((header[0] if header else "") + text, encoding="utf-8", newline="\n")


def badges(readme: Path = PROJECT / "README.md", folder: Path = NOTEBOOKS) -> list[Path]:
    """Write the README's badges and the cells for Colab anew. Returns the files that changed."""
    changed = []
    text = readme.read_text(encoding="utf-8")
    if (new := colab_cell.with_badges(text)) != text:
        readme.write_text(new, encoding="utf-8", newline="\n")
        changed.append(readme)
    for path in sorted(folder.rglob("*.ipynb")):
        before = path.read_text(encoding="utf-8")
        place = path.relative_to(folder.parent).as_posix()
        write(colab_cell.refresh(nbformat.reads(before, as_version=4), place), path)
        if path.read_text(encoding="utf-8") != before:
            changed.append(path)
    return changed


def main(arguments: list[str] | None = None) -> int:
    """Command line. 1 where a notebook is out of date or breaks a rule."""
    parser = argparse.ArgumentParser(prog="start.py build")
    parser.add_argument("names", nargs="*")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--text", action="store_true")
    parser.add_argument("--take", action="store_true")
    parser.add_argument("--badges", action="store_true")
    parser.add_argument("--lend", action="append", default=[], metavar="MODEL")
    parser.add_argument("--after", action="append", default=[], metavar="NN")
    options = parser.parse_args(arguments)
    if options.badges:
        for path in badges():
            line("ok", f"{path.name} has new addresses for Colab")
        return 0
    chosen = sources(options.names)
    if options.take and not options.names:
        raise Stop("--take needs the notebook's number.", "python start.py build --take 01")
    failures = 0
    started = time.monotonic()
    for source in chosen:
        if options.take:
            take(source)
            line("ok", f"{source.name} now holds what {notebook_of(source).name} held")
            continue
        if options.check or options.text:
            found = (differences if options.check else reword)(source)
        else:
            found = build(source, None, options.lend, options.after and sources(options.after))
        for text in found:
            line("fail", text if options.check else f"{source.name}, {text}")
        if options.check and not found:
            line("ok", f"{notebook_of(source).name} agrees with its source")
        if options.text and not found:
            line("ok", f"{notebook_of(source).name} has the source's texts and its own outputs")
        failures += bool(found)
    if len(chosen) > 1 and not (options.check or options.take or options.text):
        print(f"       {len(chosen)} notebooks in {duration(time.monotonic() - started)}")
    return 1 if failures else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Stop as stop:
        sys.exit(str(stop))
