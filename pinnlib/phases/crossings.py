"""Where the SNR first falls through O(1), and where it first rises again: a reading, not yet a phase.

The rule takes the running median of log10(SNR) over ``window`` probes and follows it with hysteresis: a crossing counts when the
median has crossed ``level`` and gone ``margin`` times beyond it.  Its interval runs from the last probe clearly on the old side
to the first clearly on the new side, so a slow crossing has a wide interval.

It is easily read off a figure and says *when*.  It does not say whether the SNR stays where it went: it finds a rise in 96% of
720 surrogates of published records of a laptop's size, which have no phases at all.
:func:`pinnlib.phases.detector.detect` asks for
that too.
"""

from __future__ import annotations

import numpy as np

from .boundaries import Boundary, Phases
from .running import running_quantiles

__all__ = ["first"]


def first(step: np.ndarray, snr: np.ndarray, *, level: float = 1.0, margin: float = 1.5, window: int = 7) -> Phases:
    """The first fall and the first rise after it, in the form of phases.

    Args:
        step: steps of the probes, increasing, ``(n_probes,)``.
        snr: their SNR, ``(n_probes,)``; nan and zeros are left out, inf counts as very large.
        level: the O(1).
        margin: how many times beyond ``level`` the median must go.
        window: probes in the running median, an odd number.

    Raises:
        ValueError: series of unequal length, or a window that is not odd.
    """
    step, snr = np.asarray(step), np.asarray(snr, dtype=float)
    if step.shape != snr.shape or step.ndim != 1:
        raise ValueError(f"steps of shape {step.shape} and SNR of shape {snr.shape}: give two series of equal length")
    good = snr > 0
    step, snr = step[good], np.minimum(snr[good], 1e300)
    if not len(step):
        return Phases(None, None, 0)
    median = running_quantiles(np.log10(snr), (0.5,), window)[0] - np.log10(level)
    band = np.log10(margin)
    above = median[0] > 0
    fall = _crossing(step, -median, band, 0) if above else None
    start = int(np.searchsorted(step, fall.high)) if fall else 0
    rise = _crossing(step, median, band, start) if fall or not above else None
    return Phases(fall, rise, int(step[-1]), starts_below=not above)


def _crossing(step: np.ndarray, median: np.ndarray, band: float, start: int) -> Boundary | None:
    """First sustained rise of ``median`` through zero after ``start``."""
    beyond = np.flatnonzero(median[start:] > band)
    if not len(beyond):
        return None
    high = start + beyond[0]
    before = np.flatnonzero(median[start:high] < -band)
    low = start + before[-1] if len(before) else start
    old = np.flatnonzero(median[low : high + 1] <= 0)  # the crossing that led beyond the band follows the last of these
    crossed = low + old[-1] + 1 if len(old) else low
    return Boundary(int(step[crossed]), int(step[low]), int(step[high]))
