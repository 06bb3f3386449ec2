"""Owns looking into a card outside its box: on a workstation, with the recovery key, as root.

Nothing is written to the card. The kernel gets it read-only (a loop device, also over a card
reader's), decrypts it read-only, and sees it through a snapshot: what replaying the journals of
ext4 and SQLite writes lands in a file beside, which goes when this ends.
"""

from __future__ import annotations

import os
import tempfile
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.box import card, luks
from appliance.box.luks import Luks
from appliance.box.tool import attempt, run
from appliance.errors import DataDamaged, NoCardThere, NoDiskEncryption, ToolFailed

if TYPE_CHECKING:
    from collections.abc import Iterator

_MAGIC = b"LUKS\xba\xbe"
_MODULES = ("loop", "dm_crypt", "dm_snapshot", "adiantum")
_TARGETS = ("crypt", "snapshot")
_SECTOR = 512
_CHUNK_SECTORS = 16
_MOST_CHANGES = 1 << 30
_OPTIONS = "noatime,nodev,nosuid,noexec"
_UNREPAIRED = 4 | 8 | 16 | 32  # of e2fsck's exit status


@contextmanager
def opened(path: Path, recovery_key: str, beside: Path) -> Iterator[Path]:
    """The data of a card (or its image, or its data partition) as a folder, while in the block.

    `beside` is a folder with room for what would have been written. Raises NoDiskEncryption,
    NoCardThere, WrongRecoveryKey, DataDamaged, ToolFailed.
    """
    must_be_able()
    with ExitStack() as done:
        partition = _loop(done, path, *data_in(path))
        name = f"jembatan-rescue-{os.getpid()}"
        clear = Luks(Path(partition)).open_to_look(name, recovery_key)
        done.callback(luks.close, name)
        view = _snapshot(done, clear, f"{name}-view", beside)
        yield _mounted(done, view)


def must_be_able() -> None:
    """Raises NoDiskEncryption where this machine's kernel or user cannot do it."""
    if os.geteuid():
        raise NoDiskEncryption(why="only root may open one")
    for module in _MODULES:
        attempt("modprobe", "--quiet", module)  # built in, or missing: the next line tells
    known = attempt("dmsetup", "targets")
    if known.status:
        raise NoDiskEncryption(why="its kernel has no device-mapper")
    targets = {line.split()[0] for line in known.out.splitlines() if line}
    if missing := [target for target in _TARGETS if target not in targets]:
        raise NoDiskEncryption(why=f"its kernel has no dm-{' and no dm-'.join(missing)}")


def data_in(path: Path) -> tuple[int, int]:
    """Where the data partition lies in it, in bytes. Raises NoCardThere."""
    try:
        with path.open("rb") as file:
            if file.read(len(_MAGIC)) == _MAGIC:
                return 0, file.seek(0, os.SEEK_END)
        found = card.read(path).get(card.DATA)
    except OSError as error:
        raise NoCardThere(path=path, why=str(error.strerror).lower()) from error
    except (ToolFailed, KeyError) as error:
        raise NoCardThere(path=path, why="it has no table of partitions") from error
    if found is None:
        raise NoCardThere(path=path, why="it has no data partition; its box was never started")
    return found.start * _SECTOR, found.size * _SECTOR


def _loop(done: ExitStack, path: Path, start: int = 0, size: int = 0, how: str = "-r") -> str:
    words = (how, f"--offset={start}", f"--sizelimit={size}", "--find", "--show", str(path))
    device = run("losetup", *filter(None, words))
    done.callback(run, "losetup", "--detach", device)
    return device


def _snapshot(done: ExitStack, origin: Path, name: str, beside: Path) -> Path:
    """The device with a layer above it that takes all writing."""
    sectors = int(run("blockdev", "--getsz", str(origin)))
    with tempfile.NamedTemporaryFile(dir=beside, prefix=".rescue-") as file:
        file.truncate(_MOST_CHANGES)
        layer = _loop(done, Path(file.name), how="")  # lives on without its name
    table = f"0 {sectors} snapshot {origin} {layer} N {_CHUNK_SECTORS}"
    run("dmsetup", "create", name, "--table", table)
    done.callback(run, "dmsetup", "remove", "--retry", name)
    return luks.MAPPED / name


def _mounted(done: ExitStack, device: Path) -> Path:
    """Mounted; where the kernel will not, once more after a repair (of the layer above)."""
    folder = Path(done.enter_context(tempfile.TemporaryDirectory(prefix="jembatan-rescue-")))
    words = ("-t", "ext4", "-o", _OPTIONS, str(device), str(folder))
    if attempt("mount", *words).status:
        if attempt("e2fsck", "-f", "-y", str(device)).status & _UNREPAIRED:
            raise DataDamaged(why="its file system is damaged beyond repair")
        run("mount", *words)
    done.callback(run, "umount", str(folder))
    return folder
