"""Where the loss is taken: collocation points and data, points drawn anew, mini-batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from .. import evaluation, sampling, weightings
from ..problems.base import Problem
from ..problems.conditions import Condition
from ..weightings import RAD
from .state import State

__all__ = ["Collocation", "minibatch"]


@dataclass(frozen=True)
class Collocation:
    """Points and data of a training; all tensors may carry a leading axis of members.

    Attributes:
        points: collocation points ``(*lead, n_points, n_coordinates)``; batch b is the b-th equal slice.
        conditions: what holds besides the equation.
        data: of each condition its places ``(*lead, m, n_coordinates)`` and values ``(*lead, m, k)``.
        permutation: the fixed order in which points get each other's weights, ``(*lead, n_points)``; only a control needs it.
    """

    points: Tensor
    conditions: Sequence[Condition]
    data: Sequence[tuple[Tensor, Tensor]]
    permutation: Tensor | None = None

    @classmethod
    def of(cls, state: State) -> Collocation:
        """What a training starts with."""
        begun, device = state.begun, state.device
        data = [
            (state.stack([state.tensor(one.places) for one in own]), state.stack([state.tensor(one.values) for one in own]))
            for own in zip(*(one.conditions for one in begun), strict=True)
        ]
        orders = [weightings.permutation(one.points, one.seed).to(device) for one in state.configs]
        return cls(state.stack([state.tensor(one.points) for one in begun]), begun[0].conditions, data, state.stack(orders))

    @cached_property
    def places(self) -> list[np.ndarray]:
        """The points as arrays in double precision, member by member."""
        points = self.points.double().cpu().numpy()
        return [points] if points.ndim == 2 else list(points)

    def drawn_anew(self, problem: Problem, state: State, rule: RAD) -> Collocation:
        """Other points, by the size of their residual; the same where a residual is not finite, so that the next step says so."""
        chosen = []
        for model, config in zip(state.models, state.configs, strict=True):
            rng = np.random.default_rng([config.seed, 31, state.step])
            pool = problem.pool(rule.pool * config.points, rng)
            residual = evaluation.residual(model, problem, pool)
            if not np.isfinite(residual).all():
                return self
            size = np.sqrt(np.square(residual).sum(0)) if residual.ndim > 1 else residual
            chosen.append(state.tensor(pool[rule.draw(size, config.points, rng)]))
        return replace(self, points=state.stack(chosen))

    def member(self, k: int) -> Collocation:
        """Points and data of one member of several."""
        order = None if self.permutation is None else self.permutation[k]
        return Collocation(self.points[k], self.conditions, [(places[k], values[k]) for places, values in self.data], order)

    def double(self) -> Collocation:
        """The same in double precision on the CPU."""
        order = None if self.permutation is None else self.permutation.cpu()
        data = [(places.double().cpu(), values.double().cpu()) for places, values in self.data]
        return Collocation(self.points.double().cpu(), self.conditions, data, order)

    def part(self, chosen: Tensor) -> Collocation:
        """Some of the points, ``chosen`` ``(*lead, k)``, and all data."""
        index = chosen.unsqueeze(-1).expand(*chosen.shape, self.points.shape[-1])
        return replace(self, points=self.points.gather(-2, index), permutation=None)


def minibatch(state: State) -> Tensor:
    """Which points the coming step takes, ``(*lead, minibatch)``."""
    n, size = state.config.points, state.config.minibatch
    drawn = [sampling.minibatch(n, size, state.step, seed=one.seed) for one in state.configs]
    return state.stack([torch.from_numpy(order).to(state.device) for order in drawn])
