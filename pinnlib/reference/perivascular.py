r"""Pulsatile flow in an annulus, the fluid around an artery: an exact solution in Bessel functions.

Axial velocity u(r, t) between two resting cylinders, driven by a pressure gradient that repeats with every heart beat:

.. math::

   u_t = g(t) + \nu \left( u_{rr} + \frac{u_r}{r} \right), \qquad u(a, t) = u(b, t) = 0, \qquad
   g(t) = g_0 + \sum_{k = 1}^{2} \left( c_k \cos k t + s_k \sin k t \right) .

The steady part has the profile of a parabola and a logarithm, each harmonic that of Womersley in an annulus:

.. math::

   u_0 = \frac{g_0}{4 \nu} \left( a^2 - r^2 + (b^2 - a^2) \frac{\ln (r / a)}{\ln (b / a)} \right), \qquad
   u_k = \mathrm{Re}\, \frac{(c_k - i s_k)\, e^{i k t}}{i k} \left( 1 - A\, I_0(\beta r) - B\, K_0(\beta r) \right), \qquad
   \beta^2 = \frac{i k}{\nu},

with A and B such that u vanishes on both cylinders.

All is nondimensional: lengths in radii of the artery, so a = 1; time in 1 / omega, with omega the cardiac angular frequency, so
that a beat lasts 2 pi; the pressure gradient over the density in the amplitude of its first harmonic; velocity in that over
omega.  Then :math:`\nu = (b - a)^2 / \alpha^2` with the Womersley number alpha, the gap times the root of omega over the
kinematic viscosity.  The default b = 3 has radii of 10 and 30 micrometres as its model (Rey and Sarntinoranont 2018).

Around arteries of the mouse alpha is small.  With that gap of 20 micrometres, 5 beats a second and 0.9 mPa s (same source) it is
0.12, and 0.24 with the 40 micrometres of a pial artery, whose space is about as wide as the artery (Mestre et al. 2018, Tithof et
al. 2019).  There the flow follows the pressure at once, u is g / nu times a fixed profile, and velocities tell nothing but the
ratio g / nu.  The benchmark therefore takes alpha = 7, which no mouse has.

Source of the solution: Womersley (1955), for an annulus by the same separation; the shape of g is made up, for the authors'
velocimetry is not public.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy.special import ive, kve

__all__ = ["ERROR", "MEAN", "WAVEFORM", "pressure_gradient", "profile", "reference", "womersley"]

Waveform = Sequence[tuple[float, float]]

#: Steady part of g.
MEAN = 0.1
#: Cosine and sine of the first and second cardiac harmonics of g.
WAVEFORM: Waveform = ((0.8, 0.6), (-0.3, 0.4))
#: Relative L2 error for Womersley numbers from 0.1 to 30, against 40 digits; tested.
ERROR = 1e-12


def womersley(gap: float, frequency: float, viscosity: float) -> float:
    """The Womersley number of a gap (m) at a heart rate (1/s) and a kinematic viscosity (m^2/s).

    >>> round(womersley(20e-6, 5.0, 0.9e-3 / 993.2), 2)
    0.12
    """
    return gap * math.sqrt(2.0 * math.pi * frequency / viscosity)


def pressure_gradient(t: np.ndarray, waveform: Waveform = WAVEFORM, mean: float = MEAN) -> np.ndarray:
    """g at times ``t``, of the same shape."""
    waves = [c * np.cos(k * t) + s * np.sin(k * t) for k, (c, s) in enumerate(waveform, 1)]
    return np.sum(waves, axis=0) + np.full(np.shape(t), float(mean))


def reference(
    points: np.ndarray, viscosity: float, radii: tuple[float, float], waveform: Waveform = WAVEFORM, mean: float = MEAN
) -> np.ndarray:
    """u at ``points`` ``(n, 2)`` of (r, t); ``(n, 1)``.

    Args:
        points: radii between the cylinders, and any times.
        viscosity: nu.
        radii: of the cylinders, a < b.
        waveform: cosine and sine of each harmonic of g.
        mean: steady part of g.
    """
    (r, t), (a, b) = points.T, radii
    u = mean * (a**2 - r**2 + (b**2 - a**2) * np.log(r / a) / math.log(b / a)) / (4.0 * viscosity)
    for k, (c, s) in enumerate(waveform, 1):
        u = u + ((c - 1j * s) * np.exp(1j * k * t) * profile(r, k, viscosity, radii)).real
    return u[:, None]


def profile(r: np.ndarray, k: int, viscosity: float, radii: tuple[float, float]) -> np.ndarray:
    """Complex amplitude at ``r`` of the velocity that g = exp(i k t) drives, k at least 1; of the same shape."""
    (a, b), beta = radii, np.sqrt(1j * k / viscosity)

    def rising(x: np.ndarray) -> np.ndarray:  # I_0(beta x) / I_0(beta b), by scaled functions that do not overflow
        return ive(0, beta * x) / ive(0, beta * b) * np.exp(beta.real * (x - b))

    def falling(x: np.ndarray) -> np.ndarray:  # K_0(beta x) / K_0(beta a)
        return kve(0, beta * x) / kve(0, beta * a) * np.exp(beta * (a - x))

    ends = np.array([a, b])
    weights = np.linalg.solve(np.stack([rising(ends), falling(ends)], axis=1), np.ones(2))
    return (1.0 - weights[0] * rising(r) - weights[1] * falling(r)) / (1j * k)
