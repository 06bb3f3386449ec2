"""Whether a file is whole: by its own format's end, whatever a writer or an enemy does to it."""

from __future__ import annotations

import os
import struct
import time
from pathlib import Path

import pytest

from appliance.errors import EmptyFile, Incomplete, Unreadable, UnsupportedFormat
from appliance.intake.complete import Wholeness, check, length
from tests.builders import part10, pictures
from tests.builders.gallery import jpeg2000, jpeg_ls
from tests.builders.part10 import element

UID = "1.2.826.0.1.3680043.8.498.1"
COLOURS = pictures.colour()[:5, :7]
GREY, DEEP = pictures.grey(8)[:5, :7], pictures.grey(12)[:5, :7]
SAMPLES = Path("tests/data")
NOT_WHOLE = {
    "reallybig.bmp": Wholeness.GROWING,  # claims 18 TB
    "shortfile.bmp": Wholeness.GROWING,
}


def open_ended(content: bytes) -> bytes:
    """A JPEG 2000 whose one tile goes on to the end, and does not say how long it is (Psot)."""
    at = content.index(b"\xff\x90") + 6
    return content[:at] + bytes(4) + content[at + 4 :]


PACKED = pictures.tiff_packed(pictures.grey(12))
BMP = pictures.saved(GREY, "BMP")
THUMBNAIL = b"Exif\0\0" + pictures.saved(COLOURS[::2], "JPEG")
JPEG = pictures.saved(COLOURS, "JPEG")
FILES = {
    "tiff": pictures.tiff(DEEP),
    "tiff-big-endian": pictures.tiff(DEEP, byteorder=">"),
    "tiff-strips": pictures.tiff(DEEP, rowsperstrip=2),
    "tiff-deflate": pictures.tiff(DEEP, compression="deflate"),
    "tiff-directory-last": PACKED,
    "tiff-rgb": pictures.tiff(COLOURS),
    "bigtiff": pictures.tiff(DEEP, bigtiff=True),
    "bigtiff-big-endian": pictures.tiff(DEEP, bigtiff=True, byteorder=">"),
    "png": pictures.saved(DEEP, "PNG"),
    "png-rgb": pictures.saved(COLOURS, "PNG"),
    "bmp": BMP,
    "bmp-rgb": pictures.saved(COLOURS, "BMP"),
    "jpeg": pictures.saved(GREY, "JPEG"),
    "jpeg-progressive": pictures.saved(COLOURS, "JPEG", progressive=True),
    "jpeg-with-thumbnail": b"%s\xff\xe1%s%s%s"
    % (JPEG[:2], struct.pack(">H", len(THUMBNAIL) + 2), THUMBNAIL, JPEG[2:]),
    "jpeg-ls": jpeg_ls(DEEP),
    "jp2": jpeg2000(DEEP),
    "j2k": jpeg2000(COLOURS, codecformat="j2k"),
    "j2k-tiles": pictures.saved(pictures.grey(8), "JPEG2000", no_jp2=True, tile_size=(16, 16)),
    "j2k-open": open_ended(jpeg2000(COLOURS, codecformat="j2k")),
    "dicom": part10.part10(UID),
    "dicom-implicit": part10.part10(UID, syntax=part10.IMPLICIT_LE),
    "dicom-big-endian": part10.part10(UID, syntax=part10.EXPLICIT_BE),
    "dicom-deflated": part10.part10(UID, syntax=part10.DEFLATED_LE),
}


def written(folder: Path, content: bytes, name: str = "file") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def judged(folder: Path, content: bytes, name: str = "file") -> Wholeness:
    return check(written(folder, content, name)).wholeness


def undefined(tag: int, vr: str, content: bytes) -> bytes:
    """An element of undefined length that ends with its delimiter."""
    head = struct.pack("<HH2sHL", tag >> 16, tag & 0xFFFF, vr.encode(), 0, 0xFFFFFFFF)
    return head + content + struct.pack("<HHL", 0xFFFE, 0xE0DD, 0)


def item(content: bytes) -> bytes:
    return struct.pack("<HHL", 0xFFFE, 0xE000, len(content)) + content


def with_pixels(*elements: bytes, syntax: str = part10.JPEG_BASELINE) -> bytes:
    """A Part 10 file of ours whose data set ends with these elements."""
    head = part10.data_set(UID, b"")
    return (
        part10.headed(part10.meta(UID, syntax)[132:]) + head[: -len(_EMPTY)] + b"".join(elements)
    )


