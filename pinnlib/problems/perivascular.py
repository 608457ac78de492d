"""Flow around an artery, from noisy velocities: an inverse problem."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from torch import Tensor

from .. import sampling
from ..models import MLP, predict
from ..reference import perivascular
from ..taylor.partials import Fields
from .base import Problem, relative_l2
from .unknowns import Unknown, values

__all__ = ["Perivascular"]

VISCOSITY_AS = ("field", "unknown")
TINY = 1e-30  # under the root, so that its slope is finite where nothing is left over


class Perivascular(Problem):
    r"""Pressure gradient and viscosity from velocities in an annulus, in the place of the paper's cerebral flow.

    The authors' velocimetry is not public, so the flow is made here: see :mod:`pinnlib.reference.perivascular` for the exact
    solution, the units and the physiology.  The network has three fields, u, g and n, and all that it is told are n noisy
    velocities and that the walls rest.  One number a point is left over:

    .. math::

       r = \sqrt{f^2 + g_r^2 + n_r^2 + n_t^2}, \qquad
       f = u_t - g - \nu \left( u_{rr} + \frac{u_r}{r} \right), \qquad \nu = \nu_0 e^{n} .

    f is the balance of momentum; the other three say that the pressure gradient is the same at all radii and the viscosity at all
    points, so that a field stands for a number.  A root of squares is smooth where the cavity's sum of absolute values is not;
    its square, which the loss averages, is the sum of the four squares.  Data, reference and error speak of u alone.

    With ``viscosity_as="unknown"`` the viscosity is a number, :math:`\nu_0 e^{\theta}`, read as ``d.nu`` and followed in
    ``run.history["nu"]``; momentum and :math:`g_r = 0` are then two equations.

    Args:
        womersley: gap times root of (angular frequency / viscosity); nu = (gap / womersley)^2.  In a mouse it is 0.1 to 0.3,
            where only g / nu can be told.
        noise: standard deviation of the data's errors over the rms of u, 0 to 1.
        guess: nu_0, where the search starts; 2.45 times too large unless told.
        radii: of the artery and of the outer wall; a unit of length is chosen with them.
        viscosity_as: ``"field"`` n, as above, or ``"unknown"``, a coefficient that is trained.
    """

    coordinates = ("r", "t")
    observed = ("u",)
    reference_error = perivascular.ERROR

    def __init__(
        self,
        womersley: float = 7.0,
        noise: float = 0.02,
        guess: float = 0.2,
        radii: Sequence[float] = (1.0, 3.0),
        viscosity_as: str = "field",
    ) -> None:
        self.womersley, self.noise, self.guess = float(womersley), float(noise), float(guess)
        walls = tuple(float(v) for v in radii)
        if not (math.isfinite(self.womersley) and self.womersley > 0.0):
            raise ValueError(f"womersley = {womersley}: give a positive number; 1 to 10 lets the viscosity be told")
        if not 0.0 <= self.noise <= 1.0:
            raise ValueError(f"noise = {noise}: give a share of the rms velocity from 0 to 1, such as 0.02 for 2%")
        if not (math.isfinite(self.guess) and self.guess > 0.0):
            raise ValueError(f"guess = {guess}: give a positive viscosity to start from, such as 0.2")
        if len(walls) != 2 or not 0.0 < walls[0] < walls[1] < math.inf:
            raise ValueError(f"radii = {tuple(radii)}: give two positive numbers, the smaller one first, such as (1, 3)")
        if viscosity_as not in VISCOSITY_AS:
            raise ValueError(f"viscosity_as = {viscosity_as!r}: choose one of {VISCOSITY_AS}")
        self.radii, self.viscosity_as = (walls[0], walls[1]), viscosity_as
        if viscosity_as == "field":
            self.fields: tuple[str, ...] = ("u", "g", "n")
            self.partials: tuple[str, ...] = ("g", "n", "u_r", "u_t", "u_rr", "g_r", "n_r", "n_t")
        else:
            self.fields, self.partials = ("u", "g"), ("g", "u_r", "u_t", "u_rr", "g_r")
            self.unknowns = {"nu": Unknown(self.guess, positive=True)}
        self.domain = (self.radii, (-math.pi, math.pi))

    @property
    def viscosity(self) -> float:
        """nu, which is to be found."""
        return ((self.radii[1] - self.radii[0]) / self.womersley) ** 2

    def residual(self, points: Tensor, d: Fields) -> Tensor | dict[str, Tensor]:
        """The root of the sum of the squares of momentum and of the slopes that must vanish; both, where nu is an unknown."""
        if self.viscosity_as == "unknown":
            return {"momentum": d.u_t - d.g - d.nu * (d.u_rr + d.u_r / points[..., 0]), "same_at_all_radii": d.g_r}
        momentum = d.u_t - d.g - self.guess * d.n.exp() * (d.u_rr + d.u_r / points[..., 0])
        return (momentum.square() + d.g_r.square() + d.n_r.square() + d.n_t.square() + TINY).sqrt()

    def data(self, n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """``n - 2 (n // 8)`` noisy velocities, scattered over annulus and beat, then ``n // 8`` zeros on each wall."""
        walls = [sampling.face(self.domain, n // 8, axis=0, value=r, seed=seed) for r in self.radii]
        rng = np.random.default_rng([seed, 20])
        low, high = np.array(self.domain).T
        inside = low + rng.random((n - 2 * (n // 8), 2)) * (high - low)
        exact = self.solution(inside)
        measured = exact + self.noise * self.rms() * rng.standard_normal(exact.shape)
        return np.concatenate([inside, *walls]), np.concatenate([measured, *(np.zeros((len(w), 1)) for w in walls)])

    def rms(self) -> float:
        """Root mean square of u over the test grid."""
        return float(np.sqrt(np.square(self.solution(self.test_grid())).mean()))

    def reference(self, points: np.ndarray) -> np.ndarray:
        """By Bessel functions, see :mod:`pinnlib.reference.perivascular`."""
        return perivascular.reference(points, self.viscosity, self.radii)

    def test_grid(self) -> np.ndarray:
        """65 radii, 65 moments."""
        return sampling.grid(self.domain, 65)

    def pressure_gradient(self, t: np.ndarray) -> np.ndarray:
        """The true g at times ``t``."""
        return perivascular.pressure_gradient(t)

    def inferred_gradient(self, model: MLP, t: np.ndarray) -> np.ndarray:
        """A network's g at times ``t`` ``(n_times,)``, its mean over 17 radii; of the same shape."""
        return self._field(model, 1, t).mean(axis=0)

    def inferred_viscosity(self, model: MLP) -> float:
        """A network's viscosity: its unknown, or nu_0 exp(n) with the mean of n over the domain."""
        if self.viscosity_as == "unknown":
            assert model.unknowns is not None  # it was made for this problem
            return float(values(self.unknown, model.unknowns.detach().double())["nu"])
        return float(self.guess * np.exp(self._field(model, 2, np.linspace(-math.pi, math.pi, 65)).mean()))

    def gradient_error(self, model: MLP) -> float:
        """Relative L2 error of a network's g over a beat."""
        t = np.linspace(-math.pi, math.pi, 129)
        return relative_l2(self.inferred_gradient(model, t), self.pressure_gradient(t))

    def viscosity_error(self, model: MLP) -> float:
        """Relative error of a network's viscosity, with its sign."""
        return self.inferred_viscosity(model) / self.viscosity - 1.0

    def _field(self, model: MLP, number: int, t: np.ndarray) -> np.ndarray:
        r = np.linspace(*self.radii, 17)
        points = np.stack(np.meshgrid(r, t, indexing="ij"), axis=-1).reshape(-1, 2)
        return predict(model, points)[:, number].reshape(len(r), -1)
