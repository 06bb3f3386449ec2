"""A file that its reader dies of, hangs on or is taken over by costs that file and no other."""

from __future__ import annotations

import ctypes
import errno
import os
import re
import resource
import signal
import socket
import time
from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from appliance.convert import formats
from appliance.convert.source import Found
from appliance.convert.stage import Convert
from appliance.convert.worker import Worker
from appliance.errors import (
    BitsContradict,
    Crashed,
    DiskFull,
    Incomplete,
    MediaDirectory,
    Problem,
    TooLarge,
    TooSlow,
    WorkerDied,
)
from appliance.journal.spool import Spool
from appliance.model import BodyKind, ItemState, Slice
from appliance.peek import Format
from appliance.settings.schema import Settings
from tests.builders import part10, pictures

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from appliance.convert.source import Source
    from appliance.convert.testimony import Reading
    from tests.builders.box import Box

    Read = Callable[[Source], Sequence[Found]]

NOW = datetime(2026, 1, 2, 10, 11, 12, tzinfo=UTC)
BMP = pictures.saved(pictures.colour(), "BMP")
PNG = pictures.saved(pictures.grey(16), "PNG")
PDF = b"%PDF-1.4\n%%EOF\n"


class Full(Spool):
    """A card without room."""

    def make(self, produce: object) -> None:  # type: ignore[override]
        raise DiskFull(where=self.folder)


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "spool")


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Callable[[Read], None]:
    """Has BMP files read by a reader of the test's."""
    return lambda read: monkeypatch.setitem(formats._READERS, Format.BMP, read)  # noqa: SLF001


def read(spool: Spool, content: bytes = BMP, worker: Worker | None = None) -> Reading:
    path = spool.keep(BytesIO(content)).path
    return (worker or Worker(spool)).read(
        path,
        "film",
        None,
        sidecars={},
        modified_at=NOW,
        arrived_at=NOW,
    )


@pytest.mark.parametrize(
    "content",
    [
        BMP,
        PNG,
        PDF,
        part10.film("1.2.3"),
        pictures.tiff(pictures.grey(16), byteorder=">"),
        pictures.tiff(pictures.grey(16), compression="deflate"),
        pictures.jpeg(pictures.colour()),
        pictures.jpeg(pictures.colour(), orientation=6),
    ],
)
def test_it_finds_what_the_readers_find(spool: Spool, content: bytes) -> None:
    here = formats.read(
        spool.keep(BytesIO(content)).path,
        "film",
        None,
        sidecars={},
        modified_at=NOW,
        arrived_at=NOW,
        make_body=lambda produce: spool.make(produce).path,
    )
    assert read(spool, content) == here


def segfault(_: Source) -> Sequence[Found]:
    ctypes.string_at(0)
    raise AssertionError


def abort(_: Source) -> Sequence[Found]:
    os.abort()


def leave(_: Source) -> Sequence[Found]:
    os._exit(0)


def stumble(_: Source) -> Sequence[Found]:
    raise KeyError


@pytest.mark.parametrize(
    ("reader", "how"),
    [(segfault, "SIGSEGV"), (abort, "SIGABRT"), (leave, "exit status 0"), (stumble, "KeyError")],
)
def test_a_reader_that_dies_costs_its_file(
    spool: Spool, installed: Callable[[Read], None], reader: Read, how: str
) -> None:
    installed(reader)
    with pytest.raises(Crashed, match=how) as caught:
        read(spool)
    assert caught.value.code == "crashed"
    assert read(spool, PNG)


FILMS = {"before": PNG, "hostile": BMP, "behind": pictures.saved(pictures.grey(8), "PNG")}


def test_one_hostile_file_costs_one_item(box: Box, installed: Callable[[Read], None]) -> None:
    installed(segfault)
    items = [box.accept(name, content) for name, content in FILMS.items()]
    stage = Convert(box.journal)
    while stage.turn(Settings()):
        pass
    states = {item.name: box.journal.items.get(item.id).state for item in items}
    assert states == {
        "before": ItemState.CONVERTED,
        "hostile": ItemState.QUARANTINED,
        "behind": ItemState.CONVERTED,
    }


def loop(_: Source) -> Sequence[Found]:
    while True:
        pass


def sleep(_: Source) -> Sequence[Found]:
    time.sleep(60)
    raise AssertionError


