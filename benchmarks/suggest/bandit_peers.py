"""Model-based bandits that are compared, each in an environment of its own: requirements-NAME.txt beside it.

They are behind the two questions of `benchmarks.suggest.searchers.Searcher`, with the settings that their
authors give them. Where one has no reverse log, its users would search linearly.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from typing import Any

import numpy as np

from benchmarks.suggest.tasks import TRIALS
from hptune.search.scale import Scale
from hptune.search.space import Categorical, Discrete, Integer, Parameter, SearchSpace, Value


def _native(value: Any) -> Value:  # noqa: ANN401
    """Returns a value without NumPy's type."""
    return value.item() if isinstance(value, np.generic) else value


class VizierSearcher:
    """Vizier's Gaussian-process bandit."""

    def __init__(self, space: SearchSpace, seed: int) -> None:
        from vizier import algorithms, pyvizier

        # Not by way of vizier.algorithms.designers, which imports the requirements of all the others.
        from vizier._src.algorithms.designers.gp_bandit import VizierGPBandit
        from vizier.pyvizier.converters import padding

        self._vizier, self._algorithms, self._space = pyvizier, algorithms, space
        problem = pyvizier.ProblemStatement()
        for parameter in space:
            _add(problem.search_space.root, parameter, pyvizier.ScaleType)
        metric = pyvizier.MetricInformation("objective", goal=pyvizier.ObjectiveMetricGoal.MAXIMIZE)
        problem.metric_information.append(metric)
        # JAX compiles for seconds for each new shape; padded, there is one for every ten trials. The model
        # is the same.
        padded = padding.PaddingSchedule(num_trials=padding.PaddingType.MULTIPLES_OF_10)
        self._designer = VizierGPBandit.from_problem(problem, seed=seed, padding_schedule=padded)
        self._count = 0

    def suggest(self) -> dict[str, Value]:
        """Suggests what to try next. See `Searcher`."""
        (self._suggestion,) = self._designer.suggest(1)
        chosen = self._suggestion.parameters
        values = {parameter.name: chosen.get_value(parameter.name) for parameter in self._space}
        return {
            p.name: int(values[p.name]) if isinstance(p, Integer) else values[p.name] for p in self._space
        }

    def observe(self, values: Mapping[str, Value], objective: float) -> None:
        """Takes in what came of it. See `Searcher`."""
        del values
        self._count += 1
        trial = self._suggestion.to_trial(self._count)
        trial.complete(self._vizier.Measurement({"objective": objective}))
        self._designer.update(self._algorithms.CompletedTrials([trial]), self._algorithms.ActiveTrials([]))


def _add(root: Any, parameter: Parameter, scales: Any) -> None:  # noqa: ANN401
    if isinstance(parameter, Categorical):
        root.add_categorical_param(parameter.name, list(parameter.values))
        return
    scale = {Scale.LINEAR: scales.LINEAR, Scale.LOG: scales.LOG, Scale.REVERSE_LOG: scales.REVERSE_LOG}
    if isinstance(parameter, Discrete):
        root.add_discrete_param(parameter.name, list(parameter.values), scale_type=scale[parameter.scale])
    else:
        add = root.add_int_param if isinstance(parameter, Integer) else root.add_float_param
        add(parameter.name, parameter.low, parameter.high, scale_type=scale[parameter.scale])


class HeboSearcher:
    """HEBO, the winner of NeurIPS 2020's black-box optimisation challenge."""

    def __init__(self, space: SearchSpace, seed: int) -> None:
        import torch
        from hebo.design_space.design_space import DesignSpace
        from hebo.optimizers.hebo import HEBO

        torch.set_num_threads(1)
        torch.manual_seed(seed)
        np.random.seed(seed)  # Its evolutionary search reads NumPy's global generator.
        self._space = space
        self._hebo = HEBO(DesignSpace().parse(list(map(_hebo_parameter, space))), scramble_seed=seed)

    def suggest(self) -> dict[str, Value]:
        """Suggests what to try next. See `Searcher`."""
        self._frame = self._hebo.suggest(1)
        row = self._frame.iloc[0]
        return {p.name: _of_type(p, row[p.name]) for p in self._space}

    def observe(self, values: Mapping[str, Value], objective: float) -> None:
        """Takes in what came of it. See `Searcher`."""
        del values
        self._hebo.observe(self._frame, np.array([[-objective]]))


