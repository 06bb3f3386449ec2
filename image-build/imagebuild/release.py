"""Owns what is being built: its version, and the moment that everything in the image bears."""

from __future__ import annotations

import os
from dataclasses import dataclass

from imagebuild.command import run
from imagebuild.errors import CommandFailed, NoCommit
from imagebuild.recipe import CHECKOUT


@dataclass(frozen=True)
class Release:
    """A version, and its commit's time in seconds since 1970."""

    version: str
    epoch_s: int

    @property
    def rank(self) -> int:
        """What decides between two slots: the journal's schema first, then the date."""
        return schema() * 10**11 + self.epoch_s


def schema() -> int:
    """Of the journal that this version writes."""
    return len(list((CHECKOUT / "appliance" / "journal" / "migrations").glob("*.sql")))


def released() -> Release:
    """What is checked out; SOURCE_DATE_EPOCH decides where it is set. Raises NoCommit."""
    given = os.environ.get("SOURCE_DATE_EPOCH", "")
    try:
        commit, epoch = run("git", "-C", CHECKOUT, "log", "-1", "--format=%h %ct").split()
        changed = run("git", "-C", CHECKOUT, "status", "--porcelain")
    except CommandFailed as failed:
        if given.isdigit():
            return Release(_version(), int(given))
        raise NoCommit from failed
    suffix = f"+g{commit}" + (".changed" if changed else "")
    return Release(_version() + suffix, int(given) if given.isdigit() else int(epoch))


def _version() -> str:
    text = (CHECKOUT / "appliance" / "__init__.py").read_text(encoding="utf-8")
    return text.partition('__version__ = "')[2].partition('"')[0]
