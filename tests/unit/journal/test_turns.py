"""Whose delivery is next at a destination."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.journal.database import queries
from appliance.journal.deliveries import ANY_TURN, Turn
from appliance.model import ItemState, Priority
from tests.builders.box import CR_IMAGE, EXPLICIT, NOT_ANSWERING
from tests.builders.crowd import Film, crowd

if TYPE_CHECKING:
    from collections.abc import Iterable

    from appliance.model import Delivery
    from tests.builders.box import Box

ENHANCED_CT = "1.2.840.10008.5.1.4.1.1.2.1"


def taken(box: Box, most: int, turn: Turn = ANY_TURN) -> list[Delivery]:
    return box.journal.deliveries.claim_deliveries("pacs", most, turn)


def uids(deliveries: Iterable[Delivery]) -> list[str]:
    return [delivery.instances[0].sop_instance_uid for delivery in deliveries]


def sources(deliveries: Iterable[Delivery]) -> str:
    return " ".join(delivery.source for delivery in deliveries)


def test_the_urgent_goes_before_the_rest_whatever_came_first(box: Box) -> None:
    routine, high, stat = crowd(box, [Film(priority=each) for each in reversed(Priority)])
    assert uids(taken(box, 9)) == [stat, high, routine]


def test_sources_take_turns(box: Box) -> None:
    crowd(box, [Film(source=source) for source in "aaaaabbc"])
    assert sources(taken(box, 9)) == "a b c a b a a a"


def test_the_turn_goes_on_where_it_was(box: Box) -> None:
    crowd(box, [Film(source=source) for source in "aaaabbbb"])
    crowd(box, [Film(source="c")])
    after, order = "", []
    for _ in range(5):
        (delivery,) = taken(box, 1, Turn(after))
        order.append(after := delivery.source)
    assert order == ["a", "b", "c", "a", "b"]


def test_urgent_images_of_two_sources_take_turns_too(box: Box) -> None:
    kinds = [("a", 2), ("b", 0), ("a", 0), ("a", 0), ("b", 2), ("b", 0)]
    crowd(box, [Film(source=source, priority=Priority(n)) for source, n in kinds])
    claimed = taken(box, 9, Turn("a"))
    assert sources(claimed) == "b a b a b a"
    assert [delivery.priority for delivery in claimed] == [0, 0, 0, 0, 2, 2]


def test_a_study_stays_in_its_order_whatever_was_put_off_meanwhile(box: Box) -> None:
    order = crowd(box, [Film(source="ab"[n % 2]) for n in range(12)])
    for delivery in taken(box, 5):
        until = box.clock.utc()
        box.journal.deliveries.defer(delivery, NOT_ANSWERING, until, forgive=delivery.id % 3 == 0)
    box.journal.deliveries.defer_all("pacs", NOT_ANSWERING)
    found = uids(taken(box, 99))
    assert [uid for uid in found if uid in order[::2]] == order[::2]
    assert [uid for uid in found if uid in order[1::2]] == order[1::2]


def test_only_what_is_urgent_enough_is_taken_up(box: Box) -> None:
    routine, stat = crowd(box, [Film(), Film(priority=Priority.STAT)])
    turn = Turn(least=Priority.STAT)
    assert box.journal.deliveries.due_contexts("pacs", 9, turn) == [(CR_IMAGE, EXPLICIT)]
    assert uids(taken(box, 9, turn)) == [stat]
    assert taken(box, 9, turn) == []
    assert box.journal.deliveries.due_contexts("pacs", 9, turn) == []
    assert uids(taken(box, 9)) == [routine]


def test_what_is_not_due_leaves_its_turn_to_the_next(box: Box) -> None:
    crowd(box, [Film(source=source) for source in "aab"])
    (first,) = taken(box, 1)
    until = box.clock.utc().replace(hour=23)
    box.journal.deliveries.defer(first, NOT_ANSWERING, until, forgive=False)
    assert sources(taken(box, 9)) == "a b"
    assert taken(box, 9) == []


def test_the_contexts_are_those_of_what_is_taken_up_next(box: Box) -> None:
    kinds = [("a", CR_IMAGE)] * 20 + [("b", ENHANCED_CT)]
    crowd(box, [Film(source=source, sop_class=kind) for source, kind in kinds])
    contexts = box.journal.deliveries.due_contexts("pacs", 2)
    assert sorted(contexts) == [(CR_IMAGE, EXPLICIT), (ENHANCED_CT, EXPLICIT)]
    assert box.journal.deliveries.due_contexts("pacs", 1, Turn("b")) == [(CR_IMAGE, EXPLICIT)]
    assert box.journal.deliveries.due_contexts("cloud", 9) == []


def test_a_delivery_knows_the_source_of_its_item(box: Box) -> None:
    box.accept(source="stick")
    box.convert()
    box.identify()
    box.route()
    assert box.take_up().source == "stick"


def test_what_waits_is_not_read_from_end_to_end_to_find_what_is_next(box: Box) -> None:
    """With 100,000 of them it takes a millisecond that way, and 150 another."""
    box.item(ItemState.ROUTED)
    names = ("destination", "after", "least", "now", "horizon", "most")
    connection = box.journal._db._connection  # noqa: SLF001
    for query in ("due_deliveries", "next_due"):
        plan = connection.execute(
            f"EXPLAIN QUERY PLAN {queries()[query]}", dict.fromkeys(names, "1")
        ).fetchall()
        steps = [row["detail"] for row in plan if "delivery" in row["detail"]]
        assert steps
        assert all(step.startswith("SEARCH") for step in steps), steps
        assert query == "next_due" or any("source>?" in step for step in steps)
