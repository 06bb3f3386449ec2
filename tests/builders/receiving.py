"""Owns running the receive service in a thread of the test, beside the journal it writes."""

from __future__ import annotations

import socket
import time
from contextlib import contextmanager, suppress
from threading import Thread
from typing import TYPE_CHECKING

from appliance.dicom.association import Link, Target
from appliance.journal.bell import Bell, hang
from appliance.journal.session import Paths
from appliance.model import Instance
from appliance.services import receive
from appliance.services.duty import Duty
from appliance.settings.current import Current
from tests.builders import part10
from tests.builders.box import Box
from tests.fakes.clock import FakeClock
from tests.peers.orthanc import free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from appliance.dicom.sender import Answer

SETTINGS = """
[box]
listen_port = {port}
{box}

[[source]]
name = "cr1"
kind = "receiver"
allow = [{allow}]
{source}
"""
CR1 = '{ ae_title = "CR1", host = "127.0.0.1" }'


class Receiving:
    """A box at whose port modalities may call."""

    def __init__(self, box: Box, port: int) -> None:
        self.box = box
        self.port = port

    def names(self) -> list[str]:
        """What was accepted, in the order of its rows."""
        return [row["name"] for row in self.box.journal.ledger.unfinished(1000)]

    def contents(self) -> list[bytes]:
        """The files in the spool."""
        return [path.read_bytes() for path in self.box.journal.spool.files()]

    def drafts(self) -> list[Path]:
        """What is on its way in."""
        return list((self.box.journal.spool.folder / "tmp").iterdir())

    def place(self) -> tuple[str, str]:
        """State and sentence of the source; neither before it was first written down."""
        (row,) = self.box.journal.ledger.places() or ({"state": "", "sentence": ""},)
        return row["state"], row["sentence"]


@contextmanager
def receiving(
    root: Path,
    *,
    box: str = "",
    source: str = "",
    allow: str = CR1,
    text: str = "",
    port: int = 0,
) -> Iterator[Receiving]:
    """Run the service until the end of the block; it listens when the block begins."""
    port = port or free_port()
    paths = Paths(root, root / "run")
    paths.etc.mkdir(parents=True, exist_ok=True)
    text = text or SETTINGS.format(port=port, box=box, source=source, allow=allow)
    (paths.etc / "jembatan.toml").write_text(text.replace("PORT", str(port)))
    duty = Duty("receive", paths, Current(root), Bell(hang(paths.run, "receive")))
    assert duty.settings.problem is None, duty.settings.problem
    thread = Thread(target=receive.work, args=(duty,), daemon=True)
    thread.start()
    own = Box(root, clock=FakeClock())
    try:
        _wait_until_it_listens(port)
        yield Receiving(own, port)
    finally:
        duty.leaving.set()
        duty.ring("receive")
        thread.join(20)
        duty.bell.close()
        own.close()
    assert not thread.is_alive()


def modality(
    box: Receiving, *offers: tuple[str, str], called: str = "JEMBATAN", calling: str = "CR1"
) -> Link:
    """An association of the product's own; by default for CR images as they mostly are."""
    target = Target("127.0.0.1", box.port, called, calling)
    return Link.open(target, offers or [(part10.CR_IMAGE, part10.EXPLICIT_LE)])


def store(
    link: Link,
    uid: str,
    data_set: bytes,
    syntax: str = part10.EXPLICIT_LE,
    sop_class: str = part10.CR_IMAGE,
) -> Answer:
    """C-STORE bytes as the object that they may or may not be."""
    return link.store(Instance(1, sop_class, uid, "", "", syntax, "", (data_set,)))


def until(happened: Callable[[], bool]) -> None:
    """Wait for what another thread is about to do."""
    until_s = time.monotonic() + 10
    while not happened():
        assert time.monotonic() < until_s
        time.sleep(0.01)


def _wait_until_it_listens(port: int) -> None:
    for _ in range(1000):
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.01)
    raise RuntimeError(port)
