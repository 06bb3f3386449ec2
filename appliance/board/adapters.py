"""Owns asking which serial adapters are plugged in, and what people may call them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

_BY_ID = "/dev/serial/by-id/"


class Adapter(NamedTuple):
    """A serial line; `path` stays the same wherever and whenever it is plugged in."""

    path: str
    title: str


def adapters() -> list[Adapter]:
    """Those that are there now.

    udev is asked and not /dev, where a service of the box sees next to nothing. None where there
    is no udev.
    """
    try:
        import pyudev  # noqa: PLC0415 - only the form of a serial line needs it
    except ImportError:
        return []
    devices = pyudev.Context().list_devices(subsystem="tty")
    found = [
        Adapter(link, title(device.properties, link))
        for device in devices
        for link in device.device_links
        if link.startswith(_BY_ID)
    ]
    return sorted(found)


def title(properties: Mapping[str, str], path: str) -> str:
    """Maker and model as they call themselves, else the path's last part."""
    words = [properties.get(key, "") for key in ("ID_VENDOR", "ID_MODEL")]
    return " ".join(" ".join(words).replace("_", " ").split()) or path.removeprefix(_BY_ID)
