"""A line that cannot be opened, or is gone, says so in words."""

from __future__ import annotations

import ctypes
import os
from typing import TYPE_CHECKING

import pytest

from appliance.board.tty import damage, open_line
from appliance.errors import SerialDenied, SerialUnplugged
from appliance.settings.links import SerialLink

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def ends() -> Iterator[tuple[int, str]]:
    """The modality's end as a descriptor, the box's as a path."""
    ours, theirs = os.openpty()
    yield ours, os.ttyname(theirs)
    for fd in (ours, theirs):
        os.close(fd)


def link(path: str, **settings: str) -> SerialLink:
    return SerialLink(name="us", path=path, **settings)  # type: ignore[arg-type]


def test_bytes_come_and_go_without_waiting(ends: tuple[int, str]) -> None:
    modality, path = ends
    line = open_line(link(path))
    assert line.read() == b""
    os.write(modality, b"\x00\x03\x11\r\n\xff")
    assert line.read() == b"\x00\x03\x11\r\n\xff"
    line.write(b"\x06")
    assert os.read(modality, 10) == b"\x06"
    assert line.is_there()
    line.close()
    assert not line.is_there()


class Counts(ctypes.Structure):
    """linux/serial.h."""

    _fields_ = (
        *((name, ctypes.c_int) for name in ("cts", "dsr", "rng", "dcd", "rx", "tx")),
        *((name, ctypes.c_int) for name in ("frame", "overrun", "parity", "brk", "buf_overrun")),
        ("reserved", ctypes.c_int * 9),
    )


@pytest.mark.parametrize("name", ["frame", "overrun", "parity", "buf_overrun"])
def test_damaged_and_lost_characters_are_counted(name: str) -> None:
    assert damage(bytes(Counts(cts=1, rx=1000, tx=20, brk=2))) == 0
    assert damage(bytes(Counts(rx=1000, **{name: 3}))) == 3


def test_a_pseudo_terminal_counts_nothing(ends: tuple[int, str]) -> None:
    line = open_line(link(ends[1]))
    assert line.errors() is None
    line.close()
    assert line.errors() is None


@pytest.mark.parametrize("framing", ["7E1", "8N2", "8O1"])
def test_framings_are_taken(ends: tuple[int, str], framing: str) -> None:
    open_line(link(ends[1], framing=framing)).close()


def test_a_line_is_for_one_only(ends: tuple[int, str]) -> None:
    first = open_line(link(ends[1]))
    with pytest.raises(SerialDenied, match="another program"):
        open_line(link(ends[1]))
    first.close()


def test_an_adapter_that_is_not_there_is_unplugged(tmp_path: Path) -> None:
    with pytest.raises(SerialUnplugged, match="ttyUSB9"):
        open_line(link(str(tmp_path / "ttyUSB9")))


def test_a_file_is_no_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SerialDenied):
        open_line(link(str(tmp_path / "file")))


def test_a_line_that_hangs_up_is_unplugged() -> None:
    modality, box = os.openpty()
    line = open_line(link(os.ttyname(box)))
    os.close(box)
    os.close(modality)
    with pytest.raises(SerialUnplugged):
        line.read()
    line.close()
