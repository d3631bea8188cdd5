"""A study as notebooks and data frames show it."""

import math
import re

from hptune.results.study import Goal, Measurement, Study, Trial, TrialState


def trial(number, value=None, **fields):
    final = None if value is None else Measurement(value, 10 * number)
    state = TrialState.FAILED if value is None else TrialState.SUCCEEDED
    return Trial(number, {"lr": number / 10, "kind": "<b>'x'</b>"}, state, final=final, **fields)


STUDY = Study(
    "job",
    "<script>alert(1)</script>",
    Goal.MINIMIZE,
    4,
    (trial(1, 0.5), trial(2, 0.25), trial(3, message="exited with code 1"), trial(4, 1e308)),
)


def test_names_and_values_do_nothing_but_show():
    page = STUDY._repr_html_()
    assert "<script" not in page
    assert "<b>'x'" not in page
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;") >= 3


def test_the_plot_has_a_dot_a_measured_trial_and_falls_to_the_best():
    plot = re.search(r"<svg.*</svg>", STUDY._repr_html_())[0]
    assert plot.count("<circle") == 3
    assert plot.count("the best</title>") == 1
    numbers = [float(number) for number in re.findall(r"(?:cx|cy)=\"([^\"]+)\"", plot)]
    assert all(math.isfinite(number) and 0 <= number <= 560 for number in numbers)


def test_a_study_of_one_trial_and_one_of_none_are_shown_too():
    assert "<circle" in Study("j", "m", Goal.MAXIMIZE, 1, (trial(1, 0.0),))._repr_html_()
    assert "no best trial yet" in Study("j", "m", Goal.MAXIMIZE, 1)._repr_html_()


def test_many_trials_are_counted_and_not_all_listed():
    many = Study("j", "m", Goal.MAXIMIZE, 500, tuple(trial(i, i / 500) for i in range(1, 501)))
    page = many._repr_html_()
    assert page.count("<tr>") == 21
    assert "and 480 more trials" in page
    assert len(page) < 100_000


def test_a_data_frame_has_a_row_a_trial():
    frame = STUDY.to_dataframe()
    assert list(frame["trial"]) == [1, 2, 3, 4]
    assert list(frame["parameter.lr"]) == [0.1, 0.2, 0.3, 0.4]
    assert frame.loc[frame["objective"].idxmin(), "trial"] == STUDY.best.id
    assert math.isnan(frame["objective"][2])
    assert list(frame["step"].isna()) == [False, False, True, False]
    assert frame["message"][2] == "exited with code 1"
    assert Study("j", "m", Goal.MAXIMIZE, 1).to_dataframe().empty
