"""Talks to a Kubernetes cluster."""
