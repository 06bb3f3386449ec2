"""Owns `jembatan run` and `jembatan bench`: the product in the foreground, and its figures."""

from __future__ import annotations

import runpy
import sys
from typing import TYPE_CHECKING

from appliance.commands.box import checkout, paths_of
from appliance.errors import Refused

if TYPE_CHECKING:
    from argparse import Namespace


def run(options: Namespace) -> int:
    """All services, until told to leave."""
    from appliance.services.run import main  # noqa: PLC0415 - the benchmark needs no services

    return main(paths_of(options.root).root, options.config, options.port)


def bench(options: Namespace) -> int:
    """The benchmark table of the README; it lives beside the tests."""
    top = checkout()
    if top is None or not (top / "tests" / "bench").exists():
        why = "it is part of the sources; run ./dev bench in a checkout"
        raise Refused(what="The benchmark", why=why)
    sys.path.insert(0, str(top))
    sys.argv[1:] = options.arguments
    runpy.run_module("tests.bench", run_name="__main__")
    return 0
