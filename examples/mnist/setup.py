"""Packages the trainer, as `gcloud ai-platform jobs submit training --package-path trainer` asks for."""

from setuptools import find_packages, setup

setup(
    name="trainer",
    version="0.1",
    description="MNIST classifier whose learning rate and number of steps are tuned",
    packages=find_packages(),
    package_data={"trainer": ["hptune.yaml"]},
    install_requires=["tensorflow>=2.16"],
)
