"""Series with known phases are what they are said to be."""

import numpy as np
import pytest

from pinnlib import surrogates


def test_a_surrogate_has_the_values_and_the_spectrum():
    rng = np.random.default_rng(0)
    x = np.convolve(rng.standard_normal(600), np.exp(-np.arange(30) / 6), "valid")
    x = np.where(x > 0, x, 3 * x)  # skewed, as bursts are
    made = np.log10(surrogates.phase_randomized(10**x, rng))
    assert np.allclose(np.sort(made), np.sort(x))
    assert abs(np.corrcoef(made, x)[0, 1]) < 0.3  # another order
    ours, theirs = (np.abs(np.fft.rfft(v - v.mean())) for v in (made, x))
    assert np.linalg.norm(ours - theirs) < 0.1 * np.linalg.norm(theirs)
    lag = [np.corrcoef(v[1:], v[:-1])[0, 1] for v in (made, x)]
    assert lag[0] == pytest.approx(lag[1], abs=0.03)


def test_a_surrogate_keeps_what_has_no_logarithm_in_place():
    snr = 10.0 ** np.random.default_rng(1).standard_normal(50)
    snr[[3, 17]], snr[30], snr[31] = np.nan, 0.0, np.inf
    made = surrogates.phase_randomized(snr, np.random.default_rng(2))
    assert np.flatnonzero(np.isnan(made)).tolist() == [3, 17]
    assert made[30] == 0.0
    assert np.array_equal(surrogates.phase_randomized(snr[:3], np.random.default_rng(2)), snr[:3])
    assert np.array_equal(made, surrogates.phase_randomized(snr, np.random.default_rng(2)), equal_nan=True)


@pytest.mark.parametrize(("n", "last"), [(300, 10_000), (600, 30_000), (3000, 300_000)])
def test_a_schedule_is_that_of_training(n, last):
    step = surrogates.schedule(n, last)
    assert step[0] == 0
    assert step[-1] == last
    assert len(step) == pytest.approx(n, rel=0.05)
    decade = (step >= 10) & (step < 100)
    assert 16 <= decade.sum() <= 21
    late = np.diff(step)[-50:]
    assert late.max() - late.min() <= 1
    equal = surrogates.schedule(n, last, linear=True)
    assert len(equal) == n
    assert np.ptp(np.diff(equal)) <= 1


def test_three_phases_by_their_own_numbers():
    rng, step = np.random.default_rng(3), np.arange(30_000)
    made = surrogates.three_phases(step, rng, fitting_end=10_000, total_diffusion=20_000, share=0.1, length=4.0)
    x = np.log10(made.snr)
    assert np.allclose([np.median(x[k * 10_000 : (k + 1) * 10_000]) for k in range(3)], np.log10([30, 0.05, 5]), atol=0.15)
    burst = x[10_000:20_000] > np.log10(0.05) + 1.0
    assert burst.mean() == pytest.approx(0.1, abs=0.025)
    calm = surrogates.three_phases(step, rng, fitting_end=0, total_diffusion=10**9, share=0.0)
    assert np.std(np.log10(calm.snr)) == pytest.approx(0.5, rel=0.02)


def test_draws_keep_their_promises():
    rng = np.random.default_rng(4)
    for _ in range(50):
        made = surrogates.draw(rng)
        assert 280 <= len(made.step) <= 3100
        assert made.total_diffusion >= 9.999 * made.fitting_end
        assert (made.step < made.fitting_end).sum() >= 9
        assert np.log10(made.step[-1] / made.total_diffusion) > 0.4


def test_null_series():
    rng = np.random.default_rng(5)
    for kind in surrogates.NULLS:
        step, snr = surrogates.null(kind, rng)
        assert step.shape == snr.shape
        assert (snr > 0).all()
    with pytest.raises(ValueError, match="kind = 'pink': give one of constant, rising, falling, white, red"):
        surrogates.null("pink", rng)
