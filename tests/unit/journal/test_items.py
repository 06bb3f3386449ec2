from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from appliance.clock import stamp
from appliance.errors import (
    ClaimLost,
    Duplicate,
    ForbiddenMove,
    IdentityUnproven,
    MixedPatients,
    NoIdentity,
    NoRoute,
    NotThere,
    Superseded,
    UidConflict,
    UnsupportedFormat,
)
from appliance.model import Claim, DeliveryState, Evidence, Identity, ItemState, Origin, Repair
from tests.builders.box import SITI, Box

if TYPE_CHECKING:
    from appliance.errors import Held
    from appliance.model import Item

BUDI = Identity({"PatientID": "4712", "PatientName": "BUDI"}, "person")
UNENCODABLE = IdentityUnproven(who="Patient 4711")


def history(box: Box, item: Item) -> list[tuple[str, str, str]]:
    rows = box.journal.ledger.history(item.id)
    return [(row["before"], row["after"], row["sentence"]) for row in rows]


def names_at(box: Box, item: Item) -> list[str]:
    return [row["name"] for row in box.journal.ledger.arrivals_of(item.id)]


def test_an_item_remembers_its_bodies_its_evidence_and_whose_it_is(box: Box) -> None:
    box.accept("film.tif", b"pixels")
    item = box.claim(ItemState.ARRIVED)
    evidence = Evidence((Claim(Origin.EXIF, "StudyDate", "20260314"),), ("turned upside down",))
    bodies = (box.body(item, 1), box.body(item, 2))
    box.journal.items.converted(item, bodies, evidence)
    item = box.identify(BUDI)
    assert item.evidence == evidence
    assert item.identity == BUDI
    assert box.journal.items.bodies(item) == bodies
    assert ("arrived", "arrived", "turned upside down") in history(box, item)


def test_a_repair_is_told_by_its_rule_in_the_history_and_moves_nothing(box: Box) -> None:
    box.accept("film.dcm", b"a data set")
    item = box.claim(ItemState.ARRIVED)
    repairs = (Repair("date", "StudyDate was 1995.07.20."), Repair("padding", "PatientID."))
    evidence = Evidence(repairs=repairs)
    box.journal.items.converted(item, (box.body(item, 1),), evidence)
    columns = ("before", "after", "code", "sentence")
    rows = box.journal.ledger.history(item.id)
    told = [tuple(row[column] for column in columns) for row in rows]
    assert told[-3:] == [
        ("arrived", "arrived", "date", "StudyDate was 1995.07.20."),
        ("arrived", "arrived", "padding", "PatientID."),
        ("arrived", "converted", "", ""),
    ]
    assert box.journal.items.get(item.id).evidence == evidence


def test_reading_an_item_again_replaces_its_bodies(box: Box) -> None:
    box.accept()
    item = box.claim(ItemState.ARRIVED)
    box.journal.items.converted(item, (box.body(item, 1), box.body(item, 2)), Evidence())
    box.journal.items.stop(box.claim(ItemState.CONVERTED), NoIdentity(where="it"))
    box.journal.items.decide_item(item.id, ItemState.ARRIVED, code="", why="Again.", who="Sari")
    box.convert()
    assert len(box.journal.items.bodies(item)) == 1


def test_there_is_no_such_item(box: Box) -> None:
    with pytest.raises(NotThere, match="There is no item 7"):
        box.journal.items.get(7)


@pytest.mark.parametrize(
    ("problem", "state"),
    [
        (NoIdentity(where="it"), ItemState.HELD),
        (UnsupportedFormat(name="it", detail="a letter"), ItemState.QUARANTINED),
        (Duplicate(name="it", first="that"), ItemState.IGNORED),
    ],
)
def test_the_kind_of_problem_says_where_an_item_stops(
    box: Box, problem: Held, state: ItemState
) -> None:
    item = box.accept()
    box.journal.items.stop(box.claim(ItemState.ARRIVED), problem)
    assert box.journal.items.get(item.id).state is state
    assert history(box, item)[-1] == ("arrived", state, problem.sentence)


# --- the same image again ---------------------------------------------------------------------


