"""The authors' start, rebuilt, against what they published; and their curves, reduced."""

import csv
from importlib.resources import files

import numpy as np
import pytest
import torch

import pinnlib as pl
from pinnlib.book import authors
from pinnlib.taylor import toolchain
from pinnlib.training import starts
from pinnlib.training.loop import Trainer

#: Relative difference of signal and of noise after two updates. The published noise of Allen-Cahn with RBA has a rounding error.
AGREEMENT = {
    "allen_cahn_vanilla": (1e-6, 1e-6),
    "allen_cahn_rba": (1e-5, 0.1),
    "helmholtz_vanilla": (1e-6, 1e-6),
    "helmholtz_rba": (1e-5, 1e-6),
}


def start(name, **settings):
    benchmark, _, kind = name.rpartition("_")
    problem, config = authors.start(benchmark, weighting=kind, device="cpu", **settings)
    grid = pl.sampling.grid(problem.domain, 21)
    problem.test_grid = lambda: grid  # coarse: nothing here looks at the error
    return problem, config


@pytest.fixture(scope="module", params=AGREEMENT)
def two(request):
    """Name, problem and run of two updates.

    Its weights lambda are the authors', who follow them in vanilla runs too, unused there.
    """
    name = request.param
    problem, config = start(name, steps=2)
    trainer = Trainer(problem, config)
    if config.weighting is None:
        trainer.objective.rule = start(name.replace("vanilla", "rba"), steps=2)[1].weighting
    return name, problem, trainer.run([None], 60.0, None, False)[0]


def test_two_updates_from_the_start_are_the_published_ones(two):
    name, _, run = two
    last = run.at(2)
    for label, published, within in zip(("signal", "noise"), authors.PUBLISHED[name].two, AGREEMENT[name], strict=True):
        assert last[label] == pytest.approx(published, rel=within), label


@pytest.mark.slow
def test_eighty_steps_follow_the_published_ones():
    run = pl.train(*start("helmholtz_rba", steps=80, compile=True), progress=False)
    h = run.history
    later = h["step"] > 0
    step, apart = authors.gap(
        authors.reduce(h["step"][later], h["signal"][later], h["noise"][later]), authors.series("helmholtz_rba")
    )
    assert step[-1] >= 56
    assert apart.max() < 0.03


def test_the_published_order_is_of_cells_in_one_run_and_of_strips_in_three(two):
    """Of the weights lambda."""
    name, problem, run = two
    points, weights = run.points, run.state["rba"].astype(float)
    found = {cells: pl.order.spatial_order(points, weights, problem.domain, cells) for cells in (10, (1, 100))}
    published = float(authors.series(name).order[0])
    own = 10 if name == "allen_cahn_rba" else (1, 100)
    assert found[own] == pytest.approx(published, rel=1e-6)
    assert abs(found[(1, 100) if own == 10 else 10] - published) > 1e-3


def test_the_published_noise_of_two_updates_has_a_rounding_error_of_its_signal():
    """Why Allen-Cahn with RBA disagrees by 7% there, and hardly a few probes later: float32 cannot hold the difference."""
    compiled = toolchain.compiler() is not None
    h = pl.train(*start("allen_cahn_rba", steps=10, compile=compiled), progress=False).history
    published = authors.series("allen_cahn_rba")
    for step in (2, 4):
        ours, theirs = h["noise"][h["step"] == step][0], published.noise[published.first == step, 1][0]
        excess = np.sqrt(theirs**2 - ours**2)
        assert 0.5e-7 < excess / h["signal"][h["step"] == step][0] < 2e-7
    assert h["noise"][h["step"] == 10][0] == pytest.approx(published.noise[published.first == 10, 1][0], rel=1e-3)


def test_the_start_is_made_as_torch_and_numpy_make_it():
    problem, config = start("helmholtz_rba", steps=2)
    made = starts.start(problem, config)
    before = torch.random.get_rng_state(), np.random.get_state()[1].copy()
    torch.manual_seed(2341)
    first = torch.nn.Linear(2, 128)
    torch.nn.init.xavier_normal_(first.weight)
    assert torch.equal(made.parameters[:256], first.weight.detach().flatten())
    assert torch.equal(made.parameters[2 * 128 + 5 * 128**2 + 128 :][:128], first.bias.detach())
    torch.random.set_rng_state(before[0])
    points, values = made.conditions[0].points, made.conditions[0].values
    assert points.shape == (400, 2)
    assert np.all(np.abs(points).max(axis=1) == 1.0)
    assert np.abs(values).max() < 1e-12  # a = (6, 6) is zero on the boundary
    strata = np.floor((made.points + 1.0) / 2.0 * 25_600)
    for column in strata.T:
        assert np.array_equal(np.sort(column), np.arange(25_600))


