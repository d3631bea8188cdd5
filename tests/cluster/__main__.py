"""Starts, ends or lists a test cluster on this machine: ``python -m tests.cluster up|down|status``."""

import argparse
import os
import sys

from tests.cluster import bring_up, settings
from tests.cluster.node import cluster, processes
from tests.cluster.shell import HarnessError, MissingError


def main() -> int:
    """Does what the command line says.

    Returns:
        The exit code: 2 where this machine cannot, with what is missing on stderr.
    """
    parser = argparse.ArgumentParser(prog="python -m tests.cluster", description=__doc__)
    parser.add_argument("goal", choices=["up", "down", "status"])
    parser.add_argument("--or-skip", action="store_true", help="no fault where the tests will be skipped")
    given = parser.parse_args()
    if given.or_skip and os.environ.get("KUBECONFIG"):
        print(f"the tests use the cluster of KUBECONFIG={os.environ['KUBECONFIG']}")
        return 0
    try:
        {"up": _up, "down": cluster.stop, "status": _status}[given.goal]()
    except HarnessError as error:
        print(f"hptune: {error}", file=sys.stderr)
        return 0 if given.or_skip and isinstance(error, MissingError) else 2
    return 0


def _up() -> None:
    bring_up.bring_up()
    print(f"export KUBECONFIG={settings.KUBECONFIG}")


def _status() -> None:
    names = processes.names()
    for name in reversed(names):
        print(f"{name}: {'runs' if processes.is_running(name) else 'has ended'}")
    if not names:
        print("no cluster runs")


if __name__ == "__main__":
    sys.exit(main())