def test_twins_have_a_body_in_common_and_were_not_set_aside(box: Box) -> None:
    first = box.accept("one.tif", b"pixels", evidence_digest="one")
    box.convert()
    ignored = box.accept("two.tif", b"pixels", evidence_digest="two")
    box.convert()
    box.accept("three.tif", b"others")
    box.convert()
    box.identify()
    box.journal.items.stop(box.claim(ItemState.CONVERTED), Duplicate(name="two", first="one"))
    assert box.journal.items.get(ignored.id).state is ItemState.IGNORED
    mine = box.accept("mine.tif", b"pixels", evidence_digest="mine")
    box.convert()
    assert [twin.id for twin in box.journal.items.twins(mine)] == [first.id]


def test_the_source_files_of_a_duplicate_follow_the_first(box: Box) -> None:
    first = box.item(ItemState.DONE, "first.tif")
    box.item(ItemState.CONVERTED, "copy.tif")
    copy = box.claim(ItemState.CONVERTED)
    box.journal.items.merge(copy, first, Duplicate(name="copy.tif", first="first.tif"))
    assert names_at(box, first) == ["first.tif", "copy.tif"]
    assert names_at(box, copy) == []
    assert box.journal.items.get(copy.id).state is ItemState.IGNORED
    assert history(box, first)[-1] == ("done", "done", "Came again as copy.tif from cr.")


def test_a_better_copy_takes_over_from_a_held_one(box: Box) -> None:
    held = box.item(ItemState.HELD, "unnamed.tif")
    better = box.item(ItemState.CONVERTED, "named.tif")
    box.journal.items.supersede(held, better, Superseded(name="unnamed.tif"))
    assert box.journal.items.get(held.id).state is ItemState.IGNORED
    assert names_at(box, better) == ["unnamed.tif", "named.tif"]


def test_what_is_being_sent_is_not_superseded(box: Box) -> None:
    done = box.item(ItemState.DONE, "sent.tif")
    better = box.item(ItemState.CONVERTED, "named.tif")
    with pytest.raises(ForbiddenMove):
        box.journal.items.supersede(done, better, Superseded(name="sent.tif"))
    assert names_at(box, done) == ["sent.tif"]


# --- routing ----------------------------------------------------------------------------------


def test_a_routed_item_has_a_delivery_for_each_destination(box: Box) -> None:
    box.item(ItemState.IDENTIFIED)
    item = box.claim(ItemState.IDENTIFIED)
    instance = box.compose(item)
    box.journal.items.routed(item, {"pacs": (instance,), "cloud": UNENCODABLE})
    pacs, cloud = box.journal.ledger.deliveries_of(item.id)
    assert (pacs["state"], cloud["state"], cloud["code"]) == (
        "prepared", "held", UNENCODABLE.code,
    )  # fmt: skip
    assert box.take_up("pacs").instances == (instance,)
    assert box.journal.deliveries.claim_deliveries("cloud", 9) == []


def test_a_uid_that_belongs_to_other_content_changes_nothing_at_all(box: Box) -> None:
    box.accept("first.tif")
    box.convert()
    box.identify()
    box.route("pacs", uid="1.2.3.99")
    box.item(ItemState.IDENTIFIED, "second.tif")
    item = box.claim(ItemState.IDENTIFIED)
    free, taken = box.compose(item, "1.2.3.1"), box.compose(item, "1.2.3.99")
    with pytest.raises(UidConflict, match=r"1\.2\.3\.99 .* first\.tif"):
        box.journal.items.routed(item, {"cloud": (free,), "pacs": (taken,)})
    assert box.journal.ledger.deliveries_of(item.id) == []
    box.journal.items.stop(item, UidConflict(uid="1.2.3.99", before="first.tif"))
    # The other UID of the refused routing was not taken either.
    box.item(ItemState.IDENTIFIED, "third.tif")
    assert box.route("pacs", uid="1.2.3.1").state is ItemState.ROUTED


def test_the_same_content_may_carry_its_uid_again(box: Box) -> None:
    for digest in ("one", "two"):
        box.accept("film.tif", b"pixels", evidence_digest=digest)
        box.convert()
        box.identify()
        assert box.route(uid="1.2.3.99").state is ItemState.ROUTED


