"""The one place where an update lies before it is installed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from appliance.board.disk import Room
from appliance.box import incoming as room_of
from appliance.box.bundle import LARGEST_BYTES
from appliance.box.incoming import Incoming
from appliance.errors import BundleTooLarge, NoRoomForBundle, NothingUploaded, UploadOutOfStep

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def incoming(tmp_path: Path) -> Incoming:
    return Incoming(tmp_path / "incoming")


def put(incoming: Incoming, at: int, total: int, piece: bytes) -> None:
    with os.fdopen(incoming.piece(at, total), "wb") as file:
        file.write(piece)


def test_it_comes_in_pieces_and_is_gone_after_its_use(incoming: Incoming, tmp_path: Path) -> None:
    put(incoming, 0, 6, b"abc")
    assert incoming.progress == (3, 6)
    put(incoming, 3, 6, b"def")
    with incoming.sealed() as file:
        assert file.read_bytes() == b"abcdef"
        assert file.stat().st_mode & 0o777 == 0o600
        assert file.parent.stat().st_mode & 0o777 == 0o700
    assert list((tmp_path / "incoming").iterdir()) == []
    assert incoming.progress is None


def test_a_piece_that_is_out_of_step_is_refused(incoming: Incoming) -> None:
    put(incoming, 0, 6, b"abc")
    for at, total in ((2, 6), (4, 6), (3, 7), (-1, 6)):
        with pytest.raises(UploadOutOfStep):
            incoming.piece(at, total)
    put(incoming, 3, 6, b"def")


def test_beginning_anew_forgets_what_came(incoming: Incoming) -> None:
    put(incoming, 0, 6, b"abc")
    put(incoming, 0, 3, b"xyz")
    with incoming.sealed() as file:
        assert file.read_bytes() == b"xyz"


def test_what_a_dead_steward_left_is_cleared_away(incoming: Incoming, tmp_path: Path) -> None:
    put(incoming, 0, 6, b"abc")
    assert Incoming(tmp_path / "incoming").progress is None
    assert list((tmp_path / "incoming").iterdir()) == []


def test_what_is_not_whole_is_not_used(incoming: Incoming) -> None:
    with pytest.raises(NothingUploaded), incoming.sealed():
        pass
    put(incoming, 0, 6, b"abc")
    with pytest.raises(NothingUploaded, match="3 of 6 bytes"), incoming.sealed():
        pass


def test_nor_what_somebody_may_still_write_to(incoming: Incoming) -> None:
    fd = incoming.piece(0, 3)
    os.write(fd, b"abc")
    with pytest.raises(NothingUploaded, match="still writes"), incoming.sealed():
        pass
    os.close(fd)


def test_a_size_beyond_all_updates_is_refused_at_once(incoming: Incoming) -> None:
    with pytest.raises(BundleTooLarge):
        incoming.piece(0, LARGEST_BYTES + 1)


def test_images_keep_their_room(incoming: Incoming, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room_of, "room", lambda _: Room(1 << 30, room_of.RESERVE_BYTES + 999))
    put(incoming, 0, 999, bytes(999))
    with pytest.raises(NoRoomForBundle):
        incoming.piece(0, 1000)
