"""Owns what a person may do about one image: see all that happened, name its patient, try again,
discard.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import flash, redirect, render_template, request, url_for

from appliance.desk import candidates, explain, queue
from appliance.desk.release import release, release_to_order
from appliance.errors import NoDate, Problem, Refused
from appliance.identify.rules import claimed, own_words, person_in, said_of
from appliance.model import DeliveryState, ItemState
from appliance.web.meant import mark, must_be_meant
from appliance.web.story import told
from appliance.web.views.pictures import sights

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from flask.typing import ResponseReturnValue

    from appliance.desk.queue import Shown
    from appliance.model import Evidence
    from appliance.web.box import Box

MOST = 100
_WHO = "Somebody on the page"
_LONGEST_NAME = 64
_PATIENT = ("PatientID", "PatientName", "StudyDate", "AccessionNumber")
_COMPARED = {
    "PatientName": "Patient",
    "PatientID": "Patient ID",
    "PatientBirthDate": "Birth date",
    "PatientSex": "Sex",
    "AccessionNumber": "Accession",
    "StudyDate": "Exam date",
}


class Items:
    """The views of images that need a person, and of a single one."""

    def __init__(self, box: Box) -> None:
        """Show the images of `box`."""
        self._box = box

    def attention(self) -> ResponseReturnValue:
        """Everything that waits for somebody."""
        ledger, items = self._box.journal.ledger, self._box.journal.items
        rows = ledger.attention()
        return render_template(
            "attention.html",
            rows=rows,
            images={row["id"]: mark(items.get(row["id"])) for row in rows[-MOST:]},
            pictures=ledger.pictures(),
            most=MOST,
            of_patient=candidates.OF_PATIENT,
        )

    def page(self, item_id: int) -> ResponseReturnValue:
        """All that is known about one image."""
        return self._page(item_id)

    def why(self, item_id: int) -> ResponseReturnValue:
        """Why it went where it went, and where today's rules would send it."""
        shown = queue.show(self._box.journal, item_id)
        today: Mapping[str, Any] = {"sentence": "", "objects": ()}
        unknown = ""
        try:
            today = explain.ask_deliver(self._box.paths.run, item_id)
        except Problem as problem:
            unknown = problem.sentence
        return render_template(
            "why.html",
            film=shown.film,
            recorded=explain.recorded(shown.history),
            today=today,
            unknown=unknown or today["sentence"],
        )

    def retry(self, item_id: int) -> ResponseReturnValue:
        """Let it go its way once more, from where it stopped."""
        return self._do(
            item_id, "retried", lambda: queue.retry(self._box.journal, item_id, who=_WHO)
        )

    def pick(self, item_id: int) -> ResponseReturnValue:
        """Let it go on as the answer to the order that somebody picked; asks twice where the
        device says somebody else."""
        box, key = self._box, request.form.get("key", "")
        item = box.journal.items.get(item_id)
        picked = candidates.contradicted(box.journal, box.settings, item, key)
        if picked and "sure" not in request.form:
            return self._asked_again(item_id, {"key": key}, picked.values)
        return self._do(
            item_id,
            "released",
            lambda: release_to_order(box.journal, box.settings, item_id, key, who=_by()),
        )

    def release(self, item_id: int) -> ResponseReturnValue:
        """Let it go on as the image of the patient whom somebody typed in; asks twice."""
        said = {keyword: request.form.get(keyword, "").strip() for keyword in _PATIENT}
        said["StudyDate"] = said["StudyDate"].replace("-", "")
        given = {keyword: value for keyword, value in said.items() if value}
        box = self._box
        if "sure" not in request.form:
            evidence = box.journal.items.get(item_id).evidence
            typed = own_words(evidence, given)
            return self._asked_again(item_id, typed, _with_what_stays(evidence, typed))
        return self._do(
            item_id,
            "released",
            lambda: release(box.journal, box.settings, item_id, given, who=_by()),
        )

    def _asked_again(self, item_id: int, sent: Mapping[str, str], meant: Mapping[str, str]) -> str:
        """Whether it is meant: what the device says beside what it is to be; `sent` says it."""
        shown = queue.show(self._box.journal, item_id)
        must_be_meant(shown.item)
        return render_template(
            "release.html",
            film=shown.film,
            image=mark(shown.item),
            sights=sights(self._box.journal, shown.item),
            said=claimed(shown.item.evidence),
            sent=sent,
            meant=meant,
            compared=_COMPARED,
            by=request.form.get("by", ""),
        )

    def discard(self, item_id: int) -> ResponseReturnValue:
        """Ask for the reason, and whether it is meant; then set the image aside for good."""
        if request.method == "GET":
            shown = queue.show(self._box.journal, item_id)
            seen, image = sights(self._box.journal, shown.item), mark(shown.item)
            return render_template("discard.html", film=shown.film, image=image, sights=seen)
        reason = request.form.get("reason", "")
        return self._do(
            item_id,
            "discarded",
            lambda: queue.discard(self._box.journal, item_id, reason=reason, who=_WHO),
        )

    def _do(self, item_id: int, done: str, act: Callable[[], object]) -> ResponseReturnValue:
        must_be_meant(self._box.journal.items.get(item_id))
        try:
            act()
        except (Refused, NoDate) as refused:
            return self._page(item_id, refused), 409
        flash(done)
        return redirect(url_for("item", item_id=item_id))

    def _page(self, item_id: int, refused: Refused | NoDate | None = None) -> str:
        box = self._box
        shown = queue.show(box.journal, item_id)
        wants_patient = candidates.is_releasable(box.journal, shown)
        return render_template(
            "item.html",
            film=shown.film,
            image=mark(shown.item),
            sights=sights(box.journal, shown.item),
            identity=shown.item.identity.values if shown.item.identity else {},
            is_known=shown.item.identity is not None,
            said=claimed(shown.item.evidence),
            compared=_COMPARED,
            arrivals=shown.arrivals,
            events=told(shown.history),
            can_act=_waits_for_a_person(shown),
            choice=candidates.choice(box.journal, box.settings, shown),
            patient=_patient(shown) if wants_patient else None,
            refused=refused,
        )


def _by() -> str:
    """Who decides, as they call themselves: the page has one password for all."""
    name = " ".join(request.form.get("by", "").split())[:_LONGEST_NAME]
    return f"{name} (on the page)" if name else _WHO


def _waits_for_a_person(shown: Shown) -> bool:
    held = any(d["state"] == DeliveryState.HELD for d in shown.film.deliveries)
    return held or shown.film.state in {ItemState.HELD, ItemState.QUARANTINED}


def _with_what_stays(evidence: Evidence, typed: Mapping[str, str]) -> Mapping[str, str]:
    """What was typed, and what the device says that is kept beside it."""
    kept = said_of(evidence, typed.get("PatientID", ""))
    return {**kept, "StudyDate": "", **typed}


def _patient(shown: Shown) -> Mapping[str, Any]:
    """What the patient's form begins with: what was just entered, else what the device said.

    Where it names a patient, the number of that one's exam is left out: it would stay in the form
    when another patient is typed in there. For the device's own patient it is kept without that.
    """
    if "PatientID" in request.form:
        return request.form
    said = claimed(shown.item.evidence)
    left_out = {"AccessionNumber": ""} if person_in(said) else {}
    return {**dict.fromkeys(_PATIENT, ""), **said, **left_out}
