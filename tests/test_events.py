"""Collapses and event studies: on series whose collapse, effect and chance are known."""

import math

import numpy as np
import pytest

import pinnlib as pl
from pinnlib.phases import events
from pinnlib.phases.events import Collapse, collapses, effect, in_bursts, level, null_effects, study

STEPS = np.unique(np.concatenate([[0], np.geomspace(1, 300, 60), np.arange(300, 20_001, 50)]).astype(int))


def cliff(at, to=0.01, width=1.2, rng=None, noise=0.0):
    """A loss of 1 that falls to ``to`` over a factor ``width`` from step ``at`` on."""
    share = np.clip(np.log(np.maximum(STEPS, 1) / at) / math.log(width), 0.0, 1.0)
    scatter = noise * rng.standard_normal(len(STEPS)) if rng is not None else 0.0
    return 10.0 ** (share * math.log10(to) + scatter)


@pytest.mark.parametrize("at", [100, 1_000, 8_000])
@pytest.mark.parametrize("noise", [0.0, 0.2])
def test_a_collapse_is_found_where_it_is(at, noise):
    (found,) = collapses(STEPS, cliff(at, rng=np.random.default_rng(at), noise=noise))
    assert at / 1.3 <= found.start <= 1.25 * at
    assert found.start < found.end <= 1.6 * at
    assert 1.0 <= found.fall <= 2.0 + 2 * noise  # it begins with the last probe from which it is a decade deep


@pytest.mark.parametrize(
    "loss",
    [
        np.ones(len(STEPS)),
        cliff(1_000, to=0.2),  # not a decade
        cliff(1_000, width=8.0),  # too slow
        1.0 / np.maximum(STEPS, 1) ** 3.0,  # steep, and without a plateau
        np.where((STEPS > 1_000) & (STEPS < 1_030), 1e-3, 1.0),  # a spike of one probe
        cliff(3, to=0.01),  # before there are probes enough
    ],
    ids=["flat", "shallow", "slow", "power law", "spike", "early"],
)
def test_what_is_no_collapse(loss):
    assert collapses(STEPS, loss) == []


def test_a_burst_and_its_end_are_no_collapse():
    """What comes back to where it was is no new low."""
    assert collapses(STEPS, np.where((STEPS > 2_000) & (STEPS < 5_000), 100.0, 1.0)) == []


