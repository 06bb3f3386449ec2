"""Owns setting the box's clock by hand; root does it, or says why not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.call import ask

if TYPE_CHECKING:
    from datetime import datetime

    from appliance.journal.session import Paths

_STEWARD = "steward.sock"
_STEWARD_S = 30.0


def can_be_set(paths: Paths) -> bool:
    """Whether anybody could: on a workstation the clock is no business of this product's."""
    return (paths.run / _STEWARD).exists()


def set_clock(paths: Paths, moment: datetime) -> None:
    """Make it `moment` (aware) now. Raises Declined (why not), NobodyAnswers."""
    ask(paths.run / _STEWARD, {"op": "clock-set", "utc": moment.isoformat()}, _STEWARD_S)
