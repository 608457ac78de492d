"""The rule for phases: by hand, against a slow twin, on series whose phases are known, and on series that have none."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pinnlib as pl
from pinnlib import phases, surrogates

RECORDS = sorted((Path(__file__).parent.parent / "book" / "records").glob("*.npz"))
THREE = ("fitting", "diffusion", "total diffusion")


def series(fitting=100, total=3000, *, noise=0.15, seed=0, last=20_000):
    steps = np.unique(np.geomspace(1, last, 400).astype(int))
    clean = np.where(steps < fitting, 30.0, np.where(steps < total, 0.05, 5.0))
    return steps, clean * 10 ** (noise * np.random.default_rng(seed).standard_normal(len(steps)))


@pytest.mark.parametrize("seed", range(5))
def test_three_phases_are_found(seed):
    found = phases.detect(*series(seed=seed))
    assert found.sequence == THREE
    for boundary, true in ((found.fitting_end, 100), (found.total_diffusion, 3000)):
        assert abs(np.log10(boundary.step / true)) < 0.1
        assert boundary.low <= boundary.step <= boundary.high


def test_start_below_one_has_no_fitting():
    found = phases.detect(*series(fitting=0))
    assert found.fitting_end is None
    assert found.starts_below
    assert found.sequence == ("diffusion", "total diffusion")


def test_no_rise_means_no_total_diffusion():
    found = phases.detect(*series(total=10**9))
    assert found.total_diffusion is None
    assert found.sequence == ("fitting", "diffusion")


@pytest.mark.parametrize(("value", "phase"), [(5.0, "fitting"), (1.0, "fitting"), (0.1, "diffusion")])
def test_constant_series(value, phase):
    found = phases.detect(np.arange(100), np.full(100, value))
    assert found.fitting_end is None
    assert found.total_diffusion is None
    assert found.sequence == (phase,)


@pytest.mark.parametrize("slope", [0.25, 0.5, 1.0, 2.0, 2.5])
@pytest.mark.parametrize("linear", [False, True])
def test_a_power_law_has_no_total_diffusion(slope, linear):
    steps = surrogates.schedule(800, 100_000, linear=linear)
    assert phases.detect(steps, (np.maximum(steps, 1) / 1000.0) ** slope).total_diffusion is None
    falling = phases.detect(steps, (np.maximum(steps, 1) / 1000.0) ** -slope)
    assert falling.total_diffusion is None
    assert falling.fitting_end is None or falling.fitting_end.step == pytest.approx(1000, rel=0.2)


def test_single_bursts_and_gaps_do_not_make_a_phase():
    steps, snr = series()
    middle = np.flatnonzero((steps > 200) & (steps < 2500))
    snr[middle[::9]] = 50.0
    snr[middle[4::9]] = np.nan
    snr[middle[5::9]] = 0.0
    found = phases.detect(steps, snr)
    assert abs(np.log10(found.total_diffusion.step / 3000)) < 0.1


def test_late_bursts_do_not_make_a_phase():
    """Bursts above 1 between spells under 0.1, half of the probes each: below O(1) on the whole."""
    steps = surrogates.schedule(600, 30_000)
    rng = np.random.default_rng(0)
    snr = np.where(steps < 60, 30.0, np.where(steps < 1500, 0.1, np.where(rng.random(len(steps)) < 0.5, 2.0, 0.02)))
    assert phases.detect(steps, snr).sequence == ("fitting", "diffusion")


def test_a_gap_has_no_vote():
    """Two decades without a probe, then a single high one."""
    steps, snr = series(total=10**9, last=3000)
    found = phases.detect(np.append(steps, 300_000), np.append(snr, 100.0))
    assert found.total_diffusion is None
    assert found.last == 300_000


def test_infinite_snr_counts_as_large():
    steps, snr = series()
    snr[0] = np.inf
    assert phases.detect(steps, snr).sequence == THREE


def test_slow_crossing_has_a_wide_interval():
    steps = np.unique(np.geomspace(1, 30_000, 400).astype(int))
    t = np.log10(steps)
    x = np.where(t < 1.0, 1.0, -1.0)
    slow, fast = (phases.detect(steps, 10 ** (x + 2 * (1 + np.tanh((t - 3) / w)) / 2)).total_diffusion for w in (0.5, 0.05))
    assert slow.high / slow.low > 1.3 * fast.high / fast.low
    assert slow.low < 1000 < slow.high


@pytest.mark.parametrize("keep", [2, 4])
def test_a_thinned_series_says_the_same(keep):
    rng, same = np.random.default_rng(7), []
    for _ in range(40):
        made = surrogates.draw(rng, share=0.05)
        whole, part = phases.detect(made.step, made.snr), phases.detect(made.step[::keep], made.snr[::keep])
        if whole.sequence == THREE == part.sequence and len(made.step) > 300 * keep:
            same.append(abs(np.log10(part.total_diffusion.step / whole.total_diffusion.step)))
    assert len(same) > 8
    assert np.median(same) < 0.05


def slow_closing(step, snr):
    """The rule written out for the end of fitting: ``(probe of the boundary, probe that closes it)``."""
    t = np.log10(np.maximum(step, 1))
    s = np.clip(np.log10(snr) / np.log10(4.0), -1, 1)
    net = np.concatenate([[0.0], np.cumsum(s * np.minimum(np.diff(t, prepend=-0.1), 0.1))])
    for n in range(2, len(s) + 1):
        k = n - int(np.argmax(net[n::-1]))  # the last of the highest
        if net[k] < 0.2 or net[k] - net[n] < 0.6 or k == 0:
            continue
        parts = [s[:k] - s[:k].mean(), s[k:n] - s[k:n].mean()]
        total = sum((p * p).sum() for p in parts)
        rho = sum((p[1:] * p[:-1]).sum() for p in parts) / max(total, 1e-12)
        rho = np.clip(rho + (1 + 3 * rho) / n, 0, 0.98)
        noise = max(total / (n - 2) * (1 + rho) / (1 - rho), 1e-4)
        if s[:k].mean() - s[k:n].mean() >= 2.5 * np.sqrt(noise * (1 / k + 1 / (n - k))):
            return k, n
    return None


def test_fitting_ends_where_the_slow_twin_says():
    rng, seen = np.random.default_rng(11), 0
    for _ in range(20):
        made = surrogates.draw(rng, share=0.2)
        twin, found = slow_closing(made.step, made.snr), phases.detect(made.step, made.snr).fitting_end
        assert (twin is None) == (found is None)
        if twin:
            seen += 1
            assert found.step == made.step[twin[0]]
    assert seen > 10


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 40), st.floats(-3, 3), st.sampled_from([0, 0, 0, 1, 2])), min_size=8, max_size=200))
def test_online_and_batch_agree(probes):
    """Whatever the series: the same at the end, and what is closed on the way stays as it is."""
    step = np.cumsum([p[0] for p in probes])
    snr = np.array([[10.0 ** p[1], np.nan, 0.0][p[2]] for p in probes])
    detector, closed = phases.Detector(), {}
    for s, value in zip(step, snr, strict=True):
        found = detector.update(s, value)
        for name in ("fitting_end", "total_diffusion"):
            if name in closed:
                assert getattr(found, name) == closed[name]
            elif getattr(found, name) is not None:
                closed[name] = getattr(found, name)
                assert closed[name].low <= closed[name].step <= closed[name].high <= s
    if (snr > 0).sum() >= 8:
        assert phases.detect(step, snr) == found


def test_online_and_batch_agree_on_three_phases():
    rng = np.random.default_rng(12)
    for _ in range(5):
        made = surrogates.draw(rng)
        detector = phases.Detector()
        each = [detector.update(int(s), x) for s, x in zip(made.step, made.snr, strict=True)]
        assert each[-1] == phases.detect(made.step, made.snr)
        n = len(made.step) // 2
        assert each[n - 1] == phases.detect(made.step[:n], made.snr[:n])


def errors(share, n=150, seed=20):
    """Errors of both boundaries in decades ``(n, 2)``, inf where there is none, and whether the intervals hold the truth."""
    rng, error, holds = np.random.default_rng(seed), [], []
    for _ in range(n):
        made = surrogates.draw(rng, share=share)
        found = phases.detect(made.step, made.snr)
        pairs = ((found.fitting_end, made.fitting_end), (found.total_diffusion, made.total_diffusion))
        error.append([np.inf if b is None else abs(np.log10(b.step / true)) for b, true in pairs])
        holds += [b.low <= true <= b.high for b, true in pairs if b is not None]
    return np.array(error), np.mean(holds)


def test_boundaries_of_series_with_noise_and_bursts():
    error, coverage = errors(0.1)
    assert (np.median(error, axis=0) < 0.15).all()
    assert (error < 0.5).all(axis=1).mean() >= 0.9
    assert coverage >= 0.9


def test_each_boundary_with_half_as_many_bursts_again():
    error, coverage = errors(0.15)
    assert (np.median(error, axis=0) < 0.15).all()
    assert ((error < 0.5).mean(axis=0) >= 0.87).all()  # 0.92 and 0.91 in 600 series
    assert coverage >= 0.87


def test_false_alarms_on_null_series():
    for kind in surrogates.NULLS:
        rng, many = np.random.default_rng(21), 600 if kind == "red" else 40  # red noise comes nearest
        alarms = [phases.detect(*surrogates.null(kind, rng)).total_diffusion is not None for _ in range(many)]
        assert np.mean(alarms) <= 0.05, kind


def test_false_alarms_on_surrogates_of_the_records():
    rng, alarms = np.random.default_rng(22), []
    for path in RECORDS:
        history = pl.Run.load(path).history
        for _ in range(8):
            made = surrogates.phase_randomized(history["snr"], rng)
            alarms.append(phases.detect(history["step"], made).total_diffusion is not None)
    assert len(alarms) >= 160
    assert np.mean(alarms) <= 0.05


def test_running_quantiles_by_hand():
    values = np.array([5.0, 1.0, 4.0, 2.0, 3.0])
    assert phases.running_quantiles(values, (0.5,), 3)[0].tolist() == [3.0, 4.0, 2.0, 3.0, 2.5]
    with pytest.raises(ValueError, match="window = 4: give an odd number of probes"):
        phases.running_quantiles(values, window=4)


@pytest.mark.parametrize(
    ("step", "snr", "message"),
    [
        (np.arange(9), np.ones(8), r"steps of shape \(9,\) and SNR of shape \(8,\): give two series of equal length"),
        (np.arange(5), np.ones(5), "5 probes with an SNR above 0: give at least 8, for instance by probing more often"),
        ([], [], "0 probes with an SNR above 0: give at least 8"),
        (np.arange(20), np.full(20, np.nan), "all 20 values of SNR are nan: there are no phases to find, look at why"),
        ([*range(9), 8, 10], np.ones(11), "step 8 comes after step 8: give steps from 0 on that increase"),
        ([*range(9), 2000, 1500], np.ones(11), "step 1,500 comes after step 2,000: give steps from 0 on that increase"),
        (np.arange(-1, 9), np.ones(10), "step -1 is negative: give steps from 0 on that increase"),
        (np.arange(9), [1] * 8 + [-0.5], "SNR -0.5 at step 8 is negative: it is a ratio of norms, give values of at least 0"),
    ],
)
def test_bad_series(step, snr, message):
    with pytest.raises(ValueError, match=message):
        phases.detect(step, snr)


@pytest.mark.parametrize("name", ["level", "hold", "brief", "contrast"])
def test_bad_parameters(name):
    with pytest.raises(ValueError, match=f"{name} = 0: give a positive number"):
        phases.detect(*series(), **{name: 0})
    with pytest.raises(ValueError, match="full = 1: give a factor above 1"):
        phases.Detector(full=1)
