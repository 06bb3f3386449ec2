"""A preview shows what the header says: its window, its inverse, its palette; and never more
than its reader's memory can hold."""

from __future__ import annotations

import resource
import struct
import subprocess
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import imagecodecs
import numpy as np
import pytest
from PIL import Image
from pydicom.encaps import encapsulate

from appliance import elements
from appliance.convert import draw
from appliance.convert.draw import Wish
from appliance.elements import DEFLATED_LE, EXPLICIT_BE, EXPLICIT_LE, IMPLICIT_LE
from appliance.errors import UnsupportedFormat
from appliance.model import Body, BodyKind, Slice
from appliance.peek import Misfit, opened
from tests.builders import dialects, gallery, pictures
from tests.builders.part10 import element

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Value = tuple[str, bytes | str | int]

ROWS, COLUMNS = 6, 8
RAMP = np.arange(ROWS * COLUMNS).reshape(ROWS, COLUMNS)
JPEG_BASELINE, JPEG_LOSSLESS = "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.70"
JPEG_LS, JPEG_2000 = "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.90"
MPEG2 = "1.2.840.10008.1.2.4.100"
WHOLE = Wish(frame=1, side=768)


def file_of(folder: Path, content: bytes) -> tuple[Slice, ...]:
    """The content as two slices, behind something else."""
    path = folder / "file"
    path.write_bytes(b"before" + content)
    middle = len(content) // 2
    return Slice(path, 6, middle), Slice(path, 6 + middle, len(content) - middle)


def data_set(
    folder: Path,
    values: NDArray[np.generic],
    changes: Mapping[int, Value | None] | None = None,
    syntax: str = EXPLICIT_LE,
    pixels: bytes | None = None,
    frames: int = 1,
) -> Body:
    """An image that came, of these values and with these words about them."""
    bits = values.dtype.itemsize * 8
    shape = values.shape[1:] if frames > 1 else values.shape
    said: dict[int, Value | None] = {
        0x00280002: ("US", 3 if len(shape) == 3 else 1),
        0x00280004: ("CS", "RGB" if len(shape) == 3 else "MONOCHROME2"),
        0x00280006: ("US", 0) if len(shape) == 3 else None,
        0x00280008: ("IS", str(frames)) if frames > 1 else None,
        0x00280010: ("US", shape[0]),
        0x00280011: ("US", shape[1]),
        0x00280100: ("US", bits),
        0x00280101: ("US", bits),
        0x00280102: ("US", bits - 1),
        0x00280103: ("US", int(values.dtype.kind == "i")),
        **(changes or {}),
    }
    plain = EXPLICIT_LE if syntax == DEFLATED_LE else syntax
    native = values.tobytes()
    if syntax == EXPLICIT_BE:  # of VR OW: words are turned round, whatever they hold (PS3.5 7.3)
        native = np.frombuffer(native, "<u2").byteswap().tobytes()
    content = dialects.data_set(said, plain, native if pixels is None else pixels)
    if syntax == DEFLATED_LE:
        deflate = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        content = deflate.compress(content) + deflate.flush()
    return Body(1, BodyKind.DATASET, syntax, "d", file_of(folder, content))


def encapsulated(
    folder: Path, values: NDArray[np.generic], syntax: str, *frames: bytes, photometric: str = ""
) -> Body:
    """The same, its frames compressed."""
    whole = data_set(
        folder,
        values,
        {0x00280004: ("CS", photometric)} if photometric else {},
        pixels=b"",
        frames=len(frames),
    )
    head = b"".join(_content(piece) for piece in whole.slices)[:-12]
    fragments = b"\xe0\x7f\x10\x00OB\0\0\xff\xff\xff\xff" + encapsulate(list(frames))
    end = struct.pack("<HHL", 0xFFFE, 0xE0DD, 0)
    slices = file_of(folder, head + fragments + end)
    return Body(1, BodyKind.DATASET, syntax, "d", slices)


def _content(piece: Slice) -> bytes:
    return piece.path.read_bytes()[piece.offset : piece.offset + piece.length]


def drawn(body: Body, wish: Wish = WHOLE) -> NDArray[np.uint8]:
    return np.asarray(draw.drawn(body, wish))


