"""Where exports appear; a source only finds arrivals."""