def test_a_uid_stays_known_when_its_bytes_are_purged(box: Box) -> None:
    box.accept("first.tif")
    box.convert()
    box.identify()
    box.route(uid="1.2.3.99")
    box.send()
    box.confirm()
    box.clock.passes(days=40)
    assert box.journal.custody.purge(box.clock.utc()) == 1
    box.item(ItemState.IDENTIFIED, "second.tif")
    with pytest.raises(UidConflict):
        box.route(uid="1.2.3.99")


# --- what a person decides --------------------------------------------------------------------


def test_a_person_moves_what_nobody_is_working_on(box: Box) -> None:
    item = box.item(ItemState.HELD)
    box.journal.items.decide_item(
        item.id, ItemState.ARRIVED, code="retried", why="Sari wants it read again.", who="Sari"
    )
    assert box.claim(ItemState.ARRIVED).tries == 1
    told = box.journal.ledger.history(item.id)[-1]
    assert (told["who"], told["sentence"]) == ("Sari", "Sari wants it read again.")


def test_a_person_does_not_move_what_somebody_is_working_on(box: Box) -> None:
    box.accept()
    item = box.claim(ItemState.ARRIVED)
    with pytest.raises(ClaimLost):
        box.journal.items.decide_item(item.id, ItemState.HELD, code="", why="", who="Sari")


def test_a_person_makes_no_move_that_is_not_in_the_table(box: Box) -> None:
    item = box.item(ItemState.DONE)
    with pytest.raises(ForbiddenMove, match="this item may not make that move"):
        box.journal.items.decide_item(item.id, ItemState.ARRIVED, code="", why="", who="Sari")
    assert box.journal.items.get(item.id).state is ItemState.DONE


def test_what_had_nowhere_to_go_is_routed_again_when_the_settings_change(box: Box) -> None:
    other = box.item(ItemState.HELD)
    box.item(ItemState.IDENTIFIED)
    item = box.claim(ItemState.IDENTIFIED)
    box.journal.items.stop(item, NoRoute(why="none is set up yet"))
    box.journal.items.free_routeless()
    assert box.journal.items.get(item.id).state is ItemState.IDENTIFIED
    assert box.journal.items.get(other.id).state is ItemState.HELD


def test_a_released_item_goes_on_under_its_patient(box: Box) -> None:
    box.item(ItemState.CONVERTED)
    item = box.claim(ItemState.CONVERTED)
    box.journal.items.stop(item, NoIdentity(where="it"))
    box.journal.items.released(item.id, BUDI, code="released", why="It is BUDI.", who="Sari")
    assert box.journal.items.get(item.id).identity == BUDI
    assert history(box, item)[-1] == ("held", "identified", "It is BUDI.")
    assert box.route().state is ItemState.ROUTED


@pytest.mark.parametrize("state", [ItemState.ARRIVED, ItemState.ROUTED, ItemState.DONE])
def test_only_a_held_item_can_be_released(box: Box, state: ItemState) -> None:
    item = box.item(state)
    with pytest.raises(ForbiddenMove):
        box.journal.items.released(item.id, BUDI, code="", why="", who="Sari")
    assert box.journal.items.get(item.id).identity in (None, SITI)


def discard(box: Box, item: Item) -> None:
    box.journal.items.decide_item(
        item.id, ItemState.IGNORED, code="discarded", why="A test.", who="Sari"
    )


@pytest.mark.parametrize("state", [ItemState.HELD, ItemState.QUARANTINED])
def test_what_waits_for_a_person_can_be_discarded(box: Box, state: ItemState) -> None:
    item = box.item(state)
    discard(box, item)
    assert box.journal.items.get(item.id).state is ItemState.IGNORED
    assert box.journal.ledger.attention() == []


def test_what_no_destination_took_can_be_discarded_and_then_stays_so(box: Box) -> None:
    box.accept()
    box.convert()
    box.identify()
    item = box.route("pacs", "cloud")
    box.journal.deliveries.hold_delivery(box.take_up("pacs"), NoRoute(why="it is full"))
    with pytest.raises(ForbiddenMove, match="some of it is still on its way"):
        discard(box, item)
    box.send("cloud")
    box.confirm("cloud")
    discard(box, item)
    assert box.journal.ledger.attention() == []
    held = box.journal.ledger.deliveries_of(item.id)[0]["id"]
    with pytest.raises(ClaimLost):
        box.journal.deliveries.decide_delivery(
            held, DeliveryState.PREPARED, code="", why="", who="Sari"
        )


