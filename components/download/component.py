"""Step one: gets the data."""

from kfp import dsl

from components.images import HPTUNE_IMAGE


@dsl.component(base_image=HPTUNE_IMAGE, install_kfp_package=False)
def download(data: dsl.Output[dsl.Dataset], source: str, sha256: str = "") -> None:
    """Gets a data set, checks it and writes it as one .npz.

    Args:
        data: The data set: x_train, y_train, x_test and y_test.
        source: Path or URI (https, gs, s3) of an .npz, a .pkl[.gz] or idx files, or the name of a data set
            that hptune knows.
        sha256: The checksum that the arrays' content must have; empty for any.
    """
    from pathlib import Path

    from hptune.data import download
    from hptune.steps import process

    with process.step("download"):
        digest = download.download(source, Path(data.path), sha256=sha256 or None)
        print(f"{source}: sha256 of its content {digest}")
