"""What a worklist answered, read: every letter right, or not at all.

The answers are written by pydicom, or byte by byte where pydicom would refuse.
"""

from __future__ import annotations

import struct
from contextlib import suppress
from random import Random
from typing import TYPE_CHECKING

import pytest
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset

from appliance.identify.answers import Told, read
from appliance.peek import Misfit
from tests.builders.worklists import ORDER, STEP, code, order, step

if TYPE_CHECKING:
    from pydicom import Dataset

    from appliance.model import Order


def encoded(item: Dataset) -> bytes:
    """In Implicit VR Little Endian."""
    whole = DicomBytesIO()
    whole.is_little_endian, whole.is_implicit_VR = True, True
    write_dataset(whole, item)
    return whole.getvalue()


def told(*items: Dataset | bytes, assumed: str = "") -> Told:
    answers = [item if isinstance(item, bytes) else encoded(item) for item in items]
    return read("ris", assumed, answers, "2026-03-14T09:26:53.000+00:00")


def only(item: Dataset | bytes, assumed: str = "") -> Order:
    (found,) = told(item, assumed=assumed).orders
    return found


def element(group: int, number: int, content: bytes) -> bytes:
    return struct.pack("<HHI", group, number, len(content)) + content


def named(content: bytes, charset: bytes = b"") -> bytes:
    """An answer with these very bytes as the patient's name."""
    declared = element(0x08, 0x05, charset) if charset else b""
    name = element(0x10, 0x10, content)
    start = element(0x40, 0x02, b"20260314")
    item = struct.pack("<HHI", 0xFFFE, 0xE000, len(start)) + start
    return declared + name + element(0x10, 0x20, b"P1") + element(0x40, 0x100, item)


def test_all_that_is_asked_for_is_read() -> None:
    found = only(order())
    assert (found.worklist, found.seen_at) == ("ris", "2026-03-14T09:26:53.000+00:00")
    assert dict(found.values) == {**ORDER, **STEP}
    assert found.codes == {
        "RequestedProcedureCodeSequence": (
            {
                "CodeValue": "71045",
                "CodingSchemeDesignator": "C4",
                "CodeMeaning": "X-ray of chest",
            },
        ),
        "ScheduledProtocolCodeSequence": (
            {"CodeValue": "THX", "CodingSchemeDesignator": "99LOCAL", "CodeMeaning": "Thorax"},
        ),
    }


# --- letters ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "charset", "name"),
    [
        ("Müller^Jörg".encode("latin-1"), b"ISO_IR 100", "Müller^Jörg"),
        ("Müller^Jörg".encode(), b"ISO_IR 192", "Müller^Jörg"),
        ("Иванов^Иван".encode("iso8859_5"), b"ISO_IR 144", "Иванов^Иван"),
        ("山田^太郎".encode("gb18030"), b"GB18030 ", "山田^太郎"),
        # PS3.5 H.3, example 1, and I.2: code extensions, the second in Korean.
        (
            bytes.fromhex(
                "59616d6164615e5461726f753d1b24423b3345441b28425e1b244242404f3a"
                "1b28423d1b24422464245e24401b28425e1b2442243f246d24261b2842"
            ),
            b"\\ISO 2022 IR 87",
            "Yamada^Tarou=山田^太郎=やまだ^たろう",
        ),
        (
            bytes.fromhex(
                "486f6e675e47696c646f6e673d1b242943fbf35e1b242943d1ced4d7"
                "3d1b242943c8ab5e1b242943b1e6b5bf"
            ),
            b"\\ISO 2022 IR 149",
            "Hong^Gildong=洪^吉洞=홍^길동",
        ),
        (b"SITI", b"", "SITI"),
        (b"SITI^^^^", b"ISO_IR 6", "SITI^^^^"),
    ],
)
def test_names_in_a_declared_character_set(content: bytes, charset: bytes, name: str) -> None:
    found = only(named(content + b" " * (len(content) % 2), charset + b" " * (len(charset) % 2)))
    assert found.values["PatientName"] == name


