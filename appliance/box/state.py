"""Owns what everybody on the box may know of its network: a file of root's, without secrets."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from appliance import durable
from appliance.box import network as networks
from appliance.box.network import ALWAYS, Network

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FOLDER = "jembatan-net"
"""Below /run, beside the folder of sockets."""
_FILE = "state.json"


@dataclass(frozen=True, slots=True)
class Link:
    """One network socket."""

    name: str
    is_plugged: bool
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Trial:
    """A network that is tried, and given up unless somebody confirms it from there."""

    network: Network
    until_s: float  # of CLOCK_MONOTONIC


@dataclass(frozen=True, slots=True)
class Text:
    """What came of jembatan.txt."""

    digest: str = ""
    faults: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class State:
    """How the network of the box is."""

    hostname: str
    serial: str = ""
    network: Network = field(default_factory=Network)
    links: tuple[Link, ...] = ()
    trial: Trial | None = None
    text: Text = field(default_factory=Text)
    troubles: tuple[str, ...] = ()  # what could not be done at the start, or tried
    rules: str = ""  # why the rules in force are not those that are wished

    @property
    def all_troubles(self) -> tuple[str, ...]:
        """All that somebody should know."""
        return tuple(filter(None, (*self.troubles, self.rules)))

    @property
    def own_name(self) -> str:
        """What the box is called where nobody gave it a name."""
        return f"jembatan-{self.serial[-8:] or 'unknown'}"

    @property
    def addresses(self) -> tuple[str, ...]:
        """At which the page is, without the one that is always there."""
        links = [each for each in self.links if not self._is_modality(each)]
        hosts = [address.partition("/")[0] for link in links for address in link.addresses]
        return tuple(host for host in dict.fromkeys(hosts) if host != ALWAYS)

    def _is_modality(self, link: Link) -> bool:
        return self.network.has_two_sides and link.name == networks.MODALITY


def digest(content: bytes) -> str:
    """By which a jembatan.txt is known again."""
    return hashlib.sha256(content).hexdigest()


def tell(folder: Path, state: State) -> None:
    """Write it for all to read."""
    told = asdict(state) | {"network": networks.plain(state.network)}
    if state.trial:
        told["trial"]["network"] = networks.plain(state.trial.network)
    durable.publish(folder / _FILE, json.dumps(told).encode(), 0o644)


def told(folder: Path) -> State | None:
    """What was written; None where nobody did: this is no box, or it just starts."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        return _state(json.loads((folder / _FILE).read_bytes()))
    return None


def _state(found: Mapping[str, Any]) -> State:
    trial = found["trial"]
    return State(
        hostname=found["hostname"],
        serial=found["serial"],
        network=networks.of(_tuples(found["network"])),
        links=tuple(Link(**_tuples(each)) for each in found["links"]),
        trial=Trial(networks.of(_tuples(trial["network"])), trial["until_s"]) if trial else None,
        text=Text(**_tuples(found["text"])),
        troubles=tuple(found["troubles"]),
        rules=found["rules"],
    )


def _tuples(values: Mapping[str, Any]) -> dict[str, Any]:
    return {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
