"""Owns a worklist in pynetdicom: it answers with the data sets a test gives it, then a status.

It matches nothing: what is asked for is kept, so that a test can look at it.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pynetdicom import AE, evt
from pynetdicom.sop_class import ModalityWorklistInformationFind  # type: ignore[attr-defined]

from appliance.dicom.association import Target

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydicom import Dataset

AE_TITLE = "ODD"
SUCCESS, PENDING = 0x0000, 0xFF00


@dataclass
class Ris:
    """One that runs; a test may change what it answers between two questions."""

    port: int = 0
    orders: list[Dataset] = field(default_factory=list)
    pending: int = PENDING
    status: int = SUCCESS
    asked: list[Dataset] = field(default_factory=list)

    @property
    def target(self) -> Target:
        return Target("127.0.0.1", self.port, AE_TITLE, "JEMBATAN")

    def answer(self, event: evt.Event) -> Iterator[tuple[int, Dataset | None]]:
        self.asked.append(event.identifier)
        for order in self.orders:
            yield self.pending, order
        yield self.status, None


@contextmanager
def worklist_scp(*orders: Dataset) -> Iterator[Ris]:
    """Run one until the block ends."""
    ris = Ris(orders=list(orders))
    ae = AE(AE_TITLE)
    ae.add_supported_context(ModalityWorklistInformationFind)
    handlers: list[evt.EventHandlerType] = [(evt.EVT_C_FIND, ris.answer)]
    server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)
    assert server is not None
    assert server.socket is not None
    ris.port = server.socket.getsockname()[1]
    try:
        yield ris
    finally:
        server.shutdown()