def window(centre: float, width: float) -> dict[int, Value | None]:
    return {0x00281050: ("DS", f"{centre}\\1"), 0x00281051: ("DS", f"{width}\\2")}


def expected(values: NDArray[np.generic], centre: float, width: float) -> NDArray[np.uint8]:
    """PS3.3 C.11.2.1.2, as it is written there."""
    found = np.empty(values.shape)
    for at, x in np.ndenumerate(values.astype(float)):
        if x <= centre - 0.5 - (width - 1) / 2:
            found[at] = 0
        elif x > centre - 0.5 + (width - 1) / 2:
            found[at] = 255
        else:
            found[at] = ((x - (centre - 0.5)) / (width - 1) + 0.5) * 255
    return np.rint(found).astype(np.uint8)


# --- grey ----------------------------------------------------------------------------------------

KINDS = {"8 bits": np.uint8, "16 bits": np.uint16, "signed 8": np.int8, "signed 16": np.int16}


@pytest.mark.parametrize("syntax", [EXPLICIT_LE, IMPLICIT_LE, EXPLICIT_BE, DEFLATED_LE])
@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_the_window_of_the_header_is_the_pictures(
    tmp_path: Path, kind: type[np.generic], syntax: str
) -> None:
    values = (RAMP - 24 if np.issubdtype(kind, np.signedinteger) else RAMP).astype(kind)
    centre = float(values.mean())
    body = data_set(tmp_path, values, window(centre, 30), syntax)
    assert np.array_equal(drawn(body), expected(values, centre, 30))


def test_monochrome1_is_drawn_inverted(tmp_path: Path) -> None:
    values = RAMP.astype(np.uint16)
    body = data_set(tmp_path, values, {**window(24, 30), 0x00280004: ("CS", "MONOCHROME1")})
    assert np.abs(drawn(body).astype(int) - (255 - expected(values, 24, 30))).max() <= 1


def test_of_12_bits_in_16_the_others_are_no_part_of_the_value(tmp_path: Path) -> None:
    values = (RAMP * 80).astype(np.uint16)
    low = {**window(2048, 4096), 0x00280101: ("US", 12), 0x00280102: ("US", 11)}
    overlaid = data_set(tmp_path, values | 0xA000, low)
    assert np.array_equal(drawn(overlaid), expected(values, 2048, 4096))
    high = {**low, 0x00280102: ("US", 15)}
    shifted = data_set(tmp_path, (values << 4).astype(np.uint16), high)
    assert np.array_equal(drawn(shifted), expected(values, 2048, 4096))


@pytest.mark.parametrize(
    "unsaid",
    [{}, window(24, 0), {0x00281050: ("DS", "many"), 0x00281051: ("DS", "1")}],
    ids=["no window", "no width", "nonsense"],
)
def test_without_a_window_its_own_range_is_drawn(
    tmp_path: Path, unsaid: dict[int, Value | None]
) -> None:
    values = (RAMP + 40000).astype(np.uint16)
    found = drawn(data_set(tmp_path, values, unsaid))
    assert (found.min(), found.max()) == (0, 255)
    assert (np.diff(found.ravel().astype(int)) >= 0).all()


def test_values_are_rescaled_before_the_window(tmp_path: Path) -> None:
    scale: dict[int, Value | None] = {0x00281052: ("DS", "-100"), 0x00281053: ("DS", "2")}
    body = data_set(tmp_path, RAMP.astype(np.uint16), {**scale, **window(-50, 60)})
    assert np.array_equal(drawn(body), expected(RAMP * 2 - 100, -50, 60))


def test_other_functions_of_the_window(tmp_path: Path) -> None:
    exact: dict[int, Value | None] = {**window(24, 24), 0x00281056: ("CS", "LINEAR_EXACT")}
    found = drawn(data_set(tmp_path, RAMP.astype(np.uint8), exact)).ravel()
    assert (found[12], found[24], found[36]) == (0, 128, 255)
    sigmoid = {**exact, 0x00281056: ("CS", "SIGMOID")}
    found = drawn(data_set(tmp_path, RAMP.astype(np.uint8), sigmoid)).ravel()
    assert found[24] == 128
    assert 0 < found[0] < found[12] < found[36] < 255


