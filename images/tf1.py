"""Makes the environment of TensorFlow 1 in an image, as hptune makes it on a user's machine.

python tf1.py TENSORFLOW DIRECTORY
"""

import sys
from functools import partial
from pathlib import Path

from hptune.runtimes import managed


def main(tensorflow: str, directory: str) -> None:
    """Makes it.

    Args:
        tensorflow: The package that TensorFlow comes in, such as tensorflow-cpu.
        directory: Where to.
    """
    wanted = managed.requirements(tensorflow)
    managed.fill(Path(directory), sys.executable, wanted, partial(print, flush=True))


if __name__ == "__main__":
    main(*sys.argv[1:])
