"""Proves the panel on an emulated Raspberry Pi 3B: the product's own programs, gpiozero on lgpio,
Debian's kernel with the box's overlay, and the pins as the chip itself has them.

Every state and sign of the lamps by its rhythm; button, supply and buzzer with keeper at work; the
RS-232 plug; the line that holds the power; and `jembatan hw test`.
"""

from __future__ import annotations

import json
import re
import sys
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from threading import Thread
from typing import TYPE_CHECKING, NamedTuple

from appliance.board.lamps import Frame, Lamp
from appliance.board.pins import read_pins
from appliance.status.pattern import PATTERNS, SIGNS
from tests.prove.board import Board
from tests.prove.board_image import BOARDS, every_tree
from tests.prove.box import end_tidily
from tests.prove.guest_image import run
from tests.prove.machine import NotProved, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

PINS = read_pins()
_PYTHON = "/opt/jembatan/bin/python"
_RUN = "/run/jembatan"
_POWER_FAILED = f"{_RUN}/keeper/power-failed"
_ASKS, _SAYS = "/run/asks", "/run/says"
_SAMPLE_S = 0.01
_TOLERANCE_S = 0.12
"""A turn may be off by this, as the median of those seen: an emulated machine is late at times."""

_MOMENT_S = 0.06
_ATTEMPTS = 8
_NEVER_S = 60.0

_DRIVER = """
import sys
from appliance.board.lamps import find_lamps
from appliance.status.pattern import PATTERNS, SIGNS
shown = {each.value: pattern.frames for each, pattern in PATTERNS.items()}
shown |= {each.value: frames for each, frames in SIGNS.items()}
lamps = find_lamps(sys.stderr)
print(type(lamps).__name__, flush=True)
for line in sys.stdin:
    lamps.show(shown[line.strip()], line)
"""

_HANDS = """
import json, os, socket, subprocess, threading, time
asked = []
def start(*words, **more):
    pipes = dict(stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    return subprocess.Popen(words, **(pipes | more))
def just_switched_on():
    # The program to be started counts its seconds from 30 s ago (time_namespaces(7)).
    since = int(time.clock_gettime(time.CLOCK_MONOTONIC)) - 30
    os.unshare(os.CLONE_NEWTIME)
    with open("/proc/self/timens_offsets", "w") as offsets:
        offsets.write(f"monotonic -{since} 0")
def steward(path):
    server = socket.socket(socket.AF_UNIX)
    server.bind(path)
    server.listen()
    def answer():
        while True:
            line, _ = server.accept()
            with line:
                asked.append(json.loads(line.makefile().readline()))
                line.sendall(b"{}\\n")
    threading.Thread(target=answer, daemon=True).start()
"""


class Seen(NamedTuple):
    """What was lit, and for how long."""

    lit: frozenset[Lamp]
    seconds: float


def main() -> int:
    """Prove it; 0, or 1 where something is not as it should be."""
    end_tidily()
    try:
        with TemporaryDirectory(prefix="jembatan-proof-") as folder, Board(Path(folder)) as board:
            print(f"proved: {_overlay(Path(folder))}", flush=True)
            seconds = board.start()
            print(f"{board.kind}: up after {seconds:.0f} s", flush=True)
            board.python(_HANDS)
            for prove in (_power_hold, _lamps, _keeper, _hw_test):
                print(f"proved: {prove(board)}", flush=True)
    except NotProved as reason:
        print(f"NOT PROVED: {reason}", flush=True)
        return 1
    return 0


def _overlay(folder: Path) -> str:
    """It goes onto the tree of every board, and does there what it should."""
    for tree in every_tree(folder):
        for node, name, value in (
            ("/soc/i2c@7e804000/rtc@68", "compatible", "maxim,ds3231"),
            ("/soc/serial@7e201000/bluetooth", "status", "disabled"),
            ("/soc/serial@7e215040", "status", "disabled"),
            ("/jembatan-power/hold", "label", "jembatan:power-hold"),
        ):
            found = run("fdtget", tree, node, name).strip()
            _expect(f"{tree.name}: {node} {name} is {value}: {found}", found == value)
    return f"the overlay on {', '.join(BOARDS)}"


# The power is held


def _power_hold(board: Board) -> str:
    """From the kernel's start, by the kernel, until it is told to let go."""
    pin, led = PINS.power_hold, "/sys/class/leds/jembatan:power-hold/brightness"
    _expect("the power is held", _is_high(board, pin))
    line = _kernels_lines(board).get(pin, "")
    _expect(f"the kernel has the line: {line}", "jembatan:power-hold" in line and "out hi" in line)
    board.run("sh", "-c", f"echo 0 >{led}")
    _expect("the power is let go", not _is_high(board, pin))
    board.run("sh", "-c", f"echo 1 >{led}")
    return f"power held by the kernel's own driver ({line})"


# Lamps


