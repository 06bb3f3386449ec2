"""Owns the product's vocabulary of trouble: one class per situation, its docstring the sentence.

The first paragraph of a class's docstring is what the user reads, its `{facts}` filled in from
the keyword arguments the exception was raised with. `hint` says what to do about it. `code` is
the stable reason code of the contract; scripts rely on it, so it never changes.
"""

from __future__ import annotations

import inspect
from typing import ClassVar


class Problem(Exception):
    """Something went wrong that has no name yet: {what}."""

    code: ClassVar[str] = "problem"
    hint: ClassVar[str] = ""

    def __init__(self, **facts: object) -> None:
        """Keep the facts that fill the sentence."""
        self.facts = facts
        super().__init__(self.sentence)

    @property
    def sentence(self) -> str:
        """The class's first docstring paragraph on one line, its facts filled in."""
        paragraph = inspect.cleandoc(type(self).__doc__ or "").split("\n\n")[0]
        return " ".join(paragraph.split()).format(**self.facts)


class Refused(Problem):
    """{what} was refused: {why}.

    What the user asked for cannot be done; nothing was changed. The command line exits 1.
    """

    code = "refused"


class Held(Problem):
    """{name} waits for a person: {why}."""

    code = "held"


class Quarantined(Problem):
    """{name} cannot be used: {why}."""

    code = "quarantined"


class Ignored(Problem):
    """{name} was set aside: {why}."""

    code = "ignored"


class IsSidecar(Ignored):
    """{name} describes other files; it is kept with them and not sent itself."""

    code = "sidecar"


class Duplicate(Ignored):
    """{name} is the same image as {first}, which is already here; nothing is sent twice."""

    code = "duplicate"


class Superseded(Ignored):
    """{name} came again with its patient named; that copy goes on in its place."""

    code = "superseded"


class NoIdentity(Held):
    """No patient could be told from {where}."""

    code = "no-identity"
    hint = "Enter the patient by hand, or give the profile a filename pattern or a sidecar."


class IdentityUnproven(Held):
    """{who} is named only by the device, and this profile trusts nobody without a person."""

    code = "identity-unproven"
    hint = 'Confirm the patient, or set identity = "trust" if the hospital vouches for the device.'


class IdentityConflict(Held):
    """The same image came before for {before} and now for {now}."""

    code = "identity-conflict"
    hint = "Decide which patient is right; nothing is sent until then."


class NoDate(Held):
    """No exam date was found in {where}."""

    code = "no-date"
    hint = "Enter the date by hand, or name another place for dates in the profile's `date` list."


class NoRoute(Held):
    """There is no production destination for this image: {why}."""

    code = "no-route"
    hint = "Add a destination or a route; the image stays here until then."


class UidConflict(Held):
    """SOP Instance UID {uid} is already known with other content (first seen in {before})."""

    code = "uid-conflict"
    hint = "Two different images carry one UID; a person must say which one is right."


class Incomplete(Quarantined):
    """{name} ends too early: {detail}."""

    code = "incomplete"
    hint = "Export the image again at the modality."


class Unreadable(Quarantined):
    """{name} looks like {format} but cannot be read: {detail}."""

    code = "unreadable"
    hint = "Export the image again at the modality; if it fails again, keep the file for support."


class UnsupportedFormat(Quarantined):
    """{name} is not a kind of file that can become an image here: {detail}."""

    code = "unsupported-format"
    hint = "Choose DICOM, TIFF, PNG, BMP or JPEG at the modality's export."


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


class ClaimLost(Problem):
    """{worker} no longer owns what it was working on; another worker has it."""

    code = "claim-lost"


class ForbiddenMove(Problem):
    """The journal did not allow that: {why}."""

    code = "forbidden-move"


class NotThere(Problem):
    """There is no {what}."""

    code = "not-there"


