"""Figures: every kind is drawn from a small run, and shows what it was given."""

import matplotlib as mpl
import numpy as np
import pytest

mpl.use("agg")

import matplotlib.pyplot as plt

import pinnlib as pl
from pinnlib import figures

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture(scope="module")
def run():
    config = pl.Config(width=8, depth=2, points=64, data_points=8, batches=4, steps=30, device="cpu")
    return pl.train(pl.problems.Helmholtz(a=(1, 1)), config, progress=False)


@pytest.fixture
def ax():
    figures.style()
    fig, ax = plt.subplots()
    yield ax
    fig.canvas.draw()
    plt.close("all")


STEP = np.unique(np.geomspace(1, 10_000, 200).astype(int))
THREE = np.where(STEP < 100, 30.0, np.where(STEP < 2000, 0.05, 5.0))


def tints(ax):
    """First and last step of each tinted phase, by its name."""
    names = {mpl.colors.to_rgb(figures.COLOURS[name]): name for name in pl.claims.PHASES}
    return {
        names[p.get_facecolor()[:3]]: p.get_extents().transformed(ax.transData.inverted()).intervalx for p in ax.patches if p.fill
    }


def test_snr_shows_every_probe_and_the_crossings_without_tint(ax):
    found = pl.crossings.first(STEP, THREE)
    figures.snr(ax, {"step": STEP, "snr": THREE}, "RBA", crossings=found)
    assert ax.get_title(loc="left") == "RBA"
    raw, middle = (line for line in ax.lines if line.get_label() in ("raw", "running median"))
    assert np.array_equal(raw.get_ydata(), THREE)
    k = len(THREE) // 2
    assert middle.get_ydata()[k] == pytest.approx(np.median(THREE[k - 3 : k + 4]))
    marks = {text.get_text(): text.get_position()[0] for text in ax.texts}
    assert marks == {"first fall": found.fitting_end.step, "first rise": found.total_diffusion.step}
    assert tints(ax) == {}
    assert ax.get_yscale() == "log"


def test_phases_are_tinted(ax):
    found = pl.phases.detect(STEP, THREE)
    figures.shade(ax, found)
    assert {name: x.round().tolist() for name, x in tints(ax).items()} == {n: [a, b] for n, a, b in found.spans()}
    assert set(tints(ax)) == set(pl.claims.PHASES)


def test_lines_hold_the_history(ax, run):
    h = run.history
    figures.signal_noise(ax, h["step"], h["signal"], h["noise"])
    assert np.array_equal(ax.lines[0].get_ydata(), h["signal"])
    assert np.array_equal(ax.lines[1].get_ydata(), h["noise"])
    assert ax.lines[0].get_color() == figures.COLOURS["signal"]


def test_band_has_the_median_and_the_range(ax):
    runs = np.array([[1.0, 2.0, 4.0], [3.0, 3.0, 3.0], [2.0, 9.0, 5.0]])
    figures.band(ax, np.array([0, 1, 10]), runs, name="vanilla", ylabel="error")
    assert ax.lines[-1].get_ydata().tolist() == [2.0, 3.0, 4.0]
    assert "3 seeds" in ax.lines[-1].get_label()
    (area,) = ax.collections
    edge = area.get_paths()[0].vertices
    for x, column in zip((0, 1, 10), runs.T, strict=True):
        heights = edge[edge[:, 0] == x, 1]
        assert (heights.min(), heights.max()) == (column.min(), column.max())


def test_layers(ax, run):
    figures.layers(ax, run.history["step"], run.history["snr_layers"])
    assert len(ax.lines) == 3 + 1


def test_maps_put_the_first_coordinate_across():
    field = np.zeros((4, 4))
    field[3, 0] = 1.0  # right end of x, lower end of y
    fig = figures.maps({"f": [field, field]}, ["a", "b"], ((0, 1), (0, 1)))
    image = fig.axes[0].images[0]
    assert image.get_array()[0, 3] == 1.0
    assert image.origin == "lower"
    figures.stamp(fig, "seed 0")
    fig.canvas.draw()
    plt.close(fig)


def test_scrub_has_a_frame_a_snapshot():
    figures.style()
    frames = [(f"step {k}", np.full((5, 5), k), np.full((5, 5), -k)) for k in range(3)]
    movie = figures.scrub(frames, ((0, 1), (0, 1)), limits=(2, 2))
    page = figures.scrub_page(movie, 'a "moving" map')
    assert page.count("data:image/jpeg;base64") == 3
    assert "https://" not in page
    assert page.count("<img ") == page.count('<img alt="a &quot;moving&quot; map" ') == 1
    assert "fa-" not in page
    assert page.count('<input aria-label="Frame of the animation" ') == 1
    plt.close("all")