_EMPTY = element(0x7FE00010, "OW", b"")
NESTED = undefined(
    0x00081140,
    "SQ",
    item(element(0x00081150, "UI", "1.2")) + item(undefined(0x00081199, "SQ", b"")),
)
ENCAPSULATED = with_pixels(
    undefined(0x7FE00010, "OB", item(b"") + item(b"\xff\xd8fragment!\xff\xd9"))
)


@pytest.mark.parametrize("name", FILES)
def test_a_whole_file_is_whole(tmp_path: Path, name: str) -> None:
    verdict = check(written(tmp_path, FILES[name]))
    assert verdict.wholeness is Wholeness.WHOLE, verdict.detail
    assert verdict.problem("film") is None


def cuts(content: bytes) -> list[int]:
    """Every byte of the head and the tail, where the structure is, and samples between."""
    size = len(content)
    return [at for at in range(1, size) if at < 500 or at > size - 300 or at % 13 == 0]


@pytest.mark.parametrize("name", FILES)
def test_a_file_cut_anywhere_is_not_whole(tmp_path: Path, name: str) -> None:
    content = FILES[name]
    whole = [at for at in cuts(content) if judged(tmp_path, content[:at]) is Wholeness.WHOLE]
    # A deflated data set may be followed by one byte of padding, which nobody misses.
    assert whole in ([], [len(content) - 1]) if "deflated" in name else not whole


@pytest.mark.parametrize(
    "name", ["png", "png-rgb", "jpeg", "jpeg-progressive", "jpeg-ls", "jp2", "j2k"]
)
def test_a_writer_that_sets_the_full_size_first_is_waited_for(tmp_path: Path, name: str) -> None:
    """What is not written yet is zeros; the other formats need the writer to have closed it."""
    content = FILES[name]
    for at in cuts(content):
        partial = content[:at] + bytes(len(content) - at)
        if partial != content:
            assert check(written(tmp_path, partial)).wholeness is not Wholeness.WHOLE, at


@pytest.mark.parametrize("name", ["png", "tiff-directory-last", "jpeg", "jpeg-ls", "jp2", "dicom"])
def test_a_writer_that_died_after_setting_the_full_size_left_it_incomplete(
    tmp_path: Path, name: str
) -> None:
    content = FILES[name]
    half = content[: len(content) // 2] + bytes(len(content) - len(content) // 2)
    assert isinstance(check(written(tmp_path, half)).problem("film"), Incomplete)


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("[di]*/*.*")), ids=lambda path: path.name)
def test_samples_are_judged_right(path: Path) -> None:
    expected = NOT_WHOLE.get(path.name, Wholeness.WHOLE)
    assert check(path).wholeness is expected


def test_an_end_is_an_end_whatever_follows(tmp_path: Path) -> None:
    """Block transfers pad the last block; cameras append a second picture."""
    for name in ("png", "jpeg", "tiff", "dicom", "dicom-implicit"):
        padded = FILES[name] + b"\x1a" * 100
        assert judged(tmp_path, padded) is Wholeness.WHOLE, name


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (ENCAPSULATED, Wholeness.WHOLE),
        (ENCAPSULATED[:-8], Wholeness.GROWING),
        (ENCAPSULATED[:-12], Wholeness.GROWING),
        (with_pixels(NESTED, _EMPTY), Wholeness.WHOLE),
        (with_pixels(NESTED), Wholeness.GROWING),  # its pixels are missing
        (with_pixels(b"no element at all", _EMPTY), Wholeness.BROKEN),
    ],
)
def test_sequences_and_fragments_end_too(
    tmp_path: Path, content: bytes, expected: Wholeness
) -> None:
    verdict = check(written(tmp_path, content))
    assert verdict.wholeness is expected, verdict.detail


@pytest.mark.parametrize("photometric", ["RGB", "YBR_FULL_422"])
@pytest.mark.parametrize("missing", [0, 2])
def test_pixels_are_as_many_as_rows_and_columns_make_them(
    tmp_path: Path, photometric: str, missing: int
) -> None:
    size = 10 * 8 * (3 if photometric == "RGB" else 2) - missing
    content = with_pixels(
        element(0x00280002, "US", struct.pack("<H", 3)),
        element(0x00280004, "CS", photometric),
        element(0x00280010, "US", struct.pack("<H", 10)),
        element(0x00280011, "US", struct.pack("<H", 8)),
        element(0x00280100, "US", struct.pack("<H", 8)),
        element(0x7FE00010, "OB", bytes(size)),
        syntax=part10.EXPLICIT_LE,
    )
    expected = Wholeness.GROWING if missing else Wholeness.WHOLE
    assert judged(tmp_path, content) is expected


