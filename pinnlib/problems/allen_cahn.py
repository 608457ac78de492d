"""The Allen-Cahn equation."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from .. import sampling
from ..reference import allen_cahn
from ..taylor.embeddings import Embedding, Waves
from ..taylor.partials import Fields
from .base import Problem

__all__ = ["AllenCahn"]


class AllenCahn(Problem):
    r"""Allen-Cahn equation, the paper's first benchmark.

    .. math::

       u_t - 10^{-4}\,u_{xx} + 5 u^3 - 5 u = 0, \qquad x \in [-1, 1],\ t \in [0, 1], \qquad
       u(x, 0) = x^2 \cos(\pi x) .

    The data are the initial values.  As in the paper, periodicity in x is not imposed, unless ``modes`` is positive: then
    the network is given so many Fourier modes of x, and is periodic exactly, as in the paper on residual-based
    attention with 10 modes.  The reference is compared on 512 x 201 points, see :mod:`pinnlib.reference.allen_cahn`.

    Args:
        modes: Fourier modes of x; 0 for x itself.
    """

    coordinates = ("x", "t")
    fields = ("u",)
    domain = ((-1.0, 1.0), (0.0, 1.0))
    partials = ("u",)
    operators = {"diffusion_u": {"u_t": 1.0, "u_xx": -allen_cahn.DIFFUSION}}
    reference_error = allen_cahn.ERROR

    def __init__(self, modes: int = 0) -> None:
        if not isinstance(modes, int) or isinstance(modes, bool) or modes < 0:
            raise ValueError(f"modes = {modes!r}: give a whole number of Fourier modes, or 0 to leave periodicity to the data")
        self.modes = modes
        self.embedding = Embedding(2, (Waves(0, self.domain[0], modes),)) if modes else None

    def residual(self, points: Tensor, d: Fields) -> Tensor:
        """(u_t - 1e-4 u_xx) + 5 u^3 - 5 u."""
        return d.diffusion_u + 5.0 * d.u**3 - 5.0 * d.u

    def data(self, n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """``n`` random initial points with x^2 cos(pi x)."""
        points = sampling.face(self.domain, n, axis=1, value=0.0, seed=seed)
        return points, allen_cahn.initial(points[:, :1])

    def reference(self, points: np.ndarray) -> np.ndarray:
        """The periodic solution, by spectral elements."""
        return allen_cahn.reference(points)

    def test_grid(self) -> np.ndarray:
        """512 places in [-1, 1), 201 moments in [0, 1]."""
        x, t = np.linspace(-1.0, 1.0, 512, endpoint=False), allen_cahn.TIMES
        return np.stack(np.meshgrid(x, t, indexing="ij"), axis=-1).reshape(-1, 2)
