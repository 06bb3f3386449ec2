"""Owns `jembatan convert`: exports to DICOM files, without a queue."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.commands.out import complain, document, say
from appliance.desk.convert import convert as convert_files

if TYPE_CHECKING:
    from argparse import Namespace


def convert(options: Namespace) -> int:
    """Convert, and say what could not be."""
    report = convert_files(options.paths, options.out, options.profile, options.config)
    for path, problem in report.held:
        complain(problem, path)
    if options.json:
        document(report.document())
    else:
        say(f"{len(report.objects)} written to {options.out}, {len(report.held)} held")
    return 1 if report.held else 0
