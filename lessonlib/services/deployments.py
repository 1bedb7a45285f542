"""Deploy a tuned model on Azure OpenAI, see what it costs, and take it away again.

    from lessonlib.services import deployments
    resource = deployments.resource()               # our practice copy of Azure, free
    resource.deploy("recipes", run.model)           # from now on ask for model="recipes"
    resource.deployments()                          # what is there
    resource.bill()                                 # what it has cost
    resource.delete("recipes")

``deployments.resource("azure")`` does the same with your own Azure resource. There a deployed
model costs money by the hour, so ``deploy`` prints the estimate and asks for a yes.
"""

from __future__ import annotations

import os
import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime

from lessonlib.common import consent
from lessonlib.common.errors import LessonError
from lessonlib.common.i18n import _
from lessonlib.costs import hosting_bill
from lessonlib.costs.hosting_bill import Bill
from lessonlib.services import clients, control_plane

__all__ = ["Deployment", "Resource", "request_body", "resource"]

#: What a learner may call the tiers, and what Azure calls them, with a usual capacity (thousands
#: of tokens a minute).
TIERS = {
    "standard": ("standard", 1),
    "global": ("globalstandard", 1),
    "developer": ("developertier", 50),
}
#: States that do not last.
PASSING = ("Accepted", "Creating", "Deleting", "Moving")
#: Seconds between two looks at a deployment: here, and at Azure.
LOOK_HERE, LOOK_THERE = 0.2, 10.0
#: How long a deployment may take, in seconds. Microsoft's guide speaks of minutes.
PATIENCE = 1800.0


@dataclass(frozen=True, repr=False)
class Deployment:
    """A deployment: ``name`` is what you ask for, ``model`` is what answers.

    ``created``: None where the control plane does not tell.
    """

    name: str
    model: str
    tier: str
    state: str
    created: datetime | None

    @classmethod
    def read(cls, raw: dict) -> Deployment:
        """From the control plane's JSON."""
        made = (raw.get("systemData") or {}).get("createdAt")
        created = datetime.fromisoformat(made) if made else None
        return cls(
            name=raw["name"],
            model=raw["properties"]["model"]["name"],
            tier=(raw.get("sku") or {}).get("name", "").lower(),
            state=raw["properties"].get("provisioningState", "?"),
            # Azure's times are those of UTC, also where one does not say so.
            created=created and (created if created.tzinfo else created.replace(tzinfo=UTC)),
        )

    def __repr__(self) -> str:
        return _("{name}: {model}, {tier}, {state}").format(**vars(self))


def request_body(model: str, tier: str = "standard", capacity: int | None = None) -> dict:
    """The body of the request that deploys a model, as Azure Resource Manager takes it.

    A tuned model always has the version "1". Base models have days for versions, which stand at
    the end of the names by which they are tuned; here the two are taken apart.

    Raises:
        LessonError: there is no such tier.

    Introduced in notebook 07.
    """
    if tier not in TIERS:
        raise LessonError(
            _("There is no tier {tier!r}.").format(tier=tier),
            _("Choose one of: {names}.").format(names=", ".join(TIERS)),
        )
    sku, usual = TIERS[tier]
    dated = re.fullmatch(r"(.+)-(\d{4}-\d{2}-\d{2})", model)
    # A day at the end of a tuned model's name is its suffix.
    name, version = (model, "1") if not dated or hosting_bill.is_tuned(model) else dated.groups()
    return {
        "sku": {"name": sku, "capacity": usual if capacity is None else capacity},
        "properties": {"model": {"format": "OpenAI", "name": name, "version": version}},
    }


def resource(provider: str | None = None) -> Resource:
    """The Azure resource to deploy in.

    Args:
        provider: "practice" (default; in a classroom, the room's service) or "azure", your own
            resource by AZURE_SUBSCRIPTION_ID, AZURE_RESOURCE_GROUP and AZURE_OPENAI_RESOURCE.

    Raises:
        LessonError: another provider, or a variable or token is missing.

    Introduced in notebook 07.
    """
    name = (provider or os.environ.get("LESSON_PROVIDER", "") or "practice").strip().lower()
    if name == "azure":
        return Resource(control_plane.azure_place())
    if name == "practice" or "://" in name:
        return Resource(clients.practice_place(name))
    raise LessonError(
        _("{name} has no deployments.").format(name=name),
        _("Use practice, or azure for your own Azure resource."),
    )


