"""The other solver of Allen-Cahn, against which the stored solution is held: cosines in x, ETDRK4 in t."""

import numpy as np
from scipy.fft import dct

from pinnlib.reference.allen_cahn import DIFFUSION, TIMES


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
    a = coefficients(modes)
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
            na = reaction(a)
            b = mid * a + half * na
            nb = reaction(b)
            c = mid * a + half * nb
            nc = reaction(c)
            d = mid * b + half * (2 * nc - na)
            a = whole * a + f1 * na + 2 * f2 * (nb + nc) + f3 * reaction(d)
        found.append(a)
    return np.stack(found, axis=1)


def coefficients(modes: int) -> np.ndarray:
    r"""Of x^2 cos(pi x) = sum_k a_k cos(k pi x) on [0, 1], by the integrals of x^2 cos(n pi x), 2 (-1)^n / (n pi)^2."""
    k = np.arange(modes)

    def moment(n: np.ndarray) -> np.ndarray:
        with np.errstate(divide="ignore"):
            return np.where(n == 0, 1.0 / 3.0, 2.0 * (-1.0) ** n / (np.pi * np.where(n == 0, 1, n)) ** 2)

    a = moment(k + 1) + moment(np.abs(k - 1))
    a[0] /= 2.0
    return a


def reaction(a: np.ndarray) -> np.ndarray:
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
