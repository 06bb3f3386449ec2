"""Owns a box, a worklist that is played, and the stage between them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from appliance.errors import PortClosed
from appliance.identify.stage import Identify
from appliance.model import Evidence, ItemState
from appliance.settings.load import parse
from tests.builders.identities import evidence, order, says
from tests.builders.scenarios import FILM, OF_SITI
from tests.fakes.worklists import FakeWorklists

if TYPE_CHECKING:
    from appliance.model import Item
    from tests.builders.box import Box

SETTINGS = parse("""
[box]
timezone = "Asia/Jakarta"

[[source]]
name = "cr"
kind = "folder"
path = "/srv/cr"
profile = "cr"

[[source]]
name = "trusted"
kind = "folder"
path = "/srv/trusted"
profile = "trusted"

[[source]]
name = "unserved"
kind = "folder"
path = "/srv/unserved"
profile = "cr"

[[profile]]
name = "cr"
modality = "CR"
identity = "worklist"

[[profile]]
name = "trusted"
identity = "trust"

[[worklist]]
name = "ris"
host = "10.0.0.1"
port = 104
ae_title = "RIS"
sources = ["cr"]
wait_h = 2
""")

MORNING = datetime(2024, 3, 14, 3, 30, tzinfo=UTC)  # half past ten in Jakarta
DOWN = PortClosed(host="10.0.0.1", port=104)
SITIS_FILM = evidence(says(**OF_SITI))


class Room:
    """A box, a worklist, and the stage between them."""

    def __init__(self, box: Box) -> None:
        box.clock.is_set(MORNING)
        self.box = box
        self.ris = FakeWorklists(box, order())
        self.stage = Identify(box.journal, self.ris, box.clock)

    def comes(
        self,
        said: Evidence = SITIS_FILM,
        *,
        name: str = "film.dcm",
        source: str = "cr",
        study: str = "",
        pixels: str = "",
    ) -> Item:
        """An export that was read; `pixels`: the same picture comes in any file of that word."""
        item = self.box.accept(name, source=source, evidence_digest=name)
        claimed = self.box.claim(ItemState.ARRIVED)
        body = self.box.body(claimed)
        if study:
            body = replace(body, attributes={"StudyInstanceUID": study})
        body = replace(body, digest=pixels or body.digest)
        self.box.journal.items.converted(claimed, [body], said)
        return item

    def goes(self) -> None:
        while self.stage.turn(SETTINGS):
            pass

    def stands(self, item: Item) -> tuple[str, str]:
        row = self.box.journal.ledger.item_row(item.id)
        return row["state"], row["code"]

    def told(self, item: Item) -> list[str]:
        return [row["sentence"] for row in self.box.journal.ledger.history(item.id)]


def of(person: dict[str, str]) -> Evidence:
    return evidence(says(**{**FILM, **person}))