class Resource:
    """An Azure OpenAI resource, seen from the control plane.

    Args:
        place: where it is; or, for a practice service that may move, what tells where it is now.
        practice: whether it is ours and free.
    """

    def __init__(self, place, practice: bool | None = None):
        self._find = place if callable(place) else lambda: place
        self.practice = callable(place) if practice is None else practice

    def __repr__(self) -> str:
        place = self.place
        kind = _("practice copy of an Azure resource") if self.practice else _("Azure resource")
        return f"{kind}: {place.account} ({place.address})"

    @property
    def place(self) -> control_plane.Place:
        """Where the control plane is now, with the names in its addresses and the token."""
        return self._find()

    # --- deployments

    def deploy(
        self,
        name: str,
        model: str,
        tier: str = "standard",
        *,
        capacity: int | None = None,
        replace: bool = False,
        confirm: bool | None = None,
    ) -> Deployment:
        """Deploy a model and wait until it can be asked by ``name``.

        Args:
            name: 2 to 64 letters, digits, "-", "_" or "."; yours to choose.
            model: a tuned model's name (``run.model``), a checkpoint's, or a base model's; at
                Azure with the day that is its version.
            tier: "standard", "global" or "developer".
            capacity: thousands of tokens a minute; the usual number if not given.
            replace: at Azure, True puts the model in place of another one of that name, which
                somebody may be using; on practice that is always done.
            confirm: True agrees to the cost without being asked, for scripts; False does not.

        Raises:
            LessonError: the name is taken, no yes to the cost, or it was refused, or it failed.

        Introduced in notebook 07.
        """
        body = request_body(model, tier, capacity)
        print(hosting_bill.estimate(model, tier, self.practice))
        if not self.practice:
            wanted = body["properties"]["model"]["name"]
            _see_that_it_is_free(self.find(name), wanted, replace)
            _agree(confirm)
        place = self.place
        path = place.path(_named(name))
        try:
            # On practice nobody was asked; then the token must be one of practice, too.
            control_plane.request(place, "PUT", path, body, agreed=not self.practice)
            return self.wait(name)
        except KeyboardInterrupt:
            print(_("We stopped waiting; what was sent goes on there.\n"
                    "To wait for it:    resource.wait({name!r})\n"
                    "To take it away:   resource.delete({name!r})").format(name=name))
            raise

    def deployments(self) -> list[Deployment]:
        """What is deployed now.

        Raises:
            LessonError: the list cannot be had, or not whole. It is empty only where the right
                resource says so: what is not listed may be charged all the same.

        Introduced in notebook 07.
        """
        place = self.place
        try:
            return [Deployment.read(raw) for raw in control_plane.listing(place, place.path())]
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise control_plane.no_list(f"{type(error).__name__} {error}") from None

    def find(self, name: str) -> Deployment | None:
        """One deployment, or None where there is none of that name.

        Raises:
            LessonError: it was refused; or the resource itself is not there.
        """
        place = self.place
        path = place.path(_named(name))
        status, found = control_plane.request(place, "GET", path, missing=True)
        if status != 404:
            try:
                return Deployment.read(found)
            except (AttributeError, KeyError, TypeError, ValueError) as error:
                raise LessonError(
                    _("What the control plane tells of {name!r} cannot be read: {reason}.").format(
                        name=name, reason=f"{type(error).__name__} {error}"),
                    _("Try again: resource.find({name!r}). Azure's portal shows what is deployed,"
                      " too.").format(name=name),
                ) from None
        # Missing may be the deployment, or the resource: the list knows, and raises for that.
        return next((one for one in self.deployments() if one.name == name), None)

    def wait(self, name: str) -> Deployment:
        """Wait until a deployment is ready, and tell what happens to it meanwhile.

        Raises:
            LessonError: it has failed, it is not there, or it takes too long.
        """
        told, deadline = "", time.monotonic() + PATIENCE
        while True:
            found = self.find(name)
            if found is None:
                raise LessonError(
                    _("There is no deployment {name!r}.").format(name=name),
                    _("Look what is there: resource.deployments()"),
                )
            if found.state != told:
                told = found.state
                print(f"{name}: {told}")
            if found.state not in PASSING:
                break
            self._pause(deadline, name)
        if found.state != "Succeeded":
            raise LessonError(
                _("The deployment {name!r} has ended in the state {state}.").format(
                    name=name, state=found.state),
                _("Delete it, resource.delete({name!r}), and try again.").format(name=name),
            )
        return found

    def delete(self, name: str) -> None:
        """Take a deployment away, and wait until it is gone. Its model stays.

        Raises:
            LessonError: it was refused, or it takes too long.

        Introduced in notebook 07.
        """
        place = self.place
        status, _found = control_plane.request(place, "DELETE", place.path(_named(name)))
        if status == 204:
            print(_("There is no deployment {name!r}.").format(name=name))
            return
        deadline = time.monotonic() + PATIENCE
        while self.find(name) is not None:
            self._pause(deadline, name)
        print(_("The deployment {name!r} is gone; its model is still there.").format(name=name))

    def _pause(self, deadline: float, name: str) -> None:
        if time.monotonic() > deadline:
            raise LessonError(
                _("The deployment {name!r} takes very long.").format(name=name),
                _("It goes on there. Come back later: resource.wait({name!r})").format(name=name),
            )
        time.sleep(LOOK_HERE if self.practice else LOOK_THERE)

    # --- the meter

    def bill(self, since: float = 0) -> Bill:
        """What hosting has cost. At Azure an estimate, for what is deployed now.

        Args:
            since: leave out what was gone by that time, a bill's ``now``.

        Raises:
            LessonError: what is deployed cannot be told.

        Introduced in notebook 07.
        """
        if not self.practice:
            return hosting_bill.estimated(self.deployments()).since(since)
        place = self.place
        _status, raw = control_plane.request(place, "GET", "/practice/meter", versioned=False)
        return Bill.read_meter(raw).since(since)

    def wind(self, days: float = 0, hours: float = 0) -> Bill:
        """Wind the practice service's clock forward; returns the bill at that time.

        It moves the meter of your deployments and nothing else, and it never goes back.

        Raises:
            LessonError: at Azure, where time takes its time.

        Introduced in notebook 07.
        """
        if not self.practice:
            raise LessonError(
                _("Only the practice service has a clock that can be wound."),
                _("resource.bill() tells what has gone by so far."),
            )
        body = {"hours": 24 * days + hours}
        place = self.place
        _status, raw = control_plane.request(
            place, "POST", "/practice/clock", body, versioned=False)
        return Bill.read_meter(raw)


def _named(name: str) -> str:
    """The name, unless it would be an address of something else: of all deployments, say."""
    if not name.strip(". "):
        raise LessonError(
            _("{name!r} is no name of a deployment.").format(name=name),
            _('Use 2 to 64 letters, digits, "-", "_" or ".".'),
        )
    return name


def _see_that_it_is_free(found: Deployment | None, model: str, replace: bool) -> None:
    """See that no other model is deployed under the name, or that it may go."""
    if found is not None and found.model != model and not replace:
        raise LessonError(
            _("Another model is deployed under this name: {found}.").format(found=found),
            _("Choose another name; or, if nobody needs that one, deploy(..., replace=True)."),
        )


def _agree(confirm: bool | None) -> None:
    """Go on only after a yes."""
    consent.agree(
        _("Type yes to deploy: "), confirm,
        nobody=LessonError(
            _("This deployment costs money, and nobody is here to agree to it."),
            _("In a script, read the estimate first, then write deploy(..., confirm=True)."),
        ),
        refused=LessonError(
            _("You did not agree to the cost: nothing was deployed."),
            _("The practice service deploys for free: deployments.resource('practice')."),
        ),
    )
