"""Reports become PDF: the same bytes the same PDF; what cannot be shown as it is, is not shown."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime
from io import BytesIO
from typing import TYPE_CHECKING

import pytest

from appliance.convert import formats, plain_text, postscript
from appliance.errors import Problem, UnencodableName, Unreadable, UnsupportedFormat
from appliance.journal.spool import Spool
from appliance.model import BodyKind
from appliance.settings.schema import Profile
from appliance.settings.sop_classes import ENCAPSULATED_PDF

if TYPE_CHECKING:
    from pathlib import Path

    from appliance.model import Body, Evidence

NOON = datetime(2026, 5, 6, 12, 0, 0, tzinfo=UTC)
POSTSCRIPT = (
    b"%!PS\n/Courier findfont 12 scalefont setfont 72 720 moveto (REPORT 4711) show showpage\n"
)
UEL = b"\x1b%-12345X"


def read(
    tmp_path: Path, content: bytes, profile: Profile | None = None, *, reports: bool = True
) -> tuple[Body, Evidence]:
    spool = Spool(tmp_path / "spool")
    (body,), evidence = formats.read(
        spool.keep(BytesIO(content)).path,
        "report",
        profile,
        sidecars={},
        modified_at=NOON,
        arrived_at=NOON,
        make_body=lambda produce: spool.make(produce).path,
        reports=reports,
    )
    return body, evidence


def pdf(body: Body) -> bytes:
    (piece,) = body.slices
    return piece.path.read_bytes()[piece.offset : piece.offset + piece.length]


def words(content: bytes, folder: Path) -> list[list[str]]:
    """What Ghostscript reads on each line that is not empty."""
    path = folder / "shown.pdf"
    path.write_bytes(content)
    command = [
        "/usr/bin/gs",
        "-q",
        "-dBATCH",
        "-dNOPAUSE",
        "-sDEVICE=txtwrite",
        "-o",
        "-",
        str(path),
    ]
    said = subprocess.run(command, capture_output=True, check=True).stdout.decode()
    return [line.split() for line in said.splitlines() if line.strip()]


def test_text_is_printed_line_by_line_and_page_by_page(tmp_path: Path) -> None:
    text = "RESULT (1) \\ 2\r\n\tÜmit: 5 µg\r\n\fpage two\r\n\f".encode("latin-1")
    body, evidence = read(tmp_path, text)
    assert body.kind is BodyKind.DOCUMENT
    assert body.attributes["SOPClassUID"] == ENCAPSULATED_PDF
    assert pdf(body).count(b"/Type /Page\n") == 2
    shown = words(pdf(body), tmp_path)
    assert shown == [
        ["RESULT", "(1)", "\\", "2"],
        ["Ümit:", "5", "µg"],
        ["page", "two"],
    ]
    assert evidence.notes == ()


def test_the_same_report_is_the_same_pdf(tmp_path: Path) -> None:
    for content in (b"a report\r\nof two lines\r\n", POSTSCRIPT):
        one, two = (read(tmp_path / name, content)[0] for name in ("a", "b"))
        assert pdf(one) == pdf(two)
        assert one.digest == two.digest


def test_a_report_printed_otherwise_is_still_the_same_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = read(tmp_path, b"a report\r\nof two lines\r\n")[0]
    monkeypatch.setattr(plain_text, "_ROWS", 1)
    after = read(tmp_path, b"a report\r\nof two lines\r\n")[0]
    assert pdf(before) != pdf(after)
    assert before.digest == after.digest


def test_a_pdf_is_not_copied(tmp_path: Path) -> None:
    made = pdf(read(tmp_path, b"a report\r\nof two lines\r\n")[0])
    body, _ = read(tmp_path / "again", made, reports=False)
    assert body.slices[0].path.parent.parent == tmp_path / "again" / "spool"
    assert body.slices[0].length == len(made)
    assert not list((tmp_path / "again" / "spool" / "tmp").iterdir())


@pytest.mark.parametrize(
    ("text", "layers"),
    [
        (b"abc\b\b\b___\r\nend\r\n", [b"(abc)", b"(___)"]),
        (b"abc\r___\r\nend\r\n", [b"(abc)", b"(___)"]),
        (b"abc\rabc\r\nend\r\n", [b"(abc)"]),
        (b"abc\rxyz\rend one\r", [b"(abc)", b"(xyz)", b"(end one)"]),
    ],
    ids=["backspace", "overstrike", "bold", "carriage-returns"],
)
def test_what_was_struck_over_something_is_there_too(
    tmp_path: Path, text: bytes, layers: list[bytes]
) -> None:
    made = pdf(read(tmp_path, text)[0])
    assert all(layer in made for layer in layers)


def test_a_line_that_is_too_long_goes_on_below(tmp_path: Path) -> None:
    shown = words(pdf(read(tmp_path, b"x" * 450 + b"END\r\n")[0]), tmp_path)
    assert "".join(word for line in shown for word in line) == "x" * 450 + "END"


def test_frames_of_code_page_437_are_drawn_otherwise_with_a_note(tmp_path: Path) -> None:
    text = "┌──┐\r\n│OK│\r\n└──┘ result of the test\r\n".encode("cp437")
    body, evidence = read(tmp_path, text, Profile(charset="cp437"))
    assert b"(|OK|)" in pdf(body)
    assert "Frames" in evidence.notes[0]


PCL = (
    b"\x1bE\x1b&l0O\x1b(s0p12h10V\x1b&a5R\x1b&a10CName: SITI\r\nnext line"
    b"\x1b*p300x900YDot place\x1b&a+2CMore\x0c\x1b&l1Olandscape\r\n\x1bE"
)


@pytest.mark.parametrize(
    "content",
    [PCL, UEL + b"@PJL SET COPIES=1\r\n@PJL ENTER LANGUAGE=PCL\r\n" + PCL + UEL, b"Hi\r\n" + PCL],
    ids=["plain", "pjl", "later"],
)
def test_the_words_of_pcl_are_where_they_belong(tmp_path: Path, content: bytes) -> None:
    body, _ = read(tmp_path, content)
    shown = words(pdf(body), tmp_path)
    assert shown[-4:] == [
        ["Name:", "SITI"],
        ["next", "line"],
        ["Dot", "place", "More"],
        ["landscape"],
    ]
    assert b"/MediaBox [ 0 0 842 595 ]" in pdf(body)


@pytest.mark.parametrize(
    "content",
    [POSTSCRIPT, b"\x04" + POSTSCRIPT + b"\x04",
     UEL + b"@PJL ENTER LANGUAGE = POSTSCRIPT\r\n" + POSTSCRIPT + UEL],
)  # fmt: skip
def test_postscript_is_run(tmp_path: Path, content: bytes) -> None:
    assert words(pdf(read(tmp_path, content)[0]), tmp_path) == [["REPORT", "4711"]]


def test_postscript_that_breaks_out_of_its_safe_mode_writes_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unsafe = [word.replace("-dSAFER", "-dNOSAFER") for word in postscript.COMMAND]
    monkeypatch.setattr(postscript, "COMMAND", unsafe)
    evil = b"%%!PS\n(%s) (w) file (x) writestring\n" % bytes(tmp_path / "evil")
    with pytest.raises(Unreadable):
        read(tmp_path, evil)
    assert not (tmp_path / "evil").exists()


def test_where_the_machine_has_no_room_to_print_the_report_can_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postscript, "_LEAST_ROOM_BYTES", 1 << 62)
    with pytest.raises(OSError, match="No space left"):
        read(tmp_path, b"%!PS\nfoo bar\n")


WRONG: dict[str, tuple[bytes, type[Problem], str]] = {
    "picture": (b"\x1bE\x1b*r1A\x1b*b3Wabc\x1b*rB\r\nx", UnsupportedFormat, "a picture"),
    "macro": (b"\x1bE\x1b&f1Y\x1b&f2X\r\nx", UnsupportedFormat, "a macro"),
    "font": (b"\x1bE\x1b(s3Wabc\r\nx", UnsupportedFormat, "letters of its own"),
    "drawing": (b"\x1bE\x1b%0BIN;PU;\r\nx", UnsupportedFormat, "HP-GL"),
    "epson": (b"Report\r\n\x1b@more text\r\n", UnsupportedFormat, "no PCL"),
    "beyond": (b"\x1bE\x1b&a%sCfar\r\n" % (b"9" * 400), UnsupportedFormat, "edge of any paper"),
    "pages": (b"x\r\n" + b"y\f\r\n" * 2001, UnsupportedFormat, "more than 2000 pages"),
    "no words": (b"\x1bE\r\n\r\n\r\n\x1bE", UnsupportedFormat, "no words"),
    "error": (b"%!PS\nfoo bar\n", Unreadable, "undefined"),
    "curious": (b"%!PS\n(/etc/passwd) (r) file pop\n", Unreadable, "invalidfileaccess"),
    "letters": ("Привет\n".encode() + b"and Latin letters otherwise\n", UnencodableName, "П"),
    "noise": (bytes(range(256)), UnsupportedFormat, "no known kind"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_shown_is_not_shown_in_part(tmp_path: Path, case: str) -> None:
    content, problem, why = WRONG[case]
    with pytest.raises(problem) as caught:
        read(tmp_path, content)
    assert why in caught.value.sentence
    assert "report" in caught.value.sentence
    assert "/spool/" not in caught.value.sentence


def test_a_command_that_leads_back_is_passed_over(tmp_path: Path) -> None:
    shown = words(pdf(read(tmp_path, b"\x1bE\x1b&b-6WName: SITI\r\n")[0]), tmp_path)
    assert shown == [["Name:", "SITI"]]


def test_nothing_is_printed_above_the_sheet(tmp_path: Path) -> None:
    shown = words(pdf(read(tmp_path, b"\x1bE\x1b*p-900Y\x1b&a-90CName: SITI\r\n")[0]), tmp_path)
    assert shown == [["Name:", "SITI"]]


@pytest.mark.parametrize(
    "content",
    [b"\x02%s\x03", b"\x02%s\x03\r\n\x04", b"\0\r\n\x02%s\x0c\x03", b"%s\x0c\x04\r\n"],
)
def test_what_frames_a_text_on_a_line_is_no_part_of_it(tmp_path: Path, content: bytes) -> None:
    made = pdf(read(tmp_path, content % b"Name: SITI\r\nNormal findings\r\n")[0])
    assert words(made, tmp_path) == [["Name:", "SITI"], ["Normal", "findings"]]
    assert made.count(b"/Type /Page\n") == 1


def test_text_is_a_report_only_where_reports_are_expected(tmp_path: Path) -> None:
    text = b"a letter\r\nof two lines\r\n"
    with pytest.raises(UnsupportedFormat):
        read(tmp_path, text, Profile(), reports=False)
    assert read(tmp_path, text, Profile(sop_class="PDF"), reports=False)[0].kind == "document"
