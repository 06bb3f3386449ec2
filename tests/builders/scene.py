"""Owns making images that are ready to go to one destination, and a lane that sends them."""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from appliance.forward.lane import Lane
from appliance.model import Body, BodyKind, Evidence, Identity, ItemState, Slice
from appliance.route.case import Case
from appliance.route.compose import compose
from appliance.settings.schema import Destination
from tests.builders import pictures
from tests.builders.box import Box

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from appliance.dicom.association import Target
    from appliance.journal.journal import Journal
    from appliance.model import Piece

EXPLICIT = "1.2.840.10008.1.2.1"
CR_IMAGE = "1.2.840.10008.5.1.4.1.1.1"


class Scene:
    """A box with images that are ready to go, and one lane."""

    def __init__(self, root: Path) -> None:
        self.box = Box(root / "box")
        self.told = 0
        self.pages: dict[int, list[bytes]] = {}  # of each item: the data sets that must arrive
        self.contents: dict[int, bytes] = {}  # the first of them

    def image(self, patient: str = "P1", pages: int = 1) -> int:
        """One more item of composed CR images for the destination `pacs`; its number."""
        values = pictures.grey(16)
        values[0, 0] = hash((patient, self.told)) % 60000
        self.told += 1
        item = self.box.accept(f"{patient}-{self.told}.tif", pictures.tiff(values))
        claimed = self.box.claim(ItemState.ARRIVED)
        bodies = [self.body(item.sha256, values.nbytes, page) for page in range(1, pages + 1)]
        self.box.journal.items.converted(claimed, bodies, Evidence())
        said = {"PatientID": patient, "PatientName": patient, "StudyDate": "20260102"}
        identity = Identity({**said, "AccessionNumber": f"A-{patient}"}, "trust")
        claimed = self.box.claim(ItemState.CONVERTED)
        self.box.journal.items.identified(claimed, identity)
        claimed = self.box.claim(ItemState.IDENTIFIED)
        case = Case(Evidence(), identity, None, "cr", self.box.clock.utc())
        instances = tuple(compose(body, case, Destination("pacs", "", 0, "")) for body in bodies)
        self.box.journal.items.routed(claimed, {"pacs": instances})
        self.pages[item.id] = [b"".join(map(_content, i.pieces)) for i in instances]
        self.contents[item.id] = self.pages[item.id][0]
        return item.id

    def body(self, sha256: str, length: int, page: int) -> Body:
        shape = {"Rows": pictures.ROWS, "Columns": pictures.COLUMNS, "SamplesPerPixel": 1}
        bits = {"BitsAllocated": 16, "BitsStored": 16, "HighBit": 15, "PixelRepresentation": 0}
        path = self.box.journal.spool.path(sha256)
        attributes = {"SOPClassUID": CR_IMAGE, **shape, **bits}
        attributes["PhotometricInterpretation"] = "MONOCHROME2"
        piece = Slice(path, path.stat().st_size - length, length)
        digest = hashlib.sha256(f"{sha256} {page}".encode()).hexdigest()
        return Body(page, BodyKind.PIXELS, EXPLICIT, digest, (piece,), attributes)

    @contextmanager
    def lane(
        self, target: Target, journal: Journal | None = None, /, **settings: Any
    ) -> Iterator[Lane]:
        destination = Destination(
            "pacs", target.host, target.port, target.called, **{"answer_s": 1.0, **settings}
        )
        journal = journal or self.box.journal
        lane = Lane(destination, target, journal, self.box.clock, lambda *_: None)
        try:
            yield lane
        finally:
            lane.close()

    def state(self, item_id: int) -> tuple[str, str]:
        """Of the item's one delivery: state and code."""
        (row,) = self.box.journal.ledger.deliveries_of(item_id)
        return row["state"], row["code"]

    def place(self) -> tuple[str, str, str]:
        (row,) = [r for r in self.box.journal.ledger.places() if r["kind"] == "destination"]
        return row["state"], row["code"], row["sentence"]

    def turn(self, lane: Lane, times: int = 1) -> None:
        for _ in range(times):
            lane.turn()


def _content(piece: Piece) -> bytes:
    if isinstance(piece, bytes):
        return piece
    return piece.path.read_bytes()[piece.offset :][: piece.length]
