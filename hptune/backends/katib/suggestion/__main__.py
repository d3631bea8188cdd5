"""``python -m hptune.backends.katib.suggestion``: the suggestion service, as Katib starts it."""

from __future__ import annotations

import logging
import os

import click

from hptune.console.program import run_command

# Threads would cost more than they gain on matrices of a thousand rows, and a linear algebra library counts
# the node's cores, not the container's share of them.
_THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")


@click.command()
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=6789,
    show_default=True,
    help="Listens on this port; 0 takes a free one.",
)
@click.option(
    "--grace",
    type=click.FloatRange(0),
    default=4,
    show_default=True,
    help="Gives answers this many seconds after SIGTERM.",
)
def main(port: int, grace: float) -> None:
    """Serves suggestions to Katib over gRPC."""
    for name in _THREADS:
        os.environ.setdefault(name, "1")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    # The variables are read when NumPy is loaded.
    from hptune.backends.katib.suggestion.server import serve

    serve(port, grace)
    # At once: else Python would wait for a thread that still computes what nobody takes any more.
    logging.shutdown()
    os._exit(0)


if __name__ == "__main__":
    run_command(main, "python -m hptune.backends.katib.suggestion")
