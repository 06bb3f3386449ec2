"""Owns asking for the doctor: the service that sends images where it runs, else this process."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict
from typing import TYPE_CHECKING

from appliance.call import ask
from appliance.desk.address import address
from appliance.desk.doctor.report import Place, Report, read
from appliance.errors import NobodyAnswers

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from appliance.clock import Clock
    from appliance.settings.schema import Settings, Tls

_DELIVER_S = 240.0

Whom = dict[str, object]
"""Whom to look at, as a request says it."""


def named(destination: str) -> Whom:
    """A destination of the settings, thoroughly."""
    return {"destination": destination}


def typed(toml: str, destination: str) -> Whom:
    """A destination in a text of settings that is being entered: could images go there?"""
    return {"toml": toml, "destination": destination, "thorough": False}


def at(place: Place, tls: Tls | None = None) -> Whom:
    """A bare address."""
    return {"place": place._asdict(), "tls": None if tls is None else asdict(tls)}


def place_at(text: str, calling: str) -> Place:
    """Where AET@HOST:PORT is. Raises Refused."""
    ae_title, host, port = address(text)
    return Place(host, port, ae_title, calling)


def ask_deliver(run_dir: Path, whom: Whom) -> Report:
    """Have the service that sends images look.

    Raises NobodyAnswers where it does not run, Declined where it knows no such destination.
    """
    return read(ask(run_dir / "deliver.sock", {"op": "doctor", **whom}, _DELIVER_S))


def ask_here(whom: Whom, settings: Settings, clock: Clock) -> Report:
    """Look from this process. Raises NotThere."""
    from appliance.desk.doctor.consult import consult  # noqa: PLC0415 - the page has no use for it

    document: Mapping[str, object] = consult(whom, settings, clock)
    return read(document)


def ask_somehow(run_dir: Path, whom: Whom, settings: Settings, clock: Clock) -> Report:
    """By the service where it runs, for that is who must get through; else from here."""
    with suppress(NobodyAnswers):
        return ask_deliver(run_dir, whom)
    return ask_here(whom, settings, clock)
