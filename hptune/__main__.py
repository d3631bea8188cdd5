"""``python -m hptune``: the command line, wherever its script is not on the path."""

from hptune.cli import main

if __name__ == "__main__":
    main()
