from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest

from appliance.desk.release import release, release_to_order
from appliance.errors import (
    Held,
    IdentityConflict,
    MixedPatients,
    NoDate,
    NoIdentity,
    OrderContradicts,
    Refused,
    SidecarOfAnother,
    Unreadable,
    WorklistNone,
)
from appliance.model import Claim, Evidence, Identity, ItemState, Origin
from appliance.settings.load import parse
from appliance.settings.schema import Environment, Settings
from tests.builders.identities import BUDI as OF_BUDI
from tests.builders.identities import evidence, order, says
from tests.builders.scenarios import OF_SITI as SITI_SAYS

if TYPE_CHECKING:
    from appliance.model import Item, Order
    from tests.builders.box import Box

BUDI = {"PatientID": "4712", "PatientName": "BUDI"}
OF_SITI = Evidence(
    (
        Claim(Origin.HEADER, "PatientID", "4711"),
        Claim(Origin.HEADER, "PatientName", "SITI"),
        Claim(Origin.HEADER, "PatientSex", "F"),
        Claim(Origin.HEADER, "AccessionNumber", "A1"),
        Claim(Origin.HEADER, "StudyInstanceUID", "1.2.3"),
        Claim(Origin.HEADER, "BodyPartExamined", "CHEST"),
        Claim(Origin.HEADER, "StudyDate", "20260313"),
    )
)
NAMELESS = Evidence((Claim(Origin.EXIF, "AcquisitionDate", "20260313"),))
DATELESS = Evidence((Claim(Origin.HEADER, "PatientID", "4711"),))


def held(
    box: Box,
    evidence: Evidence,
    name: str = "film.tif",
    content: bytes = b"",
    problem: Held | None = None,
) -> Item:
    box.accept(name, content, evidence_digest=name)
    item = box.convert(evidence)
    box.journal.items.stop(box.claim(ItemState.CONVERTED), problem or NoIdentity(where=name))
    return item


def released(box: Box, item: Item, **said: str) -> Identity:
    release(box.journal, Settings(), item.id, said, who="Sari")
    after = box.journal.items.get(item.id)
    assert after.state is ItemState.IDENTIFIED
    assert after.identity is not None
    return after.identity


def refused(box: Box, item: Item, **said: str) -> str:
    with pytest.raises(Refused) as refusal:
        release(box.journal, Settings(), item.id, said, who="Sari")
    assert box.journal.items.get(item.id).state is item.state or ItemState.HELD
    return str(refusal.value.facts["why"])


def test_a_person_may_say_whose_image_it_is(box: Box) -> None:
    identity = released(box, held(box, NAMELESS), **BUDI)
    assert identity == Identity({**BUDI, "StudyDate": "20260313", "StudyTime": ""}, "person")


@pytest.mark.parametrize(
    "problem",
    [
        OrderContradicts(ours="4711, SITI", worklist="ris", theirs="4711, BUDI", what="name"),
        MixedPatients(them="4711, SITI and 4712, BUDI"),
        SidecarOfAnother(name="film.tif", who="patient 4711, SITI", before=1),
    ],
)
def test_what_the_device_says_is_in_doubt_nobody_confirms_by_saying_nothing(
    box: Box, problem: Held
) -> None:
    item = held(box, OF_SITI, problem=problem)
    why = refused(box, item)
    assert why == "who it is of is in doubt: pick the exam, or say the PatientID"
    assert refused(box, item, AccessionNumber="A2") == why
    assert box.journal.items.get(item.id).state is ItemState.HELD
    assert released(box, item, PatientID="4711").values["PatientName"] == "SITI"


def test_a_person_may_confirm_whom_the_device_named(box: Box) -> None:
    identity = released(box, held(box, OF_SITI))
    assert identity.values["PatientName"] == "SITI"
    assert identity.values["AccessionNumber"] == "A1"
    assert identity.proof == "person"


def test_nothing_of_the_other_patient_remains_but_the_date_and_the_image_itself(box: Box) -> None:
    values = dict(released(box, held(box, OF_SITI), **BUDI).values)
    assert values == {
        **BUDI,
        "PatientSex": "",
        "AccessionNumber": "",
        "BodyPartExamined": "CHEST",
        "StudyDate": "20260313",
        "StudyTime": "",
    }


