from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from appliance.clock import stamp
from appliance.errors import ClaimLost, ForbiddenMove
from appliance.journal.deliveries import ANY_TURN
from appliance.model import ConfirmedBy, DeliveryState, ItemState
from tests.builders.box import NOT_ANSWERING

if TYPE_CHECKING:
    from tests.builders.box import Box


def due(box: Box, destination: str = "pacs") -> list[int]:
    return [d.id for d in box.journal.deliveries.claim_deliveries(destination, 9)]


def unproved(box: Box) -> list[int]:
    return [d.id for d in box.journal.deliveries.claim_sent("pacs", 9)]


def put_off(box: Box, **units: float) -> int:
    """A delivery that is to be tried again after so long."""
    box.item(ItemState.ROUTED)
    delivery = box.take_up()
    until = box.clock.utc() + timedelta(**units)
    box.journal.deliveries.defer(delivery, NOT_ANSWERING, until, forgive=False)
    return delivery.id


def state_of(box: Box, number: int) -> str:
    return next(
        str(row["state"])
        for item in range(1, 99)
        for row in box.journal.ledger.deliveries_of(item)
        if row["id"] == number
    )


def test_what_is_due_comes_in_the_order_in_which_it_was_routed(box: Box) -> None:
    made = [box.delivery()[1] for _ in range(5)]
    taken = [d.id for d in box.journal.deliveries.claim_deliveries("pacs", 2)]
    assert taken == made[:2]
    assert due(box) == made[2:]


def test_a_kind_that_is_not_taken_is_held_and_what_is_being_sent_is_left_alone(box: Box) -> None:
    made = [box.delivery()[1] for _ in range(4)]
    sending = box.take_up()
    kind = (sending.instances[0].sop_class_uid, sending.instances[0].transfer_syntax_uid)
    hold = box.journal.deliveries.hold_kind
    assert hold("pacs", 9, ANY_TURN, ("1.2.3", kind[1]), NOT_ANSWERING) == []
    assert hold("elsewhere", 9, ANY_TURN, kind, NOT_ANSWERING) == []
    held = hold("pacs", 2, ANY_TURN, kind, NOT_ANSWERING)
    assert [number for number, _ in held] == made[1:3]
    states = [state_of(box, number) for number in made]
    assert states == ["active", "held", "held", "prepared"]


def test_destinations_are_apart(box: Box) -> None:
    box.accept()
    box.convert()
    box.identify()
    box.route("pacs", "cloud")
    assert len(due(box, "cloud")) == 1
    assert len(due(box, "pacs")) == 1
    assert due(box, "elsewhere") == []


def test_a_deferred_delivery_is_due_at_its_time(box: Box) -> None:
    number = put_off(box, minutes=5)
    assert due(box) == []
    box.clock.passes(minutes=4, seconds=59)
    assert due(box) == []
    box.clock.passes(seconds=1)
    assert due(box) == [number]


def test_a_time_far_ahead_was_written_by_a_wrong_clock_and_is_due(box: Box) -> None:
    number = put_off(box, minutes=5)
    box.clock.is_set(box.clock.utc() - timedelta(days=400))
    assert due(box) == [number]


def test_a_clock_set_back_a_little_puts_off_no_longer_than_that(box: Box) -> None:
    number = put_off(box, minutes=5)
    box.clock.is_set(box.clock.utc() - timedelta(hours=2))
    assert due(box) == []
    box.clock.passes(hours=2, minutes=5)
    assert due(box) == [number]


def test_also_a_proof_is_not_waited_for_because_the_clock_was_wrong(box: Box) -> None:
    box.item(ItemState.ROUTED)
    number = box.send().id
    box.clock.is_set(box.clock.utc() - timedelta(days=400))
    assert unproved(box) == [number]


def test_the_next_time_to_wake_up_is_the_earliest_of_its_destination(box: Box) -> None:
    for minutes in (-1, 9, 5):  # the first is due already: it wakes nobody any more
        put_off(box, minutes=minutes)
    now = box.clock.utc()
    assert box.journal.deliveries.next_due("pacs", now) == stamp(now + timedelta(minutes=5))
    assert box.journal.deliveries.next_due("cloud", now) == ""


