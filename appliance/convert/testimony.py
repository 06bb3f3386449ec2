"""Owns what a reading process tells the service, as JSON, and how far the service believes it.

A decoder may have been taken over by what it read: whatever it says is checked, and nothing it
says can name a file that is not the image's own, or a kind of trouble that is not known here.
"""

from __future__ import annotations

import errno
import json
import os
import re
from typing import TYPE_CHECKING, Any

from appliance import errors
from appliance.errors import Crashed, Held, Ignored, Quarantined, TooLarge
from appliance.journal import codec

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from appliance.journal.spool import Spool
    from appliance.model import Body, Evidence

    Reading = tuple[tuple[Body, ...], Evidence]

MOST_BYTES = 16 << 20

_LIMITED = frozenset({errno.EACCES, errno.EPERM, errno.EAGAIN, errno.EMFILE, errno.EFBIG})
_NONSENSE = frozenset({errno.EINVAL, errno.EOVERFLOW})  # a place that a file says something is at
_MOST_WORDS = 200
_DIGEST = re.compile(r"[0-9a-f]{64}")
_PLAIN = (str, int, float)


def told(read: Callable[[], Reading]) -> bytes:
    """What `read` returns or raises, in words that `believed` understands."""
    try:
        bodies, evidence = read()
        rows = [codec.dump_body(body) for body in bodies]
        said: dict[str, object] = {"bodies": rows, "evidence": codec.dump_evidence(evidence)}
    except (Held, Ignored, Quarantined) as problem:
        facts = {k: v if isinstance(v, _PLAIN) else str(v) for k, v in problem.facts.items()}
        said = {"problem": [type(problem).__name__, facts]}
    except MemoryError:
        said = {"lacks": "memory"}
    except OSError as error:
        said = _trouble(error)
    except Exception as error:  # noqa: BLE001 - whatever it is, it costs this one file only
        said = {"fault": f"{type(error).__name__}: {error}"}
    return codec.dump(said).encode()


def _trouble(error: OSError) -> dict[str, object]:
    """The machine's own troubles are told as such; what limits or sense forbid is the file's."""
    if error.errno == errno.ENOMEM:
        return {"lacks": "memory"}
    if error.errno is None or error.errno in _LIMITED | _NONSENSE:
        return {"fault": f"{type(error).__name__}: {error}"}
    return {"trouble": error.errno}


def believed(text: bytes, name: str, files: Mapping[str, int], spool: Spool) -> Reading:
    """What was told of `name`, which may speak of `files` only: digest to size.

    Raises the Held, Quarantined or Ignored that was told, OSError for the machine's trouble, and
    Crashed for what cannot be so.
    """
    try:
        said = json.loads(text)
        _raise(said, name)
        bodies = tuple(codec.load_body(row, spool) for row in said["bodies"])
        evidence = codec.load_evidence(said["evidence"])
        for number, body in enumerate(bodies, 1):
            _check(number, body, files)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise Crashed(name=name, how="what it says makes no sense") from error
    return bodies, evidence


def _raise(said: Mapping[str, Any], name: str) -> None:
    if "problem" in said:
        kind, facts = said["problem"]
        raise _problem(kind)(**{str(k): v for k, v in facts.items() if isinstance(v, _PLAIN)})
    if "lacks" in said:
        raise TooLarge(name=name, what="it needs more memory than the converter may have")
    if "trouble" in said:
        raise OSError(int(said["trouble"]), os.strerror(int(said["trouble"])))
    if "fault" in said:
        raise Crashed(name=name, how=str(said["fault"])[:_MOST_WORDS])


def _problem(kind: str) -> type[Held | Ignored | Quarantined]:
    """A class of trouble that a reader may tell. Raises KeyError for any other."""
    found = vars(errors).get(kind)
    if not (isinstance(found, type) and issubclass(found, Held | Ignored | Quarantined)):
        raise KeyError(kind)
    return found


def _check(number: int, body: Body, files: Mapping[str, int]) -> None:
    """Raises ValueError unless the body can be so."""
    good = (
        body.number == number
        and bool(_DIGEST.fullmatch(body.digest))
        and isinstance(body.attributes, dict)
        and all(
            piece.offset >= 0
            and piece.length >= 0
            and piece.offset + piece.length <= files.get(piece.path.name, -1)
            for piece in body.slices
        )
    )
    if not good:
        raise ValueError(number)
