"""Samplers side by side: who finds better parameters in fewer trials, and at what cost of time."""
