"""Owns the first page: how the box is doing, what needs a person first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import render_template

from appliance.model import ItemState
from appliance.status.pattern import PATTERNS

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from appliance.status.snapshot import Snapshot
    from appliance.web.box import Box

_ON_THE_WAY = (ItemState.ARRIVED, ItemState.CONVERTED, ItemState.IDENTIFIED, ItemState.ROUTED)


class Status:
    """The status, whole and as the part that is refreshed."""

    def __init__(self, box: Box) -> None:
        """Show `box`."""
        self._box = box

    def page(self) -> ResponseReturnValue:
        """The whole page."""
        return self._render("status.html")

    def live(self) -> ResponseReturnValue:
        """The part of it that changes by itself."""
        return self._render("live.html")

    def _render(self, template: str) -> str:
        now = self._box.snapshot()
        return render_template(
            template,
            now=now,
            moving=_moving(now),
            pattern=PATTERNS[now.lamps],
            settings=self._box.settings,
            said_at_start=self._box.said_at_start,
        )


def _moving(now: Snapshot) -> int:
    """How many images are on their way; one that somebody must help on somewhere is not."""
    stuck = {held.id for held in now.held if held.destination}
    return sum(now.items.get(state, 0) for state in _ON_THE_WAY) - len(stuck)
