"""Owns asking the steward about spare boxes and backups, for the page and the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from appliance.call import ask

if TYPE_CHECKING:
    from appliance.journal.session import Paths

_SOCKET = "steward.sock"
_PATIENCE_S = 60.0


def is_there(paths: Paths) -> bool:
    """Whether this box has a steward; workstations have none."""
    return (paths.run / _SOCKET).exists()


def look(paths: Paths) -> dict[str, Any]:
    """How things stand: see appliance.box.spare. Raises NobodyAnswers, Declined."""
    return ask_steward(paths, "spare-look")


def drives(paths: Paths) -> dict[str, Any]:
    """What is on the drive that the box poses as: see appliance.box.posed. Raises as `look`."""
    return ask_steward(paths, "spare-drives")


def ask_steward(paths: Paths, operation: str, **request: object) -> dict[str, Any]:
    """What it answers to an operation of its. Raises NobodyAnswers, Declined."""
    return ask(paths.run / _SOCKET, {"op": operation, **request}, _PATIENCE_S)
