"""The command line: the script ``hptune``, and ``python -m hptune`` wherever that is not on the path."""

import signal


def main() -> None:
    """Runs the command line."""
    # What Ctrl-C interrupts is an import until `run_command` takes over, and its traceback would tell nobody
    # anything. Where it is ignored, as behind nohup, it stays so.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from hptune.cli import app

    app.main()


if __name__ == "__main__":
    main()
