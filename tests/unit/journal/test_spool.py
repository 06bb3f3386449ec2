from __future__ import annotations

import fcntl
import hashlib
import io
from contextlib import suppress
from pathlib import Path

import pytest

from appliance.errors import DiskFull
from appliance.journal.spool import Reserve, Spool, digest_of


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "spool")


@pytest.mark.parametrize("size", [0, 1, 1 << 20, (1 << 20) + 1])
def test_bytes_lie_under_their_digest(spool: Spool, size: int) -> None:
    content = bytes(range(256)) * (size // 256) + bytes(size % 256)
    stored = spool.keep(io.BytesIO(content))
    assert stored.sha256 == hashlib.sha256(content).hexdigest() == digest_of(stored.path)
    assert stored.size_bytes == size
    assert stored.path == spool.path(stored.sha256)
    assert stored.path.read_bytes() == content


def test_what_is_made_piece_by_piece_is_the_same_file(spool: Spool) -> None:
    def produce(write: object) -> None:
        for piece in (b"pix", b"", b"els"):
            write(piece)  # type: ignore[operator]

    assert spool.make(produce) == spool.keep(io.BytesIO(b"pixels"))
    assert len(spool.files()) == 1


def test_what_fails_half_way_leaves_nothing(spool: Spool) -> None:
    def produce(write: object) -> None:
        write(b"half")  # type: ignore[operator]
        raise EOFError

    with pytest.raises(EOFError):
        spool.make(produce)
    assert spool.files() == []
    assert list((spool.folder / "tmp").iterdir()) == []


def test_several_may_store_at_once(spool: Spool) -> None:
    with spool.custody(), Spool(spool.folder).custody():
        spool.keep(io.BytesIO(b"pixels"))


def test_whoever_fails_while_storing_keeps_nobody_out(spool: Spool) -> None:
    with pytest.raises(EOFError), spool.custody():
        raise EOFError
    with spool.settled(0):
        pass


def test_what_is_received_is_hashed_and_published(spool: Spool) -> None:
    with spool.incoming() as incoming:
        incoming.write([b"pi", memoryview(b"xe")])
        assert incoming.peek().at(1, 3) == b"ixe"
        incoming.write([b"ls"])
        incoming.settle()
        with spool.custody():
            stored = incoming.publish()
    assert stored == spool.keep(io.BytesIO(b"pixels"))
    assert drafts(spool) == []


def test_what_is_not_published_leaves_nothing(spool: Spool) -> None:
    with suppress(EOFError), spool.incoming() as incoming:
        incoming.write([b"half"])
        raise EOFError
    assert (drafts(spool), spool.files()) == ([], [])


def test_a_sweep_leaves_alone_what_is_being_received(spool: Spool) -> None:
    (spool.folder / "tmp" / "of-the-dead.part").write_bytes(b"half")
    with spool.incoming() as incoming:
        incoming.write([b"pix"])
        Spool(spool.folder).sweep(lambda: (), lambda names: names)
        assert len(drafts(spool)) == 1
        incoming.write([b"els"])
        with spool.custody():
            stored = incoming.publish()
    assert stored.path.read_bytes() == b"pixels"


def test_a_draft_that_a_sweep_took_before_it_was_locked_is_begun_again(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    locked: list[int] = []

    def lock_late(file: object, how: int) -> None:
        if not locked:
            (draft,) = drafts(spool)
            draft.unlink()
        locked.append(how)
        flock(file, how)  # type: ignore[arg-type]

    flock = fcntl.flock
    monkeypatch.setattr(fcntl, "flock", lock_late)
    with spool.incoming() as incoming:
        incoming.write([b"pixels"])
        assert len(drafts(spool)) == 1
    assert len(locked) == 2


def test_a_draft_is_swept_only_while_nobody_can_begin_to_fill_it(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    (spool.folder / "tmp" / "of-the-dead.part").write_bytes(b"half")
    free: list[Path] = []

    def unlink_looking(draft: Path, *, missing_ok: bool = False) -> None:
        with suppress(BlockingIOError), draft.open() as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            free.append(draft)
        unlink(draft, missing_ok=missing_ok)

    unlink = Path.unlink
    monkeypatch.setattr(Path, "unlink", unlink_looking)
    spool.sweep(lambda: (), lambda names: names)
    assert (drafts(spool), free) == ([], [])


def test_there_is_room_or_it_is_said(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("appliance.journal.spool._FOR_WHAT_IS_HERE", Reserve(1, 1 << 60))
    with pytest.raises(DiskFull), spool.incoming() as incoming:
        incoming.write([b"pixels"])
    assert drafts(spool) == []


def drafts(spool: Spool) -> list[Path]:
    return list((spool.folder / "tmp").iterdir())
