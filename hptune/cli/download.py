"""Implements ``hptune download``."""

from __future__ import annotations

from pathlib import Path

import click

from hptune.console.program import PATH
from hptune.console.progress import show_transfer
from hptune.data.download import download as download_data


@click.command()
@click.argument("source", default="digits")
@click.option("--output", type=PATH, required=True, help="The .npz to write.")
@click.option("--sha256", help="The checksum that the arrays' content must have.")
def download(source: str, output: Path, sha256: str | None) -> None:
    """Get the data set SOURCE and write it as one checked .npz.

    SOURCE is digits (comes with scikit-learn, no network), mnist (public mirrors), or a path or URI (https,
    gs, s3, file) of an .npz, an mnist.pkl[.gz] or idx files.

    \b
    Examples:
      hptune download digits --output data.npz
      hptune download https://example.org/some.npz --output data.npz
    """
    with show_transfer() as progress:
        digest = download_data(source, output, sha256=sha256, progress=progress)
    click.echo(f"{output}: {source}, sha256 of its content {digest}")
