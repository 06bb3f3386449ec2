"""How much room there is."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from appliance.board.disk import Room, room

if TYPE_CHECKING:
    from pathlib import Path


def test_room_is_what_the_kernel_says(tmp_path: Path) -> None:
    found = room(tmp_path)
    stat = os.statvfs(tmp_path)
    assert found.total_bytes == stat.f_blocks * stat.f_frsize
    assert 0 < found.free_bytes <= found.total_bytes
    assert 0 < found.free_percent < 100


def test_a_file_system_without_blocks_has_no_room() -> None:
    assert Room(0, 0).free_percent == 0
