"""The same image for two patients: what of it has not been sent waits until a person decided."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from appliance.desk import queue
from appliance.desk.release import release
from appliance.errors import (
    Crashed,
    IdentityConflict,
    IdentityUnproven,
    NoRoute,
    PortClosed,
    Problem,
)
from appliance.model import DeliveryState, Evidence, ItemState, Origin
from tests.builders.identifying import SETTINGS, Room, of
from tests.builders.identities import BUDI, SITI, order, says

if TYPE_CHECKING:
    from collections.abc import Callable

    from appliance.model import Item
    from tests.builders.box import Box

DOWN = PortClosed(host="10.0.0.1", port=104)
CONFLICT = "identity-conflict"
HELD = (ItemState.HELD, CONFLICT)


class Twice(Room):
    """One image that comes for Budi, and once more for Siti."""

    def first(self, *, source: str = "trusted") -> Item:
        item = self.comes(of(BUDI), name="budi.tif", source=source, pixels="p")
        self.goes()
        return item

    def again(self, person: dict[str, str] = SITI, *, name: str = "siti.tif") -> Item:
        item = self.comes(of(person), name=name, source="trusted", pixels="p")
        self.goes()
        return item

    def reads(self, item: Item, said: Evidence) -> None:
        """What was tried again is read again."""
        claimed = self.box.claim(ItemState.ARRIVED)
        assert claimed.id == item.id
        body = replace(self.box.body(claimed), digest="p")
        self.box.journal.items.converted(claimed, [body], said)
        self.goes()

    def at_the_pacs(self, item: Item) -> tuple[str, str]:
        (row,) = self.box.journal.ledger.deliveries_of(item.id)
        return row["state"], row["code"]

    def sends(self) -> list[str]:
        """Route and send all that may go; whose each of it is."""
        while self.box.journal.ledger.item_counts().get("identified"):
            self.box.route()
        self.box.clock.passes(minutes=5)
        deliveries = self.box.journal.deliveries
        going = deliveries.claim_deliveries("pacs", 9)
        for delivery in going:
            deliveries.sent(delivery, None, self.box.clock.utc())
        return [self.patient(each.item_id) for each in going]

    def patient(self, item_id: int) -> str:
        identity = self.box.journal.items.get(item_id).identity
        return identity.values["PatientID"] if identity else ""

    def release(self, item: Item, person: dict[str, str]) -> None:
        said = {keyword: person[keyword] for keyword in ("PatientID", "PatientName")}
        release(self.box.journal, SETTINGS, item.id, said, who="Sari")


@pytest.fixture
def room(box: Box) -> Twice:
    return Twice(box)


# --- what of the first one has not been sent


def test_what_was_not_routed_waits_and_its_patient_is_forgotten(room: Twice) -> None:
    first = room.first()
    again = room.again()
    assert room.stands(first) == room.stands(again) == HELD
    assert room.patient(first.id) == ""
    assert room.told(first)[-1] == room.told(again)[-1]
    assert "patient 4712, SANTOSO^BUDI" in room.told(first)[-1]
    assert "patient 4711, RAHAYU^SITI" in room.told(first)[-1]
    assert room.sends() == []


@pytest.mark.parametrize("state", ["prepared", "deferred", "waiting"])
def test_what_was_not_sent_waits(room: Twice, state: str) -> None:
    first = room.first()
    room.box.route()
    if state == "deferred":
        later = room.box.clock.utc()
        room.box.journal.deliveries.defer(room.box.take_up(), DOWN, later, forgive=True)
    if state == "waiting":
        room.box.journal.recodings.ask(room.box.take_up(), {1: "1.2"}, DOWN, pixels=True)
    assert room.at_the_pacs(first)[0] == state
    again = room.again()
    assert room.at_the_pacs(first) == (DeliveryState.HELD, CONFLICT)
    assert room.stands(again) == HELD
    assert room.sends() == []


@pytest.mark.parametrize("way", ["defer", "put_back", "dies"])
def test_what_is_being_sent_does_not_go_again_by_itself(room: Twice, way: str) -> None:
    first = room.first()
    room.box.route()
    lane = room.box.again("lane")
    delivery = lane.take_up()
    room.again()
    assert room.at_the_pacs(first)[0] == DeliveryState.ACTIVE
    if way == "defer":
        lane.journal.deliveries.defer(delivery, DOWN, room.box.clock.utc(), forgive=True)
    if way == "put_back":
        lane.journal.deliveries.put_back(delivery)
    lane.close()
    room.box.journal.custody.free_the_dead()
    assert room.at_the_pacs(first) == (DeliveryState.HELD, CONFLICT)


@pytest.mark.parametrize("confirmed", [False, True])
def test_what_was_sent_stays_sent(room: Twice, *, confirmed: bool) -> None:
    first = room.first()
    room.box.route()
    room.box.send()
    if confirmed:
        room.box.confirm()
    before = room.told(first)
    again = room.again()
    assert room.told(first) == before
    assert room.stands(again) == HELD


def test_what_waits_for_its_order_waits_for_a_person(room: Twice) -> None:
    room.ris.orders = []
    first = room.first(source="cr")
    assert room.stands(first) == (ItemState.CONVERTED, "waits-for-order")
    again = room.again()
    assert room.stands(first) == room.stands(again) == HELD
    room.ris.orders = [order(BUDI)]
    room.box.clock.passes(minutes=2)
    room.goes()
    assert room.stands(first) == HELD


def test_what_has_not_had_its_turn_meets_the_other_one_then(room: Twice) -> None:
    room.ris.orders = [order(BUDI)]
    later = room.comes(of(SITI), name="siti.tif", source="trusted", pixels="p")
    sooner = room.comes(of(BUDI), name="budi.tif", source="cr", pixels="p")
    assert room.stage.turn(SETTINGS)
    assert room.stands(later) == (ItemState.CONVERTED, "")
    assert room.stands(sooner) == HELD
    room.goes()
    assert room.stands(later) == room.stands(sooner) == HELD


HINDRANCES: dict[str, Callable[[Twice, Item], object]] = {
    "no route": lambda room, _: room.box.journal.items.stop(
        room.box.claim(ItemState.IDENTIFIED), NoRoute(why="none is set up yet")
    ),
    "on hold": lambda room, item: queue.hold(room.box.journal, item.id, who="Sari"),
    "unproven": lambda room, _: room.box.journal.items.stop(
        room.box.claim(ItemState.IDENTIFIED), IdentityUnproven(who="Patient 4712")
    ),
}


@pytest.mark.parametrize("hindrance", HINDRANCES)
def test_what_is_held_for_less_goes_on_neither_by_itself_nor_by_a_nod(
    room: Twice, hindrance: str
) -> None:
    first = room.first()
    HINDRANCES[hindrance](room, first)
    room.again()
    assert room.stands(first) == HELD
    told = room.told(first)
    room.box.journal.items.free_routeless()
    with pytest.raises(Problem, match="who it is of is in doubt"):
        release(room.box.journal, SETTINGS, first.id, {}, who="Sari")
    third = room.again({**SITI, "PatientID": "4713"}, name="third.tif")
    assert room.stands(third) == HELD
    assert room.told(first) == told  # which says already what there is to decide
    queue.retry(room.box.journal, first.id, who="Sari")
    room.reads(first, of(BUDI))
    assert room.stands(first) == HELD


def test_whom_a_person_vouches_for_goes_on(room: Twice) -> None:
    first = room.comes(Evidence(), name="budi.tif", source="trusted", pixels="p")
    room.goes()
    said = {**BUDI, "StudyDate": "20240314"}
    release(room.box.journal, SETTINGS, first.id, said, who="Sari")
    again = room.comes(of(SITI), name="siti.tif", source="trusted", pixels="p")
    room.goes()
    assert room.stands(again) == HELD
    assert room.sends() == ["4712"]


def test_cut_off_in_between_it_comes_to_the_same(
    room: Twice, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = room.first()
    again = room.comes(of(SITI), name="siti.tif", source="trusted", pixels="p")
    with monkeypatch.context() as patched:
        patched.setattr(room.stage, "_stop", lambda *_: None)  # the plug is pulled before that
        assert room.stage.turn(SETTINGS)
    assert room.stands(first) == HELD
    assert room.stands(again) == (ItemState.CONVERTED, "")
    told = room.told(first)
    room.goes()
    assert room.stands(again) == HELD
    assert room.told(first) == told


def test_who_works_on_it_just_now_loses_it(room: Twice, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another service holds it: convert, where a copy cannot even be read for its sidecars."""
    first = room.comes(of(BUDI), name="budi.tif", source="trusted", pixels="p")
    other = room.box.again("convert")
    items, conflict = room.box.journal.items, IdentityConflict(before="Budi", now="Siti")
    identified = items.identified

    def meanwhile(item: Item, *rest: Any) -> None:
        other.journal.items.hold_twins([item], conflict, never_meets=True)
        identified(item, *rest)

    monkeypatch.setattr(items, "identified", meanwhile)
    assert room.stage.turn(SETTINGS)
    assert room.stands(first) == HELD
    assert room.patient(first.id) == ""
    other.close()


