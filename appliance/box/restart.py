"""Owns starting the machine again, cleanly: every service ends what it does."""

from __future__ import annotations

import logging
from threading import Timer

from appliance.box.tool import run
from appliance.errors import ToolFailed

_log = logging.getLogger(__name__)

_AFTER_THE_ANSWER_S = 3.0


def restart() -> None:
    """Now."""
    try:
        run("systemctl", "reboot")
    except ToolFailed as failed:
        _log.error("the box does not start again: %s", failed.sentence)


def restart_soon() -> None:
    """Not at once: who asked shall see the answer, and page and steward end with the rest."""
    Timer(_AFTER_THE_ANSWER_S, restart).start()
