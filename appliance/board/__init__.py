"""What touches the machine, behind small protocols."""
