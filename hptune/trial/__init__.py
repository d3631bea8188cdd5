"""One trial: ``python -m hptune.trial`` runs a trainer with one suggestion and measures its objective.

Both backends run this program for each trial, so there is one way to pass arguments, one set of environment
variables, one reading of the objective and one place where a NaN is caught.
"""
