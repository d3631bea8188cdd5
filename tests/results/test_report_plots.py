"""What the report's plots are made of."""

from dataclasses import replace

import pytest

from hptune.results.report.marks import frame_of
from hptune.results.report.progress import best_so_far_figure, chosen_curves, curves_figure
from hptune.results.study import Goal, Measurement, Study, Trial, TrialState


def trial(trial_id, objective=None, **changes):
    state = TrialState.SUCCEEDED if objective is not None else TrialState.FAILED
    final = None if objective is None else Measurement(objective, 7)
    curve = (Measurement(float("nan"), 1), Measurement(0.1, 3), final) if final else ()
    return replace(Trial(trial_id, {"x": 0.5}, state, curve, final), **changes)


def study(*trials, goal=Goal.MAXIMIZE):
    return Study("job", "accuracy", goal, len(trials), trials)


def traces(figure):
    return {trace.name: trace for trace in figure.data}


@pytest.mark.parametrize(
    ("goal", "best"), [(Goal.MAXIMIZE, [0.5, 0.5, 0.9]), (Goal.MINIMIZE, [0.5, 0.3, 0.3])]
)
def test_the_history_shows_each_objective_and_the_best_so_far(goal, best):
    figure = best_so_far_figure(study(trial(1, 0.5), trial(3, 0.3), trial(4, 0.9), goal=goal))
    line = traces(figure)["best so far"]
    assert (line.x, line.y) == ((1, 3, 4), tuple(best))
    points = {x: y for trace in figure.data[1:] for x, y in zip(trace.x, trace.y, strict=True)}
    assert points == {1: 0.5, 3: 0.3, 4: 0.9}


def test_the_history_has_every_trial_and_tells_their_kinds_by_symbol():
    failed, running = trial(3), trial(5, state=TrialState.RUNNING)
    stopped = trial(4, 0.2, stopped_early=True)
    drawn = traces(best_so_far_figure(study(trial(1, 0.5), trial(2, 0.9), failed, stopped, running)))
    ids = {name: trace.customdata for name, trace in drawn.items() if name != "best so far"}
    assert ids == {
        **{"succeeded": (1,), "best": (2,), "failed": (3,)},
        **{"stopped early": (4,), "not finished": (5,)},
    }
    assert len({drawn[name].marker.symbol for name in ids}) == len(ids)
    assert drawn["failed"].yaxis == "y2"


def test_a_diverged_trial_is_drawn_at_the_edge_and_leaves_the_others_their_room():
    losses = [0.31, 0.35, 0.4, 0.5, 1e30]
    frame = frame_of(study(*(trial(n, loss) for n, loss in enumerate(losses, 1)), goal=Goal.MINIMIZE))
    assert frame.beyond == (5,)
    assert frame.place(1e30) == frame.high < 10
    assert "trial 5" in frame.note
    assert frame_of(study(trial(1, 0.1), trial(2, 0.97), trial(3, 0.98))).beyond == ()


def test_curves_leave_out_what_is_no_number_and_are_thinned():
    many = trial(2, 0.9, measurements=tuple(Measurement(n / 1000, n) for n in range(1001)))
    job = study(trial(1, 0.5), many, trial(3))
    assert [each.id for each in chosen_curves(job)] == [1, 2]
    drawn = traces(curves_figure(job, chosen_curves(job)))
    assert (drawn["trial 1"].x, drawn["trial 1"].y) == ((3, 7), (0.1, 0.5))
    assert len(drawn["trial 2"].x) < 100
    assert (drawn["trial 2"].x[0], drawn["trial 2"].x[-1]) == (0, 1000)
