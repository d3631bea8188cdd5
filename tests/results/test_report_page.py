"""The page, as a browser gets it."""

import json
import re
import tomllib
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest

from hptune.results.report_page import render
from hptune.results.study import Goal, JobState, JobStatus, Measurement, Study, Trial, TrialState
from hptune.search.scale import Scale
from hptune.search.space import Categorical, Discrete, Double, Integer, SearchSpace

START = datetime(2026, 1, 2, tzinfo=UTC)
SPACE = SearchSpace(
    (
        Double("lr", 0.001, 0.1, Scale.LOG),
        Integer("steps", 200, 10000),
        Discrete("width", (16.0, 32.0, 64.0)),
        Categorical("kind", ("relu", "tanh")),
        Double("momentum", 0.1, 0.9, Scale.REVERSE_LOG),
    )
)


def trial(trial_id, objective=None, lr=0.01, message=""):
    values = {"lr": lr, "steps": 500, "width": 32.0, "kind": "tanh", "momentum": 0.5}
    final = None if objective is None else Measurement(objective, 7)
    state = TrialState.FAILED if message else TrialState.SUCCEEDED
    curve = (Measurement(float("nan"), 1), Measurement(0.1, 3), final) if final else ()
    return Trial(trial_id, values, state, curve, final, False, message, START, START + timedelta(seconds=65))


def status(*trials, name="mnist", metric="accuracy", goal=Goal.MAXIMIZE, message=""):
    study = Study(name, metric, goal, 10, trials)
    return JobStatus(JobState.SUCCEEDED, study, {}, message, START, START)


class Page(HTMLParser):
    """Rows of the table, text outside scripts, and what would be fetched."""

    def __init__(self, text):
        super().__init__()
        self.rows, self.text, self.fetched, self.tags = [], [], [], []
        self._inside = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self._inside = tag
        self.fetched += [value for name, value in attrs if name in ("src", "href")]
        if tag == "tr":
            self.rows.append([])

    def handle_endtag(self, _):
        self._inside = ""

    def handle_data(self, data):
        if self._inside in ("td", "th"):
            self.rows[-1].append(data)
        if self._inside not in ("script", "style"):
            self.text.append(data)


def plots(text):
    """Traces of each plot, as they are handed to plotly."""
    decoder = json.JSONDecoder()
    starts = [match.end() for match in re.finditer(r'Plotly\.newPlot\(\s*"[0-9a-f-]{36}",\s*', text)]
    return [decoder.raw_decode(text, start)[0] for start in starts]


def test_the_table_has_all_trials_best_first():
    page = Page(render(status(trial(1, 0.5), trial(2, message="exited with code 1"), trial(3, 0.9)), SPACE))
    assert page.rows[0] == ["trial", "accuracy", "step", *SPACE.names, "duration", "state"]
    assert page.rows[1] == [
        *("3", "0.9", "7", "0.01", "500", "32", "tanh", "0.5", "1 min 05 s", "SUCCEEDED"),
    ]
    assert [row[0] for row in page.rows[1:]] == ["3", "1", "2"]
    assert page.rows[3][-1] == "FAILED: exited with code 1"


@pytest.mark.parametrize(
    ("goal", "best"), [(Goal.MAXIMIZE, [0.5, 0.5, 0.9]), (Goal.MINIMIZE, [0.5, 0.3, 0.3])]
)
def test_the_history_shows_each_objective_and_the_best_so_far(goal, best):
    text = render(status(trial(1, 0.5), trial(3, 0.3), trial(4, 0.9), goal=goal), SPACE)
    points, line = plots(text)[0]
    assert (points["x"], points["y"]) == ([1, 3, 4], [0.5, 0.3, 0.9])
    assert (line["x"], line["y"]) == ([1, 3, 4], best)


def test_each_parameter_is_plotted_on_its_scale():
    traces = plots(render(status(trial(1, 0.5, lr=0.01), trial(2, 0.6, lr=0.1)), SPACE))[1]
    assert len(traces) == len(SPACE)
    assert traces[0]["x"] == pytest.approx([0.5, 1.0])
    assert traces[3]["x"] == [0.75, 0.75]


def test_curves_leave_out_what_is_no_number():
    [curve] = plots(render(status(trial(1, 0.5)), SPACE))[2]
    assert (curve["x"], curve["y"]) == ([3, 7], [0.1, 0.5])


def test_the_page_needs_no_network():
    page = Page(render(status(trial(1, 0.5)), SPACE))
    assert page.fetched == []
    assert "link" not in page.tags


def test_the_final_measurement_is_shown():
    text = " ".join(Page(render(status(trial(1, 0.5)), SPACE, {"accuracy": 0.4321987})).text)
    assert "on the test part: accuracy 0.432199" in text
    assert "Best: trial 1, accuracy 0.5 with lr = 0.01, steps = 500" in text


@pytest.mark.parametrize("trials", [(), (trial(1, message="killed"),)])
def test_a_job_without_an_objective_has_a_page_that_says_so(trials):
    text = render(status(*trials, message="no trial\n<log>"), SPACE)
    page = Page(text)
    assert "No trial has an objective" in " ".join(page.text)
    assert len(page.rows) == 1 + len(trials)
    assert plots(text) == []
    assert "log" not in page.tags


def test_a_parameter_that_is_named_like_a_script_just_shows():
    name = "<script>alert(1)</script>"
    space = SearchSpace((Double(name, 0.0, 1.0),))
    tried = Trial(1, {name: 0.5}, TrialState.SUCCEEDED, (), Measurement(1.0, 1))
    text = render(status(tried), space)
    page = Page(text)
    assert name in page.rows[0]
    assert f" with {name} = 0.5" in "".join(page.text)
    assert "<script>alert" not in text


def test_names_and_messages_cannot_become_markup():
    evil = "</script><script>alert(1)</script><img src=x>"
    space = SearchSpace((Categorical(evil, (evil, "b")), Categorical("lr", ("0.01",))))
    bad = Trial(1, {evil: evil}, TrialState.SUCCEEDED, (), Measurement(1.0, 1), message=evil)
    clean = Page(render(status(trial(1, 0.5)), SearchSpace((Double("lr", 0.001, 0.1),))))
    page = Page(render(status(bad, name=evil, metric=evil, message=evil), SearchSpace(space.parameters[:1])))
    assert "img" not in page.tags
    assert page.tags.count("script") <= clean.tags.count("script")


def test_the_templates_are_packaged():
    root = Path(__file__).parents[2]
    packaged = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]
    folder = root / "hptune" / "results"
    found = {file for pattern in packaged["hptune.results"] for file in folder.glob(pattern)}
    assert found == {file for file in folder.rglob("*.*") if file.suffix not in (".py", ".pyc")} != set()
