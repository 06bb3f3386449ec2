from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest

from appliance.model import Slice
from appliance.peek import EndsEarly
from appliance.stretch import Stretch

if TYPE_CHECKING:
    from pathlib import Path

WHOLE = b"headMIDDLEtailEND"


@pytest.fixture
def stretch(tmp_path: Path) -> Stretch:
    path = tmp_path / "file"
    path.write_bytes(b"..MIDDLE..END")
    return Stretch([b"head", Slice(path, 2, 6), b"", b"tail", Slice(path, 10, 3)])


def test_every_part_is_what_it_is_in_the_whole(stretch: Stretch) -> None:
    assert stretch.size == len(WHOLE)
    for start in range(len(WHOLE) + 1):
        for stop in range(start, len(WHOLE) + 1):
            assert stretch.read(start, stop - start) == WHOLE[start:stop]
            assert Stretch(stretch.part(start, stop)).read(0, 99) == WHOLE[start:stop]


def test_slices_stay_slices(stretch: Stretch) -> None:
    before, middle, behind = stretch.part(2, 12)
    assert (before, behind) == (b"ad", b"ta")
    assert isinstance(middle, Slice)
    assert (middle.offset, middle.length) == (2, 6)


def test_it_can_be_looked_into(stretch: Stretch) -> None:
    assert stretch.peek().at(3, 8) == WHOLE[3:11]
    with pytest.raises(EndsEarly):
        stretch.peek().at(10, 8)


def test_a_part_is_a_file_of_its_own(stretch: Stretch) -> None:
    with stretch.file(2, 12) as file:
        assert file.read(4) == WHOLE[2:6]
        assert file.tell() == 4
        assert file.seek(-2, io.SEEK_END) == 8
        assert file.read() == WHOLE[10:12]
        assert file.seek(0) == 0
        assert file.seek(3, io.SEEK_CUR) == 3
        assert file.read() == WHOLE[5:12]


def test_a_file_that_shrank_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"short")
    with pytest.raises(EndsEarly, match="shrank"):
        Stretch([Slice(path, 2, 6)]).read(0, 6)
