"""Domains that are no boxes: where points lie, how many, in which order; and test grids of a bounded size."""

import itertools
import math
import tracemalloc
import warnings

import numpy as np
import pytest
import torch

import pinnlib as pl
from pinnlib import order, sampling, weightings
from pinnlib.taylor import toolchain

COMPILED = pytest.mark.skipif(toolchain.compiler() is None, reason="no C++ compiler")
SMALL = dict(width=5, depth=1, points=32, data_points=8, batches=4, steps=8, lr=5e-3, dtype="float64", device="cpu")
SMALL |= dict(compile=False)


class Disk(pl.Problem):
    """Poisson's equation on a disk without its upper left quarter; keeps where its residual is asked for."""

    coordinates, fields, domain = ("x", "y"), ("u",), ((-1.0, 1.0), (-1.0, 1.0))
    partials = ("u_xx", "u_yy")
    resolution = 21

    def __init__(self):
        self.seen, self.observed_at = [], []

    def inside(self, points):
        x, y = points.T
        return (x**2 + y**2 < 1.0) & ((x > 0.0) | (y < 0.0))

    def residual(self, points, d):
        self.seen.append(points.detach().double().reshape(-1, 2).numpy())
        return d.u_xx + d.u_yy + 1.0

    def observe(self, d):
        self.observed_at.append(d.u.shape[-1])
        return d.u[..., None]

    def data(self, n, seed):
        at = np.linspace(-math.pi, math.pi / 2.0, n)
        return np.stack([np.cos(at), np.sin(at)], axis=1), np.zeros((n, 1))

    def reference(self, points):
        assert self.inside(points).all()  # it need not be known anywhere else
        return 1.0 + points[:, :1] ** 2


def train(problem, **settings):
    return pl.train(problem, pl.Config(**SMALL | settings), progress=False)


@pytest.mark.parametrize("n", [1, 37, 400])
@pytest.mark.parametrize("method", sampling.METHODS)
def test_collocation_points_are_inside_as_many_as_asked_for_and_of_the_seed(method, n):
    problem = Disk()
    found = problem.collocation_points(n, 3, method)
    assert found.shape == (n, 2)
    assert problem.inside(found).all()
    assert len(np.unique(found, axis=0)) == n
    assert np.array_equal(found, problem.collocation_points(n, 3, method))
    assert not np.array_equal(found, problem.collocation_points(n, 4, method))


@pytest.mark.parametrize("method", sampling.METHODS)
def test_batches_are_fair_shares_of_the_domain(method):
    """Slices have the means of the whole, as those of points in random order have: the mask does not order them."""
    found = Disk().collocation_points(4096, 0, method)
    for k in range(2):
        spread = found[:, k].std() / math.sqrt(4096 / 8)
        means = np.array([part[:, k].mean() for part in np.split(found, 8)])
        assert (abs(means - found[:, k].mean()) < 4.0 * spread).all()
    # three quarters of a disk: each third of it has a third of the points
    angle = np.arctan2(found[:, 1], found[:, 0])
    shares = [np.mean((low <= angle) & (angle < low + math.pi / 2)) for low in (-math.pi, -math.pi / 2, 0.0)]
    assert np.allclose(shares, 1 / 3, atol=0.03)


@pytest.mark.parametrize("compile", [False, pytest.param(True, marks=COMPILED)])
@pytest.mark.parametrize(
    "settings",
    [
        {"probe_fresh": True, "weighting": pl.RBA(rate=0.1)},
        {"minibatch": 8},
        {"weighting": weightings.RAD(every=3), "probe_fresh": True},
        {"finish": "lbfgs", "finish_steps": 3},
    ],
)
def test_no_step_and_no_probe_asks_for_the_residual_outside(settings, compile):
    problem = Disk()
    problem.equations  # noqa: B018  (a trial at two points of the box is no part of the training)
    problem.seen.clear()
    run = train(problem, **settings, compile=compile)
    assert all(problem.inside(points).all() for points in problem.seen)
    assert problem.inside(run.points).all()
    assert run.points.shape == (32, 2)
    assert problem.inside(problem.test_grid()).all()
    assert np.isfinite(run.history["rel_l2"]).all()
    assert np.isfinite(run.history["order_residual"]).all()
    first = problem.collocation_points(32, 0, run.config.sampling)
    assert np.array_equal(run.points, first) != isinstance(run.config.weighting, weightings.RAD)


def test_ensembles_have_points_inside_and_their_own():
    runs = pl.train_ensemble(Disk(), pl.Config(**SMALL), [0, 1], progress=False)
    assert all(run.problem.inside(run.points).all() for run in runs)
    assert not np.array_equal(runs[0].points, runs[1].points)


def test_a_pool_is_uniform_inside():
    problem = Disk()
    for n in (1, 10, 4000):
        found = problem.pool(n, np.random.default_rng(n))
        assert found.shape == (n, 2)
        assert problem.inside(found).all()
    assert found[:, 0].mean() == pytest.approx(4.0 / (9.0 * math.pi), abs=0.03)  # of the disk without its quarter
    assert np.array_equal(problem.pool(50, np.random.default_rng(1)), problem.pool(50, np.random.default_rng(1)))


