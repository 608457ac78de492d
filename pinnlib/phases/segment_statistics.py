"""Statistics of stretches of a series that grows probe by probe; each costs the same however long the stretch is.

Everything is a difference of two running sums, so a rule that asks for it at every probe stays cheap enough to run while
training.
"""

from __future__ import annotations

from itertools import pairwise

__all__ = ["Segments"]


class Segments:
    """Running sums of a series of scores.

    A probe has a place ``t``, a weight ``w``, a score ``s`` and a value ``x``.  A stretch ``(i, j)`` holds the probes
    i, ..., j - 1.
    """

    def __init__(self) -> None:
        self.count = 0
        self.net = [0.0]  #: sum of w s before each probe, and after the last
        self.score = [0.0]  #: sum of s
        self._square, self._lagged = [0.0], [0.0, 0.0]
        self._scores: list[float] = []
        self._moments: list[tuple[float, ...]] = [(0.0,) * 6]

    def push(self, t: float, w: float, s: float, x: float) -> None:
        """Add one probe."""
        self.net.append(self.net[-1] + w * s)
        self.score.append(self.score[-1] + s)
        self._square.append(self._square[-1] + s * s)
        if self._scores:
            self._lagged.append(self._lagged[-1] + s * self._scores[-1])
        self._scores.append(s)
        a, b, c, d, e, f = self._moments[-1]
        self._moments.append((a + w, b + w * t, c + w * t * t, d + w * x, e + w * x * x, f + w * t * x))
        self.count += 1

    def mean(self, i: int, j: int) -> float:
        """Mean score of a stretch that is not empty."""
        return (self.score[j] - self.score[i]) / (j - i)

    def noise(self, edges: list[int]) -> float:
        """Long-run variance of a score about the means of the stretches between ``edges``.

        That is sigma^2 (1 + rho) / (1 - rho), with the variance sigma^2 of one probe and the correlation rho of neighbours, so
        that a mean of n probes has the variance noise / n: exact for an autoregression of first order.  The estimate of rho
        from n probes is too small by about (1 + 3 rho) / n (Kendall, Biometrika 41 (1954) 403), which is added.
        """
        total = lagged = stretches = 0.0
        for i, j in pairwise(edges):
            if j > i:
                stretches += 1.0
                m, n = self.mean(i, j), j - i
                total += self._square[j] - self._square[i] - n * m * m
                ends = 2.0 * n * m - self._scores[i] - self._scores[j - 1]
                lagged += self._lagged[j] - self._lagged[i + 1] - m * ends + (n - 1) * m * m
        n = max(edges[-1] - edges[0], 1)
        rho = lagged / max(total, 1e-12)
        rho = min(max(rho + (1.0 + 3.0 * rho) / n, 0.0), 0.98)
        return max(total / max(n - stretches, 1.0) * (1.0 + rho) / (1.0 - rho), 1e-4)

    def contrast(self, edges: list[int]) -> float:
        """Absolute difference of the means of the last two stretches, in its standard errors."""
        i, k, j = edges[-3:]
        if not i < k < j:
            return 0.0
        return abs(self.mean(i, k) - self.mean(k, j)) / (self.noise(edges) * (1.0 / (k - i) + 1.0 / (j - k))) ** 0.5

    def misfit(self, i: int, j: int, *, line: bool = False) -> float:
        """Weighted sum of squares of the values of a stretch about their mean, or about a straight line in ``t``."""
        w, t, tt, x, xx, tx = (b - a for a, b in zip(self._moments[i], self._moments[j], strict=True))
        if w <= 0.0:
            return 0.0
        left = xx - x * x / w
        if line and (spread := tt - t * t / w) > 1e-12:
            left -= (tx - t * x / w) ** 2 / spread
        return max(left, 0.0)
