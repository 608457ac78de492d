r"""What a network is given instead of a coordinate, so that it has a symmetry exactly.

A network of :math:`\cos(j \omega (x - a))` and :math:`\sin(j \omega (x - a))`, j = 1 ... modes, with
:math:`\omega = 2 \pi / (b - a)`, is periodic on [a, b] with all its derivatives.  The features carry the same streams as
everything else: their own partial derivatives, which are known in closed form.

Source: Dong and Ni (2021); used by the paper on residual-based attention with 10 modes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor

if TYPE_CHECKING:
    from .partials import Plan

__all__ = ["Periodic"]


@dataclass(frozen=True)
class Periodic:
    """Fourier modes of one coordinate; the others stay as they are, behind them.

    Attributes:
        n_coordinates: of a point.
        axis: number of the periodic coordinate.
        interval: its ``(low, high)``.
        modes: how many.
    """

    n_coordinates: int
    axis: int
    interval: tuple[float, float]
    modes: int

    @property
    def n_features(self) -> int:
        """Inputs of the network."""
        return 2 * self.modes + self.n_coordinates - 1

    def partial(self, points: Tensor, index: Sequence[int] = ()) -> Tensor:
        """A partial derivative of all features, ``(..., n_points, n_features)``.

        Args:
            points: ``(..., n_points, n_coordinates)``.
            index: the numbers of the coordinates; none for the features themselves.
        """
        low, high = self.interval
        order = len(index)
        along = all(k == self.axis for k in index)
        waves = torch.arange(1, self.modes + 1, dtype=points.dtype, device=points.device) * (2.0 * math.pi / (high - low))
        phase = (points[..., self.axis : self.axis + 1] - low) * waves + order * math.pi / 2.0
        size = waves**order if along else torch.zeros_like(waves)
        others = [k for k in range(self.n_coordinates) if k != self.axis]
        rest = [points[..., k : k + 1] for k in others]
        if order:
            rest = [torch.full_like(x, float(tuple(index) == (k,))) for k, x in zip(others, rest, strict=True)]
        return torch.cat([size * torch.cos(phase), size * torch.sin(phase), *rest], dim=-1)

    def streams(self, points: Tensor, plan: Plan) -> Tensor:
        """The streams of the features, ``(..., n_streams, n_points, n_features)``."""
        operators = [cast(Tensor, sum(c * self.partial(points, index) for index, c in op.terms)) for op in plan.operators]
        return torch.stack([self.partial(points), *operators], dim=-3)
