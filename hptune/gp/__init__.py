"""Bayesian optimisation on a mixed unit cube: numpy and scipy only, arrays in, arrays out."""
