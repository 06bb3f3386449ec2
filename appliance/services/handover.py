"""Owns composing what hands a box over: its journal, its shares, and who must hear of it."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING

from appliance.board.drive.gadget import Gadget, KernelConfigfs
from appliance.box.handover import Machine, opened
from appliance.box.identity import name_of
from appliance.clock import SystemClock
from appliance.journal.away import CONCERNED
from appliance.journal.bell import ring
from appliance.services.offers import TOLD
from appliance.settings.current import Current
from appliance.sources.hosted import hosted, hosted_folder
from appliance.sources.line.staging import is_listening
from appliance.sources.untaken import untaken

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from appliance.clock import Clock
    from appliance.journal.session import Paths


def machine_of(
    paths: Paths,
    tell: Callable[[int], None] = lambda _: None,
    clock: Clock | None = None,
) -> Machine:
    """The box at `paths`, as it hands over and takes over."""
    clock = clock or SystemClock()
    return Machine(
        paths,
        name_of(paths.root),
        clock,
        wake=lambda: ring(paths.run, *CONCERNED),
        is_quiet=lambda: not (_is_sharing(paths) or _is_listening(paths) or _is_posing()),
        untaken=lambda: _untaken(paths, clock),
        tell=tell,
    )


def _is_sharing(paths: Paths) -> bool:
    """Whether a share is still offered; the share service says so when Samba has ended."""
    if not hosted(Current(paths.root).get()):
        return False
    with suppress(FileNotFoundError, ValueError):
        return bool(json.loads((paths.run / TOLD).read_bytes()))
    return False


def _is_listening(paths: Paths) -> bool:
    """Whether a serial line is still open."""
    return any(is_listening(folder) for folder in paths.serial.glob("*/"))


def _is_posing() -> bool:
    """Whether a modality still has the stick in hand that the box poses as."""
    return Gadget(KernelConfigfs()).is_within_reach


def _untaken(paths: Paths, clock: Clock) -> Iterator[tuple[str, Path]]:
    """Of shares with a folder of the box's own; others the spare does not have.

    Also of those that are in no settings any more: what lies there is nowhere else.
    """
    names = {hosted_folder(each, paths): each.name for each in hosted(Current(paths.root).get())}
    with opened(paths, clock) as journal:
        for top in sorted(each for each in paths.shares.glob("*/") if not each.is_symlink()):
            for path in untaken(names.get(top, top.name), top, journal.arrivals):
                yield path.relative_to(paths.shares).as_posix(), path
