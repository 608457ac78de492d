"""Where a training starts: its network, its collocation points and its data, each from a named recipe.

``"drawn"`` draws all three from the config's seed.  Other recipes register themselves in :data:`RECIPES`, such as that of
the paper's authors, :mod:`pinnlib.book.authors`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from ..config import Config
from ..models import MLP
from ..problems import checks
from ..problems.base import Problem
from ..problems.conditions import Condition

__all__ = ["RECIPES", "Start", "network", "start"]


@dataclass(frozen=True)
class Start:
    """All that a training begins with, in the config's precision or better.

    Attributes:
        parameters: all weights, then all biases, then zeros for unknown coefficients, ``(n_params,)``.
        points: collocation points ``(n_points, n_coordinates)``; batch b is the b-th equal slice.
        conditions: what holds at other points.
    """

    parameters: torch.Tensor
    points: np.ndarray
    conditions: Sequence[Condition]


Recipe = Callable[[Problem, Config], Start]


def start(problem: Problem, config: Config) -> Start:
    """What ``train(problem, config)`` starts from: the recipe ``config.start``, with ``config.perturbation``.

    Raises:
        ValueError: there is no such recipe, or it does not know the problem or the sizes.
    """
    if config.start not in RECIPES:
        raise ValueError(f"start {config.start!r} is unknown: choose one of {tuple(RECIPES)}")
    made = RECIPES[config.start](problem, config)
    if not config.perturbation:
        return made
    rng = np.random.default_rng([config.seed, 40])
    factors = 1.0 + config.perturbation * rng.standard_normal(len(made.parameters))
    changed = made.parameters.double() * torch.from_numpy(factors)
    return dataclasses.replace(made, parameters=changed.to(made.parameters.dtype))


def network(problem: Problem, config: Config) -> MLP:
    """The untrained network of a config, whose parameters are those of ``seed``."""
    return MLP(
        problem.inputs,
        len(problem.fields),
        width=config.width,
        depth=config.depth,
        activation=config.activation,
        bias_init=config.bias_init,
        seed=config.seed,
        dtype=config.torch_dtype,
        embedding=problem.embedding,
        unknowns=len(problem.unknown),
    )


def _drawn(problem: Problem, config: Config) -> Start:
    checks.check_description(problem)
    points = problem.collocation_points(config.points, config.seed, config.sampling)
    parameters = network(problem, config).flatten().detach()
    return Start(parameters, points, checks.listed(problem, problem.conditions(config.data_points, config.seed)))


#: By the names that ``Config(start=...)`` takes.
RECIPES: dict[str, Recipe] = {"drawn": _drawn}