# --- what a person decides


def test_to_release_the_one_leaves_the_other(room: Twice) -> None:
    first = room.first()
    room.box.route()
    again = room.again()
    room.release(again, SITI)
    assert room.sends() == ["4711"]
    assert room.at_the_pacs(first) == (DeliveryState.HELD, CONFLICT)
    queue.discard(room.box.journal, first.id, reason="Siti", who="Sari")
    assert room.stands(first) == (ItemState.IGNORED, "discarded")


def test_or_the_other_way_round(room: Twice) -> None:
    first = room.first()
    room.box.route()
    again = room.again()
    queue.retry(room.box.journal, first.id, who="Sari")
    assert room.sends() == ["4712"]
    assert room.stands(again) == HELD
    queue.discard(room.box.journal, again.id, reason="Budi", who="Sari")
    assert room.sends() == []


def test_neither_is_routed_yet_and_one_is_released(room: Twice) -> None:
    first = room.first()
    again = room.again()
    room.release(first, BUDI)
    assert room.sends() == ["4712"]
    assert room.stands(again) == HELD


def test_once_the_wrong_one_is_set_aside_the_right_one_goes_on(room: Twice) -> None:
    first = room.first()
    again = room.again()
    queue.discard(room.box.journal, again.id, reason="Budi", who="Sari")
    queue.retry(room.box.journal, first.id, who="Sari")
    room.reads(first, of(BUDI))
    assert room.sends() == ["4712"]


