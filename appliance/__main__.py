"""Owns the command line: its words, its exit status, trouble as one sentence and not a trace."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from appliance import __version__
from appliance.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Words = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - it has no other name

_FAILED = 1
_HW_PARTS = (
    *("board", "memory", "heat", "voltage", "card", "clock", "network", "usb", "serial"),
    "panel",
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the arguments say: 0 done, 1 refused or failed; wrong usage exits with 2."""
    options = _parser().parse_args(arguments)
    try:
        status = _command(options.does)(options)
        sys.stdout.flush()
    except Problem as problem:
        return _complained(problem.sentence, problem.hint)
    except BrokenPipeError:  # `jembatan status | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _FAILED
    except OSError as error:
        if error.filename is None:
            raise
        return _complained(f"{error.filename}: {error.strerror}", "")
    except KeyboardInterrupt:
        return _FAILED
    return status


def _command(does: str) -> Callable[[argparse.Namespace], int]:
    """The function; what it needs is only imported now, `send` must not wait for the rest."""
    module, _, name = does.partition(":")
    command: Callable[[argparse.Namespace], int] = getattr(importlib.import_module(module), name)
    return command


def _complained(sentence: str, hint: str) -> int:
    print(sentence, file=sys.stderr)
    if hint:
        print(f"  {hint}", file=sys.stderr)
    return _FAILED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="jembatan", description="Carries the exports of an old modality to the PACS."
    )
    parser.add_argument("--version", action="version", version=f"jembatan {__version__}")
    words = parser.add_subparsers(required=True, metavar="COMMAND")
    for add in (
        *(_run, _status, _days, _config, _convert, _send, _doctor, _queue, _journal),
        *(
            _update,
            _spare,
            _support,
            _hw,
            _recover,
            _reset,
            _rescue,
            _network,
            _ports,
            _conformance,
            _bench,
        ),
    ):
        add(words)
    return parser


def _word(
    words: Words, name: str, does: str, meaning: str, *, root: bool = True, json: bool = False
) -> argparse.ArgumentParser:
    """A command `name`, done by the function `does` ("module:function") of appliance.commands."""
    word = words.add_parser(name, help=meaning, description=meaning)
    word.set_defaults(does=f"appliance.commands.{does}")
    if root:
        word.add_argument("--root", type=Path, metavar="DIR", help="where all state of a box lies")
    if json:
        word.add_argument("--json", action="store_true", help="one JSON document on stdout")
    return word


def _group(words: Words, name: str, meaning: str) -> Words:
    group = words.add_parser(name, help=meaning, description=meaning)
    return group.add_subparsers(required=True, metavar="COMMAND")


def _run(words: Words) -> None:
    run = _word(words, "run", "run:run", "all services in the foreground")
    run.add_argument("--config", type=Path, metavar="FILE", help="settings to put in force first")
    run.add_argument("--port", type=int, default=8080, help="of the page (default %(default)s)")


def _status(words: Words) -> None:
    _word(words, "status", "status:status", "how the box is doing", json=True)


def _days(words: Words) -> None:
    meaning = "what came day by day, what became of it, and what the PACS has of it"
    days = _word(words, "days", "days:days", meaning, json=True)
    which = days.add_mutually_exclusive_group()
    which.add_argument("--day", type=date.fromisoformat, metavar="YYYY-MM-DD")
    which.add_argument("--last", type=_at_least_one, default=7, metavar="N", help="days")
    days.add_argument("--ask", action="store_true", help="the PACS first what it has now")
    days.add_argument("--csv", action="store_true", help="for a table calculator")


def _config(words: Words) -> None:
    group = _group(words, "config", "check, show and change the settings")
    check = _word(group, "check", "config:check", "say every fault of a file", root=False)
    check.add_argument("file", type=Path, metavar="FILE")
    _word(group, "show", "config:show", "the settings in force")
    _word(group, "history", "config:versions", "every version that is kept", json=True)
    restore = _word(group, "restore", "config:restore", "put an earlier version in force again")
    restore.add_argument("number", type=int, metavar="N")
    export = _word(group, "export", "config:export", "write the settings in force to a file")
    export.add_argument("file", type=Path, metavar="FILE")
    promote = _word(group, "promote", "config:promote", "from tests to real patients, in one step")
    promote.add_argument("name", metavar="DESTINATION")
    promote.add_argument("--to", metavar="AET@HOST:PORT", help="where the real one is")
    promote.add_argument(
        "--orders-at", type=_pair, action="append", metavar="WORKLIST=AET@HOST:PORT"
    )
    import_ = _word(group, "import", "config:import_", "put the settings of a file in force")
    import_.add_argument("file", type=Path, metavar="FILE")


