from __future__ import annotations

import signal
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from appliance.errors import ClaimLost, Duplicate, NoIdentity
from appliance.journal.database import queries
from appliance.journal.worker import Worker, is_dead
from appliance.model import ConfirmedBy, Evidence, ItemState
from tests.builders.box import NOT_ANSWERING, SITI
from tests.unit.journal.processes import process

if TYPE_CHECKING:
    from collections.abc import Callable

    from appliance.model import Delivery, Item
    from tests.builders.box import Box

LATER = datetime(2026, 3, 15, tzinfo=UTC)

CLAIM_EVERYTHING = """
    say("ready")
    wait()
    while item := box.journal.items.claim(ItemState.ARRIVED):
        say(item.id)
        box.journal.items.stop(item, NoIdentity(where="it"))
    while taken := box.journal.deliveries.claim_deliveries("pacs", 1):
        say(*(f"delivery{delivery.id}" for delivery in taken))
"""

HOLD_ONE_OF_EACH = """
    item = box.claim(ItemState.ARRIVED)
    active = box.take_up("first")
    sent = box.journal.deliveries.claim_sent("second", 1)[0]
    say("ready")
    wait()
    wait()
"""


@pytest.fixture
def busy(box: Box) -> Box:
    """An arrived item, and one that is due at `first` and unproved at `second`."""
    box.accept("underway.tif")
    box.convert()
    box.identify()
    box.route("first", "second")
    box.send("second")
    box.accept("new.tif")
    return box


def test_processes_never_get_the_same(box: Box) -> None:
    ids = {str(box.item(ItemState.ROUTED).id) for _ in range(6)}
    deliveries = {f"delivery{number}" for number in ids}
    items = {str(box.accept().id) for _ in range(20)}
    with ExitStack() as running:
        racers = [
            running.enter_context(process(CLAIM_EVERYTHING, box.paths.root)) for _ in range(3)
        ]
        assert [racer.line() for racer in racers] == ["ready"] * 3
        for racer in racers:
            racer.go_on()
        claimed = [word for racer in racers for word in racer.rest()]
    assert sorted(claimed) == sorted(items | deliveries)


def test_what_a_worker_left_behind_comes_to_it_again_and_is_not_counted(box: Box) -> None:
    box.accept("a.tif")
    assert [box.claim(ItemState.ARRIVED).tries for _ in range(3)] == [1, 1, 1]


def test_the_claims_of_a_killed_process_come_back(busy: Box) -> None:
    with process(HOLD_ONE_OF_EACH, busy.paths.root) as other:
        assert other.line() == "ready"
        other.kill()
    assert busy.journal.items.claim(ItemState.ARRIVED) is None
    assert busy.journal.custody.free_the_dead() == 1
    assert busy.claim(ItemState.ARRIVED).name == "new.tif"
    assert busy.take_up("first").tries == 2
    assert len(busy.journal.deliveries.claim_sent("second", 1)) == 1
    told = [tuple(row)[5:8] for row in busy.journal.ledger.history(1)]
    assert ("active", "prepared", "interrupted") in told


def test_the_claims_of_a_process_that_lives_are_left_alone(busy: Box) -> None:
    with process(HOLD_ONE_OF_EACH, busy.paths.root) as other:
        assert other.line() == "ready"
        assert busy.journal.custody.free_the_dead() == 0
        other.popen.send_signal(signal.SIGSTOP)
        assert busy.journal.custody.free_the_dead() == 0
    assert busy.journal.custody.free_the_dead() == 1


def test_what_went_wrong_often_is_taken_up_last(box: Box) -> None:
    for name in ("poison.tif", "good.tif"):
        box.accept(name)
    dying = box.again("dying")
    assert dying.claim(ItemState.ARRIVED).name == "poison.tif"
    dying.close()
    box.journal.custody.free_the_dead()
    assert box.claim(ItemState.ARRIVED).name == "good.tif"
    assert box.claim(ItemState.ARRIVED).tries == 2


def test_sources_take_turns(box: Box) -> None:
    for number, source in enumerate("aaaabbc"):
        box.accept(f"{number}.tif", source=source)
    order = ""
    while item := box.journal.items.claim(ItemState.ARRIVED):
        order += item.source
        box.journal.items.stop(item, NoIdentity(where="it"))
    assert order == "abcabaa"


def test_what_went_wrong_often_does_not_even_delay_another_source(box: Box) -> None:
    box.accept("poison.tif", source="a")
    box.accept("good.tif", source="b")
    dying = box.again("dying")
    assert dying.claim(ItemState.ARRIVED).source == "a"
    dying.close()
    box.journal.custody.free_the_dead()
    again = box.again("again")
    assert again.claim(ItemState.ARRIVED).source == "b"
    again.close()


