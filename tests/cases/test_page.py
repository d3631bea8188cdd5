"""docs/trainers.md says what is so: its job runs, its message is told."""

import re
import shlex

import pytest

from tests.docs.pages import ROOT, block_after
from tests.entry_point import call

NAME = "docs/trainers.md"
PAGE = (ROOT / NAME).read_text()
REPORT = 'reporter.report_hyperparameter_tuning_metric("accuracy", accuracy, epoch)'


@pytest.fixture
def page(folder):
    """A folder with the page's job file and trainer."""
    (folder.path / "hptune.yaml").write_text(block_after(NAME, "`hptune.yaml`:"))
    folder.write_trainer(block_after(NAME, "empty `trainer/__init__.py`:"), arguments="")
    # One after the other, each loads scikit-learn.
    folder.with_max_trials("hptune.yaml", 2)
    return folder


def run(page):
    program, *words = shlex.split(block_after(NAME, "Beside both:"))
    assert program == "hptune"
    ended = call("", *words)
    assert ended.code == 0, ended.err
    return page.trials()


def test_the_pages_job_runs(page):
    trials = run(page)
    assert [trial["state"] for trial in trials.values()] == ["SUCCEEDED"] * 2
    for number, trial in trials.items():
        assert (page.path / f"out/hptune/trials/{number}/work").is_dir()
        assert trial["finalMetric"]["trainingStep"] == "10"
        assert trial["finalMetric"]["objectiveValue"] > 0.5


def test_its_print_in_place_of_the_report_does_the_same(page):
    printed = re.search(r"Without cloudml-hypertune, `(print\(.*\))`", PAGE)[1]
    task = page.path / "trainer" / "task.py"
    text = task.read_text()
    assert REPORT in text
    text = text.replace("import hypertune\n", "").replace("reporter = hypertune.HyperTune()\n", "")
    task.write_text(text.replace(REPORT, printed))
    assert "hypertune" not in task.read_text().replace("HyperTune", "hypertune")
    for trial in run(page).values():
        assert trial["finalMetric"]["trainingStep"] == "10"
        assert trial["finalMetric"]["objectiveValue"] > 0.5


def test_where_nothing_was_found_its_message_is_told(folder):
    folder.write_job(hyperparameterMetricTag="accuracy")
    folder.write_trainer("print('loss=0.3 val_accuracy=0.8'); print('accuracy is 0.9')\n")
    ended = folder.run()
    assert ended.code == 1
    assert " ".join(block_after(NAME, "the likest names first:").split()) in " ".join(ended.err.split())
