"""Packages the trainer."""

from setuptools import find_packages, setup

setup(
    name="trainer",
    version="0.1",
    description="Classifier of digits, trained with MultiWorkerMirroredStrategy",
    packages=find_packages(),
    install_requires=["scikit-learn", "cloudml-hypertune"],
)
