"""Owns associations: agreeing with a peer on what may be sent, and the link that results."""

from __future__ import annotations

import math
import socket
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Self

from appliance import errors
from appliance.dicom import dimse, pdu
from appliance.dicom.names import name_of
from appliance.dicom.pdu import Context, Kind
from appliance.dicom.sender import Answer, Lane
from appliance.dicom.wire import Loss, Lost, Wire
from appliance.elements import IMPLICIT_LE
from appliance.peek import Garbled

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from types import TracebackType

    from appliance.dicom.guarded import Guarded
    from appliance.dicom.pace import Pace
    from appliance.model import Instance
    from appliance.settings.schema import Tls

_MAX_MESSAGE_ID = 0xFFFF
_ACCEPTED = 0


@dataclass(frozen=True, slots=True)
class Target:
    """A peer and the names used between it and us."""

    host: str
    port: int
    called: str
    calling: str
    tls: Tls | None = None

    def __str__(self) -> str:
        """How sentences name it."""
        return f"{self.called} at {self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Patience:
    """How long the peer may take."""

    connection_s: float = 10.0
    acse_s: float = 30.0  # to agree upon an association
    release_s: float = 5.0  # to agree that it is over
    dimse_s: float = 120.0  # to answer a request
    stall_s: float = 60.0  # without taking a byte of what is being sent
    whole_s: float = math.inf  # for all of it, from the moment it took the call


_PATIENT = Patience()


@dataclass(frozen=True, slots=True)
class _Agreement:
    """What the peer said to each context that was offered."""

    results: Mapping[Context, int | None]  # PS3.8 9.3.3.2; None: it said nothing
    context_ids: Mapping[Context, int]  # of the accepted ones
    fragment_bytes: int


