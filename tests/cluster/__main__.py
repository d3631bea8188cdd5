"""A test cluster on this machine: ``python -m tests.cluster build|up|test|down|status``."""

import argparse
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tests.cluster import bring_up, run_tests, settings
from tests.cluster.node import cluster, processes
from tests.cluster.shell import HarnessError, MissingError, OutOfTimeError


def main() -> int:
    """Does what the command line says.

    Returns:
        The exit code: 2 where this machine cannot, with what is missing on stderr.
    """
    parser = argparse.ArgumentParser(prog="python -m tests.cluster", description=__doc__)
    parser.add_argument("goal", choices=["build", "up", "test", "down", "status"])
    parser.add_argument("--keep", action="store_true", help="leaves the cluster running after the tests")
    parser.add_argument("--build-within", type=int, metavar="MINUTES", help="skips the tests after this time")
    given, options = parser.parse_known_args()
    # As Ctrl-C does: what was begun is ended in order.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    goals = {"build": bring_up.build, "up": _up, "down": cluster.stop, "status": _status}
    try:
        if given.goal == "test":
            return _test(options, keep=given.keep, build_minutes=given.build_within or 0)
        goals[given.goal]()
    except HarnessError as error:
        print(f"hptune: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("hptune: stopped", file=sys.stderr)
        return 130
    return 0


def _up() -> None:
    bring_up.bring_up()
    print(f"export KUBECONFIG={settings.KUBECONFIG}")


def _test(options: list[str], *, keep: bool, build_minutes: int) -> int:
    if os.environ.get("KUBECONFIG"):
        print(f"the tests use the cluster of KUBECONFIG={os.environ['KUBECONFIG']}")
        return run_tests.run_tests(options)
    try:
        with _at_most(build_minutes):
            bring_up.build()
        bring_up.bring_up()
        return run_tests.run_tests(options)
    except (MissingError, OutOfTimeError) as error:
        print(f"the tests are skipped: {error}")
        return 0
    finally:
        if not keep:
            cluster.stop()


@contextmanager
def _at_most(minutes: int) -> Iterator[None]:
    """Gives a build this long, or as long as it takes; what it has compiled by then is kept."""

    def end(*_: object) -> None:
        raise OutOfTimeError(
            f"the cluster was not built after {minutes} minutes; the next run goes on from there"
        )

    signal.signal(signal.SIGALRM, end)
    signal.alarm(minutes * 60)
    try:
        yield
    finally:
        signal.alarm(0)


def _status() -> None:
    names = processes.names()
    for name in reversed(names):
        print(f"{name}: {'runs' if processes.is_running(name) else 'has ended'}")
    if not names:
        print("no cluster runs")


if __name__ == "__main__":
    sys.exit(main())
