from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.box import bootfat

if TYPE_CHECKING:
    from pathlib import Path


def test_what_is_written_replaces_what_was_there(tmp_path: Path) -> None:
    for text in (b"first", b"second"):
        with bootfat.writable(tmp_path, tmp_path / "lock") as boot:
            bootfat.write(boot, "a.txt", text)
    assert (tmp_path / "a.txt").read_bytes() == b"second"
    assert {path.name for path in tmp_path.iterdir()} == {"a.txt", "lock"}


def test_what_is_erased_twice_is_gone(tmp_path: Path) -> None:
    bootfat.write(tmp_path, "a.txt", b"")
    for _ in range(2):
        bootfat.erase(tmp_path, "a.txt")
    assert not list(tmp_path.iterdir())