@pytest.mark.parametrize(
    "keyword",
    ["AccessionNumber", "AdmissionID", "RequestedProcedureID", "ScheduledProcedureStepID"],
)
def test_no_number_of_the_other_patients_exam_is_taken_over_though_it_is_repeated(
    box: Box, keyword: str
) -> None:
    """The form began with it: whoever typed another patient over the first left it there."""
    item = held(box, evidence(OF_SITI.claims, says(**{keyword: "N1"})))
    values = released(box, item, **BUDI, **{keyword: "N1 "}).values
    assert values.get(keyword, "") == ""


@pytest.mark.parametrize(
    "device",
    [
        {"PatientID": "4712", "PatientName": "BUDDY", "AccessionNumber": "A1"},
        {"PatientName": "BUDI", "AccessionNumber": "A1"},
        {"AccessionNumber": "A1"},
        {"PatientID": "4711", "PatientName": "SITI", "AccessionNumber": "A7"},
        {"PatientID": "4711", "PatientName": "SITI"},
    ],
    ids=["the same number", "the same name", "nobody", "another number", "no number"],
)
def test_an_accession_number_counts_that_is_not_anothers(box: Box, device: dict[str, str]) -> None:
    item = held(box, evidence(says(**device, StudyDate="20260313")))
    assert released(box, item, **BUDI, AccessionNumber="A1").values["AccessionNumber"] == "A1"


def test_without_a_patients_number_another_name_is_another_patient(box: Box) -> None:
    device = says(PatientName="SITI", AccessionNumber="A1", StudyDate="20260313")
    identity = released(box, held(box, evidence(device)), **BUDI, AccessionNumber="A1")
    assert identity.values["AccessionNumber"] == ""


def test_where_the_device_contradicts_itself_only_the_person_counts(box: Box) -> None:
    other = Claim(Origin.FILENAME, "PatientID", "4799")
    item = held(box, Evidence((*OF_SITI.claims, other)))
    assert released(box, item, **BUDI).values["AccessionNumber"] == ""


def test_nor_does_the_accession_number_beside_it_prove_whom_it_stands_for(box: Box) -> None:
    other = Claim(Origin.FILENAME, "PatientID", "4712")
    item = held(box, Evidence((*OF_SITI.claims, other)))
    assert released(box, item, **BUDI, AccessionNumber="A1").values["AccessionNumber"] == ""


def test_a_person_may_say_when_it_was(box: Box) -> None:
    item = held(box, DATELESS)
    with pytest.raises(NoDate):
        release(box.journal, Settings(), item.id, {}, who="Sari")
    assert released(box, item, StudyDate="20260312").values["StudyDate"] == "20260312"


def test_what_a_person_empties_is_empty_but_a_date_there_must_be(box: Box) -> None:
    identity = released(box, held(box, OF_SITI), AccessionNumber="", StudyDate="")
    assert identity.values["AccessionNumber"] == ""
    assert identity.values["StudyDate"] == "20260313"


def test_history_says_who_decided_what_and_how_it_was_before(box: Box) -> None:
    item = held(box, OF_SITI)
    released(box, item, **BUDI)
    told = box.journal.ledger.history(item.id)[-1]
    assert (told["who"], told["code"]) == ("Sari", "released")
    assert told["sentence"] == (
        "Sari says that it is of PatientID=4712, PatientName=BUDI, StudyDate=20260313; before: "
        "PatientID=4711, PatientName=SITI, AccessionNumber=A1, StudyDate=20260313."
    )


def test_it_can_be_released_for_somebody_else_as_long_as_it_is_held(box: Box) -> None:
    item = held(box, OF_SITI)
    released(box, item)
    box.journal.items.stop(
        box.claim(ItemState.IDENTIFIED), IdentityConflict(before="4711", now="4712")
    )
    assert released(box, item, **BUDI).values["PatientID"] == "4712"


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({}, "nobody says which PatientID it has"),
        ({"PatientName": "BUDI"}, "nobody says which PatientID it has"),
        ({"PatientID": "4712"}, "a new PatientID needs the PatientName beside it"),
        ({**BUDI, "Patient": "x"}, "'Patient' is not a DICOM keyword"),
        ({**BUDI, "StudyInstanceUID": "1.2"}, "'StudyInstanceUID' is not a DICOM keyword"),
        ({**BUDI, "StudyDate": "14.3.2026"}, "StudyDate must be a date such as 20260314"),
        ({**BUDI, "PatientBirthDate": "20260230"}, "PatientBirthDate must be a date"),
        ({"PatientID": "4\\7", "PatientName": "BUDI"}, "PatientID must be at most 64 characters"),
        ({"PatientID": "4" * 65, "PatientName": "BUDI"}, "PatientID must be at most 64"),
    ],
)
def test_what_does_not_name_a_patient_is_refused(box: Box, said: dict[str, str], why: str) -> None:
    assert refused(box, held(box, NAMELESS), **said).startswith(why)