def test_a_start_leaves_the_random_numbers_alone():
    torch.manual_seed(5)
    np.random.seed(5)
    expected = torch.rand(1), np.random.rand()
    torch.manual_seed(5)
    np.random.seed(5)
    starts.start(*start("allen_cahn_rba", steps=2))
    assert torch.rand(1) == expected[0]
    assert np.random.rand() == expected[1]


def test_a_strip_of_allen_cahn_has_no_points():
    points = starts.start(*start("allen_cahn_vanilla", steps=2)).points
    assert 0.996 < points[:, 0].max() < 1.0 - 2.0 / 512.0
    assert points[:, 1].max() > 0.9999


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda: authors.start("cavity"), "the authors' start of 'cavity' is not known: choose one of"),
        (lambda: authors.start("helmholtz", weighting="ramp"), "weighting 'ramp': the authors' runs are"),
        (lambda: authors.series("burgers"), "published no series of 'burgers'"),
        (lambda: starts.start(pl.problems.Burgers(), pl.Config(start="authors")), "known for Helmholtz.* and AllenCahn"),
        (
            lambda: starts.start(pl.problems.AllenCahn(modes=3), pl.Config(start="authors")),
            "known for Helmholtz.* and AllenCahn",
        ),
        (lambda: starts.start(pl.problems.AllenCahn(), pl.Config(start="authors", bias_init="zero")), "biases are uniform"),
        (lambda: starts.start(pl.problems.AllenCahn(), pl.Config(start="mine")), "start 'mine' is unknown: choose one of"),
    ],
)
def test_what_is_not_known_is_said(act, message):
    with pytest.raises(ValueError, match=message):
        act()


def test_a_perturbed_start_differs_by_rounding_only_and_by_its_seed():
    problem, config = start("helmholtz_rba", steps=2)
    plain = starts.start(problem, config).parameters
    one, two, again = (
        starts.start(*start("helmholtz_rba", steps=2, perturbation=1e-7, seed=seed)).parameters for seed in (1, 2, 1)
    )
    assert torch.equal(one, again)
    assert not torch.equal(one, two)
    change = ((one - plain).abs() / plain.abs().clamp(min=1e-30)).double()
    assert 2e-8 < float(change.mean()) < 2e-7
    assert float(change.max()) < 1e-6


def test_a_run_from_the_start_can_be_resumed(tmp_path):
    problem, config = start("helmholtz_rba", steps=6, width=8, depth=2, points=200, batches=10, data_points=40)
    whole = pl.train(problem, config, progress=False)
    pl.train(problem, config, progress=False, checkpoint=tmp_path / "run.npz", until=3)
    resumed = pl.resume(tmp_path / "run.npz", progress=False)
    assert np.array_equal(whole.state["parameters"], resumed.state["parameters"])
    assert np.array_equal(whole.history["snr"], resumed.history["snr"], equal_nan=True)