def lut(first: int, entries: list[int], bits: int) -> bytes:
    return element(0x00283002, "US", struct.pack("<3H", len(entries), first, bits)) + element(
        0x00283006, "OW", struct.pack(f"<{len(entries)}H", *entries)
    )


@pytest.mark.parametrize("sequence", [0x00283000, 0x00283010], ids=["modality", "voi"])
def test_look_up_tables_are_looked_up(tmp_path: Path, sequence: int) -> None:
    """A ramp turned round, of 12 bits; what is below or beyond it has its first or last value."""
    table = lut(10, [4095 - 100 * n for n in range(20)], 12)
    said: dict[int, Value | None] = {sequence: ("SQ", dialects.sequence(sequence, table)[12:])}
    if sequence == 0x00283000:
        said |= window(2048, 4096)
    found = drawn(data_set(tmp_path, RAMP.astype(np.uint16), said)).ravel().astype(int)
    wanted = [round((4095 - 100 * min(max(n - 10, 0), 19)) / 4095 * 255) for n in range(48)]
    assert np.abs(found - wanted).max() <= 1


def test_single_bits(tmp_path: Path) -> None:
    bits = (RAMP[:5, :5] % 3 == 0).astype(np.uint8)  # two frames of 25 bits: none ends on a byte
    frames = np.stack([bits, 1 - bits])
    one: dict[int, Value | None] = {0x00280100: ("US", 1), 0x00280101: ("US", 1)}
    packed = np.packbits(frames.ravel(), bitorder="little").tobytes() + b"\0"
    body = data_set(tmp_path, frames, {**one, 0x00280102: ("US", 0)}, pixels=packed, frames=2)
    assert np.array_equal(drawn(body) > 128, bits)
    assert np.array_equal(drawn(body, Wish(2, 768)) > 128, frames[1])


def test_values_that_are_no_whole_numbers(tmp_path: Path) -> None:
    values = RAMP.astype("<f4")
    values[0, 0] = np.nan
    whole = data_set(tmp_path, RAMP.astype(np.uint32), pixels=b"")
    head = b"".join(_content(piece) for piece in whole.slices)[:-12]
    content = head + element(0x7FE00008, "OF", values.tobytes())
    found = drawn(Body(1, BodyKind.DATASET, EXPLICIT_LE, "d", file_of(tmp_path, content)))
    assert (found.min(), found.max()) == (0, 255)


# --- colour --------------------------------------------------------------------------------------


def test_colour_as_it_lies_and_by_planes(tmp_path: Path) -> None:
    rgb = pictures.colour()
    assert np.array_equal(drawn(data_set(tmp_path, rgb)), rgb)
    planes = np.moveaxis(rgb, -1, 0).tobytes()
    body = data_set(tmp_path, rgb, {0x00280006: ("US", 1)}, pixels=planes + b"\0")
    assert np.array_equal(drawn(body), rgb)


def test_colour_of_16_bits_keeps_its_high_ones(tmp_path: Path) -> None:
    rgb = pictures.colour(bits=16)
    found = drawn(data_set(tmp_path, rgb))
    assert np.abs(found.astype(int) - rgb.astype(int) / 257).max() <= 1


@pytest.mark.parametrize("photometric", ["YBR_FULL", "YBR_FULL_422"])
def test_mixed_colours_are_red_green_and_blue_again(tmp_path: Path, photometric: str) -> None:
    rgb = np.zeros((4, 6, 3), np.uint8)
    rgb[:, :2], rgb[:, 2:4], rgb[:, 4:] = (200, 40, 40), (40, 200, 40), (40, 40, 200)
    ybr = np.asarray(Image.fromarray(rgb).convert("YCbCr"))
    pairs = np.column_stack([ybr.reshape(-1, 6)[:, [0, 3]], ybr.reshape(-1, 6)[:, 1:3]])
    pixels = pairs.tobytes() if photometric == "YBR_FULL_422" else ybr.tobytes()
    body = data_set(tmp_path, rgb, {0x00280004: ("CS", photometric)}, pixels=pixels)
    assert np.abs(drawn(body).astype(int) - rgb).max() <= 2


