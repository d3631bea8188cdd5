"""How every program of ours talks, shows its progress, and ends."""
