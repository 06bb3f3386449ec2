"""Objects made anew for a peer that takes them otherwise encoded, looked at by other people's
tools: the same picture, the same words about it, and never a half one."""

from __future__ import annotations

import shutil
import struct
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pytest
from imagecodecs import jpeg2k_encode
from pydicom import dcmread
from pydicom.encaps import encapsulate, encapsulate_extended, generate_frames
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence
from pydicom.uid import UID, JPEG2000Lossless, RLELossless

from appliance.elements import EXPLICIT_BE, EXPLICIT_LE, IMPLICIT_LE
from appliance.errors import CannotRecode, Incomplete, Quarantined, Unreadable, UnsupportedFormat
from tests.builders import part10
from tests.builders.recoding import instance_of, pixels_for, remade, saved, seen

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray
    from pydicom import Dataset

DATA = Path(__file__).parents[2] / "data" / "dicom"
RLE = str(RLELossless)


class Way(NamedTuple):
    """How a sample is encoded by somebody else; where that loses nothing, it is its own proof."""

    command: tuple[str, ...]
    of: str
    is_lossless: bool = True
    photometric: str = ""  # where it changes


WAYS: dict[str, Way] = {
    "JPEG baseline, colour": Way(("dcmcjpeg", "+eb"), "SC_rgb.dcm", False, "RGB"),
    "JPEG baseline, frames": Way(("dcmcjpeg", "+eb"), "SC_rgb_2frame.dcm", False, "RGB"),
    "JPEG extended, 16 bits": Way(("dcmcjpeg", "+ee"), "mlut_18.dcm", False),
    "JPEG lossless, colour": Way(("dcmcjpeg", "+e1"), "SC_rgb.dcm"),
    "JPEG lossless, 16 bits": Way(("dcmcjpeg", "+el", "+sv", "6"), "mlut_18.dcm"),
    "JPEG lossless, palette": Way(("dcmcjpeg", "+e1"), "gdcm-US-ALOKA-16.dcm"),
    "JPEG-LS, colour": Way(("dcmcjpls",), "SC_rgb.dcm"),
    "JPEG-LS, 16 bits": Way(("dcmcjpls",), "mlut_18.dcm"),
    "JPEG-LS, near": Way(("dcmcjpls", "+en"), "SC_rgb.dcm", False),
    "JPEG 2000, 16 bits": Way(("gdcmconv", "--j2k"), "mlut_18.dcm"),
    "JPEG 2000, colour": Way(("gdcmconv", "--j2k"), "SC_rgb.dcm"),
    "JPEG 2000, mixed and lossy": Way(("cp",), "US1_J2KI.dcm", False, "RGB"),
    "RLE, frames": Way(("dcmcrle",), "SC_rgb_2frame.dcm"),
    "RLE, 16 bits": Way(("dcmcrle",), "mlut_18.dcm"),
    "RLE, YBR_FULL": Way(("dcmcrle",), "SC_ybr_full_uncompressed.dcm"),
    "deflated": Way(("dcmconv", "+td"), "vlut_04.dcm"),
    "big endian, 16 bits": Way(("dcmconv", "+tb"), "mlut_18.dcm"),
    "big endian, 8 bits": Way(("dcmconv", "+tb"), "SC_rgb.dcm"),
    "implicit": Way(("dcmconv", "+ti"), "mlut_18.dcm"),
    "explicit": Way(("dcmconv", "+te"), "mlut_18.dcm"),
}


def made(way: Way, folder: Path) -> Path:
    path = folder / "sample.dcm"
    subprocess.run(
        [*way.command, str(DATA / way.of), str(path)], check=True, capture_output=True, timeout=20
    )
    return path


def truth(way: Way, path: Path, folder: Path) -> NDArray[np.generic]:
    """The pixels before they were compressed; of what lost something, as others unpack it."""
    if way.is_lossless:
        return dcmread(DATA / way.of).pixel_array
    plain = folder / "plain.dcm"
    tool = {"dcmcjpeg": "dcmdjpeg", "dcmcjpls": "dcmdjpls"}.get(way.command[0])
    if tool is None:
        return dcmread(path).pixel_array
    subprocess.run([tool, str(path), str(plain)], check=True, capture_output=True, timeout=20)
    return dcmread(plain).pixel_array


