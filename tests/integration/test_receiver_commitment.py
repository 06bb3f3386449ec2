"""Storage commitment: a real modality's toolkit asks, and is told the truth, now or later."""

from __future__ import annotations

import socket
import ssl
from contextlib import contextmanager
from queue import Queue
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from pydicom.dataset import Dataset
from pynetdicom import AE, evt

from appliance.errors import DiskFull
from appliance.journal.bell import ring
from appliance.model import ConfirmedBy, ItemState
from tests.builders import part10
from tests.builders.certificates import Paper, paper
from tests.builders.receiving import Receiving, modality, receiving, store, until
from tests.peers.orthanc import free_port
from tests.peers.tls import in_front_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pynetdicom.association import Association
    from pynetdicom.events import Event

COMMITMENT = "1.2.840.10008.1.20.1"
UID = "1.2.3.4.5"


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks here waits for the answer, or has left."""
    monkeypatch.setattr("appliance.dicom.provider._MOMENT_S", 0.1)


class Heard(NamedTuple):
    """What a modality was told: the transaction, what is safe, and what is not and why."""

    event_type: int | None
    transaction: str
    safe: list[str]
    failed: dict[str, int]


class Modality:
    """A pynetdicom modality that asks, and that may be called back on `port`."""

    def __init__(self) -> None:
        self.port = free_port()
        self.told: Queue[Heard] = Queue()
        self.handlers: list[Any] = [(evt.EVT_N_EVENT_REPORT, self._report)]
        self.answers = 0x0000

    @property
    def allow(self) -> str:
        return f'{{ ae_title = "CR1", host = "127.0.0.1", port = {self.port} }}'

    @contextmanager
    def calls(self, box: Receiving, own: Paper | None = None) -> Iterator[Association]:
        """Ask; over TLS where it has a certificate of its `own` to show."""
        ae = AE("CR1")
        ae.add_requested_context(COMMITMENT)
        assoc = ae.associate(
            "127.0.0.1",
            box.port,
            ae_title="JEMBATAN",
            evt_handlers=self.handlers,
            tls_args=(showing(own), "localhost") if own else None,
        )
        assert assoc.is_established
        yield assoc
        assoc.release()

    @contextmanager
    def listens(self) -> Iterator[None]:
        ae = AE("CR1")
        ae.add_supported_context(COMMITMENT, scu_role=False, scp_role=True)
        server = ae.start_server(("127.0.0.1", self.port), block=False, evt_handlers=self.handlers)
        assert server
        yield
        server.shutdown()

    def _report(self, event: Event) -> tuple[int, None]:
        information = event.event_information
        failed = information.get("FailedSOPSequence", [])
        self.told.put(
            Heard(
                event.event_type,
                information.TransactionUID,
                [
                    each.ReferencedSOPInstanceUID
                    for each in information.get("ReferencedSOPSequence", [])
                ],
                {each.ReferencedSOPInstanceUID: each.FailureReason for each in failed},
            )
        )
        return self.answers, None


def showing(own: Paper) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.load_cert_chain(own.cert, own.key_file)
    return context


def ask(
    assoc: Association, *uids: str, sop_class: str = part10.CR_IMAGE, transaction: str = "2.25.1"
) -> int:
    question = Dataset()
    question.TransactionUID = transaction
    question.ReferencedSOPSequence = []
    for uid in uids:
        item = Dataset()
        item.ReferencedSOPClassUID = sop_class
        item.ReferencedSOPInstanceUID = uid
        question.ReferencedSOPSequence.append(item)
    answer, _ = assoc.send_n_action(question, 1, COMMITMENT, COMMITMENT + ".1")
    status: int = answer.Status
    return status


def sent(box: Receiving, uid: str = UID) -> None:
    """An image came, and waits at its PACS for a proof."""
    with modality(box) as link:
        assert store(link, uid, part10.data_set(uid)).status == 0
    box.box.convert()
    box.box.identify()
    box.box.route(uid=uid)
    box.box.send()


def proved(box: Receiving, by: ConfirmedBy = ConfirmedBy.FIND) -> None:
    """The PACS was asked; deliver rings."""
    box.box.confirm(by=by)
    ring(box.box.paths.run, "receive")


def test_what_the_pacs_proved_is_told_over_the_association_that_asked(tmp_path: Path) -> None:
    cr1 = Modality()
    with receiving(tmp_path, allow=cr1.allow) as box:
        sent(box)
        proved(box)
        with cr1.calls(box) as assoc:
            assert ask(assoc, UID) == 0
            assert cr1.told.get(timeout=10) == Heard(1, "2.25.1", [UID], {})
            until(lambda: not box.box.journal.commitments.open())


def test_it_is_told_when_it_becomes_true_and_not_before(tmp_path: Path) -> None:
    cr1 = Modality()
    with receiving(tmp_path, allow=cr1.allow) as box, cr1.calls(box) as assoc:
        sent(box)
        assert ask(assoc, UID) == 0
        ring(box.box.paths.run, "receive")
        assert cr1.told.empty()
        proved(box)
        assert cr1.told.get(timeout=10) == Heard(1, "2.25.1", [UID], {})
        until(lambda: not box.box.journal.commitments.open())


def test_a_modality_that_left_is_called(tmp_path: Path) -> None:
    cr1 = Modality()
    with receiving(tmp_path, allow=cr1.allow) as box, cr1.listens():
        sent(box)
        with cr1.calls(box) as assoc:
            assert ask(assoc, UID, "1.2.3.99") == 0
        proved(box)
        assert cr1.told.get(timeout=10) == Heard(2, "2.25.1", [UID], {"1.2.3.99": 0x0112})
        until(lambda: not box.box.journal.commitments.open())


def test_of_two_that_are_called_the_same_the_one_that_asked_is_told(tmp_path: Path) -> None:
    cr1 = Modality()
    other = f'{{ ae_title = "CR1", host = "127.0.0.9", port = {free_port()} }}'
    asking = cr1.allow.replace("127.0.0.1", "localhost")
    with receiving(tmp_path, allow=f"{other}, {asking}") as box, cr1.listens():
        sent(box)
        with cr1.calls(box) as assoc:
            assert ask(assoc, UID) == 0
        proved(box)
        assert cr1.told.get(timeout=10).safe == [UID]


def test_what_cannot_be_noted_as_told_is_told_again_and_nobody_is_cut_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def no_room(*_: object) -> None:
        raise DiskFull(where="the card")

    cr1 = Modality()
    with receiving(tmp_path, allow=cr1.allow) as box, cr1.listens():
        sent(box)
        proved(box)
        with cr1.calls(box) as assoc:
            with monkeypatch.context() as patch:
                patch.setattr("appliance.journal.commitments.Commitments.end", no_room)
                assert ask(assoc, UID) == 0
                assert cr1.told.get(timeout=10).safe == [UID]
                until(lambda: "no room" in caplog.text)
            assert ask(assoc, UID, transaction="2.25.2") == 0
            assert cr1.told.get(timeout=10).transaction == "2.25.2"
            until(lambda: len(box.box.journal.commitments.open()) == 1)
        assert cr1.told.get(timeout=10).transaction == "2.25.1"
        until(lambda: not box.box.journal.commitments.open())


@pytest.mark.parametrize("known_by", ["authority", "fingerprint"])
def test_a_modality_that_calls_over_tls_only_is_called_over_tls(
    tmp_path: Path, known_by: str
) -> None:
    mine, its = paper(tmp_path / "papers", "box"), paper(tmp_path / "papers", "cr1")
    cr1 = Modality()
    with cr1.listens(), in_front_of(cr1.port, its, wants=mine.cert) as door:
        port = free_port()
        secure = f'tls_port = {port}\ntls_cert = "{mine.cert}"\ntls_key = "{mine.key_file}"'
        allow = f'{{ ae_title = "CR1", host = "127.0.0.1", port = {door}'
        if known_by == "authority":
            secure += f'\ntls_ca = "{its.cert}"'
        else:
            allow += f', fingerprint = "{its.fingerprint}"'
        root, allow = tmp_path / "box", allow + " }"
        with receiving(root, box=secure, allow=allow) as box:
            sent(box)
        with receiving(root, box=secure, allow=allow, source="tls = true") as box:
            until(lambda: listens(port))
            with cr1.calls(Receiving(box.box, port), its) as assoc:
                assert ask(assoc, UID) == 0
            proved(box)
            assert cr1.told.get(timeout=10) == Heard(1, "2.25.1", [UID], {})
            until(lambda: not box.box.journal.commitments.open())


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_a_promise_survives_the_service(tmp_path: Path) -> None:
    cr1 = Modality()
    with receiving(tmp_path, allow=cr1.allow) as box:
        sent(box)
        with cr1.calls(box) as assoc:
            assert ask(assoc, UID) == 0
    with cr1.listens(), receiving(tmp_path, allow=cr1.allow) as box:
        assert cr1.told.empty()
        proved(box)
        assert cr1.told.get(timeout=10).safe == [UID]


@pytest.mark.parametrize(
    ("uid", "sop_class", "why"),
    [("1.2.3.99", part10.CR_IMAGE, 0x0112), (UID, part10.SC_IMAGE, 0x0119)],
)
def test_what_never_came_like_that_is_denied_at_once(
    tmp_path: Path, uid: str, sop_class: str, why: int
) -> None:
    cr1 = Modality()
    with receiving(tmp_path, allow=cr1.allow) as box, cr1.calls(box) as assoc:
        sent(box)
        assert ask(assoc, uid, sop_class=sop_class) == 0
        assert cr1.told.get(timeout=10) == Heard(2, "2.25.1", [], {uid: why})
        until(lambda: not box.box.journal.commitments.open())


def test_an_answer_of_the_pacs_is_no_proof(tmp_path: Path) -> None:
    cr1 = Modality()
    with receiving(tmp_path, allow=cr1.allow) as box, cr1.calls(box) as assoc:
        sent(box)
        proved(box, ConfirmedBy.RESPONSE)
        assert box.box.journal.ledger.item_counts() == {ItemState.DONE: 1}
        assert ask(assoc, UID) == 0
        (commitment,) = box.box.journal.commitments.open()
        (fate,) = box.box.journal.commitments.fates(commitment)
        assert (fate.known, fate.proved) == (1, 0)
        assert cr1.told.empty()


def test_what_is_no_question_is_not_noted(tmp_path: Path) -> None:
    cr1 = Modality()
    with receiving(tmp_path, allow=cr1.allow) as box, cr1.calls(box) as assoc:
        assert ask(assoc) == 0x0115
        nothing = Dataset()
        nothing.TransactionUID = "2.25.1"
        answer, _ = assoc.send_n_action(nothing, 7, COMMITMENT, COMMITMENT + ".1")
        assert answer.Status == 0x0123
        assert box.box.journal.commitments.open() == []
