"""Owns a scripted PACS that commits itself to images, or does not, as a test wants it.

Its data sets are written and read by pydicom; what it says on the wire is `scripted`'s.
"""

from __future__ import annotations

import io
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset
from pydicom.filewriter import write_dataset
from pynetdicom import AE, build_role
from pynetdicom.presentation import build_context

from tests.peers.scripted import Gone, command_set, fragment

if TYPE_CHECKING:
    from collections.abc import Callable

    from pynetdicom.association import Association

    from tests.peers.scripted import Call, Request

COMMITMENT, INSTANCE = "1.2.840.10008.1.20.1", "1.2.840.10008.1.20.1.1"
FIND = "1.2.840.10008.5.1.4.1.2.2.1"
C_STORE, C_FIND, N_EVENT_REPORT, N_ACTION = 0x0001, 0x0020, 0x0100, 0x0130


class Asked(NamedTuple):
    """One request for commitment."""

    transaction: str
    refs: tuple[tuple[str, str], ...]  # SOP class and instance

    @property
    def uids(self) -> list[str]:
        return [uid for _, uid in self.refs]


@dataclass
class Committing:
    """What it does is set by the test, also while it runs."""

    reports: str = "after"  # its answer, "before" it, or "never"; over the same association
    commits: bool = True  # whether it takes the presentation context
    finds: bool = False  # likewise
    store_status: int = 0x0000
    find_status: int = 0x0000
    hangs_up_at: int = 0  # which question; 0: at none
    action_statuses: list[int] = field(default_factory=list)  # of the first; then 0000
    reason: Callable[[str], int] = lambda _uid: 0
    shows: Callable[[Dataset], bool] = lambda _keys: False
    stored: list[bytes] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    answered: list[int] = field(default_factory=list)  # how its reports were answered

    def __call__(self, call: Call) -> None:
        """The script of each of its connections."""
        call.accept(result=lambda sop_class, _: 0 if self._takes(sop_class) else 3)
        with suppress(Gone):
            while (request := call.request()) is not None:
                self._heed(call, request)

    def _takes(self, sop_class: str) -> bool:
        return {COMMITMENT: self.commits, FIND: self.finds}.get(sop_class, True)

    def _heed(self, call: Call, request: Request) -> None:
        if request.field == C_STORE:
            self.stored.append(request.data)
            call.respond(request, self.store_status, "")
        elif request.field == C_FIND:
            self._found(call, request)
        elif request.field == N_ACTION:
            self._action(call, request)
        elif request.field == N_EVENT_REPORT | 0x8000:
            self.answered.append(int.from_bytes(request.command[0x0900], "little"))

    def _found(self, call: Call, request: Request) -> None:
        keys = read(request.data)
        if self.shows(keys):
            call.respond(request, 0xFF00, data=written(keys))
        call.respond(request, self.find_status)

    def _action(self, call: Call, request: Request) -> None:
        asked = asked_in(request.data)
        self.asked.append(asked)
        if len(self.asked) == self.hangs_up_at:
            call.reset()
            raise Gone
        status = self.action_statuses.pop(0) if self.action_statuses else 0x0000
        if self.reports == "before":
            self.report(call, request.context_id, asked)
        answer = {
            0x0002: request.command[0x0003],
            0x0100: b"\x30\x81",
            0x0120: request.command[0x0110],
            0x0800: b"\1\1",
            0x0900: status.to_bytes(2, "little"),
        }
        call.line.sendall(fragment(request.context_id, 3, command_set(answer)))
        if self.reports == "after" and not status:
            self.report(call, request.context_id, asked)

    def report(self, call: Call, context_id: int, asked: Asked) -> None:
        """Over the association of a question."""
        event_type, data = self.result(asked)
        command = {
            0x0002: COMMITMENT.encode(),
            0x0100: N_EVENT_REPORT.to_bytes(2, "little"),
            0x0110: b"\7\0",
            0x0800: b"\1\0",
            0x1000: INSTANCE.encode(),
            0x1002: event_type.to_bytes(2, "little"),
        }
        command = {tag: value + b"\0" * (len(value) % 2) for tag, value in command.items()}
        call.line.sendall(fragment(context_id, 3, command_set(command)))
        call.line.sendall(fragment(context_id, 2, written(data)))

    def result(self, asked: Asked) -> tuple[int, Dataset]:
        """Event type and data set of a report."""
        data = Dataset()
        data.TransactionUID = asked.transaction
        failed = [item(*ref, self.reason(ref[1])) for ref in asked.refs if self.reason(ref[1])]
        safe = [item(*ref) for ref in asked.refs if not self.reason(ref[1])]
        if failed:
            data.FailedSOPSequence = failed
        if safe:
            data.ReferencedSOPSequence = safe
        return (2 if failed else 1), data

    def calls(self, port: int, asked: Asked, *, times: int = 1, calling: str = "SCRIPTED",
              called: str = "JEMBATAN") -> list[int]:  # fmt: skip
        """Report by a new association to a listener; what each report was answered with."""
        ae = AE(calling)
        roles = [build_role(COMMITMENT, scu_role=False, scp_role=True)]
        assoc = ae.associate(
            "127.0.0.1", port, [build_context(COMMITMENT)], called, ext_neg=list(roles)
        )
        if not assoc.is_established:
            return []
        assert assoc.accepted_contexts[0].as_scp
        _keep_answers(assoc)
        event_type, data = self.result(asked)
        said = [
            assoc.send_n_event_report(data, event_type, COMMITMENT, INSTANCE)[0].Status
            for _ in range(times)
        ]
        assoc.release()
        return said


def _keep_answers(assoc: Association) -> None:
    """Have pynetdicom's reactor leave the answers to whoever asked: now and then it takes one."""
    get, checkpoint = assoc.dimse.get_msg, assoc._reactor_checkpoint  # noqa: SLF001
    nothing = (None, None)

    def leaving(block: bool = False) -> Any:
        return get(block) if block or checkpoint.is_set() else nothing

    assoc.dimse.get_msg = leaving  # type: ignore[method-assign]  # no other way in


def item(sop_class: str, uid: str, reason: int = 0) -> Dataset:
    """One reference."""
    made = Dataset()
    made.ReferencedSOPClassUID, made.ReferencedSOPInstanceUID = sop_class, uid
    if reason:
        made.FailureReason = reason
    return made


def asked_in(document: bytes) -> Asked:
    """The data set of an N-ACTION."""
    data = read(document)
    refs = (
        (each.ReferencedSOPClassUID, each.ReferencedSOPInstanceUID)
        for each in data.ReferencedSOPSequence
    )
    return Asked(data.TransactionUID, tuple(refs))


def read(document: bytes) -> Dataset:
    """Implicit VR Little Endian."""
    return read_dataset(io.BytesIO(document), is_implicit_VR=True, is_little_endian=True)


def written(data: Dataset) -> bytes:
    """The same."""
    buffer = DicomBytesIO()
    buffer.is_implicit_VR, buffer.is_little_endian = True, True
    write_dataset(buffer, data)
    return buffer.getvalue()