@pytest.mark.parametrize("syntax", [EXPLICIT_LE, IMPLICIT_LE], ids=["explicit", "implicit"])
@pytest.mark.parametrize("name", WAYS)
def test_the_picture_is_the_same_and_so_is_all_that_is_said_of_it(
    name: str, syntax: str, tmp_path: Path
) -> None:
    way = WAYS[name]
    path = made(way, tmp_path)
    new = remade(instance_of(path), syntax, tmp_path / "spool")
    after, before = seen(new), dcmread(path)
    assert new.transfer_syntax_uid == syntax
    assert np.array_equal(after.pixel_array, truth(way, path, tmp_path))
    changed = {"PhotometricInterpretation"} if way.photometric else set()
    assert differences(before, after) <= changed | {"PixelData"}
    if way.photometric:
        assert after.PhotometricInterpretation == way.photometric


def differences(before: Dataset, after: Dataset) -> set[str]:
    """Keywords of what one says and the other does not, or otherwise; group lengths aside."""
    words = [{e.tag: plain(e.value) for e in ds if e.tag.element} for ds in (before, after)]
    other = words[0].keys() ^ words[1].keys()
    same = words[0].keys() & words[1].keys()
    tags = other | {tag for tag in same if words[0][tag] != words[1][tag]}
    return {before[t].keyword if t in before else after[t].keyword for t in tags}


def plain(value: object) -> object:
    """LUTData is of one VR here and of another there (PS3.6): numbers, or the bytes of them."""
    if isinstance(value, Sequence):
        return [{e.tag: plain(e.value) for e in item} for item in value]
    if isinstance(value, MultiValue | list) and all(isinstance(each, int) for each in value):
        return struct.pack(f"<{len(value)}H", *(each & 0xFFFF for each in value))
    return value


def test_what_lost_something_says_so_for_ever(tmp_path: Path) -> None:
    path = made(WAYS["JPEG baseline, colour"], tmp_path)
    ds = dcmread(path)
    assert ds.LossyImageCompression == "01"
    told = seen(remade(instance_of(path), EXPLICIT_LE, tmp_path / "spool"))
    assert told.LossyImageCompression == "01"
    for keyword in ("LossyImageCompression", "LossyImageCompressionRatio"):
        del ds[keyword]
    del ds.LossyImageCompressionMethod
    ds.save_as(path)
    added = seen(remade(instance_of(path), EXPLICIT_LE, tmp_path / "spool"))
    assert added.LossyImageCompression == "01"
    assert added.LossyImageCompressionMethod == "ISO_10918_1"
    assert added.LossyImageCompressionRatio > 1


def test_what_lost_nothing_does_not_say_so(tmp_path: Path) -> None:
    path = made(WAYS["JPEG-LS, colour"], tmp_path)
    told = seen(remade(instance_of(path), EXPLICIT_LE, tmp_path / "spool"))
    assert "LossyImageCompression" not in told


def test_it_keeps_its_uids_and_gets_a_digest_of_its_own(tmp_path: Path) -> None:
    old = instance_of(made(WAYS["RLE, 16 bits"], tmp_path))
    new, again = (remade(old, EXPLICIT_LE, tmp_path / "spool") for _ in range(2))
    assert (new.sop_class_uid, new.sop_instance_uid) == (old.sop_class_uid, old.sop_instance_uid)
    assert new == again
    assert new.digest != old.digest


# --- frames as others put them -------------------------------------------------------------------


def frames_of(count: int) -> tuple[Dataset, list[bytes], NDArray[np.generic]]:
    """A multi-frame image, its frames compressed, and its pixels."""
    ds = dcmread(DATA / "SC_rgb_2frame.dcm")
    values = np.concatenate([ds.pixel_array] * count)[:count]
    ds.NumberOfFrames = count
    packed = [jpeg2k_encode(v, level=0, codecformat="J2K", reversible=True) for v in values]
    ds.file_meta.TransferSyntaxUID = JPEG2000Lossless
    return ds, [bytes(each) for each in packed], values


def fragmented(ds: Dataset, frames: list[bytes]) -> None:
    ds.PixelData = encapsulate(frames, fragments_per_frame=3)


def without_table(ds: Dataset, frames: list[bytes]) -> None:
    ds.PixelData = encapsulate(frames, has_bot=False)


def fragmented_without_table(ds: Dataset, frames: list[bytes]) -> None:
    ds.PixelData = encapsulate(frames, fragments_per_frame=2, has_bot=False)


def extended(ds: Dataset, frames: list[bytes]) -> None:
    ds.PixelData, ds.ExtendedOffsetTable, ds.ExtendedOffsetTableLengths = encapsulate_extended(
        frames
    )


