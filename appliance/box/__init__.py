"""The appliance as a machine: its board, its card, its network, its updates and its service."""
