"""Starts a trainer's module under any Python from 2.7 on: ``PYTHON launch.py MODULE ARGUMENT...``.

It is ``python -m MODULE``, but for two things. The current directory does not stand first on the path, where
it would hide the package of the same name: ``-P`` does that since Python 3.11. And the module's own directory
stands last on it, for trainers that import their siblings without the package's name, as Python 2 let them.

Run as a file: it needs nothing of hptune.
"""

import os
import runpy
import sys


def _siblings(module):
    parts = module.split(".")
    for folder in sys.path:
        directory = os.path.join(folder, *parts[:-1])
        if len(parts) > 1 and os.path.isfile(os.path.join(directory, parts[-1] + ".py")):
            return [directory]
    return []


def _start():
    # What Python put there: this file's directory. With -P it did not.
    if sys.path and os.path.abspath(sys.path[0]) == os.path.dirname(os.path.abspath(__file__)):
        del sys.path[0]
    del sys.argv[0]
    module = sys.argv[0]
    sys.path.extend(_siblings(module))
    # What `python -m` calls: the module is __main__ itself, whatever it pickles or starts. Nothing of this
    # file is to be left in it.
    run = runpy._run_module_as_main
    own = globals()
    for name in [name for name in own if not name.startswith("__")]:
        del own[name]
    run(module)


if __name__ == "__main__":
    _start()
