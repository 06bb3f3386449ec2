"""The web service as a process: it serves, it leaves when told, it says why it cannot start."""

from __future__ import annotations

import fcntl
import http.client
import os
import signal
import socket
import ssl
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.request import ProxyHandler, build_opener

import pytest

from appliance import certificate
from appliance.box import notary, papers
from appliance.settings import access
from tests.peers.orthanc import free_port
from tests.peers.ports import server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.network, pytest.mark.timeout(60)]


def command(root: Path, port: int) -> list[str]:
    service = [sys.executable, "-m", "appliance.services.web"]
    return [*service, "--root", str(root), "--port", str(port)]


def test_it_serves_and_leaves_when_told(tmp_path: Path) -> None:
    access.prepare(tmp_path)
    port = free_port()
    with server(command(tmp_path, port), port, tmp_path / "web.log") as process:
        for host in ("127.0.0.1", "localhost"):
            with build_opener(ProxyHandler({})).open(f"http://{host}:{port}/healthz") as answer:
                assert answer.read() == b"ok\n"
                assert "Server" not in answer.headers
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


def test_on_the_box_it_serves_https_at_the_sockets_it_is_given(tmp_path: Path) -> None:
    access.prepare(tmp_path)
    fingerprint = notary.prepare(tmp_path, ["jembatan-1234.local"])
    with (
        socket.create_server(("127.0.0.1", 0)) as https,
        socket.create_server(("127.0.0.1", 0)) as plain,
        activated(tmp_path, https, plain) as process,
    ):
        port, plain_port = https.getsockname()[1], plain.getsockname()[1]
        told = ssl.get_server_certificate(("127.0.0.1", port), timeout=20)
        assert certificate.from_pem(told.encode()).fingerprint == fingerprint
        trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        trusting.check_hostname = False
        trusting.load_verify_locations(papers.shown(tmp_path))
        line = http.client.HTTPSConnection("127.0.0.1", port, context=trusting, timeout=20)
        line.request("GET", "/login", headers={"Host": "box"})
        answer = line.getresponse()
        assert (answer.status, answer.headers["Location"]) == (302, "/claim")
        assert "Strict-Transport-Security" not in answer.headers
        answer.read()
        line.request("GET", "/claim", headers={"Host": "box"})
        answer = line.getresponse()
        assert "; Secure;" in answer.headers["Set-Cookie"]
        answer.read()
        line.close()
        with build_opener(ProxyHandler({})).open(f"http://127.0.0.1:{plain_port}/healthz") as ok:
            assert ok.read() == b"ok\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


def test_on_the_box_without_a_certificate_it_says_so(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as https, activated(tmp_path, https) as process:
        assert process.wait(20) == 1
    said = (tmp_path / "web.log").read_text()
    assert "cannot be shown by https" in said
    assert "Traceback" not in said


ACTIVATE = """
import os, sys
fds = [int(fd) for fd in sys.argv[1].split()]
for at, fd in enumerate(fds, 3):
    os.dup2(fd, at)
os.environ.update(LISTEN_FDS=str(len(fds)), LISTEN_PID=str(os.getpid()))
os.execv(sys.executable, [sys.executable, *sys.argv[2:]])
"""


@contextmanager
def activated(root: Path, *doors: socket.socket) -> Iterator[subprocess.Popen[bytes]]:
    """The service with sockets that were opened for it (sd_listen_fds(3))."""
    # High numbers, so that none is overwritten before its turn.
    fds = [fcntl.fcntl(door, fcntl.F_DUPFD, 20) for door in doors]
    service = ["-m", "appliance.services.web", "--root", str(root)]
    activate = [sys.executable, "-c", ACTIVATE, " ".join(map(str, fds))]
    with (root / "web.log").open("wb") as log:
        process = subprocess.Popen([*activate, *service], pass_fds=fds, stdout=log, stderr=log)
        for fd in fds:
            os.close(fd)
        try:
            yield process
        finally:
            process.kill()
            process.wait()


def test_a_port_that_is_taken_is_said_in_a_sentence(tmp_path: Path) -> None:
    with socket.create_server(("", 0)) as other:
        port = other.getsockname()[1]
        run = subprocess.run(
            command(tmp_path, port), capture_output=True, text=True, check=False, timeout=30
        )
    assert run.returncode == 1
    assert f"The page cannot use port {port}: Address already in use." in run.stderr
    assert "Traceback" not in run.stderr


def test_it_loads_nothing_that_decodes_images_or_speaks_dicom() -> None:
    heavy = {"pydicom", "pynetdicom", "numpy", "PIL", "tifffile", "gpiozero", "prometheus_client"}
    look = f"import sys, appliance.services.web; print({heavy!r} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    assert run.stdout == "set()\n"
