"""What a cut leaves of the writes a machine had made, from a log in QEMU's own form."""

from __future__ import annotations

import struct
from io import BytesIO
from random import Random

import pytest

from tests.prove.image_torn import Write, entries, survivors
from tests.prove.machine import NotProved

FLUSH, FUA, DISCARD = 1, 2, 4
SECTOR = 512


def log(*made: tuple[int, bytes, int], sector: int = SECTOR) -> BytesIO:
    """Sector, content, flags of each; a discard has no content in the log."""
    head = struct.pack("<QQQI", 0x6A736677736872, 1, len(made), sector)
    pieces = [head.ljust(SECTOR, b"\0")]
    for first, content, flags in made:
        entry = struct.pack("<QQQQ", first, len(content) // SECTOR, flags, 0)
        pieces.append(entry.ljust(SECTOR, b"\0"))
        if not flags & DISCARD:
            pieces.append(content)
    return BytesIO(b"".join(pieces))


def block(letter: bytes) -> bytes:
    return letter * SECTOR


def test_entries_are_read_to_the_last_whole_one() -> None:
    whole = log((8, block(b"a") * 2, 0), (0, b"", FLUSH), (16, block(b"d"), DISCARD))
    content = whole.getvalue() + log((24, block(b"e"), 0)).getvalue()[SECTOR:]
    assert list(entries(BytesIO(content), len(content) - 1)) == [
        Write(8 * SECTOR, 2 * SECTOR, 2 * SECTOR, 0),
        Write(0, 0, 5 * SECTOR, FLUSH),
        Write(16 * SECTOR, SECTOR, 6 * SECTOR, DISCARD),
    ]


def test_what_is_no_log_is_said() -> None:
    with pytest.raises(NotProved, match="no log of writes"):
        list(entries(log(sector=4096), SECTOR))


def writes(*flags: int) -> list[Write]:
    return [Write(n * SECTOR, 0 if f & FLUSH else SECTOR, n, f) for n, f in enumerate(flags)]


def test_all_up_to_the_last_flush_is_kept_and_of_the_rest_some() -> None:
    made = writes(0, 0, FLUSH, 0, FLUSH, *[0] * 100)
    kept = survivors(made, Random(1))
    assert kept[:5] == made[:5]
    assert 20 < len(kept) - 5 < 80
    assert kept == sorted(kept, key=lambda one: one.at)


def test_what_was_forced_through_is_kept() -> None:
    made = writes(FLUSH, *[FUA] * 50)
    assert survivors(made, Random(1)) == made


def test_what_u_boot_wrote_after_a_reset_is_kept_until_linux_flushes() -> None:
    made = writes(FLUSH, *[0] * 50)
    assert survivors(made, Random(1), reset_at=1) == made
    later = [*made, *writes(FLUSH, *[0] * 50)]
    assert survivors(later[:52], Random(1), reset_at=1) == later[:52]


def test_what_linux_wrote_before_a_reset_may_be_lost() -> None:
    made = writes(FLUSH, *[0] * 50)
    assert len(survivors(made, Random(1), reset_at=100)) < 50
