"""The page, as a browser gets it."""

import base64
import hashlib
import json
import random
import re
import tomllib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest

from hptune.results.report.facts import About
from hptune.results.report.page import render
from hptune.results.report.thin import MAX_DRAWN
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
        if self._inside in ("td", "th", "button") and self.rows:
            self.rows[-1].append(data)
        if self._inside not in ("script", "style"):
            self.text.append(data)


def data(text):
    """What the page's script draws."""
    return json.loads(re.search(r'id="report-data">(.*?)</script>', text)[1])


def words(text):
    return " ".join(" ".join(Page(text).text).split())


def table(page):
    """Rows of the table of trials, its head first."""
    start = next(k for k, row in enumerate(page.rows) if row[:1] == ["trial"])
    return page.rows[start:]


def test_the_table_has_all_trials_best_first():
    page = Page(render(status(trial(1, 0.5), trial(2, message="exited with code 1"), trial(3, 0.9)), SPACE))
    rows = table(page)
    assert rows[0] == ["trial", "accuracy", "step", *SPACE.names, "duration", "state", "reason"]
    assert rows[1] == [
        *("3", "0.9", "7", "0.01", "500", "32", "tanh", "0.5", "1 min 05 s", "● succeeded", "-"),
    ]
    assert [row[0] for row in rows[1:]] == ["3", "1", "2"]
    assert rows[3][-2:] == ["✕ failed", "exited with code 1"]


def test_numbers_have_four_digits_and_the_best_parameters_all():
    text = render(status(trial(1, 0.123456, lr=0.0123456789), trial(2, 0.1)), SPACE)
    assert table(Page(text))[1][1:4] == ["0.1235", "7", "0.01235"]
    assert "--lr=0.0123456789 --steps=500 --width=32" in text


def test_each_trial_links_to_its_log_and_its_files():
    page = Page(render(status(trial(1, 0.5)), SPACE, about=About(directory="../out/a%20job/")))
    links = [link for link in page.fetched if not link.startswith("#")]
    assert links == ["../out/a%20job/hptune/trials/1/log.txt", "../out/a%20job/1/"]


def test_the_answer_compares_with_the_first_trial_and_the_defaults():
    trials = (trial(1, 0.5), trial(2, 0.8, lr=0.02), trial(3, 0.9))
    defaults = trials[1].parameters
    text = words(render(status(*trials), SPACE, about=About(defaults=defaults)))
    assert "0.4 higher (80 %) than the first trial (1): accuracy 0.5" in text
    assert "0.1 higher (12.5 %) than the job's own defaults, which trial 2 tried: accuracy 0.8" in text
    losses = words(render(status(*trials, goal=Goal.MINIMIZE), SPACE, about=About(defaults=defaults)))
    assert "Nothing was better than the first trial (1)." in losses
    assert "0.3 lower (37.5 %) than the job's own defaults" in losses


def test_the_answer_says_how_it_was_found():
    about = About(seed=7, command="hptune run job -- --x 'a b'", final={"accuracy": 0.4321987})
    text = words(render(status(trial(1, 0.5), trial(2, message="killed")), SPACE, "RANDOM_SEARCH", about))
    assert "2 of 10 finished: 1 succeeded, 1 failed" in text
    assert "Seed 7" in text
    assert "random search" in text
    assert "hptune run job -- --x 'a b'" in text
    assert "accuracy 0.4322, on the test part" in text
    assert "trial 2 , failed: killed" in text


def test_each_parameter_is_plotted_on_its_scale():
    drawn = data(render(status(trial(1, 0.5, lr=0.01), trial(2, 0.6, lr=0.1)), SPACE))["plots"]
    slices = {
        json.dumps(plot["layout"]["xaxis"]["ticktext"]): plot
        for name, plot in drawn.items()
        if "slice" in name
    }
    assert len(slices) == len(SPACE)
    lr = slices['["0.001", "0.01", "0.1"]']
    assert lr["layout"]["xaxis"]["tickvals"] == pytest.approx([0, 0.5, 1])
    assert [x for trace in lr["data"] for x in trace["x"]] == pytest.approx([0.5, 1.0])
    # Steps of a reversed logarithm come closer together near the upper end.
    reverse = next(plot for texts, plot in slices.items() if texts.startswith('["0.1"'))["layout"]["xaxis"]
    gaps = [b - a for a, b in pairwise(map(float, reverse["ticktext"]))]
    assert gaps == sorted(gaps, reverse=True) != sorted(gaps)


