"""Series of SNR whose phases are known: three phases written by hand, and series that have none.

A rule that finds phases is tried on both: what it finds in the first is its recall; a start of total diffusion in the second,
surrogates of real runs and null series, is a false alarm.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["NULLS", "ThreePhases", "draw", "null", "phase_randomized", "schedule", "three_phases"]

#: Kinds of series without phases.
NULLS = ("constant", "rising", "falling", "white", "red")


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
    """About ``n`` steps from 0 to ``last``: 20 a decade and then equally spaced, as in training, or equally spaced throughout."""
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
    share: float = 0.1,
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


def draw(rng: np.random.Generator, *, share: float = 0.1) -> ThreePhases:
    """A random series with three phases, probed as in training or equally spaced.

    300 to 3,000 probes to a last step of 10,000 to 300,000.  Diffusion lasts a decade of steps or more and total diffusion half
    of one or more: a little less than the shortest that the paper draws.  Fitting lasts 10 steps and 9 probes or more.

    Args:
        rng: where the randomness comes from.
        share: share of the probes that lie in bursts of two decades; the noise is half a decade.
    """
    n, last = int(10 ** rng.uniform(np.log10(300), np.log10(3000))), int(10 ** rng.uniform(4.0, 5.5))
    step = schedule(n, last, linear=bool(rng.random() < 0.5))
    end, first = np.log10(last), max(1.0, np.log10(step[9]))
    fitting = rng.uniform(first, max(end - 1.5, first))
    total = rng.uniform(fitting + 1.0, max(end - 0.5, fitting + 1.0))
    return three_phases(step, rng, fitting_end=10**fitting, total_diffusion=10**total, share=share)


def null(kind: str, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Steps and SNR ``(n_probes,)`` of a random series without phases, probed as in :func:`draw`.

    Constant; rising or falling as a power of the step, with or without noise; white or red noise (an autoregression with
    correlation 0.8 or 0.9 from probe to probe) of 0.2 to 1 decades around O(1) or below.

    Raises:
        ValueError: a kind that is not in :data:`NULLS`.
    """
    if kind not in NULLS:
        raise ValueError(f"kind = {kind!r}: give one of {', '.join(NULLS)}")
    n, last = int(10 ** rng.uniform(np.log10(300), np.log10(3000))), int(10 ** rng.uniform(4.0, 5.5))
    step = schedule(n, last, linear=bool(rng.random() < 0.5))
    t, white = np.log10(np.maximum(step, 1)), rng.standard_normal(len(step))
    if kind == "constant":
        x = np.full(len(step), rng.uniform(-2.0, 2.0))
    elif kind in ("rising", "falling"):
        slope = rng.choice([0.25, 0.5, 1.0, 2.0]) * (1.0 if kind == "rising" else -1.0)
        x = slope * (t - rng.uniform(0.5, t[-1] - 0.3)) + rng.choice([0.0, 0.3]) * white
    else:
        rho, noise = 0.0 if kind == "white" else rng.choice([0.8, 0.9]), white.copy()
        for k in range(1, len(noise)):
            noise[k] = rho * noise[k - 1] + np.sqrt(1.0 - rho**2) * white[k]
        x = rng.choice([0.3, 0.0, -0.3, -1.0]) + rng.choice([0.2, 0.5, 1.0]) * noise
    return step, 10.0**x
