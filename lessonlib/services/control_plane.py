"""The way to Azure's control plane, where deployments are made; on practice, to our copy of it.

Azure has two planes. The *data plane* answers questions and keeps files and jobs; it takes the
resource's key (``lessonlib.connect``). The *control plane*, Azure Resource Manager, makes and
deletes what costs money; it takes a token of the signed-in person. The token is, in this order:
the environment variable AZURE_MANAGEMENT_TOKEN, or what ``az account get-access-token`` gives.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any
from urllib.parse import quote, urlsplit

from lessonlib.common.errors import LessonError
from lessonlib.common.facts import API_VERSION
from lessonlib.common.i18n import _
from lessonlib.services.address import is_practice

MANAGEMENT = "https://management.azure.com"
#: Environment variables that say which resource is meant.
NAMES = ("AZURE_SUBSCRIPTION_ID", "AZURE_RESOURCE_GROUP", "AZURE_OPENAI_RESOURCE")
#: How often a request is repeated that came at a bad moment (409, 429, 5xx), and the longest
#: pause between two tries, in seconds.
TRIES, LONGEST_PAUSE = 6, 30.0


@dataclass(frozen=True)
class Place:
    """Where the control plane of one resource is. ``token`` opens it; it is never shown."""

    address: str
    token: str
    subscription: str
    group: str
    account: str

    def __repr__(self) -> str:
        return f"Place({self.address!r}, account={self.account!r})"

    def path(self, name: str = "") -> str:
        """The path of the resource's deployments, or of one of them."""
        path = (
            f"/subscriptions/{self.subscription}/resourceGroups/{self.group}/providers/"
            f"Microsoft.CognitiveServices/accounts/{self.account}/deployments"
        )
        # What has a meaning in an address, such as "/" and "?", must not lead to another one.
        return path + "/" + quote(name, safe="!$&'()*+,;=:@") if name else path


def azure_place() -> Place:
    """The learner's own resource at Azure, by the environment.

    Raises:
        LessonError: a variable is missing, or there is no token.
    """
    known = {name: os.environ.get(name, "").strip() for name in NAMES}
    host = urlsplit(os.environ.get("AZURE_OPENAI_ENDPOINT", "")).hostname or ""
    known["AZURE_OPENAI_RESOURCE"] = known["AZURE_OPENAI_RESOURCE"] or host.split(".")[0]
    missing = [name for name, value in known.items() if not value]
    if missing:
        raise LessonError(
            _("Deployments need the names of your Azure resource; missing: {names}.").format(
                names=", ".join(missing)),
            _("Set these environment variables; the portal shows the values on the resource's"
              " overview page."),
        )
    return Place(MANAGEMENT, _token(), *known.values())


def _token() -> str:
    """A token for the control plane, from the environment or from the Azure command line."""
    token = os.environ.get("AZURE_MANAGEMENT_TOKEN", "").strip()
    program = shutil.which("az")
    if not token and program:
        command = [program, "account", "get-access-token", "--resource", MANAGEMENT,
                   "--query", "accessToken", "--output", "tsv"]
        try:
            token = subprocess.run(command, capture_output=True, text=True, encoding="utf-8",
                                   timeout=60, check=True).stdout.strip()
        except (OSError, subprocess.SubprocessError):
            token = ""
    if not token:
        raise LessonError(
            _("There is no token for Azure's control plane."),
            _("Sign in with: az login. Or set AZURE_MANAGEMENT_TOKEN to what"
              " 'az account get-access-token' prints."),
        )
    if not token.isascii() or len(token.split()) > 1:
        # It cannot be sent, and the error that said so showed it.
        raise LessonError(
            _("The token for Azure's control plane has a blank, a line break or a strange letter"
              " in it."),
            _("Copy it again, in one piece and without a word before it; or sign in: az login."),
        )
    return token


def request(
    place: Place,
    method: str,
    path: str,
    body: dict | None = None,
    versioned: bool = True,
    missing: bool = False,
    agreed: bool = False,
) -> tuple[int, Any]:
    """One request; repeated where a second try can help.

    Args:
        agreed: somebody has said yes to what it costs. Without, nothing that makes a deployment
            is sent, but to a practice service.
        missing: a GET of what may be missing, so that 404 is an answer. Everywhere else a 404
            means that subscription, group or resource are mistyped, and "nothing there" would
            hide what is charged in the right ones.

    Returns:
        The HTTP status (2xx, or 404) and the answer's JSON, None where it is empty.

    Raises:
        LessonError: no yes, or it was refused, or there was no answer; with what to do.
    """
    if method not in ("GET", "DELETE") and not (agreed or is_practice(place.token)):
        raise LessonError(
            _("A deployment at Azure is charged by the hour, and nobody has agreed to that."),
            _("resource.deploy(name, model) says what it costs, and asks."),
        )
    address = place.address + path + (f"?api-version={API_VERSION}" if versioned else "")
    return _send(place, method, address, body, missing)


