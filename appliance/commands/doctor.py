"""Owns `jembatan doctor`: what is wrong with the way to a PACS, step by step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.clock import SystemClock
from appliance.commands.box import paths_of
from appliance.commands.out import document, say
from appliance.desk import echo
from appliance.errors import NotThere
from appliance.settings.current import Current

if TYPE_CHECKING:
    from argparse import Namespace

    from appliance.desk.echo import Answer, Place
    from appliance.journal.journal import Paths

_MARKS = {True: "ok", False: "NO", None: "--"}


def doctor(options: Namespace) -> int:
    """Ask the PACS, and tell."""
    paths = paths_of(options.root)
    answer = echo.ask_somehow(paths.run, _place(options, paths), SystemClock())
    if options.json:
        document(answer.document())
    else:
        _tell(answer)
    return 0 if answer.ok else 1


def _place(options: Namespace, paths: Paths) -> Place:
    settings = Current(paths.root).get()
    if options.to:
        return echo.place_at(options.to, options.calling or settings.box.ae_title)
    destination = settings.destination(options.destination)
    if destination is None:
        raise NotThere(what=f"destination {options.destination} in the settings")
    return echo.place_of(destination, settings)


def _tell(answer: Answer) -> None:
    for step in answer.steps:
        say(f"{_MARKS[step.ok]}  {step.title}: {step.expected}")
        if step.ok is False:
            say(f"      found: {step.found}", f"      do: {step.hint}")
    if answer.seconds is not None:
        say(f"It answered after {answer.seconds:.3f} s.")
