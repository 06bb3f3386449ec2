"""Owns what a person may change about the box: keeper checks and publishes it, or says why not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.call import ask
from appliance.errors import BadSettings, Declined, NotThere
from appliance.settings import editing, recovery
from appliance.settings.history import history
from appliance.settings.load import settings_path, text_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from appliance.journal.session import Paths

_KEEPER_S = 20.0


def text(paths: Paths) -> str:
    """The settings as they stand in the file; "" on a box that was never set up."""
    path = settings_path(paths.root)
    return text_of(path) if path.exists() else ""


def save(paths: Paths, toml: str) -> None:
    """Put a whole text in force.

    Raises BadSettings and Declined (back-to-tests), with nothing changed; NobodyAnswers.
    """
    try:
        _keeper(paths, op="settings", toml=toml)
    except Declined as problem:
        if problem.code == BadSettings.code:
            raise BadSettings(faults=problem.sentence) from problem
        raise


def put(paths: Paths, table: str, entry: Mapping[str, object]) -> None:
    """Add or change the [[table]] entry of that name. Raises as `save`."""
    save(paths, editing.with_entry(text(paths), table, entry))


def drop(paths: Paths, table: str, name: str) -> None:
    """Remove the [[table]] entry of that name. Raises NotThere, and as `save`."""
    save(paths, editing.without_entry(text(paths), table, name))


def set_box(paths: Paths, values: Mapping[str, object]) -> None:
    """Change what the box says of itself. Raises as `save`."""
    save(paths, editing.with_table(text(paths), "box", values))


def version(paths: Paths, number: int) -> str:
    """The text of an earlier version. Raises NotThere."""
    for kept in history(paths.root):
        if kept.number == number:
            return text_of(kept.path)
    raise NotThere(what=f"version {number} of the settings")


def restore(paths: Paths, number: int) -> None:
    """Put an earlier version in force again, as a new one. Raises NotThere, and as `save`."""
    save(paths, version(paths, number))


def claim(paths: Paths, code: str, password: str) -> None:
    """Make the box one's own. Raises Declined (wrong code, weak password), NobodyAnswers."""
    _keeper(paths, op="claim", code=code, password=password)


def change_password(paths: Paths, old: str, new: str) -> None:
    """Change the page's password. Raises Declined (wrong or weak password), NobodyAnswers."""
    _keeper(paths, op="password", old=old, new=new)


def recovery_key(paths: Paths) -> str:
    """The key that opens the card elsewhere; "" once somebody has written it down."""
    return recovery.kept(paths.root)


def recovery_key_taken(paths: Paths) -> None:
    """It is written down: the box does not keep it any longer. Raises NobodyAnswers."""
    _keeper(paths, op="recovery-key-taken")


def _keeper(paths: Paths, **request: object) -> None:
    ask(paths.run / "keeper.sock", request, _KEEPER_S)
