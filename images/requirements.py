"""Prints what a wheel requires but TensorFlow, which an image gets by build argument.

python requirements.py WHEEL [EXTRA,EXTRA...]
"""

import sys
from importlib.metadata import distributions

from pip._vendor.packaging.requirements import Requirement
from pip._vendor.packaging.utils import canonicalize_name

# Each is TensorFlow, and pip would install one beside another.
TENSORFLOW = {"tensorflow", "tensorflow-cpu", "tensorflow-gpu"}


def requirements(wheel: str, extras: str = "") -> list[str]:
    """Returns the requirements, for pip, of a wheel with some of its extras, separated by commas."""
    [distribution] = distributions(path=[wheel])
    environments = [{"extra": extra} for extra in ("", *extras.split(","))]
    found = []
    for requirement in map(Requirement, distribution.requires or []):
        marker, requirement.marker = requirement.marker, None
        applies = marker is None or any(map(marker.evaluate, environments))
        if applies and canonicalize_name(requirement.name) not in TENSORFLOW:
            found.append(str(requirement))
    return found


if __name__ == "__main__":
    print(*requirements(*sys.argv[1:]), sep="\n")
