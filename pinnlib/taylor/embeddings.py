r"""What a network is given instead of the coordinates: waves, so that it has a symmetry exactly, or another scale.

A network of :math:`\cos(j \omega (x - a))` and :math:`\sin(j \omega (x - a))`, j = 1 ... modes, with
:math:`\omega = 2 \pi / (b - a)`, is periodic on [a, b] with all its derivatives.  A network of :math:`(x - s)\,c` sees a
coordinate in a range that suits it, and its derivatives by x stay exact.  The features carry the same streams as
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

__all__ = ["Embedding", "Waves"]


@dataclass(frozen=True)
class Waves:
    """Fourier modes of one coordinate.

    Attributes:
        axis: number of the periodic coordinate.
        interval: its ``(low, high)``.
        modes: how many.

    Raises:
        ValueError: an interval without length, or less than one mode.
    """

    axis: int
    interval: tuple[float, float]
    modes: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "interval", tuple(self.interval))  # a list has no hash, and a plan needs one
        if len(self.interval) != 2 or not -math.inf < self.interval[0] < self.interval[1] < math.inf:
            raise ValueError(f"interval = {self.interval}: give one period as (low, high), two finite numbers with low < high")
        if not isinstance(self.modes, int) or isinstance(self.modes, bool) or self.modes < 1:
            raise ValueError(f"modes = {self.modes!r}: give a whole number of Fourier modes, 1 or more")


@dataclass(frozen=True)
class Embedding:
    """The features of a point: cosines, then sines of all modes of each ``waves``, then the coordinates without waves, in order.

    Attributes:
        n_coordinates: of a point.
        waves: one for each periodic coordinate.
        maps: ``(shift, factor)`` for each coordinate; one without waves is given as ``(x - shift) * factor``, one with
            waves does not read its own.  None: coordinates without waves stay as they are.

    Raises:
        ValueError: neither waves nor maps; waves of a coordinate that is not there, or twice of one; maps that are not one
            finite shift and one finite factor other than 0 for each coordinate.
    """

    n_coordinates: int
    waves: tuple[Waves, ...] = ()
    maps: tuple[tuple[float, float], ...] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "waves", tuple(self.waves))
        if not self.waves and self.maps is None:
            raise ValueError("an embedding without waves and maps: give one of them, or None instead of an embedding")
        axes = [waves.axis for waves in self.waves]
        for axis in axes:
            if axis not in range(self.n_coordinates):
                raise ValueError(
                    f"waves of axis {axis!r}: {self.n_coordinates} coordinates have the axes 0 to {self.n_coordinates - 1}"
                )
            if axes.count(axis) > 1:
                raise ValueError(f"waves of axis {axis} are given {axes.count(axis)} times: give them once, with more modes")
        if self.maps is not None:
            object.__setattr__(self, "maps", tuple(map(tuple, self.maps)))
            if len(self.maps) != self.n_coordinates or any(
                len(pair) != 2 or not all(map(math.isfinite, pair)) or not pair[1] for pair in self.maps
            ):
                raise ValueError(
                    f"maps = {self.maps}: give (shift, factor), finite and the factor not 0, "
                    f"for each of the {self.n_coordinates} coordinates; (0.0, 1.0) leaves one as it is"
                )

    @property
    def n_features(self) -> int:
        """Inputs of the network."""
        return sum(2 * waves.modes - 1 for waves in self.waves) + self.n_coordinates

    def partial(self, points: Tensor, index: Sequence[int] = ()) -> Tensor:
        """A partial derivative of all features, ``(..., n_points, n_features)``.

        Args:
            points: ``(..., n_points, n_coordinates)``.
            index: the numbers of the coordinates; none for the features themselves.
        """
        periodic = [waves.axis for waves in self.waves]
        features = [part for waves in self.waves for part in _waves(points, waves, index)]
        for k in range(self.n_coordinates):
            if k not in periodic:
                shift, factor = (0.0, 1.0) if self.maps is None else self.maps[k]
                x = points[..., k : k + 1]
                if index:
                    features.append(torch.full_like(x, factor if tuple(index) == (k,) else 0.0))
                else:
                    features.append(x if self.maps is None else (x - shift) * factor)
        return torch.cat(features, dim=-1)

    def streams(self, points: Tensor, plan: Plan) -> Tensor:
        """The streams of the features, ``(..., n_streams, n_points, n_features)``."""
        operators = [cast(Tensor, sum(c * self.partial(points, index) for index, c in op.terms)) for op in plan.operators]
        return torch.stack([self.partial(points), *operators], dim=-3)


def _waves(points: Tensor, waves: Waves, index: Sequence[int]) -> tuple[Tensor, Tensor]:
    """A partial derivative of the cosines and of the sines, ``(..., n_points, modes)`` each."""
    low, high = waves.interval
    order = len(index)
    along = all(k == waves.axis for k in index)
    numbers = torch.arange(1, waves.modes + 1, dtype=points.dtype, device=points.device) * (2.0 * math.pi / (high - low))
    phase = (points[..., waves.axis : waves.axis + 1] - low) * numbers + order * math.pi / 2.0
    size = numbers**order if along else torch.zeros_like(numbers)
    return size * torch.cos(phase), size * torch.sin(phase)