def _convert(words: Words) -> None:
    meaning = "make DICOM files of exports, without a box"
    convert = _word(words, "convert", "convert:convert", meaning, root=False, json=True)
    convert.add_argument("paths", type=Path, nargs="+", metavar="PATH")
    convert.add_argument("--out", type=Path, required=True, metavar="DIR")
    convert.add_argument("--profile", metavar="NAME", help="of the settings given with --config")
    convert.add_argument("--config", type=Path, metavar="FILE")


def _send(words: Words) -> None:
    meaning = "send DICOM files and folders now, without a box"
    send = _word(words, "send", "send:send", meaning, root=False, json=True)
    send.add_argument("paths", type=Path, nargs="+", metavar="PATH")
    send.add_argument("--to", required=True, metavar="AET@HOST:PORT")
    send.add_argument("--from", dest="calling", default="JEMBATAN", metavar="AET")
    send.add_argument("--associations", type=_at_least_one, default=1, metavar="N")
    _tls(send)


def _doctor(words: Words) -> None:
    doctor = _word(
        words, "doctor", "doctor:doctor", "what is wrong with the way to a PACS", json=True
    )
    whom = doctor.add_mutually_exclusive_group(required=True)
    whom.add_argument("destination", nargs="?", metavar="DESTINATION", help="of the settings")
    whom.add_argument("--to", metavar="AET@HOST:PORT")
    doctor.add_argument("--from", dest="calling", default="", metavar="AET")
    _tls(doctor)


def _queue(words: Words) -> None:
    group = _group(words, "queue", "look at images and decide about them")
    _word(group, "list", "queue:unfinished", "what is on its way or needs a person", json=True)
    show = _word(group, "show", "queue:show", "one image and its history", json=True)
    show.add_argument("id", type=int, metavar="ID")
    explain = _word(group, "explain", "explain:explain", "why an image went there", json=True)
    explain.add_argument("id", type=int, metavar="ID")
    for name, meaning, several in (
        ("retry", "let images go on", "+"),
        ("hold", "stop images until they are retried", "+"),
        ("release", "say whose image it is", 1),
        ("discard", "give up on an image for good", 1),
    ):
        word = _word(group, name, f"queue:{name}", meaning, json=True)
        word.add_argument("ids", type=int, nargs=several, metavar="ID")
        word.add_argument(
            "--by", required=name == "release", metavar="WHO", help="kept in the history"
        )
        if name == "release":
            by = word.add_mutually_exclusive_group()
            by.add_argument("--item", metavar="WORKLIST_KEY")
            by.add_argument("--set", type=_pair, action="append", metavar="KEYWORD=VALUE")
        if name == "discard":
            word.add_argument("--reason", required=True, metavar="TEXT")


def _journal(words: Words) -> None:
    group = _group(words, "journal", "prove that nothing is missing, and give room back")
    _word(group, "verify", "journal:verify", "compare every row with its bytes", json=True)
    _word(group, "compact", "journal:compact", "remove what no row needs")


def _spare(words: Words) -> None:
    group = _group(words, "spare", "hand this box over to a spare box by a stick; backups")
    for name, does, meaning in (
        ("export", "export", "everything to a stick; this box then takes nothing in any more"),
        ("import", "import_", "be the box that is on a stick"),
        ("finish", "finish", "the stick of an interrupted export is back"),
        ("back", "back", "the export is void, this box goes on"),
        ("backup", "backup_", "write a backup, where anything is new"),
        ("status", "status", "which box works"),
    ):
        word = _word(group, name, f"spare:{does}", meaning, json=True)
        meaning_of_folder = "where the stick is mounted; none: the one that is named for it"
        word.add_argument("folder", type=Path, nargs="?", metavar="DIR", help=meaning_of_folder)
        if name in {"export", "import", "backup"}:
            word.add_argument("--passphrase", metavar="FILE", help="with it in; - for stdin")
        if name == "import":
            word.add_argument("--backup", action="store_true", help="the newest backup there")
            which = "the backup of this number, where several boxes have theirs there"
            word.add_argument("--which", metavar="NUMBER", default="", help=which)
            old = "the box that wrote it does not run any more"
            word.add_argument("--old-is-off", action="store_true", help=old)
        if name == "back":
            vouch = "its stick is gone for good, and no spare works with it"
            word.add_argument("--vouch", action="store_true", help=vouch)


def _support(words: Words) -> None:
    meaning = "what support needs to know, without a word of any patient"
    support = _word(words, "support", "support:support", meaning, json=True)
    support.add_argument("--out", type=Path, metavar="FILE", help="a .zip to send")


