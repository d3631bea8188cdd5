"""The local backend: trials as processes of this machine."""
