from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from appliance.desk import films
from appliance.errors import Coerced
from appliance.model import ConfirmedBy, DeliveryState, ItemState
from tests.builders.box import NOT_ANSWERING, Box

if TYPE_CHECKING:
    from appliance.desk.films import Film


def found(box: Box, name: str = "") -> tuple[Film, ...]:
    now = box.clock.utc()
    return films.find(box.journal, name, now - timedelta(days=1), now)


def answer(box: Box) -> str:
    (film,) = found(box)
    return film.answer


@pytest.mark.parametrize("state", [ItemState.ARRIVED, ItemState.CONVERTED, ItemState.IDENTIFIED])
def test_not_sent_yet(box: Box, state: ItemState) -> None:
    box.item(state)
    assert answer(box) == "Not sent yet: it came in and is being worked on."


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (ItemState.HELD, "Not sent, it waits for a person: No patient could be told from it.tif."),
        (ItemState.QUARANTINED, "Not sent, it cannot be used: it.tif is not a kind of file"),
        (ItemState.IGNORED, "Set aside: it.tif is the same image as another"),
        (ItemState.DONE, "pacs has it, it was asked."),
    ],
)
def test_the_answer_says_why(box: Box, state: ItemState, words: str) -> None:
    box.item(state, "it.tif")
    assert answer(box).startswith(words)


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("prepared", "It waits to be sent to pacs."),
        ("active", "It is being sent to pacs."),
        ("sent", "pacs answered that it has it and is being asked for proof."),
        ("deferred", f"pacs did not get it yet and it is tried again: {NOT_ANSWERING.sentence}"),
        ("held", f"pacs did not get it: {NOT_ANSWERING.sentence}"),
        ("confirmed", "pacs has it, it was asked."),
    ],
)
def test_a_routed_film_says_where_it_is(box: Box, state: str, words: str) -> None:
    box.delivery(DeliveryState(state))
    assert answer(box) == words


def test_a_mere_answer_is_not_called_a_proof(box: Box) -> None:
    box.item(ItemState.ROUTED)
    box.send()
    box.confirm(by=ConfirmedBy.RESPONSE)
    assert answer(box) == "pacs answered that it has it."


def test_every_destination_is_named(box: Box) -> None:
    box.accept()
    box.convert()
    box.identify()
    box.route("pacs", "cloud")
    box.send("pacs")
    box.confirm("pacs")
    assert answer(box) == "pacs has it, it was asked. It waits to be sent to cloud."


def test_a_discarded_film_says_who_has_it_all_the_same(box: Box) -> None:
    box.accept()
    box.convert()
    box.identify()
    item = box.route("pacs", "cloud")
    box.send("pacs")
    box.confirm("pacs")
    box.journal.deliveries.hold_delivery(box.take_up("cloud"), NOT_ANSWERING)
    box.journal.items.decide_item(
        item.id, ItemState.IGNORED, code="discarded", why="Sari discarded it.", who="Sari"
    )
    assert answer(box) == "Set aside: Sari discarded it. pacs has it, it was asked."


def test_films_come_newest_first(box: Box) -> None:
    for name in ("first.tif", "second.tif", "other.bmp"):
        box.accept(name)
    assert [film.name for film in found(box, ".tif")] == ["second.tif", "first.tif"]


def test_a_film_for_scripts(box: Box) -> None:
    box.item(ItemState.HELD, "it.tif")
    (film,) = found(box)
    assert film.document() == {
        "id": 1,
        "name": "it.tif",
        "source": "cr",
        "state": "held",
        "code": "no-identity",
        "sentence": "No patient could be told from it.tif.",
        "hint": film.hint,
        "arrived_at": "2026-03-14T09:26:53.000+00:00",
        "answer": film.answer,
    }


def test_what_the_destination_changed_stays_in_the_answer(box: Box) -> None:
    box.item(ItemState.ROUTED)
    changed = Coerced(peer="PACS at 10.0.0.1:104", answer="status B000")
    box.journal.deliveries.sent(box.take_up(), changed, box.clock.utc())
    assert answer(box).endswith(f"asked for proof. {changed.sentence}")
    box.confirm()
    assert answer(box) == f"pacs has it, it was asked. {changed.sentence}"