def _update(words: Words) -> None:
    group = _group(words, "update", "which version the box runs, and installing another")
    _word(group, "status", "update:status", "versions, and the last update", json=True)
    install = _word(group, "install", "update:install", "install a version", json=True)
    install.add_argument("what", metavar="FILE|URL", help="*.raucb, or where it is (https)")
    install.add_argument("--no-restart", action="store_true", help="it runs after the next one")


def _hw(words: Words) -> None:
    group = _group(words, "hw", "try out the board and what is wired to it")
    meaning = "each part: what was found, what was expected, what to do"
    test = _word(group, "test", "hw:test", meaning, json=True)
    test.add_argument("--only", action="append", choices=_HW_PARTS, help="this part alone")
    test.add_argument(
        "--wait", type=_at_least_one, default=15, metavar="S", help="how long for the button"
    )
    test.add_argument("--serial", default="/dev/ttyAMA0", metavar="LINE", help="the RS-232 plug")
    meaning = "the box's label as SVG, with its address as a QR code"
    label = _word(group, "label", "label:label", meaning)
    label.add_argument("file", type=Path, metavar="FILE")
    label.add_argument("--serial", metavar="S", help="of the board (default: of this one)")
    label.add_argument(
        "--fingerprint",
        default="",
        metavar="AA:BB:...",
        help="SHA-256 (default: this box's own)",
    )


def _network(words: Words) -> None:
    group = _group(words, "network", "how this box is found, and another address for it")
    _word(group, "show", "network:show", "names, addresses, what is set", json=True)
    change = _word(group, "set", "network:change", "change keys of jembatan.txt", json=True)
    change.add_argument("values", type=_pair, nargs="+", metavar="KEY=VALUE")
    _word(group, "confirm", "network:confirm", "keep an address that is tried", json=True)
    _word(group, "revert", "network:revert", "give up an address that is tried", json=True)


def _ports(words: Words) -> None:
    _word(words, "ports", "network:ports", "every connection, for firewall people", json=True)


def _conformance(words: Words) -> None:
    meaning = "the DICOM conformance statement of this version"
    _word(words, "conformance", "conformance:conformance", meaning, root=False)


def _bench(words: Words) -> None:
    bench = _word(words, "bench", "run:bench", "the benchmark table of the README", root=False)
    bench.add_argument("arguments", nargs=argparse.REMAINDER, metavar="...")


def _tls(word: argparse.ArgumentParser) -> None:
    """How a peer given with --to is spoken to; the same as `tls` of a destination."""
    tls = word.add_argument_group("TLS, with --to")
    tls.add_argument("--tls", action="store_true", help="speak it; so do all of the following")
    tls.add_argument("--ca", type=_file, metavar="PEM", help="the authority that is trusted")
    tls.add_argument("--cert", type=_file, metavar="PEM", help="what to show, with --key")
    tls.add_argument("--key", type=_file, metavar="PEM")
    tls.add_argument("--fingerprint", metavar="SHA256", help="of the one certificate to take")


def _file(text: str) -> str:
    """Absolute: a service that is asked works elsewhere."""
    return str(Path(text).absolute())


def _recover(words: Words) -> None:
    meaning = "open a card that came from another board, with its recovery key (on the box)"
    _word(words, "recover", "vault:recover", meaning, root=False)


def _reset(words: Words) -> None:
    meaning = "set the box back to how it came; refused while an image is unsent (on the box)"
    reset = _word(words, "reset", "vault:reset", meaning)
    reset.add_argument("--really", action="store_true", help="it is meant")


def _rescue(words: Words) -> None:
    meaning = "take what no PACS has off a card that was pulled, with its recovery key"
    rescue = _word(words, "rescue", "vault:rescue", meaning, root=False, json=True)
    rescue.add_argument("card", type=Path, metavar="CARD", help="the card's device, or its image")
    rescue.add_argument("--out", type=Path, required=True, metavar="DIR")
    rescue.add_argument("--key-file", type=Path, metavar="FILE", help="else it is asked for")


def _pair(text: str) -> tuple[str, str]:
    keyword, equals, value = text.partition("=")
    if not equals:
        msg = "is written NAME=VALUE"
        raise argparse.ArgumentTypeError(msg)
    return keyword, value


def _at_least_one(text: str) -> int:
    number = int(text)
    if number < 1:
        msg = "must be 1 or more"
        raise argparse.ArgumentTypeError(msg)
    return number


if __name__ == "__main__":
    sys.exit(main())
