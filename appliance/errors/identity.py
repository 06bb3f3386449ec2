"""Owns what keeps an image from its patient where the worklist must prove it."""

from __future__ import annotations

from appliance.errors.base import Held, Notice


class WorklistNone(Held):
    """No order of the worklist fits {who}: {why}."""

    code = "worklist-none"
    hint = "Pick the exam if it is among those shown, or say whose image it is without one."


class WorklistMany(Held):
    """{who} has {count} orders that fit, and the image does not say which it answers: {orders}."""

    code = "worklist-many"
    hint = "Pick the exam; a device that writes the accession number would do it by itself."


class PatientsAlike(Held):
    """What is said of {who} fits {count} patients of the worklist: {them}."""

    code = "worklist-many"
    hint = "Find out who was examined, and pick the exam."


class OrderContradicts(Held):
    """The device says {ours}, the worklist {worklist} says {theirs}: not the same {what}."""

    code = "identity-conflict"
    hint = "Find out who was examined and pick the exam, or correct the order and try again."


class AccessionOfAnother(Held):
    """The device says {ours}, but accession number {accession} was ordered for {theirs}."""

    code = "identity-conflict"
    hint = "Find out who was examined, and pick the exam."


class OneIdentifier(Held):
    """Only the {what} tells that this is {who}; two identifiers must agree with the worklist."""

    code = "identity-unproven"
    hint = "Pick the exam, or have the device write two of patient ID, name and birth date."


class ModalityUntold(Held):
    """Nobody says what made {name}, so that no order can be compared with it."""

    code = "identity-unproven"
    hint = "Name the `modality` in the profile, then try the image again."


class NameDamaged(Held):
    """The name "{name}" lost letters on its way: nobody can be recognised by it."""

    code = "unencodable-name"
    hint = "Name the character set in the profile (`charset`) and try again, or pick the exam."


class OrderUnreadable(Held):
    """The worklist {worklist} has an order for {who}, but {what} in it cannot be read."""

    code = "unencodable-name"
    hint = "Name the worklist's character set (`charset`) in its settings, then try again."


class WorklistDown(Held):
    """The worklist could not be asked about {who}: {why}"""

    code = "worklist-down"
    hint = "When the worklist answers again, try the image again; or say whose image it is."


class NoWorklist(Held):
    """No worklist serves {source}, and its profile sends nothing that none has proved."""

    code = "no-worklist"
    hint = "Set up a worklist for this source, or say whose image it is."


class ClockDisagrees(Held):
    """The exam is dated {exam}, but its image came before that, at {came}: a clock is wrong."""

    code = "clock-disagrees"
    hint = "Set the clock of the device, or of this box; then pick the exam of this image."


class ClockUnsure(Held):
    """When the exam of {name} was is not known: nobody says it, and when it came is none either.

    It came while the clock of this box was not known to be right.
    """

    code = "clock-unsure"
    hint = (
        "Say when the exam was. So that it does not happen again, give the box a clock chip with "
        "a battery, or a time server."
    )


class SidecarOfAnother(Held):
    """The text file beside {name} says {who}, but it is the one that came with another image of
    the same name (item {before}).

    A device that uses a name again writes the picture first, and what describes it last.
    """

    code = "sidecar-of-another"
    hint = (
        "Find out who was examined, and pick the exam or say the patient. Should the device write "
        "the text file anew, the image goes on by itself."
    )


class MixedPatients(Held):
    """Images of one study or series are said to be of different patients: {them}."""

    code = "mixed-patients"
    hint = "Find out who was examined, and say so for each image; then try the others again."


class WaitsForOrder(Notice):
    """{why} It is asked for again by itself until {until}; nobody need do anything before."""

    code = "waits-for-order"
    hint = "Whoever knows the order or the patient may say so at once."