class Link:
    """An open association, used by one thread at a time; it sends what the peer agreed to.

    An answer without a status, like any exception in the midst of an object, leaves it closed
    (`alive()` says so): what was under way is sent again, the same bytes, over another link.
    """

    def __init__(
        self, wire: Wire, target: Target, agreement: _Agreement, patience: Patience
    ) -> None:
        """Use `Link.open`."""
        self.target = target
        self._wire = wire
        self._agreement = agreement
        self._patience = patience
        self._message_id = 0
        self._unasked: deque[tuple[bytes, bytes]] = deque()

    @classmethod
    def open(
        cls,
        target: Target,
        contexts: Iterable[tuple[str, str]],
        patience: Patience = _PATIENT,
        served: Sequence[str] = (),
        pace: Pace | None = None,
    ) -> Link:
        """Offer the (SOP class UID, transfer syntax UID) pairs. Raises AssociationFailed.

        Implicit VR Little Endian is offered for every SOP class too (PS3.5 10.1). What does not
        fit on one association is left out: `offered` tells. Of the SOP classes `served` we are
        the provider, though it is us who call. `pace`: how fast bytes may go there.
        """
        offers = _offers(contexts)
        sock = _called(target, patience.connection_s)
        wire = Wire(sock, patience.stall_s, patience.whole_s, pace)
        try:
            request = pdu.associate_rq(target.called, target.calling, offers, served)
            agreement = _agreed(wire, target, offers, request, patience.acse_s)
        except errors.AssociationAborted as aborted:
            reason = _reason(sock, target)
            wire.close()
            raise reason or aborted from aborted
        except BaseException:
            wire.close()
            raise
        return cls(wire, target, agreement, patience)

    def offered(self, sop_class_uid: str, transfer_syntax_uid: str) -> bool:
        """Whether this was among the contexts; at most 128 fit on one association."""
        return Context(sop_class_uid, transfer_syntax_uid) in self._agreement.results

    def accepts(self, sop_class_uid: str, transfer_syntax_uid: str) -> bool:
        """Whether the peer takes that SOP class in that transfer syntax."""
        return Context(sop_class_uid, transfer_syntax_uid) in self._agreement.context_ids

    def rejected(self, sop_class_uid: str, transfer_syntax_uid: str) -> errors.ContextRefused:
        """Why the peer does not take it."""
        result = self._agreement.results.get(Context(sop_class_uid, transfer_syntax_uid))
        problem, why = _REFUSALS.get(result, (errors.ContextRefused, "it did not say why"))
        return problem(
            peer=self.target,
            sop_class=name_of(sop_class_uid),
            syntax=name_of(transfer_syntax_uid),
            why=why,
        )

    def store(
        self, instance: Instance, priority: dimse.Priority = dimse.Priority.MEDIUM
    ) -> Answer:
        """C-STORE an instance.

        Raises ContextRefused where the peer does not take it, Incomplete where a file is shorter
        than its slice; OSErrors of its files fly.
        """
        context = Context(instance.sop_class_uid, instance.transfer_syntax_uid)
        request = dimse.Request(
            dimse.Command.C_STORE,
            instance.sop_class_uid,
            self._next_id(),
            instance.sop_instance_uid,
            priority,
        )
        return self._heeded(self._lane(context).store(request, instance.pieces))

    def ask(
        self,
        command: dimse.Command,
        sop_class_uid: str,
        data: bytes = b"",
        sop_instance_uid: str = "",
        event_type: int | None = None,
        action_type: int | None = None,
    ) -> Iterator[Answer]:
        """Send a small request, its data set in Implicit VR LE; all answers to it.

        The last one is final. Raises ContextRefused.
        """
        is_query = bool(data) and event_type is None and action_type is None
        request = dimse.Request(
            command,
            sop_class_uid,
            self._next_id(),
            sop_instance_uid,
            dimse.Priority.MEDIUM if is_query else None,
            event_type,
            action_type,
        )
        lane = self._lane(Context(sop_class_uid, IMPLICIT_LE))
        for answer in lane.ask(request, data):
            yield self._heeded(answer)

    def cancel(self, sop_class_uid: str) -> None:
        """Have the answers to the last question end early; `ask` still yields up to the last."""
        self._lane(Context(sop_class_uid, IMPLICIT_LE)).cancel(self._message_id)

    def hear(self, sop_class_uid: str) -> tuple[dimse.Heard, bytes] | None:
        """A request that the peer makes of us over its context, and its data set.

        None where it made none, or is gone: `is_open` tells. Nothing is waited for but the rest
        of what has begun to come. Raises ContextRefused.
        """
        lane = self._lane(Context(sop_class_uid, IMPLICIT_LE))
        try:
            return lane.hear() if self.is_open else None
        except Lost as lost:
            self._leave(lost.loss)
            return None

    def reply(self, sop_class_uid: str, heard: dimse.Heard, status: int) -> None:
        """Answer such a request, if the peer is still there."""
        try:
            self._lane(Context(sop_class_uid, IMPLICIT_LE)).reply(heard, status)
        except Lost as lost:
            self._leave(lost.loss)

    @property
    def is_open(self) -> bool:
        """Whether the association was there when something was last said over it."""
        return self._wire.is_open

    def has_news(self) -> bool:
        """Whether `hear` may find something; or the peer hung up."""
        return bool(self._unasked) or (self.is_open and self._wire.has_news())

    def fileno(self) -> int:
        """For select(): readable when the peer says something."""
        return self._wire.fileno()

    def alive(self) -> bool:
        """Whether more can be sent; notices a peer that went away while nothing was asked."""
        if self._wire.is_open and self._wire.has_news():
            try:
                self._wire.fragment(timeout_s=0)  # nothing was asked, so no answer is due
                self._leave(Loss.GARBLED)
            except Lost as lost:
                self._leave(lost.loss)
        return self._wire.is_open

    def release(self) -> None:
        """End the association as the standard wants it; never fails."""
        if not self._wire.is_open:
            return
        with suppress(Lost):
            self._wire.push(pdu.RELEASE_RQ)
            # Both sides may ask at the same time (PS3.8 9.2.3, Sta9).
            while self._wire.read(self._patience.release_s).kind is Kind.RELEASE_RQ:
                self._wire.push(pdu.RELEASE_RP)
        self._wire.close()

    def abort(self) -> None:
        """End the association at once."""
        self._wire.farewell(pdu.ABORT)

    def __enter__(self) -> Self:
        """The link itself, released (after an exception: aborted) on the way out."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Release or abort."""
        if kind is None:
            self.release()
        else:
            self.abort()

    def _lane(self, context: Context) -> Lane:
        if not self.accepts(*context):
            raise self.rejected(*context)
        number = self._agreement.context_ids[context]
        return Lane(
            self._wire,
            number,
            self._agreement.fragment_bytes,
            self._patience.dimse_s,
            self._unasked,
        )

    def _next_id(self) -> int:
        self._message_id = self._message_id % _MAX_MESSAGE_ID + 1
        return self._message_id

    def _heeded(self, answer: Answer) -> Answer:
        if answer.loss is not None:
            self._leave(answer.loss)
        return answer

    def _leave(self, loss: Loss) -> None:
        self._wire.farewell(pdu.RELEASE_RP if loss is Loss.RELEASED else pdu.ABORT)


def _offers(contexts: Iterable[tuple[str, str]]) -> list[Context]:
    wanted = [Context(*each) for each in contexts]
    defaults = (Context(each.sop_class_uid, IMPLICIT_LE) for each in wanted)
    return list(dict.fromkeys(chain(wanted, defaults)))[: pdu.MAX_CONTEXTS]