def test_two_collapses_in_order():
    found = collapses(STEPS, cliff(500) * cliff(6_000))
    assert [one.start // 400 for one in found] == [1, 15]


def test_a_collapse_depends_on_neither_unit_nor_density():
    loss = cliff(2_000)
    assert collapses(STEPS, 1e5 * loss) == collapses(STEPS, loss)
    thin = np.arange(len(STEPS)) % 2 == 0
    (a,), (b,) = collapses(STEPS, loss), collapses(STEPS[thin], loss[thin])
    assert b.start == pytest.approx(a.start, rel=0.06)
    assert b.end == pytest.approx(a.end, rel=0.06)


def test_values_that_are_not_finite_are_left_out():
    loss = cliff(2_000)
    holes = loss.copy()
    holes[::7] = math.nan
    assert collapses(STEPS, holes)[0].start == pytest.approx(collapses(STEPS, loss)[0].start, rel=0.06)


ONE = Collapse(1_000, 1_500, 2.0)


def test_effects_are_those_of_medians_in_two_windows():
    rng = np.random.default_rng(0)
    values = 10.0 ** rng.standard_normal(len(STEPS))
    before, after = (STEPS >= 500) & (STEPS <= 1_000), (STEPS >= 1_500) & (STEPS <= 3_000)
    by_hand = math.log10(np.median(values[after]) / np.median(values[before]))
    assert effect(STEPS, values, ONE, "log") == pytest.approx(by_hand, abs=0.02)  # the median of logs and the log of the median
    assert effect(STEPS, values, ONE) == np.median(values[after]) - np.median(values[before])
    above = (values > 1).astype(float)
    assert effect(STEPS, above, ONE, "share") == pytest.approx(above[after].mean() - above[before].mean())
    meanwhile = np.where((STEPS > 1_000) & (STEPS < 1_500), 1e9, values)
    assert effect(STEPS, meanwhile, ONE) == effect(STEPS, values, ONE)


def test_a_later_window():
    values = np.where(STEPS < 2_250, 1.0, 100.0)
    assert effect(STEPS, values, ONE, "log", after=(1.0, 1.4)) == 0.0
    assert effect(STEPS, values, ONE, "log", after=(1.6, 4.0)) == 2.0
    assert math.isnan(effect(STEPS, values, Collapse(1_000, 12_000, 1.0), after=(1.5, 4.0)))
    late = runs(5, np.random.default_rng(11))
    for k, h in enumerate(late):
        h["snr"] = h["snr"] * np.where(2_000 * (1 + 0.2 * k) * 2.0 < STEPS, 100.0, 1.0)
    assert study(late, **SOUND, series=["snr"], foretold={"snr": 1}).changes["snr"].verdict != "rises"
    assert study(late, **SOUND, series=["snr"], foretold={"snr": 1}, after=(2.0, 4.0)).changes["snr"].verdict == "rises"


def test_an_effect_needs_both_windows():
    values = np.ones(len(STEPS))
    assert math.isnan(effect(STEPS, values, Collapse(1_000, 18_000, 1.0)))
    assert math.isnan(effect(STEPS, np.where(STEPS < 1_200, math.nan, 1.0), ONE))
    assert effect(STEPS, values, Collapse(1_000, 15_000, 1.0)) == 0.0


def test_the_level_of_a_batch():
    assert level(256) == 1.0
    assert level(64) == 0.5


def test_what_is_large_in_a_burst_is_told_from_a_drift():
    """Every seventh probe bursts: the signal is fifty times as large there, and everything falls tenfold over the run."""
    step = np.arange(1, 701)
    burst, drift = step % 7 == 0, 10.0 ** (-step / 700)
    signal, noise = drift * np.where(burst, 5.0, 0.1), drift * np.where(burst, 2.0, 1.0)
    found = [10 ** in_bursts(step, signal / noise, series, level=1.0) for series in (signal, noise, drift)]
    assert [len(one) for one in found] == [99, 99, 99]  # none after the last
    for one, ratio in zip(found, (50.0, 2.0, 1.0), strict=True):
        assert one[3:-3] == pytest.approx(ratio, rel=0.02)
    assert len(in_bursts(step, signal / noise, signal, level=1.0, since=350)) == 49


def test_a_burst_counts_between_quiet_probes_alone():
    step = np.arange(1, 11)
    snr = np.array([2.0, 0.1, 0.1, 2.0, 2.0, 0.1, 0.1, 2.0, 0.1, 2.0])
    values = np.where(snr > 1, 8.0, 2.0)
    values[1] = np.nan  # no value, so neither quiet nor burst
    assert in_bursts(step, snr, values, level=1.0).tolist() == []
    values[1] = 2.0
    assert in_bursts(step, snr, values, level=1.0) == pytest.approx(np.log10([4.0, 4.0]))
    assert in_bursts(step, snr, values, level=3.0).tolist() == []


def runs(n, rng, rise=0.0, noise=0.3, at=2_000):
    """Histories with a collapse at ``at`` and an SNR that rises there by ``rise`` decades."""
    found = []
    for k in range(n):
        when = int(at * (1 + 0.2 * k))
        log = noise * rng.standard_normal(len(STEPS)) + rise * (when * 1.1 < STEPS)
        found.append({"step": STEPS, "loss_residual": cliff(when), "snr": 10.0**log, "rel_l2": np.ones(len(STEPS))})
    return found


def test_a_rise_is_found_and_its_size():
    found = study(runs(5, np.random.default_rng(1), rise=1.0), batches=32, batch_points=256, foretold={"snr": 1})
    change = found.changes["snr"]
    assert found.found == change.count == 5
    assert change.verdict == "rises"
    assert change.sign_p == pytest.approx(1 / 32)
    assert change.middle == pytest.approx(1.0, abs=0.15)
    assert change.range[0] > 0.5
    assert found.changes["alignment"].verdict == "rises"
    assert found.changes["above"].middle == pytest.approx(0.5, abs=0.15)
    assert set(found.changes) == {"snr", "alignment", "rel_l2", "above", "below"}


def test_no_change_is_said_only_with_power():
    quiet = study(runs(5, np.random.default_rng(2)), batches=32, batch_points=256).changes["snr"]
    assert quiet.verdict == "no change of this size"
    assert quiet.power() > 0.99
    loud = study(runs(5, np.random.default_rng(3), noise=6.0), batches=32, batch_points=256).changes["snr"]
    assert loud.verdict == "cannot tell"
    assert "would be seen in" in loud.why


def test_a_drift_is_no_event():
    """SNR that rises all the time rises at the collapse too, and at random times as much."""
    rng = np.random.default_rng(4)
    drifting = [h | {"snr": 10.0 ** (2.0 * np.log10(STEPS + 1.0) + 0.05 * rng.standard_normal(len(STEPS)))} for h in runs(5, rng)]
    change = study(drifting, batches=32, batch_points=256, foretold={"snr": 1}).changes["snr"]
    assert change.signs == (5, 0)
    assert change.verdict != "rises"


def test_false_alarms_are_as_rare_as_they_should_be():
    """Red noise without an event: of 100 studies the sign test takes about 6, and both conditions fewer."""
    alarms = 0
    for k in range(100):
        rng = np.random.default_rng(100 + k)
        own = runs(5, rng)
        for h in own:
            x = rng.standard_normal(len(STEPS))
            for i in range(1, len(x)):
                x[i] = 0.9 * x[i - 1] + math.sqrt(1 - 0.81) * x[i]
            h["snr"] = 10.0**x
        alarms += study(own, batches=32, batch_points=256, series=["snr"], seed=k).changes["snr"].verdict in ("rises", "falls")
    assert alarms <= 9  # 5% would be exceeded by 10 in 3% of such tests


def test_null_effects_have_the_scatter_of_effects():
    rng = np.random.default_rng(6)
    values = 10.0 ** rng.standard_normal(len(STEPS))
    found = null_effects(STEPS, values, ONE, "log", rng)
    late = np.array([effect(STEPS, 10.0 ** rng.standard_normal(len(STEPS)), ONE, "log") for _ in range(200)])
    assert np.nanmean(found) == pytest.approx(0.0, abs=0.3)
    assert np.nanstd(found) > np.nanstd(late) / 2  # early windows have fewer probes, and scatter more


def test_random_times_can_leave_out_the_end_of_fitting():
    values = np.where(STEPS < 400, 100.0, 1.0)
    falls, none = (null_effects(STEPS, values, ONE, "log", np.random.default_rng(0), since=since) for since in (0, 900))
    assert (falls < 0).any()
    assert (none == 0).all()
    own = runs(5, np.random.default_rng(12), rise=2.0)
    for h in own:
        h["snr"] = h["snr"] * np.where(STEPS < 400, 1e4, 1.0)
    settings = dict(batches=32, batch_points=256, series=["snr"], foretold={"snr": 1})
    wide, narrow = (study(own, **settings, since=since).changes["snr"] for since in (0, 900))
    assert narrow.scatter < 0.7 * wide.scatter
    assert narrow.power() > wide.power()


def test_one_side_of_the_random_times_is_counted_beside_both():
    rng = np.random.default_rng(13)
    means = rng.standard_normal((3, 2000))
    for sign, own in ((1, 1.0), (-1, -1.0), (None, 1.0), (None, -1.0)):
        both, one, _ = events._against(np.full(3, own), list(means), sign)
        assert one == pytest.approx(both / 2, rel=0.25)
    both, one, _ = events._against(np.full(3, -1.0), list(means), 1)  # against what was foretold
    assert one > 0.9 > both


def test_series_without_a_residual_are_aligned_where_one_says():
    own = [{k: v for k, v in h.items() if k != "loss_residual"} for h in runs(5, np.random.default_rng(7), rise=2.0)]
    places = [Collapse(int(2_000 * (1 + 0.2 * k)), int(2_400 * (1 + 0.2 * k)), 2.0) for k in range(5)]
    assert study(own, batches=32, batch_points=256, at=places).changes["snr"].verdict == "rises"
    one_less = study(own, batches=32, batch_points=256, at=[None, *places[1:]])
    assert one_less.found == 4
    assert one_less.changes["snr"].verdict == "cannot tell"


def test_first_and_last():
    two = [h | {"loss_residual": cliff(500) * cliff(6_000)} for h in runs(1, np.random.default_rng(8))]
    (last,), (first,) = (study(two, batches=32, batch_points=256, which=which).collapses for which in ("last", "first"))
    assert (first.start < 1_000, last.start > 5_000) == (True, True)


SOUND = {"batches": 32, "batch_points": 64}


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: study([], **SOUND), "no runs to study: give the histories of at least one, and of five"),
        (lambda: study([{"step": STEPS, "loss_residual": np.ones(len(STEPS))}] * 2, **SOUND), "none of 2 runs has a collapse"),
        (lambda: study(runs(1, np.random.default_rng(0)), batches=1, batch_points=4), "batches = 1"),
        (lambda: study(runs(1, np.random.default_rng(0)), **SOUND, which="best"), "which = 'best': choose 'last' or 'first'"),
        (lambda: study(runs(2, np.random.default_rng(0)), **SOUND, at=[None]), "1 collapses for 2 runs: give one for each"),
        (
            lambda: study(runs(2, np.random.default_rng(0)), **SOUND, series=["noize"]),
            "no series is called 'noize': choose among snr",
        ),
        (
            lambda: study(runs(2, np.random.default_rng(0)), **SOUND, foretold={"snrr": 1}),
            "no series is called 'snrr': choose among snr",
        ),
        (
            lambda: study(runs(2, np.random.default_rng(0)), **SOUND, foretold={"snr": "up"}),
            "foretold has 'up' for 'snr': give 1 for a rise, or -1 for a fall",
        ),
        (lambda: study([{"step": STEPS, "snr": np.ones(len(STEPS))}], **SOUND), "run 0 has no loss_residual, from which"),
        (lambda: collapses(STEPS, np.ones(3)), "give two series of equal length"),
        (lambda: collapses(STEPS[::-1], np.ones(len(STEPS))), "the steps do not increase"),
        (lambda: collapses(STEPS, np.ones(len(STEPS)), within=1.0), "within = 1.0: give a positive depth, and a factor above 1"),
        (lambda: effect(STEPS, np.ones(len(STEPS)), ONE, "cube"), "kind = 'cube'"),
        (lambda: effect(STEPS, np.ones(len(STEPS)), ONE, after=(2.0, 1.0)), "give two rising factors, of at least 1"),
        (lambda: level(0), "batch_points = 0"),
        (lambda: events.of_runs([]), "there are no runs to study"),
        (lambda: in_bursts(STEPS, np.ones(3), np.ones(len(STEPS)), level=1.0), "give two series of equal length"),
        (lambda: in_bursts(STEPS, np.ones(len(STEPS)), np.ones(len(STEPS)), level=0.0), "level = 0.0: give a positive one"),
        (lambda: in_bursts(STEPS, np.ones(len(STEPS)), np.ones(len(STEPS)), level=1.0, near=1), "near = 1: give how many"),
    ],
)
def test_bad_input_has_one_sentence(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()


def test_histories_may_be_made_one_by_one():
    own = runs(5, np.random.default_rng(1), rise=1.0)
    found = study((h for h in own), **SOUND)
    assert list(found.changes) == list(study(own, **SOUND).changes)
    assert found.changes["snr"].count == 5


def test_a_collapse_at_step_0_has_no_windows_and_no_null():
    values = np.ones(len(STEPS))
    assert math.isnan(effect(STEPS, values, Collapse(0, 10, 1.0)))
    assert np.isnan(null_effects(STEPS, values, Collapse(0, 10, 1.0), "log", np.random.default_rng(0))).all()


def test_two_seeds_are_not_enough():
    change = study(runs(2, np.random.default_rng(9), rise=3.0), **SOUND).changes["snr"]
    assert change.verdict == "cannot tell"
    assert change.why == "2 runs have an effect, and a verdict needs 5"


def test_runs_of_one_kind():
    own = [pl.records.load(f"helmholtz_a4-1_rba_seed{k}") for k in range(2)]
    found = events.of_runs(own)
    assert found.found == 2
    by_hand = study([run.history for run in own], batches=32, batch_points=128)
    np.testing.assert_array_equal(found.changes["snr"].effects, by_hand.changes["snr"].effects)
    with pytest.raises(ValueError, match="the runs are of unequal kinds, weighting = "):
        events.of_runs([own[0], pl.records.load("helmholtz_a4-1_vanilla_seed0")])
    with pytest.raises(ValueError, match="unequal kinds, problem = 'helmholtz' with .* and 'burgers' with "):
        events.of_runs([own[0], pl.records.load("burgers_rba_seed0")])


class Table(pl.problems.Helmholtz):
    def __init__(self, a, table):
        super().__init__(a=a)
        self.a, self.table = a, table


def test_a_kind_is_the_same_in_a_file_and_in_memory(tmp_path):
    def made(middle):
        table = np.zeros(5_000)  # which str would cut short
        table[2_500] = middle
        config = pl.Config(width=4, depth=1, points=8, data_points=8, batches=2, steps=3, device="cpu")
        return pl.train(Table((4.0, 1.0), table), config, progress=False)

    run = made(0.0)
    loaded = pl.Run.load(run.save(tmp_path / "run.npz"))
    assert isinstance(loaded.problem_spec["settings"]["a"], list)
    assert events._kind(run) == events._kind(loaded)
    with pytest.raises(ValueError, match="unequal kinds, problem = "):
        events.of_runs([run, made(1.0)])


def test_a_mini_batch_is_no_batch_of_a_probe():
    """A probe cuts all 2,048 points into 32 batches of 64, whatever a step of the training takes."""
    run = pl.records.load("allen_cahn_minibatch_rba_seed0")
    assert (run.config.points, run.config.batches, run.config.minibatch) == (2048, 32, 256)
    assert events.level_of(run) == 0.5
    # 0.3 is above the level of 8 points, 0.18, and below that of 64, 0.5
    run.history["snr"] = np.where(run.history["step"] < 15_000, 0.3, 0.6)
    found = events.of_runs([run], at=[Collapse(14_000, 16_000, 1.0)], series=["above"])
    assert found.changes["above"].effects.tolist() == [1.0]


def test_the_last_collapse_of_a_run():
    run = pl.records.load("helmholtz_a4-1_rba_seed0")
    found = events.collapses(run.history["step"], run.history["loss_residual"])
    assert events.last_collapse(run) == found[-1]
    run.history["loss_residual"] = np.ones(len(run.history["step"]))
    assert events.last_collapse(run) is None
