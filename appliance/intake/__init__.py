"""Is this file whole, and if so: hashed, published, journalled, only then acknowledged."""
