"""Owns `jembatan doctor`: what is wrong with the way to a PACS, step by step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.clock import SystemClock
from appliance.commands.box import paths_of
from appliance.commands.out import document, say
from appliance.commands.tls import tls_of
from appliance.desk.doctor import ask
from appliance.desk.doctor.report import State
from appliance.settings.current import Current

if TYPE_CHECKING:
    from argparse import Namespace

    from appliance.desk.doctor.report import Report, Step

_MARKS = {State.OK: "ok", State.FAILED: "NO", State.UNKNOWN: "??", State.SKIPPED: "--"}


def doctor(options: Namespace) -> int:
    """Have the way to the PACS looked at, and tell."""
    paths = paths_of(options.root)
    settings = Current(paths.root).get()
    tls = tls_of(options)
    if options.to:
        calling = options.calling or settings.box.ae_title
        whom = ask.at(ask.place_at(options.to, calling), tls)
    else:
        whom = ask.named(options.destination)
    report = ask.ask_somehow(paths.run, whom, settings, SystemClock())
    if options.json:
        document(report.document())
    else:
        _tell(report)
    return 0 if report.ok else 1


def _tell(report: Report) -> None:
    for step in report.steps:
        say(f"{_MARKS[step.state]}  {step.title}: {step.expected}")
        if step.state is State.SKIPPED:
            continue
        say(f"      found: {step.found}")
        _advise(step)


def _advise(step: Step) -> None:
    if step.hint:
        say(f"      do: {step.hint}")
    for where, key, value in step.entries:
        say(f"      type, {where}: {key.strip('`')} = {value}")
