"""The Helmholtz equation with a manufactured solution."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from .. import sampling
from ..taylor.partials import Fields
from .base import Problem

__all__ = ["Helmholtz"]


class Helmholtz(Problem):
    r"""Helmholtz equation on a square, the paper's second benchmark.

    .. math::

       u_{xx} + u_{yy} + k^2 u = q, \qquad (x, y) \in [-1, 1]^2, \qquad
       u = \sin(a_1 \pi x)\,\sin(a_2 \pi y).

    The forcing is the one that makes this ``u`` exact, :math:`q = (k^2 - (a_1^2 + a_2^2)\pi^2)\,u`.
    Boundary data are the exact values.  Source: McClenny and Braga-Neto (2023); the paper takes
    a = (6, 6), k = 1, and the paper on residual-based attention (4, 1).

    Args:
        a: half-waves over each side of the square, two positive numbers.
        k: wave number.
    """

    coordinates = ("x", "y")
    fields = ("u",)
    domain = ((-1.0, 1.0), (-1.0, 1.0))
    partials = ("u",)
    operators = {"laplace_u": {"u_xx": 1.0, "u_yy": 1.0}}

    def __init__(self, a: Sequence[float] = (4.0, 1.0), k: float = 1.0) -> None:
        self.a = tuple(float(v) for v in a)
        self.k = float(k)
        if len(self.a) != 2 or not all(math.isfinite(v) and v > 0 for v in self.a):
            raise ValueError(f"a = {tuple(a)}: give two positive numbers of half-waves, such as (4, 1)")
        if not math.isfinite(self.k):
            raise ValueError(f"k = {k}: give a finite wave number")

    def residual(self, points: Tensor, d: Fields) -> Tensor:
        """u_xx + u_yy + k^2 u - q."""
        return d.laplace_u + self.k**2 * d.u - self.forcing(points)

    def forcing(self, points: Tensor) -> Tensor:
        """q at ``points`` ``(..., n_points, 2)``: ``(..., n_points)``."""
        a1, a2 = self.a
        waves = torch.sin(a1 * math.pi * points[..., 0]) * torch.sin(a2 * math.pi * points[..., 1])
        return (self.k**2 - (a1**2 + a2**2) * math.pi**2) * waves

    def data(self, n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """``n`` boundary points, a quarter on each side, with the exact values there."""
        points = sampling.boundary(self.domain, n, seed=seed)
        return points, self.solution(points)

    def reference(self, points: np.ndarray) -> np.ndarray:
        """sin(a1 pi x) sin(a2 pi y)."""
        a1, a2 = self.a
        return (np.sin(a1 * np.pi * points[:, :1]) * np.sin(a2 * np.pi * points[:, 1:])).astype(np.float64)
