"""Where fitting ends and total diffusion starts, read from the SNR alone.

The rule looks at the SNR alone, never at an error.  It takes the running median of log10(SNR) over
``window`` probes and follows it with hysteresis: a phase ends when the median has crossed ``level`` and
gone ``margin`` times beyond it.  The interval of a boundary runs from the last probe clearly on the old
side to the first clearly on the new side, so a slow crossing has a wide interval.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["Boundary", "Phases", "detect", "running_quantiles"]


@dataclass(frozen=True)
class Boundary:
    """A change of phase at ``step``, somewhere in ``[low, high]``."""

    step: int
    low: int
    high: int


@dataclass(frozen=True)
class Phases:
    """The boundaries of the phases; None where there is none.

    Attributes:
        fitting_end: SNR falls below O(1): fitting gives way to diffusion.
        total_diffusion: SNR rises above O(1) again.
        last: last step of the series.
        starts_below: the SNR begins below O(1), so that there is no fitting to end.
    """

    fitting_end: Boundary | None
    total_diffusion: Boundary | None
    last: int
    starts_below: bool = False

    def spans(self) -> list[tuple[str, int, int]]:
        """``(phase, first step, last step)`` in order of time."""
        spans, start = [], 0
        if self.fitting_end:
            spans.append(("fitting", 0, self.fitting_end.step))
            start = self.fitting_end.step
        if self.total_diffusion:
            spans += [("diffusion", start, self.total_diffusion.step), ("total diffusion", self.total_diffusion.step, self.last)]
        else:
            spans.append(("diffusion" if self.fitting_end or self.starts_below else "fitting", start, self.last))
        return spans

    @property
    def sequence(self) -> tuple[str, ...]:
        """Names of the phases in order of time."""
        return tuple(name for name, _, _ in self.spans())


def detect(step: np.ndarray, snr: np.ndarray, *, level: float = 1.0, margin: float = 1.5, window: int = 7) -> Phases:
    """Find the phases of a run.

    Args:
        step: steps of the probes, increasing, ``(n_probes,)``.
        snr: their SNR, ``(n_probes,)``; nan and zeros are left out, inf counts as very large.
        level: the O(1) that separates the phases.
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
    fitting_end = total = None
    if above:
        fitting_end = _crossing(step, median, band, 0, down=True)
    if fitting_end or not above:
        start = int(np.searchsorted(step, fitting_end.high)) if fitting_end else 0
        total = _crossing(step, median, band, start, down=False)
    return Phases(fitting_end, total, int(step[-1]), starts_below=not above)


def _crossing(step: np.ndarray, median: np.ndarray, band: float, start: int, *, down: bool) -> Boundary | None:
    """First sustained crossing of zero after ``start``, downwards or upwards."""
    x = -median if down else median
    beyond = np.flatnonzero(x[start:] > band)
    if not len(beyond):
        return None
    high = start + beyond[0]
    before = np.flatnonzero(x[start:high] < -band)
    low = start + before[-1] if len(before) else start
    old = np.flatnonzero(x[low : high + 1] <= 0)  # the crossing that led beyond the band follows the last of these
    crossed = low + old[-1] + 1 if len(old) else low
    return Boundary(int(step[crossed]), int(step[low]), int(step[high]))


def running_quantiles(values: np.ndarray, quantiles: tuple[float, ...] = (0.1, 0.5, 0.9), window: int = 7) -> np.ndarray:
    """Quantiles over a centred window of probes, which shrinks at the ends; ``(len(quantiles), n_probes)``."""
    if window < 1 or window % 2 == 0:
        raise ValueError(f"window = {window}: give an odd number of probes")
    half = window // 2
    parts = [values[max(0, k - half) : k + half + 1] for k in range(len(values))]
    return np.array([np.nanquantile(part, quantiles) for part in parts]).T
