"""The viscous Burgers equation."""

from __future__ import annotations

import math

import numpy as np
from torch import Tensor

from .. import sampling
from ..reference import burgers
from ..taylor.partials import Fields
from .base import Problem

__all__ = ["Burgers"]


class Burgers(Problem):
    r"""Burgers equation with a forming shock.

    .. math::

       u_t + u\,u_x - \nu\,u_{xx} = 0, \qquad x \in [-1, 1],\ t \in [0, 1], \qquad
       u(x, 0) = -\sin(\pi x), \quad u(\pm 1, t) = 0 .

    Half of the data are initial values, half are boundary values.  Source: Raissi, Perdikaris and Karniadakis (2019).

    Args:
        viscosity: nu; 0.01 / pi is customary.
    """

    coordinates = ("x", "t")
    fields = ("u",)
    domain = ((-1.0, 1.0), (0.0, 1.0))
    partials = ("u", "u_x")
    reference_error = burgers.ERROR

    def __init__(self, viscosity: float = 0.01 / math.pi) -> None:
        self.viscosity = float(viscosity)
        if not (math.isfinite(self.viscosity) and self.viscosity > 0.0):
            raise ValueError(f"viscosity = {viscosity}: give a positive number, such as 0.01 / pi")
        self.operators = {"diffusion_u": {"u_t": 1.0, "u_xx": -self.viscosity}}

    def residual(self, points: Tensor, d: Fields) -> Tensor:
        """(u_t - nu u_xx) + u u_x."""
        return d.diffusion_u + d.u * d.u_x

    def data(self, n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """``n // 2`` initial points with -sin(pi x), and ``n // 4`` on each end of the interval with 0."""
        initial = sampling.face(self.domain, n - 2 * (n // 4), axis=1, value=0.0, seed=seed)
        ends = [sampling.face(self.domain, n // 4, axis=0, value=x, seed=seed) for x in self.domain[0]]
        values = [-np.sin(np.pi * initial[:, :1]), *(np.zeros((len(end), 1)) for end in ends)]
        return np.concatenate([initial, *ends]), np.concatenate(values)

    def reference(self, points: np.ndarray) -> np.ndarray:
        """By the Cole-Hopf transform, see :mod:`pinnlib.reference.burgers`."""
        return burgers.reference(points, self.viscosity)

    def test_grid(self) -> np.ndarray:
        """257 places, 101 moments."""
        x, t = np.linspace(-1.0, 1.0, 257), np.linspace(0.0, 1.0, 101)
        return np.stack(np.meshgrid(x, t, indexing="ij"), axis=-1).reshape(-1, 2)