def test_a_document_needs_no_pixels(tmp_path: Path) -> None:
    report = "1.2.840.10008.5.1.4.1.1.88.11"
    content = part10.part10(UID, sop_class=report)
    without = content[: content.rindex(b"\xe0\x7f\x10\0")]
    assert judged(tmp_path, without) is Wholeness.WHOLE
    assert judged(tmp_path, without[: without.rindex(b"\x20\0\x0e\0")]) is Wholeness.GROWING


# --- what is no image ------------------------------------------------------------------------


def test_nothing_is_empty(tmp_path: Path) -> None:
    verdict = check(written(tmp_path, b""))
    assert verdict.wholeness is Wholeness.EMPTY
    assert isinstance(verdict.problem("film"), EmptyFile)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"%PDF-1.4", Incomplete),
        (b"\x08\x00\x05\x00CS", UnsupportedFormat),
        (FILES["png"][:-1], Incomplete),
        (b"\x89PNG\r\n\x1a\n\0\0\0\1....", Unreadable),
        (b"\xff\xd8\xff\xe0\0\x04JFnothing more of a JPEG", Unreadable),
        (b"BM" + bytes(52), Unreadable),
    ],
)
def test_a_file_that_stays_like_this_is_quarantined_for_a_reason(
    tmp_path: Path, content: bytes, kind: type[Exception]
) -> None:
    problem = check(written(tmp_path, content)).problem("film.x")
    assert type(problem) is kind
    assert "film.x" in str(problem)


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("film.json", b'{"PatientID": "4711"}', Wholeness.WHOLE),
        ("film.JSON", b'{"PatientID": "47', Wholeness.GROWING),
        ("film.json", b"[" * 100_000, Wholeness.GROWING),
        ("film.json", b"[" + b"1," * 600_000 + b"1]", Wholeness.BROKEN),
        ("list.csv", b"PatientID\n4711\n", Wholeness.WHOLE),
        ("letter.txt", b"Dear colleague", Wholeness.UNKNOWN),
    ],
)
def test_sidecars_are_known_by_their_names(
    tmp_path: Path, name: str, content: bytes, expected: Wholeness
) -> None:
    assert judged(tmp_path, content, name) is expected


def test_only_regular_files_are_looked_into(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(written(tmp_path, FILES["png"]))
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="symbolic links"):
        check(tmp_path / "link")
    assert check(tmp_path / "pipe").wholeness is Wholeness.UNKNOWN
    with pytest.raises(FileNotFoundError):
        check(tmp_path / "gone")


# --- enemies ------------------------------------------------------------------------------------


def deep(depth: int) -> bytes:
    content = b""
    for _ in range(depth):
        head = struct.pack("<HHL", 0xFFFE, 0xE000, 0xFFFFFFFF)
        inside = head + content + struct.pack("<HHL", 0xFFFE, 0xE00D, 0)
        content = undefined(0x00081140, "SQ", inside)
    return content


