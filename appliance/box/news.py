"""Owns telling everybody what became of an update that did not stay: RUN/update-news.json.

The record itself is root's own. Gone with the next restart, when whoever looks has seen it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from appliance import durable
from appliance.box.record import Record, Stage
from appliance.errors import FellBack, UpdateCutShort

if TYPE_CHECKING:
    from pathlib import Path

    from appliance.errors import Notice

_NAME = "update-news.json"


def tell(run: Path, record: Record) -> None:
    """Tell it, where it is worth telling."""
    if record.stage in {Stage.FELL_BACK, Stage.CUT_SHORT}:
        said = {"stage": record.stage, "version": record.version, "now": record.before}
        durable.publish(run / _NAME, json.dumps(said).encode(), mode=0o644)


def told(run: Path) -> tuple[Notice, ...]:
    """What there is to tell."""
    try:
        said = json.loads((run / _NAME).read_bytes())
        version, now = str(said["version"]), str(said["now"])
    except (OSError, ValueError, TypeError, KeyError):
        return ()
    if said["stage"] == Stage.FELL_BACK:
        return (FellBack(version=version, now=now),)
    return (UpdateCutShort(version=version),)
