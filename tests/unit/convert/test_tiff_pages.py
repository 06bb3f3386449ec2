"""Pages of a TIFF become frames of one object, or one object each, as their SOP class has it."""

from __future__ import annotations

import struct
import tracemalloc
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
import pytest
import tifffile

from appliance.errors import Incomplete, Problem, Transparent, Unreadable, UnsupportedFormat
from appliance.settings import sop_classes as sop
from appliance.settings.schema import Profile
from tests.builders import pictures
from tests.builders.pictures import colour, grey, tiff, tiff_pages
from tests.builders.reading import NAME, content_of, read, values_of

if TYPE_CHECKING:
    from pathlib import Path

CR = Profile("cr", sop_class="CR", modality="CR")
US = Profile("us", sop_class="US", modality="US")
FILMS = [grey(8, film=n) for n in range(3)]


@pytest.mark.parametrize(
    ("profile", "pages", "sop_class"),
    [
        (US, FILMS, sop.US_MULTI_FRAME),
        (US, [colour(), colour(1)], sop.US_MULTI_FRAME),
        (None, FILMS, sop.SC_BYTE_FRAMES),
        (None, [grey(16), grey(16, film=1)], sop.SC_WORD_FRAMES),
        (None, [colour(), colour(1)], sop.SC_COLOUR_FRAMES),
    ],
)
def test_pages_of_one_shape_are_frames_where_the_class_has_them(
    tmp_path: Path, profile: Profile | None, pages: list[np.ndarray], sop_class: str
) -> None:
    found = read(tmp_path, tiff_pages(pages), profile)
    assert found.body.attributes["SOPClassUID"] == sop_class
    assert found.body.attributes["NumberOfFrames"] == len(pages)
    assert (values_of(found.body) == np.stack(pages)).all()


@pytest.mark.parametrize(
    ("profile", "pages"),
    [
        (CR, FILMS),
        (Profile(sop_class="VL", modality="XC"), FILMS),
        (None, [colour(bits=16), colour(1, bits=16)]),
        (None, [grey(16, signed=True), grey(16, signed=True, film=1)]),
    ],
)
def test_where_it_has_none_each_page_is_an_object(
    tmp_path: Path, profile: Profile | None, pages: list[np.ndarray]
) -> None:
    bodies = read(tmp_path, tiff_pages(pages), profile).bodies
    assert [body.number for body in bodies] == list(range(1, len(pages) + 1))
    for body, page in zip(bodies, pages, strict=True):
        assert "NumberOfFrames" not in body.attributes
        assert (values_of(body) == page).all()


def test_uncompressed_frames_stay_where_they_lie(tmp_path: Path) -> None:
    content = tiff_pages(FILMS)
    body = read(tmp_path, content).body
    assert len(body.slices) == len(FILMS)  # directories lie between them
    assert all(
        FILMS[n].tobytes() == content[s.offset :][: s.length] for n, s in enumerate(body.slices)
    )


def test_pages_of_other_shapes_are_objects_of_their_own(tmp_path: Path) -> None:
    small = grey(8)[:20, :30]
    bodies = read(tmp_path, tiff_pages([FILMS[0], small, FILMS[1], colour()])).bodies
    assert [body.attributes.get("NumberOfFrames", 1) for body in bodies] == [2, 1, 1]
    assert (values_of(bodies[0]) == np.stack(FILMS[:2])).all()
    assert (values_of(bodies[1]) == small).all()
    assert (values_of(bodies[2]) == colour()).all()


def test_pages_that_look_the_same_are_not_the_same_image(tmp_path: Path) -> None:
    twice = tiff_pages([FILMS[0], FILMS[0]], compression="lzw")
    one, two = read(tmp_path, twice, CR).bodies
    assert content_of(one) == content_of(two)
    assert one.digest != two.digest


def test_the_first_page_is_known_again_when_it_comes_alone(tmp_path: Path) -> None:
    alone = read(tmp_path, tiff(FILMS[0], compression="lzw"), CR).body
    first, _ = read(tmp_path, tiff_pages(FILMS[:2], compression="lzw"), CR).bodies
    assert first.digest == alone.digest


def test_frames_with_black_above_white_are_inverted_and_that_is_said(tmp_path: Path) -> None:
    found = read(tmp_path, tiff_pages(FILMS, photometric="miniswhite"))
    assert found.body.attributes["PhotometricInterpretation"] == "MONOCHROME2"
    assert (values_of(found.body) == 255 - np.stack(FILMS)).all()
    assert "inverted" in found.evidence.notes[0]