HOSTILE = {
    "a TIFF whose directories form a ring": PACKED[:-4] + PACKED[4:8],
    "a TIFF of four thousand million strips": PACKED.replace(
        struct.pack("<HHL", 273, 4, 1), struct.pack("<HHL", 273, 4, 0xFFFFFFFF)
    ),
    "sequences nested a thousand times": with_pixels(deep(1000), _EMPTY),
    "more elements than anybody writes": with_pixels(
        *[element(0x00091001, "SH", "")] * 300_001, syntax=part10.EXPLICIT_LE
    ),
    "a JPEG of fill bytes": b"\xff\xd8" + b"\xff" * 1_000_000,
    "a JPEG of restart markers": b"\xff\xd8\xff\xda\0\x02" + b"\xff\xd0" * 1_000_000,
    "a JPEG of empty comments": b"\xff\xd8" + b"\xff\xfe\0\x02" * 200_000,
    "a deflated data set that unpacks to nothing but zeros": part10.part10(
        UID, bytes(200_000_000), part10.DEFLATED_LE
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_an_enemy_costs_little(tmp_path: Path, name: str) -> None:
    path = written(tmp_path, HOSTILE[name])
    start_s = time.process_time()
    check(path)
    assert time.process_time() - start_s < 8


@pytest.mark.parametrize("name", ["dicom", "tiff", "bmp"])
def test_a_gigabyte_is_mostly_jumped_over(tmp_path: Path, name: str) -> None:
    size = 1 << 30
    if name == "dicom":
        head = with_pixels(element(0x7FE00010, "OW", b""), syntax=part10.EXPLICIT_LE)
        head = head[:-4] + struct.pack("<L", size)
    elif name == "tiff":
        head = FILES["tiff"]
    else:
        head = BMP[:18] + struct.pack("<ll", 1 << 15, 1 << 15) + BMP[26:]
    path = written(tmp_path, head)
    with path.open("r+b") as file:
        file.truncate(len(head) + size)
    before = os.times().user + os.times().system
    assert check(path).wholeness is Wholeness.WHOLE
    assert os.times().user + os.times().system - before < 0.2


# --- where a file ends --------------------------------------------------------------------------


FILLINGS = (b"\x1a" * 128, b"\0" * 1000, b"rest of another block " * 40)
# Data elements go on to the file's end: only what is uniform is surely none.
FILLED = [
    (name, filling)
    for name in FILES
    for filling in FILLINGS
    if not name.startswith("dicom") or (len(set(filling)) == 1 and name != "dicom-deflated")
]


@pytest.mark.parametrize(("name", "filling"), FILLED)
def test_what_fills_the_last_block_lies_behind_the_end(
    tmp_path: Path, name: str, filling: bytes
) -> None:
    content = FILES[name]
    assert length(written(tmp_path, content)) == len(content)
    assert length(written(tmp_path, content + filling)) == len(content)


def test_an_end_is_not_guessed(tmp_path: Path) -> None:
    assert length(written(tmp_path, b"no kind of file")) is None
    assert length(written(tmp_path, FILES["png"][:-1])) is None


PDF = b"%PDF-1.4\n1 0 obj\n<< >>\nendobj\nstartxref\n9\n%%EOF\r\n"
REPORTS = {
    "pdf": PDF,
    "postscript": b"%!PS-Adobe-3.0\nshowpage\n%%EOF\n",
    "postscript-plain": b"\x04%!\nshowpage\n",
    "text": b"Result\r\nof two lines\r\n",
    "text-framed": b"\x02Result\r\nof two lines\r\n\x03",
    "text-framed-ended": b"\r\n\x02Result\r\nof two lines\r\n\x0c\x04\r\n\x03\r\n",
    "text-like-bmp": b"BMI: 22.5\r\nheight 170 cm\r\n",
}


@pytest.mark.parametrize("name", REPORTS)
def test_reports_end_where_they_say(tmp_path: Path, name: str) -> None:
    content = REPORTS[name]
    assert check(written(tmp_path, content), reports=True).wholeness is Wholeness.WHOLE
    assert length(written(tmp_path, content + b"\x1a" * 90)) == len(content)


@pytest.mark.parametrize(
    ("name", "mark"), [("pdf", b"%%EOF"), ("postscript", b"%%EOF"), ("text-framed", b"\x03")]
)
def test_a_report_without_its_end_mark_ends_early(tmp_path: Path, name: str, mark: bytes) -> None:
    path = written(tmp_path, REPORTS[name].replace(mark, b""))
    assert check(path, reports=True).wholeness is Wholeness.GROWING


@pytest.mark.parametrize("name", sorted(set(REPORTS) - {"pdf"}))
def test_reports_are_a_kind_of_file_only_where_they_are_expected(
    tmp_path: Path, name: str
) -> None:
    verdict = check(written(tmp_path, REPORTS[name]))
    assert verdict.wholeness in {Wholeness.UNKNOWN, Wholeness.GROWING}
    assert ('sop_class = "PDF"' in verdict.detail) == name.startswith("postscript")


@pytest.mark.parametrize(
    "content",
    [
        b"\x02one\r\nof two\r\n\x03" * 2,
        b"~x\r\n",
        b"text\r\nwith a \x01 in it\r\n",
        b"all in one line of text",
        b"\xa0\xb1" * 99,
    ],
)
def test_noise_is_no_text(tmp_path: Path, content: bytes) -> None:
    assert check(written(tmp_path, content), reports=True).wholeness is Wholeness.UNKNOWN


def test_pdf_is_whole_wherever_it_comes_from(tmp_path: Path) -> None:
    assert check(written(tmp_path, PDF, "a.PDF")).wholeness is Wholeness.WHOLE
