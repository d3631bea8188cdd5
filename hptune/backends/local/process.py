"""One trial as a process of this machine: ``python -m hptune.trial``, which runs the trainer."""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import suppress

from hptune.backends.local.slots import Slot
from hptune.trial.container import remove_containers
from hptune.trial.document import local_command
from hptune.trial.metrics.curve import CurveReader
from hptune.trial.outcome import Outcome
from hptune.trial.spec import TrialSpec
from hptune.trial.supervise import prepare
from hptune.trial.trainer import GRACE_S, signal_group


class TrialProcess:
    """A running trial.

    Attributes:
        spec: The trial.
        curve: Follows its measurements.
    """

    def __init__(self, spec: TrialSpec, slot: Slot) -> None:
        self.spec = spec
        prepare(spec)
        self.curve = CurveReader(spec.directory.measurements)
        command = local_command(spec)
        with spec.directory.log.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                env=slot.environment(os.environ),
                # Held open, and never written to: it closes when this process dies, however it dies.
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                # Ctrl-C in the terminal is for hptune, which stops its trials in order.
                start_new_session=True,
            )
        with suppress(ProcessLookupError):
            slot.pin(self._process.pid)

    @property
    def ended(self) -> bool:
        """Whether the process is gone."""
        return self._process.poll() is not None

    @property
    def killed(self) -> bool:
        """Whether somebody else ended the process."""
        return (self._process.returncode or 0) < 0

    def outcome(self) -> Outcome | None:
        """Returns how the trainer ended; None where the process died before it could say."""
        return Outcome.load(self.spec.directory.outcome)

    def ask_to_stop(self) -> None:
        """Tells the trainer to end; `wait_stopped` sees to it that it does."""
        with suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)

    def wait_stopped(self) -> None:
        """Waits for a process that was asked to stop, and kills it when it does not."""
        try:
            # The process gives its trainer a grace period of its own first.
            self._process.wait(GRACE_S + 2.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self.clean_up()

    def clean_up(self) -> None:
        """Ends what a process that was killed may have left running."""
        self._process.wait()
        if self._process.stdin:
            self._process.stdin.close()
        if self._process.returncode < 0:
            for path in self.spec.directory.trainer_pids:
                if trainer := path.read_text(encoding="ascii"):
                    signal_group(int(trainer), signal.SIGKILL)
            remove_containers(self.spec)
