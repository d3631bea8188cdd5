"""What every test needs."""

import signal

# A script that runs the tests in the background has them, and all that they start, ignore Ctrl-C's signal.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
