from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from appliance.desk import queue
from appliance.errors import NoRoute, NotThere, Refused
from appliance.journal.bell import Bell, hang
from appliance.model import DeliveryState, ItemState
from tests.builders.box import NOT_ANSWERING, Box

if TYPE_CHECKING:
    from appliance.model import Item


def state_of(box: Box, item: Item) -> str:
    return box.journal.items.get(item.id).state.value


def deliveries_of(box: Box, item: Item) -> list[str]:
    return [row["state"] for row in box.journal.ledger.deliveries_of(item.id)]


def last_told(box: Box, item: Item) -> tuple[str, str, str]:
    event = box.journal.ledger.history(item.id)[-1]
    return event["who"], event["code"], event["sentence"]


def unrouted(box: Box) -> Item:
    item = box.item(ItemState.IDENTIFIED)
    box.journal.items.stop(box.claim(ItemState.IDENTIFIED), NoRoute(why="none is set up yet"))
    return item


# --- looking ----------------------------------------------------------------------------------


def test_the_queue_is_what_is_not_over(box: Box) -> None:
    box.one_of_each()
    assert {film.state for film in queue.unfinished(box.journal)} == set(ItemState) - {
        ItemState.DONE,
        ItemState.IGNORED,
    }


def test_an_image_is_shown_with_all_that_happened_to_it(box: Box) -> None:
    item = box.item(ItemState.DONE, "film.tif")
    document = queue.show(box.journal, item.id).document()
    assert json.loads(json.dumps(document)) == document
    assert document["identity"] == {"PatientID": "4711", "PatientName": "SITI"}
    assert document["answer"] == "pacs has it, it was asked."
    assert [event["after"] for event in document["history"]][-2:] == ["confirmed", "done"]  # type: ignore[attr-defined]


def test_there_is_no_such_image(box: Box) -> None:
    with pytest.raises(NotThere, match="There is no item 7"):
        queue.show(box.journal, 7)


# --- retry ------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", [ItemState.HELD, ItemState.QUARANTINED])
def test_what_was_set_aside_is_read_again(box: Box, state: ItemState) -> None:
    item = box.item(state)
    assert queue.retry(box.journal, item.id, who="Sari") == "It is read again."
    assert state_of(box, item) == "arrived"
    assert last_told(box, item) == ("Sari", "retried", "Sari wants it tried again.")


def test_what_had_nowhere_to_go_keeps_its_patient(box: Box) -> None:
    item = unrouted(box)
    assert queue.retry(box.journal, item.id, who="Sari") == "It is routed again."
    assert state_of(box, item) == "identified"


def test_a_held_delivery_is_sent_again(box: Box) -> None:
    item, _ = box.delivery(DeliveryState.HELD)
    assert queue.retry(box.journal, item.id, who="Sari") == "It is sent again now, the same bytes."
    assert deliveries_of(box, item) == ["prepared"]
    assert last_told(box, item) == ("Sari", "retried", "Sari wants it sent again.")


def test_a_deferred_delivery_is_due_at_once(box: Box) -> None:
    item, _ = box.delivery(DeliveryState.DEFERRED)
    queue.retry(box.journal, item.id, who="Sari")
    assert box.take_up().item_id == item.id


@pytest.mark.parametrize(
    ("state", "why"),
    [
        (ItemState.ARRIVED, "it is on its way already"),
        (ItemState.IDENTIFIED, "it is on its way already"),
        (ItemState.DONE, "every destination has it already"),
        (ItemState.IGNORED, "it was set aside for good"),
        (ItemState.ROUTED, "it is being sent already"),
    ],
)
def test_what_cannot_be_retried_is_refused(box: Box, state: ItemState, why: str) -> None:
    item = box.item(state, "film.tif")
    with pytest.raises(Refused) as refusal:
        queue.retry(box.journal, item.id, who="Sari")
    assert refusal.value.sentence == f"Retrying film.tif (item 1) was refused: {why}."
    assert state_of(box, item) == state


