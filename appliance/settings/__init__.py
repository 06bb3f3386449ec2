"""What the hospital can set: read strictly, kept with its history, the last good ones in force."""
