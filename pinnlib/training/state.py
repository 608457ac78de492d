"""What a step changes: the network's parameters, the points' weights, and the number of steps done."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from .. import weightings
from ..config import Config
from ..problems import checks
from ..problems.base import Problem
from ..taylor.parameters import count, split
from . import starts

__all__ = ["State"]


class State:
    """One training, or several seeds at once; with seeds all tensors have a leading axis, one member for each.

    Args:
        problem: what is solved.
        config: all settings.
        seeds: of the members; None for one training, of the config's own seed.

    Attributes:
        alone: whether there is one training without a leading axis.
        configs: the members' settings.
        begun: what each member starts from.
        models: the members' networks, whose parameters are views of ``theta``.
        theta: all parameters, weights first, then biases, then unknown coefficients, ``(*lead, n_params)``.
        weights: views of it, one ``(*lead, n_out, n_in)`` a layer.
        biases: views of it, one ``(*lead, n_out)`` a layer.
        unknowns: thetas of the unknown coefficients, a view of it, ``(*lead, n_unknowns)``; None without any.
        attention: the points' weights lambda after the last step, ``(*lead, n_points)``, or ``(*lead, n_equations, n_points)``.
        step: steps done.

    Raises:
        ValueError: the problem, or what it gives, is not sound; see :mod:`pinnlib.problems.checks`.
    """

    def __init__(self, problem: Problem, config: Config, seeds: Sequence[int] | None = None) -> None:
        self.config, self.alone = config, seeds is None
        self.configs = [config] if seeds is None else [dataclasses.replace(config, seed=seed) for seed in seeds]
        self.device, self.dtype = config.torch_device(), config.torch_dtype
        self.begun = [starts.start(problem, one) for one in self.configs]
        for one in self.begun:
            checks.check(problem, one.points, one.conditions, dtype=self.dtype, device=self.device)
        self.models = [starts.network(problem, one).to(self.device) for one in self.configs]
        self.sizes, self.activation = self.models[0].sizes, self.models[0].activation
        self.theta = self.stack([one.parameters.to(self.device) for one in self.begun])
        for model, flat in zip(self.models, self.each(self.theta), strict=True):
            model.look_at(flat)
        views = split(self.theta, self.sizes)
        self.weights, self.biases = views[: len(views) // 2], views[len(views) // 2 :]
        self.unknowns = self.theta[..., count(self.sizes) :] if problem.unknown else None
        shape = (*self.theta.shape[:-1], *([len(problem.equations)] if problem.equations else []), config.points)
        initial = weightings.followed(config.weighting).initial
        self.attention = torch.full(shape, initial, dtype=self.dtype, device=self.device)
        self.step = 0

    def stack(self, tensors: Sequence[Tensor]) -> Tensor:
        """The members' parts as one tensor."""
        return tensors[0].clone() if self.alone else torch.stack(list(tensors))

    def each(self, tensor: Tensor) -> list[Tensor]:
        """The members' parts of one tensor."""
        return [tensor] if self.alone else list(tensor)

    def tensor(self, values: np.ndarray) -> Tensor:
        """Values in this training's precision, on its device."""
        return torch.as_tensor(values, dtype=self.dtype, device=self.device)
