"""The memory of the box: what came, where it stands, and the bytes themselves."""