class BadSettings(Problem):
    """{faults}

    `faults` are lines `file: key: reason`, one for each thing that is wrong.
    """

    code = "bad-settings"
    hint = "Nothing was changed; the last good settings stay in force."


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
    hint = "It is on the label, in the terminal and in claim-code.txt on the card."


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


class Junk(Ignored):
    """{name} is a helper file of the operating system, not an export."""

    code = "junk"


class EmptyFile(Quarantined):
    """{name} is empty: nothing was written into it."""

    code = "incomplete"
    hint = "Export the image again at the modality."


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


class EvidenceDisagrees(Held):
    """{name} contradicts itself about the {keyword}: {words}."""

    code = "identity-conflict"
    hint = "Find out which patient is right; nothing is sent until then."


class Crashed(Quarantined):
    """The converter stopped {times} times while it read {name}."""

    code = "unreadable"
    hint = "Export the image again at the modality; keep this file for support."


class WorkerDied(Problem):
    """The part of the box that works on {name} stopped by itself; it is started again."""

    code = "worker-died"
    hint = "The log above says why; keep it for support if this happens again."


class AssociationFailed(Problem):
    """There is no DICOM connection to {peer}: {why}."""

    code = "association-failed"
    hint = "Try the echo test on the page; it says more when the cause is known."


class HostUnknown(AssociationFailed):
    """Nobody on this network knows the name {host}."""

    code = "host-unknown"
    hint = "Check the spelling, or type the PACS's IP address; is the network cable plugged in?"


class HostSilent(AssociationFailed):
    """{host} does not answer on port {port}: {why}."""

    code = "host-silent"
    hint = "Check the network cable and the address; a firewall between here and there may block."


class PortClosed(AssociationFailed):
    """{host} is there, but nothing listens on its port {port}."""

    code = "port-closed"
    hint = "Compare the port number with the PACS's; its DICOM service may be stopped."


class NotDicom(AssociationFailed):
    """What listens on port {port} of {host} does not speak DICOM: {why}."""

    code = "not-dicom"
    hint = "Compare the port number with the PACS's; if the PACS expects TLS, say so here too."


class PeerSilent(AssociationFailed):
    """{peer} took the call but said nothing for {seconds:.0f} s."""

    code = "peer-silent"
    hint = "The PACS may be overloaded; compare the port number, and whether the PACS expects TLS."


class AssociationAborted(AssociationFailed):
    """{peer} broke off while the connection was being agreed upon."""

    code = "association-aborted"
    hint = "The PACS's log says why; often it does not know this box's AE title or address."


class CalledAeUnknown(AssociationFailed):
    """{host}, port {port}, is not called {called}."""

    code = "called-ae-unknown"
    hint = "Compare the PACS's AE title letter by letter; upper and lower case differ."


class CallingAeUnknown(AssociationFailed):
    """{peer} does not know a device with the AE title {calling}."""

    code = "calling-ae-unknown"
    hint = "Have this box's AE title and address entered in the PACS."


class AssociationRejected(AssociationFailed):
    """{peer} refused the connection: {why}."""

    code = "association-rejected"
    hint = "Have this box's AE title and address entered in the PACS, and compare the PACS's own."


class PeerBusy(AssociationFailed):
    """{peer} takes no further connection just now: {why}."""

    code = "peer-busy"
    hint = "Nothing needs to be done; it is tried again."


class ContextRefused(Problem):
    """{peer} does not take {sop_class} as {syntax}: {why}."""

    code = "rejected-by-destination"
    hint = "Ask the PACS administrator whether such images can be allowed."


class SopClassRefused(ContextRefused):
    """{peer} does not take images of the kind {sop_class}."""


class SyntaxRefused(ContextRefused):
    """{peer} takes {sop_class}, but not encoded as {syntax}."""


class EchoFailed(Problem):
    """{peer} agreed to the connection but did not answer the echo: {why}."""

    code = "echo-failed"
    hint = "The address and the names are right; ask the PACS administrator what its log says."