@pytest.mark.parametrize(
    "put",
    [fragmented, without_table, fragmented_without_table, extended],
    ids=lambda p: p.__name__,
)
def test_frames_are_found_however_they_are_cut(
    put: Callable[[Dataset, list[bytes]], None], tmp_path: Path
) -> None:
    ds, frames, values = frames_of(3)
    put(ds, frames)
    ds["PixelData"].is_undefined_length = True
    ds.save_as(tmp_path / "film.dcm")
    new = seen(remade(instance_of(tmp_path / "film.dcm"), EXPLICIT_LE, tmp_path / "spool"))
    assert np.array_equal(new.pixel_array, values)
    assert "ExtendedOffsetTable" not in new


# --- what is broken ------------------------------------------------------------------------------


def too_few_frames(ds: Dataset) -> None:
    ds.NumberOfFrames = 3


def other_size(ds: Dataset) -> None:
    ds.Rows += 1


def too_shallow(ds: Dataset) -> None:
    ds.BitsAllocated = 12


@pytest.mark.parametrize(
    "change", [too_few_frames, other_size, too_shallow], ids=lambda c: c.__name__
)
def test_a_header_that_does_not_fit_is_not_believed(
    change: Callable[[Dataset], None], tmp_path: Path
) -> None:
    path = made(WAYS["RLE, frames"], tmp_path)
    ds = dcmread(path)
    change(ds)
    ds.save_as(path)
    with pytest.raises(Quarantined):
        pixels_for(instance_of(path), EXPLICIT_LE, tmp_path / "spool")


