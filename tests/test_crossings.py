"""First crossings on series that are known."""

import numpy as np
import pytest

from pinnlib import crossings


def series(fitting=100, total=3000, *, noise=0.15, seed=0, last=20_000):
    steps = np.unique(np.geomspace(1, last, 400).astype(int))
    clean = np.where(steps < fitting, 30.0, np.where(steps < total, 0.05, 5.0))
    return steps, clean * 10 ** (noise * np.random.default_rng(seed).standard_normal(len(steps)))


@pytest.mark.parametrize("seed", range(5))
def test_both_crossings_are_found(seed):
    found = crossings.first(*series(seed=seed))
    assert found.sequence == ("fitting", "diffusion", "total diffusion")
    for boundary, true in ((found.fitting_end, 100), (found.total_diffusion, 3000)):
        assert abs(np.log10(boundary.step / true)) < 0.1
        assert boundary.low <= boundary.step <= boundary.high


def test_start_below_one():
    steps, snr = series(fitting=0)
    found = crossings.first(steps, snr)
    assert found.fitting_end is None
    assert found.sequence == ("diffusion", "total diffusion")


def test_no_rise():
    steps, snr = series(total=10**9)
    found = crossings.first(steps, snr)
    assert found.total_diffusion is None
    assert found.sequence == ("fitting", "diffusion")


def test_constant_and_empty_series():
    steps = np.arange(100)
    assert crossings.first(steps, np.full(100, 5.0)).sequence == ("fitting",)
    assert crossings.first(steps, np.full(100, 0.1)).sequence == ("diffusion",)
    empty = crossings.first(np.array([]), np.array([]))
    assert empty.fitting_end is None
    assert empty.total_diffusion is None


def test_single_bursts_and_gaps_do_not_count():
    steps, snr = series()
    middle = np.flatnonzero((steps > 200) & (steps < 2500))
    snr[middle[::9]] = 50.0
    snr[middle[4::9]] = np.nan
    snr[middle[5::9]] = 0.0
    found = crossings.first(steps, snr)
    assert abs(np.log10(found.total_diffusion.step / 3000)) < 0.1


def test_infinite_snr_counts_as_large():
    steps, snr = series()
    snr[0] = np.inf
    assert crossings.first(steps, snr).sequence == ("fitting", "diffusion", "total diffusion")


def test_slow_crossing_has_a_wide_interval():
    steps = np.unique(np.geomspace(1, 10_000, 300).astype(int))
    slow = crossings.first(steps, (steps / 1000.0) ** 0.5).total_diffusion
    fast = crossings.first(steps, (steps / 1000.0) ** 5).total_diffusion
    assert slow.high / slow.low > 3 * fast.high / fast.low
    assert slow.low < 1000 < slow.high


def test_bad_input():
    with pytest.raises(ValueError, match="window = 4: give an odd number"):
        crossings.first(np.arange(9), np.ones(9), window=4)
    with pytest.raises(ValueError, match="give two series of equal length"):
        crossings.first(np.arange(9), np.ones(8))
