"""Owns changing the network while the box runs: tried first, given up unless confirmed from there.

A trial lives in /run and the timer is systemd's: whatever dies meanwhile, and when the plug is
pulled, the network that was confirmed last comes back.
"""

from __future__ import annotations

import logging
import time
import tomllib
from collections.abc import Callable
from dataclasses import replace
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

from appliance import durable
from appliance.board.network import addresses
from appliance.box import connect, first_boot, network, networkd, state, wishes
from appliance.box.network import ALWAYS, LAN, WIFI
from appliance.box.state import State, Trial
from appliance.errors import BadNetwork, NotFromThere, NoTrial, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

    from appliance.box.connect import Places, Tool
    from appliance.box.network import Network
    from appliance.call import Handing, Handler

TRIAL_S = 120  # systemd/jembatan-network-revert.timer
_TIMER = "jembatan-network-revert.timer"
_TRIAL = "trial.toml"
_ANSWERED_S = 3.0

_log = logging.getLogger(__name__)


Later = Callable[[Callable[[], None]], None]
"""Has something done, at once or a little later."""


def at_once(act: Callable[[], None]) -> None:
    """While who asked waits."""
    act()


def after_the_answer(
    places: Places, at_work: Callable[[], AbstractContextManager[object]]
) -> Later:
    """When who asked has their answer: it goes by way of the address that is about to go.

    `at_work` keeps the process from leaving before.
    """

    def later(act: Callable[[], None]) -> None:
        def run() -> None:
            with at_work():
                Event().wait(_ANSWERED_S)
                with connect.alone(places):
                    act()

        Thread(target=run, name="network").start()

    return later