@pytest.mark.parametrize(
    ("content", "charset"),
    [
        ("Müller^Jörg".encode(), b""),  # wlmscpfs declares nothing
        ("Müller^Jörg".encode("latin-1"), b""),
        ("Müller^Jörg".encode("latin-1"), b"ISO_IR 192"),
        ("山田^太郎".encode("shift_jis"), b"ISO_IR 6"),
        ("Jörg".encode(), b"ISO_IR 999"),
        (b"\x1b$B;3ED\x1b(B", b""),  # escapes, and none declared
        ("Ümit^Çelik".encode(), b"ISO_IR 100"),  # UTF-8 that says it is Latin-1
    ],
)
def test_what_cannot_be_read_is_left_out_and_counted(content: bytes, charset: bytes) -> None:
    answer = told(named(content + b" " * (len(content) % 2), charset))
    assert "PatientName" not in answer.orders[0].values
    assert answer.orders[0].values["PatientID"] == "P1"
    assert answer.unreadable == 1


@pytest.mark.parametrize(
    ("content", "charset", "assumed", "name"),
    [
        ("Müller^Jörg".encode(), b"", "utf_8", "Müller^Jörg"),
        ("山田^太郎".encode("shift_jis"), b"", "shift_jis", "山田^太郎"),
        ("Müller^Jörg".encode("cp1252"), b"ISO_IR 192", "cp1252", "Müller^Jörg"),
        ("Ümit^Çelik".encode(), b"ISO_IR 100", "utf_8", "Ümit^Çelik"),
        ("Müller^Jörg".encode("latin-1"), b"ISO_IR 100", "cp1251", "Müller^Jörg"),
    ],
)
def test_the_assumed_set_counts_where_the_declared_one_is_missing_or_untrue(
    content: bytes, charset: bytes, assumed: str, name: str
) -> None:
    content += b" " * (len(content) % 2)
    assert only(named(content, charset), assumed).values["PatientName"] == name


def test_a_name_of_which_only_delimiters_are_left_is_none() -> None:
    """What Orthanc sends of a name that Latin-1 cannot write."""
    answer = told(named(b"^ ", b"ISO_IR 100"))
    assert "PatientName" not in answer.orders[0].values
    assert answer.unreadable == 1


def test_an_item_may_have_a_character_set_of_its_own() -> None:
    own = step(ScheduledProcedureStepDescription="Röntgen")
    own.SpecificCharacterSet = "ISO_IR 192"
    item = order(own, charset="ISO_IR 100", PatientName="Müller")
    found = only(item)
    assert found.values["PatientName"] == "Müller"
    assert found.values["ScheduledProcedureStepDescription"] == "Röntgen"


# --- shapes -----------------------------------------------------------------------------------


def test_several_steps_are_several_orders_for_one_patient() -> None:
    answer = told(
        order(
            step(ScheduledProcedureStepID="1", Modality="CR"),
            step(ScheduledProcedureStepID="2", Modality="US"),
        )
    )
    assert [o.values["Modality"] for o in answer.orders] == ["CR", "US"]
    assert {o.values["PatientID"] for o in answer.orders} == {"P100"}
    assert len({o.key for o in answer.orders}) == 2


@pytest.mark.parametrize("date", ["", "tomorrow", "20260231", "20260314-20260315"])
def test_a_step_without_a_day_is_of_no_use_and_counted(date: str) -> None:
    content = element(0x40, 0x02, date.encode() + b" " * (len(date) % 2))
    start = struct.pack("<HHI", 0xFFFE, 0xE000, len(content)) + content
    answer = told(element(0x10, 0x20, b"P1") + element(0x40, 0x100, start))
    assert (answer.orders, answer.undated) == ([], 1)


def test_an_answer_without_steps_is_no_order() -> None:
    item = order()
    item.ScheduledProcedureStepSequence = []
    assert told(item) == Told()
    del item.ScheduledProcedureStepSequence
    assert told(item) == Told()


def test_missing_keys_are_missing_and_nothing_else() -> None:
    item = order()
    for keyword in ("PatientName", "AccessionNumber", "RequestedProcedureCodeSequence"):
        delattr(item, keyword)
    item.PatientSex = ""
    found = only(item)
    assert not {"PatientName", "AccessionNumber", "PatientSex"} & set(found.values)
    assert "RequestedProcedureCodeSequence" not in found.codes
    assert found.values["PatientID"] == "P100"


def test_old_ways_to_write_dates_and_times_are_read() -> None:
    content = element(0x40, 0x02, b"2026.03.14") + element(0x40, 0x03, b"08:15:00")
    start = struct.pack("<HHI", 0xFFFE, 0xE000, len(content)) + content
    assert dict(only(element(0x40, 0x100, start)).values) == {
        "ScheduledProcedureStepStartDate": "20260314",
        "ScheduledProcedureStepStartTime": "081500",
    }