def test_tries_are_forgiven_when_the_destination_was_at_fault(box: Box) -> None:
    box.item(ItemState.ROUTED)
    for forgive, tries in ((False, 1), (False, 2), (True, 3), (False, 1)):
        delivery = box.take_up()
        assert delivery.tries == tries
        box.journal.deliveries.defer(delivery, NOT_ANSWERING, box.clock.utc(), forgive=forgive)


def test_resends_are_the_same_bytes(box: Box) -> None:
    box.item(ItemState.ROUTED)
    first = box.take_up()
    box.journal.deliveries.defer(first, NOT_ANSWERING, box.clock.utc(), forgive=True)
    assert box.take_up().instances == first.instances


def test_an_item_is_done_when_the_last_of_its_deliveries_is_confirmed(box: Box) -> None:
    box.accept()
    box.convert()
    box.identify()
    item = box.route("pacs", "cloud")
    for destination, state in (("pacs", ItemState.ROUTED), ("cloud", ItemState.DONE)):
        box.send(destination)
        box.confirm(destination)
        assert box.journal.items.get(item.id).state is state


def test_a_held_delivery_keeps_its_item_from_being_done(box: Box) -> None:
    box.accept()
    box.convert()
    box.identify()
    item = box.route("pacs", "cloud")
    box.journal.deliveries.hold_delivery(box.take_up("cloud"), NOT_ANSWERING)
    box.send("pacs")
    box.confirm("pacs")
    assert box.journal.items.get(item.id).state is ItemState.ROUTED


def test_how_a_delivery_was_confirmed_is_kept(box: Box) -> None:
    item = box.item(ItemState.ROUTED)
    box.send()
    box.confirm(by=ConfirmedBy.RESPONSE)
    assert box.journal.ledger.deliveries_of(item.id)[0]["confirmed_by"] == "response"


def test_many_are_confirmed_together_or_not_at_all(box: Box) -> None:
    numbers = {box.delivery(DeliveryState.SENT)[1] for _ in range(3)}
    sent = box.journal.deliveries.claim_sent("pacs", 9)
    box.journal.deliveries.ask_later(sent[2], NOT_ANSWERING, box.clock.utc())
    with pytest.raises(ClaimLost):
        box.journal.deliveries.confirmed(sent, ConfirmedBy.FIND)
    assert {state_of(box, number) for number in numbers} == {"sent"}


def test_asking_again_later_leaves_it_sent_and_says_why(box: Box) -> None:
    item, number = box.delivery(DeliveryState.SENT)
    before = len(box.journal.ledger.history(item.id))
    sent = box.journal.deliveries.claim_sent("pacs", 1)[0]
    box.journal.deliveries.ask_later(sent, NOT_ANSWERING, box.clock.utc() + timedelta(minutes=1))
    row = box.journal.ledger.deliveries_of(item.id)[0]
    assert (row["state"], row["code"], row["tries"]) == ("sent", NOT_ANSWERING.code, 1)
    assert len(box.journal.ledger.history(item.id)) == before  # the change, not the repetition
    assert unproved(box) == []
    box.clock.passes(minutes=1)
    assert unproved(box) == [number]


def test_a_person_may_want_it_sent_again(box: Box) -> None:
    _, number = box.delivery(DeliveryState.HELD)
    box.journal.deliveries.decide_delivery(
        number, DeliveryState.PREPARED, code="retried", why="Sari wants it sent again.", who="Sari"
    )
    assert due(box) == [number]


def test_a_person_does_not_interfere_with_what_is_being_sent(box: Box) -> None:
    _, number = box.delivery(DeliveryState.ACTIVE)
    with pytest.raises(ClaimLost):
        box.journal.deliveries.decide_delivery(
            number, DeliveryState.HELD, code="", why="", who="Sari"
        )


def test_a_confirmed_delivery_is_never_sent_again(box: Box) -> None:
    _, number = box.delivery(DeliveryState.CONFIRMED)
    with pytest.raises((ForbiddenMove, ClaimLost)):
        box.journal.deliveries.decide_delivery(
            number, DeliveryState.PREPARED, code="", why="", who="Sari"
        )
    assert due(box) == []


def test_what_was_put_off_can_be_hurried(box: Box) -> None:
    number = put_off(box, hours=3)
    assert box.journal.deliveries.hurry(1) == 1
    assert due(box) == [number]
    assert box.journal.deliveries.hurry(1) == 0