def _lamps(board: Board) -> str:
    """Each state and each sign, as the chip's pins have them and as the kernel does."""
    board.python(f"lamps = start({_PYTHON!r}, '-c', {_DRIVER!r}); value = lamps.stdout.readline()")
    kind = board.python("value = value.strip()")
    _expect(f"the lamps are on the header: {kind}", kind == "GpioLamps")
    shown = {state.value: pattern.frames for state, pattern in PATTERNS.items()}
    shown |= {sign.value: frames for sign, frames in SIGNS.items()}
    longest_off_s = 0.0
    for name, frames in shown.items():
        board.python(f"lamps.stdin.write({name + chr(10)!r}); lamps.stdin.flush(); value = None")
        off_s = _rhythm(board, name, frames)
        longest_off_s = max(longest_off_s, off_s)
        said = _kernels_lit(board, {frame.lit for frame in frames})
        print(
            f"  {name}: as it should, off by {off_s * 1000:.0f} ms; the kernel: {said}", flush=True
        )
    board.python("lamps.kill(); value = lamps.wait()")
    pins = [_function(board, pin) for pin in PINS.lamps.values()]
    _expect("a killed program's pins are let go", pins == ["input"] * len(pins))
    return (
        f"{len(PATTERNS)} states and {len(SIGNS)} signs on the pins, a turn off by "
        f"{longest_off_s * 1000:.0f} ms at most (median); killed, its pins become inputs, and dark"
    )


def _rhythm(board: Board, name: str, frames: tuple[Frame, ...]) -> float:
    """How far the turns on the pins are off, in the median; NotProved where they are others.

    Watched again where they are late: a busy machine keeps the emulated one waiting.
    """
    wait_for(name, lambda: _lit(board) == frames[0].lit, 30)
    off_s, seen = _watched(board, frames)
    for _ in range(_ATTEMPTS):
        if off_s <= _TOLERANCE_S:
            return off_s
        off_s, seen = _watched(board, frames)
    message = f"not so: {name}: {seen}, off by {off_s:.2f} s"
    raise NotProved(message)


def _watched(board: Board, frames: tuple[Frame, ...]) -> tuple[float, list[Seen]]:
    """How far off what was seen for a while is, and what was seen."""
    if len(frames) == 1:
        seen = _settled(_watch(board, 2.0))
        return 0.0 if {each.lit for each in seen} == {frames[0].lit} else _NEVER_S, seen
    seen = _settled(_watch(board, max(2.5 * sum(frame.seconds for frame in frames), 5.0)))
    # What was lit as the watching began and ended is not known whole.
    whole = seen[1:-1]
    if len(whole) < len(frames):
        return _NEVER_S, seen
    return min(_off(whole, frames, begin) for begin in range(len(frames))), seen


def _off(whole: list[Seen], frames: tuple[Frame, ...], begin: int) -> float:
    due = [frames[(begin + turn) % len(frames)] for turn in range(len(whole))]
    if any(each.lit != frame.lit for each, frame in zip(whole, due, strict=True)):
        return _NEVER_S
    return median(
        abs(each.seconds - frame.seconds) for each, frame in zip(whole, due, strict=True)
    )


def _watch(board: Board, seconds: float) -> Iterator[Seen]:
    lit, since_s = _lit(board), time.monotonic()
    until_s = since_s + seconds
    while (now_s := time.monotonic()) < until_s:
        if (now := _lit(board)) != lit:
            yield Seen(lit, now_s - since_s)
            lit, since_s = now, now_s
        time.sleep(_SAMPLE_S)
    yield Seen(lit, time.monotonic() - since_s)


def _settled(seen: Iterable[Seen]) -> list[Seen]:
    """Without what is lit for a moment, while one lamp follows another: that is the next one's."""
    settled: list[Seen] = []
    moments_s = 0.0
    for each in seen:
        if each.seconds < _MOMENT_S:
            moments_s += each.seconds
        else:
            settled.append(Seen(each.lit, each.seconds + moments_s))
            moments_s = 0.0
    return settled


def _lit(board: Board) -> frozenset[Lamp]:
    levels = board.levels()
    return frozenset(lamp for lamp in Lamp if levels >> PINS.lamps[lamp] & 1)


def _kernels_lit(board: Board, wanted: set[frozenset[Lamp]]) -> str:
    """The kernel's own account has been seen to tell each of these; another process reads it."""
    missing = set(wanted)
    until_s = time.monotonic() + 30
    while missing:
        _expect(f"the kernel tells {missing} too", time.monotonic() < until_s)
        said = _kernels_lines(board)
        missing.discard(
            frozenset(lamp for lamp in Lamp if "out hi" in said.get(PINS.lamps[lamp], ""))
        )
    return f"{len(wanted)} of {len(wanted)}"


# keeper at work


