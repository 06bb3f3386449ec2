"""The web service as a process: it serves, it leaves when told, it says why it cannot start."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING
from urllib.request import ProxyHandler, build_opener

import pytest

from appliance.settings import access
from tests.peers.orthanc import free_port
from tests.peers.ports import server

if TYPE_CHECKING:
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