def _hebo_parameter(parameter: Parameter) -> dict[str, Any]:
    # Its discrete kinds are evenly spaced.
    if isinstance(parameter, Discrete | Categorical):
        return {"name": parameter.name, "type": "cat", "categories": list(parameter.values)}
    is_log = parameter.scale is Scale.LOG
    kind = {(False, False): "num", (False, True): "pow", (True, False): "int", (True, True): "pow_int"}
    bounds = {"lb": parameter.low, "ub": parameter.high}
    return {"name": parameter.name, "type": kind[isinstance(parameter, Integer), is_log], **bounds}


def _of_type(parameter: Parameter, value: Any) -> Value:  # noqa: ANN401
    """Returns a value of a data frame, which makes floats of integers, within the parameter's limits."""
    if isinstance(parameter, Discrete | Categorical):
        return _native(value)
    clipped = min(max(_native(value), parameter.low), parameter.high)  # type: ignore[type-var]
    return int(clipped) if isinstance(parameter, Integer) else clipped


class AxSearcher:
    """Ax with what its client chooses: Sobol points, then BoTorch's Gaussian process."""

    def __init__(self, space: SearchSpace, seed: int) -> None:
        import logging

        import torch
        from ax.api.client import Client
        from ax.utils.common.logger import set_stderr_log_level

        torch.set_num_threads(1)
        torch.manual_seed(seed)
        set_stderr_log_level(logging.ERROR)
        self._space = space
        self._client = Client(random_seed=seed)
        self._client.configure_experiment(parameters=list(map(_ax_parameter, space)))
        self._client.configure_optimization(objective="objective")

    def suggest(self) -> dict[str, Value]:
        """Suggests what to try next. See `Searcher`."""
        ((self._trial, chosen),) = self._client.get_next_trials(max_trials=1).items()
        return {p.name: _of_type(p, chosen[p.name]) for p in self._space}

    def observe(self, values: Mapping[str, Value], objective: float) -> None:
        """Takes in what came of it. See `Searcher`."""
        del values
        self._client.complete_trial(self._trial, raw_data={"objective": objective})


def _ax_parameter(parameter: Parameter) -> object:
    from ax.api.configs import ChoiceParameterConfig, RangeParameterConfig

    if isinstance(parameter, Discrete | Categorical):
        values, is_ordered = list(parameter.values), isinstance(parameter, Discrete)
        kind = {float: "float", int: "int", str: "str"}[type(values[0])]
        return ChoiceParameterConfig(
            name=parameter.name, values=values, parameter_type=kind, is_ordered=is_ordered
        )
    return RangeParameterConfig(
        name=parameter.name,
        bounds=(parameter.low, parameter.high),
        parameter_type="int" if isinstance(parameter, Integer) else "float",
        scaling="log" if parameter.scale is Scale.LOG else "linear",
    )


class SmacSearcher:
    """SMAC3's facade for hyperparameters: a random forest and expected improvement."""

    def __init__(self, space: SearchSpace, seed: int) -> None:
        from ConfigSpace import ConfigurationSpace
        from smac import HyperparameterOptimizationFacade, Scenario

        self._space = space
        names = ConfigurationSpace(seed=seed)
        names.add(list(map(_smac_parameter, space)))
        self._directory = tempfile.TemporaryDirectory()
        scenario = Scenario(
            names, deterministic=True, n_trials=TRIALS, seed=seed, output_directory=self._directory.name
        )
        self._smac = HyperparameterOptimizationFacade(
            scenario, _asked_and_told, overwrite=True, logging_level=False
        )

    def suggest(self) -> dict[str, Value]:
        """Suggests what to try next. See `Searcher`."""
        self._info = self._smac.ask()
        return {p.name: _of_type(p, self._info.config[p.name]) for p in self._space}

    def observe(self, values: Mapping[str, Value], objective: float) -> None:
        """Takes in what came of it. See `Searcher`."""
        from smac.runhistory.dataclasses import TrialValue

        del values
        self._smac.tell(self._info, TrialValue(cost=-objective))


def _asked_and_told(config: object, seed: int = 0) -> float:
    raise AssertionError(f"SMAC3 is asked and told, and calls nothing: {config}, seed {seed}")


def _smac_parameter(parameter: Parameter) -> object:
    import ConfigSpace

    if isinstance(parameter, Categorical):
        return ConfigSpace.CategoricalHyperparameter(parameter.name, list(parameter.values))
    if isinstance(parameter, Discrete):
        return ConfigSpace.OrdinalHyperparameter(parameter.name, list(parameter.values))
    is_integer = isinstance(parameter, Integer)
    kind = ConfigSpace.UniformIntegerHyperparameter if is_integer else ConfigSpace.UniformFloatHyperparameter
    return kind(parameter.name, parameter.low, parameter.high, log=parameter.scale is Scale.LOG)
