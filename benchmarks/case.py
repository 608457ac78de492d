"""The one problem that every contender trains on: Allen-Cahn, from the same weights at the same points."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

__all__ = ["SIZES", "Case"]

DATA = 512  # initial points
LEARNING_RATE = 1e-3  # of Adam, on the full batch
DIFFUSION, REACTION = 1e-4, 5.0  # u_t - DIFFUSION u_xx + REACTION (u^3 - u) = 0


@dataclass(frozen=True)
class Case:
    """How many collocation points, and how large a network; the arrays (float32) follow from these and the seed.

    The loss is the mean square of the residual at ``points`` plus the mean squared error at ``data_points``.

    Args:
        points: number of collocation points.
        width: units of a hidden layer.
        depth: number of hidden layers; so there are ``depth + 1`` weight matrices.
    """

    points: int
    width: int
    depth: int
    seed: int = 0

    def __str__(self) -> str:
        return f"{self.points:,} points, {self.width} x {self.depth}"

    @cached_property
    def weights(self) -> list[np.ndarray]:
        """One ``(n_out, n_in)`` a layer, Xavier-normal."""
        random = np.random.default_rng(self.seed)
        sizes = [2, *[self.width] * self.depth, 1]
        return [
            ((2.0 / (n_in + n_out)) ** 0.5 * random.standard_normal((n_out, n_in))).astype(np.float32)
            for n_in, n_out in zip(sizes[:-1], sizes[1:], strict=True)
        ]

    @cached_property
    def biases(self) -> list[np.ndarray]:
        """One ``(n_out,)`` a layer, zero."""
        return [np.zeros(len(weight), dtype=np.float32) for weight in self.weights]

    @cached_property
    def collocation(self) -> np.ndarray:
        """``(points, 2)``: x and t, uniform in [-1, 1] x [0, 1]."""
        random = np.random.default_rng((self.seed, 1))
        return random.uniform((-1.0, 0.0), (1.0, 1.0), (self.points, 2)).astype(np.float32)

    @cached_property
    def data_points(self) -> np.ndarray:
        """``(512, 2)``: initial points (x, 0)."""
        x = np.random.default_rng((self.seed, 2)).uniform(-1.0, 1.0, DATA)
        return np.stack([x, np.zeros(DATA)], axis=1).astype(np.float32)

    @cached_property
    def data_values(self) -> np.ndarray:
        """``(512, 1)``: x^2 cos(pi x) at the initial points."""
        x = self.data_points[:, :1]
        return (x**2 * np.cos(np.pi * x)).astype(np.float32)


SIZES = {str(case): case for case in (Case(25_600, 128, 6), Case(4_096, 64, 4), Case(2_048, 64, 4))}