class FindFailed(Problem):
    """{peer} could not say which images it has: {why}."""

    code = "find-failed"
    hint = 'If the PACS cannot be asked, set confirm = "response" for it.'


class CannotListen(Problem):
    """The page cannot use port {port}: {why}."""

    code = "cannot-listen"
    hint = "Another program may be using it; give another one with --port."


class PageStuck(Problem):
    """The page does not answer itself: {why}."""

    code = "page-stuck"


class FindUnsupported(Problem):
    """{peer} cannot be asked which images it has: {why}."""

    code = "find-unsupported"
    hint = 'Use confirm = "response" for it; its answer to each image is then the only proof.'


class OutcomeUnknown(Problem):
    """It is not known whether {peer} stored the image: {answer}."""

    code = "outcome-unknown"
    hint = "Nothing needs to be done; the same image is sent again."


class ProcessingFailure(Problem):
    """{peer} failed while it stored the image: {answer}."""

    code = "processing-failure"
    hint = "It is tried again; if it goes on, ask the PACS administrator what its log says."


class OutOfRoom(Problem):
    """{peer} says it has no room for the image: {answer}."""

    code = "out-of-room"
    hint = "It is tried again; tell the PACS administrator that its storage is full."


class AlreadyThere(Problem):
    """{peer} already has an image with this UID: {answer}."""

    code = "already-there"


class StoredWithWarning(Problem):
    """{peer} stored the image with a warning, {meaning}: {answer}."""

    code = "stored-with-warning"


class Coerced(Problem):
    """{peer} stored the image and changed something in it: {answer}."""

    code = "coerced"
    hint = "Patient ID or UIDs may be other ones in the PACS now: compare them there."


class RejectedByDestination(Held):
    """{peer} rejects the image, {meaning}: {answer}."""

    code = "rejected-by-destination"
    hint = "Ask the PACS administrator what its log says; then retry the image, or discard it."


class NotAuthorised(RejectedByDestination):
    """{peer} does not allow this box to store images: {answer}."""

    hint = "Have the PACS allow this box's AE title to store; then retry what is held."


class BytesGone(Held):
    """The card no longer gives back the bytes of this image: {detail}."""

    code = "bytes-gone"
    hint = "The card may be failing: run `jembatan journal verify`, and export the image again."


class NotThereYet(Problem):
    """{peer} took the image and does not show it yet; it is asked again."""

    code = "not-there-yet"


class Denied(Problem):
    """{peer} answered that it stored the image, and says now that it does not have it."""

    code = "denied"
    hint = "Ask the PACS administrator to look in its exception queue, or for changed UIDs."


class SidecarUnclear(Held):
    """The sidecar {name} does not say clearly whose image this is: {why}."""

    code = "no-identity"
    hint = "Correct the sidecar and export it again, or enter the patient by hand."


class BitsContradict(Held):
    """{name} holds the value {value}, more than the profile's {bits} bits can say."""

    code = "bits-stored"
    hint = "Correct `bits_stored` in the profile, then try the image again."


class MediaDirectory(Ignored):
    """{name} is a table of contents (DICOMDIR); the images it lists are taken by themselves."""

    code = "dicomdir"


class UnencodableName(Held):
    """{what} of {name} cannot be read: {why}."""

    code = "unencodable-name"
    hint = "Name the character set in the profile (`charset`), then try the image again."


class BadValue(Held):
    """{keyword} cannot be "{value}": {why}."""

    code = "bad-value"
    hint = "Correct it by hand, or correct what the file name, the sidecar or the profile says."


class Transparent(Held):
    """{name} has transparent parts, and nobody knows what belongs behind them."""

    code = "transparent"
    hint = "Export the image again without transparency."


class CannotEdit(Held):
    """The data set would have to be changed for {destination}, and cannot be: {why}."""

    code = "cannot-edit"
    hint = "Have the modality export uncompressed, with the right patient in the header."
