"""The receiver in the whole box: killed amid associations, a large object, a slow PACS."""

from __future__ import annotations

import hashlib
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from appliance.dicom.association import Link, Target
from appliance.errors import AssociationFailed
from appliance.model import Instance
from tests.builders import part10
from tests.builders.box import Box
from tests.builders.encodings import WAYS, encoded, read
from tests.builders.running import running
from tests.peers.orthanc import free_port, orthanc
from tests.peers.ports import server
from tests.peers.storescp import storescp

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.builders.running import Running

CHECKOUT = Path(__file__).parents[2]
SETTINGS = """
[box]
listen_port = {port}
[[source]]
name = "cr1"
kind = "receiver"
allow = [{{ ae_title = "CR1", host = "127.0.0.1" }}]
{source}
"""
ACTIVATED = """
import os, runpy, sys
fds = [os.dup(int(sys.argv.pop(1))) for _ in range(2)]
for number, fd in enumerate([os.dup2(fd, 50 + fd) for fd in fds], 3):
    os.dup2(fd, number)
os.environ.update(LISTEN_FDS="2", LISTEN_PID=str(os.getpid()))
runpy.run_module("appliance.services.receive", run_name="__main__")
"""
PACS = """
[[destination]]
name = "pacs"
host = "127.0.0.1"
port = {port}
ae_title = "{ae_title}"
"""


@contextmanager
def receive(root: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """The service as a process of its own."""
    command = [sys.executable, "-m", "appliance.services.receive", "--root", str(root)]
    with server(command, port, root / "receive.log") as process:
        yield process


class Modality(threading.Thread):
    """Sends one image after the other, and remembers which ones the box answered for."""

    def __init__(self, number: int, port: int) -> None:
        super().__init__(daemon=True)
        self.safe: dict[str, str] = {}  # UID -> SHA-256 of the data set
        self.over = threading.Event()
        self._number = number
        self._port = port

    def run(self) -> None:
        uids = (f"1.2.3.{self._number}.{count}" for count in range(1, 100_000))
        while not self.over.is_set():
            with suppress(AssociationFailed), open_link(self._port) as link:
                while link.alive() and not self.over.is_set():
                    self._send(link, next(uids))
            time.sleep(0.02)

    def _send(self, link: Link, uid: str) -> None:
        data_set = part10.data_set(uid, uid.encode().ljust(300_000, b"\0"))
        if stored(link, uid, data_set) == 0:
            self.safe[uid] = hashlib.sha256(data_set).hexdigest()


def open_link(port: int) -> Link:
    target = Target("127.0.0.1", port, "JEMBATAN", "CR1")
    return Link.open(target, [(part10.CR_IMAGE, part10.EXPLICIT_LE)])


def stored(link: Link, uid: str, data_set: bytes) -> int | None:
    instance = Instance(
        1, part10.CR_IMAGE, uid, "", "", part10.EXPLICIT_LE, "", (data_set,)
    )  # fmt: skip
    return link.store(instance).status


@pytest.mark.timeout(60)
def test_what_was_answered_0000_is_there_after_a_kill_and_is_there_once(tmp_path: Path) -> None:
    port = free_port()
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "jembatan.toml").write_text(SETTINGS.format(port=port, source=""))
    modalities = [Modality(number, port) for number in (1, 2)]
    for kill in range(1, 4):
        with receive(tmp_path, port) as process:
            if kill == 1:
                for modality in modalities:
                    modality.start()
            for modality in modalities:
                more = len(modality.safe) + 10
                while len(modality.safe) < more:
                    time.sleep(0.005)
            process.send_signal(signal.SIGKILL)
    for modality in modalities:
        modality.over.set()
        modality.join(20)
    box = Box(tmp_path)
    box.journal.custody.sweep()
    for name in box.journal.custody.unknown():
        box.journal.custody.adopt(name)
    assert box.journal.custody.verify() == []
    assert list((box.journal.spool.folder / "tmp").iterdir()) == []
    names = [row["name"] for row in box.journal.ledger.unfinished(100_000)]
    assert len(names) == len(set(names))
    kept = {row["name"]: row["sha256"] for row in box.journal.ledger.unfinished(100_000)}
    for uid, digest in {**modalities[0].safe, **modalities[1].safe}.items():
        content = box.journal.spool.path(kept[f"CR1/{uid}.dcm"]).read_bytes()
        head = len(content) - len(part10.data_set(uid, bytes(300_000)))
        assert hashlib.sha256(content[head:]).hexdigest() == digest
    box.close()


