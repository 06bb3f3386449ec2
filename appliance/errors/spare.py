"""Owns what can go wrong when a box's work goes to a stick, or comes from one."""

from __future__ import annotations

from appliance.errors.base import Notice, Problem, Refused


class NoServiceStick(Refused):
    """There is no stick for this in the box: {why}."""

    code = "no-service-stick"
    hint = (
        "Name the stick JEMBATAN-SP (to move to a spare box) or JEMBATAN-BA (for backups): in "
        "Windows, right-click it, Rename. FAT allows eleven characters. Then plug it in here."
    )


class StickFailed(Problem):
    """The stick cannot be written or read: {why}."""

    code = "stick-failed"
    hint = "Take another stick, or free some room on it. This box goes on as before."


class BackupStickFull(Problem):
    """There is no room for a backup of this box; the stick has those of others too: {others}.

    They are left alone: they may be all that is left of those boxes.
    """

    code = "backup-stick-full"
    hint = (
        "Take another stick for this box, named JEMBATAN-BA. Or, if nobody will ever need the "
        "others, delete their folders below JEMBATAN, backup on a computer."
    )


class BackupFailed(Notice):
    """The last backup could not be written. {why} {last}"""

    code = "backup-failed"
    hint = (
        "Settings, Service, Backups says what to do. Until one is written again, what no PACS has "
        "yet is lost if the card of this box breaks."
    )


class BackupMissing(Notice):
    """No backup was written for a day or longer: {why}. {last}"""

    code = "backup-missing"
    hint = (
        "Put the stick JEMBATAN-BA into this box and leave it there; see Settings, Service, "
        "Backups. Until then, what no PACS has yet is lost if the card of this box breaks."
    )


class WhichBackup(Refused):
    """The stick has backups of more than one box: {each}."""

    code = "which-backup"
    hint = (
        "Choose the box that this one is to become: on the page Service, or by its number with "
        "--which. Every page Service says at its end what its box is called on sticks."
    )


class CardFailed(Problem):
    """The card of this box does not give back {what}: {why}."""

    code = "card-failed"
    hint = (
        "The box has gone on as before, and nothing is wrong with the stick. Begin again; if it is"
        " said again, keep the card and read it with `jembatan rescue`."
    )


class ParcelDamaged(Refused):
    """What is on the stick cannot be used: {why}."""

    code = "parcel-damaged"
    hint = "Write it again on the box it came from; nothing was changed here."


class ParcelNewer(ParcelDamaged):
    """What is on the stick is of a newer version than this box: {why}."""

    code = "parcel-newer"
    hint = "Update this box first; nothing was changed here."


class BackupDamaged(Refused):
    """The backup of {box} of {when} cannot be used. {why} {older}"""

    code = "backup-damaged"
    hint = (
        "Nothing was changed here. Try once more with the stick in another socket. An older one "
        "is chosen on the page Service, or by its number with --which: export again at the "
        "modality what came to that box after it."
    )


class WrongPassphrase(Refused):
    """That is not the passphrase of this stick."""

    code = "wrong-passphrase"
    hint = "It was shown, or chosen, on the page of the box that wrote the stick."


class WeakPassphrase(Refused):
    """A passphrase for a stick has at least {least} characters."""

    code = "weak-passphrase"
    hint = "The stick holds images of patients: take five words, or let the box make one up."


class NoSealing(Problem):
    """Nothing can be encrypted here: {why}."""

    code = "no-sealing"
    hint = "Install the Debian package libsodium23."


class NotReleased(Refused):
    """The old box has not let go: {why}."""

    code = "not-released"
    hint = "Put the stick back into the old box until its page says that it may be pulled."


class TakenElsewhere(Refused):
    """Another spare box, {other}, has taken over what is on this stick."""

    code = "taken-elsewhere"
    hint = "Two boxes must never work with the same images; that one is in charge now."


class NotEmpty(Refused):
    """This box has images of its own ({count}): a spare must be empty."""

    code = "not-empty"
    hint = "Reset it to the state of a new box first; that is refused while it has unsent images."


class StillBusy(Refused):
    """The box could not let go of its work: {why}."""

    code = "still-busy"
    hint = "It has gone on as before. Wait a few minutes, then begin again."


class OtherHandover(Refused):
    """Another handover or backup is being written or read."""

    code = "other-handover"
    hint = "Wait until it is done."


class ErrandForgotten(Problem):
    """What became of it is not known: who did it was started anew meanwhile."""

    code = "errand-forgotten"
    hint = "See with `jembatan spare status` how this box stands; do it again if it is not done."


class ErrandCutShort(Problem):
    """It was cut short: this box was switched off or started again before the end of it."""

    code = "errand-cut-short"
    hint = "This page says how the box stands now; begin again if it is not done."


class HandoverStands(Refused):
    """The handover is not at that point: {why}."""

    code = "handover-stands"


class OldBoxMayRun(Refused):
    """Nobody has said that the box this backup is of does not run any more."""

    code = "old-box-may-run"
    hint = "Two boxes must never work with the same images: switch the old one off, then confirm."
