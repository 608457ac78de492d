r"""Allen-Cahn: u_t = 1e-4 u_xx + 5 u - 5 u^3 on [-1, 1], periodic, from u(x, 0) = x^2 cos(pi x).

The initial values are even, so the periodic solution is even about x = 0 and about x = 1, and solves the same
equation on [0, 1] with zero slopes at both ends.  There the initial slope at x = 1 is -2: the periodic solution starts
with a kink.  A uniform Fourier grid samples that kink badly, which is where the customary file of this benchmark loses
its digits.  Here elements shrink towards x = 1, and the second, independent solver starts from the exact Fourier
coefficients of the initial values instead of samples.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from scipy.fft import dct
from scipy.integrate import solve_ivp
from scipy.interpolate import CubicSpline

from . import store
from .spectral_elements import Mesh

__all__ = ["DIFFUSION", "ERROR", "TIMES", "evaluate", "fourier", "initial", "make", "mesh", "reference", "series", "solve"]

DIFFUSION = 1e-4
TIMES = np.linspace(0.0, 1.0, 201)
#: Relative L2 error of what is stored on the grid of 512 x 201 points, against either solver refined; tested.
ERROR = 2e-7


def initial(x: np.ndarray) -> np.ndarray:
    """x^2 cos(pi x)."""
    return x**2 * np.cos(np.pi * x)


def mesh(elements: int, degree: int, layers: int = 12) -> Mesh:
    """Equal elements on [0, 1], the last one halved ``layers`` times towards the kink at x = 1."""
    edges = np.linspace(0.0, 1.0, elements + 1)
    inner = 1.0 - (1.0 / elements) * 0.5 ** np.arange(1, layers + 1)
    return Mesh(np.concatenate([edges[:-1], inner, [1.0]]), degree)


def solve(where: Mesh, *, tolerance: float = 1e-11, times: np.ndarray = TIMES) -> np.ndarray:
    """Spectral elements in x, an implicit Runge-Kutta method of order 5 (Radau IIA) in t.

    Returns:
        u at the mesh's nodes and at ``times``, ``(n_nodes, n_times)``.
    """
    diffusion = sp.diags(-DIFFUSION / where.mass) @ where.stiffness
    found = solve_ivp(
        lambda _, u: diffusion @ u + 5.0 * u - 5.0 * u**3,
        (times[0], times[-1]),
        initial(where.nodes),
        method="Radau",
        t_eval=times,
        rtol=tolerance,
        atol=tolerance,
        jac=lambda _, u: (diffusion + sp.diags(5.0 - 15.0 * u**2)).tocsc(),
    )
    if not found.success:
        raise ValueError(f"the time integration failed ({found.message}): use a looser tolerance than {tolerance}")
    return found.y


def fourier(modes: int, steps: int, times: np.ndarray = TIMES) -> np.ndarray:
    """The other solver: cosines in x from exact coefficients, exponential Runge-Kutta of order 4 (ETDRK4) in t.

    Source of the time stepping: Cox and Matthews (2002), with the contour integrals of Kassam and Trefethen (2005).

    Args:
        modes: cosines cos(k pi x), k = 0 ... ``modes - 1``; products are taken on twice as many points.
        steps: time steps between two of ``times``.

    Returns:
        Coefficients of the cosines at ``times``, ``(modes, n_times)``.
    """
    k = np.arange(modes)
    a = _coefficients(modes)
    h = (times[1] - times[0]) / steps
    # 5 u is part of the linear operator; the contour keeps the divided differences accurate near 0
    linear = h * (5.0 - DIFFUSION * (np.pi * k) ** 2)
    circle = np.exp(1j * np.pi * (np.arange(64) + 0.5) / 64)
    z = linear[:, None] + circle
    half = (h * (np.exp(z / 2) - 1) / z).real.mean(1)
    f1 = (h * (-4 - z + np.exp(z) * (4 - 3 * z + z**2)) / z**3).real.mean(1)
    f2 = (h * (2 + z + np.exp(z) * (z - 2)) / z**3).real.mean(1)
    f3 = (h * (-4 - 3 * z - z**2 + np.exp(z) * (4 - z)) / z**3).real.mean(1)
    whole, mid = np.exp(linear), np.exp(linear / 2)
    found = [a]
    for _ in times[1:]:
        for _ in range(steps):
            na = _reaction(a)
            b = mid * a + half * na
            nb = _reaction(b)
            c = mid * a + half * nb
            nc = _reaction(c)
            d = mid * b + half * (2 * nc - na)
            a = whole * a + f1 * na + 2 * f2 * (nb + nc) + f3 * _reaction(d)
        found.append(a)
    return np.stack(found, axis=1)


def _coefficients(modes: int) -> np.ndarray:
    r"""Of x^2 cos(pi x) = sum_k a_k cos(k pi x) on [0, 1], by the integrals of x^2 cos(n pi x), 2 (-1)^n / (n pi)^2."""
    k = np.arange(modes)

    def moment(n: np.ndarray) -> np.ndarray:
        with np.errstate(divide="ignore"):
            return np.where(n == 0, 1.0 / 3.0, 2.0 * (-1.0) ** n / (np.pi * np.where(n == 0, 1, n)) ** 2)

    a = moment(k + 1) + moment(np.abs(k - 1))
    a[0] /= 2.0
    return a


def _reaction(a: np.ndarray) -> np.ndarray:
    """Coefficients of -5 u^3, from those of u; on twice as many points, so that nothing below is aliased into it."""
    n = 2 * len(a)
    padded = np.concatenate([a, np.zeros(n - len(a))])
    padded[1:] /= 2.0
    u = dct(padded, type=3)  # at the midpoints (j + 1/2) / n
    back = dct(-5.0 * u**3, type=2)[: len(a)] / n
    back[0] /= 2.0
    return back


def series(a: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Cosine coefficients ``(modes, ...)`` summed at ``x`` ``(n,)``."""
    return np.cos(np.pi * np.outer(x, np.arange(len(a)))) @ a


def make() -> dict[str, np.ndarray]:
    """What is stored: the edges and the degree of the elements, and u in single precision."""
    where = mesh(40, 10)
    values = solve(where, tolerance=1e-10)
    return {"edges": where.edges, "degree": np.array(where.degree), "u": values.astype(np.float32)}


def reference(points: np.ndarray) -> np.ndarray:
    """u at ``points`` ``(n, 2)`` of (x, t), from what is stored; ``(n, 1)``."""
    stored = store.load("allen_cahn")
    return evaluate(Mesh(stored["edges"], int(stored["degree"])), stored["u"].astype(np.float64), points)


def evaluate(where: Mesh, values: np.ndarray, points: np.ndarray, times: np.ndarray = TIMES) -> np.ndarray:
    """u at ``points`` ``(n, 2)`` of (x, t): polynomials in x, and a cubic spline in t between ``times``; ``(n, 1)``."""
    places, which = np.unique(np.abs(points[:, 0]), return_inverse=True)
    spline = CubicSpline(times, where.interpolate(values, places), axis=1)
    k = np.clip(np.searchsorted(times, points[:, 1], side="right") - 1, 0, len(times) - 2)
    s = points[:, 1] - times[k]
    c = spline.c[:, k, which]
    return (((c[0] * s + c[1]) * s + c[2]) * s + c[3])[:, None]
