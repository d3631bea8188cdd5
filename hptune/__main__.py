"""``python -m hptune``: the command line, wherever its script is not on the path."""

from hptune.cli.app import main

if __name__ == "__main__":
    main()
