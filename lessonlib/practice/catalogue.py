"""Which models an organisation can ask for: base models, and those that its jobs have made."""

from __future__ import annotations

from dataclasses import dataclass, replace

from lessonlib.practice import azure_view, folders, openai_view
from lessonlib.practice.errors import ApiError, model_not_found
from lessonlib.practice.folders import ModelFolder
from lessonlib.practice.model_store import TunedModel
from lessonlib.practice.store import DEFAULT, Store


@dataclass(frozen=True)
class Entry:
    """A model on disk; ``tuned`` is None for a base model."""

    model: ModelFolder
    tuned: TunedModel | None = None


class Catalogue:
    """Finds models by name, anew at each question.

    The learner at this machine also sees what was tuned with ``lora.tune``, in work/models.
    Learners who come with a classroom key see the built-in model and their own. Through the
    Azure view one sees the built-in model and what was tuned through it; through the OpenAI view
    nothing of that. ``view`` is the view's name; None for all, which the trainer needs.
    """

    def __init__(self, store: Store):
        self._store = store

    def find(self, organisation: str, name: str, view: str | None = None) -> Entry | None:
        """The model of that name, or None."""
        tuned = self._store.models.find(organisation, name)
        if tuned is not None:
            if view not in (None, tuned.view):
                return None
            folder = folders.read(name, self._store.models.path_of(tuned))
            return folder and Entry(replace(folder, created=tuned.created_at), tuned)
        own_folders = organisation == DEFAULT and view != azure_view.NAME
        if not own_folders and name != folders.BUILT_IN_NAME:
            return None
        base = folders.find(name)
        return base and Entry(base)

    def all(self, organisation: str, view: str = openai_view.NAME) -> list[Entry]:
        """Every model that can be asked for now: base models first."""
        bases = folders.all_models()
        if organisation != DEFAULT or view == azure_view.NAME:
            bases = [base for base in bases if base.name == folders.BUILT_IN_NAME]
        names = [tuned.name for tuned in self._store.models.all(organisation, view)]
        own = [self.find(organisation, name, view) for name in names]
        return [Entry(base) for base in bases] + [entry for entry in own if entry]

    def known(self, organisation: str, name: str, view: str = openai_view.NAME) -> Entry:
        """The model of that name.

        Raises:
            ApiError: 404, naming the models that there are.
        """
        entry = self.find(organisation, name, view)
        if entry is None:
            names = [entry.model.name for entry in self.all(organisation, view)]
            raise model_not_found(name, names)
        return entry

    def usable(
        self, organisation: str, name: str, view: str = openai_view.NAME
    ) -> ModelFolder:
        """The model to answer with.

        Raises:
            ApiError: 404, there is none of that name, or it was shut down.
        """
        entry = self.known(organisation, name, view)
        if entry.tuned and entry.tuned.is_shut_down:
            # OpenAI's words for a model past its date; the address is theirs.
            raise ApiError(
                f"The model `{name}` has been deprecated, learn more here: "
                "https://platform.openai.com/docs/deprecations",
                status=404,
                code="model_not_found",
            )
        return entry.model
