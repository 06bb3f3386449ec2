"""The page by https: what browsers, port scanners and slow lines make of it, by real TLS."""

from __future__ import annotations

import hashlib
import http.client
import socket
import ssl
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, NamedTuple

import pytest

from appliance.box import notary, papers
from appliance.errors import NoPageCertificate
from appliance.web.doors import Doors
from appliance.web.secured import Certified
from tests.builders import certificates

if TYPE_CHECKING:
    from collections.abc import Iterator

    from _typeshed.wsgi import StartResponse, WSGIEnvironment

pytestmark = [pytest.mark.network, pytest.mark.timeout(60)]

LARGE = 5 << 20


def page(environ: WSGIEnvironment, answer: StartResponse) -> list[bytes]:
    """Says who asks by what, how much was sent, or a lot."""
    body = environ["wsgi.input"].read()
    said = {
        "/who": f"{environ['wsgi.url_scheme']} {environ['REMOTE_ADDR']}".encode(),
        "/much": b"x" * LARGE,
        "/sent": hashlib.sha256(body).hexdigest().encode(),
    }.get(environ["PATH_INFO"], b"page")
    answer("200 OK", [("Content-Length", str(len(said)))])
    return [said]


class Site(NamedTuple):
    root: Path
    https: int
    plain: int

    def secured(self, timeout_s: float = 20) -> http.client.HTTPSConnection:
        return http.client.HTTPSConnection(
            "127.0.0.1", self.https, timeout=timeout_s, context=trusting()
        )

    def get(self, path: str, connection: http.client.HTTPConnection | None = None) -> bytes:
        line = connection or self.secured()
        try:
            line.request("GET", path)
            return line.getresponse().read()
        finally:
            if connection is None:
                line.close()

    def fingerprint(self) -> str:
        with (
            socket.create_connection(("127.0.0.1", self.https), 20) as plain,
            trusting().wrap_socket(plain) as line,
        ):
            der = line.getpeercert(binary_form=True)
        assert der
        return hashlib.sha256(der).digest().hex(":").upper()


def trusting() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A box's state with the certificate that it made itself."""
    root = tmp_path_factory.mktemp("box")
    notary.prepare(root, ["jembatan-1234.local", "169.254.77.7"])
    return root


@pytest.fixture
def site(own: Path) -> Iterator[Site]:
    https, plain = (socket.create_server(("127.0.0.1", 0)) for _ in range(2))
    doors = Doors(page)
    port = https.getsockname()[1]
    doors.open_secured(https, Certified(papers.page_papers(own)))
    doors.open_leading(plain, port)
    thread = Thread(target=doors.run, daemon=True)
    thread.start()
    yield Site(own, port, plain.getsockname()[1])
    doors.close()
    thread.join(20)
    assert not thread.is_alive()


def test_the_page_comes_by_https_and_knows_who_asks(site: Site) -> None:
    assert site.get("/who") == b"https 127.0.0.1"
    assert site.fingerprint() == papers.fingerprint(site.root)


def test_large_answers_and_large_forms_come_through_whole(site: Site) -> None:
    assert site.get("/much") == b"x" * LARGE
    body = bytes(range(256)) * 4096
    line = site.secured()
    line.request("POST", "/sent", body)
    assert line.getresponse().read().decode() == hashlib.sha256(body).hexdigest()
    line.close()


def test_who_reads_slowly_gets_all_of_it(site: Site) -> None:
    with socket.socket() as plain:
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        plain.connect(("127.0.0.1", site.https))
        with trusting().wrap_socket(plain) as line:
            line.sendall(b"GET /much HTTP/1.0\r\n\r\n")
            answer = b"".join(iter(lambda: line.recv(1000), b""))
    assert answer.endswith(b"\r\n\r\n" + b"x" * LARGE)


def test_many_at_once_on_lines_they_keep(site: Site) -> None:
    def visit(_: int) -> set[bytes]:
        line = site.secured()
        seen = {site.get("/", line) for _ in range(25)}
        line.close()
        return seen

    with ThreadPoolExecutor(12) as people:
        assert set().union(*people.map(visit, range(12))) == {b"page"}


