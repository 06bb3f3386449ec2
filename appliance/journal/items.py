"""Owns the verbs of the stages up to routing: claim an item, work, move it on.

A claim that was lost (the worker was thought dead) changes nothing and raises ClaimLost. These
moves can be worked out again after a power cut and are not waited for, except where said.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from appliance.clock import stamp
from appliance.errors import Held, NotThere, UidConflict
from appliance.journal import codec
from appliance.journal.session import item_of, said, state_for
from appliance.model import DeliveryState, ItemState, Priority, Slice

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from appliance.errors import Ignored, Problem
    from appliance.journal.session import Session
    from appliance.model import Body, Evidence, Identity, Instance, Item

ROUTED_BY = "routed-by"
"""The code of the remark that says which rule sent an item to a destination."""

_CLOCK_WENT_BACK = timedelta(days=1)
"""Nothing is ever put off for longer: a later time was written by a clock since corrected."""


class Ruling(NamedTuple):
    """What the rules said of one item at one destination."""

    why: str = ""  # a sentence
    priority: Priority = Priority.ROUTINE
    stays: Held | None = None  # it is composed, and goes only when a person says so


class Items:
    """The verbs of convert, identify, route and desk on items."""

    def __init__(self, session: Session) -> None:
        """Work through one session."""
        self._s = session
        self._last_sources: dict[ItemState, str] = {}  # that were served

    def claim(self, state: ItemState) -> Item | None:
        """Take up one item that stands at `state` and is due; None when there is none.

        Sources take turns: thousands of images of one do not delay a single film of another.
        """
        now = self._s.clock.utc()
        with self._s.db.write(durable=False):
            row = self._s.db.row(
                "claim_item",
                state=state,
                worker=self._s.who,
                after=self._last_sources.get(state, ""),
                now=stamp(now),
                horizon=stamp(now + _CLOCK_WENT_BACK),
            )
        if row is None:
            return None
        self._last_sources[state] = row["source"]
        return item_of(row)

    def get(self, item_id: int) -> Item:
        """One item. Raises NotThere."""
        row = self._s.db.row("item", item_id=item_id)
        if row is None:
            raise NotThere(what=f"item {item_id}")
        return item_of(row)

    def bodies(self, item: Item) -> tuple[Body, ...]:
        """The objects that convert found in an item."""
        rows = self._s.db.rows("bodies", item_id=item.id)
        return tuple(codec.load_body(row, self._s.spool) for row in rows)

    def converted(self, item: Item, bodies: Sequence[Body], evidence: Evidence) -> None:
        """arrived -> converted."""
        with self._s.db.write(durable=False):
            self._s.db.run(
                "write_evidence", item_id=item.id, evidence=codec.dump_evidence(evidence)
            )
            self._s.db.run("clear_bodies", item_id=item.id)
            for body in bodies:
                self._s.db.run("add_body", item_id=item.id, **codec.dump_body(body))
            for repair in evidence.repairs:
                self._s.remark(item.id, repair.sentence, repair.rule)
            for note in evidence.notes:
                self._s.remark(item.id, note)
            self._move(item, ItemState.CONVERTED)

    def twins(self, item: Item) -> list[Item]:
        """Other items with an object in common, oldest first, not counting ignored ones."""
        return [item_of(row) for row in self._s.db.rows("twins", item_id=item.id)]

    def contains(self, whole: Item, part: Item) -> bool:
        """Whether every object of `part` is one of `whole`."""
        return self._s.db.row("beyond", item_id=part.id, other_id=whole.id) is None

    def namesakes(self, item: Item, *, listed: bool) -> list[Item]:
        """Other images that came before under the name of an item, the latest first.

        Only those beside which one of its sidecars lay already, unless it is `listed` among
        others: a list grows, and may still say the same of an image.
        """
        key = {"item_id": item.id, "source": item.source, "name": item.name, "sha256": item.sha256}
        beside = codec.dump(sorted(item.sidecars.values()))
        rows = self._s.db.rows("namesakes", **key, sidecars=beside, listed=listed)
        return [item_of(row) for row in rows]

    def identified(self, item: Item, identity: Identity, notes: Iterable[str] = ()) -> None:
        """converted -> identified; `notes` say by what."""
        with self._s.db.write(durable=False):
            self._s.db.run(
                "write_identity", item_id=item.id, identity=codec.dump_identity(identity)
            )
            for note in notes:
                self._s.remark(item.id, note)
            self._move(item, ItemState.IDENTIFIED)

    def put_off(self, item: Item, why: Problem, until: datetime) -> None:
        """Stays where it is and is taken up again from `until` on."""
        told = {"code": why.code, "sentence": why.sentence}
        with self._s.db.write(durable=False):
            now, who = self._s.now(), self._s.who
            self._s.db.run("remark_anew", item_id=item.id, now=now, who=who, **told)
            changed = self._s.db.run(
                "put_off",
                item_id=item.id,
                worker=self._s.who,
                not_before=stamp(until),
                **said(why),
            )
        self._s.must_be_ours(changed)

    def next_due(self) -> str:
        """When (a stamp) the next converted item that was put off is due; "" for never."""
        row = self._s.db.row("next_converted")
        return (row and row["due"]) or ""

    def hurry(self, item_id: int) -> bool:
        """A converted item that was put off is due at once; whether it was."""
        with self._s.db.write(durable=False):
            return self._s.db.run("hurry_item", item_id=item_id) == 1

    def kin(
        self, item: Item, uids: Iterable[str], patient: Mapping[str, str]
    ) -> list[Mapping[str, str]]:
        """Note whom an image names now; everybody whom others of these studies or series name."""
        named: dict[str, Mapping[str, str]] = {}
        with self._s.db.write(durable=False):
            self._s.db.run("forget_kin", item_id=item.id)
            for uid in uids:
                self._s.db.run("add_kin", uid=uid, patient=codec.dump(patient), item_id=item.id)
                rows = self._s.db.rows("named_by_kin", uid=uid, item_id=item.id)
                named |= {row["patient"]: json.loads(row["patient"]) for row in rows}
        return list(named.values())

    def patients_gone_on(self, item: Item, uids: Iterable[str]) -> list[Mapping[str, str]]:
        """Whom others of these studies or series are of that went on, or will by themselves."""
        rows = [
            row
            for uid in uids
            for row in self._s.db.rows("patients_gone_on", uid=uid, item_id=item.id)
        ]
        return [json.loads(row["patient"]) for row in rows]

    def hold_kin(self, item: Item, uids: Iterable[str], why: Held) -> None:
        """Hold what of these studies or series nobody vouches for and has not been sent."""
        with self._s.db.write(durable=True):
            now, who = self._s.now(), self._s.who
            for uid in uids:
                told = {"uid": uid, "item_id": item.id, "now": now, "who": who, **said(why)}
                self._s.db.run("hold_kin", **told)
                for row in self._s.db.rows("doubt_held_kin", **told):
                    self._s.remark(row["id"], why.sentence, why.code)
                self._s.db.run("hold_kins_deliveries", **told)
                self._s.db.run("doubt_kins_deliveries", **told)

    def hold_twins(self, twins: Iterable[Item], why: Held, *, never_meets: bool = False) -> None:
        """Hold what nobody vouches for of these, and has not been sent; `why` is about them too.

        What has not had its turn yet meets the other one then, unless it `never_meets` it.
        """
        with self._s.db.write(durable=True):
            for twin in twins:
                told = {"twin_id": twin.id, **said(why)}
                moved = {**told, "now": self._s.now(), "who": self._s.who}
                self._s.db.run("hold_twin", **moved, never_meets=never_meets)
                if self._s.db.run("doubt_held_twin", **told):
                    self._s.remark(twin.id, why.sentence, why.code)
                self._s.db.run("hold_twins_deliveries", **moved)
                self._s.db.run("doubt_twins_deliveries", **told)

    def hold_copies(self, item: Item, why: Held) -> None:
        """The same for what else these very bytes became, where `item` is held unread."""
        copies = map(item_of, self._s.db.rows("copies", item_id=item.id))
        self.hold_twins(copies, why, never_meets=True)

    def merge(self, item: Item, first: Item, verdict: Ignored) -> None:
        """Set `item` aside in favour of `first`, which its source files now belong to.

        `first` must contain it: its files are given up once all of `first` is proved.
        """
        with self._s.db.write(durable=True):
            self._s.db.run("adopt_arrivals", from_item=item.id, to_item=first.id)
            self._s.remark(first.id, f"Came again as {item.name} from {item.source}.")
            self._move(item, ItemState.IGNORED, verdict)

    def supersede(self, old: Item, better: Item, verdict: Ignored) -> None:
        """Set a held twin aside for a better copy, which its source files now belong to.

        `better` must contain it.
        """
        with self._s.db.write(durable=True):
            self._s.db.run("adopt_arrivals", from_item=old.id, to_item=better.id)
            changed = self._s.db.run(
                "person_moves_item",
                item_id=old.id,
                state=ItemState.IGNORED,
                code=verdict.code,
                sentence=verdict.sentence,
                now=self._s.now(),
                who=self._s.who,
            )
            self._s.must_be_ours(changed)

    def stop(self, item: Item, problem: Problem) -> None:
        """Hold, quarantine or ignore an item, as the kind of problem says."""
        with self._s.db.write(durable=False):
            self._move(item, state_for(problem), problem)

    def tested_for(self, item: Item) -> frozenset[str]:
        """The destinations that were promoted from tests since the item came."""
        rows = self._s.db.rows("tested_for", item_id=item.id)
        return frozenset(row["destination"] for row in rows)

    def routed(
        self,
        item: Item,
        deliveries: Mapping[str, tuple[Instance, ...] | Held],
        rulings: Mapping[str, Ruling] | None = None,
    ) -> None:
        """identified -> routed, with a delivery for each destination, composed or held.

        Raises UidConflict (and changes nothing) where a SOP Instance UID belongs to another
        content.
        """
        bodies = {body.number: body.digest for body in self.bodies(item)}
        with self._s.db.write(durable=False):
            for destination, composed in deliveries.items():
                if not isinstance(composed, Held):
                    self._claim_uids(item, composed, bodies)
                ruling = (rulings or {}).get(destination, Ruling())
                self._add_delivery(item, destination, composed, ruling)
            self._s.db.run("end_testing", item_id=item.id)
            self._move(item, ItemState.ROUTED)
            self._s.finish(item.id)

    def _claim_uids(
        self, item: Item, instances: Iterable[Instance], bodies: Mapping[int, str]
    ) -> None:
        for instance in instances:
            uid, digest = instance.sop_instance_uid, bodies[instance.number]
            self._s.db.run("claim_uid", uid=uid, digest=digest, item_id=item.id, now=self._s.now())
            owner = self._s.db.row("uid_owner", uid=uid)
            if owner is not None and owner["digest"] != digest:
                raise UidConflict(uid=uid, before=owner["name"])

    def _add_delivery(
        self,
        item: Item,
        destination: str,
        composed: tuple[Instance, ...] | Held,
        ruling: Ruling,
    ) -> None:
        row = self._s.db.row(
            "add_delivery",
            item_id=item.id,
            destination=destination,
            priority=ruling.priority,
            now=self._s.now(),
            worker=self._s.who,
        )
        if row is None:
            return
        held = composed if isinstance(composed, Held) else ruling.stays
        if not isinstance(composed, Held):
            for instance in composed:
                columns = codec.dump_instance(self._as_known(item, destination, instance))
                self._s.db.run("add_instance", delivery_id=row["id"], **columns)
        self._s.db.run(
            "begin_delivery",
            delivery_id=row["id"],
            state=DeliveryState.HELD if held else DeliveryState.PREPARED,
            **said(held),
            now=self._s.now(),
            worker=self._s.who,
        )
        if ruling.why:
            self._s.remark_delivery(row["id"], ruling.why, ROUTED_BY)

    def _as_known(self, item: Item, destination: str, instance: Instance) -> Instance:
        """The object as this destination gets it from another item, where it has the same UID.

        A page that came in two files is one object, and has one header in one series. Of what was
        purged the header is left, and may stand before pixels that are no longer here.
        """
        row = self._s.db.row(
            "known_object", item_id=item.id, destination=destination, uid=instance.sop_instance_uid
        )
        if row is None:
            return instance
        known = replace(codec.load_instance(row, self._s.spool), number=instance.number)
        return instance if row["purged_at"] and _files(known) - _files(instance) else known

    def free_routeless(self) -> None:
        """held -> identified for all that had nowhere to go: the settings changed."""
        with self._s.db.write(durable=False):
            self._s.db.run("free_routeless", now=self._s.now(), who=self._s.who)

    def decide_item(
        self, item_id: int, state: ItemState, *, code: str, why: str, who: str
    ) -> None:
        """What a person, or a change of settings, decided about an item. Raises ClaimLost."""
        self._s.decide(
            "person_moves_item", state, code=code, sentence=why, who=who, item_id=item_id
        )

    def released(
        self,
        item_id: int,
        identity: Identity,
        *,
        code: str,
        why: str,
        who: str,
        kin: Mapping[str, Mapping[str, str]] | None = None,
    ) -> None:
        """held or converted -> identified: a person says whose the image is; durable.

        `kin`: its studies and series, by UID, and whom it names in them from now on. Raises
        ClaimLost.
        """
        with self._s.db.write(durable=True):
            self._s.db.run("forget_kin", item_id=item_id)
            for uid, patient in (kin or {}).items():
                self._s.db.run("add_kin", uid=uid, patient=codec.dump(patient), item_id=item_id)
            self._s.db.run(
                "write_identity", item_id=item_id, identity=codec.dump_identity(identity)
            )
            changed = self._s.db.run(
                "person_moves_item",
                item_id=item_id,
                state=ItemState.IDENTIFIED,
                code=code,
                sentence=why,
                now=self._s.now(),
                who=who,
            )
            self._s.must_be_ours(changed)

    def _move(self, item: Item, state: ItemState, problem: Problem | None = None) -> None:
        changed = self._s.db.run(
            "move_item",
            item_id=item.id,
            state=state,
            **said(problem),
            now=self._s.now(),
            worker=self._s.who,
        )
        self._s.must_be_ours(changed)


def _files(instance: Instance) -> set[Path]:
    return {piece.path for piece in instance.pieces if isinstance(piece, Slice)}
