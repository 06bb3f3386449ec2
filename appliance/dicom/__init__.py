"""The network side of DICOM: associations and what is said over them."""