def test_palettes(tmp_path: Path) -> None:
    said: dict[int, Value | None] = {0x00280004: ("CS", "PALETTE COLOR")}
    tables = [list(range(48)), [47 - n for n in range(48)], [0] * 48]
    for number, table in enumerate(tables):
        said[0x00281101 + number] = ("US", struct.pack("<3H", 48, 0, 16))
        content = struct.pack("<48H", *(n * 1000 for n in table))
        said[0x00281201 + number] = ("OW", content)
    found = drawn(data_set(tmp_path, RAMP.astype(np.uint8), said))
    wanted = np.stack([np.array(table).reshape(RAMP.shape) * 1000 / 257 for table in tables], -1)
    assert np.abs(found - wanted).max() <= 1


# --- compressed ----------------------------------------------------------------------------------


def lossless(values: NDArray[np.generic], syntax: str) -> bytes:
    if syntax == JPEG_LS:
        return gallery.jpeg_ls(values)
    if syntax == JPEG_2000:
        return gallery.jpeg2000(values, codecformat="j2k")
    return bytes(imagecodecs.jpeg8_encode(values, lossless=True, predictor=1))


@pytest.mark.parametrize("syntax", [JPEG_LOSSLESS, JPEG_LS, JPEG_2000])
@pytest.mark.parametrize("bits", [8, 16])
def test_frames_are_decoded(tmp_path: Path, syntax: str, bits: int) -> None:
    films = [pictures.grey(bits, film=n) for n in range(2)]
    streams = [lossless(film, syntax) for film in films]
    body = encapsulated(tmp_path, np.stack(films), syntax, *streams)
    for number, film in enumerate(films, 1):
        (tmp_path / str(number)).mkdir()
        plain = data_set(tmp_path / str(number), film)
        assert np.array_equal(drawn(body, Wish(number, 768)), drawn(plain))


