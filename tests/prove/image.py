"""Proves the built images: booted in an emulator exactly as flashed, driven from outside.

From the power switch to the page, the road of an image, the text file of the set-up, updates and
power cuts in the midst of them, what stands open. The card's image is not changed for it; where
an emulator forces a change on a copy (raspi3b), the report says which.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from tests.prove import (
    image_boot,
    image_cuts,
    image_damaged,
    image_foreign,
    image_ports,
    image_reach,
    image_reset,
    image_road,
    image_security,
    image_setup,
    image_silent,
    image_spare,
    image_update,
    image_upkeep,
)
from tests.prove.box import end_tidily
from tests.prove.image_built import BOARDS, OUT, built
from tests.prove.image_report import Report
from tests.prove.image_rig import Rig
from tests.prove.machine import NotProved

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import ModuleType

_PARTS: Mapping[str, ModuleType] = {
    "boot": image_boot,
    "road": image_road,
    "setup": image_setup,
    "update": image_update,
    "cuts": image_cuts,
    "reset": image_reset,
    "foreign": image_foreign,
    "damaged": image_damaged,
    "spare": image_spare,
    "ports": image_ports,
    "reach": image_reach,
    "upkeep": image_upkeep,
    "security": image_security,
    "silent": image_silent,
}
_RPI_ALONE = ("silent",)
_ON_RPI = ("boot", "road", *_RPI_ALONE)
"""On raspi3b, which is slow; the root file system is the same on both."""


def main(argv: Sequence[str] | None = None) -> int:
    """Prove what is asked for; 0, or 1 where something is not as promised."""
    parser = argparse.ArgumentParser(prog="./dev prove image", description=__doc__)
    parser.add_argument("--only", choices=_PARTS, action="append", help="this part")
    parser.add_argument("--board", choices=BOARDS, help="this board only (default: both)")
    parser.add_argument("--rounds", type=int, help="fewer of them")
    parser.add_argument("--out", type=Path, default=OUT, help="where the built images are")
    options = parser.parse_args(argv)
    end_tidily()
    faults = 0
    for board in (options.board,) if options.board else BOARDS:
        with TemporaryDirectory(prefix="jembatan-proof-") as folder:
            report = Report(OUT.parent / f"proof-{board}.md")
            rig = Rig(built(board, options.out), Path(folder), report, options.rounds)
            try:
                for part in options.only or _parts(board):
                    faults += not _proved(part, rig)
            finally:
                rig.close()
    return 1 if faults else 0


def _parts(board: str) -> Sequence[str]:
    return _ON_RPI if board == "rpi" else [part for part in _PARTS if part not in _RPI_ALONE]


def _proved(part: str, rig: Rig) -> bool:
    """Run one part on one board, and say how it went."""
    rig.report.begin(part)
    started_s = time.monotonic()
    try:
        found = _PARTS[part].prove(rig)
    except (NotProved, OSError) as reason:  # the machine or the PACS may be gone altogether
        rig.say(f"NOT PROVED: {part} on {rig.board.name}: {reason}")
        return False
    seconds = time.monotonic() - started_s
    rig.say(f"proved: {part} on {rig.board.name}: {found}; {seconds:.0f} s")
    return True


if __name__ == "__main__":
    sys.exit(main())
