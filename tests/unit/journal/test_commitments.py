"""What is known of an image that a modality asks about: its own arrivals count, nobody else's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from appliance.journal.arrivals import Received
from appliance.journal.commitments import Reference
from appliance.model import Arrival, ConfirmedBy
from tests.builders.part10 import CR_IMAGE, SC_IMAGE

if TYPE_CHECKING:
    from tests.builders.box import Box

UID = "1.2.3.4"


def received(box: Box, source: str, sop_class: str = CR_IMAGE, uid: str = UID) -> None:
    """An image came."""
    with box.journal.spool.incoming() as incoming, box.journal.spool.custody():
        incoming.write([f"{source} {sop_class} {uid}".encode()])
        stored = incoming.publish()
        arrival = Arrival(source, f"CR1/{uid}.dcm", box.paths.root, f"content:{stored.sha256}:")
        file = Received(arrival, stored, "", box.clock.utc(), sop_class, uid)
        box.journal.arrivals.add_received([file])


def proved(box: Box) -> None:
    """Its PACS has it, as CR image and under `UID`."""
    box.convert()
    box.identify()
    box.route(uid=UID)
    box.send()
    box.confirm(by=ConfirmedBy.FIND)


def fate(box: Box, source: str, sop_class: str = CR_IMAGE, uid: str = UID) -> tuple[int, ...]:
    box.journal.commitments.ask(
        source=source,
        called="BOX",
        calling="CR1",
        host="10.0.0.7",
        transaction_uid="2.25.1",
        references=[Reference(sop_class, uid)],
    )
    (commitment,) = box.journal.commitments.open()
    (found,) = box.journal.commitments.fates(commitment)
    return found[1:]


def test_what_came_and_is_proved(box: Box) -> None:
    received(box, "a")
    proved(box)
    assert fate(box, "a") == (1, 1, 0, 1)


def test_what_another_source_brought_says_nothing(box: Box) -> None:
    received(box, "b")
    proved(box)
    assert fate(box, "a") == (0, 0, 0, 0)


def test_that_another_source_brought_it_as_asked_makes_this_one_no_better(box: Box) -> None:
    received(box, "b", CR_IMAGE)
    received(box, "a", SC_IMAGE)
    assert fate(box, "a", CR_IMAGE)[:2] == (1, 0)


@pytest.mark.parametrize(("sop_class", "uid"), [(CR_IMAGE, "1.2.3.5"), (SC_IMAGE, UID)])
def test_what_its_pacs_has_as_something_else_is_not_proved(
    box: Box, sop_class: str, uid: str
) -> None:
    received(box, "a", sop_class, uid)
    proved(box)
    assert fate(box, "a", sop_class, uid) == (1, 1, 0, 0)
