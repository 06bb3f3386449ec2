"""Owns strace: what it is told to record or to spoil, and how its record reads.

A call has two places in the record, where it began and where it ended, so that of two calls of
different threads it can be said whether one was over before the other began.
"""

from __future__ import annotations

import os
import re
import signal
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_LINE = re.compile(r"^(\d+) +(?:(<\.\.\.) )?(\w+)( resumed>|\()(.*)$")
_UNFINISHED = " <unfinished ...>"
_PATH = re.compile(r'<(/[^>]*)>|"(/[^"]*)"')


@dataclass(frozen=True)
class Call:
    """One system call of one thread."""

    thread: int
    name: str
    arguments: str
    result: str
    begun: int
    ended: int

    @property
    def paths(self) -> list[str]:
        """The files it speaks of, in their order."""
        return [of_descriptor or spelt for of_descriptor, spelt in _PATH.findall(self.arguments)]

    @property
    def path(self) -> str:
        """The first of them."""
        return next(iter(self.paths), "")

    @property
    def succeeded(self) -> bool:
        return not self.result.startswith(("-1", "?"))

    @property
    def was_spoilt(self) -> bool:
        return self.result.endswith("(INJECTED)")


def recording(names: Iterable[str], record: Path) -> list[str]:
    """The words before a command that is to be recorded with everything it starts."""
    return [*_strace(record), "--seccomp-bpf", "-e", f"trace={','.join(names)}"]


def killing(name: str, when: int, record: Path) -> list[str]:
    """The words before a command that dies of SIGKILL on the way into its `when`-th such call."""
    # Without --seccomp-bpf, under which strace 6.1 delivers no signals.
    spoil = f"inject={name}:signal=SIGKILL:when={when}"
    return [*_strace(record), "-e", f"trace={name}", "-e", spoil]


def failing(name: str, when: str, record: Path, error: str = "ENOSPC") -> list[str]:
    """The words before a command whose `when`-th such calls (strace's notation) fail."""
    spoil = f"inject={name}:error={error}:when={when}"
    return [*_strace(record), "--seccomp-bpf", "-e", f"trace={name},pwrite64", "-e", spoil]


def release(pid: int) -> None:
    """Let a process go on without its strace."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    if tracer := int(re.findall(r"^TracerPid:\s*(\d+)$", status, re.MULTILINE)[0]):
        os.kill(tracer, signal.SIGTERM)


def end_strays(folder: Path) -> None:
    """End every strace that records below `folder`; one may wait for ever for a dead process."""
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            words = (process / "cmdline").read_bytes().split(b"\0")
            if words[0] == b"strace" and any(w.startswith(bytes(folder)) for w in words):
                os.kill(int(process.name), signal.SIGTERM)


def read(lines: Iterable[str]) -> list[Call]:
    """The calls of a record in the order they ended; those that never ended come last."""
    return sorted(_calls(lines), key=lambda call: call.ended)


def _strace(record: Path) -> list[str]:
    # -D: the service stays our child. -I 1: strace itself listens to SIGTERM.
    return ["strace", "-D", "-I", "1", "-f", "-qq", "-yy", "-s", "64", "-o", str(record)]


def _calls(lines: Iterable[str]) -> Iterator[Call]:
    pending: dict[int, tuple[str, str, int]] = {}
    number = 0
    for number, line in enumerate(lines):
        if not (found := _LINE.match(line.rstrip("\n"))):
            continue
        thread, resumed, name, _, rest = found.groups()
        begun, start = number, ""
        if resumed:
            name, start, begun = pending.pop(int(thread), (name, "", number))
        if rest.endswith(_UNFINISHED):
            pending[int(thread)] = (name, rest.removesuffix(_UNFINISHED), begun)
            continue
        arguments, _, result = (start + rest).rpartition(" = ")
        yield Call(int(thread), name, arguments.rstrip(" )"), result.strip(), begun, number)
    for thread, (name, start, begun) in pending.items():
        yield Call(thread, name, start, "?", begun, number + 1)
