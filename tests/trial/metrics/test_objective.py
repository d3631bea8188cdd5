import math

import pytest

from hptune.results.study import Goal, Measurement
from hptune.trial.metrics.curve import CurveReader, CurveWriter, read_curve
from hptune.trial.metrics.objective import Objective
from hptune.trial.metrics.report import Report, Source


class Kept:
    """A curve in memory."""

    def __init__(self):
        self.source, self.values = None, []

    def restart(self, source):
        self.source, self.values = source, []

    def add(self, measurement, *, late=False):
        self.values.insert(len(self.values) - late, measurement.value)


def report(source, value, step=0, time_s=0.0, place=""):
    return Report("accuracy", Measurement(value, step), source, time_s, place)


def followed(*reports, best_by=None):
    """The objective after these reports, and its curve."""
    curve = Kept()
    objective = Objective([curve], best_by=best_by)
    for each in reports:
        objective.add(each)
    objective.finish()
    return objective, curve


def judged(*reports, **options):
    objective, _ = followed(*(report(*each) for each in reports), **options)
    return objective.measurement.value if objective.measurement else None


def test_a_trial_is_judged_by_the_last_report_of_the_most_deliberate_source():
    assert judged() is None
    assert judged((Source.STDOUT, 0.1), (Source.STDOUT, 0.2)) == 0.2
    assert judged((Source.EVALUATION_SUMMARY, 0.5), (Source.SUMMARY, 0.9), (Source.STDOUT, 0.8)) == 0.5
    assert judged((Source.SUMMARY, 0.9), (Source.TRAINING_SUMMARY, 0.5)) == 0.9
    assert judged((Source.STDOUT, 0.9), (Source.PRINTED_IN_PASSING, 0.5)) == 0.9
    assert (
        judged((Source.SUMMARY, 0.9), (Source.EVALUATION_SUMMARY, 0.5), (Source.EVALUATION_SUMMARY, 0.4))
        == 0.4
    )
    assert judged((Source.HYPERTUNE, 0.3), (Source.EVALUATION_SUMMARY, 0.5)) == 0.3


def test_of_summaries_the_one_written_last_counts_whenever_it_is_read():
    late = [(Source.SUMMARY, 5.0, 3, 30.0), (Source.SUMMARY, 11.0, 9, 20.0)]
    assert judged(*late) == judged(*reversed(late)) == 5.0
    # Of one moment it is the one of the higher step.
    same = [(Source.SUMMARY, 5.0, 3, 30.0), (Source.SUMMARY, 11.0, 2, 30.0)]
    assert judged(*same) == judged(*reversed(same)) == 5.0


def test_the_curve_is_of_one_source():
    _, curve = followed(
        report(Source.STDOUT, 0.1),
        report(Source.TRAINING_SUMMARY, 0.99),
        report(Source.EVALUATION_SUMMARY, 0.5),
        report(Source.TRAINING_SUMMARY, 0.99),
        report(Source.EVALUATION_SUMMARY, 0.6, 1, 1.0),
    )
    assert (curve.source, curve.values) == (Source.EVALUATION_SUMMARY, [0.5, 0.6])


def test_the_best_report_may_be_asked_for():
    reports = [(Source.STDOUT, value) for value in (0.5, 0.9, math.nan, math.inf, 0.7)]
    assert judged(*reports, best_by=Goal.MAXIMIZE) == 0.9
    assert judged(*reports, best_by=Goal.MINIMIZE) == 0.5
    assert math.isnan(judged((Source.STDOUT, math.nan), best_by=Goal.MINIMIZE))
    assert judged((Source.STDOUT, 0.1), (Source.HYPERTUNE, 0.9), best_by=Goal.MINIMIZE) == 0.9


def test_many_reports_are_thinned_out_and_the_last_one_is_kept():
    count = 100_001
    _, curve = followed(*(report(Source.STDOUT, float(i), i) for i in range(1, count + 1)))
    assert curve.values[:300] == [*map(float, range(1, 301))]
    assert curve.values[-1] == count
    assert curve.values == sorted({*curve.values})
    assert len(curve.values) < 3000