@pytest.mark.parametrize(("bits_stored", "top"), [(0, 65535), (12, 4095)])
def test_inverted_values_stay_within_their_bits(
    tmp_path: Path, bits_stored: int, top: int
) -> None:
    deep = [grey(12), grey(12, film=1)]
    profile = Profile(sop_class="SC", bits_stored=bits_stored)
    found = read(tmp_path, tiff_pages(deep, photometric="miniswhite"), profile)
    assert (values_of(found.body) == top - np.stack(deep)).all()


def test_one_picture_of_ultrasound_is_inverted_too(tmp_path: Path) -> None:
    white = tiff(grey(8), photometric="miniswhite")
    assert (values_of(read(tmp_path, white, US).body) == 255 - grey(8)).all()
    assert (values_of(read(tmp_path, white, CR).body) == grey(8)).all()


def test_a_small_copy_is_left_out_and_that_is_said(tmp_path: Path) -> None:
    content = BytesIO()
    with tifffile.TiffWriter(content) as writer:
        writer.write(grey(16), metadata=None)
        writer.write(grey(8)[::4, ::4], metadata=None, subfiletype=1)
    found = read(tmp_path, content.getvalue())
    assert (values_of(found.body) == grey(16)).all()
    assert "small copy" in found.evidence.notes[0]


@pytest.mark.parametrize("turn", range(2, 9))
def test_each_page_is_turned_by_its_own_tag(tmp_path: Path, turn: int) -> None:
    content = BytesIO()
    with tifffile.TiffWriter(content) as writer:
        writer.write(grey(8), metadata=None)
        writer.write(grey(8), metadata=None, extratags=[(274, 3, 1, turn, True)])
    bodies = read(tmp_path, content.getvalue()).bodies
    seen = values_of(bodies[-1]) if len(bodies) > 1 else values_of(bodies[0])[1]
    # As the tag's own words have it: where the stored row 0 and column 0 are to be seen.
    corner = {2: (0, -1), 3: (-1, -1), 4: (-1, 0), 5: (0, 0), 6: (0, -1), 7: (-1, -1), 8: (-1, 0)}
    assert seen[corner[turn]] == grey(8)[0, 0]
    first_row = seen[:, corner[turn][1]] if turn > 4 else seen[corner[turn][0]]
    backwards = turn in {2, 3, 7, 8}
    assert (first_row[:: -1 if backwards else 1] == grey(8)[0]).all()


def test_a_turn_that_does_not_exist_is_none(tmp_path: Path) -> None:
    content = tiff(grey(8), extratags=[(274, 3, 1, 9, True)])
    assert (values_of(read(tmp_path, content).body) == grey(8)).all()


def test_a_palette_of_greys_is_greyscale(tmp_path: Path) -> None:
    ramp = [value * 257 for value in range(255, -1, -1)]
    body = read(tmp_path, pictures.tiff_packed(grey(8), 3, bits=8, tags={320: ramp * 3})).body
    assert body.attributes["PhotometricInterpretation"] == "MONOCHROME2"
    assert (values_of(body) == 255 - grey(8)).all()


def test_an_old_palette_of_8_bits_is_not_black(tmp_path: Path) -> None:
    ramp = list(range(256))
    body = read(tmp_path, pictures.tiff_packed(grey(8), 3, bits=8, tags={320: ramp * 3})).body
    assert (values_of(body) == grey(8)).all()


def test_colours_of_16_bits_are_kept_or_made_8_as_the_profile_asks(tmp_path: Path) -> None:
    deep = colour(bits=16)
    kept = read(tmp_path, tiff(deep))
    assert (values_of(kept.body) == deep).all()
    assert "16 bits" in kept.evidence.notes[0]
    made = read(tmp_path, tiff(deep), Profile(colour_bits=8))
    assert (values_of(made.body) == np.rint(deep.astype(float) / 257)).all()
    assert made.body.attributes["ImageType"] == ["DERIVED", "PRIMARY"]
    assert made.body.attributes["BitsAllocated"] == 8


def test_a_large_tiled_page_is_never_in_memory_as_a_whole(tmp_path: Path) -> None:
    values = np.arange(40_000_000, dtype=np.uint16).reshape(5000, 8000)
    content = tiff(values, tile=(256, 256))
    read(tmp_path, tiff(grey(16), tile=(16, 16)))
    assert _peak(tmp_path, content) < 30_000_000


def test_many_pages_are_decoded_one_after_the_other(tmp_path: Path) -> None:
    page = np.arange(1_000_000, dtype=np.uint16).reshape(1000, 1000)
    content = tiff_pages([page + n for n in range(30)], compression="zlib")
    read(tmp_path, tiff(grey(16), compression="zlib"))
    assert _peak(tmp_path, content) < 30_000_000


