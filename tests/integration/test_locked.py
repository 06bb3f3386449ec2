"""The page of a locked box, over real TLS, and the unlock service behind it."""

from __future__ import annotations

import socket
import ssl
import urllib.error
import urllib.request
from contextlib import ExitStack
from http.client import HTTPConnection, HTTPSConnection
from threading import Thread
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest

from appliance.box.report import Report, said_of
from appliance.call import Server, ask
from appliance.errors import (
    CardGaveOut,
    CardTooSmall,
    DataDamaged,
    Declined,
    JournalGone,
    MistypedKey,
    NoSerial,
    OtherBoard,
    Problem,
    ToolFailed,
    WrongRecoveryKey,
)
from appliance.services import locked
from appliance.services.unlock import Unlock
from appliance.web.locked import LockedPage, LockedServer, Said

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.network

RIGHT = "RIGHT"


def unlock(key: str) -> None:
    if key != RIGHT:
        raise WrongRecoveryKey


class Locked:
    """Both ports of a locked box."""

    def __init__(self, folder: Path, done: ExitStack, page: LockedPage) -> None:
        self.trust = ssl.create_default_context()
        context = locked.certified(folder)
        self.trust.load_verify_locations(folder / "certificate.pem")
        self.trust.check_hostname = False
        self.http = self._serve(done, LockedServer(("127.0.0.1", 0), page))
        self.https = self._serve(done, LockedServer(("127.0.0.1", 0), page, context))

    @staticmethod
    def _serve(done: ExitStack, server: LockedServer) -> int:
        thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        done.callback(thread.join)
        done.callback(server.server_close)
        done.callback(server.shutdown)
        return int(server.server_address[1])

    def visit(self, path: str = "/", **form: str) -> tuple[int, str]:
        data = urlencode(form).encode() if form else None
        url = f"https://127.0.0.1:{self.https}{path}"
        try:
            with urllib.request.urlopen(url, data, context=self.trust) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refusal:
            with refusal:
                return refusal.code, refusal.read().decode()


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Locked]:
    page = LockedPage(
        (Said("It is <locked>.", "Do this."),), unlock, can_open=True, can_erase=True
    )
    with ExitStack() as done:
        yield Locked(tmp_path, done, page)


def test_it_says_why_and_takes_the_key(box: Locked) -> None:
    status, text = box.visit()
    assert status == 503
    assert "It is &lt;locked&gt;." in text
    assert "Do this." in text
    assert 'name="key"' in text
    status, text = box.visit(key="WRONG")
    assert status == 422
    assert WrongRecoveryKey().sentence in text
    assert 'name="key"' in text
    status, text = box.visit(key=RIGHT)
    assert status == 200
    assert "The key fits" in text


def test_whoever_looks_after_the_box_sees_that_it_is_not_well(box: Locked) -> None:
    assert box.visit("/healthz") == (503, "locked\n")


def test_plain_http_leads_to_https_and_takes_nothing(box: Locked) -> None:
    for method in ("GET", "POST"):
        line = HTTPConnection("127.0.0.1", box.http)
        line.request(method, "/", body=b"key=RIGHT" if method == "POST" else None)
        answer = line.getresponse()
        answer.read()
        assert (answer.status, answer.headers["Location"]) == (307, "https://127.0.0.1/")
        line.close()


@pytest.mark.parametrize("length", ["", "5000", "-1", "much"])
def test_a_form_that_is_none_is_refused(box: Locked, length: str) -> None:
    line = HTTPSConnection("127.0.0.1", box.https, context=box.trust)
    line.putrequest("POST", "/")
    line.putheader("Content-Length", length)
    line.endheaders()
    assert line.getresponse().status == 400
    line.close()
    assert box.visit()[0] == 503


def test_who_speaks_no_tls_keeps_nobody_waiting(box: Locked) -> None:
    with socket.create_connection(("127.0.0.1", box.https)) as mute:
        assert box.visit()[0] == 503
        mute.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert box.visit()[0] == 503


def test_where_no_key_can_help_none_is_asked_for() -> None:
    told = Report(said=(said_of(OtherBoard()),))
    assert 'name="key"' in locked.page_of(told).show()
    assert 'name="key"' not in locked.page_of(Report(said=(said_of(NoSerial()),))).show()


def test_a_card_that_gave_out_at_work_is_said_whatever_the_start_had_found() -> None:
    shown = locked.page_of(Report(is_open=True, said=(said_of(OtherBoard()),))).show()
    assert CardGaveOut().sentence in shown
    assert "Pull the plug, wait until all lamps are dark, put it in again." in shown
    assert OtherBoard().sentence not in shown
    assert "erase" not in shown


@pytest.mark.parametrize(
    ("problem", "is_obeyed"),
    [
        (OtherBoard(), True),
        (DataDamaged(why="its file system is badly damaged"), True),
        (JournalGone(), False),
        (NoSerial(), False),
        (CardTooSmall(mib=1, least=2), False),
        (ToolFailed(name="cryptsetup", said="no"), False),
    ],
    ids=lambda each: getattr(each, "code", ""),
)
def test_how_to_erase_is_told_only_where_that_is_obeyed(
    problem: Problem, *, is_obeyed: bool
) -> None:
    """See appliance.box.vault: elsewhere the wish is not looked at, or changes nothing."""
    shown = locked.page_of(Report(said=(said_of(problem),))).show()
    assert problem.sentence in shown
    assert CardGaveOut().sentence not in shown
    assert ("jembatan-erase.txt" in shown) is is_obeyed


def test_a_start_that_told_nothing_is_begun_again() -> None:
    shown = locked.page_of(None).show()
    assert "The start of the box did not come to its end." in shown
    assert "if this page comes back, call who looks after the box." in shown
    assert "erase" not in shown
    assert 'name="key"' not in shown


def test_a_key_that_fits_restarts_the_box(tmp_path: Path) -> None:
    restarts: list[str] = []

    def recover(typed: str) -> None:
        if typed != RIGHT:
            raise MistypedKey(what="Group 1 of the recovery key is mistyped")

    service = Unlock(recover, lambda: restarts.append("now"))
    calls = Server(tmp_path / "unlock.sock", {"recover": service.answer})
    calls.start()
    with pytest.raises(Declined, match="Group 1"):
        ask(tmp_path / "unlock.sock", {"op": "recover", "key": "x"})
    assert not restarts
    ask(tmp_path / "unlock.sock", {"op": "recover", "key": RIGHT})
    assert restarts == ["now"]
    calls.close()
