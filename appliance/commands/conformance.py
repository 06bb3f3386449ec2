"""Owns `jembatan conformance`: the DICOM conformance statement as plain text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.commands.out import say
from appliance.desk.conformance import statement

if TYPE_CHECKING:
    from argparse import Namespace


def conformance(_: Namespace) -> int:
    """All of it, in Markdown."""
    say(statement.text().rstrip("\n"))
    return 0
