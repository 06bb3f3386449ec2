"""Owns the DICOM keywords that settings may name: patient, visit, study, series and image texts.

A list of our own, so that a service that only reads settings need not load a DICOM dictionary.
All of them are single text values; a data element of another kind cannot be set from a file.
"""

from __future__ import annotations

from functools import cache
from importlib import resources

_TEXTS = """
    PatientName PatientID IssuerOfPatientID TypeOfPatientID OtherPatientIDs OtherPatientNames
    PatientBirthDate PatientBirthTime PatientSex PatientAge PatientSize PatientWeight
    PatientAddress PatientTelephoneNumbers PatientMotherBirthName PatientReligiousPreference
    EthnicGroup Occupation Allergies MedicalAlerts MedicalRecordLocator CountryOfResidence
    RegionOfResidence MilitaryRank BranchOfService AdditionalPatientHistory PatientComments
    SmokingStatus LastMenstrualDate PatientState SpecialNeeds ResponsiblePerson
    ResponsiblePersonRole ResponsibleOrganization PatientSpeciesDescription
    PatientBreedDescription PatientSexNeutered
    AdmissionID IssuerOfAdmissionID AdmittingDate AdmittingTime AdmittingDiagnosesDescription
    RouteOfAdmissions CurrentPatientLocation PatientInstitutionResidence ServiceEpisodeID
    ServiceEpisodeDescription VisitStatusID VisitComments ReasonForVisit
    StudyDate StudyTime StudyID StudyDescription StudyComments ReasonForStudy AccessionNumber
    ReferringPhysicianName ReferringPhysicianAddress ReferringPhysicianTelephoneNumbers
    ConsultingPhysicianName PhysiciansOfRecord NameOfPhysiciansReadingStudy RequestingPhysician
    RequestingService RequestedProcedureID RequestedProcedureDescription
    RequestedProcedurePriority RequestedProcedureComments ReasonForTheRequestedProcedure
    PlacerOrderNumberImagingServiceRequest FillerOrderNumberImagingServiceRequest
    ImagingServiceRequestComments
    InstitutionName InstitutionAddress InstitutionalDepartmentName StationName Manufacturer
    ManufacturerModelName DeviceSerialNumber SoftwareVersions TimezoneOffsetFromUTC
    Modality SeriesDate SeriesTime SeriesNumber SeriesDescription BodyPartExamined Laterality
    PatientPosition ProtocolName PerformingPhysicianName OperatorsName
    PerformedProcedureStepID PerformedProcedureStepDescription PerformedProcedureStepStartDate
    PerformedProcedureStepStartTime PerformedLocation PerformedStationName
    PerformedStationAETitle ScheduledProcedureStepID ScheduledProcedureStepDescription
    ScheduledStationAETitle ScheduledPerformingPhysicianName
    InstanceNumber InstanceCreationDate InstanceCreationTime AcquisitionNumber AcquisitionDate
    AcquisitionTime AcquisitionDateTime ContentDate ContentTime ImageComments ImageLaterality
    ImageType ConversionType PatientOrientation ViewPosition ViewName BurnedInAnnotation
    QualityControlImage PresentationIntentType SecondaryCaptureDeviceID
    SecondaryCaptureDeviceManufacturer SecondaryCaptureDeviceManufacturerModelName
    DateOfSecondaryCapture TimeOfSecondaryCapture ContrastBolusAgent
    KVP ExposureTime XRayTubeCurrent Exposure ExposureInuAs RelativeXRayExposure Sensitivity
    DistanceSourceToDetector DistanceSourceToPatient Grid FilterType FocalSpots GeneratorPower
    PlateID PlateType CassetteID CassetteSize CassetteOrientation FieldOfViewShape
    FieldOfViewDimensions AcquisitionDeviceProcessingDescription
    AcquisitionDeviceProcessingCode AcquisitionProtocolName DeviceDescription
    WindowCenter WindowWidth WindowCenterWidthExplanation
    PixelIntensityRelationship LossyImageCompression DetectorType
    PixelSpacing ImagerPixelSpacing NominalScannedPixelSpacing
"""

TEXTS = frozenset(_TEXTS.split())

NUMBERS = frozenset({"PixelIntensityRelationshipSign"})
"""Numbers that may be set all the same: what they say, no file says in words."""

UIDS = frozenset({"StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID"})
"""May be read from a file name or matched by a route; never set: sameness hangs on them."""


@cache
def dictionary() -> frozenset[str]:
    """Every keyword of the data dictionary (PS3.6) whose value is text or numbers.

    Only read where a route names one that is not among those above.
    """
    text = resources.files(__package__).joinpath("dictionary.txt").read_text(encoding="ascii")
    return frozenset(text.split())
