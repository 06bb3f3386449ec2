from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import pytest

from appliance.errors import HandedOver, HandoverStands, JournalFault, OtherHandover, StillBusy
from appliance.journal.away import is_away, mark, may_use_address
from appliance.journal.charge import Charge, alone
from appliance.model import DeliveryState, ItemState
from tests.builders.box import NAMED, NOT_ANSWERING, Box

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MOVES = {
    ("here", "leaving"), ("leaving", "here"), ("leaving", "releasing"), ("releasing", "left"),
    ("releasing", "here"), ("left", "here"), ("here", "coming"), ("coming", "here"),
}  # fmt: skip
WAYS = {
    "here": (),
    "leaving": (Charge.LEAVING,),
    "releasing": (Charge.LEAVING, Charge.RELEASING),
    "left": (Charge.LEAVING, Charge.RELEASING, Charge.LEFT),
    "coming": (Charge.COMING,),
}


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    box = Box(tmp_path)
    box.paths.etc.mkdir()
    yield box
    box.close()


def stand(box: Box, state: str) -> None:
    for step in WAYS[state]:
        box.journal.charge.set(step, "m", "other")


@pytest.mark.parametrize("cell", list(product(Charge, Charge)), ids=lambda c: f"{c[0]}-{c[1]}")
def test_move(box: Box, cell: tuple[Charge, Charge]) -> None:
    before, after = cell
    stand(box, before)
    if cell in MOVES:
        box.journal.charge.set(after, "m")
        assert box.journal.charge.standing().state is after
    else:
        with pytest.raises(HandoverStands):
            box.journal.charge.set(after)
        assert box.journal.charge.standing().state is before
    assert is_away(box.paths) or box.journal.charge.is_here()


@pytest.mark.parametrize("state", [each for each in Charge if each is not Charge.HERE])
def test_nothing_comes_in_and_nothing_goes_out(box: Box, state: Charge) -> None:
    box.item(ItemState.ROUTED)
    stand(box, state)
    with pytest.raises(HandedOver):
        box.accept()
    with pytest.raises(HandedOver):
        box.take_up()
    assert issubclass(HandedOver, JournalFault)  # who waits for the journal waits for this too


def test_what_came_before_is_shown_again_in_vain(box: Box) -> None:
    item = box.accept("film.tif", b"film")
    stand(box, "leaving")
    with pytest.raises(HandedOver):
        box.accept("again.tif", b"film")
    assert box.journal.items.get(item.id).state is ItemState.ARRIVED


def test_what_had_begun_ends_while_it_is_leaving(box: Box) -> None:
    box.item(ItemState.ROUTED)
    delivery = box.take_up()
    box.accept()
    claimed = box.claim(ItemState.ARRIVED)
    stand(box, "leaving")
    assert box.journal.charge.claimed() == 2
    box.journal.deliveries.sent(delivery, None, box.clock.utc())
    box.journal.items.converted(claimed, [box.body(claimed)], NAMED)
    assert box.journal.charge.claimed() == 0


@pytest.mark.parametrize("state", ["leaving", "releasing", "left", "coming"])
def test_then_nothing_is_begun(box: Box, state: str) -> None:
    """Else the journal's copy would not be the last word."""
    box.item(ItemState.ROUTED)
    box.send()
    box.item(ItemState.ROUTED)
    box.item(ItemState.IDENTIFIED)
    box.item(ItemState.CONVERTED)
    box.accept()
    stand(box, state)
    for waiting in (ItemState.ARRIVED, ItemState.CONVERTED, ItemState.IDENTIFIED):
        assert box.journal.items.claim(waiting) is None
    assert box.journal.deliveries.claim_sent("pacs", 9) == []
    event = box.journal.charge.last_event()
    box.journal.deliveries.defer_all("pacs", NOT_ANSWERING)
    assert box.journal.charge.last_event() == event


def test_it_does_not_let_go_where_anything_happened_since(box: Box) -> None:
    _, number = box.delivery(DeliveryState.HELD)
    stand(box, "leaving")
    event = box.journal.charge.last_event()
    box.journal.deliveries.decide_delivery(
        number, DeliveryState.PREPARED, code="retried", why="", who="somebody"
    )
    with pytest.raises(StillBusy):
        box.journal.charge.set(Charge.RELEASING, "m", event=event)
    assert box.journal.charge.standing().state is Charge.LEAVING
    box.journal.charge.set(Charge.RELEASING, "m", event=box.journal.charge.last_event())


