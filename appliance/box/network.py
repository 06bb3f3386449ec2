"""Owns what the network of this box shall be: frozen records, kept in a file of root's own."""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import TYPE_CHECKING, Any, get_origin, get_type_hints

from appliance import durable
from appliance.journal.away import may_use_address
from appliance.journal.session import Paths

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

LAN = "lan"
"""The board's own network socket (systemd/network/10-jembatan-lan.link)."""
MODALITY = "modality"
"""The second one, where there is one."""
WIFI = "wlan0"
ALWAYS = "169.254.77.7"
"""On every box, whatever else is set: a laptop on its cable finds the page there (RFC 3927)."""
_SECRETS = frozenset({"password", "key_password"})


@dataclass(frozen=True, slots=True)
class Lan:
    """The side of the hospital's network; without an address it asks by DHCP."""

    address: str = ""  # 10.1.2.3/24
    gateway: str = ""
    dns: tuple[str, ...] = ()
    domain: str = ""
    vlan: int = 0  # 0: untagged

    @property
    def interface(self) -> str:
        """Where its address is."""
        return f"{LAN}.{self.vlan}" if self.vlan else LAN

    @property
    def host(self) -> str:
        """The address alone; "" with DHCP."""
        return self.address.partition("/")[0]


@dataclass(frozen=True, slots=True)
class Modality:
    """The side of the modality; without an address there is none, and all is one network."""

    address: str = ""
    dhcp: bool = False  # whether this box gives the modality its address


@dataclass(frozen=True, slots=True)
class Dot1x:
    """802.1X: how the box proves itself to the switch; "" where it need not."""

    method: str = ""  # peap, ttls, tls
    identity: str = ""
    anonymous: str = ""
    password: str = ""
    ca: str = ""  # files in the folder `8021x`; "": any server is believed
    certificate: str = ""
    key: str = ""
    key_password: str = ""
    server: str = ""  # the name that its certificate must have


@dataclass(frozen=True, slots=True)
class Wifi:
    """A wireless network; "" where the radio stays off."""

    ssid: str = ""
    password: str = ""
    country: str = ""


@dataclass(frozen=True, slots=True)
class Network:
    """All of it."""

    hostname: str = ""  # "": the board's own
    lan: Lan = field(default_factory=Lan)
    modality: Modality = field(default_factory=Modality)
    dot1x: Dot1x = field(default_factory=Dot1x)
    wifi: Wifi = field(default_factory=Wifi)
    ntp: tuple[str, ...] = ()
    ca: tuple[str, ...] = ()  # files in the folder `ca`
    ssh_keys: tuple[str, ...] = ()
    timezone: str = ""  # wanted, and not yet in the settings

    @property
    def has_two_sides(self) -> bool:
        """Whether the modality has a network of its own."""
        return bool(self.modality.address)


def network_path(root: Path) -> Path:
    """Where it is kept below the box's root."""
    return root / "box" / "network.toml"


def load(root: Path) -> Network:
    """What is kept; a new box's own network where nothing is, or nothing that can be read."""
    try:
        found = tomllib.loads(network_path(root).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return Network()
    return of(found)


def in_force(root: Path) -> Network:
    """The same as far as it may be used: what a spare box has taken over, address and name, is
    that box's now.
    """
    return allowed(root, load(root))


def allowed(root: Path, network: Network) -> Network:
    """What of a network this box may use now: see `in_force`."""
    if may_use_address(Paths(root, root / "run")):
        return network
    return replace(network, hostname="", lan=Lan(), modality=Modality())


def save(root: Path, network: Network) -> None:
    """Keep it. Raises DiskFull."""
    durable.publish(network_path(root), toml(network).encode(), 0o600)


def toml(network: Network) -> str:
    """As it is kept: only what differs from a new box's."""
    return "".join(f"{line}\n" for line in _lines(changed(network)))


def changed(record: Any) -> dict[str, Any]:
    """What of a record is not as on a new box."""
    empty = type(record)()
    values = {each.name: getattr(record, each.name) for each in fields(record)}
    return {
        name: changed(value) if is_dataclass(value) else value
        for name, value in values.items()
        if value != getattr(empty, name)
    }


def plain(network: Network) -> dict[str, Any]:
    """What anybody on this box may know of it: no passwords."""
    return _without_secrets(changed(network))


def of(values: Mapping[str, Any]) -> Network:
    """The record of such values; what an older or newer version wrote otherwise is left out."""
    network: Network = _record(Network, values)
    return network


def _without_secrets(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: _without_secrets(value) if isinstance(value, dict) else value
        for name, value in values.items()
        if name not in _SECRETS
    }


def _lines(values: Mapping[str, Any]) -> Iterator[str]:
    for name, value in values.items():
        if not isinstance(value, dict):  # what JSON writes so, TOML reads so
            yield f"{name} = {json.dumps(value, ensure_ascii=False)}"
    for name, value in values.items():
        if isinstance(value, dict):
            yield f"[{name}]"
            yield from _lines(value)


def _record(cls: type[Any], found: Mapping[str, Any]) -> Any:
    hints = get_type_hints(cls)
    values = {name: _value(hints[name], value) for name, value in found.items() if name in hints}
    return cls(**{name: value for name, value in values.items() if value is not None})


def _value(hint: Any, value: object) -> Any:
    if is_dataclass(hint):
        return _record(hint, value) if isinstance(value, dict) else None  # type: ignore[arg-type]
    if isinstance(value, list):
        return tuple(str(each) for each in value)
    return value if isinstance(value, get_origin(hint) or hint) else None
