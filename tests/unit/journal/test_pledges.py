"""What a destination was asked to promise, and what it said: written down, and only once true."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from appliance.errors import AwaitsReport
from appliance.journal.abilities import Way
from appliance.model import ConfirmedBy, DeliveryState

if TYPE_CHECKING:
    from appliance.model import Delivery
    from tests.builders.box import Box

PEER = "PACS at 10.0.0.1:104"
WHY = AwaitsReport(peer=PEER)


def sent(box: Box) -> Delivery:
    """One that is being proved."""
    box.delivery(DeliveryState.SENT)
    (delivery,) = box.journal.deliveries.claim_sent("pacs", 1)
    return delivery


def waits(box: Box, delivery: Delivery) -> None:
    box.journal.pledges.wait([delivery], WHY, box.clock.utc() + timedelta(hours=1))


def told(box: Box, uid: str, *safe: Delivery, failure: int = 0) -> bool:
    about = {i.sop_instance_uid: failure for delivery in safe for i in delivery.instances}
    return box.journal.pledges.tell(uid, {"pacs"}, about)


def test_each_question_has_a_number_of_its_own_that_is_a_uid(box: Box) -> None:
    delivery = sent(box)
    uids = {box.journal.pledges.ask("pacs", PEER, [delivery]) for _ in range(3)}
    assert len(uids) == 3
    assert all(uid.startswith("2.25.") and len(uid) <= 64 for uid in uids)


def test_what_is_told_need_not_wait_any_longer(box: Box) -> None:
    delivery = sent(box)
    uid = box.journal.pledges.ask("pacs", PEER, [delivery])
    waits(box, delivery)
    assert box.journal.deliveries.claim_sent("pacs", 9) == []
    assert told(box, uid, delivery)
    (again,) = box.journal.deliveries.claim_told("pacs", 9)
    assert box.journal.pledges.told_of(again) == {"1.2.3.1": 0}


def test_a_report_that_overtakes_the_answer_is_due_at_once(box: Box) -> None:
    delivery = sent(box)
    uid = box.journal.pledges.ask("pacs", PEER, [delivery])
    assert told(box, uid, delivery)
    waits(box, delivery)
    assert [d.id for d in box.journal.deliveries.claim_told("pacs", 9)] == [delivery.id]


def test_nobody_else_and_nothing_else_is_believed(box: Box) -> None:
    delivery = sent(box)
    pledges = box.journal.pledges
    uid = pledges.ask("pacs", PEER, [delivery])
    assert not pledges.tell(uid, {"other"}, {"1.2.3.1": 0})
    assert not pledges.tell("2.25.1", {"pacs"}, {"1.2.3.1": 0})
    assert pledges.told(uid) is None
    assert pledges.tell(uid, {"pacs"}, {"1.2.99": 0})
    assert pledges.told(uid) == {"1.2.3.1": None}


def test_the_first_report_counts_and_the_same_again_changes_nothing(box: Box) -> None:
    delivery = sent(box)
    uid = box.journal.pledges.ask("pacs", PEER, [delivery])
    assert told(box, uid, delivery)
    assert told(box, uid, delivery, failure=0x0112)
    assert box.journal.pledges.told_of(delivery) == {"1.2.3.1": 0}


def test_of_two_reports_the_one_to_the_later_question_counts(box: Box) -> None:
    delivery = sent(box)
    first = box.journal.pledges.ask("pacs", PEER, [delivery])
    box.clock.is_set(box.clock.utc() - timedelta(days=900))
    second = box.journal.pledges.ask("pacs", PEER, [delivery])
    assert box.journal.pledges.unanswered(delivery) == 2
    assert told(box, second, delivery, failure=0x0112)
    assert told(box, first, delivery)
    assert box.journal.pledges.told_of(delivery) == {"1.2.3.1": 0x0112}


def test_what_was_asked_before_it_was_sent_again_says_nothing(box: Box) -> None:
    delivery = sent(box)
    uid = box.journal.pledges.ask("pacs", PEER, [delivery])
    box.journal.deliveries.defer(delivery, WHY, box.clock.utc(), forgive=True)
    box.send()
    assert told(box, uid, delivery)
    assert box.journal.deliveries.claim_told("pacs", 9) == []


@pytest.mark.parametrize("failure", [0x0000, 0x0112])
def test_what_is_confirmed_stays_so_whatever_is_told_later(box: Box, failure: int) -> None:
    item, _ = box.delivery(DeliveryState.SENT)
    (delivery,) = box.journal.deliveries.claim_sent("pacs", 1)
    uid = box.journal.pledges.ask("pacs", PEER, [delivery])
    box.journal.deliveries.confirmed([delivery], ConfirmedBy.COMMITMENT)
    assert told(box, uid, delivery, failure=failure)
    assert box.journal.deliveries.claim_told("pacs", 9) == []
    (row,) = box.journal.ledger.deliveries_of(item.id)
    assert (row["state"], row["confirmed_by"]) == ("confirmed", "commitment")


def test_a_question_for_a_test_has_no_consequence(box: Box) -> None:
    pledges = box.journal.pledges
    uid = pledges.ask_for_test("pacs", PEER, ["1.2.3"])
    assert pledges.told(uid) is None
    assert pledges.tell(uid, {"pacs"}, {"1.2.3": 0x0112})
    assert pledges.told(uid) == {"1.2.3": 0x0112}
    assert box.journal.deliveries.claim_told("pacs", 9) == []


def test_what_was_not_asked_after_all_is_unknown(box: Box) -> None:
    uid = box.journal.pledges.ask("pacs", PEER, [sent(box)])
    box.journal.pledges.take_back(uid)
    assert not box.journal.pledges.tell(uid, {"pacs"}, {"1.2.3.1": 0})


def test_numbers_are_forgotten_after_a_month(box: Box) -> None:
    delivery = sent(box)
    pledges = box.journal.pledges
    old = pledges.ask("pacs", PEER, [delivery])
    box.clock.passes(days=31)
    pledges.ask("pacs", PEER, [delivery])
    assert not pledges.tell(old, {"pacs"}, {"1.2.3.1": 0})


def test_a_promise_lets_the_source_lose_its_file_and_a_mere_answer_does_not(box: Box) -> None:
    for by in (ConfirmedBy.COMMITMENT, ConfirmedBy.RESPONSE):
        box.delivery(DeliveryState.SENT)
        box.confirm(by=by)
    assert len(box.journal.arrivals.proved("cr")) == 1


# What is learnt


def works(box: Box, peer: str = PEER) -> bool | None:
    known = box.journal.abilities.known("pacs", {Way.COMMITMENT: peer, Way.FIND: peer})
    return known.works.get(Way.COMMITMENT)


def test_who_reports_can_be_asked_for_a_day(box: Box) -> None:
    uid = box.journal.pledges.ask("pacs", PEER, [sent(box)])
    assert works(box) is None
    box.journal.pledges.tell(uid, {"pacs"}, {"1.2.3.1": 0})
    assert works(box) is True
    assert works(box, "another") is None
    box.clock.passes(hours=25)
    assert works(box) is None


def test_what_is_tried_is_known_to_be_tried_also_when_its_time_is_over(box: Box) -> None:
    abilities, peers = box.journal.abilities, {Way.COMMITMENT: PEER}
    span = timedelta(minutes=1)
    abilities.learn("pacs", Way.COMMITMENT, PEER, works=None, span=span)
    known = abilities.known("pacs", peers)
    assert (dict(known.works), known.tried) == ({Way.COMMITMENT: None}, frozenset())
    box.clock.passes(minutes=2)
    known = abilities.known("pacs", peers)
    assert (dict(known.works), known.tried) == ({}, frozenset({Way.COMMITMENT}))


def test_what_a_clock_since_set_back_wrote_is_not_believed(box: Box) -> None:
    box.journal.abilities.learn("pacs", Way.COMMITMENT, PEER, works=False, why="no")
    box.clock.is_set(box.clock.utc() - timedelta(days=900))
    assert works(box) is None