def test_the_test_grid_is_the_part_of_the_regular_one_that_is_inside():
    problem = Disk()
    axis = np.linspace(-1.0, 1.0, 21)
    expected = [(x, y) for x, y in itertools.product(axis, axis) if x * x + y * y < 1.0 and (x > 0.0 or y < 0.0)]
    assert np.allclose(problem.test_grid(), expected, atol=1e-15)
    run = train(problem)
    found = run.predict(problem.test_grid())
    reference = problem.solution(problem.test_grid())
    error = np.sqrt(np.sum((found - reference) ** 2) / np.sum(reference**2))
    assert run.history["rel_l2"][-1] == pytest.approx(error, rel=1e-12)


def test_a_domain_that_is_hardly_there_or_a_mask_of_another_shape_is_said():
    class Nowhere(Disk):
        def inside(self, points):
            return points[:, 0] > 2.0

    class Wrong(Disk):
        def inside(self, points):
            return (points[:, :1] > 0.0) if self.kind == "column" else (points[:, 0] > 0.0).astype(float)

    with pytest.raises(ValueError, match="inside keeps 0 of .* points of the box"):
        train(Nowhere(), points=4)
    for kind in ("column", "numbers"):
        problem = Wrong()
        problem.kind = kind
        with pytest.raises(ValueError, match="return one bool a point"):
            train(problem)


def test_points_that_are_hard_to_find_are_found():
    class Thin(Disk):
        def inside(self, points):
            return abs(points[:, 0]) < 0.005  # one of 200

    for method in sampling.METHODS:
        found = Thin().collocation_points(40, 0, method)
        assert found.shape == (40, 2)
        assert (abs(found[:, 0]) < 0.005).all()


class Cloud(pl.Problem):
    """Draws its own points, on a ring."""

    coordinates, fields, domain, partials = ("x", "y"), ("u",), ((-1.0, 1.0), (-1.0, 1.0)), ("u", "u_xx")

    def points(self, n, seed):
        rng = np.random.default_rng(seed)
        angle, radius = 2.0 * math.pi * rng.random(n), 0.5 + 0.5 * rng.random(n)
        return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)

    def residual(self, points, d):
        return d.u_xx - d.u

    def data(self, n, seed):
        return self.points(n, seed + 1), np.ones((n, 1))

    def reference(self, points):
        return points[:, :1]


def on_ring(points):
    return (((points**2).sum(1) >= 0.25 - 1e-12) & ((points**2).sum(1) <= 1.0 + 1e-12)).all()


def test_own_points_are_taken_as_they_are_for_all_purposes():
    problem = Cloud()
    run = train(problem, seed=5, probe_fresh=True)
    assert np.array_equal(run.points, problem.points(32, 5))
    grid = problem.test_grid()
    assert np.array_equal(grid, problem.test_grid())
    assert on_ring(grid)
    assert len(grid) <= 40_401
    drawn = train(problem, weighting=weightings.RAD(every=3))
    assert on_ring(drawn.points)
    assert not np.array_equal(drawn.points, problem.points(32, 0))
    pool = problem.pool(20, np.random.default_rng(0))
    assert pool.shape == (20, 2)
    assert on_ring(pool)


def test_own_points_with_a_domain_are_tested_on_the_grid_inside():
    class Both(Cloud):
        resolution = 11

        def inside(self, points):
            return (points**2).sum(1) > 0.25

    assert np.array_equal(Both().test_grid(), [p for p in sampling.grid(Cloud.domain, 11) if p @ p > 0.25])


@pytest.mark.parametrize(
    ("give", "what"),
    [
        (lambda n: np.zeros((n + 1, 2)), r"shape \(33, 2\)"),
        (lambda n: np.zeros(n), r"shape \(32,\)"),
        (lambda n: np.zeros((2, n)), r"shape \(2, 32\)"),
        (lambda n: np.full((n, 2), np.nan), "a number that is not finite"),
    ],
)
def test_own_points_of_another_shape_are_said(give, what):
    class Wrong(Cloud):
        def points(self, n, seed):
            return give(n)

        def data(self, n, seed):
            return np.zeros((1, 2)), np.zeros((1, 1))

    with pytest.raises(ValueError, match=what + r": return 32 finite points, \(32, 2\)"):
        train(Wrong())


def boxed(letters, **attributes):
    """The Laplace equation in as many coordinates, whose reference is the first one; counts points that are looked at."""

    class Box(pl.Problem):
        coordinates, fields = tuple(letters), ("u",)
        domain = tuple((0.0, float(k + 1)) for k in range(len(letters)))
        partials = tuple(f"u_{c}{c}" for c in letters)

        def __init__(self):
            self.asked, self.observed_at = [], []

        def residual(self, points, d):
            self.asked.append(points[..., 0].numel())
            return sum(getattr(d, name) for name in self.partials)

        def observe(self, d):
            self.observed_at.append(d.u.numel())
            return d.u[..., None]

        def data(self, n, seed):
            at = np.random.default_rng(seed).random((n, len(letters)))
            return at, at[:, :1]

        def reference(self, points):
            return points[:, :1]

    for name, value in attributes.items():
        setattr(Box, name, value)
    return Box()