def test_two_values_where_one_must_be_are_none_but_a_step_may_have_two_stations() -> None:
    found = only(order(AccessionNumber="A1\\A2", ScheduledStationAETitle="CR1\\CR2"))
    assert "AccessionNumber" not in found.values
    assert found.values["ScheduledStationAETitle"] == "CR1\\CR2"


def test_sequences_of_unknown_length_are_read_too() -> None:
    item = order()
    for each in item.iterall():
        if each.VR == "SQ":
            each.is_undefined_length = True
            for entry in each.value:
                entry.is_undefined_length_sequence_item = True
    assert b"\xff\xff\xff\xff" in encoded(item)
    assert only(item) == only(order())


def test_a_value_longer_than_any_is_none() -> None:
    answer = told(named(b"A" * 1026))
    assert "PatientName" not in answer.orders[0].values
    assert answer.unreadable == 1


@pytest.mark.parametrize("cut", [1, 7, 33, 203])
def test_what_is_cut_off_is_no_answer(cut: int) -> None:
    with pytest.raises(Misfit):
        told(encoded(order())[:-cut])


@pytest.mark.parametrize("seed", range(20))
def test_broken_answers_are_orders_or_no_answer_and_break_nothing(seed: int) -> None:
    random = Random(seed)
    whole = encoded(order(charset="\\ISO 2022 IR 87", PatientName="Yamada^Tarou=山田^太郎"))
    for _ in range(50):
        broken = bytearray(whole)
        for _ in range(random.randint(1, 5)):
            place = random.randrange(len(broken))
            broken[place : place + random.randrange(4)] = random.randbytes(random.randrange(4))
        with suppress(Misfit):
            for found in told(bytes(broken)).orders:
                assert all(value.isprintable() for value in found.values.values())


def test_a_birth_date_that_is_not_quite_known_is_none_and_no_matter_of_letters() -> None:
    answer = told(element(0x10, 0x30, b"19700000") + named(b"SITI"))
    assert "PatientBirthDate" not in answer.orders[0].values
    assert answer.unreadable == 0


def test_lengths_that_lie_are_no_answer() -> None:
    whole = bytearray(encoded(order()))
    place = whole.index(struct.pack("<HH", 0x40, 0x100))
    whole[place + 4 : place + 8] = struct.pack("<I", 0x7FFFFFFF)
    with pytest.raises(Misfit):
        told(bytes(whole))


def test_thousands_of_steps_in_one_answer_are_no_answer() -> None:
    start = element(0x40, 0x02, b"20260314")
    steps = (struct.pack("<HHI", 0xFFFE, 0xE000, len(start)) + start) * 5001
    with pytest.raises(Misfit, match="5000"):
        told(element(0x40, 0x100, steps))


# --- keys -------------------------------------------------------------------------------------


def test_an_order_keeps_its_key_when_it_is_put_off_or_a_name_is_put_right() -> None:
    first = only(order())
    later = order(
        PatientName="Susanto^Budi",
        ScheduledProcedureStepStartDate="20260315",
        ScheduledProcedureStepStartTime="1200",
    )
    assert only(later).key == first.key
    assert len(first.key) == 8


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("AccessionNumber", "A2"),
        ("PatientID", "P2"),
        ("StudyInstanceUID", "1.2"),
        ("RequestedProcedureID", "RP2"),
        ("ScheduledProcedureStepID", "SPS2"),
        ("Modality", "US"),
    ],
)
def test_another_order_has_another_key(keyword: str, value: str) -> None:
    assert only(order(**{keyword: value})).key != only(order()).key


def test_steps_without_an_id_are_told_apart_by_their_time() -> None:
    one = only(order(ScheduledProcedureStepID=""))
    other = only(order(ScheduledProcedureStepID="", ScheduledProcedureStepStartTime="1200"))
    assert one.key != other.key


def test_the_same_order_in_two_worklists_is_two() -> None:
    answers = [encoded(order())]
    keys = {read(name, "", answers, "now").orders[0].key for name in ("ris", "his")}
    assert len(keys) == 2


def test_codes_without_a_value_are_none() -> None:
    item = order()
    item.RequestedProcedureCodeSequence = [code("", "", ""), code("1", "L", "Chest")]
    assert only(item).codes["RequestedProcedureCodeSequence"] == (
        {"CodeValue": "1", "CodingSchemeDesignator": "L", "CodeMeaning": "Chest"},
    )
