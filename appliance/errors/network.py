"""Owns what can be wrong when the network of the box itself is changed."""

from __future__ import annotations

from appliance.errors.base import Problem


class BadNetwork(Problem):
    """{faults}

    `faults` are lines `network: network.KEY: reason`, one for each thing that is wrong.
    """

    code = "bad-network"
    hint = "Nothing was changed; the network stays as it was."


class NoTrial(Problem):
    """No network is being tried: it was confirmed already, or given up after {seconds:g} s."""

    code = "no-trial"
    hint = "See which network is in force, and set the other one once more if it is wanted."


class NotFromThere(Problem):
    """This was asked at {host}; that the new network works is only shown from {there}."""

    code = "not-from-there"
    hint = "Open the page at the new address and confirm there, before the time is over."
