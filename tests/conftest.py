"""What every test needs."""

import os
import signal

# A script that runs the tests in the background has them, and all that they start, ignore Ctrl-C's signal.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
# make hands what it was told to each make below it: FLAGS of the tests would be flags of what they run.
for name in ("MAKEFLAGS", "MFLAGS", "MAKEOVERRIDES", "FLAGS"):
    os.environ.pop(name, None)
