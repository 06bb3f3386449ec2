"""Owns what can be wrong with the box itself: its card, settings, services, sources."""

from __future__ import annotations

from appliance.errors.base import Notice, Problem, Refused


class DiskFull(Problem):
    """The box has no room left on {where}; nothing was lost, it goes on when there is room."""

    code = "disk-full"
    hint = "Bring the PACS connection back so that confirmed images can be cleared."


class JournalFault(Problem):
    """The journal {path} could not be read or written: {detail}."""

    code = "journal-fault"
    hint = "If this stays after a restart, the card may be failing: run `jembatan journal verify`."


class JournalNewer(Problem):
    """The journal {path} is of a newer Jembatan (schema {version}, this one knows {known})."""

    code = "journal-newer"
    hint = "Install the newer version again; nothing was changed."


class HandedOver(JournalFault):
    """This box has given its work to another one: it takes nothing in and sends nothing.

    Nothing was acknowledged, so for whoever wanted something it is a journal out of reach.
    """

    code = "handed-over"
    hint = "The page Service says which box works now, and how this one could go on instead."


class ClaimLost(Problem):
    """{worker} no longer owns what it was working on; another worker has it."""

    code = "claim-lost"


class ForbiddenMove(Problem):
    """The journal did not allow that: {why}."""

    code = "forbidden-move"


class NotThere(Problem):
    """There is no {what}."""

    code = "not-there"


class AnotherImage(Refused):
    """This page is of another image than item {number} is now: nothing was decided."""

    code = "another-image"
    hint = "Look at the list again."


class BadSettings(Problem):
    """{faults}

    `faults` are lines `file: key: reason`, one for each thing that is wrong.
    """

    code = "bad-settings"
    hint = "Nothing was changed; the last good settings stay in force."


class BackToTests(Refused):
    """The {kind} {name} was for real patients: it is not used for tests under the same name.

    Images of real patients may wait for it, and would count as safe once the tests have them.
    """

    code = "back-to-tests"
    hint = "Add one of another name for tests, and remove this one once nothing waits for it."


class NobodyAnswers(Problem):
    """The service behind {path} does not answer: {why}."""

    code = "nobody-answers"
    hint = "It is restarted by itself; try again in a minute."


class Declined(Problem):
    """{sentence}

    What a service on the other side of a call said, with its `code` and `hint`.
    """

    def __init__(self, sentence: str, code: str, hint: str) -> None:
        """Speak for the Problem that was raised over there."""
        super().__init__(sentence=sentence)
        vars(self).update(code=code, hint=hint)


class AlreadyClaimed(Problem):
    """This box has a password already."""

    code = "already-claimed"
    hint = "Log in with it; the hospital's IT can reset the box."


class WrongClaimCode(Problem):
    """That is not this box's claim code."""

    code = "wrong-claim-code"
    hint = "It is in jembatan-result.txt on the card (drive JEMBATAN), or in the terminal."


class WrongPassword(Problem):
    """That is not the password."""

    code = "wrong-password"


class WeakPassword(Problem):
    """The password must have at least {least} characters."""

    code = "weak-password"
    hint = "A few words in a row are easy to remember and hard to guess."


class ChangedMeanwhile(Problem):
    """{name} was still being written while it was read; it is read again when it is quiet."""

    code = "changed-meanwhile"


class SourceMissing(Problem):
    """The folder {path} is not there."""

    code = "source-missing"
    hint = "Make the folder, or correct `path` of this source; files are found once it exists."


class SourceDenied(Problem):
    """{path} may not be read: {detail}."""

    code = "source-denied"
    hint = "Give the box the right to read (and with after = delete or move, to write) there."


class UnfinishedName(Problem):
    """{count} file(s) still carry the name of an unfinished copy, such as {name}."""

    code = "unfinished-name"
    hint = "They are taken once the modality gives them their final name."


class WorkerDied(Problem):
    """The part of the box that works on {name} stopped by itself; it is started again."""

    code = "worker-died"
    hint = "The log above says why; keep it for support if this happens again."


_PART_HINT = (
    "Switch the box off and on again. If it is said again five minutes later, keep the support"
    " file (Settings, Service) for whoever looks after the box."
)


class ServiceGone(Problem):
    """The part of the box that {does} has not been running for more than a minute."""

    code = "service-gone"
    hint = _PART_HINT


class ServiceUnsteady(Problem):
    """The part of the box that {does} stops again and again, soon after it was started."""

    code = "service-unsteady"
    hint = _PART_HINT


class NotGoingOn(Problem):
    """{name} (item {number}) from {source} has waited for more than an hour to be {doing}."""

    code = "not-going-on"
    hint = (
        "Nothing is lost. Switch the box off and on again; if it stays, hold that item (on its"
        " page), and keep the support file (Settings, Service) for whoever looks after the box."
    )


class ClockNotSet(Notice):
    """This box does not know what time it is: nothing has set its clock since it was started."""

    code = "clock-not-set"
    hint = (
        "It sets it by itself where a time server answers; else set it under Settings, Clock. A "
        "clock chip with a battery keeps it. Until then images are dated only by what is said of "
        "them."
    )


class ClockNotTaken(Refused):
    """The clock was not set: {why}."""

    code = "clock-not-taken"
    hint = "Look at the date, the time and the time zone of this box."


class CannotListen(Problem):
    """The page cannot use port {port}: {why}."""

    code = "cannot-listen"
    hint = "Another program may be using it; give another one with --port."


class NoPageCertificate(Problem):
    """The page cannot be shown by https, its certificate cannot be used: {why}."""

    code = "no-page-certificate"
    hint = (
        "It is made when the box starts; start it again, and look into the box's log if it stays."
    )


class CertificateNotTaken(Refused):
    """The certificate was not taken: {why}. The one before stays."""

    code = "certificate-not-taken"
    hint = (
        "Ask for PEM files: the box's certificate first, then those who signed it, and its key "
        "without a password."
    )


class PageStuck(Problem):
    """The page does not answer itself: {why}."""

    code = "page-stuck"
