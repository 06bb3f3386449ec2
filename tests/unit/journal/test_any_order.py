"""Whatever happens in whatever order, by several workers that may die: the journal stays true."""

from __future__ import annotations

import random
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from appliance.errors import (
    ClaimLost,
    Duplicate,
    ForbiddenMove,
    IdentityConflict,
    MixedPatients,
    NoIdentity,
    Superseded,
    UidConflict,
    UnsupportedFormat,
)
from appliance.model import ConfirmedBy, DeliveryState, Evidence, ItemState
from tests.builders.box import NOT_ANSWERING, SITI, Box

if TYPE_CHECKING:
    from pathlib import Path

    from appliance.model import Item

DESTINATIONS = ("pacs", "cloud")
STEPS = 250


class Chaos:
    """Three workers at one box, and every verb of the journal at random."""

    def __init__(self, root: Path, seed: int) -> None:
        self.random = random.Random(seed)
        first = Box(root)
        self.clock = first.clock
        self.boxes = [first, first.again("second"), first.again("third")]
        self.keys: set[tuple[int, str]] = set()
        self.verbs = [
            getattr(self, name) for name in vars(Chaos) if name.startswith("do_") for _ in range(9)
        ] + [self.die, self.sweep, self.purge]

    def step(self) -> None:
        self.clock.passes(seconds=self.random.choice([1, 60, 86_400, -3600]))
        self.box = self.random.choice(self.boxes)
        self.items, self.deliveries = self.box.journal.items, self.box.journal.deliveries
        with suppress(ClaimLost, ForbiddenMove):
            self.random.choice(self.verbs)()

    def any_item(self) -> int:
        return self.random.randint(1, max(1, len(self.keys)))

    def do_accept(self) -> None:
        content, digest = self.random.randint(1, 30), self.random.choice(["one", "two"])
        verdict = UnsupportedFormat(name="it", detail="odd") if content == 7 else None
        self.box.accept(f"{content}.tif", b"%d" % content, evidence_digest=digest, verdict=verdict)
        self.keys.add((content, digest))

    def do_convert(self) -> None:
        if item := self.items.claim(ItemState.ARRIVED):
            self.items.converted(item, [self.box.body(item)], Evidence(notes=("read",)))

    def do_identify(self) -> None:
        if item := self.items.claim(ItemState.CONVERTED):
            ways = [self._identified, self._hold, self._merge, self._put_off, self._mixed]
            self.random.choice([*ways, self._contradicted])(item)

    def _identified(self, item: Item) -> None:
        self.items.identified(item, SITI)

    def _hold(self, item: Item) -> None:
        self.items.stop(item, NoIdentity(where=item.name))

    def _put_off(self, item: Item) -> None:
        self.items.put_off(item, NOT_ANSWERING, self._later())

    def _mixed(self, item: Item) -> None:
        mixed = MixedPatients(them="two")
        if self.items.kin(item, ["1.2.3"], {"PatientID": str(self.random.randint(1, 2))}):
            self.items.hold_kin(item, ["1.2.3"], mixed)
        self.items.stop(item, mixed)

    def _contradicted(self, item: Item) -> None:
        conflict = IdentityConflict(before="one", now="another")
        self.items.hold_twins(self.items.twins(item), conflict)
        self.items.stop(item, conflict)

    def _merge(self, item: Item) -> None:
        for twin in self.items.twins(item):
            if twin.state is ItemState.HELD:
                self.items.supersede(twin, item, Superseded(name=twin.name))
            else:
                self.items.merge(item, twin, Duplicate(name=item.name, first=twin.name))
                return
        self.items.identified(item, SITI)

    def do_route(self) -> None:
        if item := self.items.claim(ItemState.IDENTIFIED):
            instances = (self.box.compose(item, f"1.2.{self.random.randint(1, 40)}"),)
            names = DESTINATIONS[: self.random.randint(1, 2)]
            try:
                self.items.routed(item, dict.fromkeys(names, instances))
            except UidConflict as problem:
                self.items.stop(item, problem)

    def do_send(self) -> None:
        for delivery in self.deliveries.claim_deliveries(self.random.choice(DESTINATIONS), 3):
            match self.random.randint(1, 4):
                case 1:
                    self.deliveries.defer(delivery, NOT_ANSWERING, self._later(), forgive=True)
                case 2:
                    self.deliveries.hold_delivery(delivery, NOT_ANSWERING)
                case _:
                    self.deliveries.sent(delivery, None, self._later())

    def do_prove(self) -> None:
        sent = self.deliveries.claim_sent(self.random.choice(DESTINATIONS), 3)
        if self.random.random() < 0.8:
            self.deliveries.confirmed(sent, ConfirmedBy.FIND)
        for delivery in sent[1:]:
            self.deliveries.ask_later(delivery, NOT_ANSWERING, self._later())

    def do_decide(self) -> None:
        states = list(ItemState)
        item, state = self.any_item(), self.random.choice(states)
        self.items.decide_item(item, state, code="", why="So it is.", who="Sari")

    def do_decide_delivery(self) -> None:
        number, state = self.any_item(), self.random.choice(list(DeliveryState))
        self.deliveries.decide_delivery(number, state, code="", why="So it is.", who="Sari")

    def do_release(self) -> None:
        self.items.released(self.any_item(), SITI, code="", why="It is SITI.", who="Sari")

    def do_discard(self) -> None:
        self.items.decide_item(
            self.any_item(), ItemState.IGNORED, code="", why="A test.", who="Sari"
        )

    def do_free(self) -> None:
        self.box.journal.custody.free_the_dead()

    def die(self) -> None:
        number = self.boxes.index(self.box)
        self.box.close()
        self.boxes[number] = self.boxes[number - 1].again("reborn")

    def sweep(self) -> None:
        self.box.journal.custody.sweep()

    def purge(self) -> None:
        self.box.journal.custody.purge(self.clock.utc() - timedelta(days=30), oldest=1)

    def _later(self) -> datetime:
        return self.clock.utc() + timedelta(minutes=self.random.randint(0, 90))

    def calm(self) -> None:
        """Everybody dies; one worker comes back and does what there is to do."""
        for box in self.boxes:
            box.close()
        self.box = Box(self.boxes[0].paths.root, "calm", self.clock)
        self.boxes = [self.box]
        self.items, self.deliveries = self.box.journal.items, self.box.journal.deliveries
        self.box.journal.custody.free_the_dead()
        self.clock.passes(days=2)
        while item := self.items.claim(ItemState.ARRIVED):
            self.items.converted(item, [self.box.body(item)], Evidence())
        while item := self.items.claim(ItemState.CONVERTED):
            self._merge(item)
        while self.box.journal.ledger.item_counts().get("identified"):
            self.do_route()
        for destination in DESTINATIONS:
            while taken := self.deliveries.claim_deliveries(destination, 9):
                for delivery in taken:
                    self.deliveries.sent(delivery, None, self.clock.utc())
            while sent := self.deliveries.claim_sent(destination, 9):
                self.deliveries.confirmed(sent, ConfirmedBy.FIND)

    def close(self) -> None:
        for box in self.boxes:
            box.close()


