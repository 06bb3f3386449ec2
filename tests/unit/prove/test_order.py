"""The checker of orders must see every wrong one; each test moves, drops or spoils one call."""

from __future__ import annotations

import pytest

from tests.prove import strace
from tests.prove.order import Places, Record

WAL = "/box/var/journal.sqlite-wal"
DRAFT = "/box/var/spool/tmp/.7-aa.part"

PUT = "/box/var/spool/tmp/.9-bb.part"
COPY = "/box/var/spool/tmp/.6-dd.part"
LINE = "TCPv6:[::ffff:127.0.0.1:11112->::ffff:127.0.0.1:3]"

STAGED = "/box/var/serial/line"
SAID = f"{STAGED}/.2-cc.part"
PTY = "/dev/pts/3"

# 7 is watch's thread for a folder, 8 deliver's, 9 one of receive's, 6 watch's for a serial line.
RIGHT = {
    "mkdir": '7 mkdir("/box/var/spool/ab", 0777) = 0',
    "mkdir sync": "7 fsync(5</box/var/spool>) = 0",
    "write": f'7 write(5<{DRAFT}>, "pixels", 6) = 6',
    "file sync": f"7 fsync(5<{DRAFT}>) = 0",
    "rename": f'7 rename("{DRAFT}", "/box/var/spool/ab/abcd") = 0',
    "folder sync": "7 fsync(6</box/var/spool/ab>) = 0",
    "commit": f'7 pwrite64(4<{WAL}>, "row", 3, 0) = 3',
    "commit sync": f"7 fdatasync(4<{WAL}>) = 0",
    "taken": '7 write(2</log>, "cr: took P00001.png\\n", 20) = 20',
    "claim": f'8 pwrite64(4<{WAL}>, "active", 6, 3) = 6',
    "claim sync": f"8 fdatasync(4<{WAL}>) = 0",
    "send": r'8 sendto(9<TCP:[127.0.0.1:1->127.0.0.1:2]>, "\4\0\0\0\0\220", 12, 0, NULL, 0) = 12',
    "proof": f'8 pwrite64(4<{WAL}>, "confirmed", 9, 9) = 9',
    "proof sync": f"8 fdatasync(4<{WAL}>) = 0",
    "delete": '7 unlink("/export/P00001.png") = 0',
    "delete sync": "7 fsync(6</export>) = 0",
    "settled": f'7 pwrite64(4<{WAL}>, "deleted", 7, 18) = 7',
    "put write": f'9 writev(5<{PUT}>, [{{iov_base="pixels", iov_len=6}}], 1) = 6',
    "put sync": f"9 fsync(5<{PUT}>) = 0",
    "put rename": f'9 rename("{PUT}", "/box/var/spool/ab/abce") = 0',
    "put folder sync": "9 fsync(6</box/var/spool/ab>) = 0",
    "put commit": f'9 pwrite64(4<{WAL}>, "row", 3, 0) = 3',
    "put commit sync": f"9 fdatasync(4<{WAL}>) = 0",
    "answer": rf'9 sendto(9<{LINE}>, "\4\0\0\0\0\220", 12, 0, NULL, 0) = 12',
    "said write": f'6 write(5<{SAID}>, "MSH", 3) = 3',
    "said file sync": f"6 fsync(5<{SAID}>) = 0",
    "said rename": f'6 rename("{SAID}", "{STAGED}/2-cc.hl7") = 0',
    "said folder sync": f"6 fsync(6<{STAGED}>) = 0",
    "said copy": f'6 write(5<{COPY}>, "MSH", 3) = 3',
    "said copy sync": f"6 fsync(5<{COPY}>) = 0",
    "said kept": f'6 rename("{COPY}", "/box/var/spool/ab/abcf") = 0',
    "said kept sync": "6 fsync(6</box/var/spool/ab>) = 0",
    "said commit": f'6 pwrite64(4<{WAL}>, "row", 3, 0) = 3',
    "said commit sync": f"6 fdatasync(4<{WAL}>) = 0",
    "reply": rf'6 write(9<{PTY}<char 136:3>>, "\vMSH", 4) = 4',
    "let go": f'6 unlink("{STAGED}/2-cc.hl7") = 0',
    "let go sync": f"6 fsync(6<{STAGED}>) = 0",
}
SYNCS = [name for name in RIGHT if name.endswith("sync")]
EVENTS = ["rename", "taken", "send", "delete", "put rename", "answer", "reply", "let go"]


def faults(lines: dict[str, str]) -> list[str]:
    return Record(strace.read(lines.values()), Places("/box", "/export", 11112, PTY)).faults()


def without(*names: str) -> dict[str, str]:
    return {name: line for name, line in RIGHT.items() if name not in names}


def moved(call: str, behind: str) -> dict[str, str]:
    """The right order, but for one call that comes only behind another."""
    lines = {}
    for name, line in without(call).items():
        lines[name] = line
        if name == behind:
            lines[call] = RIGHT[call]
    return lines


def test_the_right_order_is_right() -> None:
    assert faults(RIGHT) == []


@pytest.mark.parametrize("sync", SYNCS)
def test_a_sync_that_is_left_out_is_missed(sync: str) -> None:
    assert faults(without(sync))


@pytest.mark.parametrize("sync", SYNCS)
def test_a_sync_that_failed_counts_as_none(sync: str) -> None:
    assert faults(RIGHT | {sync: RIGHT[sync].replace("= 0", "= -1 EIO (Input/output error)")})


@pytest.mark.parametrize(
    ("call", "behind"),
    [
        ("mkdir sync", "commit"),
        ("write", "file sync"),
        ("file sync", "rename"),
        ("folder sync", "commit"),
        ("commit", "taken"),
        ("commit sync", "taken"),
        ("claim", "send"),
        ("claim sync", "send"),
        ("proof sync", "delete"),
        ("delete sync", "settled"),
        ("put write", "put sync"),
        ("put sync", "put rename"),
        ("put folder sync", "put commit"),
        ("put commit", "answer"),
        ("put commit sync", "answer"),
        ("said file sync", "said rename"),
        ("said folder sync", "said commit"),
        ("said kept sync", "said commit"),
        ("said commit", "reply"),
        ("said commit sync", "reply"),
        ("said commit", "let go"),
        ("said commit sync", "let go"),
    ],
)
def test_a_call_that_comes_too_late_is_seen(call: str, behind: str) -> None:
    assert faults(moved(call, behind))


def test_a_commit_before_the_file_is_published_is_seen() -> None:
    first = {name: RIGHT[name] for name in ("commit", "commit sync")}
    assert faults(first | without(*first))


def test_a_sync_that_is_not_over_counts_as_none() -> None:
    """Another thread goes on while fdatasync is under way."""
    lines = RIGHT | {"proof sync": f"8 fdatasync(4<{WAL}> <unfinished ...>"}
    lines = {**lines, "resumed": "8 <... fdatasync resumed>) = 0"}
    assert faults(lines)


@pytest.mark.parametrize("event", EVENTS)
def test_a_record_without_the_event_proves_nothing(event: str) -> None:
    assert faults(without(event))