def test_who_says_the_same_as_the_second_is_a_copy_of_it(room: Twice) -> None:
    room.first()
    again = room.again()
    third = room.again(name="third.tif")
    assert room.stands(third) == (ItemState.IGNORED, "duplicate")
    assert room.stands(again) == HELD


# --- a copy that can be used for one that cannot


@pytest.mark.parametrize("broken", [True, False])
def test_what_is_read_again_perhaps_in_vain_makes_no_other_a_copy(
    room: Twice, *, broken: bool
) -> None:
    """Else the one that can be used would be set aside for it, as often as it is exported."""
    first = room.first(source="unserved")
    again = room.comes(of(BUDI), name="again.tif", source="trusted", pixels="p")
    queue.retry(room.box.journal, first.id, who="Sari")
    if broken:
        why = Crashed(name="budi.tif", how="it ran out of memory")
        room.box.journal.items.stop(room.box.claim(ItemState.ARRIVED), why)
    room.goes()
    assert room.stands(again) == (ItemState.IDENTIFIED, "")
    if broken:
        queue.retry(room.box.journal, first.id, who="Sari")
    room.reads(first, of(BUDI))
    assert room.stands(first) == (ItemState.IGNORED, "duplicate")


# --- an image that contradicts itself


OF_BOTH = Evidence((*of(SITI).claims, *says(Origin.SIDECAR, **BUDI)))
"""The header says one, a file beside it the other."""


@pytest.mark.parametrize("person", [SITI, BUDI], ids=["header", "sidecar"])
def test_no_twin_decides_who_of_two_is_right(room: Twice, person: dict[str, str]) -> None:
    first = room.again(person, name="first.dcm")
    torn = room.comes(OF_BOTH, name="torn.dcm", source="trusted", pixels="p")
    room.goes()
    assert room.stands(torn) == room.stands(first) == HELD
    assert room.told(torn)[-1] == room.told(first)[-1]
    assert room.told(torn)[-1] == (
        "torn.dcm contradicts itself about the PatientID: the header says 4711 and the sidecar "
        "says 4712."
    )


def test_what_was_sent_stays_sent_where_a_copy_contradicts_itself(room: Twice) -> None:
    first = room.again(name="first.dcm")
    room.sends()
    torn = room.comes(OF_BOTH, name="torn.dcm", source="trusted", pixels="p")
    room.goes()
    assert room.stands(torn) == HELD
    assert room.at_the_pacs(first) == (DeliveryState.SENT, "")


def test_none_is_the_same_as_one_that_contradicts_itself(room: Twice) -> None:
    """Else whoever discards that one for the clear one's sake would have lost both."""
    torn = room.comes(OF_BOTH, name="torn.dcm", source="trusted", pixels="p")
    room.goes()
    clear = room.again()
    nameless = room.comes(Evidence(), name="nameless.tif", source="trusted", pixels="p")
    room.goes()
    assert room.stands(torn) == room.stands(clear) == HELD
    assert room.told(torn)[-1] == room.told(clear)[-1]
    assert room.stands(nameless) == (ItemState.HELD, "no-identity")
    queue.discard(room.box.journal, torn.id, reason="Siti", who="Sari")
    queue.discard(room.box.journal, nameless.id, reason="Siti", who="Sari")
    queue.retry(room.box.journal, clear.id, who="Sari")
    room.reads(clear, of(SITI))
    assert room.sends() == ["4711"]


def test_whom_nobody_named_is_contradicted_by_nobody(room: Twice) -> None:
    first = room.comes(Evidence(), name="first.tif", source="trusted", pixels="p")
    torn = room.comes(OF_BOTH, name="torn.dcm", source="trusted", pixels="p")
    room.goes()
    assert room.stands(torn) == HELD
    assert room.stands(first) == (ItemState.HELD, "no-identity")


@pytest.mark.parametrize(
    ("source", "stands"),
    [("cr", HELD), ("trusted", (ItemState.IGNORED, "duplicate"))],
)
def test_names_must_agree_where_they_are_to_prove_somebody(
    room: Twice, source: str, stands: tuple[str, str]
) -> None:
    """As without a twin: a profile that trusts the device goes by the numbers."""
    room.again(name="first.dcm")
    named = says(Origin.SIDECAR, PatientName="SANTOSO^BUDI")
    torn = Evidence((*of(SITI).claims, *named))
    again = room.comes(torn, name="again.dcm", source=source, pixels="p")
    room.goes()
    assert room.stands(again) == stands
