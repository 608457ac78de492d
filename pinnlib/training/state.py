"""What a step changes: the network's parameters, the points' weights, and the number of steps done."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from .. import weightings
from ..config import Config
from ..problems.base import Problem
from ..taylor.parameters import split
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
        theta: all parameters, weights first, ``(*lead, n_params)``.
        weights: views of it, one ``(*lead, n_out, n_in)`` a layer.
        biases: views of it, one ``(*lead, n_out)`` a layer.
        attention: the points' weights lambda after the last step, ``(*lead, n_points)``.
        step: Adam steps done.
    """

    def __init__(self, problem: Problem, config: Config, seeds: Sequence[int] | None = None) -> None:
        self.config, self.alone = config, seeds is None
        self.configs = [config] if seeds is None else [dataclasses.replace(config, seed=seed) for seed in seeds]
        self.device, self.dtype = config.torch_device(), config.torch_dtype
        self.begun = [starts.start(problem, one) for one in self.configs]
        self.models = [starts.network(problem, one).to(self.device) for one in self.configs]
        self.sizes, self.activation = self.models[0].sizes, self.models[0].activation
        self.theta = self.stack([one.parameters.to(self.device) for one in self.begun])
        for model, flat in zip(self.models, self.each(self.theta), strict=True):
            for p, part in zip(model.parameters(), split(flat, self.sizes), strict=True):
                p.data = part
        views = split(self.theta, self.sizes)
        self.weights, self.biases = views[: len(views) // 2], views[len(views) // 2 :]
        shape = (*self.theta.shape[:-1], config.points)
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
