"""Each repair is a named rule: told in one sentence, switched off by name, never a guess."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest

from appliance.convert.repair import RULES
from appliance.convert.stage import Convert
from appliance.errors import (
    BadSettings,
    NoSopClass,
    NotRepaired,
    UnknownDepth,
    UnknownPhotometric,
)
from appliance.model import ItemState
from appliance.settings.load import parse
from appliance.settings.repairs import Rule
from appliance.settings.schema import Profile, Settings
from tests.builders import acr_nema, dialects, objects, part10
from tests.builders.dialect_reader import read
from tests.builders.part10 import (
    EXPLICIT_BE,
    EXPLICIT_LE,
    IMPLICIT_LE,
    element,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from appliance.errors import Held
    from tests.builders.box import Box
    from tests.builders.dialects import Value

SYNTAXES = [IMPLICIT_LE, EXPLICIT_LE, EXPLICIT_BE]
CHINESE = Profile(charset="gbk")
WANG = "王^小明".encode("gbk")


class Case(NamedTuple):
    """A file that needs one rule, what its profile must say for it, and the sentence."""

    content: bytes
    sentence: str
    profile: Profile = Profile()


def wrong(changes: Mapping[int, Value | None]) -> bytes:
    return dialects.file(changes)


CASES: dict[Rule, Case] = {
    Rule.PREAMBLE: Case(
        dialects.file()[128:],
        "It begins without the 128 bytes that stand before a DICOM file's head.",
    ),
    Rule.META_HEADER: Case(
        dialects.data_set(syntax=IMPLICIT_LE),
        "It has no file head (group 0002): its first elements show Implicit VR Little Endian.",
    ),
    Rule.TRANSFER_SYNTAX: Case(
        part10.meta(dialects.UID, EXPLICIT_LE) + dialects.data_set(syntax=IMPLICIT_LE),
        "Its file head does not say how it is written: it says 1.2.840.10008.1.2.1,"
        " the data set is Implicit VR Little Endian.",
    ),
    Rule.ACR_NEMA: Case(
        acr_nema.file(),
        "It is from before DICOM (ACR-NEMA), and is made an image anew: ACR-NEMA 2.0.",
        Profile(photometric="MONOCHROME1"),
    ),
    Rule.CHARSET: Case(
        wrong({0x00100010: ("PN", WANG + b" ")}),
        "Its text is not of the character set that it declares, and is written in ISO_IR 192:"
        " it declares nothing and is gbk, PatientName was cd f5 5e d0 a1 c3 f7.",
        CHINESE,
    ),
    Rule.DATE: Case(
        wrong({0x00080020: ("DA", "1995.07.20"), 0x00100030: ("DA", "1960-02-29")}),
        "Dates are written as DICOM writes them: StudyDate was 1995.07.20,"
        " PatientBirthDate was 1960-02-29.",
    ),
    Rule.TIME: Case(
        wrong({0x00080030: ("TM", "11:22:07")}),
        "Times are written as DICOM writes them: StudyTime was 11:22:07.",
    ),
    Rule.IMAGE_TYPE: Case(
        wrong({0x00080008: ("CS", "ORIGINAL PRIMARY")}),
        "The values of ImageType are parted by backslashes: ImageType was ORIGINAL PRIMARY.",
    ),
    Rule.PADDING: Case(
        wrong({0x00080070: ("LO", b"ACME5\0"), 0x00080016: ("UI", part10.CR_IMAGE + " ")}),
        "Values end in what DICOM fills them up with: SOPClassUID, Manufacturer.",
    ),
    Rule.TOO_LONG: Case(
        wrong({0x00080050: ("SH", b"A1" + b" " * 18)}),
        "Fillers that make values longer than DICOM allows are cut off: AccessionNumber.",
    ),
    Rule.ODD_LENGTH: Case(
        wrong({0x00080070: ("LO", b"ACME5"), 0x00091010: ("OB", b"\1\2\3")}),
        "Values of an odd length are filled up: Manufacturer, (0009,1010).",
    ),
    Rule.SHARED_UID: Case(
        wrong({0x0020000E: ("UI", dialects.STUDY)}),
        "Study and series have the same UID: the series gets its own.",
    ),
    Rule.MISSING_UID: Case(
        wrong({0x00080018: None, 0x0020000D: ("UI", "none")}),
        "It has no UID, or no valid one, where it needs one:"
        " StudyInstanceUID, SOPInstanceUID is derived.",
    ),
    Rule.SOP_CLASS: Case(
        part10.meta(dialects.UID, sop_class="") + dialects.data_set({0x00080016: None}),
        "It does not say what kind of object it is: its modality CR makes it"
        " 1.2.840.10008.5.1.4.1.1.1.",
    ),
    Rule.MODALITY: Case(
        wrong({0x00080060: None}),
        "It does not say its modality: DX, as the profile says.",
        Profile(modality="DX"),
    ),
    Rule.IMAGE_PIXEL: Case(
        wrong({0x00280002: None, 0x00280004: None, 0x00280101: None, 0x00280102: None}),
        "It does not describe its pixels in full; added: PhotometricInterpretation MONOCHROME2,"
        " SamplesPerPixel 1, BitsStored 12, HighBit 11.",
        Profile(photometric="MONOCHROME2", bits_stored=12),
    ),
    Rule.DEFLATED: Case(
        dialects.deflated({0x00080020: ("DA", "1995.07.20")}),
        "It was compressed as a whole (deflated), and is unpacked to be put right.",
    ),
}


def test_every_rule_has_a_sentence_and_a_file_that_needs_it() -> None:
    assert set(CASES) == set(RULES) == set(Rule)


@pytest.mark.parametrize("rule", CASES)
def test_a_repair_is_told_in_one_sentence(tmp_path: Path, rule: Rule) -> None:
    case = CASES[rule]
    found = read(tmp_path, case.content, case.profile)
    assert found.sentence(rule) == case.sentence
    also = [Rule.DATE] if rule is Rule.DEFLATED else []
    assert found.rules == [rule, *also]


@pytest.mark.parametrize("rule", CASES)
def test_a_rule_that_is_switched_off_holds_the_file(tmp_path: Path, rule: Rule) -> None:
    case = CASES[rule]
    off = Profile(
        photometric=case.profile.photometric,
        bits_stored=case.profile.bits_stored,
        charset=case.profile.charset,
        modality=case.profile.modality,
        no_repair=(rule,),
    )
    with pytest.raises(NotRepaired, match=f'exam/a.dcm would need the repair "{rule}"') as caught:
        read(tmp_path, case.content, off)
    assert caught.value.code == "not-repaired"


@pytest.mark.parametrize("rule", [rule for rule in CASES if rule is not Rule.ACR_NEMA])
def test_the_pixels_stay_where_they_are(tmp_path: Path, rule: Rule) -> None:
    case = CASES[rule]
    body = read(tmp_path, case.content, case.profile).body
    syntax = body.transfer_syntax_uid
    pixels = element(0x7FE00010, "OW", dialects.native(syntax), syntax)
    assert objects.content(body.slices[-1]) == pixels
    if rule is not Rule.DEFLATED:
        assert body.slices[-1].path.read_bytes() == case.content


def test_a_repair_stands_in_the_history_of_its_item(box: Box) -> None:
    box.accept("a.dcm", CASES[Rule.DATE].content)
    Convert(box.journal).turn(Settings())
    item = box.claim(ItemState.CONVERTED)
    told = [(row["code"], row["sentence"]) for row in box.journal.ledger.history(item.id)]
    assert ("date", CASES[Rule.DATE].sentence) in told


def test_only_rules_that_exist_can_be_switched_off() -> None:
    profile = '[[profile]]\nname = "a"\nno_repair = ["{}"]'
    assert parse(profile.format("date")).profiles[0].no_repair == ("date",)
    with pytest.raises(BadSettings, match="no_repair"):
        parse(profile.format("dates"))


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize(
    ("tag", "vr", "before", "after"),
    [
        (0x00080020, "DA", b"1995.07.20", b"19950720"),
        (0x00080020, "DA", b"1995-07-20", b"19950720"),
        (0x00080020, "DA", b"1995/07/20", b"19950720"),
        (0x00080020, "DA", b"95.07.20", b"95.07.20"),
        (0x00080020, "DA", b"20.07.1995", b"20.07.1995"),
        (0x00080020, "DA", b"1995.13.20", b"1995.13.20"),
        (0x00080020, "DA", b"19950720  ", b"19950720"),
        (0x00080030, "TM", b"11:22:07", b"112207"),
        (0x00080030, "TM", b"11:22", b"1122"),
        (0x00080030, "TM", b"11:22:07.5", b"112207.5"),
        (0x00080030, "TM", b"25:22:07", b"25:22:07"),
        (0x00080008, "CS", b"DERIVED SECONDARY M SE", b"DERIVED\\SECONDARY\\M SE"),
        (0x00080008, "CS", b"ORIGINAL\\PRIMARY\\M SE ", b"ORIGINAL\\PRIMARY\\M SE "),
        (0x00080050, "SH", b"A1" + b"\0" * 20, b"A1"),
        (0x00080050, "SH", b"LONGER THAN 16 LETTERS", b"LONGER THAN 16 LETTERS"),
        (0x00100020, "LO", b"\0\0", b""),
        (0x00100020, "LO", b"4711 ", b"4711"),
        (0x00200013, "IS", b"1\0", b"1 "),
        (0x0020000D, "UI", b"1.2.31 ", b"1.2.31"),
        (0x0020000D, "UI", b"1.2.3 ", b"1.2.3\0"),
        (0x0020000D, "UI", b"1.2.3\0", b"1.2.3\0"),
    ],
)
def test_only_what_is_certain_becomes_otherwise(
    tmp_path: Path, tag: int, vr: str, before: bytes, after: bytes, syntax: str
) -> None:
    found = read(tmp_path, dialects.file({tag: (vr, before)}, syntax))
    assert found.encoding == dialects.data_set({tag: (vr, after)}, syntax)
    assert bool(found.rules) == (before != after)


@pytest.mark.parametrize("undefined", [False, True])
@pytest.mark.parametrize("syntax", SYNTAXES)
def test_values_in_sequences_are_put_right_too(
    tmp_path: Path, syntax: str, *, undefined: bool
) -> None:
    def item(date: str) -> bytes:
        words = element(0x00321060, "LO", "THORAX PA", syntax)
        return element(0x00080020, "DA", date, syntax) + words

    def file(date: str, *, undefined: bool) -> bytes:
        inner = dialects.sequence(0x00400275, item(date), syntax=syntax, undefined=undefined)
        outer = dialects.sequence(0x00081110, inner, item("20260102"), syntax=syntax)
        head = dialects.head({0x00080090: None, 0x00080070: None}, syntax)
        at = head.index(element(0x00100010, "PN", "DOE^JANE", syntax))
        pixels = element(0x7FE00010, "OW", dialects.native(syntax), syntax)
        return head[:at] + outer + head[at:] + pixels

    meta = part10.meta(dialects.UID, syntax)
    found = read(tmp_path, meta + file("1995.07.20", undefined=undefined))
    assert found.encoding == file("19950720", undefined=False)
    untouched = read(tmp_path, meta + file("19950720", undefined=undefined))
    assert untouched.encoding == file("19950720", undefined=undefined)


def test_group_lengths_go_where_they_would_be_wrong(tmp_path: Path) -> None:
    group = {0x00080000: ("UL", b"\x99\1\0\0"), 0x00080001: ("UL", b"\x99\1\0\0")}
    right = read(tmp_path, dialects.file({**group}))
    assert right.encoding == dialects.data_set({**group})
    wrong_date = read(tmp_path, dialects.file({**group, 0x00080020: ("DA", "1995.07.20")}))
    assert wrong_date.encoding == dialects.data_set({0x00080020: ("DA", "19950720")})


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_pixels_of_an_odd_length_get_a_byte_and_stay_a_slice(tmp_path: Path, syntax: str) -> None:
    shape: dict[int, Value | None] = {
        0x00280010: ("US", 3),
        0x00280011: ("US", 3),
        0x00280100: ("US", 8),
        0x00280101: ("US", 8),
        0x00280102: ("US", 7),
    }
    odd = dialects.head(shape, syntax) + dialects.exactly(0x7FE00010, "OB", bytes(9), syntax)
    found = read(tmp_path, part10.meta(dialects.UID, syntax) + odd)
    even = dialects.head(shape, syntax) + element(0x7FE00010, "OB", bytes(10), syntax)
    assert found.encoding == even
    assert found.rules == ["odd-length"]
    head, *_ = found.body.slices
    assert objects.content(head) == dialects.head(shape, syntax)


@pytest.mark.parametrize(
    ("changes", "profile", "problem"),
    [
        ({0x00280004: None}, Profile(), UnknownPhotometric),
        ({0x00280004: ("CS", "")}, Profile(), UnknownPhotometric),
        ({0x00280101: None, 0x00280102: None}, Profile(), UnknownDepth),
        ({0x00080016: None, 0x00080060: ("CS", "MR")}, Profile(), NoSopClass),
        ({0x00080016: None, 0x00080060: None}, Profile(), NoSopClass),
    ],
)
def test_what_nobody_says_is_held_and_not_invented(
    tmp_path: Path,
    changes: Mapping[int, Value | None],
    profile: Profile,
    problem: type[Held],
) -> None:
    content = part10.meta(dialects.UID, sop_class="") + dialects.data_set(changes)
    with pytest.raises(problem, match=r"exam/a\.dcm"):
        read(tmp_path, content, profile)


@pytest.mark.parametrize(
    ("changes", "profile", "sop_class"),
    [
        ({0x00080060: ("CS", "US")}, Profile(), "1.2.840.10008.5.1.4.1.1.7"),
        ({}, Profile(sop_class="SC"), "1.2.840.10008.5.1.4.1.1.7"),
        ({}, Profile(), "1.2.840.10008.5.1.4.1.1.1"),
    ],
)
def test_the_sop_class_is_told_by_profile_or_modality(
    tmp_path: Path, changes: Mapping[int, Value | None], profile: Profile, sop_class: str
) -> None:
    content = part10.meta(dialects.UID, sop_class="")
    content += dialects.data_set({0x00080016: None, **changes})
    if changes:
        with pytest.raises(NoSopClass):  # 16 bits are not what Ultrasound can be
            read(tmp_path, content, profile)
    else:
        found = read(tmp_path, content, profile)
        assert found.body.attributes["SOPClassUID"] == sop_class
        assert found.encoding == dialects.data_set({0x00080016: ("UI", sop_class)})


def test_the_file_head_may_know_the_sop_class(tmp_path: Path) -> None:
    found = read(tmp_path, dialects.file({0x00080016: None}))
    assert found.encoding == dialects.data_set()
    assert "its file head says" in found.sentence("sop-class")


def test_uids_that_are_missing_or_shared_are_left_to_be_derived(tmp_path: Path) -> None:
    changes: dict[int, Value | None] = {0x00080018: None, 0x0020000E: ("UI", dialects.STUDY)}
    found = read(tmp_path, dialects.file(changes))
    assert found.body.attributes == {
        "SOPClassUID": part10.CR_IMAGE,
        "SOPInstanceUID": "",
        "StudyInstanceUID": dialects.STUDY,
        "SeriesInstanceUID": "",
        "Modality": "CR",
    }
    assert found.rules == ["shared-uid", "missing-uid"]


@pytest.mark.parametrize("tag", [0x0020000D, 0x0020000E])
def test_the_uid_of_an_image_stays_though_others_have_it(tmp_path: Path, tag: int) -> None:
    found = read(tmp_path, dialects.file({tag: ("UI", dialects.UID)}))
    assert found.body.attributes["SOPInstanceUID"] == dialects.UID
    assert found.rules == []


def test_an_empty_patient_id_is_no_evidence_and_no_repair(tmp_path: Path) -> None:
    found = read(tmp_path, dialects.file({0x00100020: ("LO", "")}))
    assert found.says("PatientID") == ""
    assert found.rules == []


def test_pixels_of_floats_have_no_bits_stored(tmp_path: Path) -> None:
    no_bits = dict.fromkeys((0x00280101, 0x00280102, 0x00280103))
    head = dialects.head({**no_bits, 0x00280100: ("US", 32)})
    content = head + element(0x7FE00008, "OF", bytes(4 * dialects.ROWS * dialects.COLUMNS))
    found = read(tmp_path, part10.meta(dialects.UID) + content)
    assert found.encoding == content
    assert found.rules == []


def test_tables_and_inverse_greys_are_nobodys_business(tmp_path: Path) -> None:
    table = element(0x00283002, "US", b"\0\x10\0\0\x10\0") + element(0x00283006, "OW", bytes(8192))
    lut = dialects.sequence(0x00283010, table, undefined=True)
    content = dialects.head() + lut + element(0x7FE00010, "OW", dialects.native())
    found = read(tmp_path, part10.meta(dialects.UID) + content)
    assert found.encoding == content
    dotted = dialects.head({0x00080020: ("DA", "1995.07.20")}) + lut
    pixels = element(0x7FE00010, "OW", dialects.native())
    found = read(tmp_path, part10.meta(dialects.UID) + dotted + pixels)
    head = dialects.head({0x00080020: ("DA", "19950720")})
    assert found.encoding == head + lut + pixels
