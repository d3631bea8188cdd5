"""Suggests what to try next."""
