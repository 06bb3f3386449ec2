"""DICOM in every dialect is read as what it is, whatever stands before its data set or not."""

from __future__ import annotations

import os
import tracemalloc
from typing import TYPE_CHECKING

import pytest

from appliance.convert import formats
from appliance.errors import Unreadable, UnsupportedFormat
from appliance.intake.complete import Wholeness, check
from appliance.settings.schema import Profile
from tests.builders import dialects, objects, part10
from tests.builders.dialect_reader import read
from tests.builders.part10 import (
    EXPLICIT_BE,
    EXPLICIT_LE,
    IMPLICIT_LE,
    JPEG_BASELINE,
    element,
)

if TYPE_CHECKING:
    from pathlib import Path

    from appliance.convert.source import Produce
    from tests.builders.dialects import Value

SYNTAXES = [IMPLICIT_LE, EXPLICIT_LE, EXPLICIT_BE]
CHINESE = Profile(charset="gbk")
WANG = "王^小明".encode("gbk")


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("skip", [0, 128, 132])
def test_without_repair_of_the_data_set_every_byte_of_it_stays(
    tmp_path: Path, syntax: str, skip: int
) -> None:
    found = read(tmp_path, dialects.file(syntax=syntax)[skip:])
    assert found.encoding == dialects.data_set(syntax=syntax)
    assert found.body.transfer_syntax_uid == syntax
    assert found.rules == ([] if not skip else ["preamble"])


@pytest.mark.parametrize(
    "said", [*SYNTAXES, part10.DEFLATED_LE, JPEG_BASELINE, part10.CR_IMAGE, "1..2", ""]
)
@pytest.mark.parametrize("true", SYNTAXES)
def test_a_wrong_transfer_syntax_is_known_by_the_elements(
    tmp_path: Path, said: str, true: str
) -> None:
    found = read(tmp_path, part10.meta(dialects.UID, said) + dialects.data_set(syntax=true))
    assert found.encoding == dialects.data_set(syntax=true)
    assert found.body.transfer_syntax_uid == true
    assert found.rules == ([] if said == true else ["transfer-syntax"])


@pytest.mark.parametrize("true", [IMPLICIT_LE, EXPLICIT_LE])
def test_pixels_in_a_transfer_syntax_of_a_makers_own_are_not_guessed(
    tmp_path: Path, true: str
) -> None:
    """GE's has the elements of Implicit VR Little Endian, and big-endian pixels."""
    pixels = dialects.native(EXPLICIT_BE)
    content = dialects.data_set(syntax=true, pixels=pixels)
    with pytest.raises(UnsupportedFormat, match="maker's own"):
        read(tmp_path, part10.meta(dialects.UID, "1.2.840.113619.5.2") + content)


@pytest.mark.parametrize("said", [EXPLICIT_LE, ""])
def test_compressed_pixels_of_which_nobody_knows_the_compression_are_refused(
    tmp_path: Path, said: str
) -> None:
    fragments = b"\xfe\xff\x00\xe0" + bytes(4) + b"\xfe\xff\xdd\xe0" + bytes(4)
    pixels = element(0x7FE00010, "OB", b"")[:-4] + b"\xff" * 4 + fragments
    content = part10.meta(dialects.UID, said) + dialects.head() + pixels
    with pytest.raises(Unreadable, match="does not say how"):
        read(tmp_path, content)
    path = tmp_path / "a"
    path.write_bytes(content)
    assert check(path).wholeness is Wholeness.BROKEN


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_without_a_head_it_is_whole_when_its_pixels_are(tmp_path: Path, syntax: str) -> None:
    content = dialects.data_set(syntax=syntax)
    path = tmp_path / "image"
    path.write_bytes(content + bytes(100))
    assert check(path).wholeness is Wholeness.WHOLE
    for length in range(0, len(content), 7):
        path.write_bytes(content[:length])
        assert check(path).wholeness is not Wholeness.WHOLE
    path.write_bytes(dialects.data_set(syntax=syntax, pixels=dialects.native(syntax)[:-2]))
    assert check(path).wholeness is Wholeness.GROWING


def test_a_gigabyte_of_frames_is_read_in_little_memory(tmp_path: Path) -> None:
    """The digest is what reads it; its head is new, its pixels are a slice of the file."""
    frames = (1 << 30) // (1024 * 1024 * 2)
    shape: dict[int, Value | None] = {
        0x00080020: ("DA", "1995.07.20"),
        0x00280008: ("IS", str(frames)),
        0x00280010: ("US", 1024),
        0x00280011: ("US", 1024),
    }
    before = part10.meta(dialects.UID) + dialects.head(shape)
    before += element(0x7FE00010, "OW", b"")[:-4] + (1 << 30).to_bytes(4, "little")
    path = tmp_path / "film"
    path.write_bytes(before)
    os.truncate(path, len(before) + (1 << 30))

    def make_body(produce: Produce) -> Path:
        with (tmp_path / "body").open("wb") as file:
            produce(file.write)
        return tmp_path / "body"

    tracemalloc.start()
    try:
        (body,), _ = formats.read(
            path,
            "film",
            None,
            sidecars={},
            modified_at=objects.ARRIVED_AT,
            arrived_at=objects.ARRIVED_AT,
            make_body=make_body,
        )
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4_000_000
    head, pixels = body.slices
    assert (pixels.path, pixels.length) == (path, (1 << 30) + 12)
    assert head.length < 1000
    assert check(path).wholeness is Wholeness.WHOLE