@pytest.mark.parametrize(
    ("reader", "problem"),
    [(loop, TooSlow), (sleep, WorkerDied)],
    ids=["it is to blame", "the machine is"],
)
def test_a_reader_that_does_not_end_is_ended(
    spool: Spool,
    installed: Callable[[Read], None],
    reader: Read,
    problem: type[Problem],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("appliance.convert.cage._PATIENCE_S", 0.3)
    installed(reader)
    beats: list[float] = []
    with pytest.raises(problem):
        read(spool, worker=Worker(spool, lambda: beats.append(time.monotonic())))
    assert beats


@pytest.mark.parametrize(("slowness", "seconds"), [(1.0, 9), (5.0, 45)])
def test_the_kernel_limits_a_reader_too(
    spool: Spool,
    installed: Callable[[Read], None],
    monkeypatch: pytest.MonkeyPatch,
    slowness: float,
    seconds: int,
) -> None:
    def reader(_: Source) -> Sequence[Found]:
        names = ("CPU", "FSIZE", "NPROC", "CORE", "NOFILE")
        limits = [resource.getrlimit(getattr(resource, f"RLIMIT_{name}"))[0] for name in names]
        raise Incomplete(name="film", detail=str(limits))

    monkeypatch.setattr("appliance.convert.cage.slowness", lambda: slowness)
    installed(reader)
    with pytest.raises(Incomplete, match=re.escape(f"[{seconds}, 0, 0, 0, 64]")):
        read(spool)


def test_processor_time_that_ran_out_is_said_as_such(
    spool: Spool, installed: Callable[[Read], None]
) -> None:
    def reader(_: Source) -> Sequence[Found]:
        os.kill(os.getpid(), signal.SIGXCPU)
        raise AssertionError

    installed(reader)
    with pytest.raises(TooSlow):
        read(spool)


def test_a_reader_gets_no_more_than_so_much_memory(
    spool: Spool, installed: Callable[[Read], None]
) -> None:
    def hoard(_: Source) -> Sequence[Found]:
        bytearray(256 << 20)  # tests before this one may have left 64 MB mapped and free
        raise AssertionError

    installed(hoard)
    with pytest.raises(TooLarge, match="memory"):
        read(spool)


def test_a_reader_may_have_a_large_picture(
    spool: Spool, installed: Callable[[Read], None]
) -> None:
    def hoard(_: Source) -> Sequence[Found]:
        bytearray(150 << 20)
        raise Incomplete(name="film", detail="enough")

    installed(hoard)
    with pytest.raises(Incomplete):
        read(spool)


def outside(source: Source) -> Path:
    return source.path.parent.parent.parent / "outside"


def writes(source: Source) -> object:
    return outside(source).write_text("taken over")


def writes_into_the_spool(source: Source) -> object:
    return (source.path.parent / "new").write_bytes(b"")


def changes_its_file(source: Source) -> object:
    return source.path.open("r+b")


def reads_elsewhere(source: Source) -> object:
    return Path("/etc/passwd").read_text(encoding="ascii") + outside(source).read_text()


def starts_a_program(_: Source) -> object:
    return os.execv("/bin/true", ["true"])


def calls_home(_: Source) -> object:
    return socket.create_connection(("127.0.0.1", 9), timeout=1)


ACTS: list[Callable[[Source], object]] = [writes, writes_into_the_spool, changes_its_file]
ACTS += [reads_elsewhere, starts_a_program, calls_home]


@pytest.mark.parametrize("act", ACTS)
def test_a_reader_may_only_read(
    tmp_path: Path, installed: Callable[[Read], None], act: Callable[[Source], object]
) -> None:
    def reader(source: Source) -> Sequence[Found]:
        act(source)
        return ()

    installed(reader)
    (tmp_path / "outside").write_text("as it was")
    with pytest.raises(Crashed, match="PermissionError"):
        read(Spool(tmp_path / "spool"))
    assert (tmp_path / "outside").read_text() == "as it was"


def test_nothing_that_the_service_holds_is_open_in_a_reader(
    spool: Spool, installed: Callable[[Read], None], tmp_path: Path
) -> None:
    def reader(_: Source) -> Sequence[Found]:
        os.fstat(journal.fileno())
        raise AssertionError

    installed(reader)
    with (tmp_path / "journal").open("wb") as journal, pytest.raises(OSError, match="descriptor"):
        read(spool)


FOUND = Found(BodyKind.PIXELS, part10.EXPLICIT_LE, ())
LIES: dict[str, Callable[[Source], Found]] = {
    "beyond the end": lambda source: replace(FOUND, slices=(Slice(source.path, 0, 1 << 30),)),
    "before the start": lambda source: replace(FOUND, slices=(Slice(source.path, -8, 4),)),
    "of another image": lambda source: replace(
        FOUND, slices=(Slice(source.path.with_name("ab" * 32), 0, 4),)
    ),
    "with values of no kind": lambda _: replace(FOUND, kind="magic"),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("lie", LIES)
def test_what_a_reader_says_is_checked(
    spool: Spool, installed: Callable[[Read], None], lie: str
) -> None:
    installed(lambda source: (LIES[lie](source),))
    with pytest.raises(Crashed, match="makes no sense"):
        read(spool)


@pytest.mark.parametrize(
    "problem",
    [
        BitsContradict(name="film", value=4096, bits=12),
        Incomplete(name="film", detail="it has 3 of 4 bytes"),
        MediaDirectory(name="film"),
    ],
)
def test_what_is_wrong_comes_back_in_its_own_words(
    spool: Spool, installed: Callable[[Read], None], problem: Problem
) -> None:
    def reader(_: Source) -> Sequence[Found]:
        raise problem

    installed(reader)
    with pytest.raises(type(problem)) as caught:
        read(spool)
    assert caught.value.sentence == problem.sentence


def test_the_machines_troubles_are_not_the_files(
    tmp_path: Path, spool: Spool, installed: Callable[[Read], None]
) -> None:
    def reader(_: Source) -> Sequence[Found]:
        raise OSError(errno.EIO, "I/O error")

    with pytest.raises(DiskFull):
        read(Full(tmp_path / "full"), PNG)
    installed(reader)
    with pytest.raises(OSError, match="Input/output"):
        read(spool)


@pytest.mark.parametrize("number", [errno.EINVAL, errno.EMFILE])
def test_what_only_this_file_can_cause_is_not_the_machines(
    spool: Spool, installed: Callable[[Read], None], number: int
) -> None:
    def reader(_: Source) -> Sequence[Found]:
        raise OSError(number, os.strerror(number))

    installed(reader)
    with pytest.raises(Crashed, match="OSError"):
        read(spool)


def test_where_the_machine_has_no_room_its_file_can_wait(
    spool: Spool, installed: Callable[[Read], None]
) -> None:
    def reader(_: Source) -> Sequence[Found]:
        raise OSError(errno.ENOSPC, "No space left on device")

    installed(reader)
    with pytest.raises(DiskFull):
        read(spool)


@pytest.mark.parametrize("gone", ["film", "film.csv"])
def test_an_image_whose_bytes_are_gone_waits_for_a_person(box: Box, gone: str) -> None:
    item = box.accept("film", PNG, sidecars={"film.csv": b"PatientID\n4711\n"})
    digests = {"film": item.sha256, **item.sidecars}
    box.journal.spool.path(digests[gone]).unlink()
    assert Convert(box.journal).turn(Settings())
    assert box.journal.items.get(item.id).state is ItemState.HELD
    (row,) = box.journal.ledger.attention()
    assert row["code"] == "bytes-gone"


def test_a_body_that_cannot_be_finished_is_not_kept(
    spool: Spool, installed: Callable[[Read], None]
) -> None:
    def reader(source: Source) -> Sequence[Found]:
        def produce(write: Callable[[bytes], object]) -> None:
            write(bytes(1000))
            raise Incomplete(name="film", detail="its last rows are missing")

        source.make_body(produce)
        return ()

    installed(reader)
    with pytest.raises(Incomplete):
        read(spool)
    assert len(spool.files()) == 1  # what came
    assert not list((spool.folder / "tmp").iterdir())


def test_what_unpacks_without_end_is_not_stored(
    spool: Spool, installed: Callable[[Read], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    def endless(write: Callable[[bytes], object]) -> None:
        while True:
            write(bytes(1 << 16))

    def reader(source: Source) -> Sequence[Found]:
        source.make_body(endless)
        return ()

    monkeypatch.setattr("appliance.convert.cage._MOST_BODY_BYTES", 1 << 20)
    installed(reader)
    with pytest.raises(TooLarge, match="unpacked"):
        read(spool)


def killed(_: Source) -> Sequence[Found]:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


def test_a_reader_that_somebody_else_kills_does_not_cost_its_item_at_once(
    box: Box, installed: Callable[[Read], None]
) -> None:
    """The service ends as if it had been killed itself, and the journal counts that."""
    installed(killed)
    item = box.accept("film", BMP)
    for _ in range(3):
        service = box.again("convert")
        with pytest.raises(WorkerDied):
            Convert(service.journal).turn(Settings())
        service.close()
        box.journal.custody.free_the_dead()
    assert box.journal.items.get(item.id).state is ItemState.ARRIVED
    Convert(box.journal).turn(Settings())
    assert box.journal.items.get(item.id).state is ItemState.QUARANTINED
