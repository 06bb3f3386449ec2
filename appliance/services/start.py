"""Owns the start of the box, before any service: who the board is, its data, network and keys.

Runs once, as root, step by step. A step that fails is said (in the log, and in the report that
ends in jembatan-result.txt) and the next one runs all the same: a box whose data cannot be opened
must still be found in the network. Its exit status is 1 where the data is not mounted, so that
what needs the data is not started. It imports little: the whole start of the box waits for it.
"""

from __future__ import annotations

import logging
import os
import socket
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.board.supply import wait_for_power
from appliance.box import bootfat, erasing, first_boot, notary, report, vault
from appliance.box.board import Kind, board, remember_serial
from appliance.box.connect import Places
from appliance.box.network import ALWAYS
from appliance.box.report import Report, said_of
from appliance.box.tool import attempt, run
from appliance.errors import Problem, ToolFailed
from appliance.journal.session import Paths

if TYPE_CHECKING:
    from collections.abc import Iterator

    from appliance.box.board import Board
    from appliance.box.state import State

_log = logging.getLogger(__name__)

_DATA = Path("/data")
_RUN = Path("/run/jembatan-start")
_SUPPLY_S = 60.0
_SEEN_S, _GLANCE_S = 10.0, 0.05


def main() -> int:
    """Start the box; 0, or 1 where its data is not there."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    said: list[Problem] = []
    here = _identify(said)
    with _step("The power supply", said):
        wait_for_power(_SUPPLY_S)
    with _step("The data", said):
        said += vault.prepare(here.serial, vault.this_box(), _must_be_empty)
    is_open = os.path.ismount(_DATA)
    with _step(erasing.NAME, said):
        erasing.must_be_clear(bootfat.BOOT)
    if is_open:
        _wait_until_seen()
        _furnish(said)
    _go_online(here, said, is_open=is_open)
    return 0 if is_open else 1


def _furnish(said: list[Problem]) -> None:
    """What the data must have before anything reads it."""
    with _step("The folders", said):
        run("systemd-tmpfiles", "--create", f"--prefix={_DATA}")
    paths = Paths(_DATA, _RUN)
    if paths.coming.exists():
        from appliance.box.takeover import carry_out  # noqa: PLC0415 - once in a box's life

        with _step("What another box handed over", said):
            carry_out(paths)
    with _step("The password", said):
        erasing.forget_password(bootfat.BOOT, _DATA)


def _go_online(here: Board, said: list[Problem], *, is_open: bool) -> None:
    """Names, addresses and rules of the network, and the page's certificate, made out to them."""
    found: list[State] = []
    with _step("The network", said):
        found.append(first_boot.prepare(Places(_DATA), here, run, is_open=is_open))
    if is_open:
        name = found[0].hostname if found else here.hostname
        with _step("The page's certificate", said):
            notary.prepare(_DATA, (f"{name}.local", name, ALWAYS))
    _tell(here, said, is_open=is_open)
    if found and not is_open:
        with _step("The answer on the card", said):
            first_boot.answer(found[0], [f"{each.sentence} {each.hint}" for each in said])


def _identify(said: list[Problem]) -> Board:
    """Who this is; a virtual machine whose host gives it no serial gets one of its own."""
    here = board()
    if not here.serial and here.kind is Kind.VM:
        with _step("The serial number", said), bootfat.writable() as boot:
            remember_serial(boot)
        here = board()
    with _step("The name in the network", said):
        socket.sethostname(here.hostname)
    _log.info("%s, serial %s, slot %s", here.model, here.serial or "unknown", here.slot)
    return here


def _wait_until_seen() -> None:
    """Until systemd, which hears of mounts when it gets round to it, knows of this one.

    Else it would mount the data once more for who requires it, fail, and start nothing.
    """
    until_s = time.monotonic() + _SEEN_S
    while attempt("systemctl", "is-active", "--quiet", "data.mount").status:
        if time.monotonic() > until_s:
            _log.warning("systemd does not see the data after %.0f s", _SEEN_S)
            return
        time.sleep(_GLANCE_S)


def _must_be_empty(data: Path) -> None:
    from appliance.desk import reset  # noqa: PLC0415 - only a start that resets the box needs it

    reset.must_be_empty(Paths(data, _RUN))


def _tell(here: Board, said: list[Problem], *, is_open: bool) -> None:
    slot = here.slot.value if here.slot else ""
    found = tuple(map(said_of, said))
    report.write(Report(here.serial, here.model, here.kind.value, slot, is_open, found))


@contextmanager
def _step(name: str, said: list[Problem]) -> Iterator[None]:
    """What goes wrong in here is said, and the start goes on."""
    try:
        yield
    except (Problem, OSError, ValueError) as trouble:  # a garbled file is no text, or no number
        problem = trouble if isinstance(trouble, Problem) else _named(name, trouble)
        _log.error("%s: %s %s", name, problem.sentence, problem.hint)
        said.append(problem)


def _named(name: str, error: Exception) -> Problem:
    return ToolFailed(name=name, said=error)


if __name__ == "__main__":
    sys.exit(main())