@pytest.mark.timeout(60)
def test_a_large_object_takes_little_memory(tmp_path: Path) -> None:
    port = free_port()
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "jembatan.toml").write_text(SETTINGS.format(port=port, source=""))
    with receive(tmp_path, port) as process, open_link(port) as link:
        assert stored(link, "1.2.3.1", part10.data_set("1.2.3.1", bytes(200 << 20))) == 0
        assert peak_mb(process.pid) < 60


def peak_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


@pytest.mark.timeout(90)
def test_forwarded_means_that_the_pacs_has_it(tmp_path: Path) -> None:
    port = free_port()
    patient = 'ack = "forwarded"\nack_s = 20'
    hasty = 'ack = "forwarded"\nack_s = 1'
    image = part10.film("1.2.3.1")[len(part10.meta("1.2.3.1")) :]
    with orthanc(tmp_path / "orthanc") as pacs:
        closed = PACS.format(port=free_port(), ae_title=pacs.ae_title)
        with running(tmp_path, SETTINGS.format(port=port, source=hasty) + closed) as box:
            with reached(box, port) as link:
                assert stored(link, "1.2.3.1", image) == 0xA700
            box.wait(lambda status: sum(status["items"].values()) == 1)
        there = PACS.format(port=pacs.dicom_port, ae_title=pacs.ae_title)
        with (
            running(tmp_path, SETTINGS.format(port=port, source=patient) + there) as box,
            reached(box, port) as link,
        ):
            assert stored(link, "1.2.3.1", image) == 0
            assert list(pacs.instances()) == ["1.2.3.1"]
            assert box.status()["items"] == {"done": 1}
            assert stored(link, "1.2.3.1", image) == 0  # it is there already


def test_the_service_comes_with_a_receiver_and_not_without(tmp_path: Path) -> None:
    folder = '[[source]]\nname = "cr"\nkind = "folder"\npath = "{export}"\n'
    with running(tmp_path, folder) as box:
        box.wait(lambda status: [each["state"] for each in status["sources"]] == ["watching"])
        assert not (box.root / "run" / "receive.bell").exists()


def test_ports_that_were_opened_for_it_are_answered_at(tmp_path: Path) -> None:
    """As systemd does for port 104: the bell and the port, in whatever order."""
    settings = SETTINGS.format(port=free_port(), source="")
    (tmp_path / "etc").mkdir()
    (tmp_path / "run").mkdir()
    (tmp_path / "etc" / "jembatan.toml").write_text(settings)
    with (
        socket.create_server(("127.0.0.1", 0)) as door,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bell,
    ):
        bell.bind(str(tmp_path / "run" / "receive.bell"))
        fds = [door.fileno(), bell.fileno()]
        command = [sys.executable, "-c", ACTIVATED, *map(str, fds), "--root", str(tmp_path)]
        process = subprocess.Popen(command, pass_fds=fds, cwd=CHECKOUT)
        with open_link(door.getsockname()[1]) as link:
            assert stored(link, "1.2.3.1", part10.data_set("1.2.3.1")) == 0
        process.terminate()
        assert process.wait(20) == 0


def reached(box: Running, port: int) -> Link:
    for _ in range(500):
        with suppress(AssociationFailed):
            return open_link(port)
        time.sleep(0.02)
    raise AssertionError(box.log())


@pytest.mark.timeout(90)
def test_every_encoding_reaches_the_pacs_bit_for_bit(tmp_path: Path) -> None:
    port = free_port()
    images = {(image := encoded(name, tmp_path)).uid: image for name in WAYS}
    with storescp(tmp_path / "pacs") as pacs:
        there = PACS.format(port=pacs.port, ae_title="PACS")
        with running(tmp_path, SETTINGS.format(port=port, source="") + there) as box:
            with reached(box, port):
                pass
            for name, image in zip(WAYS, images.values(), strict=True):
                command = ["storescu", "-aet", "CR1", "-aec", "JEMBATAN", WAYS[name].proposing]
                command += ["127.0.0.1", str(port), str(image.path)]
                subprocess.run(command, check=True, timeout=20)
            box.wait(lambda status: status["items"] == {"done": len(images)})
        received = [read(path) for path in pacs.received()]
    assert {each.uid: each[1:] for each in received} == {
        uid: image[1:] for uid, image in images.items()
    }
    assert len(received) == len(images)
