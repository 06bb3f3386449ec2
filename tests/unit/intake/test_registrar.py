"""Several threads at one journal: together where they can, and nobody believes in vain."""

from __future__ import annotations

from threading import Thread
from typing import TYPE_CHECKING

import pytest

from appliance.errors import DiskFull
from appliance.intake.registrar import Registrar
from appliance.journal.arrivals import Received
from appliance.journal.journal import Journal
from appliance.model import Arrival, ItemState

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from appliance.journal.arrivals import Accepted
    from tests.builders.box import Box


@pytest.fixture
def shared(box: Box) -> Iterator[Journal]:
    journal = Journal(box.paths, box.worker, box.clock, shared=True)
    yield journal
    journal.close()


def received(box: Box, number: int) -> Received:
    with box.journal.spool.incoming() as incoming, box.journal.spool.custody():
        incoming.write([str(number).encode()])
        stored = incoming.publish()
    name = f"CR1/1.2.{number}.dcm"
    arrival = Arrival("cr", name, box.paths.root / name, f"content:{stored.sha256}:")
    return Received(arrival, stored, "", box.clock.utc(), "1.2", f"1.2.{number}")


def test_what_many_bring_at_once_is_all_there(box: Box, shared: Journal) -> None:
    rings: list[int] = []
    registrar = Registrar(shared, lambda: rings.append(1))
    files = [received(box, number) for number in range(40)]
    found: dict[int, Accepted] = {}

    def bring(numbers: range) -> None:
        for number in numbers:
            found[number] = registrar.add(files[number])

    threads = [Thread(target=bring, args=(range(start, 40, 8),)) for start in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({each.item_id for each in found.values()}) == 40
    assert box.journal.ledger.item_counts() == {ItemState.ARRIVED: 40}
    assert 1 <= len(rings) <= 40


def test_nothing_is_said_to_be_there_that_is_not(
    box: Box, shared: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_room(_: Sequence[Received]) -> list[Accepted]:
        raise DiskFull(where="the card")

    registrar = Registrar(shared, lambda: None)
    file = received(box, 1)
    with monkeypatch.context() as patch:
        patch.setattr(shared.arrivals, "add_received", no_room)
        with pytest.raises(DiskFull):
            registrar.add(file)
    assert box.journal.ledger.item_counts() == {}
    assert registrar.add(file).new
    assert not registrar.add(file).new


def test_one_bad_file_of_a_batch_spoils_no_row(box: Box) -> None:
    good, bad = received(box, 1), received(box, 2)
    with pytest.raises(AttributeError):
        box.journal.arrivals.add_received([good, bad._replace(arrival=None)])  # type: ignore[arg-type]
    assert box.journal.ledger.item_counts() == {}
