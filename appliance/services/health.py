"""Owns the check after every start: what works is marked good; where a fresh update does not, this
fails, and its unit goes back to the version before by a restart (`slot go-back`).

A slot that was good before is only said to be unwell: its other slot would not cure the card.
"""

from __future__ import annotations

import argparse
import logging
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from appliance import __version__
from appliance.box import news, record
from appliance.box.board import board
from appliance.box.bootenv import remembered
from appliance.box.bootfat import BOOT
from appliance.box.health import ON_DEMAND, Look, Trial, look
from appliance.box.rauc import Rauc
from appliance.box.record import Stage
from appliance.box.slots import is_on_trial
from appliance.clock import SystemClock, stamp
from appliance.errors import DiskFull, Problem, Unhealthy
from appliance.journal.bell import ring
from appliance.services.duty import log_to_stderr

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_log = logging.getLogger(__name__)

_RUN = Path("/run/jembatan")
_WELL_S = 20.0
_LEAST_LIMIT_S, _LIMIT_S = 300.0, 1800.0
_AS_SLOW = 8
"""A machine that took so long to come here takes this many times as long for the rest."""
_EVERY_S = 3.0


@dataclass(frozen=True, slots=True)
class Watch:
    """How the box is looked at, and for how long."""

    look: Callable[[], Look]
    ring: Callable[[], None] = lambda: None
    """For those who come on demand, where it is to be known whether they can."""
    now_s: Callable[[], float] = time.monotonic
    rest: Callable[[float], None] = time.sleep
    least_s: float = _WELL_S
    limit_s: float = _LEAST_LIMIT_S


def well(watch: Watch) -> bool:
    """Wait until the box was well for long enough; False once the limit is over.

    Those who come on demand are rung for when the others are well: not while all start at once.
    """
    began_s, trial, has_rung = watch.now_s(), Trial(), False
    while watch.now_s() - began_s < watch.limit_s:
        before = trial.reasons
        trial = trial.after(watch.look(), watch.now_s())
        for reason in set(trial.reasons) - set(before):
            _log.info("not yet: %s", reason)
        if not trial.reasons and not has_rung:
            watch.ring()
            has_rung = True
        if trial.is_passed(watch.now_s(), watch.least_s):
            return True
        watch.rest(_EVERY_S)
    problem = Unhealthy(why="; ".join(trial.reasons) or "services do not stay up")
    _log.error("%s %s", problem, problem.hint)
    return False


def work(root: Path, run: Path, port: int) -> int:
    """Check, and act on it; 0 where the box is well."""
    on_trial = is_on_trial(remembered(BOOT), board().slot)
    rung = ON_DEMAND if on_trial else ()
    limit = limit_s(time.monotonic())
    watch = Watch(lambda: look(root, port), lambda: ring(run, *rung), limit_s=limit)
    is_well = well(watch)
    is_good = is_well and is_marked_good(Rauc())
    _remember(root / "box", run, is_good=is_good)
    if is_good and on_trial:
        ring(run, "steward")  # a stick with the next update may have waited for the trial's end
    return 0 if is_good else 1


def is_marked_good(rauc: Rauc) -> bool:
    """Mark what runs as good; a version that cannot do that could never be replaced either."""
    try:
        rauc.mark_good()
    except Problem as problem:
        _log.error("%s %s", problem, problem.hint)
        return False
    _log.info("this system (%s) is good", __version__)
    return True


def limit_s(up_s: float) -> float:
    """How long the box has to become well, where it took `up_s` seconds to come so far."""
    return min(max(_LEAST_LIMIT_S, _AS_SLOW * up_s), _LIMIT_S)


def _remember(place: Path, run: Path, *, is_good: bool) -> None:
    """What became of the last update is known now; told on the first page until it restarts."""
    last = record.read(place)
    if last is None:
        return
    at, start = stamp(SystemClock().utc()), record.this_start()
    now = record.after_start(last, record.Started(board().slot, __version__, at, start))
    if now.stage is Stage.GOOD and not is_good:
        return
    try:
        if now != last:
            news.tell(run, now)
            record.write(place, now)
    except DiskFull as problem:
        _log.error("%s %s", problem, problem.hint)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line of the unit."""
    parser = argparse.ArgumentParser(prog="jembatan-health")
    parser.add_argument("--root", type=Path, required=True, help="where all state lives")
    parser.add_argument(
        "--run", type=Path, default=Path("/run/jembatan"), help="where sockets live"
    )
    parser.add_argument("--port", type=int, default=443, help="of the page")
    options = parser.parse_args(arguments)
    log_to_stderr()
    return work(options.root, options.run, options.port)


if __name__ == "__main__":
    sys.exit(main())
