from setuptools import find_packages, setup

REQUIRED = ["tensorflow-gpu==1.8.0", "six>=1.10"]

setup(name="blobs", version="0.1", packages=find_packages(), install_requires=REQUIRED)
