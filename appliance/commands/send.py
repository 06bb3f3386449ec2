"""Owns `jembatan send`: the product's sender, now, without a queue."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from appliance.commands.out import document, say
from appliance.commands.tls import tls_of
from appliance.desk.send import send as send_files
from appliance.desk.send import target_of

if TYPE_CHECKING:
    from argparse import Namespace


def send(options: Namespace) -> int:
    """Send, and say what was not taken."""
    target = target_of(options.to, options.calling, tls_of(options))
    report = send_files(options.paths, target, options.associations)
    sys.stderr.writelines(f"{line}\n" for line in report.complaints())
    if options.json:
        document(report.document())
    else:
        taken = len(report.objects) - len(report.failed)
        say(f"{taken} sent, {len(report.failed)} not, in {report.seconds:.1f} s")
    return 1 if report.failed else 0
