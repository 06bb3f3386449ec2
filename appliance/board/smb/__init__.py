"""Network shares: Samba for those of the box, mounts and a client for those of others."""
