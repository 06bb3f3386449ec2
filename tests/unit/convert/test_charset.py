"""Text in undeclared or untrue letters is read as the profile says; what is right stays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from appliance.errors import (
    UnencodableName,
)
from appliance.settings.schema import Profile
from tests.builders import dialects, part10
from tests.builders.dialect_reader import read
from tests.builders.part10 import (
    EXPLICIT_BE,
    EXPLICIT_LE,
    IMPLICIT_LE,
    element,
)

if TYPE_CHECKING:
    from pathlib import Path

    from tests.builders.dialects import Value

SYNTAXES = [IMPLICIT_LE, EXPLICIT_LE, EXPLICIT_BE]
CHINESE = Profile(charset="gbk")
WANG = "王^小明".encode("gbk")


@pytest.mark.parametrize(
    ("name", "codec", "declared"),
    [
        ("王^小明", "gbk", ""),
        ("王^小明", "gbk", "ISO_IR 100"),
        ("陳^小明", "gbk", "ISO_IR 100"),
        ("山田^太郎", "shift_jis", ""),
        ("山田^太郎", "shift_jis", "ISO_IR 100"),
        ("Иванов^Иван", "cp1251", ""),
        ("Иванов^Иван", "cp1251", "ISO_IR 100"),
        ("김^희중", "euc_kr", ""),
        ("王^小明", "gb18030", "ISO_IR 192"),
        ("Ümit^Öz", "cp1252", ""),
        ("O\u2019Brien^Sean", "cp1252", "ISO_IR 100"),
        ("WANG^王", "gbk", "NO_SUCH_SET"),
    ],
)
@pytest.mark.parametrize("syntax", SYNTAXES)
def test_text_in_undeclared_or_untrue_letters_becomes_unicode(
    tmp_path: Path, name: str, codec: str, declared: str, syntax: str
) -> None:
    changes: dict[int, Value | None] = {
        0x00080005: ("CS", declared) if declared else None,
        0x00100010: ("PN", name.encode(codec).ljust(20)),
    }
    found = read(tmp_path, dialects.file(changes, syntax), Profile(charset=codec))
    unicode: dict[int, Value | None] = {
        0x00080005: ("CS", "ISO_IR 192"),
        0x00100010: ("PN", name.encode() + b" " * (len(name.encode()) % 2)),
    }
    assert found.says("PatientName") == name
    assert found.rules == ["charset"]
    assert f"it declares {declared or 'nothing'} and is {codec}" in found.sentence("charset")
    assert found.encoding == dialects.data_set(unicode, syntax)


@pytest.mark.parametrize(
    ("name", "declared", "codec"),
    [
        ("Ümit^Öz", "ISO_IR 100", "gbk"),
        ("Größe^Søren", "ISO_IR 100", "gbk"),
        ("Åse^Ø", "ISO_IR 100", "shift_jis"),
        ("Müller^Jürgen", "ISO_IR 192", "cp1251"),
        ("Иванов^Иван", "ISO_IR 144", "gbk"),
        ("王^小明", "GB18030", "shift_jis"),
    ],
)
def test_what_is_plainly_as_declared_is_not_read_otherwise(
    tmp_path: Path, name: str, declared: str, codec: str
) -> None:
    python = {
        "ISO_IR 100": "latin-1",
        "ISO_IR 192": "utf-8",
        "ISO_IR 144": "iso8859_5",
        "GB18030": "gb18030",
    }[declared]
    content = name.encode(python)
    file = dialects.file(
        {
            0x00080005: ("CS", declared),
            0x00100010: ("PN", content + b" " * (len(content) % 2)),
        }
    )
    found = read(tmp_path, file, Profile(charset=codec))
    assert found.says("PatientName") == name
    assert found.rules == []
    assert found.encoding == file[len(part10.meta(dialects.UID)) :]


def test_all_text_is_written_in_one_set_in_sequences_too(tmp_path: Path) -> None:
    def file(latin: bytes, chinese: bytes, declared: str, inner: str) -> bytes:
        charset = element(0x00080005, "CS", inner)
        item = charset + element(0x00321060, "LO", latin)
        request = dialects.sequence(0x00400275, item)
        head = dialects.head({0x00080005: ("CS", declared), 0x00100010: ("PN", chinese)})
        return head + request + element(0x7FE00010, "OW", dialects.native())

    content = file("Höhe".encode("latin-1"), WANG + b" ", "ISO_IR 6", "ISO_IR 100")
    found = read(tmp_path, part10.meta(dialects.UID) + content, CHINESE)
    wang = "王^小明".encode()
    assert found.encoding == file("Höhe".encode(), wang, "ISO_IR 192", "ISO_IR 192")


def test_text_of_no_known_letters_among_others_is_held(tmp_path: Path) -> None:
    file = dialects.file({0x00080070: ("LO", b"\xff\xff"), 0x00100010: ("PN", WANG + b" ")})
    with pytest.raises(UnencodableName, match=r"Manufacturer of exam/a\.dcm.*gbk"):
        read(tmp_path, file, CHINESE)