# --- what is put off, and what belongs together


def put_off(box: Box, why: Held = UNENCODABLE, **later: float) -> Item:
    item = box.claim(ItemState.CONVERTED)
    box.journal.items.put_off(item, why, box.clock.utc() + timedelta(**later))
    return box.journal.items.get(item.id)


def test_what_is_put_off_is_not_taken_up_before_its_time(box: Box) -> None:
    box.item(ItemState.CONVERTED)
    put_off(box, minutes=5)
    assert box.journal.items.next_due() == stamp(box.clock.utc() + timedelta(minutes=5))
    box.clock.passes(minutes=4)
    assert box.journal.items.claim(ItemState.CONVERTED) is None
    box.clock.passes(minutes=1)
    assert box.claim(ItemState.CONVERTED).state is ItemState.CONVERTED


def test_what_was_put_off_by_a_clock_since_set_back_is_taken_up_at_once(box: Box) -> None:
    box.item(ItemState.CONVERTED)
    put_off(box, minutes=5)
    box.clock.is_set(box.clock.utc() - timedelta(days=2))
    assert box.claim(ItemState.CONVERTED).state is ItemState.CONVERTED


def test_why_it_was_put_off_is_told_once(box: Box) -> None:
    item = box.item(ItemState.CONVERTED)
    for _ in range(3):
        put_off(box)
    told = [sentence for _, _, sentence in history(box, item)]
    assert told.count(UNENCODABLE.sentence) == 1
    put_off(box, NoIdentity(where="its name"))
    assert history(box, item)[-1] == (
        "converted", "converted", "No patient could be told from its name.",
    )  # fmt: skip


def test_nothing_of_the_waiting_stays_once_it_goes_on(box: Box) -> None:
    item = box.item(ItemState.CONVERTED)
    put_off(box)
    assert box.journal.items.hurry(item.id)
    assert not box.journal.items.hurry(item.id)
    box.identify()
    row = box.journal.ledger.item_row(item.id)
    assert (row["not_before"], row["code"], row["sentence"]) == ("", "", "")
    assert box.journal.items.next_due() == ""


def test_kin_name_each_other_and_what_is_set_aside_does_not_count(box: Box) -> None:
    siti, budi = {"PatientID": "4711"}, {"PatientID": "4712"}
    one, two, three = (box.item(ItemState.CONVERTED) for _ in range(3))
    items = box.journal.items
    assert items.kin(one, ["1.2"], siti) == []
    assert items.kin(two, ["1.2", "1.3"], siti) == [siti]
    assert items.kin(three, ["1.3"], budi) == [siti]
    assert items.kin(one, ["1.2"], siti) == [siti]
    assert items.kin(one, ["1.9"], siti) == []
    assert items.kin(two, ["1.2"], siti) == []  # read anew, `one` is of another study
    assert items.kin(two, ["1.2", "1.3"], siti) == [budi]
    for item in (one, two):
        why = {"code": "", "why": "A test.", "who": "Sari"}
        items.decide_item(item.id, ItemState.HELD, **why)
        items.decide_item(item.id, ItemState.IGNORED, **why)
    assert items.kin(three, ["1.2", "1.3"], budi) == []


def test_what_a_person_vouches_for_is_not_held_with_its_kin(box: Box) -> None:
    vouched = box.item(ItemState.CONVERTED)
    box.identify(BUDI)
    trusted = box.item(ItemState.CONVERTED)
    box.identify(SITI)
    last = box.item(ItemState.CONVERTED)
    for item in (vouched, trusted, last):
        box.journal.items.kin(item, ["1.2"], {"PatientID": "4711"})
    box.journal.items.hold_kin(last, ["1.2"], MixedPatients(them="two"))
    states = [box.journal.items.get(i.id).state for i in (vouched, trusted, last)]
    assert states == [ItemState.IDENTIFIED, ItemState.HELD, ItemState.CONVERTED]
    assert box.journal.items.get(trusted.id).identity is None
