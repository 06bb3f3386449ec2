"""Owns `jembatan convert`: exports to DICOM files, without a queue."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from appliance.commands.out import complain, document, say
from appliance.desk.convert import convert as convert_files

if TYPE_CHECKING:
    from argparse import Namespace

    from appliance.desk.convert import Progress

_SAY_EVERY = 100


def convert(options: Namespace) -> int:
    """Convert, and say what could not be."""
    report = convert_files(options.paths, options.out, options.profile, options.config, _tell)
    for path, problem in report.held:
        complain(problem, path)
    if options.json:
        document(report.document())
    else:
        say(f"{len(report.objects)} written to {options.out}, {len(report.held)} held")
    return 1 if report.held else 0


def _tell(progress: Progress) -> None:
    """How far it is: a line that changes where somebody watches, else one now and then."""
    watched = sys.stderr.isatty()
    is_last = progress.done == progress.files
    if watched or (progress.done % _SAY_EVERY == 0 and not is_last):
        start, end = ("\r", "\n" if is_last else "") if watched else ("", "\n")
        words = f"{progress.done} of {progress.files} files, {progress.held} held"
        sys.stderr.write(f"{start}{words}{end}")
        sys.stderr.flush()
