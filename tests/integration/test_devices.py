"""The devices service with loop devices for sticks: what only the kernel can say.

Needs root (it mounts) and loop devices; elsewhere these tests are skipped.
"""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import pytest

from appliance.board.mount import SOCKET, Helper
from appliance.clock import SystemClock
from appliance.errors import Declined
from appliance.intake.accept import Intake
from appliance.journal.bell import Bell, hang
from appliance.settings.links import StickLink
from appliance.sources.media.stick import StickSource
from appliance.sources.media.volume import Volume
from tests.builders.box import Box
from tests.builders.part10 import part10
from tests.fakes.usb import FakeBus, stick

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not os.path.exists("/dev/loop-control"),  # noqa: PTH110
    reason="mounting needs root and loop devices",
)

MB = 1 << 20


class Bench:
    """A devices service, and images of sticks to plug into it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.box = Box(root / "box")
        self.bus = FakeBus(root / "box" / "usb")
        self.helper = Helper(self.box.paths.run)
        self._loops: list[str] = []

    def image(self, name: str, *files: tuple[str, bytes], size_mb: int = 16) -> Path:
        """An ext4 file system with `files`, made without mounting it."""
        tree = self.root / f"{name}.d"
        for below, content in files:
            (tree / below).parent.mkdir(parents=True, exist_ok=True)
            (tree / below).write_bytes(content)
        tree.mkdir(exist_ok=True)
        image = self.root / f"{name}.img"
        with image.open("wb") as file:
            file.truncate(size_mb * MB)
        run("mkfs.ext4", "-q", "-d", tree, "-L", name.upper(), image)
        return image

    def plug(self, image: Path, fs: str = "ext4", *, arrival: int = 1) -> str:
        node = run("losetup", "--find", "--show", image).strip()
        self._loops.append(node)
        self.bus.plug(stick(node, fs=fs, label=image.stem.upper(), arrival=arrival))
        return node

    def open(self) -> Volume:
        (volume,) = self.helper.volumes()
        return Volume(self.helper.open(volume.id).root)

    def close(self) -> None:
        for node in self._loops:
            run("blockdev", "--setrw", node)  # a loop device stays protected for its next file
            run("losetup", "--detach", node)
        self.box.close()


def run(*command: object) -> str:
    environment = {**os.environ, "PATH": f"/usr/sbin:/usr/bin:{os.environ['PATH']}"}
    done = subprocess.run(
        list(map(str, command)), capture_output=True, text=True, check=True, env=environment
    )
    return done.stdout


@contextmanager
def serving(bench: Bench) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "tests.fakes.usb", "--root", str(bench.box.paths.root)]
    with subprocess.Popen(command) as service:
        until(lambda: answers(bench))
        yield service
        service.terminate()


def answers(bench: Bench) -> bool:
    with suppress(OSError), socket.socket(socket.AF_UNIX) as line:
        line.connect(str(bench.box.paths.run / SOCKET))
        return True
    return False


def until(happened: object, within_s: float = 15) -> None:
    until_s = time.monotonic() + within_s
    while not happened():  # type: ignore[operator]
        assert time.monotonic() < until_s
        time.sleep(0.02)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    with serving(bench):
        yield bench
    bench.close()


def test_a_stick_is_opened_and_nobody_else_sees_the_mount(bench: Bench) -> None:
    node = bench.plug(bench.image("export", ("p/a.dcm", part10("1.2.3"))))
    volume = bench.open()
    assert "p/a.dcm" in [volume.name(path) for path in volume.files()]
    assert node not in (bench.root / "/proc/self/mountinfo").read_text()
    assert list((bench.box.paths.run / "mounts").iterdir()) == []


def test_a_stick_with_an_update_wakes_the_steward(bench: Bench) -> None:
    bell = Bell(hang(bench.box.paths.run, "steward"))
    bench.plug(bench.image("export"))
    watch = Bell(hang(bench.box.paths.run, "watch"))
    bench.plug(bench.image("jembatan-update"))
    assert bell.wait(10)
    assert watch.wait(10)
    bell.close()
    watch.close()


def test_nothing_can_be_written_run_or_left_by_a_link(bench: Bench) -> None:
    image = bench.image("export", ("tool", b"#!/bin/sh\n"))
    (bench.root / "export.d" / "out").symlink_to("/etc")
    (bench.root / "export.d" / "tool").chmod(0o755)
    run("mkfs.ext4", "-q", "-F", "-d", bench.root / "export.d", image)
    before = image.read_bytes()
    bench.plug(image)
    root = bench.open().root
    with pytest.raises(OSError, match="Read-only"):
        (root / "new").write_bytes(b"x")
    assert not os.access(root / "tool", os.X_OK)
    with pytest.raises(OSError, match="Too many levels of symbolic links"):
        (root / "out" / "hostname").read_bytes()
    assert sorted(os.listdir(root / "..")) == sorted(os.listdir(root))  # noqa: PTH208
    assert image.read_bytes() == before


def test_a_file_system_lives_as_long_as_somebody_holds_it(bench: Bench) -> None:
    node = bench.plug(bench.image("export", ("a.dcm", part10("1.2.3"))))
    (volume,) = bench.helper.volumes()
    held = bench.helper.open(volume.id)
    run("losetup", "--detach", node)  # the kernel waits for the last user
    assert (held.root / "a.dcm").exists()
    assert node in run("losetup", "--list", "--noheadings", "--output", "NAME")
    held.close()
    until(lambda: node not in run("losetup", "--list", "--noheadings", "--output", "NAME"))
    bench._loops.clear()  # noqa: SLF001 - it is gone


@pytest.mark.parametrize(
    ("content", "fs", "said"),
    [
        (bytes(MB), "ext4", "its file system is damaged"),
        (bytes(MB), "", "it is not formatted, or in a way not known here"),
        (bytes(MB), "btrfs", "it is not formatted, or in a way not known here"),
    ],
)
def test_what_cannot_be_mounted_is_said_in_a_sentence(
    bench: Bench, content: bytes, fs: str, said: str
) -> None:
    (bench.root / "junk.img").write_bytes(content)
    bench.plug(bench.root / "junk.img", fs)
    with pytest.raises(Declined, match=f"JUNK cannot be read: {said}"):
        bench.open()


def test_what_is_not_plugged_in_is_never_opened(bench: Bench) -> None:
    node = bench.plug(bench.image("export"))
    name = node.rsplit("/", 1)[-1]
    bench.bus.pull(name)
    bench.bus.plug(stick(node, by_usb=False))
    assert bench.helper.volumes() == []
    for wish in (f"{name}-1", node, "../../etc"):
        with pytest.raises(Declined, match="is not plugged in any more"):
            bench.helper.open(wish)


def test_another_user_is_refused(bench: Bench) -> None:
    (bench.box.paths.run / SOCKET).chmod(0o666)
    for folder in (bench.box.paths.run, *bench.box.paths.run.parents):
        if not folder.stat().st_mode & stat.S_IXOTH:
            folder.chmod(0o755)
    script = (
        "import socket, sys; line = socket.socket(socket.AF_UNIX); line.connect(sys.argv[1]);"
        'line.sendall(b\'{"op": "volumes"}\\n\'); print(line.makefile().readline())'
    )
    command = ["setpriv", "--reuid=65534", "--clear-groups", "/usr/bin/python3", "-c", script]
    said = run(*command, bench.box.paths.run / SOCKET)
    assert "this user has no business here" in said


def test_watch_is_rung_when_something_comes(bench: Bench) -> None:
    with hang(bench.box.paths.run, "watch") as bell:
        bell.settimeout(10)
        bench.plug(bench.image("export"))
        assert bell.recv(16)


def source(bench: Bench) -> StickSource:
    journal = bench.box.journal
    return StickSource(
        StickLink(name="usb"), None, journal, Intake(journal), SystemClock(), bench.helper
    )


def read_all(found: StickSource) -> None:
    wait_s: float | None = 0
    while wait_s is not None and wait_s < 2:
        _, wait_s = found.turn()


def test_a_stick_that_breaks_off_half_way_keeps_what_was_whole(bench: Bench) -> None:
    """Behind the cut the disk answers with input/output errors, as one that was pulled does."""
    files = [(f"IM{n:03}", part10(f"1.2.{n}", pixels=os.urandom(200_000))) for n in range(40)]
    image = bench.image("export", *files)
    bench.plug(image)
    os.truncate(image, 6 * MB)
    found = source(bench)
    read_all(found)
    taken = bench.box.journal.ledger.item_counts()
    assert 0 < taken["arrived"] < 40
    assert set(taken) == {"arrived"}
    (row,) = bench.box.journal.ledger.places()
    assert "could not be read" in row["sentence"]
    os.truncate(image, 16 * MB)
    found.close()
