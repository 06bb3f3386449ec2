"""Old dialects in front of other people's toolkits: valid objects, and the pixels of the file."""

from __future__ import annotations

import struct
import subprocess
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pydicom
import pytest

from appliance.convert import formats
from appliance.errors import Problem
from appliance.identify import rules
from appliance.journal.spool import Spool
from appliance.settings.schema import Profile, Trust
from tests.builders import acr_nema, dialects, objects, part10
from tests.builders.dialect_reader import read
from tests.builders.part10 import EXPLICIT_BE, EXPLICIT_LE, IMPLICIT_LE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.builders.dialects import Value

SAMPLES = Path(__file__).parents[1] / "data" / "dicom"
PYDICOM = Path(pydicom.__file__).parent / "data"
TRUSTED = Profile(identity=Trust.TRUST, sop_class="CR", modality="CR", photometric="MONOCHROME1")
CHINESE = Profile(identity=Trust.TRUST, charset="gbk")
WANG = "王^小明"


class Case(NamedTuple):
    """A file as a device wrote it, and lines that DCMTK must find in what becomes of it."""

    content: bytes
    lines: tuple[str, ...] = ()
    profile: Profile = TRUSTED
    pixels: bytes = dialects.native()


def of(changes: Mapping[int, Value | None], *lines: str, profile: Profile = TRUSTED) -> Case:
    return Case(dialects.file(changes), lines, profile)


GREYS = struct.pack(f"<{len(acr_nema.GREYS)}H", *acr_nema.GREYS)
OLD = ("DA [19950720]", "TM [112207]", "PN [DOE^JANE]", "CS [MONOCHROME1]", "DS [0.2\\0.2]")

CASES: dict[str, Case] = {
    "right": of({}, "DA [20260102]"),
    "no preamble": Case(dialects.file()[128:]),
    "no prefix": Case(dialects.file()[132:]),
    "no head, implicit": Case(dialects.data_set(syntax=IMPLICIT_LE)),
    "no head, explicit": Case(dialects.data_set(syntax=EXPLICIT_LE)),
    "no head, big-endian": Case(dialects.data_set(syntax=EXPLICIT_BE)),
    "implicit, called explicit": Case(
        part10.meta(dialects.UID, EXPLICIT_LE) + dialects.data_set(syntax=IMPLICIT_LE)
    ),
    "explicit, called implicit": Case(
        part10.meta(dialects.UID, IMPLICIT_LE) + dialects.data_set(syntax=EXPLICIT_LE)
    ),
    "unpacked, called JPEG": Case(
        part10.meta(dialects.UID, part10.JPEG_BASELINE) + dialects.data_set()
    ),
    "dotted date": of({0x00080020: ("DA", "1995.07.20")}, "(0008,0020) DA [19950720]"),
    "time with colons": of({0x00080030: ("TM", "11:22:07")}, "(0008,0030) TM [112207]"),
    "type with spaces": of({0x00080008: ("CS", "ORIGINAL PRIMARY")}, "[ORIGINAL\\PRIMARY]"),
    "zeros behind text": of({0x00080070: ("LO", b"ACME5\0")}, "LO [ACME5]"),
    "too long": of({0x00080050: ("SH", b"A1" + b" " * 18)}, "SH [A1]"),
    "odd": of({0x00080070: ("LO", b"ACME5")}, "LO [ACME5]"),
    "one UID for all": of(
        {0x0020000E: ("UI", dialects.STUDY)}, f"[{dialects.STUDY}]", "(0020,000e) UI [2.25."
    ),
    "no SOP Instance UID": of({0x00080018: None}, "(0008,0018) UI [2.25."),
    "no Study and Series UID": of(
        {0x0020000D: None, 0x0020000E: None}, "(0020,000d) UI [2.25.", "(0020,000e) UI [2.25."
    ),
    "no SOP class": of({0x00080016: None}, "=ComputedRadiographyImageStorage"),
    "no photometric": of(
        {0x00280002: None, 0x00280004: None, 0x00280102: None},
        "CS [MONOCHROME1]",
        "(0028,0002) US 1",
        "(0028,0102) US 11",
    ),
    "deflated": Case(
        dialects.deflated({0x00080020: ("DA", "1995.07.20")}), ("(0008,0020) DA [19950720]",)
    ),
    "undeclared Chinese": of(
        {0x00100010: ("PN", WANG.encode("gbk") + b" ")},
        "CS [ISO_IR 192]",
        f"PN [{WANG}]",
        profile=CHINESE,
    ),
    "Chinese called Latin": of(
        {
            0x00080005: ("CS", "ISO_IR 100"),
            0x00100010: ("PN", WANG.encode("gbk") + b" "),
        },
        "CS [ISO_IR 192]",
        f"PN [{WANG}]",
        profile=CHINESE,
    ),
    **{
        f"ACR-NEMA of {allocated} bits{name}": Case(
            acr_nema.file(allocated=allocated, order=order), OLD, pixels=GREYS
        )
        for allocated in (16, 12)
        for order, name in acr_nema.ORDERS.items()
    },
    **{
        f"ACR-NEMA of 8 bits{name}": Case(
            acr_nema.file(acr_nema.BYTES, allocated=8, stored=8, order=order),
            OLD,
            pixels=bytes(acr_nema.BYTES),
        )
        for order, name in acr_nema.ORDERS.items()
    },
}


