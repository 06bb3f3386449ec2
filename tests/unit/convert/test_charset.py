"""Text is read in the character set it was declared in, or said to be unreadable; never "?"."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.data import get_charset_files

from appliance import elements
from appliance.convert.charset import decoded
from appliance.peek import opened

FILES = {Path(path).name: Path(path) for path in get_charset_files("*.dcm")}


def raw(path: Path, *tags: int) -> list[bytes]:
    """The values of some elements as they lie in a file."""
    with opened(path) as peek:
        file = elements.file_head(peek)
        coding = elements.coding_of(file.transfer_syntax_uid)
        found = {
            each.tag: peek.at(each.value, each.end - each.value)
            for each in elements.walk(peek, file.data_set, coding)
        }
    return [found.get(tag, b"").strip(b"\0 ") for tag in tags]


@pytest.mark.parametrize("name", sorted(FILES))
def test_names_are_read_as_pydicom_reads_them(name: str) -> None:
    declared, patient = raw(FILES[name], 0x00080005, 0x00100010)
    expected = str(dcmread(FILES[name]).get("PatientName", ""))
    assert decoded(patient, declared.decode("ascii"), "PN") == expected


@pytest.mark.parametrize(
    ("content", "declared"),
    [
        ("Ümit".encode("latin-1"), ""),
        ("Ümit".encode("latin-1"), "ISO_IR 6"),
        ("Ümit".encode("latin-1"), "ISO_IR 192"),
        ("王".encode("gb18030"), "ISO_IR 192"),
        (b"Siti", "NO_SUCH_SET"),
        (b"\x1b$BSiti", "ISO_IR 100\\ISO 2022 IR 149"),
    ],
)
def test_what_is_not_of_the_set_is_not_read(content: bytes, declared: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        decoded(content, declared, "LO")
