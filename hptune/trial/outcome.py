"""How one trial ended, and what of it can be compared with other trials."""

from __future__ import annotations

import json
import signal
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from pydantic import TypeAdapter

from hptune.errors import Fault, JobDirError
from hptune.results.study import Measurement
from hptune.storage.foreign import make_way
from hptune.storage.job_dir import write_json
from hptune.trial.last_words import explain_exit
from hptune.trial.spec import TrialSpec

_CUT = "..."


@dataclass(frozen=True)
class Outcome:
    """How a trainer ended.

    Attributes:
        exit_code: Its exit code; minus the signal's number where one ended it.
        final: The measurement that judges the trial, whether it can be compared or not; None for none.
        message: What is wrong with the trial; empty where nothing is.
        start_time_s: Seconds since the epoch; None where the trainer never started.
        end_time_s: The same; as much later as the monotonic clock says, whatever became of the wall clock.
        timed_out: Whether the time limit ended it.
        note: What a reader should know of how the objective was found, where nothing is wrong; else empty.
        source: Name of the `Source` that ``final`` was found in; empty where there is none.
    """

    exit_code: int
    final: Measurement | None
    message: str
    start_time_s: float | None
    end_time_s: float
    timed_out: bool = False
    note: str = ""
    source: str = ""

    @property
    def succeeded(self) -> bool:
        """Whether the trainer ran to its end; says nothing of an objective."""
        return self.exit_code == 0 and not self.timed_out

    @property
    def remark(self) -> str:
        """What is to be said of the trial: what is wrong with it, else the note."""
        return self.message or self.note

    @property
    def killed(self) -> bool:
        """Whether somebody else ended it: the kernel short of memory, or a person."""
        return self.exit_code == -signal.SIGKILL and not self.timed_out

    def save(self, path: Path) -> None:
        """Writes the outcome; after this the trial is never run again."""
        make_way(path)
        write_json(path, asdict(self))

    @classmethod
    def load(cls, path: Path) -> Outcome | None:
        """Loads the outcome of an earlier run of the trial; None where it has not ended.

        Raises:
            JobDirError: The file is damaged.
        """
        if not path.is_file():
            return None
        try:
            return cls.parse(path.read_text(encoding="utf-8"))
        except ValueError as error:
            problem = f"is damaged ({error}); the trial runs again when it is deleted"
            raise JobDirError(Fault(str(path), problem)) from error

    @classmethod
    def parse(cls, text: str) -> Outcome:
        """Reads the outcome that ``text`` is the JSON of.

        Raises:
            ValueError: It is that of something else.
        """
        try:
            return _FORM.validate_python(json.loads(text))
        except (ValueError, RecursionError) as error:
            raise ValueError(f"{type(error).__name__}: {error}") from error

    def to_line(self, max_bytes: int) -> bytes:
        """Writes the outcome as a line of JSON; where that is too long, without note or its message's end.

        Raises:
            ValueError: ``max_bytes`` has no room for an outcome without a message.
        """
        shown = self if len(self._line()) <= max_bytes else replace(self, note="")
        while (excess := len(line := shown._line()) - max_bytes) > 0:
            if not shown.message.removesuffix(_CUT):
                raise ValueError(f"an outcome has {len(line)} bytes; {max_bytes} are allowed")
            kept = max(0, len(shown.message) - excess - len(_CUT))
            shown = replace(shown, message=shown.message[:kept] + _CUT)
        return line

    def _line(self) -> bytes:
        return json.dumps(asdict(self), separators=(",", ":")).encode("ascii") + b"\n"


_FORM = TypeAdapter(Outcome)


@dataclass(frozen=True)
class Ending:
    """What was seen of a trainer that ended.

    Attributes:
        exit_code: Its exit code; minus the signal's number where one ended it.
        timed_out: Whether the time limit ended it.
        final: The last measurement of the objective, if there was one.
        no_objective: What to say where there was none.
        out_of_memory: What to say where it ended for want of memory; empty where it did not.
    """

    exit_code: int
    timed_out: bool
    final: Measurement | None
    no_objective: str
    out_of_memory: str = ""


def find_fault(spec: TrialSpec, ending: Ending) -> str:
    """Says what is wrong with a trial that ended; empty where it has an objective to compare."""
    if ending.timed_out:
        return f"stopped after its time limit of {spec.time_limit_s:g} s"
    if ending.out_of_memory:
        return ending.out_of_memory
    if ending.exit_code:
        return explain_exit(ending.exit_code)
    if ending.final is None:
        return ending.no_objective
    return find_measurement_fault(spec.metric, ending.final)


def find_measurement_fault(metric: str, measurement: Measurement) -> str:
    """Says why a measurement cannot be compared with others; empty where it can."""
    return "" if measurement.finite else f"{metric} was {measurement.value} at step {measurement.step}"