@pytest.mark.parametrize(
    "name",
    [
        "JPEG baseline, colour",
        "JPEG extended, 16 bits",
        "JPEG lossless, 16 bits",
        "JPEG-LS, 16 bits",
        "JPEG 2000, 16 bits",
    ],
)
def test_half_a_picture_is_none_though_it_has_an_end(name: str, tmp_path: Path) -> None:
    """libjpeg fills up what is missing with grey, and says nothing."""
    path = made(WAYS[name], tmp_path)
    ds = dcmread(path)
    frame = next(generate_frames(ds.PixelData, number_of_frames=1)).rstrip(b"\0")
    half = frame[: len(frame) // 2] + frame[-2:]
    ds.PixelData = encapsulate([half])
    ds["PixelData"].is_undefined_length = True
    ds.save_as(path)
    with pytest.raises((Unreadable, Incomplete)):
        pixels_for(instance_of(path), EXPLICIT_LE, tmp_path / "spool")


def test_what_nobody_here_can_decode_is_called_that(tmp_path: Path) -> None:
    path = made(WAYS["JPEG 2000, 16 bits"], tmp_path)
    ds = dcmread(path)
    ds.file_meta.TransferSyntaxUID = UID("1.2.840.10008.1.2.4.100")  # MPEG-2
    ds.save_as(path)
    with pytest.raises(UnsupportedFormat, match=r"1\.2\.840\.10008\.1\.2\.4\.100"):
        pixels_for(instance_of(path), EXPLICIT_LE, tmp_path / "spool")


def test_an_image_whose_pixels_lie_elsewhere_is_not_sent_without_them(tmp_path: Path) -> None:
    """JPIP: the data set says where to ask for them."""
    whole, path = part10.film("1.2.3.4"), tmp_path / "film.dcm"
    jpip = part10.meta("1.2.3.4", "1.2.840.10008.1.2.4.94")
    start = len(part10.meta("1.2.3.4"))
    path.write_bytes(jpip + whole[start : whole.rindex(b"\xe0\x7f\x10\x00")])
    with pytest.raises(UnsupportedFormat):
        pixels_for(instance_of(path), EXPLICIT_LE, tmp_path / "spool")


def test_planes_of_one_size_are_not_called_halved_colours(tmp_path: Path) -> None:
    path = made(WAYS["RLE, YBR_FULL"], tmp_path)
    ds = dcmread(path)
    ds.PhotometricInterpretation = "YBR_FULL_422"
    ds.save_as(path)
    new = seen(remade(instance_of(path), EXPLICIT_LE, tmp_path / "spool"))
    assert new.PhotometricInterpretation == "YBR_FULL"
    values = dcmread(DATA / "SC_ybr_full_uncompressed.dcm").pixel_array
    assert np.array_equal(new.pixel_array, values)


def test_frames_of_several_kinds_are_not_given_one_name(tmp_path: Path) -> None:
    """One frame has its colours mixed and the other has not: one header cannot say both."""
    ds, frames, values = frames_of(2)
    frames[1] = bytes(jpeg2k_encode(values[1], level=0, codecformat="J2K", mct=False))
    without_table(ds, frames)
    ds.PhotometricInterpretation = "YBR_FULL"
    ds["PixelData"].is_undefined_length = True
    ds.save_as(tmp_path / "film.dcm")
    with pytest.raises(Unreadable, match="several kinds"):
        pixels_for(instance_of(tmp_path / "film.dcm"), EXPLICIT_LE, tmp_path / "spool")


def test_an_icon_that_is_compressed_too_is_not_sent_as_if_it_were_not(tmp_path: Path) -> None:
    path = made(WAYS["RLE, 16 bits"], tmp_path)
    ds = dcmread(path)
    icon = dcmread(path)[0x00280010:]
    ds.IconImageSequence = [icon]
    icon.PixelData = ds.PixelData
    icon["PixelData"].is_undefined_length = True
    ds.save_as(path)
    with pytest.raises(CannotRecode, match="compressed too"):
        remade(instance_of(path), EXPLICIT_LE, tmp_path / "spool")


# --- run length encoding -------------------------------------------------------------------------


@pytest.mark.parametrize("of", ["SC_rgb_2frame.dcm", "mlut_18.dcm", "gdcm-US-ALOKA-16.dcm"])
def test_what_is_compressed_without_loss_is_unpacked_to_the_same_by_others(
    of: str, tmp_path: Path
) -> None:
    shutil.copy(DATA / of, tmp_path / "film.dcm")
    old = instance_of(tmp_path / "film.dcm")
    packed = remade(old, RLE, tmp_path / "spool")
    assert packed.transfer_syntax_uid == RLE
    assert packed.size_bytes < old.size_bytes
    path = saved(packed, tmp_path / "packed.dcm")
    plain = tmp_path / "plain.dcm"
    subprocess.run(["dcmdrle", str(path), str(plain)], check=True, timeout=20)
    values = dcmread(DATA / of).pixel_array
    assert np.array_equal(dcmread(plain).pixel_array, values)
    back = remade(packed, EXPLICIT_LE, tmp_path / "spool")
    assert np.array_equal(seen(back).pixel_array, values)


def test_noise_is_not_compressed(tmp_path: Path) -> None:
    noise = np.random.default_rng(1).integers(0, 1 << 16, 16 * 20, dtype=np.uint16)
    content = part10.film("1.2.3.4")
    path = tmp_path / "film.dcm"
    path.write_bytes(content[: -noise.nbytes] + noise.tobytes())
    assert pixels_for(instance_of(path), RLE, tmp_path / "spool") is None
    assert not [p for p in (tmp_path / "spool").rglob("*") if p.is_file()]


def test_what_has_no_pixels_needs_none(tmp_path: Path) -> None:
    path = tmp_path / "film.dcm"
    whole = part10.film("1.2.3.4")
    path.write_bytes(whole[: whole.rindex(b"\xe0\x7f\x10\x00")])
    assert pixels_for(instance_of(path), RLE, tmp_path / "spool") is None


def test_by_planes_is_as_good_as_by_pixels(tmp_path: Path) -> None:
    path = tmp_path / "film.dcm"
    shutil.copy(DATA / "color-pl.dcm", path)
    packed = remade(instance_of(path), RLE, tmp_path / "spool")
    back = seen(remade(packed, EXPLICIT_LE, tmp_path / "spool"))
    assert np.array_equal(back.pixel_array, dcmread(path).pixel_array)
    assert back.PlanarConfiguration == 0


def test_values_below_zero_keep_their_sign(tmp_path: Path) -> None:
    values = np.arange(-160, 160, dtype="<i2").reshape(16, 20)
    path = tmp_path / "film.dcm"
    path.write_bytes(part10.film("1.2.3.4"))
    ds = dcmread(path)
    ds.PixelRepresentation = 1
    ds.PixelData = values.tobytes()
    ds.save_as(path)
    for command in (("dcmcjpeg", "+e1"), ("dcmcjpls",), ("gdcmconv", "--j2k"), ("dcmcrle",)):
        packed = tmp_path / "packed.dcm"
        subprocess.run([*command, str(path), str(packed)], check=True, timeout=20)
        new = seen(remade(instance_of(packed), EXPLICIT_LE, tmp_path / "spool"))
        assert np.array_equal(new.pixel_array, values), command


def test_big_endian_of_more_than_a_word_is_left_to_people(tmp_path: Path) -> None:
    path = tmp_path / "film.dcm"
    path.write_bytes(part10.film("1.2.3.4", syntax=EXPLICIT_BE))
    ds = dcmread(path)
    ds.BitsAllocated = 32
    ds.save_as(path)
    with pytest.raises(Unreadable):
        pixels_for(instance_of(path), EXPLICIT_LE, tmp_path / "spool")
