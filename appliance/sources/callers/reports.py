"""Owns who may report on images that this box has sent, and what becomes of such a report.

A PACS that was asked to commit itself to images (PS3.4 J) calls back when it knows. What it says
is only written down here; deliver acts upon it.
"""

from __future__ import annotations

import logging
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from appliance.dicom import commitment as wording
from appliance.dicom.acceptor import Taste, is_standard_syntax
from appliance.dicom.commitment import PROCESSING_FAILURE
from appliance.dicom.provider import Outcome
from appliance.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from appliance.dicom.acceptor import Visitor
    from appliance.dicom.pdu import Context
    from appliance.dicom.provider import Named, Report
    from appliance.intake.registrar import Registrar
    from appliance.settings.schema import Settings

_log = logging.getLogger(__name__)

NOT_AUTHORISED = 0x0124


def reporting(
    settings: Settings, visitor: Visitor, addresses: Callable[[str], frozenset[str]]
) -> frozenset[str]:
    """The destinations that a visitor may speak for: by both AE titles and by host.

    It may call from where it takes images, or from where it is asked for commitment.
    """
    return frozenset(
        d.name
        for d in settings.calling_back
        if visitor.called == (d.calling_ae_title or settings.box.ae_title)
        and visitor.calling in {d.ae_title, d.commitment.ae_title or d.ae_title}
        and any(
            visitor.host in addresses(host)
            for host in dict.fromkeys((d.host, d.commitment.host or d.host))
        )
    )


class Reports:
    """Where reports are written down; called from many threads."""

    def __init__(self, registrar: Registrar, tell: Callable[[], None]) -> None:
        """`tell` wakes deliver."""
        self._registrar = registrar
        self._tell = tell

    def take(
        self,
        visitor: Visitor,
        destinations: frozenset[str],
        document: bytes,
        transfer_syntax_uid: str,
    ) -> Outcome:
        """Note a report; on the card when this returns, for it may let bytes be deleted."""

        def tell(uid: str, failures: Mapping[str, int]) -> bool:
            return self._registrar.do(lambda j: j.pledges.tell(uid, destinations, failures))

        try:
            status = wording.noted(document, transfer_syntax_uid, tell)
        except Problem as problem:
            _log.warning("%s: %s", visitor, problem)
            return Outcome(PROCESSING_FAILURE, problem.code)
        _log.info("%s reports what it keeps safe: answered %04X", visitor, status)
        self._tell()
        return Outcome(status)


class Reporter:
    """A PACS that calls to report, and for nothing else, while its association lasts."""

    taste = Taste(lambda _: False, is_standard_syntax, asks=False, reports=True)

    def __init__(self, reports: Reports, visitor: Visitor, destinations: frozenset[str]) -> None:
        """It has been let in as speaking for these destinations."""
        self.bell_fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._reports = reports
        self._visitor = visitor
        self._destinations = destinations

    def begin(self, contexts: Mapping[int, Context]) -> None:
        """It has been agreed what may be said."""
        if not contexts:
            _log.info("%s: it offers nothing that is taken here", self._visitor)

    @contextmanager
    def take(self, named: Named) -> Iterator[_Nothing]:
        """No image is taken from it; it was agreed upon none."""
        yield _Nothing()

    def commit(self, document: bytes, transfer_syntax_uid: str) -> Outcome:
        """It has sent nothing here that could be asked about."""
        return Outcome(NOT_AUTHORISED)

    def hear(self, document: bytes, transfer_syntax_uid: str) -> Outcome:
        """Note what it reports."""
        return self._reports.take(self._visitor, self._destinations, document, transfer_syntax_uid)

    def report(self) -> Report | None:
        """It has asked nothing."""
        return None

    def leave(self) -> None:
        """The association is over."""
        os.close(self.bell_fd)


class _Nothing:
    def write(self, chunks: list[memoryview]) -> None:
        pass

    def finish(self) -> Outcome:
        return Outcome(NOT_AUTHORISED)
