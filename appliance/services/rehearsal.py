"""Owns trying a new version on a copy of the journal, before it changes the journal for good.

A newer schema cannot be read by the version before: once the journal has it there is no way back.
So on the first start of an update that brings one, a copy is migrated and the page looks at that.
If it works, the other slot is closed for good, and then the services may start; if not, the unit
fails, which takes the box back (`slot go-back`), and the journal is as it was.
"""

from __future__ import annotations

import argparse
import logging
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.box.health import page_reasons
from appliance.box.rauc import Rauc
from appliance.clock import SystemClock
from appliance.errors import Problem, Unhealthy
from appliance.journal import schema
from appliance.journal.database import Database
from appliance.journal.session import Paths
from appliance.services.duty import log_to_stderr

if TYPE_CHECKING:
    from collections.abc import Sequence

_log = logging.getLogger(__name__)


def is_needed(root: Path) -> bool:
    """Whether the services would bring the journal of the box at `root` to a newer schema."""
    return 0 < schema.kept(Paths(root, root).journal) < schema.known()


def rehearse(root: Path, stage: Path) -> None:
    """Migrate a copy, made in the folder `stage`, and have the page look at it.

    Raises Unhealthy where that does not work, or another Problem.
    """
    from appliance.web.app import create_app  # noqa: PLC0415 - large, and most starts need none

    ours, theirs = Paths(root, root / "run"), Paths(stage, stage / "run")
    shutil.rmtree(stage, ignore_errors=True)  # a pulled plug may have left one
    try:
        schema.copy(ours.journal, theirs.journal)
        shutil.copytree(ours.etc, theirs.etc)
        copy = Database(theirs.journal)
        faults = copy.check()
        copy.close()
        if faults:
            raise Unhealthy(why=f"the migrated journal is broken: {faults[0]}")
        answer = create_app(theirs, SystemClock()).test_client().get("/healthz")
        if reasons := page_reasons(answer.status_code, answer.text):
            raise Unhealthy(why=f"on the migrated journal: {reasons[0]}")
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def work(root: Path) -> int:
    """Rehearse where that is needed, and settle what follows; 0: the services may start.

    The unit calls it only on trial, where there is a version to go back to.
    """
    if not is_needed(root):
        return 0
    try:
        rehearse(root, root / "box" / "rehearsal")
        Rauc().mark_other_bad()  # from here on there is no way back
    except Problem as problem:
        _log.error("%s %s", problem, problem.hint)
        return 1
    _log.info("the journal goes to schema %d; the version before is closed", schema.known())
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line of the unit."""
    parser = argparse.ArgumentParser(prog="jembatan-rehearsal")
    parser.add_argument("--root", type=Path, required=True, help="where all state lives")
    options = parser.parse_args(arguments)
    log_to_stderr()
    return work(options.root)


if __name__ == "__main__":
    sys.exit(main())
