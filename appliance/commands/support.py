"""Owns `jembatan support`: what support needs to know, without a word of any patient."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from appliance import durable
from appliance.clock import SystemClock
from appliance.commands.box import journal_of, paths_of
from appliance.commands.out import document, say
from appliance.desk.support import bundle
from appliance.settings.current import Current

if TYPE_CHECKING:
    from argparse import Namespace


def support(options: Namespace) -> int:
    """Show it, or write it to a file."""
    paths = paths_of(options.root)
    with ExitStack() as open_ones:
        has_run = paths.journal.exists()
        journal = open_ones.enter_context(journal_of(paths)) if has_run else None
        settings = Current(paths.root).get()
        found = bundle.document(journal, settings, bundle.machine_of(paths), SystemClock())
    if options.out:
        durable.publish(options.out, bundle.packed(found))
        say(f"Written: {options.out}. Read it before you send it.")
    if options.json:
        document(found)
    elif not options.out:
        say(bundle.text(found).rstrip())
    return 0
