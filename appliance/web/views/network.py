"""Owns the network on the page: how it is, another address that is tried first, every port."""

from __future__ import annotations

import re
from ipaddress import IPv4Interface
from typing import TYPE_CHECKING

from flask import flash, redirect, render_template, request, url_for
from werkzeug.datastructures import MultiDict

from appliance.box.firewall import openings
from appliance.box.network import ALWAYS
from appliance.box.wishes import KEYS, values_of
from appliance.desk import network as desk
from appliance.errors import Problem
from appliance.web.forms import Faults

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flask.typing import ResponseReturnValue

    from appliance.box.state import State, Trial
    from appliance.web.box import Box

_FIELDS = (
    *("hostname", "address", "netmask", "gateway", "dns", "domain", "vlan"),
    *("modality-address", "modality-netmask", "modality-dhcp", "ntp"),
)
_MASKED = {"address": "netmask", "modality-address": "modality-netmask"}


class Network:
    """The views of the network of the box."""

    def __init__(self, box: Box) -> None:
        """Show and change that of `box`."""
        self._box = box

    def page(self) -> ResponseReturnValue:
        """How it is, and what goes in and out."""
        told = self._box.network
        trial = told.trial if told else None
        port = int(request.environ["SERVER_PORT"])
        return render_template(
            "network.html",
            state=told,
            always=ALWAYS,
            trial=trial,
            left_s=self._left_s(trial) if trial else 0,
            is_there=trial is not None and _host() == trial.network.lan.host,
            openings=openings(self._box.settings, self._box.place(port)),
        )

    def change(self) -> ResponseReturnValue:
        """The form; what is sent counts at once, or is tried."""
        told = self._box.network
        if told is None:
            return redirect(url_for("network"))
        if request.method == "GET":
            return self._form(told, _shown(told), Faults())
        given = {key: request.form[key].strip() for key in _FIELDS if key in request.form}
        try:
            answer = desk.change(self._box.paths, _wished(given, request.form))
        except Problem as problem:
            return self._form(told, request.form, _faults(problem)), 422
        if not answer["tried"]:
            flash("saved")
        return redirect(url_for("network"))

    def confirm(self) -> ResponseReturnValue:
        """It works: keep it. Asked at the new address, or it shows nothing."""
        desk.confirm(self._box.paths, _host())
        flash("network kept")
        return redirect(url_for("network"))

    def revert(self) -> ResponseReturnValue:
        """The one before, now."""
        desk.revert(self._box.paths)
        flash("network reverted")
        return redirect(url_for("network"))

    def _form(self, told: State, values: MultiDict[str, str], faults: Faults) -> str:
        return render_template("network_change.html", state=told, values=values, faults=faults)

    def _left_s(self, trial: Trial) -> int:
        return max(0, round(trial.until_s - self._box.clock.monotonic()))


def _host() -> str:
    """At which address this was asked, without its port."""
    return re.sub(r":\d+$", "", request.host)


def _shown(told: State) -> MultiDict[str, str]:
    """The fields as the network is."""
    shown = MultiDict(values_of(told.network, KEYS))
    for key, mask in _MASKED.items():
        if shown.get(key):
            own = IPv4Interface(shown[key])
            shown[key], shown[mask] = str(own.ip), str(own.netmask)
    shown["how"] = "own" if shown.get("address") else "dhcp"
    shown["modality-dhcp"] = "on" if shown.get("modality-dhcp") else ""
    return shown


def _wished(given: Mapping[str, str], form: MultiDict[str, str]) -> dict[str, str]:
    """What the form says, in keys: those of what was not chosen are empty."""
    wished = dict(given)
    if form.get("how") == "dhcp":
        wished |= dict.fromkeys(("address", "netmask", "gateway"), "")
    elif not wished.get("address"):
        wished["address"] = "?"  # an address was to be typed
    wished["modality-dhcp"] = "yes" if "on" in form.getlist("modality-dhcp") else ""
    if not wished.get("modality-address"):
        wished |= dict.fromkeys(("modality-netmask", "modality-dhcp"), "")
    return wished


def _faults(problem: Problem) -> Faults:
    """The lines `network: network.KEY: reason` of a problem, each at its field."""
    at: dict[str, str] = {}
    above: list[str] = []
    for line in problem.sentence.splitlines():
        found = re.fullmatch(r"network: network\.([\w-]+): (.*)", line)
        if found and found[1] in _FIELDS:
            at.setdefault(found[1], found[2])
        else:
            above.append(found[2] if found else line)
    return Faults(at, above, problem.hint)
