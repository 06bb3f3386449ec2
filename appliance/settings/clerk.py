"""Owns what keeper does when asked: new settings, the first claim, passwords, the recovery key."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Any

from appliance.settings import access, history, recovery

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from appliance.call import Handler


class Clerk:
    """The operations of keeper's socket; `changed` is called after settings were published."""

    def __init__(self, root: Path, changed: Callable[[], None]) -> None:
        """Write below `root`."""
        self._root = root
        self._changed = changed
        self._one_at_a_time = Lock()

    @property
    def operations(self) -> Mapping[str, Handler]:
        """By name, as callers ask for them."""
        return {
            "settings": self._settings,
            "claim": self._claim,
            "password": self._password,
            "recovery-key-taken": self._recovery_key_taken,
        }

    def _settings(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """{"toml": TEXT}: put in force; {"version": NUMBER}."""
        with self._one_at_a_time:
            number = history.publish(self._root, request["toml"])
        self._changed()
        return {"version": number}

    def _claim(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """{"code": TEXT, "password": TEXT}: the first password."""
        with self._one_at_a_time:
            access.claim(self._root, request["code"], request["password"])
        return {}

    def _password(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """{"old": TEXT, "new": TEXT}: another password."""
        with self._one_at_a_time:
            access.change_password(self._root, request["old"], request["new"])
        return {}

    def _recovery_key_taken(self, _: Mapping[str, Any]) -> Mapping[str, Any]:
        """{}: somebody has written it down; it is kept here no longer."""
        with self._one_at_a_time:
            recovery.forget(self._root)
        return {}
