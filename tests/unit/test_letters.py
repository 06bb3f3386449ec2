"""Text is read in the character set it was declared in, or said to be unreadable; never "?"."""

from __future__ import annotations

import re
import struct
import subprocess
from io import BytesIO
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.data import get_charset_files

from appliance import elements
from appliance.letters import decoded
from appliance.peek import Garbled, opened
from appliance.revise import relettered
from tests.builders import part10

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


# --- a data set in other letters -----------------------------------------------------------------

CHARSET = (0x00080005, "CS", "ISO_IR 100")
NAME = (0x00100010, "PN", "Müller".encode("latin-1"))
PLAIN = (0x00100020, "LO", "4711")
BYTES = (0x00091001, "UN", b"\xfc\0")
TEXTS = (0x00104000, "LT", "weiß".encode("latin-1"))


def block(syntax: str, *listed: tuple[int, str, bytes | str]) -> bytes:
    return b"".join(part10.element(tag, vr, value, syntax) for tag, vr, value in listed)


def item(syntax: str, content: bytes, *, known: bool = True) -> bytes:
    """An item of known length, or one that its delimiter ends."""
    order = ">" if syntax == part10.EXPLICIT_BE else "<"
    end = b"" if known else struct.pack(f"{order}HHL", 0xFFFE, 0xE00D, 0)
    length = len(content) if known else 0xFFFFFFFF
    return struct.pack(f"{order}HHL", 0xFFFE, 0xE000, length) + content + end


def endless(syntax: str, tag: int, content: bytes) -> bytes:
    """A sequence that its delimiter ends."""
    order = ">" if syntax == part10.EXPLICIT_BE else "<"
    vr = b"" if syntax == part10.IMPLICIT_LE else b"SQ\0\0"
    start = struct.pack(f"{order}HH", tag >> 16, tag & 0xFFFF) + vr + b"\xff" * 4
    return start + content + struct.pack(f"{order}HHL", 0xFFFE, 0xE0DD, 0)


def as_unicode(content: bytes, vr: str, declared: str) -> bytes:
    return decoded(content, declared, vr).encode()


def in_unicode(content: bytes, syntax: str) -> bytes:
    return relettered(content, elements.coding_of(syntax), as_unicode)


def texts_in(content: bytes, syntax: str) -> list[str]:
    """Every text of it as dcmtk reads it, told that it is Unicode."""
    declared = block(syntax, (0x00080005, "CS", "ISO_IR 192"))
    file = part10.meta("1.2.3", syntax) + declared + content
    said = subprocess.run(
        ["dcmdump", "+U8", "-"], input=file, capture_output=True, check=True
    ).stdout.decode()
    return re.findall(r" (?:PN|LO|LT) \[(.*?)\]", said)


SYNTAXES = [part10.EXPLICIT_LE, part10.IMPLICIT_LE, part10.EXPLICIT_BE]


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_every_text_is_anew_and_nothing_else(syntax: str) -> None:
    old = block(syntax, CHARSET, BYTES, NAME, PLAIN, TEXTS)
    new = in_unicode(old, syntax)
    there = (0x00100010, "PN", "Müller"), (0x00104000, "LT", "weiß")
    assert new == block(syntax, BYTES, there[0], PLAIN, there[1])


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("known", [True, False])
def test_texts_in_sequences_are_anew(syntax: str, known: bool) -> None:
    inner = item(syntax, block(syntax, NAME, TEXTS), known=known)
    outer = endless(syntax, 0x00101002, inner) if not known else None
    content = outer or block(syntax, (0x00101002, "SQ", inner))
    deep = item(syntax, block(syntax, PLAIN) + content, known=known)
    new = in_unicode(block(syntax, CHARSET, NAME, (0x00400275, "SQ", deep)), syntax)
    assert texts_in(new, syntax) == ["Müller", "4711", "Müller", "weiß"]


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_a_sequence_of_plain_text_stays_as_it_was(syntax: str) -> None:
    plain = endless(syntax, 0x00101002, item(syntax, block(syntax, PLAIN), known=False))
    assert in_unicode(plain, syntax) == plain


def test_an_item_may_have_letters_of_its_own() -> None:
    greek = "Αθήνα".encode("iso8859_7")
    inner = block(part10.EXPLICIT_LE, (0x00080005, "CS", "ISO_IR 126"), (0x00100010, "PN", greek))
    sequence = (0x00101002, "SQ", item(part10.EXPLICIT_LE, inner))
    old = block(part10.EXPLICIT_LE, CHARSET, NAME, sequence)
    expected = ["Müller", "Αθήνα"]
    assert texts_in(in_unicode(old, part10.EXPLICIT_LE), part10.EXPLICIT_LE) == expected


@pytest.mark.parametrize("name", sorted(FILES))
def test_any_declared_character_set_becomes_unicode(name: str) -> None:
    """pydicom reads the same from both; its samples declare sets of every kind."""
    with opened(FILES[name]) as peek:
        file = elements.file_head(peek)
        old = peek.at(file.data_set, peek.size - file.data_set)
    new = relettered(old, file.coding, as_unicode)
    declared = part10.element(0x00080005, "CS", "ISO_IR 192", file.transfer_syntax_uid)
    begin = part10.meta("1.2.3", file.transfer_syntax_uid)
    after, before = dcmread(BytesIO(begin + declared + new)), dcmread(FILES[name])
    before.decode()
    for keyword in ("PatientName", "PatientComments", "StudyDescription"):
        assert after.get(keyword) == before.get(keyword)


def test_what_cannot_be_read_is_not_made_anew() -> None:
    old = block(part10.EXPLICIT_LE, (0x00080005, "CS", "ISO_IR 192"), NAME)
    with pytest.raises(ValueError, match="decode"):
        in_unicode(old, part10.EXPLICIT_LE)


def test_sequences_without_end_cost_nothing() -> None:
    inner = block(part10.EXPLICIT_LE, NAME)
    for _ in range(40):
        inner = block(part10.EXPLICIT_LE, (0x00101002, "SQ", item(part10.EXPLICIT_LE, inner)))
    with pytest.raises(Garbled, match="too deep"):
        in_unicode(inner, part10.EXPLICIT_LE)


def test_a_text_that_outgrows_its_length_is_refused() -> None:
    long = (0x00081030, "LO", "ü".encode("latin-1") * 40_000)
    with pytest.raises(Garbled, match="too long"):
        in_unicode(block(part10.EXPLICIT_LE, CHARSET, long), part10.EXPLICIT_LE)
