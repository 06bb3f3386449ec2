"""The doctor: walks the way to a PACS step by step and says where it ends, and what to type."""