def untruths(box: Box, accepted: int) -> list[str]:
    """Everything that must never be so."""
    box.journal.custody.sweep()
    ledger = box.journal.ledger
    found = box.journal.custody.verify()
    if sum(ledger.item_counts().values()) != accepted:
        found.append(f"{accepted} were accepted: {ledger.item_counts()}")
    for number in range(1, accepted + 1):
        item = box.journal.items.get(number)
        deliveries = [row["state"] for row in ledger.deliveries_of(number)]
        if (item.state is ItemState.DONE) != (set(deliveries) == {"confirmed"}):
            found.append(f"item {number} is {item.state}, its deliveries {deliveries}")
        told = [r for r in ledger.history(number) if not r["delivery_id"]]
        if any(a["after"] != b["before"] for a, b in pairwise(told)):
            found.append(f"the history of item {number} has a gap")
        if told[-1]["after"] != item.state:
            found.append(f"the history of item {number} does not end where it stands")
    return found


def unfinished(box: Box, accepted: int) -> list[str]:
    """What is neither at an end nor waiting for a person."""
    ends = {ItemState.DONE, ItemState.IGNORED, ItemState.HELD, ItemState.QUARANTINED}
    found = []
    for item in map(box.journal.items.get, range(1, accepted + 1)):
        deliveries = {row["state"] for row in box.journal.ledger.deliveries_of(item.id)}
        if item.state not in ends and "held" not in deliveries:
            found.append(f"item {item.id} is {item.state}, its deliveries {deliveries}")
    return found


@pytest.mark.parametrize("seed", range(4))
def test_the_journal_stays_true_and_nothing_gets_stuck(tmp_path: Path, seed: int) -> None:
    chaos = Chaos(tmp_path, seed)
    for number in range(STEPS):
        chaos.step()
        if number % 50 == 49:
            assert untruths(chaos.boxes[0], len(chaos.keys)) == []
    chaos.calm()
    assert unfinished(chaos.box, len(chaos.keys)) == []
    assert untruths(chaos.box, len(chaos.keys)) == []
    chaos.close()