def test_what_waits_is_not_read_from_end_to_end_to_find_what_is_next(box: Box) -> None:
    """With 100,000 of them it takes two milliseconds that way, and 100 another."""
    names = ("state", "worker", "after", "now", "horizon")
    plan = box.journal._db._connection.execute(  # noqa: SLF001
        f"EXPLAIN QUERY PLAN {queries()['claim_item']}", dict.fromkeys(names, "1")
    ).fetchall()
    steps = [row["detail"] for row in plan if " item" in row["detail"]]
    assert steps
    assert all(step.startswith("SEARCH") for step in steps), steps


def test_tries_are_counted_anew_in_every_state(box: Box) -> None:
    assert box.item(ItemState.CONVERTED).tries == 0
    assert box.claim(ItemState.CONVERTED).tries == 1


# --- a claim that was lost changes nothing ----------------------------------------------------

ON_ITEMS: dict[str, Callable[[Box, Item], None]] = {
    "converted": lambda box, item: box.journal.items.converted(
        item, [box.body(item)], Evidence(notes=("a note",))
    ),
    "identified": lambda box, item: box.journal.items.identified(item, SITI),
    "routed": lambda box, item: box.journal.items.routed(item, {"pacs": (box.compose(item),)}),
    "stop": lambda box, item: box.journal.items.stop(item, NoIdentity(where="it")),
    "merge": lambda box, item: box.journal.items.merge(
        item, box.journal.items.get(1), Duplicate(name="it", first="that")
    ),
}

ON_DELIVERIES: dict[str, Callable[[Box, Delivery], None]] = {
    "sent": lambda box, d: box.journal.deliveries.sent(d, None, LATER),
    "confirmed": lambda box, d: box.journal.deliveries.confirmed([d], ConfirmedBy.FIND),
    "defer": lambda box, d: box.journal.deliveries.defer(d, NOT_ANSWERING, LATER, forgive=False),
    "ask_later": lambda box, d: box.journal.deliveries.ask_later(d, NOT_ANSWERING, LATER),
    "hold": lambda box, d: box.journal.deliveries.hold_delivery(d, NOT_ANSWERING),
}

BEFORE = {
    "converted": ItemState.ARRIVED,
    "identified": ItemState.CONVERTED,
    "routed": ItemState.IDENTIFIED,
    "stop": ItemState.ARRIVED,
    "merge": ItemState.CONVERTED,
}


def everything(box: Box) -> list[str]:
    return list(box.journal._db._connection.iterdump())  # noqa: SLF001 - all of it, whatever it is


@pytest.mark.parametrize("verb", ON_ITEMS)
def test_an_item_lost_to_another_worker_stays_as_that_one_has_it(box: Box, verb: str) -> None:
    box.item(ItemState.DONE)
    box.item(BEFORE[verb])
    item = box.claim(BEFORE[verb])
    box.worker.retire()
    other = box.again("other")
    assert other.journal.custody.free_the_dead() == 1
    assert other.claim(BEFORE[verb]).id == item.id
    before = everything(other)
    with pytest.raises(ClaimLost):
        ON_ITEMS[verb](box, item)
    assert everything(other) == before
    other.journal.close()
    box.worker = other.worker


@pytest.mark.parametrize("verb", ON_DELIVERIES)
def test_a_delivery_lost_to_another_worker_stays_as_that_one_has_it(box: Box, verb: str) -> None:
    box.item(ItemState.ROUTED)
    delivery = box.take_up()
    box.worker.retire()
    other = box.again("other")
    assert other.journal.custody.free_the_dead() == 1
    assert other.take_up().id == delivery.id
    before = everything(other)
    with pytest.raises(ClaimLost):
        ON_DELIVERIES[verb](box, delivery)
    assert everything(other) == before
    other.journal.close()
    box.worker = other.worker


# --- who is alive -----------------------------------------------------------------------------


def test_a_worker_is_alive_until_it_retires(box: Box) -> None:
    worker = Worker(box.paths.run, "convert")
    assert not is_dead(box.paths.run, worker.name)
    worker.retire()
    assert is_dead(box.paths.run, worker.name)


def test_a_worker_whose_lock_file_is_gone_after_a_reboot_is_dead(box: Box) -> None:
    assert is_dead(box.paths.run, "deliver-1-cafe")


def test_a_dead_worker_leaves_no_file_behind(box: Box) -> None:
    with process("say(box.worker.name)", box.paths.root) as other:
        name = other.line()
        other.rest()
    assert (box.paths.run / "workers" / name).exists()
    assert is_dead(box.paths.run, name)
    assert not (box.paths.run / "workers" / name).exists()


def test_names_never_come_again(box: Box) -> None:
    workers = [Worker(box.paths.run, "convert") for _ in range(20)]
    assert len({worker.name for worker in workers}) == 20
    for worker in workers:
        worker.retire()
