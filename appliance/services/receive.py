"""Owns the composition of the receive service: modalities that speak DICOM call here.

So do PACSs that were asked for storage commitment. Comes when the settings name a receiver or such
a destination, and leaves a while after they no longer do. Each
association has a thread; one more tells modalities what is safe, and this one keeps the doors, the
places and those who wait.
"""

from __future__ import annotations

import logging
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from appliance.dicom.listener import Door, Listener, door
from appliance.errors import PortTaken, Problem
from appliance.intake.registrar import Registrar
from appliance.journal.spool import Spool
from appliance.services.crew import Crew, Job
from appliance.services.duty import SAFETY_SCAN_S, main
from appliance.sources.callers.commitment import Promises, Teller
from appliance.sources.callers.guests import links_of
from appliance.sources.callers.receiver import Receiver
from appliance.sources.callers.reports import Reports
from appliance.sources.callers.storing import Store

if TYPE_CHECKING:
    import socket

    from appliance.journal.journal import Journal
    from appliance.services.duty import Duty
    from appliance.settings.schema import Box

_log = logging.getLogger(__name__)

_LEAVE_AFTER_S = 60.0
_PATIENCE_S = 5.0
_TRY_AGAIN_S = 10.0
_GLANCE_S = 1.0  # at those whose modality waits, should a ring get lost
_SWITCH_S = 0.001


def work(duty: Duty) -> None:
    """Receive until told to leave, or until nobody is to call any more."""
    # Associations wait for the disk and for each other most of the time; whoever computes in
    # between (a long data set is judged) shall not hold up the others for 5 ms.
    sys.setswitchinterval(_SWITCH_S)
    with duty.journal() as journal, duty.journal(shared=True) as shared:
        journal.custody.sweep()
        shift = _Shift(duty, journal, shared)
        duty.loop(shift.turn)
        shift.close()


class _Shift:
    def __init__(self, duty: Duty, journal: Journal, shared: Journal) -> None:
        registrar = Registrar(shared, self._tell)
        store = Store(Spool(duty.paths.spool), registrar, duty.clock)
        self._duty = duty
        self._journal = journal
        promises = Promises(registrar, self._stir)
        reports = Reports(registrar, lambda: duty.ring("deliver"))
        self._receiver = Receiver(duty.settings.get(), store, promises, reports, self._stir)
        self._listener = Listener(self._receiver)
        self._doors = _Doors(duty.doors)
        self._crew = Crew(duty, journal)
        self._teller = Job(None, lambda own: Teller(own, self._receiver, duty.clock))
        self._wanted_until_s = duty.clock.monotonic() + _LEAVE_AFTER_S
        self._said = ""

    def turn(self) -> float:
        settings = self._duty.settings.get()
        if not self._journal.charge.is_here():
            settings = replace(settings, sources=())  # nobody may call
        self._receiver.settings = settings
        self._crew.muster({"teller": self._teller})
        closed = self._doors.keep(settings.box)
        self._listener.answer(self._doors.open)
        links = links_of(settings)
        self._receiver.places.write(self._journal, links, closed)
        self._say_without_places(closed if not links else None)
        waiting = self._receiver.waiting.look(self._journal)
        now_s = self._duty.clock.monotonic()
        if links or settings.calling_back:
            self._wanted_until_s = now_s + _LEAVE_AFTER_S
        elif now_s >= self._wanted_until_s and self._listener.is_idle():
            self._duty.leaving.set()
        rest_s = _GLANCE_S if waiting else _TRY_AGAIN_S if closed else SAFETY_SCAN_S
        return min(rest_s, max(self._wanted_until_s - now_s, 1.0))

    def close(self) -> None:
        self._listener.close(_PATIENCE_S)
        self._doors.close()
        self._crew.dismiss(_PATIENCE_S)

    def _say_without_places(self, closed: Problem | None) -> None:
        """No source says that PACSs cannot call to report; so the log does, once."""
        saying = f"{closed.sentence} {closed.hint}" if closed else ""
        if saying and saying != self._said:
            _log.error("no PACS can report by calling here: %s", saying)
        self._said = saying

    def _stir(self) -> None:
        """Have this thread look; called from any other."""
        self._duty.ring(self._duty.name)

    def _tell(self) -> None:
        self._duty.ring("convert", "keeper")


class _Doors:
    """The ports that are open: those that were opened for us, and those that the settings want."""

    def __init__(self, inherited: tuple[socket.socket, ...]) -> None:
        self._given = [Door(each) for each in inherited]
        self._own: dict[_Want, Door] = {}

    @property
    def open(self) -> list[Door]:
        return [*self._given, *self._own.values()]

    def keep(self, box: Box) -> Problem | None:
        """Open what is wanted and not open, close what is not wanted; what cannot be opened."""
        given = {each.listening.getsockname()[1] for each in self._given}
        wanted = [want for want in _wants(box) if want.files or want.port not in given]
        for want in self._own.keys() - set(wanted):
            self._own.pop(want).listening.close()
        problem: Problem | None = None
        for want in wanted:
            try:
                self._own.setdefault(want, self._own.get(want) or _opened(want))
            except Problem as found:
                problem = found
        return problem

    def close(self) -> None:
        for each in self.open:
            each.listening.close()


class _Want(NamedTuple):
    """A port, and the certificates (when each was written last) if it speaks TLS."""

    port: int
    files: tuple[tuple[str, int], ...] = ()


def _wants(box: Box) -> list[_Want]:
    wants = [_Want(box.listen_port)]
    if box.tls_port:
        files = (box.tls_cert, box.tls_key, box.tls_ca)
        wants.append(_Want(box.tls_port, tuple((file, _written(file)) for file in files)))
    return wants


def _written(file: str) -> int:
    try:
        return Path(file).stat().st_mtime_ns if file else 0
    except OSError:
        return 0


def _opened(want: _Want) -> Door:
    secure = None
    if want.files:
        from appliance.dicom.secure import Secure  # noqa: PLC0415 - OpenSSL only where it is wanted

        secure = Secure(*(file for file, _ in want.files))
    try:
        return door(want.port, secure)
    except OSError as error:
        raise PortTaken(port=want.port, why=(error.strerror or str(error)).lower()) from error


if __name__ == "__main__":
    main(work, "receive")
