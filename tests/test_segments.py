"""Running sums against the same statistics written out."""

import numpy as np
import pytest

from pinnlib.phases.segment_statistics import Segments


@pytest.fixture
def series():
    rng = np.random.default_rng(0)
    t = np.cumsum(rng.random(60))
    w, s = rng.random(60), np.cumsum(rng.standard_normal(60)) / 5
    x = 0.3 * t + rng.standard_normal(60)
    sums = Segments()
    for row in zip(t, w, s, x, strict=True):
        sums.push(*row)
    return sums, t, w, s, x


def slow_noise(s, edges):
    parts = [s[i:j] - s[i:j].mean() for i, j in zip(edges[:-1], edges[1:], strict=True) if j > i]
    total = sum((p * p).sum() for p in parts)
    n = edges[-1] - edges[0]
    rho = sum((p[1:] * p[:-1]).sum() for p in parts) / total
    rho = np.clip(rho + (1 + 3 * rho) / n, 0, 0.98)
    return total / (n - len(parts)) * (1 + rho) / (1 - rho)


@pytest.mark.parametrize("edges", [[0, 60], [0, 20, 60], [0, 0, 31, 60], [5, 6, 40, 50]])
def test_noise_and_contrast(series, edges):
    sums, _, _, s, _ = series
    assert sums.noise(edges) == pytest.approx(slow_noise(s, edges))
    if len(edges) > 2:
        i, k, j = edges[-3:]
        error = np.sqrt(slow_noise(s, edges) * (1 / (k - i) + 1 / (j - k)))
        assert sums.contrast(edges) == pytest.approx(abs(s[i:k].mean() - s[k:j].mean()) / error)
        assert sums.contrast([*edges, edges[-1]]) == 0.0  # nothing after it


def test_net_and_misfit(series):
    sums, t, w, s, x = series
    assert sums.net[60] - sums.net[10] == pytest.approx((w * s)[10:].sum())
    assert sums.mean(10, 30) == pytest.approx(s[10:30].mean())
    part = slice(10, 45)
    mean = np.average(x[part], weights=w[part])
    assert sums.misfit(10, 45) == pytest.approx((w * (x - mean) ** 2)[part].sum())
    line = np.polyval(np.polyfit(t[part], x[part], 1, w=np.sqrt(w[part])), t)
    assert sums.misfit(10, 45, line=True) == pytest.approx((w * (x - line) ** 2)[part].sum())
    assert sums.misfit(7, 7) == 0.0


def test_noise_is_the_variance_of_a_mean():
    """Of an autoregression: many means of 400 probes scatter as much as one series says."""
    rng, means, said = np.random.default_rng(1), [], []
    for _ in range(100):
        x = rng.standard_normal(400)
        for k in range(1, 400):
            x[k] = 0.7 * x[k - 1] + np.sqrt(1 - 0.49) * x[k]
        sums = Segments()
        for s in x.tolist():
            sums.push(0.0, 1.0, s, s)
        means.append(x.mean())
        said.append(sums.noise([0, 400]) / 400)
    assert np.var(means) == pytest.approx(np.median(said), rel=0.35)
