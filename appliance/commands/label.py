"""Owns `jembatan hw label`: the label of a box, of this one or of one that is named."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from appliance import durable
from appliance.box import papers
from appliance.box.board import board
from appliance.commands.box import paths_of
from appliance.commands.out import say
from appliance.desk.label import Label, svg
from appliance.errors import Refused

if TYPE_CHECKING:
    from argparse import Namespace

_SHA256 = 32
_BYTE = re.compile(r"[0-9A-F]{2}")


def label(options: Namespace) -> int:
    """Write the label to a file. Raises Refused, OSError."""
    here = board()
    known = replace(here, serial=options.serial.lower()) if options.serial else here
    if not known.serial:
        raise Refused(what="the label", why="this machine tells no serial; say it with --serial")
    content = svg(Label(known.serial, known.hostname, _fingerprint(options)))
    durable.publish(options.file.absolute(), content.encode())
    say(f"{options.file}: print it at its true size, 62 x 46 mm.")
    return 0


def _fingerprint(options: Namespace) -> str:
    """Of the page's certificate: as it was given, else this box's own; "" is not known yet."""
    if options.fingerprint:
        said: str = options.fingerprint.upper()
        parts = said.split(":")
        if len(parts) != _SHA256 or not all(_BYTE.fullmatch(part) for part in parts):
            raise Refused(what="the fingerprint", why="it is not 32 bytes as AA:BB:...")
        return said
    return "" if options.serial else papers.fingerprint(paths_of(options.root).root)
