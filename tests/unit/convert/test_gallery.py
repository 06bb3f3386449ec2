"""Every kind of picture becomes the values that were put into it, or stays the stream it is."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import imagecodecs
import numpy as np
import pytest

from appliance.intake import complete
from appliance.model import BodyKind
from appliance.settings.transfer_syntaxes import KEPT
from tests.builders.gallery import PICTURES, Picture
from tests.builders.reading import content_of, read, values_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from appliance.model import Body

NEAR = 6
SAMPLE = Path("tests/data/images/12in16bit.tif")
BY_NAME = [pytest.param(picture, id=picture.name) for picture in PICTURES]


def decoded(body: Body) -> NDArray[np.generic]:
    content = content_of(body)
    family = body.transfer_syntax_uid.rpartition(".")[2]
    if family in {"90", "91"}:
        return imagecodecs.jpeg2k_decode(content)
    if family in {"80", "81"}:
        return imagecodecs.jpegls_decode(content)
    return imagecodecs.jpeg8_decode(content)


def is_turned(picture: Picture) -> bool:
    """Several frames of Secondary Capture must have white above black (PS3.3 A.8.3.4)."""
    return picture.photometric == "MONOCHROME1" and picture.pixels.ndim > 2


@pytest.mark.parametrize("picture", BY_NAME)
def test_a_picture_keeps_its_values(tmp_path: Path, picture: Picture) -> None:
    body = read(tmp_path, picture.content, picture.settings).body
    assert (body.kind is BodyKind.STREAM) is picture.is_stream
    if picture.is_stream:
        assert body.transfer_syntax_uid == picture.syntax
        assert picture.syntax in KEPT  # or the conformance statement lies
        assert content_of(body) in picture.content
    values = decoded(body) if picture.is_stream else values_of(body)
    expected = 255 - picture.pixels if is_turned(picture) else picture.pixels
    assert values.shape == expected.shape
    apart = np.abs(values.astype(np.int64) - expected.astype(np.int64)).max()
    scale = 1 << max(0, picture.bits - 8)
    assert apart <= (NEAR * scale if picture.is_lossy else 0)


@pytest.mark.parametrize("picture", BY_NAME)
def test_a_picture_is_described_as_it_is(tmp_path: Path, picture: Picture) -> None:
    said = read(tmp_path, picture.content, picture.settings).body.attributes
    white = "MONOCHROME2" if is_turned(picture) else picture.photometric
    assert said["PhotometricInterpretation"] == white
    assert (said["BitsStored"], said["HighBit"]) == (picture.bits, picture.bits - 1)
    assert said["BitsAllocated"] == (8 if picture.bits <= 8 else 16)
    assert said.get("LossyImageCompression", "") == ("01" if picture.is_lossy else "")


@pytest.mark.parametrize("picture", BY_NAME)
def test_deep_grey_opens_with_a_window_over_its_own_range(
    tmp_path: Path, picture: Picture
) -> None:
    said = read(tmp_path, picture.content, picture.settings).body.attributes
    is_deep = picture.bits > 8 or picture.pixels.dtype.kind == "i"
    if not is_deep or picture.photometric in {"RGB", "YBR_RCT"}:
        assert "WindowWidth" not in said
    else:
        values = picture.pixels.astype(np.int64)
        near = NEAR << 8 if picture.is_lossy else 0
        width = int(values.max() - values.min() + 1)
        assert said["WindowWidth"] == pytest.approx(width, abs=near)
        middle = int(values.max() + values.min() + 1) / 2
        assert said["WindowCenter"] == pytest.approx(middle, abs=near)


@pytest.mark.parametrize("picture", BY_NAME)
def test_a_picture_is_whole_and_one_cut_off_is_not(tmp_path: Path, picture: Picture) -> None:
    path = tmp_path / picture.name
    path.write_bytes(picture.content)
    assert complete.check_export(path, picture.settings).wholeness is complete.Wholeness.WHOLE
    path.write_bytes(picture.content[: len(picture.content) * 3 // 4])
    assert complete.check_export(path, picture.settings).problem(picture.name)


# What the first version that took such files made of them; an image is known again by it.
DIGESTS = {
    "bmp-24.bmp": "2f5f7ab25b796c784627e2a02630a02de89a70cf8ac3d3362c9392262991ad60",
    "png-grey-16.png": "b3dd40ffaf4130ac43a590acd0b9dfa87897cede41d4dff7c3c398622682138b",
    "png-palette-4.png": "d1f555872565ef3e242693fd1d07145ac1ce3ac26f8aefd409a48c3eda700e7a",
    "tiff-grey-16-be.tif": "b3dd40ffaf4130ac43a590acd0b9dfa87897cede41d4dff7c3c398622682138b",
    "tiff-zlib.tif": "b3dd40ffaf4130ac43a590acd0b9dfa87897cede41d4dff7c3c398622682138b",
}


@pytest.mark.parametrize("name", DIGESTS)
def test_what_earlier_versions_took_is_known_again(tmp_path: Path, name: str) -> None:
    picture = next(each for each in PICTURES if each.name == name)
    assert read(tmp_path, picture.content, picture.settings).body.digest == DIGESTS[name]


def test_a_page_that_stays_in_its_file_is_known_by_the_file(tmp_path: Path) -> None:
    content = SAMPLE.read_bytes()
    digest = "30bf1b9cc8ed0eaa1a82c8d7f1a3d52d00c137dbe5dc9f37e33b065f4c501ef3"
    assert read(tmp_path, content).body.digest == digest


def test_each_name_is_there_once() -> None:
    assert not [name for name, times in Counter(p.name for p in PICTURES).items() if times > 1]