def test_the_way_back_of_what_was_discarded_is_told(box: Box) -> None:
    item = box.item(ItemState.HELD)
    queue.discard(box.journal, item.id, reason="wrong one clicked", who="Sari")
    with pytest.raises(Refused, match="export it again at the modality, and it is asked about"):
        queue.retry(box.journal, item.id, who="Sari")


def test_everybody_is_woken(box: Box) -> None:
    bells = [Bell(hang(box.paths.run, name)) for name in ("convert", "deliver", "keeper")]
    queue.retry(box.journal, box.item(ItemState.HELD).id, who="Sari")
    assert [bell.wait(0) for bell in bells] == [True] * 3
    for bell in bells:
        bell.close()


# --- hold -------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", [ItemState.ARRIVED, ItemState.CONVERTED, ItemState.IDENTIFIED])
def test_what_is_not_routed_yet_can_be_held_and_retried(box: Box, state: ItemState) -> None:
    item = box.item(state)
    queue.hold(box.journal, item.id, who="Sari")
    assert state_of(box, item) == "held"
    assert last_told(box, item) == ("Sari", "on-hold", "Sari put it on hold.")
    queue.retry(box.journal, item.id, who="Sari")
    assert state_of(box, item) == ("identified" if item.identity else "arrived")


@pytest.mark.parametrize("state", [DeliveryState.PREPARED, DeliveryState.DEFERRED])
def test_what_waits_to_be_sent_can_be_held(box: Box, state: DeliveryState) -> None:
    item, _ = box.delivery(state)
    assert queue.hold(box.journal, item.id, who="Sari").startswith("It is not sent until")
    assert deliveries_of(box, item) == ["held"]
    assert box.journal.deliveries.claim_deliveries("pacs", 9) == []


@pytest.mark.parametrize("state", [DeliveryState.ACTIVE, DeliveryState.SENT, DeliveryState.HELD])
def test_what_is_being_sent_or_is_over_cannot_be_held(box: Box, state: DeliveryState) -> None:
    item, _ = box.delivery(state)
    with pytest.raises(Refused, match="nothing of it waits to be sent"):
        queue.hold(box.journal, item.id, who="Sari")


def test_what_somebody_works_on_cannot_be_held(box: Box) -> None:
    item = box.accept()
    box.claim(ItemState.ARRIVED)
    with pytest.raises(Refused, match="a service is working on it right now"):
        queue.hold(box.journal, item.id, who="Sari")


# --- discard ----------------------------------------------------------------------------------


@pytest.mark.parametrize("state", [ItemState.HELD, ItemState.QUARANTINED])
def test_what_waits_for_a_person_can_be_discarded(box: Box, state: ItemState) -> None:
    item = box.item(state)
    queue.discard(box.journal, item.id, reason="a test film", who="Sari")
    assert state_of(box, item) == "ignored"
    assert last_told(box, item) == ("Sari", "discarded", "Sari discarded it: a test film")


def test_what_no_destination_took_can_be_discarded(box: Box) -> None:
    item, _ = box.delivery(DeliveryState.HELD)
    queue.discard(box.journal, item.id, reason="sent by hand", who="Sari")
    assert state_of(box, item) == "ignored"
    assert box.journal.ledger.attention() == []


def test_what_is_on_its_way_is_not_discarded(box: Box) -> None:
    box.accept()
    box.convert()
    box.identify()
    item = box.route("pacs", "cloud")
    box.journal.deliveries.hold_delivery(box.take_up("pacs"), NOT_ANSWERING)
    with pytest.raises(Refused, match="some of it is still on its way"):
        queue.discard(box.journal, item.id, reason="a test", who="Sari")


@pytest.mark.parametrize("state", [ItemState.ARRIVED, ItemState.DONE, ItemState.IGNORED])
def test_only_what_waits_for_a_person_is_discarded(box: Box, state: ItemState) -> None:
    with pytest.raises(Refused, match="it does not wait for a person"):
        queue.discard(box.journal, box.item(state).id, reason="a test", who="Sari")


def test_discarding_needs_a_reason(box: Box) -> None:
    with pytest.raises(Refused, match="it needs a reason"):
        queue.discard(box.journal, box.item(ItemState.HELD).id, reason=" ", who="Sari")
