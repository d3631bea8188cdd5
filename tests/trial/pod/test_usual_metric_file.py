"""A trainer that starts its worker without the variables of the trial, by ``env -i``: in a pod and here.

The place in /tmp that cloudml-hypertune writes to by itself is the machine's: it is another one in the test.
"""

import subprocess
import sys

from hptune.job.submission import Program
from hptune.storage.job_dir import JobDir
from hptune.trial.outcome import Outcome
from hptune.trial.spec import TRIAL_FORM, Pod, TrialSpec

PATIENCE_S = 60
RUN = """
import runpy, sys
from pathlib import Path
from hptune.trial import supervise
supervise.USUAL_METRIC_FILE = Path(sys.argv.pop(1))
runpy.run_module("hptune.trial", run_name="__main__")
"""
TRAINER = """
import subprocess, sys
worker = "import hypertune; hypertune.HyperTune().report_hyperparameter_tuning_metric('accuracy', 0.75, 7)"
worker = f"import sys; sys.path[:] = {sys.path!r}; import hypertune.hypertune as h; " + \
    f"h._DEFAULT_METRIC_PATH = {sys.argv[1]!r}; {worker}"
subprocess.run(["env", "-i", sys.executable, "-c", worker], check=True)
"""


def outcome_of(tmp_path, *, pod):
    usual, trainer = tmp_path / "hypertune" / "output.metrics", tmp_path / "trainer.py"
    trainer.write_text(TRAINER)
    directory = JobDir(tmp_path / "job").trial(1)
    program = Program(command=(sys.executable, str(trainer), str(usual)))
    spec = TrialSpec("1", "job", "accuracy", program, directory, pod=pod)
    document = tmp_path / "trial.json"
    document.write_text(TRIAL_FORM.text(spec))
    subprocess.run(
        [sys.executable, "-c", RUN, usual, document],
        check=True,
        timeout=PATIENCE_S,
        capture_output=True,
        env=None if pod is None else {"HPTUNE_TRIAL": TRIAL_FORM.text(spec), "PATH": "/usr/bin:/bin"},
    )
    return Outcome.load(directory.outcome)


def test_its_report_is_found_in_a_pod(tmp_path):
    final = outcome_of(tmp_path, pod=Pod(collector_file=tmp_path / "collected.jsonl")).final
    assert (final.value, final.step) == (0.75, 7)


def test_here_it_could_be_any_trials(tmp_path):
    outcome = outcome_of(tmp_path, pod=None)
    assert outcome.final is None
    assert "reported no 'accuracy'" in outcome.message