class TestSeries:
    def test_every_published_run_has_one_with_at_most_60_parts(self):
        for name in authors.PUBLISHED:
            series = authors.series(name)
            assert 0 < len(series.first) <= 60
            assert np.all(series.first[1:] > series.last[:-1])
            assert np.all(series.snr[:, 0] <= series.snr[:, 1])
            assert np.all(series.snr[:, 1] <= series.snr[:, 2])
            assert np.all((series.above >= 0) & (series.above <= 1))

    def test_the_file_says_where_it_comes_from(self):
        text = files("pinnlib.book").joinpath("authors.csv").read_text()
        assert "github.com/soanagno/diffusion-equilibrium" in text
        assert "MIT" in text
        assert len(list(csv.DictReader(line for line in text.splitlines() if not line.startswith("#")))) <= 7 * 60

    def test_the_phases_of_whole_series_are_those_of_their_parts_within_a_few_parts(self):
        """The whole series are not here; where a rule finds a change in both, it is the same one, and it finds most in both."""
        both = 0
        for name, published in authors.PUBLISHED.items():
            h = authors.series(name).history
            found = pl.phases.detect(h["step"], h["snr"])
            assert found.starts_below == published.phases.starts_below, name
            for a, b in (
                (found.fitting_end, published.phases.fitting_end),
                (found.total_diffusion, published.phases.total_diffusion),
            ):
                if a and b:
                    both += 1
                    assert max(a.low, b.low) <= min(a.high, b.high), name
                    assert b.low <= b.step <= b.high, name
        assert both == 6

    def test_what_the_whole_series_do_in_bursts_fits_into_their_parts(self):
        """A part has bursts and quiet in it, so its 90% over its 10% bounds their ratio, but for a factor of a few."""
        for name, published in authors.PUBLISHED.items():
            series, bursts = authors.series(name), published.bursts
            mixed = (series.first >= published.total_diffusion) & (series.above > 0.1) & (series.above < 0.9)
            assert mixed.any() == (bursts is not None), name
            if bursts:
                signal, noise = (np.median(one[mixed, 2] / one[mixed, 0]) for one in (series.signal, series.noise))
                assert 1.0 < bursts.signal <= 3.0 * signal, name
                assert 1.0 <= bursts.noise <= noise, name

    def test_the_numbers_beside_it_agree_with_it(self):
        for name, published in authors.PUBLISHED.items():
            series = authors.series(name)
            if published.two is not None:
                assert series.first[0] == 2
                assert series.signal[0, 1] == pytest.approx(published.two[0], rel=1e-6)
                assert series.noise[0, 1] == pytest.approx(published.two[1], rel=1e-6)
            for step, error in published.errors.items():
                near = np.flatnonzero((series.first <= 1.5 * step) & (series.last >= step / 1.5))
                assert np.nanmin(series.rel_l2[near]) * 0.5 <= error <= np.nanmax(series.rel_l2[near]) * 2, (name, step)

    def test_reduce_against_a_loop(self):
        rng = np.random.default_rng(0)
        step = np.array([0, 2, 4, 6, 50, 52, 54, 100, 1000, 1100])
        signal, noise = rng.random((2, len(step))) + 0.1
        error = np.where(step % 100 == 0, 0.5, np.nan)
        found = authors.reduce(step, signal, noise, error)
        row = 0
        for k in range(60):
            low, high = (300_001 ** (e / 60) for e in (k, k + 1))
            inside = [i for i, s in enumerate(step) if low <= s < high]
            if not inside:
                continue
            assert (found.first[row], found.last[row], found.probes[row]) == (step[inside[0]], step[inside[-1]], len(inside))
            ratios = [signal[i] / noise[i] for i in inside]
            assert found.snr[row] == pytest.approx(np.quantile(ratios, (0.1, 0.5, 0.9)))
            assert found.above[row] == np.mean([r > 1 for r in ratios])
            errors = [error[i] for i in inside if np.isfinite(error[i])]
            assert found.rel_l2[row] == pytest.approx(np.median(errors) if errors else np.nan, nan_ok=True)
            row += 1
        assert row == len(found.first)

    def test_parting_is_the_first_part_that_differs(self):
        step = np.arange(2, 300, 2)
        signal, noise = 1.0 / step, np.full(len(step), 0.1)
        a = authors.reduce(step, signal, noise)
        assert authors.parting(a, a) is None
        moved = np.where(step >= 100, 1.1, 1.0)
        b = authors.reduce(step, signal * moved, noise)
        first = int(a.first[np.flatnonzero(a.first <= 100)[-1]])
        assert authors.parting(b, a) in (first, int(a.first[np.flatnonzero(a.first >= 100)[0]]))
        assert authors.parting(b, a, by=0.2) is None
        assert authors.parting(authors.reduce(step, signal * np.where(step < 20, 2, 1), noise), a) is None  # before `since`

    def test_share_above_weighs_by_probes(self):
        step = np.concatenate([np.arange(2, 300, 2), np.arange(300, 2000, 100)])
        snr = np.where(step < 500, 2.0, 0.5)
        series = authors.reduce(step, snr, np.ones(len(step)))
        assert series.share_above(2, 300) == 1.0
        assert series.share_above(700, 2000) == 0.0
        assert series.share_above(2, 2000) == pytest.approx(np.mean(snr > 1), abs=0.02)
