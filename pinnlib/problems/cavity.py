"""The lid-driven cavity."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from .. import sampling
from ..reference import cavity
from ..taylor.partials import Fields
from .base import Problem

__all__ = ["COMBINED", "FORMULATIONS", "Cavity"]

FORMULATIONS = ("streamfunction", "velocity")
COMBINED = ("absolute", "squares")
TINY = 1e-20  # under the root, so that it has a slope where all equations hold


class Cavity(Problem):
    r"""Steady flow in a unit square whose lid moves with speed 1, the paper's third benchmark.

    .. math::

       f_1 = u u_x + v u_y + p_x - \tfrac{1}{Re} \Delta u, \qquad
       f_2 = u v_x + v v_y + p_y - \tfrac{1}{Re} \Delta v, \qquad r = |f_1| + |f_2| .

    The velocity is 1 on the lid and 0 on the other walls; a data point's misfit is :math:`|u - u_d| + |v - v_d|`, which
    enters squared, as the residual does.  The error is that of the speed.  Source: the paper, section on the cavity; Ghia,
    Ghia and Shin (1982).

    Args:
        reynolds: Reynolds number, positive; a reference is there for 100, 400 and 1000.
        formulation: ``"streamfunction"``, with fields (psi, p) and u = psi_y, v = -psi_x, which conserves mass exactly, as in the
            paper; or ``"velocity"``, with fields (u, v, p), whose residual has :math:`|u_x + v_y|` added.
        combined: ``"absolute"``, the sums of absolute values of the paper; or ``"squares"``, the roots of the sums of squares, so
            that the loss is the customary mean of :math:`f_1^2 + f_2^2` and of :math:`(u - u_d)^2 + (v - v_d)^2`, without kinks.
        wall_layer: width of a layer along the walls, at most 0.5, in which the residual is scaled by the distance from the wall,
            from 0 there to 1 at the layer's edge; 0 for none.  The velocity jumps where the lid meets the walls, so no network
            can make the residual small there, and unscaled, these corners rule the loss.
    """

    coordinates = ("x", "y")
    domain = ((0.0, 1.0), (0.0, 1.0))

    def __init__(
        self,
        reynolds: float = 100.0,
        formulation: str = "streamfunction",
        combined: str = "absolute",
        wall_layer: float = 0.0,
    ) -> None:
        self.reynolds, self.formulation, self.combined = float(reynolds), formulation, combined
        self.wall_layer = float(wall_layer)
        if not (math.isfinite(self.reynolds) and self.reynolds > 0.0):
            raise ValueError(f"reynolds = {reynolds}: give a positive number; 100, 400 and 1000 have a reference")
        if formulation not in FORMULATIONS:
            raise ValueError(f"formulation {formulation!r} is unknown: choose one of {FORMULATIONS}")
        if combined not in COMBINED:
            raise ValueError(f"combined = {combined!r} is unknown: choose one of {COMBINED}")
        if not 0.0 <= self.wall_layer <= 0.5:
            raise ValueError(f"wall_layer = {wall_layer}: give a width from 0 (none) to 0.5 (up to the middle of the cavity)")
        if formulation == "streamfunction":
            self.fields = ("psi", "p")
            self.partials = ("psi_x", "psi_y", "psi_xx", "psi_xy", "psi_yy", "p_x", "p_y")
            self.operators = {"laplace_u": {"psi_xxy": 1.0, "psi_yyy": 1.0}, "minus_laplace_v": {"psi_xxx": 1.0, "psi_xyy": 1.0}}
            self.observed = ("psi_x", "psi_y")
        else:
            self.fields = ("u", "v", "p")
            self.partials = ("u", "v", "u_x", "u_y", "v_x", "v_y", "p_x", "p_y")
            self.operators = {f"laplace_{w}": {f"{w}_xx": 1.0, f"{w}_yy": 1.0} for w in "uv"}
            self.observed = ("u", "v")
        self.reference_error = cavity.ERRORS.get(int(self.reynolds), 0.0) if self.has_reference else 0.0

    @property
    def has_reference(self) -> bool:
        """Whether the Reynolds number is one of those in the tables."""
        return self.reynolds in cavity.ERRORS

    def residual(self, points: Tensor, d: Fields) -> Tensor:
        """The residuals of all equations, combined into one number a point, and scaled down in the layer along the walls."""
        mu = 1.0 / self.reynolds
        if self.formulation == "streamfunction":
            u, v = d.psi_y, -d.psi_x
            f1 = u * d.psi_xy + v * d.psi_yy + d.p_x - mu * d.laplace_u
            f2 = -u * d.psi_xx - v * d.psi_xy + d.p_y + mu * d.minus_laplace_v
            combined = self._combine(f1, f2)
        else:
            f1 = d.u * d.u_x + d.v * d.u_y + d.p_x - mu * d.laplace_u
            f2 = d.u * d.v_x + d.v * d.v_y + d.p_y - mu * d.laplace_v
            combined = self._combine(f1, f2, d.u_x + d.v_y)
        return combined if self.wall_layer == 0.0 else combined * self._inside(points)

    def _combine(self, *parts: Tensor) -> Tensor:
        if self.combined == "squares":
            return torch.sqrt(sum((f.square() for f in parts), torch.full_like(parts[0], TINY)))
        return sum((f.abs() for f in parts[1:]), parts[0].abs())

    def _inside(self, points: Tensor) -> Tensor:
        """Distance from the nearest wall in widths of the layer, at most 1: ``(..., n_points)``."""
        return (torch.minimum(points, 1.0 - points).amin(dim=-1) / self.wall_layer).clamp(max=1.0)

    def data(self, n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """``n`` points on the walls, a quarter on each, with their velocity."""
        points = sampling.boundary(self.domain, n, seed=seed)
        return points, np.stack([(points[:, 1] == 1.0).astype(float), np.zeros(n)], axis=1)

    def observe(self, d: Fields) -> Tensor:
        """The velocity (u, v)."""
        if self.formulation == "streamfunction":
            return torch.stack([d.psi_y, -d.psi_x], dim=-1)
        return torch.stack([d.u, d.v], dim=-1)

    def misfit(self, found: Tensor, values: Tensor) -> Tensor:
        """abs(u - u_d) + abs(v - v_d), or both differences where squares are summed."""
        apart = found - values
        return apart if self.combined == "squares" else apart.abs().sum(-1, keepdim=True)

    def compared(self, values: np.ndarray) -> np.ndarray:
        """The speed."""
        return np.hypot(values[:, :1], values[:, 1:])

    def reference(self, points: np.ndarray) -> np.ndarray:
        """The velocity by finite differences, see :mod:`pinnlib.reference.cavity`."""
        return cavity.reference(points, int(self.reynolds))

    def test_grid(self) -> np.ndarray:
        """129 x 129 nodes, those of the reference."""
        return sampling.grid(self.domain, 129)