@pytest.mark.parametrize("state", sorted(set(ItemState) - {ItemState.HELD}))
def test_only_a_held_image_is_released(box: Box, state: ItemState) -> None:
    assert refused(box, box.item(state), **BUDI) == "it is not held"


def test_what_was_never_read_is_not_released(box: Box) -> None:
    why = "it has not been read; retry it instead"
    assert refused(box, box.item(ItemState.HELD), **BUDI) == why


def test_the_same_image_of_the_same_patient_is_sent_but_once(box: Box) -> None:
    first = held(box, NAMELESS, "first.tif", b"pixels")
    again = held(box, NAMELESS, "again.tif", b"pixels")
    released(box, first, **BUDI)
    assert refused(box, again, **BUDI) == (
        "first.tif (item 1) is the same image of this patient; discard it"
    )
    released(box, again, PatientID="4713", PatientName="TONO")


def test_what_cannot_be_used_keeps_no_copy_back(box: Box) -> None:
    first = held(box, evidence(says(**BUDI)), "first.tif", b"pixels")
    again = held(box, NAMELESS, "again.tif", b"pixels")
    box.journal.items.decide_item(first.id, ItemState.ARRIVED, code="", why="", who="Sari")
    box.journal.items.stop(
        box.claim(ItemState.ARRIVED), Unreadable(name="it", format="TIFF", detail="worn")
    )
    released(box, again, **BUDI)


# --- to an order


def ordered(box: Box, *orders: Order) -> None:
    """A worklist has told of them."""
    day = date(2024, 3, 14)
    box.journal.orders.learn("ris", orders, day, day)


SERVED = parse("""
[[source]]
name = "cr"
kind = "folder"
path = "/srv/cr"

[[worklist]]
name = "ris"
host = "10.0.0.1"
port = 104
ae_title = "RIS"
""")
SITIS_FILM = evidence(says(**SITI_SAYS, AccessionNumber="A7", BodyPartExamined="CHEST"))


def test_a_person_may_pick_the_order(box: Box) -> None:
    item = held(box, SITIS_FILM)
    ordered(box, order())
    said = release_to_order(box.journal, SERVED, item.id, "k1", who="Sari")
    after = box.journal.items.get(item.id)
    assert after.state is ItemState.IDENTIFIED
    assert after.identity is not None
    assert after.identity.proof == "person"
    assert after.identity.values["AccessionNumber"] == "A1"
    assert after.identity.order
    assert said == (
        "It goes on as an image of PatientID=4711, PatientName=RAHAYU^SITI, AccessionNumber=A1, "
        "StudyDate=20240314."
    )
    told = box.journal.ledger.history(item.id)[-1]
    assert (told["who"], told["code"]) == ("Sari", "released")
    assert "AccessionNumber=A1, StudyDate=20240314; before: PatientID=4711" in told["sentence"]
    assert told["sentence"].endswith("AccessionNumber=A7, StudyDate=20240314.")


def test_an_order_of_somebody_else_leaves_nothing_of_the_first(box: Box) -> None:
    item = held(box, SITIS_FILM)
    ordered(box, order(OF_BUDI))
    release_to_order(box.journal, SERVED, item.id, "k1", who="Sari")
    identity = box.journal.items.get(item.id).identity
    assert identity is not None
    assert identity.values["PatientName"] == "SANTOSO^BUDI"
    assert identity.values["BodyPartExamined"] == "CHEST"


def served_for(environment: Environment) -> Settings:
    """Settings whose one worklist is for that."""
    (ris,) = SERVED.worklists
    return replace(SERVED, worklists=(replace(ris, environment=environment, sources=("cr",)),))


@pytest.mark.parametrize("environment", Environment)
@pytest.mark.parametrize("way", ["picked", "typed"])
def test_where_a_worklist_is_for_tests_whoever_is_named_is_invented(
    box: Box, environment: Environment, way: str
) -> None:
    """Else what is held there would go to the real PACS once there is one."""
    item, settings = held(box, SITIS_FILM), served_for(environment)
    ordered(box, order())
    if way == "picked":
        release_to_order(box.journal, settings, item.id, "k1", who="Sari")
    else:
        release(box.journal, settings, item.id, BUDI, who="Sari")
    identity = box.journal.items.get(item.id).identity
    assert identity is not None
    assert identity.invented == (environment is Environment.TEST)


