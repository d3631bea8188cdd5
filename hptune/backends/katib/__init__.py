"""The Katib backend: a job as an Experiment of a Kubernetes cluster."""
