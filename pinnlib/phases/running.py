"""Running quantiles of a series."""

from __future__ import annotations

import numpy as np

__all__ = ["running_quantiles"]


def running_quantiles(values: np.ndarray, quantiles: tuple[float, ...] = (0.1, 0.5, 0.9), window: int = 7) -> np.ndarray:
    """Quantiles over a centred window of probes, which shrinks at the ends; ``(len(quantiles), n_probes)``.

    Raises:
        ValueError: an even window, or one below 1 probe.
    """
    if window < 1 or window % 2 == 0:
        raise ValueError(f"window = {window}: give an odd number of probes")
    half, n = window // 2, len(values)
    whole = np.lib.stride_tricks.sliding_window_view(values, window) if n >= window else np.empty((0, window))
    take = np.nanquantile if np.isnan(values).any() else np.quantile  # the latter is many times faster
    inside = take(whole, quantiles, axis=1).T if len(whole) else np.empty((0, len(quantiles)))
    edge = min(half, n)
    first = [take(values[: k + half + 1], quantiles) for k in range(edge)]
    last = [take(values[k - half :], quantiles) for k in range(max(n - half, edge), n)]
    return np.concatenate([np.reshape(first, (-1, len(quantiles))), inside, np.reshape(last, (-1, len(quantiles)))]).T