@pytest.mark.parametrize("state", ["releasing", "left", "coming"])
def test_then_nothing_moves_any_more(box: Box, state: str) -> None:
    _, number = box.delivery(DeliveryState.HELD)
    box.accept()
    claimed = box.claim(ItemState.ARRIVED)
    stand(box, state)
    with pytest.raises(HandedOver):
        box.journal.items.converted(claimed, [box.body(claimed)], NAMED)
    with pytest.raises(HandedOver):
        box.journal.deliveries.decide_delivery(
            number, DeliveryState.PREPARED, code="retried", why="", who="somebody"
        )


@pytest.mark.parametrize(
    ("state", "after"),
    [("leaving", "here"), ("coming", "here"), ("releasing", "releasing"), ("left", "left")],
)
def test_what_a_killed_process_left_is_made_good(box: Box, state: str, after: str) -> None:
    stand(box, state)
    assert box.journal.charge.settle() is (after == "here")  # who must hear of it is told
    assert not box.journal.charge.settle()
    assert box.journal.charge.standing().state == after
    assert is_away(box.paths) == (after != "here")


def test_while_somebody_is_at_it_nothing_is_made_good(box: Box) -> None:
    stand(box, "leaving")
    with alone(box.paths):
        box.journal.charge.settle()
        with pytest.raises(OtherHandover), alone(box.paths):
            pass
    assert box.journal.charge.standing().state is Charge.LEAVING


def test_the_mark_follows_the_row(box: Box) -> None:
    mark(box.paths, keeps_address=False)
    assert box.journal.charge.settle()
    assert not is_away(box.paths)
    stand(box, "left")
    box.paths.away.unlink()
    assert not box.journal.charge.settle()
    assert is_away(box.paths)
    assert not may_use_address(box.paths)


@pytest.mark.parametrize("state", WAYS)
def test_the_address_is_given_up_only_where_another_box_may_have_it(box: Box, state: str) -> None:
    stand(box, state)
    assert may_use_address(box.paths) is (state not in {"releasing", "left"})


@pytest.mark.parametrize("content", [b"", b"Another box works with what is here.\n", b"x"])
def test_a_mark_that_does_not_say_so_keeps_no_address(box: Box, content: bytes) -> None:
    box.paths.away.write_bytes(content)
    assert is_away(box.paths)
    assert not may_use_address(box.paths)


@pytest.mark.parametrize("state", ["releasing", "left"])
def test_cut_off_between_mark_and_row_the_address_is_used(
    box: Box, state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stick is void by then; and before it is valid, no other box has the address."""

    def become(state: Charge, owner: object, cut_at: str) -> None:
        def cut(*_: object, **__: object) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as until:
            until.setattr(owner, cut_at, cut)
            box.journal.charge.set(state, "m")

    stand(box, "leaving")
    with pytest.raises(KeyboardInterrupt):
        become(Charge.RELEASING, box.journal.charge, "_mark")
    assert may_use_address(box.paths)
    box.journal.charge.settle()
    assert not may_use_address(box.paths)
    if state == "left":
        box.journal.charge.set(Charge.LEFT, "m")
    with pytest.raises(KeyboardInterrupt):
        become(Charge.HERE, box.journal.charge._s.db, "run")  # noqa: SLF001 - before the row
    assert box.journal.charge.standing().state == state
    assert is_away(box.paths)
    assert may_use_address(box.paths)
    assert not box.journal.charge.settle()
    assert not may_use_address(box.paths)
    box.journal.charge.set(Charge.HERE)
    assert not is_away(box.paths)


def test_a_copy_names_the_bytes_it_needs(box: Box, tmp_path: Path) -> None:
    items = box.one_of_each()
    needed = box.journal.charge.copy(tmp_path / "copy.sqlite")
    assert set(needed) == {
        item.sha256 for state, item in items.items() if state is not ItemState.DONE
    }
    assert box.journal.charge.unfinished_bytes() == needed
    assert box.journal.charge.arrivals() == len(ItemState)


@pytest.mark.parametrize("state", WAYS)
def test_who_took_over_is_known_of_what_has_left_only(box: Box, state: str) -> None:
    for step in WAYS[state]:
        box.journal.charge.set(step, "m")
    box.journal.charge.know_other("another", "somebody")
    assert box.journal.charge.standing().other == ""
    box.journal.charge.know_other("m", "the spare")
    assert box.journal.charge.standing().other == ("the spare" if state == "left" else "")
    assert box.journal.charge.standing().state == state
