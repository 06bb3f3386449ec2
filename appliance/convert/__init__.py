"""Files of any kind in; verified bodies and the evidence found in them out."""
