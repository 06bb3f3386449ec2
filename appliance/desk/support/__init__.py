"""What a person may give to support: everything about the box, nothing about any patient."""
