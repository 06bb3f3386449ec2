"""Owns what the service that sends images does when it is asked to look into a destination."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from appliance.desk.asked import tls_of
from appliance.desk.doctor.subject import Known, Subject
from appliance.desk.doctor.visit import examine
from appliance.errors import Declined, NotThere
from appliance.settings.load import parse
from appliance.settings.schema import Destination

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager

    from appliance.clock import Clock
    from appliance.journal.journal import Journal
    from appliance.settings.schema import Settings

_FULL = "full"


def consult(
    request: Mapping[str, Any],
    settings: Settings,
    clock: Clock,
    open_journal: Callable[[], AbstractContextManager[Journal]] | None = None,
) -> Mapping[str, object]:
    """The report on a `destination` of the settings (or of others, as `toml`), or on a `place`.

    Raises NotThere.
    """
    if toml := request.get("toml"):
        settings = parse(toml)
    destination = _destination(request, settings)
    thorough = bool(request.get("thorough", True))
    if not (open_journal and destination.name):
        return examine(Subject(destination, settings), clock, thorough=thorough).document()
    with open_journal() as journal:
        subject = Subject(destination, settings, _known(journal, destination.name))
        return examine(subject, clock, journal=journal, thorough=thorough).document()


def _destination(request: Mapping[str, Any], settings: Settings) -> Destination:
    if name := request.get("destination"):
        found = settings.destination(name)
        if found is None:
            raise NotThere(what=f"destination {name} in the settings")
        return found
    # Unchecked: that is the doctor's first step.
    return Destination(name="", **request["place"], tls=tls_of(request))


def _known(journal: Journal, name: str) -> Known:
    """What was sent there, and whether the last of it found no room."""
    wanted = ("destination", name, _FULL)
    trouble = [
        Declined(code=row["code"], sentence=row["sentence"], hint=row["hint"])
        for row in journal.ledger.places()
        if (row["kind"], row["name"], row["state"]) == wanted
    ]
    return Known(tuple(journal.ledger.kinds_sent(name)), next(iter(trouble), None))
