"""Owns a scripted PACS that the doctor looks at, and the settings that name it."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

from pydicom.filereader import read_dataset

from appliance.clock import SystemClock
from appliance.desk.doctor.report import Place, Report
from appliance.desk.doctor.subject import Subject
from appliance.desk.doctor.visit import examine
from appliance.settings.load import parse

if TYPE_CHECKING:
    from pydicom import Dataset

    from appliance.clock import Clock
    from appliance.desk.doctor.subject import Limits
    from appliance.journal.journal import Journal
    from appliance.settings.schema import Settings
    from tests.peers.scripted import Call, Request

STORE, N_ACTION, N_EVENT_REPORT = 0x0001, 0x0130, 0x0100
IS_RESPONSE = 0x8000
IMPLICIT, EXPLICIT = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1"
CR, SC = "1.2.840.10008.5.1.4.1.1.1", "1.2.840.10008.5.1.4.1.1.7"
COMMITMENT, COMMITMENT_INSTANCE = b"1.2.840.10008.1.20.1", b"1.2.840.10008.1.20.1.1"
NEVER = Place("127.0.0.1", 1, "PACS", "JEMBATAN")
AGREED = 'test_patient = { PatientID = "T1", PatientName = "TEST^ONE" }'
BY_WORD = 'confirm = "response"'
FOR_TESTS = 'environment = "test"'


def settings_of(port: int, *keys: str, ae_title: str = "PACS", more: str = "") -> Settings:
    lines = ('host = "127.0.0.1"', f"port = {port}", f'ae_title = "{ae_title}"', *keys)
    return parse("[[destination]]\nname = 'pacs'\n" + "\n".join(lines) + f"\n{more}")


def data_set(content: bytes, syntax: str) -> Dataset:
    """As pydicom reads it."""
    return read_dataset(BytesIO(content), syntax == IMPLICIT, is_little_endian=True)


def examined(
    settings: Settings,
    limits: Limits,
    journal: Journal | None = None,
    clock: Clock | None = None,
) -> Report:
    subject = Subject(settings.destinations[0], settings)
    return examine(subject, clock or SystemClock(), limits, journal)


class Pacs:
    """A scripted PACS that keeps what it is sent, and does as it is told with other requests."""

    def __init__(self, **ways: object) -> None:
        self.stored: list[Dataset] = []
        self.bytes: list[bytes] = []
        self.syntaxes: list[str] = []
        self.heard: list[bytes] = []  # statuses of the answers to its reports
        self._does = ways

    def script(self, call: Call) -> None:
        result = self._does.get("result", lambda *_: 0)
        assert callable(result)
        call.accept(result=result)
        for request in call.requests():
            if request.field == N_EVENT_REPORT | IS_RESPONSE:
                self.heard.append(request.command[0x0900])
                continue
            if request.field == STORE:
                self._keep(call, request)
            call.respond(request, 0)
            report = self._does.get("report")
            if request.field == N_ACTION and callable(report):
                report(call, request)

    def _keep(self, call: Call, request: Request) -> None:
        _, (syntax,) = call.offer.contexts[request.context_id]
        self.syntaxes.append(syntax)
        self.bytes.append(request.data)
        self.stored.append(data_set(request.data, syntax))