@pytest.mark.parametrize(
    ("settings", "key", "why"),
    [
        (SERVED, "k9", "no worklist of its source has an order k9 any more"),
        (Settings(), "k1", "no worklist of its source has an order k1 any more"),
        (SERVED, "nameless", "the name in that order cannot be read"),
    ],
)
def test_an_order_that_cannot_be_meant_is_refused(
    box: Box, settings: Settings, key: str, why: str
) -> None:
    item = held(box, SITIS_FILM)
    ordered(box, order(), order(key="nameless", PatientName=""))
    with pytest.raises(Refused) as refusal:
        release_to_order(box.journal, settings, item.id, key, who="Sari")
    assert refusal.value.facts["why"] == why
    assert box.journal.items.get(item.id).state is ItemState.HELD


def test_what_waits_for_its_order_may_be_released_before(box: Box) -> None:
    box.accept("film.tif")
    box.convert(SITIS_FILM)
    item = box.claim(ItemState.CONVERTED)
    late = WorklistNone(who="4711", why="nobody")
    box.journal.items.put_off(item, late, box.clock.utc() + timedelta(minutes=1))
    ordered(box, order())
    release_to_order(box.journal, SERVED, item.id, "k1", who="Sari")
    assert box.journal.items.get(item.id).state is ItemState.IDENTIFIED
    row = box.journal.ledger.item_row(item.id)
    assert (row["not_before"], row["code"]) == ("", "released")


def test_what_goes_to_another_patient_is_no_longer_of_its_study(box: Box) -> None:
    """Its kin need not wait for a person any more."""
    item = held(box, SITIS_FILM)
    claimed = box.journal.items.get(item.id)
    box.journal.items.kin(claimed, ["1.2.3"], {"PatientID": "4711"})
    other = box.accept("other.tif")
    assert box.journal.items.kin(other, ["1.2.3"], {"PatientID": "4712"}) == [
        {"PatientID": "4711"}
    ]
    released(box, item, PatientID="4712", PatientName="SANTOSO^BUDI", StudyDate="20240314")
    assert box.journal.items.kin(other, ["1.2.3"], {"PatientID": "4712"}) == []


def test_what_is_confirmed_stays_of_its_study(box: Box) -> None:
    item = held(box, OF_SITI)
    assert not released(box, item).apart
    other = box.accept("other.tif")
    assert box.journal.items.kin(other, ["1.2.3"], {"PatientID": "4712"}) == [
        {"PatientID": "4711", "PatientName": "SITI"}
    ]


def came_in(study: str, **said: str) -> Evidence:
    return evidence(says(**{"StudyDate": "20240314", "StudyInstanceUID": study, **said}))


@pytest.mark.parametrize("said", [{"PatientName": "SITI"}, {"PatientName": ""}])
def test_one_study_never_goes_on_for_two_patients(box: Box, said: dict[str, str]) -> None:
    """Though no header has a number that could differ: a PACS would take it for the first's."""
    first, second = (held(box, came_in("1.2.3", **said), f"{n}.dcm") for n in "12")
    assert not released(box, first, PatientID="4711", PatientName="SITI").apart
    assert released(box, second, **BUDI).apart


def test_what_is_as_it_says_leaves_a_study_that_has_gone_on_for_somebody_else(box: Box) -> None:
    first = held(box, came_in("1.2.3", PatientID="4711", PatientName="SITI"), "1.dcm")
    second = held(box, came_in("1.2.3", **BUDI), "2.dcm")
    released(box, first)
    after = released(box, second)
    assert after.apart
    assert after.values == {**BUDI, "StudyDate": "20240314", "StudyTime": ""}
    other = box.accept("other.tif")
    assert box.journal.items.kin(other, ["1.2.3"], {"PatientID": "4711"}) == [
        {"PatientID": "4711", "PatientName": "SITI"}
    ]


def test_a_corrected_name_stays_in_its_study(box: Box) -> None:
    item = held(box, came_in("1.2.3", PatientID="4712", PatientName="BUDDY"))
    assert not released(box, item, **BUDI).apart
