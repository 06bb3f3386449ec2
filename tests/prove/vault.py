"""Proves the card's data in an emulated guest with Debian's kernel: made, cut off, opened, saved.

The power is cut at random instants of first boots and of resets; another board, the recovery key,
a refused and a granted reset, and a rescue that changes no byte of the card. Debian's own
cryptsetup, sfdisk, e2fsck and systemd do it all, on a card with the layout of the box.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from appliance.box import recovery_key
from appliance.box.luks import State
from appliance.errors import OtherBoard, WrongRecoveryKey
from tests.prove.box import end_tidily
from tests.prove.guest_image import AMD64, ARM64
from tests.prove.machine import NotProved, wait_for
from tests.prove.vault_card import PYTHON, Card

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_ARCHS = {"amd64": AMD64, "arm64": ARM64}
_HERE, _ELSEWHERE = "10000000deadbeef", "10000000feedface"
_MIB = 1 << 20
_MARGIN_S = 2.0
_ACCEPT = """
import io, sys
sys.path.insert(0, "/opt/jembatan/lib/python3.13/site-packages")
from datetime import UTC, datetime
from pathlib import Path
from appliance.clock import SystemClock
from appliance.journal.journal import Journal, Paths
from appliance.journal.worker import Worker
from appliance.model import Arrival
paths = Paths(Path("/data"), Path("/run/work"))
worker = Worker(paths.run, "proof")
journal = Journal(paths, worker, SystemClock())
def accept(name, content):
    with journal.spool.custody():
        stored = journal.spool.keep(io.BytesIO(content))
        arrival = Arrival("cr", name, Path("/srv") / name, name)
        journal.arrivals.add(
            arrival, stored, evidence_digest="", sidecars={}, modified_at=datetime.now(UTC)
        )
    return stored.sha256
"""
_DISCARD = """
from appliance.errors import Duplicate
from appliance.model import ItemState
item = journal.items.claim(ItemState.ARRIVED)
journal.items.stop(item, Duplicate(name="it", first="another"))
"""
_ASK = """
from appliance.box import vault
vault.ask_reset(vault.this_box())
"""
_VISIT = """
import ssl, urllib.error, urllib.parse, urllib.request

def visit(key=""):
    context = ssl._create_unverified_context()
    form = urllib.parse.urlencode({"key": key}).encode() if key else None
    try:
        with urllib.request.urlopen("https://127.0.0.1/", form, context=context) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refusal:
        return refusal.code, refusal.read().decode()
