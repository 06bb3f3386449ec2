"""The backup's unit, read as systemd reads units and drop-ins."""

from __future__ import annotations

from pathlib import Path

UNITS = Path("systemd")


def last(option: str) -> str:
    """The value that counts: drop-ins come by their names, whichever folder they are in."""
    folders = ("jembatan-.service.d", "jembatan-backup.service.d")
    drop_ins = [path for folder in folders for path in (UNITS / folder).glob("*.conf")]
    drop_ins.sort(key=lambda path: path.name)
    files = [UNITS / "jembatan-backup.service", *drop_ins]
    lines = [line for path in files for line in path.read_text().splitlines()]
    return [line.partition("=")[2] for line in lines if line.startswith(f"{option}=")][-1]


def test_a_backup_that_takes_long_is_waited_for() -> None:
    assert last("Type") == "oneshot"  # so that all it does is its start
    assert last("TimeoutStartSec") == "infinity"