def _peak(tmp_path: Path, content: bytes) -> int:
    tracemalloc.start()
    try:
        read(tmp_path, content)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("profile", [None, CR], ids=["frames", "objects"])
def test_a_few_bytes_that_would_fill_the_card_are_refused(
    tmp_path: Path, profile: Profile | None
) -> None:
    content = bytearray(tiff(np.zeros((8000, 8000), np.uint8), compression="zlib"))
    at, following = directory(bytes(content))
    for _ in range(16):  # more pages of the same pixels
        end = len(content)
        struct.pack_into("<L", content, following, end)
        content += content[at : following + 4]
        at, following = end, end + following - at
    struct.pack_into("<L", content, following, 0)
    with pytest.raises(UnsupportedFormat, match="MB"):
        read(tmp_path, bytes(content), profile)


def directory(content: bytes) -> tuple[int, int]:
    """Where a TIFF's first directory is, and where that says what follows it."""
    (at,) = struct.unpack_from("<L", content, 4)
    (count,) = struct.unpack_from("<H", content, at)
    return at, at + 2 + 12 * count


def with_tag(content: bytes, name: str, value: int) -> bytes:
    """A TIFF of which a tag says something else."""
    spoilt = bytearray(content)
    with tifffile.TiffFile(BytesIO(content)) as found:
        tag = found.pages.first.tags[name]
    struct.pack_into({3: "<H", 4: "<L"}[int(tag.dtype)], spoilt, tag.valueoffset, value)
    return bytes(spoilt)


def half_a_strip(**options: object) -> bytes:
    """A TIFF whose only strip says that it is half as long as it was."""
    content = tiff(pictures.smooth(), rowsperstrip=pictures.ROWS, **options)
    with tifffile.TiffFile(BytesIO(content)) as found:
        half = found.pages.first.databytecounts[0] // 2
    return with_tag(content, "StripByteCounts", half)


def before_the_file() -> bytes:
    """A TIFF with a signed strip offset, 32 bytes before its first."""
    content = bytearray(tiff(grey(8), rowsperstrip=pictures.ROWS))
    with tifffile.TiffFile(BytesIO(bytes(content))) as found:
        tag = found.pages.first.tags["StripOffsets"]
    struct.pack_into("<HLl", content, tag.offset + 2, 9, 1, -32)
    return bytes(content)


def lost_page() -> bytes:
    """A TIFF that says of a second page that it is behind its end."""
    content = bytearray(tiff(grey(8)))
    _, following = directory(bytes(content))
    struct.pack_into("<L", content, following, len(content) + 100)
    return bytes(content)


def with_alpha(extra: int, value: int) -> bytes:
    layers = np.dstack([colour(), np.full(grey(8).shape, value, np.uint8)])
    return tiff(layers, photometric="rgb", extrasamples=[extra])


WRONG: list[tuple[bytes, type[Problem], str]] = [
    (half_a_strip(), Incomplete, "a strip has"),
    (before_the_file(), Incomplete, "from byte -32"),
    (
        with_tag(tiff(colour(), compression="lzw"), "PlanarConfiguration", 8193),
        UnsupportedFormat,
        "3 x 8 bits",
    ),
    (half_a_strip(compression="lzw"), Unreadable, "cannot be read"),
    (half_a_strip(compression="zlib"), Unreadable, "cannot be read"),
    (half_a_strip(compression="packbits"), Unreadable, "cannot be read"),
    (half_a_strip(compression="jpeg"), Incomplete, "has no end"),
    (lost_page(), Unreadable, "a page is not there"),
    (with_alpha(2, 128), Transparent, "transparent"),
    (with_alpha(0, 255), UnsupportedFormat, "4 x 8 bits"),
    (tiff(np.dstack([colour(), grey(8)]), photometric="separated"), UnsupportedFormat, "4 x 8"),
    (tiff(grey(8).astype(np.float32)), UnsupportedFormat, "1 x 32 bits"),
    (tiff(grey(8).astype(np.uint32)), UnsupportedFormat, "1 x 32 bits"),
    (pictures.tiff_packed(grey(1), bits=1, tags={254: [4]}), UnsupportedFormat, "mask"),
]


@pytest.mark.parametrize(("content", "problem", "words"), WRONG, ids=range(len(WRONG)))
def test_what_cannot_be_read_is_said(
    tmp_path: Path, content: bytes, problem: type[Problem], words: str
) -> None:
    with pytest.raises(problem, match=words) as caught:
        read(tmp_path, content)
    assert NAME in caught.value.sentence


@pytest.mark.parametrize("extra", [1, 2])
def test_alpha_that_means_nothing_is_dropped(tmp_path: Path, extra: int) -> None:
    assert (values_of(read(tmp_path, with_alpha(extra, 255)).body) == colour()).all()