class Changes:
    """The operations on the network of a running box."""

    def __init__(
        self,
        places: Places,
        tool: Tool,
        later: Later = at_once,
        monotonic: Callable[[], float] = time.monotonic,
        addresses: Callable[[], Mapping[str, tuple[str, ...]]] = addresses,
    ) -> None:
        """Act on the box at `places`, by the programs that `tool` runs."""
        self._places = places
        self._tool = tool
        self._later = later
        self._monotonic = monotonic
        self._addresses = addresses

    @property
    def operations(self) -> Mapping[str, Handler]:
        """By name, as callers ask for them."""
        found = {
            "network-set": self._set,
            "network-confirm": self._confirm,
            "network-revert": self._revert,
            "network-forget": self._forget,
        }
        return {name: self._alone(handler) for name, handler in found.items()}

    def revert(self) -> bool:
        """Give up what is tried; whether anything was. The caller is alone (`connect.alone`)."""
        tried = self._tried()
        if tried is None:
            return False
        self._put(tried, network.in_force(self._places.root), again=True)
        self._end()
        return True

    def revert_late(self) -> bool:
        """The same where the time to confirm it is over."""
        told = state.told(self._places.told)
        if told and told.trial and self._monotonic() < told.trial.until_s:
            return False
        return self.revert()

    def _set(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """{"values": {KEY: TEXT}}, keys of jembatan.txt: {"tried": BOOL, "host", "seconds"}.

        What another box has now is only kept, for when this one goes on.
        """
        root = self._places.root
        kept = network.load(root)
        wish = wished(kept, request["values"])
        before, after = network.allowed(root, kept), network.allowed(root, wish)
        now = self._tried() or before
        if not must_be_tried(before, after):
            self._put(now, after)
            network.save(root, wish)
            self._end()
            return {"tried": False, "host": "", "seconds": 0}
        self._try(now, after)
        return {"tried": True, "host": after.lan.host, "seconds": TRIAL_S}

    def _confirm(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """{"host": the address this was asked at; "" at the box itself}: keep what is tried."""
        tried = self._tried()
        if tried is None:
            raise NoTrial(seconds=TRIAL_S)
        self._must_be_there(tried, str(request["host"]))
        network.save(self._places.root, tried)
        self._end()
        return {}

    def _revert(self, _: Mapping[str, Any]) -> Mapping[str, Any]:
        """{}: give up what is tried now."""
        if not self.revert():
            raise NoTrial(seconds=TRIAL_S)
        return {}

    def _forget(self, _: Mapping[str, Any]) -> Mapping[str, Any]:
        """{}: as on a new box; for who stands before it and cannot reach it."""
        now = self._tried() or network.load(self._places.root)
        self._put(now, first_boot.forget(self._places))
        self._end()
        return {}

    def _alone(self, handler: Handler) -> Handler:
        def act(request: Mapping[str, Any]) -> Mapping[str, Any] | Handing:
            with connect.alone(self._places):
                return handler(request)

        return act

    def _try(self, now: Network, after: Network) -> None:
        """The way back first: without a timer that runs nothing is tried."""
        trial = Trial(after, self._monotonic() + TRIAL_S)
        self._tool("systemctl", "restart", _TIMER)
        durable.publish(self._trial, network.toml(after).encode(), 0o600)
        told = state.told(self._places.told) or State("")
        state.tell(self._places.told, replace(told, trial=trial))
        self._later(lambda: self._begin(now, after, trial))

    def _begin(self, now: Network, after: Network, trial: Trial) -> None:
        """Have what is tried in force; what cannot be is given up at once, and that is told."""
        if self._tried() != after:
            return  # somebody thought better of it
        try:
            self._put(now, after, trial)
        except (Problem, OSError) as error:
            _log.error("the other network could not be tried: %s", error)
            self.revert()
            told = state.told(self._places.told) or State("")
            what = f"The other network could not be tried: {error}"
            state.tell(self._places.told, replace(told, troubles=(what,)))

    def _put(
        self, now: Network, after: Network, trial: Trial | None = None, *, again: bool = False
    ) -> None:
        """In force, as far as this start goes; `again`: also where the files say so already."""
        changed = connect.write(self._places, after) | ({networkd.UNITS} if again else set())
        connect.tell(changed, now, self._tool)
        connect.enforce(self._places, after, self._tool)
        told = state.told(self._places.told) or State("")
        if after.hostname != now.hostname:
            told = replace(told, hostname=after.hostname or told.own_name)
            connect.rename(told.hostname)
        state.tell(self._places.told, replace(told, network=after, trial=trial))

    def _end(self) -> None:
        """Nothing is tried any more."""
        self._trial.unlink(missing_ok=True)
        self._tool("systemctl", "stop", _TIMER)
        if told := state.told(self._places.told):
            state.tell(self._places.told, replace(told, trial=None))

    def _must_be_there(self, tried: Network, host: str) -> None:
        if not host:
            return
        there = {tried.lan.host} if tried.lan.host else self._given(tried)
        if host not in there - {ALWAYS}:
            told = " or ".join(sorted(there)) or "an address that it has not got yet"
            raise NotFromThere(host=host, there=told)

    def _given(self, tried: Network) -> set[str]:
        """The addresses that the network gave."""
        known = self._addresses()
        return {each for name in (tried.lan.interface, WIFI, LAN) for each in known.get(name, ())}

    def _tried(self) -> Network | None:
        try:
            return network.of(tomllib.loads(self._trial.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None

    @property
    def _trial(self) -> Path:
        return self._places.told / _TRIAL


def wished(before: Network, values: Mapping[str, str]) -> Network:
    """The network with single keys changed. Raises BadNetwork."""
    reading = wishes.words(values, before, _no_file)
    if reading.faults:
        lines = (f"network: network.{each.key}: {each}" for each in reading.faults)
        raise BadNetwork(faults="\n".join(lines))
    return reading.network


def _no_file(_: str, name: str) -> bytes:
    raise FileNotFoundError(name)


def must_be_tried(before: Network, after: Network) -> bool:
    """Whether whoever asked for it might not reach the box any more."""
    return _ways(before) != _ways(after)


def _ways(network: Network) -> tuple[object, ...]:
    """How the box is reached; what the modality's side has may be what DHCP gave the other."""
    return network.lan, network.dot1x, network.wifi, network.modality
