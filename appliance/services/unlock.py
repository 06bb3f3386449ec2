"""Owns the composition of the unlock service: root, for one thing, while the data is locked.

It takes the recovery key from the page that says so (services/locked.py), has this board open the
card from then on, and restarts the box: at the next start everything comes up in its order.
"""

from __future__ import annotations

import logging
import pwd
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from appliance.board.systemd import Notifier
from appliance.box import vault
from appliance.box.board import board
from appliance.box.restart import restart_soon
from appliance.call import Server
from appliance.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

SOCKET = Path("/run/jembatan-unlock/unlock.sock")

_OWNER = "jembatan"

_log = logging.getLogger(__name__)


class Unlock:
    """The one operation."""

    def __init__(self, recover: Callable[[str], None], restart: Callable[[], None]) -> None:
        """With what opens the card, and what is done once it did."""
        self._recover = recover
        self._restart = restart

    def answer(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """{"key": TEXT}: the recovery key, as it was typed."""
        try:
            self._recover(str(request["key"]))
        except Problem as problem:
            _log.warning("a recovery key was refused: %s", problem.sentence)
            raise
        _log.info("the recovery key opened the card; the box starts again")
        self._restart()
        return {}


def main() -> None:
    """Answer until the box starts again."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    unlock = Unlock(_recover, restart_soon)
    # Only the locked page's user, and root, may try keys.
    calls = Server(SOCKET, {"recover": unlock.answer}, mode=0o666, callers=_callers())
    Notifier().ready()
    calls.serve()


def _callers() -> frozenset[int]:
    with suppress(KeyError):
        return frozenset({0, pwd.getpwnam(_OWNER).pw_uid})
    return frozenset({0})


def _recover(typed: str) -> None:
    vault.recover(board().serial, vault.this_box(), typed)


if __name__ == "__main__":
    main()
