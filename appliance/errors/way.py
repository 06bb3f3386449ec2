"""Owns what only the doctor finds on the way to a peer: names, routes, firewalls, clocks."""

from __future__ import annotations

from appliance.errors.base import Problem
from appliance.errors.peer import HostSilent, HostUnknown


class TitleWrong(Problem):
    """An AE title cannot be right as it was typed: {why}."""

    code = "title-wrong"
    hint = "Type it again, letter by letter and without spaces around it."


class NoNameServer(HostUnknown):
    """No name server answered when this box asked for the address of {host}."""

    code = "no-name-server"
    hint = "Type an IP address, or have the network's name server given to this box."


class NoWay(HostSilent):
    """This box has no way to {host} at {address}: {why}."""

    code = "no-way"
    hint = "Check the network cable, and this box's own address, netmask and gateway."


class NobodyThere(HostSilent):
    """No machine in the network of this box answers to the address {address} of {host}."""

    code = "nobody-there"
    hint = "Compare the address; is that machine switched on and its cable plugged in?"


class Walled(HostSilent):
    """{host} is there, but a firewall swallows what is sent to its port {port}."""

    code = "firewall"
    hint = "Have that port opened for this box, on that machine and in the network between."


class Swallowed(HostSilent):
    """Nothing comes back from {host}, neither from port {port} nor from another one."""

    code = "swallowed"
    hint = "It is switched off, has another address, or a firewall hides all of it: ask there."


class NoReport(Problem):
    """{peer} was asked to commit itself to an image, and did not report within {seconds:g} s."""

    code = "no-report"
    hint = "It reports by a new connection to this box: its title, address and port must be known."


class NoListener(NoReport):
    """{peer} is to report to port {port} of this box, and nothing listens there."""

    code = "no-listener"
    hint = "See on the status page whether the service that listens runs; another program may."


class ClockWrong(Problem):
    """{what}."""

    code = "clock-wrong"
    hint = "Give this box a time server, or compare its clock with a good one and put it right."
