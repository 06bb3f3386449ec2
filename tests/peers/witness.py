"""Owns a peer in pynetdicom that takes everything and keeps what was proposed to it."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pynetdicom import AE, evt

from appliance.dicom.association import Target

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pydicom import Dataset

AE_TITLE = "WITNESS"
SUCCESS, PENDING = 0x0000, 0xFF00


@dataclass(frozen=True)
class Proposal:
    """One A-ASSOCIATE-RQ, as pynetdicom reads it."""

    contexts: tuple[tuple[str, tuple[str, ...]], ...]
    roles: dict[str, tuple[bool, bool]]  # SCU, SCP
    implementation: tuple[str, str]  # class UID and version name
    max_length: int
    others: int  # items of negotiation besides these

    def pairs(self) -> Iterator[tuple[str, str]]:
        return ((kind, syntax) for kind, syntaxes in self.contexts for syntax in syntaxes)


@dataclass
class Witness:
    """One that runs."""

    port: int = 0
    proposals: list[Proposal] = field(default_factory=list)

    @property
    def target(self) -> Target:
        return Target("127.0.0.1", self.port, AE_TITLE, "JEMBATAN")

    def requested(self, event: evt.Event) -> None:
        said = event.assoc.requestor
        roles = {
            str(uid): (bool(item.scu_role), bool(item.scp_role))
            for uid, item in said.role_selection.items()
        }
        more = (said.sop_class_extended, said.sop_class_common_extended)
        rest = [said.user_identity, *filter(None, more)]
        self.proposals.append(
            Proposal(
                tuple(
                    (str(each.abstract_syntax), tuple(map(str, each.transfer_syntax)))
                    for each in said.requested_contexts
                ),
                roles,
                (str(said.implementation_class_uid), str(said.implementation_version_name)),
                said.maximum_length or 0,
                sum(each is not None for each in rest) + (said.asynchronous_operations != (1, 1)),
            )
        )

    def found(self, event: evt.Event) -> Iterator[tuple[int, Dataset | None]]:
        if "SOPInstanceUID" in event.identifier:
            yield PENDING, event.identifier
        yield SUCCESS, None


@contextmanager
def witness(kinds: Iterable[str], syntaxes: Iterable[str]) -> Iterator[Witness]:
    """Run one that takes these SOP classes until the block ends."""
    kept = Witness()
    ae = AE(AE_TITLE)
    for kind in kinds:
        ae.add_supported_context(kind, list(syntaxes), scu_role=True, scp_role=True)
    handlers: list[evt.EventHandlerType] = [
        (evt.EVT_REQUESTED, kept.requested),
        (evt.EVT_C_ECHO, lambda _: SUCCESS),
        (evt.EVT_C_STORE, lambda _: SUCCESS),
        (evt.EVT_C_FIND, kept.found),
        (evt.EVT_N_ACTION, lambda _: (SUCCESS, None)),
        (evt.EVT_N_EVENT_REPORT, lambda _: (SUCCESS, None)),
    ]
    server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)
    assert server is not None
    assert server.socket is not None
    kept.port = server.socket.getsockname()[1]
    try:
        yield kept
    finally:
        server.shutdown()
