"""Owns `jembatan hw test`: tries out the board, part by part, for people and for scripts."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.board.bench import card, machine, panel, plug, rtc
from appliance.board.bench.aside import keeper_aside
from appliance.board.bench.finding import Verdict
from appliance.board.bench.lines import named_level
from appliance.clock import SystemClock
from appliance.commands.box import paths_of
from appliance.commands.out import document, say

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Iterator, Mapping

    from appliance.board.bench.finding import Finding

    Try = Callable[[], Iterator[Finding]]

_MARKS = {Verdict.GOOD: "good", Verdict.BAD: "BAD ", Verdict.UNTOLD: "?   "}
_MACHINE = Path("/")


class Terminal:
    """The person at the terminal."""

    def sees(self, question: str) -> bool | None:
        """Asks until the answer is yes or no; an empty one means that nobody looks."""
        while True:
            answer = input(f"{question} [y/n] ").strip().lower()
            if not answer or answer[0] in "yn":
                return answer[0] == "y" if answer else None

    def please(self, request: str) -> None:
        """Say it."""
        say(request)


class Nobody:
    """A script: it sees nothing, and presses nothing."""

    def sees(self, _question: str) -> bool | None:
        """Nobody does."""
        return None

    def please(self, request: str) -> None:
        """Say it to whoever reads the log."""
        sys.stderr.write(f"{request}\n")


def test(options: Namespace) -> int:
    """Try everything, or what was asked for; 1 where something is bad."""
    is_person = sys.stdin.isatty() and not options.json
    person = Terminal() if is_person else Nobody()
    findings = []
    with keeper_aside() as stood_aside:
        if stood_aside and not options.json:
            say("keeper stands aside meanwhile: the lamps show nothing of the box's own.", "")
        for finding in _tried(tries(options, person), options.only):
            findings.append(finding)
            if not options.json:
                _tell(finding)
    if options.json:
        document({"parts": [finding.document() for finding in findings]})
    else:
        _sum_up(findings)
    return 1 if any(finding.verdict is Verdict.BAD for finding in findings) else 0


def tries(options: Namespace, person: panel.Person) -> Mapping[str, Try]:
    """What is tried, by the name that `--only` gives it."""

    def one(look: Callable[[], Finding]) -> Try:
        return lambda: iter([look()])

    folder = paths_of(options.root).root
    return {
        "board": one(lambda: machine.which(_MACHINE)),
        "memory": one(lambda: machine.memory(_MACHINE)),
        "heat": one(lambda: machine.heat(_MACHINE)),
        "voltage": one(lambda: machine.voltage(named_level)),
        "card": one(lambda: card.card(folder)),
        "clock": one(lambda: rtc.clock_chip(_MACHINE, SystemClock())),
        "network": one(lambda: machine.link(_MACHINE)),
        "usb": one(lambda: machine.sockets(_MACHINE)),
        "serial": one(lambda: plug.loopback(options.serial)),
        "panel": lambda: panel.panel(person, options.wait),
    }


def _tried(all_tries: Mapping[str, Try], only: list[str] | None) -> Iterator[Finding]:
    for name, each in all_tries.items():
        if not only or name in only:
            yield from each()


def _tell(finding: Finding) -> None:
    say(f"{_MARKS[finding.verdict]}  {finding.name}: {finding.found}")
    if finding.verdict is not Verdict.GOOD:
        say(f"      expected: {finding.expected}", f"      -> {finding.advice}")


def _sum_up(findings: list[Finding]) -> None:
    count = Counter(finding.verdict for finding in findings)
    counts = ", ".join(f"{count[verdict]} {verdict.value}" for verdict in Verdict)
    say("", f"{len(findings)} parts: {counts}.")
