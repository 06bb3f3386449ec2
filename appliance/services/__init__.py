"""One module per systemd unit: compose, run, notify; nothing else composes."""
