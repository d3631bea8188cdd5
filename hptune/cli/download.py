"""Implements ``hptune download``."""

from __future__ import annotations

from pathlib import Path

import click

from hptune.console.program import PATH
from hptune.console.progress import show_transfer
from hptune.data.download import download as download_data
from hptune.data.mnist import DEFAULT_SET, SOURCES

_HELP = f"""Gets the data set SOURCE and writes it as one checked .npz.

SOURCE is {SOURCES}, or a path or URI (https, gs, s3, file) of an .npz, a .pkl[.gz] or idx files.
[default: {DEFAULT_SET}]

\b
Examples:
  hptune download {DEFAULT_SET} --output data.npz
  hptune download https://example.org/some.npz --output data.npz
"""


@click.command(help=_HELP)
@click.argument("source", default=DEFAULT_SET)
@click.option("--output", type=PATH, required=True, help="Writes the data set to this .npz.")
@click.option("--sha256", help="Requires this checksum of the arrays' content.")
def download(source: str, output: Path, sha256: str | None) -> None:
    """Gets a data set; `_HELP` tells people."""
    with show_transfer() as progress:
        digest = download_data(source, output, sha256=sha256, progress=progress)
    click.echo(f"{output}: {source}, sha256 of its content {digest}")
