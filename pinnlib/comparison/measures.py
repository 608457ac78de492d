"""What runs are compared by: their errors, or without a reference their residuals and misfits, each for itself."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

import numpy as np

from ..config import Config
from ..runs import Run
from ..training.probe import FRESH_SEED

__all__ = ["Course", "Measure", "error", "misfit", "residual"]

WINDOW = 10**0.2  # the last steps, as a factor: a fifth of a decade

Course = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True, eq=False)
class Measure:
    """One number a run, and how it came about.

    Attributes:
        key: what the table calls it: error, residual or misfit.
        name: what it is, in words.
        courses: by label, of each run steps ``(n,)`` and values there ``(n,)``.
        ends: by label, of each run its median over the last fifth of a decade of steps; inf where it diverged.
        ratios: of a rule's ends to the baseline's, one a seed, for all rules but the baseline; inf, 0 or nan where runs diverged.
    """

    key: str
    name: str
    courses: Mapping[str, list[Course]]
    ends: Mapping[str, list[float]]
    ratios: Mapping[str, list[float]]


def error(runs: Mapping[str, list[Run]], diverged: Collection[tuple[str, int]]) -> Measure:
    """The relative L2 error at all probes; the first of ``runs``, by label, is the baseline, ``diverged`` label and seed."""
    return _measure("error", "relative L2 error", runs, diverged, lambda run: _series(run, "rel_l2"))


def misfit(runs: Mapping[str, list[Run]], diverged: Collection[tuple[str, int]]) -> Measure:
    """The mean squared misfit of all conditions at their points, without weights, at all probes; else as :func:`error`."""
    return _measure("misfit", "misfit of the conditions", runs, diverged, lambda run: _series(run, "loss_data"))


def residual(runs: Mapping[str, list[Run]], diverged: Collection[tuple[str, int]]) -> Measure:
    """The mean squared residual, in the units of the loss, at fresh points at the snapshots; else as :func:`error`.

    The points are the same for all rules of a seed.

    Raises:
        ValueError: the problem is not known.
    """
    config = next(iter(runs.values()))[0].config
    return _measure("residual", "residual at fresh points", runs, diverged, lambda run: _at_fresh_points(run, config))


def _measure(
    key: str,
    name: str,
    runs: Mapping[str, list[Run]],
    diverged: Collection[tuple[str, int]],
    course: Callable[[Run], Course],
) -> Measure:
    courses = {label: [course(run) for run in own] for label, own in runs.items()}
    ends = {
        label: [
            math.inf if (label, run.config.seed) in diverged else _end(*one) for run, one in zip(own, courses[label], strict=True)
        ]
        for label, own in runs.items()
    }
    baseline, *others = ends
    ratios = {label: [_ratio(a, b) for a, b in zip(ends[label], ends[baseline], strict=True)] for label in others}
    return Measure(key, name, courses, ends, ratios)


def _end(step: np.ndarray, values: np.ndarray) -> float:
    found = float(np.median(values[step >= step[-1] / WINDOW])) if len(step) else math.inf
    return found if math.isfinite(found) else math.inf


def _ratio(own: float, base: float) -> float:
    if own == base:  # which may be 0
        return 1.0 if math.isfinite(own) else math.nan
    return own / base if base else math.inf


def _series(run: Run, name: str) -> Course:
    return np.asarray(run.history["step"]), np.asarray(run.history[name], dtype=float)


def _at_fresh_points(run: Run, config: Config) -> Course:
    problem = run.known_problem()
    points = problem.collocation_points(config.points, FRESH_SEED + run.config.seed, config.sampling)
    scale = problem.residual_outputs.scale if problem.normalize else 1.0
    steps = np.asarray(run.snapshots["step"])
    values = [float(np.square(run.residual(k, points) / scale).mean(axis=-1).sum()) for k in range(len(steps))]
    return steps, np.array(values)