def _keeper(board: Board) -> str:
    """Lamps by themselves, button and supply to the steward, and the buzzer."""
    board.run("mkdir", "-p", f"{_RUN}/keeper")
    board.python(f"steward('{_RUN}/steward.sock'); value = None")
    board.drive(PINS.button, high=True)  # down before it starts: what a factory reset asks for
    words = f"{_PYTHON!r}, '-m', 'appliance.services.keeper', '--root', '/data', '--run', {_RUN!r}"
    board.python(
        f"keeper = start({words}, preexec_fn=just_switched_on, stderr=open({_SAYS!r}, 'w'))\n"
        "value = None"
    )
    try:
        _used(board)
    except NotProved as reason:
        message = f"{reason}; keeper: {board.run('tail', '-n', '20', _SAYS)}"
        raise NotProved(message) from reason
    board.python("keeper.terminate(); value = keeper.wait()")
    _expect("keeper leaves its lamps dark", not _lit(board))
    count = board.python("value = len(asked)")
    _expect(f"nothing else was asked of the steward: {count}", count == 3)
    return "keeper: reset at start, network after 6 s, nothing after 3 s, the buzzer, the supply"


def _used(board: Board) -> None:
    """Everything that can be done to the panel while keeper is at work."""
    wait_for("the sign to let go", lambda: len(_lit(board)) == 1 and _alternates(board), 300)
    board.drive(PINS.button, high=False)
    _asked(board, {"op": "restart"})
    wait_for("idle", lambda: _lit(board) == {Lamp.GREEN}, 30)
    before = board.run("cat", "/data/etc/claim-code.txt")
    _press(board, 6.0)
    _asked(board, {"op": "network-forget"})
    _expect("a new claim code", board.run("cat", "/data/etc/claim-code.txt") != before)
    _press(board, 3.0)
    _buzzes(board, lambda: _press(board, 0.5))
    board.drive(PINS.power_fail, high=True)
    there = f"import os; value = os.path.exists({_POWER_FAILED!r})"
    wait_for("keeper to tell of the supply", lambda: board.python(there), 30)
    board.drive(PINS.power_fail, high=False)


def _press(board: Board, seconds: float) -> None:
    board.drive(PINS.button, high=True)
    time.sleep(seconds)
    board.drive(PINS.button, high=False)
    time.sleep(0.5)


def _alternates(board: Board) -> bool:
    """Yellow and red in turn: let go now for a factory reset."""
    seen = {each.lit for each in _watch(board, 1.5)}
    return {frozenset({Lamp.YELLOW}), frozenset({Lamp.RED})} <= seen


def _asked(board: Board, wanted: dict[str, str]) -> None:
    wait_for(f"{wanted}", lambda: wanted in board.python("value = asked"), 30)


def _buzzes(board: Board, act: Callable[[], object]) -> None:
    """The buzzer's pin goes high and low again while somebody acts."""
    thread = Thread(target=act)
    heard = 0
    thread.start()
    until_s = time.monotonic() + 3
    while time.monotonic() < until_s:
        heard += _is_high(board, PINS.buzzer)
        time.sleep(_SAMPLE_S)
    thread.join()
    _expect("the buzzer sounds when the button is pressed", heard > 0)
    _expect("the buzzer is silent again", not _is_high(board, PINS.buzzer))


# jembatan hw test


def _hw_test(board: Board) -> str:
    """What can be tried here is good, what cannot is said."""
    board.join_plug(joined=True)
    words = f"{_PYTHON!r}, '-m', 'appliance', 'hw', 'test', '--json', '--root', '/data'"
    board.python(
        f"test = start({words}, '--wait', '60', stderr=open({_ASKS!r}, 'w')); value = None"
    )
    wait_for("the button to be asked for", lambda: "button" in board.run("cat", _ASKS), 180)
    _press(board, 0.5)
    wait_for("the end", lambda: board.python("value = test.poll()") is not None, 60)
    parts = json.loads(board.python("value = test.stdout.read()"))["parts"]
    verdicts = {part["name"]: part["verdict"] for part in parts}
    for part in parts:
        print(f"  {part['name']}: {part['verdict']}: {part['found']}", flush=True)
    good = {"board", "memory", "card", "RS-232", "power-fail line", "button"}
    untold = {"lamp green", "lamp yellow", "lamp red", "buzzer"}
    for names, verdict in ((good, "good"), (untold, "cannot be told")):
        _expect(f"{names}: {verdict}", all(verdicts[name] == verdict for name in names))
    return f"jembatan hw test: {len(good)} good here, {len(untold)} wait for a person's eyes"


# The pins


def _is_high(board: Board, pin: int) -> bool:
    return bool(board.levels() >> pin & 1)


def _kernels_lines(board: Board) -> dict[int, str]:
    """What the kernel says of each pin that somebody has, read by another process than those."""
    text = board.python("value = open('/sys/kernel/debug/gpio').read()")
    found = (" ".join(line.split()) for line in text.splitlines())
    return {int(pin[1]): line for line in found if (pin := re.search(r"\(GPIO(\d+) ", line))}


def _function(board: Board, pin: int) -> str:
    """What a pin is, by the chip's own register (BCM2835 ARM Peripherals, GPFSELn)."""
    value = board.register(0x3F200000 + 4 * (pin // 10))
    return {0: "input", 1: "output"}.get(value >> 3 * (pin % 10) & 7, "other")


def _expect(what: str, found: object) -> None:
    if not found:
        message = f"not so: {what}"
        raise NotProved(message)


if __name__ == "__main__":
    sys.exit(main())
