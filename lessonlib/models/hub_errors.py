"""What can go wrong when a model or a data set is fetched from the Hugging Face hub, in our words.

The libraries wrap one error in another, so we go through the whole chain for the one that tells
most.
"""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator

from lessonlib.common.errors import LessonError
from lessonlib.common.i18n import _


@contextlib.contextmanager
def hub_errors(name: str, what: str = "models") -> Iterator[None]:
    """Turn errors of loading ``name`` into a LessonError with a cure.

    Args:
        name: a hub name or a folder.
        what: ``models`` or ``datasets``, for the address of its page.

    Raises:
        LessonError: the disk is full, access must be asked for, a token is missing or not
            accepted, there is no such name or revision, the network does not answer, or a folder
            is incomplete.
    """
    try:
        yield
    except (OSError, ValueError, ImportError) as error:
        problem, cure = _explained(error, str(name), what)
        raise LessonError(problem, cure) from error
    except Exception as error:
        # httpx's errors and the hub's own are no OSErrors.
        if not any(type(one).__module__.split(".")[0] in ("httpx", "httpcore", "huggingface_hub")
                   for one in _chain(error)):
            raise
        problem, cure = _explained(error, str(name), what)
        raise LessonError(problem, cure) from error


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error, what it was raised from, and so on."""
    seen = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _explained(error: BaseException, name: str, what: str) -> tuple[str, str]:
    """Problem and cure, from the most telling error of the chain."""
    from huggingface_hub import errors as hub

    chain = list(_chain(error))
    page = f"https://huggingface.co/{'datasets/' if what == 'datasets' else ''}{name}"
    if any(isinstance(one, OSError) and one.errno == errno.ENOSPC for one in chain):
        return (
            _("The disk is full; {name} was not loaded completely.").format(name=name),
            _("Free some space, or put the hub's files elsewhere: set HF_HOME to a folder on"
              " another disk, restart the kernel, and run the cell again. It goes on where it"
              " stopped."),
        )  # fmt: skip
    if any(isinstance(one, MemoryError) for one in chain):
        return (_("There isn't enough memory to load {name}.").format(name=name),
                _("Choose a smaller model, or shut down other notebooks."))
    if any(isinstance(one, hub.GatedRepoError) for one in chain):
        return (
            _("{name} is gated: its owner wants to know who uses it.").format(name=name),
            _("Open {page}, agree to its terms, then log in here with a token of that account:"
              " huggingface_hub.login().").format(page=page),
        )  # fmt: skip
    if any(isinstance(one, hub.RevisionNotFoundError) for one in chain):
        return (_("{name} no longer has the revision that this course loads.").format(name=name),
                _("Look at {page}, and put a revision that is there into"
                  " data/facts/open_models.toml.").format(page=page))
    status = next((one.response.status_code for one in chain
                   if getattr(one, "response", None) is not None), None)
    if status in (401, 403) or any(isinstance(one, hub.LocalTokenNotFoundError) for one in chain):
        return (
            _("The hub did not let us see {name}: the name is wrong, or it is private and your"
              " token is missing or not accepted.").format(name=name),
            _("Check the name on {page}. For a private one make a token at"
              " https://huggingface.co/settings/tokens and call huggingface_hub.login().")
            .format(page=page),
        )  # fmt: skip
    if status == 404 or any(isinstance(one, hub.RepositoryNotFoundError) for one in chain):
        return (_("The hub has nothing called {name}.").format(name=name),
                _("Look for the right name on https://huggingface.co/{what}.").format(what=what))
    told = " ".join(str(one) for one in chain)
    if "trust_remote_code" in told or "custom code" in told:
        return (
            _("{name} brings code of its own, which is not part of transformers.").format(
                name=name),
            _("Code from the hub is not run here. Choose a model that transformers knows by"
              " itself."),
        )  # fmt: skip
    if "does not recognize this architecture" in told:
        return (
            _("{name} is of a type that this installation does not know; it is probably newer than"
              " it.").format(name=name),
            _("Take an older model, or a newer transformers (in an environment of your own:"
              " pip install --upgrade transformers)."),
        )  # fmt: skip
    if _no_network(chain):
        return (
            _("{name} is not on this machine, and the hub does not answer.").format(name=name),
            _("Check the network (and HF_HUB_OFFLINE, which must not be 1), or leave the built-in"
              " model in place, which needs none."),
        )  # fmt: skip
    return (
        _("{name} cannot be loaded: {error}.").format(
            name=name, error=(str(error).splitlines() or [""])[0].rstrip(".")
        ),
        _("Check the name, the network, and that the folder is complete."),
    )


def _no_network(chain: list[BaseException]) -> bool:
    """Whether nobody answered: no connection, a time-out, or told to stay offline."""
    from huggingface_hub import errors as hub

    if any(isinstance(one, (hub.LocalEntryNotFoundError, ConnectionError)) for one in chain):
        return True
    if any(type(one).__name__ in ("ConnectError", "ConnectTimeout", "ReadTimeout",
                                  "OfflineModeIsEnabled") for one in chain):
        return True
    told = " ".join(str(one) for one in chain)
    return "couldn't connect to" in told.lower() or "offline" in told.lower()
