"""Owns what can be wrong with a destination: reaching it, agreeing with it, its answers."""

from __future__ import annotations

from appliance.errors.base import Held, Notice, Problem


class AssociationFailed(Problem):
    """There is no DICOM connection to {peer}: {why}."""

    code = "association-failed"
    hint = "Try the echo test on the page; it says more when the cause is known."


class HostUnknown(AssociationFailed):
    """Nobody on this network knows the name {host}."""

    code = "host-unknown"
    hint = "Check the spelling, or type an IP address; is the network cable plugged in?"


class HostSilent(AssociationFailed):
    """{host} does not answer on port {port}: {why}."""

    code = "host-silent"
    hint = "Check the network cable and the address; a firewall between here and there may block."


class PortClosed(AssociationFailed):
    """{host} is there, but nothing listens on its port {port}."""

    code = "port-closed"
    hint = "Compare the port number with the one set there; its DICOM service may be stopped."


class NotDicom(AssociationFailed):
    """What listens on port {port} of {host} does not speak DICOM: {why}."""

    code = "not-dicom"
    hint = "Compare the port number with the one set there; does it expect TLS?"


class PeerSilent(AssociationFailed):
    """{peer} took the call but said nothing for {seconds:.0f} s."""

    code = "peer-silent"
    hint = "It may be overloaded; compare the port number, and whether it expects TLS."


class AssociationAborted(AssociationFailed):
    """{peer} broke off while the connection was being agreed upon."""

    code = "association-aborted"
    hint = (
        "Its log says why; often it does not know this box's AE title or address, or it expects "
        "TLS."
    )


class CalledAeUnknown(AssociationFailed):
    """{host}, port {port}, is not called {called}."""

    code = "called-ae-unknown"
    hint = "Compare the AE title with the one set there, letter by letter; case matters."


class CallingAeUnknown(AssociationFailed):
    """{peer} does not know a device with the AE title {calling}."""

    code = "calling-ae-unknown"
    hint = "Have this box's AE title and address entered there."


class AssociationRejected(AssociationFailed):
    """{peer} refused the connection: {why}."""

    code = "association-rejected"
    hint = "Have this box's AE title and address entered there, and compare its own."


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


class Recoding(Problem):
    """{peer} gets it as {wanted} instead of {syntax}: it is made anew for that."""

    code = "recoding"


class Recoded(Notice):
    """It was {how} for this destination; its picture is the same."""

    code = "recoded"


class NotCompressed(Notice):
    """It goes as it is: compressed it would hardly be smaller."""

    code = "not-compressed"


class CannotRecode(Held):
    """{destination} does not take it as it is, and it cannot be made anew for it: {why}."""

    code = "cannot-recode"
    hint = (
        "Ask the PACS administrator to allow such images as they are, or have the modality export "
        "uncompressed."
    )


class EchoFailed(Problem):
    """{peer} agreed to the connection but did not answer the echo: {why}."""

    code = "echo-failed"
    hint = "The address and the names are right; ask the PACS administrator what its log says."


class FindFailed(Problem):
    """{peer} could not say which images it has: {why}."""

    code = "find-failed"
    hint = 'If the PACS cannot be asked, set confirm = "response" for it.'


class FindUnsupported(Problem):
    """{peer} cannot be asked which images it has: {why}."""

    code = "find-unsupported"
    hint = 'Use confirm = "response" for it; its answer to each image is then the only proof.'


class CommitmentFailed(Problem):
    """{peer} could not be asked to commit itself to images: {why}."""

    code = "commitment-failed"
    hint = "It is asked again; if it goes on, ask the PACS administrator what its log says."


class CommitmentUnsupported(CommitmentFailed):
    """{peer} does not offer storage commitment: {why}."""

    code = "commitment-unsupported"
    hint = "Storage commitment often has a port or AE title of its own there: ask for these."


class CommitmentSilent(Problem):
    """{peer} takes requests for storage commitment, and never reports on them."""

    code = "commitment-silent"
    hint = "Its report comes by a new connection: have this box's address and port entered there."


class AwaitsReport(Problem):
    """{peer} was asked to commit itself to the image; its report has not come yet."""

    code = "awaits-report"
    hint = "If it never comes, have this box's AE title, address and port entered there."


class NotCommitted(Problem):
    """{peer} does not commit itself to the image yet: {why}."""

    code = "not-committed"


class CommitmentRefused(Held):
    """{peer} took the image, and does not commit itself to it: {why}."""

    code = "commitment-refused"
    hint = "Ask the PACS administrator to look for it there; then retry the image, or discard it."


class FiledElsewhere(Problem):
    """{peer} has the image in another study than the one it was sent in."""

    code = "filed-elsewhere"
    hint = "Compare the patient there: the PACS may have put it to another order or patient."


class WorklistFailed(Problem):
    """{peer} could not say which exams are ordered: {why}."""

    code = "worklist-failed"
    hint = "It is asked again; if it goes on, ask who looks after the worklist what its log says."


class WorklistUnsupported(WorklistFailed):
    """{peer} cannot be asked which exams are ordered: {why}."""

    code = "worklist-unsupported"
    hint = "The worklist often has another port or AE title than the PACS: ask for these."


class WorklistTooLong(WorklistFailed):
    """{peer} has more than {most} orders for these days, too many to look through."""

    code = "worklist-too-long"
    hint = "Fill in `station_ae_title`, so that it tells only of this modality's exams."


class WorklistGarbled(WorklistFailed):
    """What {peer} says of its orders makes no sense: {why}."""

    code = "worklist-garbled"
    hint = "Show this sentence to who looks after the worklist."


class OutOfHours(Notice):
    """Images are sent to {name} at {hours} only; what is not urgent waits until {until}."""

    code = "out-of-hours"
    hint = "Nothing needs to be done; what is urgent (STAT) goes at any time."


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


class AnotherThere(Held):
    """{peer} has another image under the UID of this one, and keeps it."""

    code = "uid-conflict"
    hint = "Two different images carry one UID; a person must say which one is right."


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


class NotThereYet(Problem):
    """{peer} took the image and does not show it yet; it is asked again."""

    code = "not-there-yet"


class Denied(Problem):
    """{peer} answered that it stored the image, and says now that it does not have it."""

    code = "denied"
    hint = "It may have given it another Study UID, or put it in its exception queue: ask there."