def _called(target: Target, timeout_s: float) -> socket.socket | Guarded:
    """A connection on which DICOM may begin. Raises AssociationFailed."""
    sock = connected(target, timeout_s)
    if target.tls is None:
        return sock
    from appliance.dicom.trust import guarded  # noqa: PLC0415 - OpenSSL only where it is wanted

    return guarded(sock, target, timeout_s)


def _reason(sock: socket.socket | Guarded, target: Target) -> errors.AssociationFailed | None:
    """What TLS says of a connection that broke: some learn only now that they refuse our side."""
    if isinstance(sock, socket.socket) or (error := sock.last_words()) is None:
        return None
    from appliance.dicom.trust import why  # noqa: PLC0415 - OpenSSL only where it is wanted

    return why(error, target, agreed=True)


def connected(target: Target, timeout_s: float) -> socket.socket:
    """A TCP connection. Raises HostUnknown, PortClosed, HostSilent."""
    where = _facts(target)
    try:
        return socket.create_connection((target.host, target.port), timeout_s)
    except (socket.gaierror, UnicodeError) as error:  # UnicodeError: a label is too long
        raise errors.HostUnknown(**where) from error
    except ConnectionRefusedError as error:
        raise errors.PortClosed(**where) from error
    except ConnectionResetError as error:  # taken, and thrown away before we could look
        raise errors.AssociationAborted(**where) from error
    except TimeoutError as error:
        raise errors.HostSilent(**where, why=f"nothing in {timeout_s:.0f} s") from error
    except OSError as error:
        raise errors.HostSilent(**where, why=(error.strerror or str(error)).lower()) from error


def _agreed(
    wire: Wire, target: Target, offers: list[Context], request: bytes, timeout_s: float
) -> _Agreement:
    facts = _facts(target)
    try:
        wire.push(request)
        kind, body = wire.read(timeout_s)
        if kind is Kind.ASSOCIATE_AC:
            return _agreement(offers, pdu.acceptance(body))
        if kind is Kind.ASSOCIATE_RJ:
            raise _rejection(facts, *pdu.rejection(body))
    except Lost as lost:
        if lost.loss is Loss.SILENT:
            raise errors.PeerSilent(**facts, seconds=timeout_s) from lost
        if lost.loss is Loss.GARBLED:
            raise errors.NotDicom(**facts, why=lost.loss) from lost
    except Garbled as error:
        raise errors.NotDicom(**facts, why=error.detail) from error
    raise errors.AssociationAborted(**facts)


def _facts(target: Target) -> dict[str, object]:
    return {**{name: getattr(target, name) for name in target.__slots__}, "peer": target}


def _agreement(offers: list[Context], said: pdu.Acceptance) -> _Agreement:
    ids = {context: pdu.context_id(index) for index, context in enumerate(offers)}
    results = {context: said.results.get(number) for context, number in ids.items()}
    accepted = {
        context: ids[context]
        for context, result in results.items()
        if result == (_ACCEPTED, context.transfer_syntax_uid)
    }
    limit = min(said.max_pdu_bytes or pdu.MAX_PDU_BYTES, pdu.MAX_PDU_BYTES)
    fragment_bytes = (limit - pdu.FRAGMENT_OVERHEAD_BYTES) & ~1  # fragments have even length
    if fragment_bytes <= 0:
        raise Garbled(detail=f"it takes PDUs of {said.max_pdu_bytes} bytes only")
    return _Agreement(
        {context: result and result[0] for context, result in results.items()},
        accepted,
        fragment_bytes,
    )


def _rejection(
    facts: Mapping[str, object], result: int, source: int, reason: int
) -> errors.AssociationFailed:
    """What an A-ASSOCIATE-RJ means (PS3.8 9.3.4)."""
    default = errors.PeerBusy if result == _TRANSIENT else errors.AssociationRejected
    problem, why = REJECTIONS.get((source, reason), (default, "it did not say why"))
    return (problem or default)(**facts, why=why)


_TRANSIENT = 2
REJECTIONS: dict[tuple[int, int], tuple[type[errors.AssociationFailed] | None, str]] = {
    (1, 2): (None, "it does not know the DICOM application context"),
    (1, 3): (errors.CallingAeUnknown, "calling AE title not recognised"),
    (1, 7): (errors.CalledAeUnknown, "called AE title not recognised"),
    (2, 2): (None, "it does not support this protocol version"),
    (3, 1): (errors.PeerBusy, "temporary congestion"),
    (3, 2): (errors.PeerBusy, "its limit of connections is reached"),
}
_REFUSALS: dict[int | None, tuple[type[errors.ContextRefused], str]] = {
    1: (errors.ContextRefused, "it refuses as a matter of policy"),
    3: (errors.SopClassRefused, "SOP class not supported"),
    4: (errors.SyntaxRefused, "transfer syntax not supported"),
}
