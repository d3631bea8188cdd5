"""Packages the trainer."""

from setuptools import find_packages, setup

setup(
    name="trainer",
    version="0.1",
    description="Classifier of digits, trained with ParameterServerStrategy",
    packages=find_packages(),
    install_requires=["tensorflow>=2.16", "scikit-learn", "cloudml-hypertune"],
)
