"""Series of SNR whose phases are known: three phases written by hand, and surrogates of real runs that have none.

A rule that finds phases is tried on both: what it finds in the first is its recall, what it finds in the second are false
alarms.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["ThreePhases", "phase_randomized", "schedule", "three_phases"]


def phase_randomized(snr: np.ndarray, rng: np.random.Generator, *, iterations: int = 50) -> np.ndarray:
    """A surrogate of ``snr`` ``(n_probes,)``: the same values, nearly the same spectrum, the order otherwise random.

    Iterative amplitude-adjusted Fourier transform (Schreiber and Schmitz, Phys. Rev. Lett. 77 (1996) 635) of log10 SNR as a
    function of the number of the probe.  The null that it stands for: a stationary Gaussian linear process in the number of
    the probe, seen through one monotone function.  So every burst and its usual length are kept, while no stretch of the
    series is special: neither the beginning nor any boundary.  Two limits: the Fourier transform sees a circle, so the end of
    a surrogate joins its beginning; and the slow changes of a real run are kept as slow changes at random places.

    Args:
        snr: one value a probe; zeros, negative values and nan keep their places.
        rng: where the randomness comes from.
        iterations: how often the spectrum and the values are imposed in turn; it ends with the values.
    """
    snr = np.asarray(snr, dtype=float)
    good = snr > 0
    values = np.log10(np.minimum(snr[good], 1e300))
    if len(values) < 4:
        return snr.copy()
    ordered, spectrum = np.sort(values), np.abs(np.fft.rfft(values))
    x = rng.permutation(values)
    for _ in range(iterations):
        turn = np.fft.rfft(x)
        x = np.fft.irfft(spectrum * np.exp(1j * np.angle(turn)), len(values))
        x = ordered[np.argsort(np.argsort(x))]
    made = snr.copy()
    made[good] = 10.0**x
    return made


def schedule(n: int, last: int, *, linear: bool = False) -> np.ndarray:
    """About ``n`` steps from 0 to ``last``: 20 a decade and then equally spaced, as training probes, or equally spaced throughout."""
    if linear:
        return np.unique(np.linspace(0, last, n).round().astype(int))
    spacing = last / n
    for _ in range(20):  # the spacing that leaves n probes in all
        switch = min(spacing / (10**0.05 - 1.0), last)
        early = np.unique(np.geomspace(1, switch, max(2, int(20 * np.log10(max(switch, 1.2))))).round().astype(int))
        spacing = max((last - switch) / max(n - 1 - len(early), 1), 1e-3)
    late = np.arange(last, switch, -max(spacing, 1.0)).round().astype(int)
    return np.unique(np.concatenate([[0], early, late]))


@dataclass(frozen=True)
class ThreePhases:
    """A series whose phases are known: ``step``, ``snr`` ``(n_probes,)``, and the two true boundaries in steps."""

    step: np.ndarray
    snr: np.ndarray
    fitting_end: float
    total_diffusion: float


def three_phases(
    step: np.ndarray,
    rng: np.random.Generator,
    *,
    fitting_end: float,
    total_diffusion: float,
    levels: tuple[float, float, float] = (30.0, 0.05, 5.0),
    noise: float = 0.5,
    burst: float = 2.0,
    share: float = 0.15,
    length: float = 3.0,
) -> ThreePhases:
    """SNR that is high, low and high, with noise and with bursts towards the other side.

    Args:
        step: steps of the probes ``(n_probes,)``.
        rng: where the randomness comes from.
        fitting_end: step of the fall.
        total_diffusion: step of the rise.
        levels: SNR in the three phases.
        noise: standard deviation of log10 SNR, in decades, independent from probe to probe.
        burst: size of a burst in decades: downwards in the high phases, upwards in the low one.
        share: share of the probes that lie in bursts.
        length: mean length of a burst in probes.
    """
    low = (step >= fitting_end) & (step < total_diffusion)
    x = np.log10(np.where(step < fitting_end, levels[0], np.where(low, levels[1], levels[2])))
    on, burning = np.zeros(len(step), dtype=bool), False
    for k, (start, stop) in enumerate(rng.random((len(step), 2))):
        burning = stop >= 1.0 / length if burning else start < share / (length * (1.0 - share))
        on[k] = burning
    x = x + noise * rng.standard_normal(len(step)) + burst * on * np.where(low, 1.0, -1.0)
    return ThreePhases(step, 10.0**x, float(fitting_end), float(total_diffusion))
