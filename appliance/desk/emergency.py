"""Owns the card for the day the box is broken: how images get to the PACS by hand. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from appliance.settings.links import (
    DriveLink,
    FolderLink,
    ReceiverLink,
    SerialLink,
    ShareLink,
    StickLink,
)
from appliance.settings.schema import Environment

if TYPE_CHECKING:
    from collections.abc import Mapping

    from appliance.settings.links import Source
    from appliance.settings.schema import Settings


@dataclass(frozen=True, slots=True)
class Modality:
    """Where the exports of one source are, and what to do with them."""

    name: str
    where: str
    by_hand: str


@dataclass(frozen=True, slots=True)
class Pacs:
    """Where images belong."""

    name: str
    address: str


@dataclass(frozen=True, slots=True)
class Card:
    """One sheet of paper."""

    box: str
    contact: str
    modalities: tuple[Modality, ...]
    archives: tuple[Pacs, ...]
    has_worklist: bool


_COPY = "Copy the files of the exam to a stick or CD; have them imported at the PACS workstation."
_FROM_THE_MODALITY = "Export the exam anew to a stick or CD, for the PACS workstation's import."

_ALIKE: Mapping[type[Source], tuple[str, str]] = {
    StickLink: ("on the USB stick that the modality writes", _COPY),
    DriveLink: (
        "the modality believes the box to be a USB stick",
        "Unplug that cable, plug an empty stick in its place and export anew.",
    ),
    SerialLink: (
        "nowhere: the modality keeps nothing that it sends by its serial line",
        "Print the report, or write down what it says; send it again later.",
    ),
    ReceiverLink: (
        "in its own archive",
        "If it can send to the PACS itself, have the PACS allow it; else export the exam to a CD.",
    ),
}


def card(settings: Settings, host: str) -> Card:
    """For the box of these settings, which others call `host`."""
    return Card(
        box=settings.box.name,
        contact=settings.box.contact,
        modalities=tuple(_modality(source, host) for source in settings.sources),
        archives=tuple(
            Pacs(each.name, f"{each.ae_title} at {each.host}, port {each.port}")
            for each in settings.destinations
            if each.environment is Environment.PRODUCTION
        ),
        has_worklist=bool(settings.worklists),
    )


def _modality(source: Source, host: str) -> Modality:
    where, by_hand = _way(source, host)
    return Modality(source.name, where, by_hand)


def _way(source: Source, host: str) -> tuple[str, str]:
    if isinstance(source, ShareLink):
        if source.hosted:
            where = rf"in its own archive; the share \\{host}\{source.name} is gone with the box"
            return where, _FROM_THE_MODALITY
        return f"on the modality's own share {source.mount}", _COPY
    if isinstance(source, FolderLink):
        return f"in the folder {source.path}", _COPY
    return _ALIKE[type(source)]
