"""The Allen-Cahn equation."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from .. import sampling
from ..plans import Fields
from .base import Problem

__all__ = ["AllenCahn"]


class AllenCahn(Problem):
    r"""Allen-Cahn equation, the paper's first benchmark.

    .. math::

       u_t - 10^{-4}\,u_{xx} + 5 u^3 - 5 u = 0, \qquad x \in [-1, 1],\ t \in [0, 1], \qquad
       u(x, 0) = x^2 \cos(\pi x) .

    The data are the initial values; as in the paper, periodicity in x is not imposed.
    """

    coordinates = ("x", "t")
    fields = ("u",)
    domain = ((-1.0, 1.0), (0.0, 1.0))
    partials = ("u",)
    operators = {"diffusion_u": {"u_t": 1.0, "u_xx": -1e-4}}

    def residual(self, points: Tensor, d: Fields) -> Tensor:
        """(u_t - 1e-4 u_xx) + 5 u^3 - 5 u."""
        return d.diffusion_u + 5.0 * d.u**3 - 5.0 * d.u

    def data(self, n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """``n`` random initial points with x^2 cos(pi x)."""
        points = sampling.face(self.domain, n, axis=1, value=0.0, seed=seed)
        x = points[:, :1]
        return points, x**2 * np.cos(np.pi * x)
