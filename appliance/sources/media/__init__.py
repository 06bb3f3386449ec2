"""Foreign media: sticks, the drive the box poses as, shares of other machines."""