def test_who_connects_and_says_nothing_keeps_nobody_waiting(site: Site) -> None:
    silent = [socket.create_connection(("127.0.0.1", site.https)) for _ in range(30)]
    begun = socket.create_connection(("127.0.0.1", site.https))
    begun.sendall(b"\x16\x03\x01\x02\x00\x01")  # a ClientHello that never ends
    started = time.monotonic()
    assert site.get("/") == b"page"
    assert time.monotonic() - started < 5
    for each in [*silent, begun]:
        each.close()
    assert site.get("/") == b"page"


@pytest.mark.parametrize(
    "said",
    [b"GET / HTTP/1.1\r\n\r\n", b"\x00" * 100, b"SSH-2.0-scanner\r\n", b""],
    ids=["http", "zeros", "ssh", "nothing"],
)
def test_who_speaks_something_else_is_hung_up_on(
    site: Site, said: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.create_connection(("127.0.0.1", site.https), 20) as line:
        line.sendall(said)
        with suppress(OSError):  # hung up on already
            line.shutdown(socket.SHUT_WR)
            while line.recv(4096):
                pass
    assert site.get("/") == b"page"
    assert not caplog.records


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1:DeprecationWarning")
def test_old_tls_is_not_spoken(site: Site) -> None:
    old = trusting()
    old.set_ciphers("DEFAULT:@SECLEVEL=0")
    old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    with (
        socket.create_connection(("127.0.0.1", site.https), 20) as line,
        pytest.raises(ssl.SSLError, match=r"alert protocol version|EOF"),
    ):
        old.wrap_socket(line)


# --- port 80 -----------------------------------------------------------------------------------


def plainly(
    site: Site, path: str, method: str = "GET", **headers: str
) -> http.client.HTTPResponse:
    line = http.client.HTTPConnection("127.0.0.1", site.plain, timeout=20)
    line.request(method, path, headers=headers)
    answer = line.getresponse()
    answer.read()
    line.close()
    return answer


def test_plain_http_leads_to_https_by_the_name_that_was_typed(site: Site) -> None:
    answer = plainly(site, "/films?name=a%20b&x=1", Host="jembatan-1234.local:80")
    assert answer.status == 302
    assert answer.headers["Location"] == (
        f"https://jembatan-1234.local:{site.https}/films?name=a%20b&x=1"
    )
    assert answer.headers["Cache-Control"] == "no-store"
    to_address = plainly(site, "/items/7", Host="[fe80::1]").headers["Location"]
    assert to_address == f"https://[fe80::1]:{site.https}/items/7"
    odd = plainly(site, "/a%0d%0ab/%C3%BC", Host="box").headers["Location"]
    assert odd == f"https://box:{site.https}/a%0D%0Ab/%C3%BC"


def test_only_how_the_box_is_can_be_asked_without_https(site: Site) -> None:
    assert plainly(site, "/healthz").status == 200
    assert plainly(site, "/metrics").status == 302


@pytest.mark.parametrize("host", ["", "evil.example/x", "a b", "user@host"])
def test_a_host_that_is_none_is_led_nowhere(site: Site, host: str) -> None:
    assert plainly(site, "/", Host=host).status == 400


def test_what_is_sent_in_the_clear_is_not_led_on(site: Site) -> None:
    answer = plainly(site, "/login", "POST", Host="box")
    assert (answer.status, answer.headers["Location"]) == (400, None)


# --- the certificate ---------------------------------------------------------------------------


def test_another_certificate_is_shown_from_the_next_visit_on(site: Site, tmp_path: Path) -> None:
    before = site.fingerprint()
    theirs = certificates.paper(tmp_path, "hospital", names=("box.hospital.example",))
    hospital = papers.page_papers(site.root)[0]
    hospital.write_bytes(Path(theirs.key_file).read_bytes() + Path(theirs.cert).read_bytes())
    try:
        assert site.fingerprint() not in {before, ""}
        hospital.write_text("nothing that OpenSSL can read")
        assert site.fingerprint() == before
    finally:
        hospital.unlink()
    assert site.fingerprint() == before


def test_without_any_the_page_does_not_open(tmp_path: Path) -> None:
    with pytest.raises(NoPageCertificate, match="there is none"):
        Certified(papers.page_papers(tmp_path))
