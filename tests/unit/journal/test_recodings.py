"""Deliveries that are made anew: who may take them up, and what becomes of them in between."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from appliance.errors import CannotRecode, ClaimLost, MixedPatients, Recoded, Recoding
from appliance.model import DeliveryState, ItemState
from tests.builders.box import EXPLICIT, Box

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from appliance.model import Body, Item

IMPLICIT = "1.2.840.10008.1.2"
WHY = Recoding(peer="PACS", wanted="Implicit VR Little Endian", syntax="RLE Lossless")
DONE = Recoded(how="unpacked")


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    made = Box(tmp_path)
    yield made
    made.close()


def asked(box: Box, *, pixels: bool = True) -> Item:
    item = box.item(ItemState.ROUTED)
    box.journal.recodings.ask(box.take_up(), {1: IMPLICIT}, WHY, pixels=pixels)
    return item


def state(box: Box, item: Item) -> tuple[str, str]:
    (row,) = box.journal.ledger.deliveries_of(item.id)
    return row["state"], row["code"]


def new_body(box: Box, item: Item, content: bytes) -> Body:
    with box.journal.spool.custody():
        stored = box.journal.spool.make(lambda write: write(content))
    body = box.body(item)
    return replace(body, slices=(replace(body.slices[0], path=stored.path, length=len(content)),))


def test_it_goes_from_one_maker_to_the_next_and_back_to_the_sender(box: Box) -> None:
    item = asked(box)
    recodings = box.journal.recodings
    assert state(box, item) == ("waiting", "recoding")
    assert recodings.claim_made() is None
    assert not box.journal.deliveries.claim_deliveries("pacs", 9)
    claimed = recodings.claim_asked()
    assert claimed is not None
    assert (claimed.item_id, claimed.destination) == (item.id, "pacs")
    assert claimed.wishes == {1: IMPLICIT}
    body = new_body(box, item, b"pixels")
    recodings.made(claimed, {1: body})
    box.journal.custody.sweep()
    assert body.slices[0].path.exists(), "it is needed, though no instance has it yet"
    made = recodings.claim_made()
    assert made is not None
    assert made.bodies == {1: body}
    (old,) = made.instances
    new = replace(old, transfer_syntax_uid=IMPLICIT, pieces=(b"head", *body.slices))
    recodings.composed(made, [new], DONE)
    assert state(box, item) == ("prepared", "recoded")
    assert recodings.claim_asked() is None
    assert recodings.claim_made() is None
    delivery = box.take_up()
    assert delivery.instances == (new,)
    assert (delivery.tries, recodings.times(delivery.id)) == (1, 1)
    assert not box.journal.custody.verify()


def test_without_pixels_to_be_made_it_goes_to_the_composer_at_once(box: Box) -> None:
    asked(box, pixels=False)
    assert box.journal.recodings.claim_asked() is None
    assert box.journal.recodings.claim_made() is not None


def test_what_cannot_be_made_is_held_and_can_be_tried_again(box: Box) -> None:
    item = asked(box)
    claimed = box.journal.recodings.claim_asked()
    assert claimed is not None
    box.journal.recodings.hold(claimed, CannotRecode(destination="pacs", why="it is torn"))
    assert state(box, item) == ("held", "cannot-recode")
    box.journal.deliveries.decide_delivery(
        claimed.delivery_id, DeliveryState.PREPARED, code="retried", why="Again.", who="siti"
    )
    delivery = box.take_up()
    assert [each.transfer_syntax_uid for each in delivery.instances] == [EXPLICIT]
    box.journal.recodings.ask(delivery, {1: IMPLICIT}, WHY, pixels=True)
    assert box.journal.recodings.times(delivery.id) == 2


def test_a_maker_that_dies_leaves_it_to_another_and_that_is_counted(box: Box) -> None:
    asked(box)
    for number in range(1, 4):
        other = box.again("convert")
        claimed = other.journal.recodings.claim_asked()
        assert claimed is not None
        assert claimed.tries == number
        other.close()
        box.journal.custody.free_the_dead()


def test_what_the_maker_itself_left_behind_is_not_counted(box: Box) -> None:
    """The disk was full; it takes it up again, and it is nobody's fault."""
    asked(box)
    for _ in range(3):
        claimed = box.journal.recodings.claim_asked()
        assert claimed is not None
        assert claimed.tries == 1


def test_nobody_takes_up_what_another_works_on(box: Box) -> None:
    asked(box)
    other = box.again("convert")
    assert other.journal.recodings.claim_asked() is not None
    assert box.journal.recodings.claim_asked() is None
    other.close()


@pytest.mark.parametrize("taken_up", [True, False], ids=["while it is made", "before"])
def test_doubt_about_the_patient_stops_it_in_between(box: Box, *, taken_up: bool) -> None:
    item = asked(box)
    other = box.item(ItemState.CONVERTED)
    box.journal.items.kin(item, ["1.2.4"], {"PatientID": "1"})
    claimed = box.journal.recodings.claim_asked() if taken_up else None
    why = MixedPatients(them="1 and 2")
    box.journal.items.hold_kin(other, ["1.2.4"], why)
    assert state(box, item)[0] == "held"
    assert box.journal.recodings.claim_asked() is None
    if claimed:
        with pytest.raises(ClaimLost):
            box.journal.recodings.made(claimed, {1: box.body(item)})
        with pytest.raises(ClaimLost):
            box.journal.recodings.composed(claimed, claimed.instances, DONE)
    assert state(box, item)[0] == "held"


def test_doubt_that_came_while_it_was_being_sent_is_heeded(box: Box) -> None:
    item = box.item(ItemState.ROUTED)
    other = box.item(ItemState.CONVERTED)
    box.journal.items.kin(item, ["1.2.4"], {"PatientID": "1"})
    delivery = box.take_up()
    why = MixedPatients(them="1 and 2")
    box.journal.items.hold_kin(other, ["1.2.4"], why)
    box.journal.recodings.ask(delivery, {1: IMPLICIT}, WHY, pixels=True)
    assert state(box, item)[0] == "held"
