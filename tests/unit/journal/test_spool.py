from __future__ import annotations

import hashlib
import io
from typing import TYPE_CHECKING

import pytest

from appliance.journal.spool import Spool, digest_of

if TYPE_CHECKING:
    from pathlib import Path


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