@pytest.mark.parametrize("time_s", [0.0, 1.0])
@pytest.mark.parametrize("at", [700, 4097, 9998, 9999])
def test_the_best_report_is_in_the_curve_where_it_judges_the_trial(at, time_s):
    curve, reports = Kept(), [0.5] * 10_000
    reports[at] = 0.9
    objective = Objective([curve], best_by=Goal.MAXIMIZE)
    for step, value in enumerate(reports):
        objective.add(report(Source.SUMMARY, value, step, time_s and time_s + step))
    # A trial that is stopped is judged by its curve.
    objective.finish()
    assert (curve.values.count(0.9), curve.values[-1]) == (1, reports[-1])
    assert len(curve.values) < 2000


def test_a_record_that_comes_late_stands_before_the_last_in_the_curve():
    reports = [report(Source.SUMMARY, 0.5, step, 1.0 + step) for step in range(1025)]
    record = report(Source.SUMMARY, 0.9, 3, 1.5)
    _, curve = followed(*reports, record, best_by=Goal.MAXIMIZE)
    assert (curve.values.count(0.9), curve.values[-1]) == (1, 0.5)


def test_several_places_of_equal_rank_are_named_with_the_one_that_counted():
    objective, _ = followed(
        report(Source.SUMMARY, 12.0, 2, 2.0, "."), report(Source.SUMMARY, 5.0, 3, 3.0, "1795")
    )
    assert objective.note == (
        "accuracy was written in several directories, '.', '1795'; the last written counted, of '1795'"
    )
    objective, _ = followed(*(report(Source.SUMMARY, 1.0, 0, 0.0, str(i)) for i in range(11)))
    assert "'7' and 3 more; " in objective.note
    objective, _ = followed(
        report(Source.SUMMARY, 1.0, place="a"), report(Source.EVALUATION_SUMMARY, 1.0, place="b")
    )
    assert objective.note == ""


def test_a_copy_of_what_was_written_is_no_other_place():
    written = [(12.0, 2, 2.5), (5.0, 3, 3.5)]
    copies = [report(Source.SUMMARY, *each, place) for place in ("logs", "artifacts") for each in written]
    objective, _ = followed(*copies)
    assert (objective.measurement.value, objective.note) == (5.0, "")
    objective.add(report(Source.SUMMARY, 4.0, 3, 3.6, "other"))
    assert "'logs', 'other'; the last written counted, of 'other'" in objective.note


def test_a_curve_on_disk_is_followed(tmp_path):
    path = tmp_path / "measurements.jsonl"
    reader = CurveReader(path)
    assert not reader.read_new()
    with path.open("w") as file:
        objective = Objective([CurveWriter(file)])
        objective.add(report(Source.SUMMARY, 0.99, 1, 1.0))
        assert reader.read_new()
        assert (reader.source, reader.measurements) == (Source.SUMMARY, [Measurement(0.99, 1)])
        for value, step, time_s in ((0.5, 1, 1.0), (0.6, 4, 4.0), (0.55, 2, 2.0), (math.nan, 5, 5.0)):
            objective.add(report(Source.EVALUATION_SUMMARY, value, step, time_s))
        assert reader.read_new()
        assert not reader.read_new()
    assert reader.source is Source.EVALUATION_SUMMARY
    assert [(m.value, m.step) for m in reader.measurements[:3]] == [(0.5, 1), (0.55, 2), (0.6, 4)]
    assert math.isnan(reader.measurements[3].value)


def test_a_file_of_the_first_release_is_read(tmp_path):
    path = tmp_path / "measurements.jsonl"
    path.write_text('{"value": 0.5, "step": 1}\n{"value": NaN, "step": 2}\n{"value"')
    assert [m.step for m in read_curve(path)] == [1, 2]
