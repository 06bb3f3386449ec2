"""Owns the exact bytes of an object: a small head written here, then slices as they lie. Pure."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from pydicom.tag import Tag

from appliance.errors import BadValue
from appliance.model import BodyKind
from appliance.route import iod, tags, uids
from appliance.route.carry import carried
from appliance.route.content import DOCUMENT, framed, instance, joined
from appliance.route.encode import encoded
from appliance.route.lettering import fitted, for_new, is_plain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from appliance.model import Body, Instance
    from appliance.route.case import Case
    from appliance.settings.schema import Destination


def compose(body: Body, case: Case, destination: Destination) -> Instance:
    """One object of an item as one destination gets it.

    The same input gives the same bytes, on any box. Raises BadValue, CannotEdit, CannotSay and
    ValuesUnknown.
    """
    if body.kind is BodyKind.DATASET:
        return carried(body, case, destination)
    values = _edited(body, iod.image_values(body, case), case.profile)
    values |= _uids(body, case, values)
    return _made(body, _edited(body, values, destination), destination)


def _uids(body: Body, case: Case, values: Mapping[str, object]) -> dict[str, str]:
    """The same at every destination: what each of them has changed is no part of them."""
    study = uids.study_uid(case.identity, case.source)
    series = uids.series_uid(study, str(values["Modality"]), case.source, values)
    # Never one that a name or a sidecar tells: the original may be in the PACS under it.
    own = uids.sop_instance_uid(body, case.identity)
    return {"StudyInstanceUID": study, "SeriesInstanceUID": series, "SOPInstanceUID": own}


def _edited(
    body: Body, values: Mapping[str, object], edits: tags.Edits | None
) -> dict[str, object]:
    changes = tags.changes(_as_texts(values), edits)
    for keyword in sorted(k for k, v in changes.items() if not v and iod.needs(body, k)):
        raise BadValue(keyword=keyword, value="", why="an image must say it")
    gone = {k for k, v in changes.items() if not v and not iod.may_be_empty(body, k)}
    return {k: v for k, v in {**values, **changes}.items() if k not in gone}


def _as_texts(values: Mapping[str, object]) -> dict[str, str]:
    return {k: _as_text(v) for k, v in values.items() if isinstance(v, str | int | float | list)}


def _as_text(value: object) -> str:
    return "\\".join(map(str, value)) if isinstance(value, list) else str(value)


def _made(body: Body, values: Mapping[str, object], destination: Destination) -> Instance:
    lettering = for_new(values, destination)
    values = fitted(iod.whole(body, values), lettering)
    if not is_plain(values):
        values["SpecificCharacterSet"] = lettering.charset
    behind = _behind_the_content(body, values)
    head = encoded({k: v for k, v in values.items() if k not in behind})
    tail = encoded(behind) if behind else b""
    pieces = joined([head, *framed(body), tail])
    written = b"".join(piece for piece in pieces if isinstance(piece, bytes))
    digest = hashlib.sha256(written + body.digest.encode()).hexdigest()
    return instance(body, values, pieces, digest)


def _behind_the_content(body: Body, values: Mapping[str, object]) -> dict[str, object]:
    """Elements are in the order of their tags (PS3.5 7.1); pixels are the last of them."""
    if body.kind is not BodyKind.DOCUMENT:
        return {}
    return {k: v for k, v in values.items() if Tag(k) > Tag(DOCUMENT)}
