"""Owns `jembatan journal`: prove that nothing is missing, and give room back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.commands.box import journal_of, paths_of
from appliance.commands.out import document, say

if TYPE_CHECKING:
    from argparse import Namespace


def verify(options: Namespace) -> int:
    """Every row has its bytes, every byte its row."""
    with journal_of(paths_of(options.root)) as journal:
        faults = journal.custody.verify()
        items = sum(journal.ledger.item_counts().values()) if not faults else None
    if options.json:
        document({"ok": not faults, "faults": faults})
    elif faults:
        say(*faults)
    else:
        say(f"All is well: {items} items, and every byte of theirs is what it was.")
    return 1 if faults else 0


def compact(options: Namespace) -> int:
    """Remove what no row needs, and unused pages."""
    paths = paths_of(options.root)
    before = paths.journal.stat().st_size if paths.journal.exists() else 0
    with journal_of(paths) as journal:
        journal.custody.compact()
    say(f"{before} bytes before, {paths.journal.stat().st_size} now")
    return 0