@pytest.mark.parametrize(("letters", "side"), [("x", 201), ("xy", 201), ("xyz", 34), ("xyzt", 14)])
def test_a_default_test_grid_has_at_most_40401_points(letters, side):
    problem = boxed(letters)
    grid = problem.test_grid()
    assert grid.shape == (side ** len(letters), len(letters))
    assert len(grid) <= 40_401 < (side + 1) ** len(letters) or side == 201
    assert np.allclose(grid.min(0), 0.0)
    assert np.allclose(grid.max(0), np.arange(1, len(letters) + 1))


@pytest.mark.parametrize("letters", ["x", "xy", "xyz", "xyzt"])
def test_a_resolution_is_kept(letters):
    assert len(boxed(letters, resolution=5).test_grid()) == 5 ** len(letters)
    later = boxed(letters)
    later.resolution = 4
    assert len(later.test_grid()) == 4 ** len(letters)


def test_three_coordinates_train_and_a_probe_looks_at_a_bounded_number_of_points():
    """No clocks: the points that pass the network are counted."""
    problem = boxed("xyz")
    run = train(problem, probe_fresh=True)
    probes, steps = len(run.history["step"]), run.step
    assert np.isfinite(run.history["rel_l2"]).all()
    assert sum(problem.observed_at) <= probes * 40_401 + (steps + probes + 10) * 8  # and the data of each step
    assert sum(problem.asked) <= (steps + 2 * probes + 2) * 32
    for name in ("order_residual", "order_weights"):
        assert np.isfinite(run.history[name]).all()
    sizes, where = abs(run.residual()), run.points
    cells = {}
    for point, size in zip(where, sizes, strict=True):
        cells.setdefault(tuple(int(10 * p / (k + 1)) for k, p in enumerate(point)), []).append(size)
    means = np.array([np.mean(own) for own in cells.values()])
    assert run.history["order_residual"][-1] == pytest.approx(means.mean() / np.sqrt(np.mean(means**2)), rel=1e-9)


def test_the_spatial_order_leaves_empty_cells_out():
    points, values = np.array([[0.05, 0.05], [0.06, 0.06], [0.95, 0.5]]), np.array([1.0, 3.0, -4.0])
    expected = (2.0 + 4.0) / 2.0 / math.sqrt((4.0 + 16.0) / 2.0)
    assert order.spatial_order(points, values, ((0.0, 1.0), (0.0, 1.0))) == pytest.approx(expected, rel=1e-14)
    # half of the box belongs to the domain, evenly filled: what is not there does not count
    inside = sampling.grid(((0.0, 0.5), (0.0, 1.0)), 40)
    assert order.spatial_order(inside, np.ones(len(inside)), ((0.0, 1.0), (0.0, 1.0))) == pytest.approx(1.0, rel=1e-14)
    run = train(Disk(), probe_every=4)
    found = order.spatial_order(run.points, run.residual(), Disk.domain)
    assert run.history["order_residual"][-1] == pytest.approx(found, rel=1e-10)
    assert torch.isfinite(torch.tensor(found))


def test_the_spatial_order_takes_memory_by_the_points_in_many_coordinates():
    """Ten cells a side are 10^7 in seven coordinates, and all but 64 of them empty."""
    points, domain = np.random.default_rng(0).random((64, 7)), ((0.0, 1.0),) * 7
    tracemalloc.start()
    found = order.spatial_order(points, np.arange(64.0), domain)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # each is alone in its cell
    assert found == pytest.approx(np.mean(np.arange(64.0)) / np.sqrt(np.mean(np.arange(64.0) ** 2)), rel=1e-6)
    assert peak < 10**7


class Long(pl.Problem):
    coordinates = ("x",)
    fields = ("u",)
    partials = ("u_xx",)

    def __init__(self, low, high, normalize):
        self.domain, self.normalize = ((low, high),), normalize

    def residual(self, points, d):
        return d.u_xx

    def data(self, n, seed):
        return np.array(self.domain[0]), np.zeros(2)


@pytest.mark.parametrize(
    ("low", "high", "said"), [(0.0, 100.0, True), (0.0, 0.01, True), (99.0, 101.0, True), (-8.0, 8.0, False)]
)
def test_a_range_far_from_one_is_said_unless_it_is_mapped(low, high, said):
    config = pl.Config(width=4, depth=1, points=8, batches=2, steps=1, compile=False)
    with warnings.catch_warnings(record=True) as notices:
        warnings.simplefilter("always")
        pl.train(Long(low, high, True), config, progress=False)
        assert not notices
        pl.train(Long(low, high, False), config, progress=False)
    assert [f"Long gives the network x from {low:g} to {high:g}" in str(one.message) for one in notices] == [True] * said