"""
_RESET_S = 20.0
_PAGE_S = 120.0
_FILMS = 40


def main(argv: Sequence[str] | None = None) -> int:
    """Prove it; 0, or 1 where an image could be lost, or read by who should not."""
    parser = argparse.ArgumentParser(prog="./dev prove vault", description=__doc__)
    parser.add_argument("--arch", choices=_ARCHS, default="amd64")
    parser.add_argument("--rounds", type=int, default=20, help="power cuts, of each kind")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", choices=_PARTS, action="append")
    options = parser.parse_args(argv)
    end_tidily()
    faults = 0
    with TemporaryDirectory(prefix="jembatan-proof-") as folder:
        card = Card(_ARCHS[options.arch], Path(folder))
        with card.guest:
            for name in options.only or _PARTS:
                faults += not _proved(name, card, options.rounds, Random(options.seed))
    return 1 if faults else 0


def _proved(name: str, card: Card, rounds: int, random: Random) -> bool:
    began_s = time.monotonic()
    card.guest.cut()
    card.new()
    card.board(_HERE)
    try:
        found = _PARTS[name](card, rounds, random)
    except NotProved as reason:
        print(f"NOT PROVED: {name}: {reason}", flush=True)
        return False
    seconds = time.monotonic() - began_s
    print(f"proved: {name}: {found}; {seconds:.0f} s", flush=True)
    return True


# Made and opened


def _first_boot(card: Card, _: int, __: Random) -> str:
    made_s = card.must_start()
    table = card.run("dmsetup", "table", "jembatan-data")
    _must("xchacha12,aes-adiantum-plain64" in table, f"Adiantum: {table}")
    _must("allow_discards" in table and "sector_size:4096" in table, f"options: {table}")
    dump = card.run("cryptsetup", "luksDump", "/dev/vdc7")
    _must("argon2" not in dump and dump.count("pbkdf2") >= 3, dump)
    options = card.run("findmnt", "-no", "OPTIONS", "/data")
    _must("noatime" in options and "noexec" in options, options)
    rest = int(card.run("blockdev", "--getsize64", "/dev/vdc")) - sum(
        int(card.run("cat", f"/sys/block/vdc/vdc7/{name}")) * 512 for name in ("start", "size")
    )
    _must(0 <= rest < 2 * _MIB, f"{rest} bytes of the card are not used")
    card.run("fstrim", "/data")
    key = card.recovery_key()
    _must(recovery_key.read(key) == key, key)
    card.run("sh", "-c", "echo here >/data/var-test && sync")
    uuid = card.uuid()
    card.guest.cut()
    opened_s = card.must_start()
    _must(card.run("cat", "/data/var-test") == "here", "what was there is there")
    _must(card.uuid() == uuid, "it is the same")
    return f"made in {made_s:.1f} s, opened in {opened_s:.1f} s ({card.guest.kind})"


def _cuts(card: Card, rounds: int, random: Random) -> str:
    """Cuts in first boots; a card stays in the box until it is finished, whatever that takes."""
    whole_s = card.must_start() + _MARGIN_S
    card.guest.cut()
    finished = 0
    for number in range(rounds):
        if number % 3 == 0:
            card.new()
            card.board(_HERE)
        card.cut_within(whole_s, random)
        before = card.header()
        was_finished = before is not None and before.state is State.FINISHED
        card.must_start()
        after = card.header()
        is_finished = after is not None and after.state is State.FINISHED
        _must(is_finished, f"round {number}: it is finished: {after}")
        is_same = not was_finished or (before and after and before.uuid == after.uuid)
        _must(bool(is_same), f"round {number}: what was finished is not made anew")
        finished += was_finished
        card.recovery_key()
        card.guest.cut()
    return f"{rounds} power cuts, {finished} of them on a finished card"


# Another board


def _other_board(card: Card, _: int, __: Random) -> str:
    card.must_start()
    key = card.recovery_key()
    card.run("sh", "-c", "echo here >/data/var-test && sync")
    card.guest.cut()
    card.board(_ELSEWHERE)
    card.boot()
    _must(card.start().status != 0, "another board does not open it")
    said = card.report()
    _must(said["said"][0][0] == "other-board", str(said))
    _must(card.guest.run("mountpoint", "/data", check=False).status != 0, "nothing is mounted")
    for wrong, code in (("ABC", "30 letters"), (recovery_key.make(), "not the one of this card")):
        done = card.command("recover", text=wrong)
        _must(done.status == 1 and code in done.text, done.text)
    done = card.command("recover", text=key.lower().replace("-", " "))
    _must(done.status == 0, done.text)
    card.run("systemctl", "start", "data.mount")
    _must(card.run("cat", "/data/var-test") == "here", "the recovery key opens it")
    card.guest.cut()
    card.must_start()
    _must(card.run("cat", "/data/var-test") == "here", "the new board opens it from then on")
    card.guest.cut()
    card.board(_HERE)
    card.boot()
    _must(card.start().status != 0, "the old board is out")
    _open_by_page(card, key)
    card.must_start()
    _must(card.run("cat", "/data/var-test") == "here", "the key opens it on the page too")
    card.guest.cut()
    card.board(_ELSEWHERE)
    card.put("jembatan-erase.txt", "Erase everything\r\n")
    card.must_start()
    _must(card.guest.run("cat", "/data/var-test", check=False).status != 0, "it was erased")
    _must(card.recovery_key() != key, "with another key")
    return "refused, recovered, taken over, erased by who holds the card"


def _open_by_page(card: Card, key: str) -> None:
    """Red lamp, the reason on the page, the key typed there; the box restarts by itself."""
    wait_for("the page", lambda: card.is_active("jembatan-locked"), _PAGE_S, 1)
    _must("red" in card.said().lower(), "the red lamp")
    card.guest.python(_VISIT)
    status, text = card.guest.python("value = visit()")
    _must(status == 503 and OtherBoard().sentence in text, text)
    status, text = card.guest.python(f"value = visit({recovery_key.make()!r})")
    _must(status == 422 and WrongRecoveryKey().sentence in text, text)
    status, text = card.guest.python(f"value = visit({key!r})")
    _must(status == 200 and "starts again" in text, text)
    wait_for("its restart", lambda: not card.guest.is_on, _PAGE_S, 1)
    card.guest.cut()


# Damage


def _damage(card: Card, _: int, __: Random) -> str:
    """What is finished is never formatted, whatever is wrong with it."""
    card.must_start()
    start = int(card.run("cat", "/sys/block/vdc/vdc7/start")) * 512
    card.guest.cut()
    for at, count, what in ((0, 1 << 20, "both headers gone"), (16 << 20, 8 << 20, "no ext4")):
        kept = _overwrite(card, start + at, bytes(count))
        card.boot()
        _must(card.start().status != 0, f"{what}: it is not opened")
        said = card.report()["said"][0]
        _must(said[0] == "data-damaged", f"{what}: {said}")
        card.guest.cut()
        _must(_overwrite(card, start + at, kept) == bytes(count), f"{what}: nothing was written")
    card.must_start()
    return "without its header, without its file system: said, and left as it was"


def _overwrite(card: Card, at: int, content: bytes) -> bytes:
    """Put bytes on the card; what was there."""
    with card.path.open("r+b") as file:
        file.seek(at)
        before = file.read(len(content))
        file.seek(at)
        file.write(content)
    return before


# Rescue


def _rescue(card: Card, _: int, random: Random) -> str:
    card.must_start()
    key = card.recovery_key()
    card.guest.python(_ACCEPT)
    films = {
        f"film{number}.tif": random.randbytes(random.randrange(1, 1 << 18))
        for number in range(_FILMS)
    }
    for name, content in films.items():
        card.guest.python(f"value = accept({name!r}, bytes.fromhex({content.hex()!r}))")
    card.guest.cut()  # in the midst of work: ext4 and SQLite have journals to replay
    before = _digest(card.path)
    card.boot()
    done = card.command(*("rescue", "/dev/vdc", "--out", "/run/rescued", "--json"), text=key)
    _must(done.status == 0, done.text)
    rows = json.loads(done.text)["rescued"]
    found = {row["name"]: row["sha256"] for row in rows}
    wanted = {name: hashlib.sha256(content).hexdigest() for name, content in films.items()}
    _must(found == wanted, f"{len(found)} of {len(wanted)} were rescued")
    sums = card.run("sh", "-c", "cd /run/rescued/images && sha256sum *")
    _must({line.split()[0] for line in sums.splitlines()} == set(wanted.values()), sums)
    left = card.run("dmsetup", "ls") + card.run("losetup", "--list", "--noheadings")
    _must("jembatan" not in left and "vdc" not in left, f"left behind: {left}")
    done = card.command("rescue", "/dev/vdc", "--out", "/run/no", text=recovery_key.make())
    _must(done.status == 1 and "not the one of this card" in done.text, done.text)
    card.guest.cut()
    _must(_digest(card.path) == before, "the card was changed")
    return f"{_FILMS} of {_FILMS} unsent originals, no byte of the card changed"


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


# Reset


def _reset(card: Card, rounds: int, random: Random) -> str:
    card.must_start()
    key, uuid = card.recovery_key(), card.uuid()
    card.guest.python(_ACCEPT)
    card.guest.python("value = accept('film.tif', b'film')")
    refused = card.command("reset", "--really", "--root", "/data")
    _must(refused.status == 1 and "1 image (1 not yet read)" in refused.text, refused.text)
    card.guest.run(PYTHON, "-c", _ASK)  # as if it came after the first look
    card.guest.cut()
    card.must_start()
    _must(card.report()["said"][0][0] == "unsent-images", "it is refused at the start too")
    _must(card.uuid() == uuid, "nothing was erased")
    card.guest.run(PYTHON, "-c", _ACCEPT + _DISCARD)
    card.guest.run(PYTHON, "-c", _ASK)
    card.guest.cut()
    began = time.monotonic()
    for _ in range(rounds):
        card.cut_within(_RESET_S, random)
    card.must_start()
    _must(card.uuid() != uuid and card.recovery_key() != key, "it is another one")
    _must("film" not in card.run("find", "/data"), "nothing is left")
    done = card.guest.run(
        *("cryptsetup", "open", "--test-passphrase", "--key-file=-", "/dev/vdc7"),
        text=key,
        check=False,
    )
    _must(done.status == 2, "the old recovery key opens nothing")
    return f"refused twice, granted, {rounds} power cuts in {time.monotonic() - began:.0f} s"


def _must(is_so: bool, what: str) -> None:
    if not is_so:
        raise NotProved(what)


_PARTS: dict[str, Callable[[Card, int, Random], str]] = {
    "first-boot": _first_boot,
    "other-board": _other_board,
    "damage": _damage,
    "rescue": _rescue,
    "cuts": _cuts,
    "reset": _reset,
}

if __name__ == "__main__":
    sys.exit(main())