def tool(*command: str | Path) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, errors="replace")
    return done.stdout + done.stderr


def sent(folder: Path, case: Case) -> Path:
    """What a PACS would get of a file, as a file."""
    body, evidence = read(folder, case.content, case.profile)
    identity = rules.decide("a", evidence, case.profile)
    instance = objects.made(body, identity, case.profile, evidence)
    path = folder / "sent.dcm"
    path.write_bytes(objects.as_file(instance))
    return path


def pixels_of(path: Path, folder: Path) -> bytes:
    """The pixels in little-endian order, as DCMTK writes them."""
    (into := folder / "raw").mkdir()
    tool("dcmdump", "-q", "+W", into, path)
    return b"".join(each.read_bytes() for each in into.iterdir())


@pytest.mark.parametrize("name", CASES)
def test_what_is_sent_is_valid_and_has_the_pixels_of_the_file(tmp_path: Path, name: str) -> None:
    case = CASES[name]
    path = sent(tmp_path, case)
    assert [line for line in tool("dciodvfy", path).splitlines() if "Error" in line] == []
    dump = tool("dcmdump", path)
    assert [line for line in dump.splitlines() if line.startswith(("W:", "E:"))] == []
    assert [line for line in case.lines if line not in dump] == []
    assert pixels_of(path, tmp_path) == case.pixels


@pytest.mark.parametrize("name", [name for name in CASES if "ACR-NEMA" in name])
def test_acr_nema_pixels_are_those_that_another_toolkit_finds_in_the_file(
    tmp_path: Path, name: str
) -> None:
    path = tmp_path / "acr"
    path.write_bytes(CASES[name].content)
    found = pixels_of(path, tmp_path)
    if "12 bits" not in name:  # DCMTK leaves them packed
        assert found == CASES[name].pixels


# --- pydicom's own files -----------------------------------------------------------------------

OUTCOMES = {
    "as it came": 149,
    "too-long": 7,  # decimals filled up with spaces beyond 16 letters
    "missing-uid": 4,  # compressed by tools that wrote no study
    "meta-header": 3,
    "date time": 1,  # 1997.04.24 14:04:38
    "dicomdir": 8,
    "incomplete": 2,  # cut off
    "no-sop-class": 2,  # a head of a few elements, a private sequence
    "unreadable": 15,
    "unsupported-format": 1,
}
"""What becomes of the DICOM files that pydicom's wheel holds for its own tests: repairs, codes."""

UNREADABLE = {
    "its StudyInstanceUID is missing": 13,  # palettes, and heads without pixels
    "its data set is not written as its compression needs it": 1,  # JPEG, and no VRs
    "it does not say how it is encoded": 1,  # a file head and nothing behind it
}


def outcome(spool: Spool, path: Path) -> tuple[str, str]:
    """The code, or the rules; and why it could not be read."""
    with path.open("rb") as file:
        kept = spool.keep(file)
    try:
        _, evidence = formats.read(
            kept.path,
            path.name,
            None,
            sidecars={},
            modified_at=objects.ARRIVED_AT,
            arrived_at=objects.ARRIVED_AT,
            make_body=lambda produce: spool.make(produce).path,
        )
    except Problem as problem:
        begin = f"{path.name} looks like DICOM but cannot be read: "
        return problem.code, problem.sentence.removeprefix(begin).rstrip(".")
    return " ".join(repair.rule for repair in evidence.repairs) or "as it came", ""


def test_each_of_pydicoms_files_is_read_or_refused_in_one_sentence(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    found = [outcome(spool, path) for path in sorted(PYDICOM.rglob("*")) if is_dicom(path)]
    assert Counter(code for code, _ in found) == OUTCOMES
    why = Counter(sentence for code, sentence in found if code == "unreadable")
    assert why == UNREADABLE


def is_dicom(path: Path) -> bool:
    """All but texts, tables and archives."""
    words = {".py", ".pyc", ".md", ".txt", ".json", ".dump", ".icc", ".gz"}
    return path.is_file() and path.suffix not in words and path.name != "README"
