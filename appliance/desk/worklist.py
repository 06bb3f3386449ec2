"""Owns trying a worklist while somebody enters it: how much it tells of yesterday to tomorrow."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from appliance.call import ask
from appliance.errors import Declined

if TYPE_CHECKING:
    from pathlib import Path

    from appliance.errors import Problem
    from appliance.settings.schema import Worklist

_DELIVER_S = 60.0
_ASKED = ("name", "host", "port", "ae_title", "calling_ae_title", "station_ae_title", "charset")


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of it; with a problem nothing is known, without one 0 orders are none."""

    problem: Problem | None = None
    orders: int = 0
    undated: int = 0  # of no use: they do not say for which day
    unreadable: int = 0  # names and other texts in an unknown character set

    @property
    def ok(self) -> bool:
        """Whether it told."""
        return self.problem is None


def ask_deliver(run_dir: Path, worklist: Worklist) -> Answer:
    """Have the service that asks worklists ask. Raises NobodyAnswers where it does not run."""
    entry = {key: getattr(worklist, key) for key in _ASKED}
    entry["tls"] = worklist.tls and asdict(worklist.tls)
    try:
        told = ask(run_dir / "deliver.sock", {"op": "worklist", **entry}, _DELIVER_S)
    except Declined as problem:
        return Answer(problem)
    return Answer(
        orders=int(str(told["orders"])),
        undated=int(str(told["undated"])),
        unreadable=int(str(told["unreadable"])),
    )
