"""Owns `jembatan status`: how the box is doing, for people and for scripts."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from appliance.clock import SystemClock
from appliance.commands.box import journal_of, paths_of
from appliance.commands.out import ago, complain, document, say, table
from appliance.settings.current import Current
from appliance.status import snapshot
from appliance.status.pattern import drawing

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Mapping, Sequence

    from appliance.journal.journal import Paths
    from appliance.status.snapshot import Snapshot, SourceStatus


def status(options: Namespace) -> int:
    """Show it."""
    now = _look(paths_of(options.root))
    if options.json:
        document(now.document())
    else:
        _tell(now)
    return 0


def _look(paths: Paths) -> Snapshot:
    settings = Current(paths.root)
    problems = [settings.problem] if settings.problem else []
    with ExitStack() as open_ones:
        has_run = paths.journal.exists()
        journal = open_ones.enter_context(journal_of(paths)) if has_run else None
        return snapshot.take(journal, settings.get(), problems, SystemClock())


def _tell(now: Snapshot) -> None:
    say(drawing(now.lamps), "")
    for problem in now.problems:
        complain(problem)
    for notice in now.notices:
        say(f"Note: {notice.sentence}", f"      {notice.hint}", "")
    say(f"Images:      {_counts(now.items)}", f"Deliveries:  {_counts(now.deliveries)}")
    if now.oldest_waiting_s is not None:
        say(f"The oldest on its way came {ago(now.oldest_waiting_s)}.")
    if now.waiting_for_order:
        say(f"Waiting for their order in a worklist: {now.waiting_for_order}.")
    if now.sources:
        _tell_sources(now.sources)
    if now.destinations:
        say("", "Destinations")
        table(
            (
                f"  {d.name}",
                d.state,
                f"{d.waiting} waiting",
                f"{d.sentence} {d.proof if d.last_ok_at else ''}".rstrip(),
            )
            for d in now.destinations
        )
    if now.worklists:
        say("", "Worklists")
        table(
            (f"  {w.name}", w.state, f"{w.orders} orders", f"told {ago(w.told_s)}", w.sentence)
            for w in now.worklists
        )
        for worklist in now.worklists:
            if worklist.hint:
                say(f"  -> {worklist.name}: {worklist.hint}")
    if now.held:
        say("", "Waiting for a person")
        table((f"  {h.id}", h.name, h.code, h.sentence) for h in now.held)


def _tell_sources(sources: Sequence[SourceStatus]) -> None:
    say("", "Sources")
    table(
        (f"  {s.name}", s.state, f"last file {ago(s.last_arrival_s)}", s.sentence) for s in sources
    )
    for source in sources:
        if source.hint:
            say(f"  -> {source.name}: {source.hint}")
        if source.silence:
            say(f"  -> {source.silence.sentence} {source.silence.hint}")


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{n} {state}" for state, n in counts.items()) or "none"
