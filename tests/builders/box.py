"""Owns making a box with something in it: a journal whose items stand where a test wants them."""

from __future__ import annotations

import hashlib
import io
from itertools import count
from typing import TYPE_CHECKING

from appliance.convert import formats
from appliance.errors import Duplicate, NobodyAnswers, NoIdentity, UnsupportedFormat
from appliance.journal.journal import Journal
from appliance.journal.session import Paths
from appliance.journal.worker import Worker
from appliance.model import (
    Arrival,
    Body,
    BodyKind,
    Claim,
    ConfirmedBy,
    Delivery,
    DeliveryState,
    Evidence,
    Identity,
    Instance,
    Item,
    ItemState,
    Origin,
    Slice,
)
from tests.fakes.clock import FakeClock

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from appliance.errors import Ignored, Quarantined
    from appliance.settings.schema import Settings

EXPLICIT = "1.2.840.10008.1.2.1"
CR_IMAGE = "1.2.840.10008.5.1.4.1.1.1"
SITI = Identity({"PatientID": "4711", "PatientName": "SITI"}, "trust")
NAMED = Evidence((Claim(Origin.FILENAME, "PatientID", "4711"),))
NOT_ANSWERING = NobodyAnswers(path="the PACS", why="connection refused")


class Box:
    """A journal below `root`, and the steps that lead an item along the road."""

    def __init__(self, root: Path, service: str = "test", clock: FakeClock | None = None) -> None:
        self.clock = clock or FakeClock()
        self.paths = Paths(root, root / "run")
        self.worker = Worker(self.paths.run, service)
        self.journal = Journal(self.paths, self.worker, self.clock)
        self._number = count(1)

    def close(self) -> None:
        self.journal.close()
        self.worker.retire()

    def again(self, service: str) -> Box:
        """Another process's view of the same box (in this one)."""
        return Box(self.paths.root, service, self.clock)

    # --- one step each ------------------------------------------------------------------------

    def accept(
        self,
        name: str = "",
        content: bytes = b"",
        *,
        source: str = "cr",
        evidence_digest: str = "",
        sidecars: Mapping[str, bytes] | None = None,
        verdict: Quarantined | Ignored | None = None,
    ) -> Item:
        """Accept a file; without arguments one that was never seen before."""
        number = next(self._number)
        name = name or f"film{number}.tif"
        spool = self.journal.spool
        path = self.paths.root / "export" / name
        with spool.custody():
            stored = spool.keep(io.BytesIO(content or name.encode()))
            kept = {n: spool.keep(io.BytesIO(c)).sha256 for n, c in (sidecars or {}).items()}
            accepted = self.journal.arrivals.add(
                Arrival(source, name, path, fingerprint=f"file {number}"),
                stored,
                evidence_digest=evidence_digest,
                sidecars=kept,
                modified_at=self.clock.utc(),
                verdict=verdict,
            )
        return self.journal.items.get(accepted.item_id)

    def claim(self, state: ItemState) -> Item:
        item = self.journal.items.claim(state)
        assert item is not None
        return item

    def body(self, item: Item, number: int = 1) -> Body:
        """The whole file as one stretch of pixels."""
        whole = Slice(self.journal.spool.path(item.sha256), 0, item.size_bytes)
        digest = hashlib.sha256(f"{item.sha256} {number}".encode()).hexdigest()
        return Body(number, BodyKind.PIXELS, EXPLICIT, digest, (whole,), {"Rows": 2})

    def convert(self, evidence: Evidence = NAMED) -> Item:
        item = self.claim(ItemState.ARRIVED)
        self.journal.items.converted(item, [self.body(item)], evidence)
        return self.journal.items.get(item.id)

    def read(self, settings: Settings) -> None:
        """Have every file that arrived be read for what it is, in this process."""
        spool = self.journal.spool
        while item := self.journal.items.claim(ItemState.ARRIVED):
            bodies, evidence = formats.read(
                spool.path(item.sha256),
                item.name,
                settings.profile_of(item.source),
                sidecars={name: spool.path(sha256) for name, sha256 in item.sidecars.items()},
                modified_at=None,
                arrived_at=None,
                make_body=lambda produce: spool.make(produce).path,
            )
            self.journal.items.converted(item, bodies, evidence)

    def identify(self, identity: Identity = SITI) -> Item:
        item = self.claim(ItemState.CONVERTED)
        self.journal.items.identified(item, identity)
        return self.journal.items.get(item.id)

    def compose(self, item: Item, uid: str = "") -> Instance:
        body = self.body(item)
        return Instance(
            number=1,
            sop_class_uid=CR_IMAGE,
            sop_instance_uid=uid or f"1.2.3.{item.id}",
            study_instance_uid="1.2.4",
            series_instance_uid="1.2.5",
            transfer_syntax_uid=EXPLICIT,
            digest=body.digest,
            pieces=(b"header", *body.slices),
        )

    def route(self, *destinations: str, uid: str = "") -> Item:
        item = self.claim(ItemState.IDENTIFIED)
        instances = (self.compose(item, uid),)
        self.journal.items.routed(item, dict.fromkeys(destinations or ("pacs",), instances))
        return self.journal.items.get(item.id)

    def take_up(self, destination: str = "pacs") -> Delivery:
        return self.journal.deliveries.claim_deliveries(destination, 1)[0]

    def send(self, destination: str = "pacs") -> Delivery:
        delivery = self.take_up(destination)
        self.journal.deliveries.sent(delivery, None, self.clock.utc())
        return delivery

    def confirm(self, destination: str = "pacs", by: ConfirmedBy = ConfirmedBy.FIND) -> Delivery:
        delivery = self.journal.deliveries.claim_sent(destination, 1)[0]
        self.journal.deliveries.confirmed([delivery], by)
        return delivery

    # --- the whole way ------------------------------------------------------------------------

    def item(self, state: ItemState = ItemState.ARRIVED, name: str = "") -> Item:
        """A new item that stands at `state`; those that are on their way must be made last."""
        verdict = UnsupportedFormat(name=name or "it", detail="it is a letter")
        item = self.accept(name, verdict=verdict if state is ItemState.QUARANTINED else None)
        if state is ItemState.HELD:
            self.journal.items.stop(self.claim(ItemState.ARRIVED), NoIdentity(where=item.name))
        if state is ItemState.IGNORED:
            again = Duplicate(name=item.name, first="another")
            self.journal.items.stop(self.claim(ItemState.ARRIVED), again)
        steps = {
            ItemState.CONVERTED: (self.convert,),
            ItemState.IDENTIFIED: (self.convert, self.identify),
            ItemState.ROUTED: (self.convert, self.identify, self.route),
            ItemState.DONE: (self.convert, self.identify, self.route, self.send, self.confirm),
        }
        for step in steps.get(state, ()):
            step()
        item = self.journal.items.get(item.id)
        assert item.state is state
        return item

    def one_of_each(self) -> dict[ItemState, Item]:
        """An item at every state; the one that is routed is due at `pacs`."""
        order = (
            ItemState.DONE,
            ItemState.ROUTED,
            ItemState.IDENTIFIED,
            ItemState.CONVERTED,
            ItemState.HELD,
            ItemState.IGNORED,
            ItemState.QUARANTINED,
            ItemState.ARRIVED,
        )
        return {state: self.item(state, f"{state}.tif") for state in order}

    def delivery(
        self, state: DeliveryState = DeliveryState.PREPARED, name: str = ""
    ) -> tuple[Item, int]:
        """A new item and the number of its one delivery, which stands at `state`."""
        item = self.item(ItemState.ROUTED, name)
        deliveries = self.journal.deliveries
        match state:
            case DeliveryState.PREPARED:
                pass
            case DeliveryState.ACTIVE:
                self.take_up()
            case DeliveryState.DEFERRED:
                later = self.clock.utc()
                deliveries.defer(self.take_up(), NOT_ANSWERING, later, forgive=True)
            case DeliveryState.HELD:
                deliveries.hold_delivery(self.take_up(), NOT_ANSWERING)
            case DeliveryState.SENT:
                self.send()
            case DeliveryState.CONFIRMED:
                self.send()
                self.confirm()
            case DeliveryState.WAITING:
                msg = "a delivery waits only within the transaction that makes it"
                raise ValueError(msg)
        return item, self.journal.ledger.deliveries_of(item.id)[0]["id"]