def listing(place: Place, path: str) -> list[dict]:
    """Everything in a list of the control plane, over all its pages.

    Raises:
        LessonError: it was refused, or an answer is no list. A list is whole or there is none:
            a part of it would hide what is charged in the rest.
    """
    found: list[dict] = []
    address, read = f"{place.address}{path}?api-version={API_VERSION}", set()
    while address:
        read.add(address)
        status, page = _send(place, "GET", address)
        values = page.get("value") if status == 200 and isinstance(page, dict) else None
        if not isinstance(values, list):
            raise no_list(_("its answer ({status}) has none").format(status=status))
        found += values
        address = page.get("nextLink")
        if address and (address in read or not _is_there(address, place)):
            raise no_list(_("its next page would be {link}").format(link=address))
    return found


def no_list(reason: str) -> LessonError:
    """What is raised where a list was asked for and none came."""
    return LessonError(
        _("The control plane sent no list of deployments: {reason}.").format(reason=reason),
        _("Check {names}, and try again. Azure's portal shows what is deployed, too.").format(
            names=", ".join(NAMES)),
    )


def _is_there(link: object, place: Place) -> bool:
    """Whether a link leads to the same control plane: the token goes nowhere else."""
    def origin(address: str) -> tuple:
        parts = urlsplit(address)
        return parts.scheme, parts.hostname, parts.port or {"https": 443}.get(parts.scheme)

    try:
        return isinstance(link, str) and origin(link) == origin(place.address)
    except ValueError:  # a port that is no number
        return False


def _send(
    place: Place, method: str, address: str, body: dict | None = None, missing: bool = False
) -> tuple[int, Any]:
    data = None if body is None else json.dumps(body).encode("utf-8")
    headers = {"Authorization": f"Bearer {place.token}", "Content-Type": "application/json"}
    for attempt in range(1, TRIES + 1):
        asking = urllib.request.Request(address, data, headers, method=method)
        try:
            with _opener(place).open(asking, timeout=60) as answer:
                return answer.status, _json(answer.read())
        except urllib.error.HTTPError as error:
            answer = _json(error.read())
            if error.code == 404 and missing:
                return 404, answer
            passing = error.code in (409, 429) or error.code >= 500
            if not passing or attempt == TRIES:
                raise _refused(error.code, answer) from None
            time.sleep(_pause(error.headers.get("retry-after"), attempt))
        except (OSError, HTTPException) as error:  # HTTPException: cut off in the middle
            raise LessonError(
                _("The control plane does not answer: {reason}").format(
                    reason=getattr(error, "reason", error)),
                _("Check that you are online, and try again. Look first what is there:"
                  " resource.deployments()"),
            ) from None
    raise AssertionError("unreachable")


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirection is a refusal: followed, it would take the token along to wherever it leads."""

    def redirect_request(self, *what: Any) -> None:
        return None


def _opener(place: Place):
    """Calls to practice services must not go through a proxy; those to Azure may have to."""
    if place.address.startswith("http://"):
        return urllib.request.build_opener(_NoRedirect, urllib.request.ProxyHandler({}))
    return urllib.request.build_opener(_NoRedirect)


def _pause(asked: str | None, attempt: int) -> float:
    wanted = float(asked) if asked and asked.isdecimal() else 2.0 ** (attempt - 1)
    return min(LONGEST_PAUSE, wanted)


def _json(content: bytes) -> Any:
    try:
        return json.loads(content) if content.strip() else None
    except ValueError:
        return None


def _refused(status: int, answer: Any) -> LessonError:
    """A refusal in the service's words, and what to do about it."""
    error = answer.get("error") if isinstance(answer, dict) else None
    error = error if isinstance(error, dict) else {}
    cures = {
        401: _("The token is wrong or an hour old. Sign in again: az login."),
        403: _("You may not deploy in this resource: ask for the role 'Cognitive Services"
               " Contributor'."),
        404: _("Check subscription, resource group and resource: {names}.").format(
            names=", ".join(NAMES)),
        409: _("Something else is under way there: wait a minute and try again."),
    }
    leads_away = _("It sends us elsewhere, as the sign-in page of a network does: check the address"
                   " and that you are online.")
    return LessonError(
        _("The control plane refuses ({status} {code}): {message}").format(
            status=status, code=error.get("code", ""), message=error.get("message", "?")),
        cures.get(status, leads_away if status < 400 else _("Fix what it says there and try"
                                                            " again.")),
    )