def test_a_lossy_jpeg_is_decoded_as_small_as_it_is_wanted(tmp_path: Path) -> None:
    smooth = np.asarray(Image.fromarray(pictures.smooth()).resize((1600, 1200)))
    rgb = np.stack([smooth, 255 - smooth, smooth // 2], axis=-1)
    stream = pictures.saved(rgb, "JPEG", quality=95)
    body = encapsulated(tmp_path, rgb, JPEG_BASELINE, stream, photometric="YBR_FULL_422")
    found = drawn(body, Wish(1, 192))
    assert found.shape == (144, 192, 3)
    wanted = np.asarray(Image.fromarray(rgb).resize((192, 144), Image.Resampling.BOX))
    assert np.abs(found.astype(int) - wanted).mean() < 4


def test_a_picture_that_was_no_dicom_is_drawn_from_what_convert_found(tmp_path: Path) -> None:
    values = pictures.grey(12)
    said = {
        "Rows": values.shape[0],
        "Columns": values.shape[1],
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "BitsAllocated": 16,
        "BitsStored": 12,
        "HighBit": 11,
        "PixelRepresentation": 0,
        "WindowCenter": 2048.0,
        "WindowWidth": 4096,
        "ICCProfile": "of no interest",
    }
    native = file_of(tmp_path, values.astype("<u2").tobytes())
    body = Body(1, BodyKind.PIXELS, EXPLICIT_LE, "d", native, said)
    assert np.array_equal(drawn(body), expected(values, 2048, 4096))
    narrow = Wish(1, 768, (100.0, 50.0))
    assert np.array_equal(drawn(body, narrow), expected(values, 100, 50))
    stream = file_of(tmp_path, gallery.jpeg2000(values, bitspersample=12, codecformat="j2k"))
    body = Body(1, BodyKind.STREAM, JPEG_2000, "d", stream, said)
    assert np.array_equal(drawn(body), expected(values, 2048, 4096))


# --- size ----------------------------------------------------------------------------------------


def test_large_ones_are_drawn_small_and_small_ones_as_they_are(tmp_path: Path) -> None:
    rows, columns = np.indices((1000, 2000))
    values = ((rows + columns) * 20).astype(np.uint16)
    found = drawn(data_set(tmp_path, values, window(30000, 60000)), Wish(1, 192))
    assert found.shape == (96, 192)
    wanted = Image.fromarray(expected(values[::5, ::5], 30000, 60000)).resize((192, 96))
    assert np.abs(found.astype(int) - np.asarray(wanted)).max() <= 4


def test_a_gigabyte_takes_no_more_memory_than_a_film(tmp_path: Path) -> None:
    path = tmp_path / "huge"
    rows, columns = 20_000, 26_843
    with path.open("wb") as file:
        file.truncate(rows * columns * 2)
    said = {"Rows": rows, "Columns": columns, "BitsAllocated": 16, "BitsStored": 16}
    whole = Slice(path, 0, rows * columns * 2)
    before_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = drawn(Body(1, BodyKind.PIXELS, EXPLICIT_LE, "d", (whole,), said))
    assert found.shape == (572, 768)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kib < 64 << 10


# --- as others have it ---------------------------------------------------------------------------

DATA = Path(__file__).parents[2] / "data" / "dicom"
SAMPLES = {
    "SC_rgb.dcm": (),
    "SC_ybr_full_uncompressed.dcm": (),
    "US1_UNCI.dcm": (),
    "color-pl.dcm": (),
    "vlut_04.dcm": ("+Wl", "1"),
    "OT-PAL-8-face.dcm": (),
}


def sample_of(name: str) -> Body:
    with opened(DATA / name) as peek:
        head = elements.file_head(peek)
        whole = Slice(DATA / name, head.data_set, peek.size - head.data_set)
    return Body(1, BodyKind.DATASET, head.transfer_syntax_uid, "d", (whole,))


@pytest.mark.parametrize(("sample", "options"), SAMPLES.items(), ids=SAMPLES)
def test_it_looks_as_dcmtk_has_it(tmp_path: Path, sample: str, options: tuple[str, ...]) -> None:
    command = ["dcm2pnm", *options, str(DATA / sample), str(tmp_path / "it.pnm")]
    subprocess.run(command, check=True, capture_output=True, timeout=20)
    with Image.open(tmp_path / "it.pnm") as image:
        theirs = np.asarray(image)
    ours = drawn(sample_of(sample))
    assert np.abs(ours.astype(int) - theirs).max() <= 2


def test_a_palette_in_segments() -> None:
    """Which DCMTK does not know."""
    found = drawn(sample_of("gdcm-US-ALOKA-16.dcm"))
    assert found.shape == (480, 640, 3)
    assert np.ptp(found) > 200


# --- nothing to draw -----------------------------------------------------------------------------


def test_what_is_not_as_it_says_is_no_picture(tmp_path: Path) -> None:
    values = RAMP.astype(np.uint16)
    with pytest.raises(Misfit, match="fewer pixels"):
        drawn(data_set(tmp_path, values, {0x00280010: ("US", 60)}))
    with pytest.raises(Misfit, match="how its pixels lie"):
        drawn(data_set(tmp_path, values, {0x00280010: ("US", 0)}))
    with pytest.raises(Misfit, match="how its pixels lie"):
        drawn(data_set(tmp_path, values, {0x00280100: ("US", 12)}))
    with pytest.raises(Misfit, match="1 frames"):
        drawn(data_set(tmp_path, values), Wish(2, 768))
    without = Body(1, BodyKind.DATASET, EXPLICIT_LE, "d", file_of(tmp_path, dialects.head()))
    with pytest.raises(Misfit, match="no pixels"):
        drawn(without)
    with pytest.raises(UnsupportedFormat, match=r"4\.100"):
        drawn(encapsulated(tmp_path, values, MPEG2, b"video!"))


def test_what_unpacks_without_end_is_no_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("appliance.convert.negative._MOST_INFLATED_BYTES", 500)
    with pytest.raises(Misfit, match="too long"):
        drawn(data_set(tmp_path, RAMP.astype(np.uint16), syntax=DEFLATED_LE))


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"P",
        b"P" + struct.pack("!HHB", 4, 4, 1) + bytes(15),
        b"P" + struct.pack("!HHB", 4, 4, 2) + bytes(32),
        b"P" + struct.pack("!HHB", 800, 1, 1) + bytes(800),
        b"P" + struct.pack("!HHB", 0, 4, 1),
        b"!" + b"\xff" * 1000,
    ],
)
def test_what_a_reader_tells_is_checked(text: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        draw.believed(text, 768)


def test_pixels_come_back_as_they_were() -> None:
    image = Image.fromarray(pictures.colour())
    assert draw.believed(draw.told(lambda: image), 768) == image
