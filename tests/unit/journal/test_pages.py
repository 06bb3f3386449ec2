"""Items of several objects: which of them is all in another, and what they have in common."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from appliance.model import Evidence, Identity, ItemState
from tests.builders.box import NOT_ANSWERING, SITI, Box

if TYPE_CHECKING:
    from appliance.model import Instance, Item

BUDI = Identity({"PatientID": "4712"}, "trust")
UID = "1.2.3.9"


def read(box: Box, pages: str, content: bytes = b"") -> Item:
    """An item that has these pages and was read."""
    item = box.accept(content=content, evidence_digest=pages)
    claimed = box.claim(ItemState.ARRIVED)
    bodies = [replace(box.body(item, n), digest=page) for n, page in enumerate(pages, 1)]
    box.journal.items.converted(claimed, bodies, Evidence())
    return item


@pytest.mark.parametrize(
    ("whole", "part", "contains"),
    [
        ("ab", "ab", True),
        ("abc", "ab", True),
        ("abc", "cb", True),
        ("aab", "aa", True),
        ("ab", "abc", False),
        ("ab", "ad", False),
        ("ab", "aa", False),
    ],
)
def test_an_item_contains_another_by_all_its_objects(
    box: Box, whole: str, part: str, *, contains: bool
) -> None:
    first, second = read(box, whole), read(box, part)
    assert box.journal.items.contains(first, second) is contains


# --- one UID is one object


def routed(
    box: Box,
    pages: str,
    header: bytes,
    identity: Identity = SITI,
    destinations: tuple[str, ...] = ("pacs",),
    content: bytes = b"",
) -> Item:
    """An item whose first object has a UID that depends on its page alone."""
    item = read(box, pages, content)
    box.identify(identity)
    claimed = box.claim(ItemState.IDENTIFIED)
    instance = replace(box.compose(claimed, UID), pieces=(header, *box.body(item).slices))
    box.journal.items.routed(claimed, dict.fromkeys(destinations, (instance,)))
    return item


def instances_of(box: Box, item: Item) -> list[Instance]:
    """The object as each destination gets it."""
    return [
        box.journal.deliveries.composed(delivery["id"])[0]
        for delivery in box.journal.ledger.deliveries_of(item.id)
    ]


def headers_of(box: Box, item: Item) -> list[object]:
    return [instance.pieces[0] for instance in instances_of(box, item)]


def test_what_another_item_has_is_sent_as_it_has_it(box: Box) -> None:
    first = routed(box, "ab", b"first")
    second = routed(box, "ac", b"second")
    assert instances_of(box, second) == instances_of(box, first)
    assert box.journal.custody.verify() == []


@pytest.mark.parametrize(
    ("identity", "destination"),
    [
        (BUDI, "pacs"),
        (replace(SITI, values={**SITI.values, "AccessionNumber": "A2"}), "pacs"),
        (SITI, "cloud"),
        (replace(SITI, invented=True), "pacs"),
    ],
    ids=["another patient", "another exam", "another destination", "a test"],
)
def test_of_anybody_else_or_for_another_destination_it_is_as_it_is(
    box: Box, identity: Identity, destination: str
) -> None:
    routed(box, "ab", b"first", identity, (destination,))
    assert headers_of(box, routed(box, "ac", b"second")) == [b"second"]


def test_of_what_was_given_up_only_what_a_destination_has_counts(box: Box) -> None:
    both = ("pacs", "cloud")
    first = routed(box, "ab", b"first", destinations=both)
    box.send("pacs")
    box.confirm("pacs")
    box.journal.deliveries.hold_delivery(box.take_up("cloud"), NOT_ANSWERING)
    box.journal.items.decide_item(first.id, ItemState.IGNORED, code="", why="", who="Sari")
    second = routed(box, "ac", b"second", destinations=both)
    assert headers_of(box, second) == [b"first", b"second"]


@pytest.mark.parametrize(
    ("content", "header"),
    [(b"other bytes", b"second"), (b"pixels", b"first")],
    ids=["pixels that are gone", "pixels that came again"],
)
def test_of_what_was_purged_the_header_is_left(box: Box, content: bytes, header: bytes) -> None:
    routed(box, "ab", b"first", content=b"pixels")
    box.send()
    box.confirm()
    box.journal.custody.purge(box.clock.utc(), oldest=1)
    second = routed(box, "ac", b"second", content=content)
    assert headers_of(box, second) == [header]
    assert box.journal.custody.verify() == []