def test_the_posterior_is_sure_of_what_was_measured_and_unsure_elsewhere():
    tried = {0.01: 0.9, 0.001: 0.6, 0.1: 0.7, 0.04: 0.85, 0.02: 0.95}
    trials = [trial(n, objective, lr) for n, (lr, objective) in enumerate(tried.items(), 1)]
    posterior = data(render(status(*trials), SearchSpace(SPACE.parameters[:1])))["posterior"]
    positions = posterior["positions"]
    assert [position["count"] for position in positions] == [2, 3, 4, 5]
    assert [position["nextTrial"] for position in positions] == [3, 4, 5, None]
    assert positions[-1]["next"]["values"]
    curve = positions[-1]["curve"]
    places = posterior["parameters"][0]["curve"]
    widths = [high - low for high, low in zip(curve["high"], curve["low"], strict=True)]
    assert curve["median"][places.index(0.5)] == pytest.approx(0.9, abs=0.02)
    assert curve["median"][0] == pytest.approx(0.6, abs=0.03)
    assert 0 < widths[places.index(0.5)] < widths[places.index(0.25)] / 3


def test_a_job_without_a_model_says_that_the_posterior_is_ours():
    trials = [trial(n, n / 10, lr) for n, lr in enumerate((0.01, 0.001, 0.1), 1)]
    text = render(status(*trials), SPACE, "GRID_SEARCH")
    assert "Another algorithm suggested these trials" in text
    assert data(text)["posterior"]["positions"][-1]["next"] is None


def test_a_very_long_study_is_thinned_and_the_page_says_so():
    trials = [trial(n, n / 1200, lr=0.001 + n * 1e-6) for n in range(1, 1201)]
    text = render(status(*trials), SearchSpace(SPACE.parameters[:1]))
    assert f"plots show {MAX_DRAWN} of 1200 trials" in text
    assert "The best 1000 of 1200 trials" in text
    assert sum(len(trace["x"]) for trace in data(text)["plots"]["history"]["data"][1:]) == MAX_DRAWN


def test_the_page_needs_no_network():
    page = Page(render(status(trial(1, 0.5)), SPACE))
    assert [link for link in page.fetched if not link.startswith("#")] == []
    assert "link" not in page.tags


def test_no_other_script_than_the_pages_own_may_run():
    text = render(status(trial(1, 0.5)), SPACE)
    policy = re.search('Content-Security-Policy" content="(.*?)"', text)[1].replace("&#39;", "'")
    scripts = re.findall("<script>(.*?)</script>", text, re.DOTALL)
    digests = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    assert [f"'sha256-{digest}'" in policy for digest in digests] == [True, True]
    assert policy.startswith("default-src 'none'; script-src 'sha256-")


@pytest.mark.parametrize("trials", [(), (trial(1, message="killed"),)])
def test_a_job_without_an_objective_has_a_page_that_says_so(trials):
    text = render(status(*trials, message="no trial\n<log>"), SPACE)
    page = Page(text)
    assert "No trial has an objective" in " ".join(page.text)
    assert len(table(page)) == 1 + len(trials)
    assert set(data(text)["plots"]) <= {"timeline-bars"}
    assert "log" not in page.tags


def test_a_parameter_that_is_named_like_a_script_just_shows():
    name = "<script>alert(1)</script>"
    space = SearchSpace((Double(name, 0.0, 1.0),))
    tried = Trial(1, {name: 0.5}, TrialState.SUCCEEDED, (), Measurement(1.0, 1))
    text = render(status(tried), space)
    page = Page(text)
    assert name in table(page)[0]
    assert f"--{name}=0.5" in "".join(page.text)
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


def test_a_job_of_parameters_that_cannot_vary_is_shown():
    space = SearchSpace((Integer("steps", 500, 500),))
    trials = [
        Trial(n, {"steps": 500}, TrialState.SUCCEEDED, (), Measurement(n / 9, 1), False, "", START, START)
        for n in (1, 2)
    ]
    assert "steps" in render(status(*trials), space)


def test_of_very_many_parameters_those_that_matter_are_shown_and_the_page_says_so():
    rng = random.Random(1)
    space = SearchSpace(
        (
            *(Double(f"p{number}", 0.0, 1.0, Scale.LINEAR) for number in range(998)),
            Categorical("kind", ("a", "b", "c")),
            Double("rate", 0.0, 1.0, Scale.LINEAR),
        )
    )
    trials = []
    for number in range(1, 201):
        values = {p.name: p.from_unit(rng.random()) for p in space}
        value = values["rate"] + {"a": 0.0, "b": 1.0, "c": 0.0}[values["kind"]]
        trials.append(replace(trial(number, value), parameters=values))
    page = render(status(*trials), space)
    assert len(page.encode()) < 5.5e6
    assert f"show {6000 // 200} of 1000 parameters" in words(page)
    header = re.findall(r"<th[^>]*><button[^>]*>([^<]+)</button>", page)
    assert {"rate", "kind"} <= {*header}
    assert len(header) == 30 + len(("trial", "accuracy", "step", "duration", "state"))
    # The parameters to go on with are all there.
    assert page.count("--p") >= 998
