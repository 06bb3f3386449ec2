"""Nothing goes to a destination by itself that came before it was promoted from tests."""

from __future__ import annotations

from datetime import date

import pytest

from appliance.desk import queue
from appliance.errors import ClaimLost, MadeWhileTesting, Refused
from appliance.journal.items import Ruling
from appliance.model import DeliveryState, Identity, ItemState, Priority
from tests.builders.box import SITI, Box
from tests.builders.identities import order

INVENTED = Identity(SITI.values, "worklist", invented=True)


def tested(box: Box) -> None:
    assert box.journal.promotions.look({"pacs": "test", "cloud": "production"}) == []


def promoted(box: Box) -> list[str]:
    return box.journal.promotions.look({"pacs": "production", "cloud": "production"})


def stands(box: Box, item_id: int) -> list[tuple[str, str]]:
    rows = box.journal.ledger.deliveries_of(item_id)
    return [(row["state"], row["code"]) for row in rows]


def test_a_destination_is_promoted_once(box: Box) -> None:
    tested(box)
    assert promoted(box) == ["pacs"]
    assert promoted(box) == []


def test_what_was_production_from_the_first_is_not_promoted(box: Box) -> None:
    assert promoted(box) == []
    item, _ = box.delivery(DeliveryState.PREPARED)
    assert promoted(box) == []
    assert stands(box, item.id) == [("prepared", "")]


def test_one_that_was_gone_in_between_is_promoted_all_the_same(box: Box) -> None:
    tested(box)
    assert box.journal.promotions.look({"cloud": "production"}) == []
    assert promoted(box) == ["pacs"]


@pytest.mark.parametrize(
    "state",
    [
        DeliveryState.PREPARED,
        DeliveryState.DEFERRED,
        DeliveryState.ACTIVE,
        DeliveryState.SENT,
    ],
)
def test_what_waits_for_it_is_held(box: Box, state: DeliveryState) -> None:
    tested(box)
    item, _ = box.delivery(state)
    promoted(box)
    assert stands(box, item.id) == [("held", "made-while-testing")]
    assert not box.journal.deliveries.claim_deliveries("pacs", 9)
    assert not box.journal.deliveries.claim_sent("pacs", 9)


def test_whoever_is_at_it_loses_his_claim(box: Box) -> None:
    tested(box)
    box.item(ItemState.ROUTED)
    sending = box.take_up()
    promoted(box)
    with pytest.raises(ClaimLost):
        box.journal.deliveries.put_back(sending)
    with pytest.raises(ClaimLost):
        box.journal.deliveries.sent(sending, None, box.clock.utc())


def test_what_it_has_proved_stays_proved_and_others_go_on(box: Box) -> None:
    tested(box)
    done = box.item(ItemState.DONE)
    box.accept()
    box.convert()
    box.identify()
    other = box.route("cloud")
    promoted(box)
    (proof,) = box.journal.ledger.deliveries_of(done.id)
    assert proof["state"] == "confirmed"
    assert proof["destination"] == "pacs (tests until 2026-03-14)"
    assert stands(box, other.id) == [("prepared", "")]


@pytest.mark.parametrize(
    "state",
    [
        ItemState.ARRIVED,
        ItemState.CONVERTED,
        ItemState.IDENTIFIED,
        ItemState.HELD,
        ItemState.QUARANTINED,
    ],
)
def test_what_is_not_routed_yet_is_known(box: Box, state: ItemState) -> None:
    tested(box)
    item = box.item(state)
    promoted(box)
    later = box.accept()
    assert box.journal.items.tested_for(item) == {"pacs"}
    assert box.journal.items.tested_for(later) == frozenset()


def test_and_held_with_its_bytes_once_it_is_routed(box: Box) -> None:
    tested(box)
    item = box.item(ItemState.IDENTIFIED)
    promoted(box)
    claimed = box.claim(ItemState.IDENTIFIED)
    composed = (box.compose(claimed),)
    ruling = Ruling("why", Priority.STAT, MadeWhileTesting(destination="pacs"))
    box.journal.items.routed(claimed, {"pacs": composed, "cloud": composed}, {"pacs": ruling})
    assert stands(box, item.id) == [("held", "made-while-testing"), ("prepared", "")]
    assert box.journal.items.tested_for(item) == frozenset()
    assert queue.retry(box.journal, item.id, who="Sari") == "It is sent again now, the same bytes."
    assert len(box.take_up().instances) == 1


def test_an_invented_patient_is_not_sent_by_anybody(box: Box) -> None:
    tested(box)
    box.accept()
    box.convert()
    box.identify(INVENTED)
    item = box.route()
    promoted(box)
    with pytest.raises(Refused, match="it was made while testing; discard it, and export it"):
        queue.retry(box.journal, item.id, who="Sari")
    queue.discard(box.journal, item.id, reason="a test", who="Sari")


def test_what_a_worklist_told_while_testing_is_forgotten(box: Box) -> None:
    day = date(2024, 3, 14)
    for name in ("ris", "other"):
        box.journal.promotions.look({}, {name: "test"})
        box.journal.orders.learn(name, [order(worklist=name, key=name)], day, day)
    assert box.journal.promotions.look({}, {"ris": "production", "other": "test"}) == ["ris"]
    assert [o.worklist for o in box.journal.orders.between(["ris", "other"], day, day)] == [
        "other"
    ]
    assert box.journal.orders.asked_at("ris", day, day) == ""


def test_what_was_tested_with_may_come_again_for_real(box: Box) -> None:
    tested(box)
    for identity in (SITI, INVENTED):
        box.accept("film.tif", identity.proof.encode())
        box.convert()
        box.identify(identity)
        box.route("cloud")
    assert [box.accept("film.tif", proof).id for proof in (b"trust", b"worklist")] == [1, 2]
    promoted(box)
    assert [box.accept("film.tif", proof).id for proof in (b"trust", b"worklist")] == [1, 3]
    box.journal.promotions.look({"pacs": "test"})
    promoted(box)
    assert box.accept("film.tif", b"worklist").id == 3


def test_what_was_invented_settles_no_original(box: Box) -> None:
    for identity in (SITI, INVENTED):
        box.accept()
        box.convert()
        box.identify(identity)
        box.route()
        box.send()
        box.confirm()
    assert [file.name for file in box.journal.arrivals.proved("cr")] == ["film1.tif"]
    assert box.journal.arrivals.is_proved("cr", "film1.tif", "file 1")
    assert not box.journal.arrivals.is_proved("cr", "film2.tif", "file 2")
