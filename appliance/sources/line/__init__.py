"""Serial lines: transfers, captures, messages, and the sessions they make."""
