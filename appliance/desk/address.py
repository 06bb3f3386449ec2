"""Owns how an address of DICOM is written on a command line."""

from __future__ import annotations

from typing import NamedTuple

from appliance.errors import Refused

_MAX_PORT = 65535


class Address(NamedTuple):
    """AET@HOST:PORT."""

    ae_title: str
    host: str
    port: int


def address(to: str) -> Address:
    """Read AET@HOST:PORT; whether the title is one, others ask. Raises Refused."""
    ae_title, _, place = to.rpartition("@")
    host, _, port = place.rpartition(":")
    if not (host and port.isdecimal() and 0 < int(port) <= _MAX_PORT):
        raise Refused(what=f"The destination {to}", why="it is written AETITLE@HOST:PORT")
    return Address(ae_title, host.strip("[]"), int(port))
