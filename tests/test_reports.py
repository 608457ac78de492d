"""Runs as text, as columns, in a notebook and as a figure: plots by hand, and what is said of real runs."""

import dataclasses
import re
import sys
from html.parser import HTMLParser
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import torch
from matplotlib import pyplot

import pinnlib as pl
from pinnlib import training
from pinnlib.__main__ import main
from pinnlib.runs import report
from pinnlib.training import cuda_graph

SMALL = {"width": 8, "depth": 1, "points": 32, "data_points": 8, "batches": 4, "device": "cpu"}


def test_a_plot_is_logarithmic_both_ways():
    step = np.array([0, 1, 10, 100, 1000])
    assert report.plot(step, np.array([1.0, 1.0, 10.0, 100.0, 1000.0]), columns=4) == "▁▃▆█"
    assert report.plot(step, np.array([1.0, 1.0, np.nan, 0.0, 1000.0]), columns=4) == "▁▁▁█"
    assert report.plot(step, np.full(5, 2.0), columns=4) == "▅▅▅▅"
    assert report.plot(step, np.full(5, np.nan)) == ""


def test_summary_and_comparison(tmp_path, capsys):
    problem = pl.problems.Helmholtz(a=(1, 1))
    problem.resolution = 11
    runs = {}
    for name, weighting, steps in (("plain", None, 100), ("attentive", pl.RBA(), 200)):
        runs[name] = pl.train(problem, pl.Config(**SMALL, steps=steps, weighting=weighting), progress=False)
        runs[name].save(tmp_path / f"{name}.npz")
    assert main(["info", str(tmp_path / "plain.npz")]) == 0
    text = capsys.readouterr().out
    loss = runs["plain"].history["loss"]
    assert f"{loss.min():.2g} to {loss.max():.2g}" in text
    assert "phases:" in text
    assert "1         " in text.split("phases")[0]
    assert main(["compare", *(str(tmp_path / f"{name}.npz") for name in runs)]) == 0
    text = capsys.readouterr().out
    assert re.search(r"weighting +vanilla +RBA 0\.999/0\.001\n", text)
    assert re.search(r"steps +100 +200\n", text)
    for series, title in {"loss_residual": "residual", "loss_data": "misfit"}.items():
        a, b = (runs[name].at(100)[series] for name in runs)
        assert re.search(
            rf"{title} at 100 +{re.escape(f'{a:.3g}')} +{re.escape(f'{b:.3g}')} x {re.escape(f'{b / a:.3g}')}\n", text
        )
    assert "width" not in text


def test_losses_are_compared_where_they_are_weighted_alike(trained):
    other = dataclasses.replace(trained, history=trained.history | {"loss": 2.0 * trained.history["loss"]})
    text = report.compare([trained, other], ["a", "b"])
    assert re.search(r" loss at 100 .* x 2\n", text)
    assert "without weights" not in text
    for changes in ({"data_weight": 20.0}, {"weighting": pl.RBA()}):
        other = dataclasses.replace(trained, config=dataclasses.replace(trained.config, **changes))
        text = report.compare([trained, other], ["a", "b"])
        assert (
            "The losses are weighted in different ways and cannot be compared; residual and misfit are without weights." in text
        )
        assert "loss at" not in text
        assert re.search(r"residual at 100 .* x 1\n", text)
        assert re.search(r"misfit at 100 .* x 1\n", text)


def test_compare_takes_two():
    with pytest.raises(ValueError, match="1 runs and 1 names: compare takes two of each"):
        report.compare([None], ["a"])


def test_a_forecast_on_a_gpu_waits_for_it_and_times_recorded_steps(monkeypatch):
    said = []

    class OnGpu:
        """A trainer that only says what it is asked for."""

        def __init__(self, problem, config):
            self.state, self.adam = SimpleNamespace(device=torch.device("cuda:1")), SimpleNamespace(graph=object())

        def advance(self):
            said.append("step")

        def measure(self):
            said.append("probe")

    monkeypatch.setattr(training, "Trainer", OnGpu)
    monkeypatch.setattr(torch.cuda, "synchronize", lambda device: said.append(device.index))
    pl.forecast(pl.problems.AllenCahn(), pl.Config(steps=3), steps=2)
    before = cuda_graph.WARM_UP + 2  # plain ones, the one that is recorded, and one more
    assert said == ["step", 1] * (before + 2) + ["probe", 1] * 2


def test_a_forecast_is_steps_and_probes(capsys, tmp_path):
    config = pl.Config(**SMALL, steps=300)
    found = pl.forecast(pl.problems.AllenCahn(), config)
    assert found.total == pytest.approx(300 * found.step + len(config.probe_steps()) * found.probe)
    assert 0.0 < found.step < 1.0
    assert str(pl.training.Forecast(0.5, 1.0, 10_000, 100)).startswith("about 1 h 25 min: 10,000 steps at 2 a second, 100 probes")
    command = ["train", "burgers", "--steps", "300", "--points", "32", "--batches", "4", "--device", "cpu", "--forecast"]
    assert main([*command, "--out", str(tmp_path / "a.npz")]) == 0
    assert "about 0 min" in capsys.readouterr().out
    assert not (tmp_path / "a.npz").exists()


def test_a_run_too_short_for_phases(tmp_path, capsys):
    short = pl.train(pl.problems.Helmholtz(a=(1, 1)), pl.Config(**SMALL, steps=2), progress=False)
    assert "phases: not known, 3 probes with an SNR above 0: give at least 8" in report.summary(short)
    assert re.search(r"total diffusion +not known +not known\n", report.compare([short, short], ["a", "b"]))


@pytest.fixture(scope="module")
def trained():
    problem = pl.problems.Helmholtz(a=(1, 1))
    problem.resolution = 11
    return pl.train(problem, pl.Config(**SMALL, steps=100), progress=False)


def others(run):
    """The same run with histories that are short of something."""
    step, few = run.history["step"], {"step": np.array([0, 1]), "mine": np.array([1.0, 2.0])}
    series = {
        "empty": {name: values[:0] for name, values in run.history.items()},
        "stopped at once": {name: np.array([]) for name in run.history},
        "without a reference": run.history | {"rel_l2": np.full(len(step), np.nan)},
        "by hand": few,
        "one probe": {name: values[:1] for name, values in run.history.items()},
        "diverged": run.history | {"snr": np.full(len(step), np.nan), "loss": np.full(len(step), np.inf)},
        "zeros": run.history | {"loss": np.zeros(len(step))},
    }
    return {name: dataclasses.replace(run, history=history) for name, history in series.items()}


KINDS = ["empty", "stopped at once", "without a reference", "by hand", "one probe", "diverged", "zeros"]


def test_columns_are_the_history(trained):
    table, history = trained.to_dict(), trained.history
    assert {values.ndim for values in table.values()} == {1}
    assert np.array_equal(table["step"], history["step"])
    assert np.array_equal(table["snr_layers_1"], history["snr_layers"][:, 1])
    assert "snr_layers" not in table
    assert "snr_layers_2" not in table
    table["loss"][:] = 0.0
    table["snr_layers_0"][:] = 0.0
    assert (history["loss"] > 0.0).all()
    assert (history["snr_layers"] > 0.0).all()


@pytest.mark.parametrize("kind", KINDS)
def test_columns_of_any_history(trained, kind):
    run = others(trained)[kind]
    assert {len(values) for values in run.to_dict().values()} == {len(run.history["step"])}


def test_a_frame_is_indexed_by_step(trained, monkeypatch):
    pandas = ModuleType("pandas")
    pandas.Index = lambda values, name: (name, values)
    pandas.DataFrame = lambda data, index: SimpleNamespace(data=data, index=index)
    monkeypatch.setitem(sys.modules, "pandas", pandas)
    frame = trained.to_pandas()
    assert frame.index[0] == "step"
    assert np.array_equal(frame.index[1], trained.history["step"])
    assert ["step", *frame.data] == list(trained.to_dict())
    assert np.array_equal(frame.data["loss"], trained.history["loss"])


def test_without_pandas_it_is_one_sentence(trained, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ModuleNotFoundError, match="pip install pandas, or use to_dict") as caught:
        trained.to_pandas()
    assert caught.value.__suppress_context__


class Checked(HTMLParser):
    """Every tag is closed in turn; none runs or fetches anything."""

    def __init__(self):
        super().__init__()
        self.open, self.seen = [], []

    def handle_starttag(self, tag, attributes):
        self.seen.append(tag)
        assert not {"src", "href", "onload", "onclick"} & {name for name, _ in attributes}
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag != "polyline":
            assert self.open.pop() == tag

    def handle_startendtag(self, tag, attributes):
        self.seen.append(tag)


def checked(text):
    page = Checked()
    page.feed(text)
    assert not page.open
    assert "script" not in page.seen
    assert "http" not in text
    return page.seen


def test_a_notebook_shows_settings_and_three_curves(trained):
    text = trained._repr_html_()
    assert checked(text).count("svg") == 3
    assert trained.config.describe() in text
    assert "complete; " in text
    assert f"<td>{trained.history['loss'][-1]:.3g}</td>" in text
    assert 'stroke="currentColor"' in text
    points = re.findall(r'points="([^"]*)"', text)[1].split()
    corners = np.array([[float(v) for v in point.split(",")] for point in points])
    assert (np.diff(corners[:, 0]) > 0).all()
    assert ((corners >= 0) & (corners <= [report.WIDE, report.HIGH])).all()
    rising = dataclasses.replace(trained, history={"step": np.array([0, 10, 100]), "loss": np.array([1.0, 2.0, 4.0])})
    heights = [float(point.split(",")[1]) for point in re.search(r'points="([^"]*)"', rising._repr_html_())[1].split()]
    assert heights == [report.HIGH - 2.0, report.HIGH / 2.0, 2.0]


@pytest.mark.parametrize("kind", KINDS)
def test_a_notebook_shows_any_history(trained, kind):
    run = others(trained)[kind]
    many = checked(run._repr_html_()).count("svg")
    assert many == {"without a reference": 2, "one probe": 3, "diverged": 1, "zeros": 3}.get(kind, 0)


def test_text_in_html_is_escaped(trained):
    spec = trained.problem_spec | {"name": "<b>&", "settings": {"f": "<script>"}}
    text = dataclasses.replace(trained, problem=None, problem_spec=spec)._repr_html_()
    checked(text)
    assert "&lt;b&gt;&amp;(f=&quot;&lt;script&gt;&quot;)" in text


def test_a_figure_has_a_panel_for_what_was_measured(trained):
    fig = trained.plot()
    loss, error, snr = fig.axes
    assert [line.get_label() for line in loss.get_lines()] == ["loss", "residual", "data"]
    assert np.array_equal(loss.get_lines()[1].get_ydata(), trained.history["loss_residual"])
    assert error.get_ylabel() == "relative L2"
    assert snr.get_xlabel() == "step"
    assert all(ax.get_yscale() == "log" for ax in fig.axes)
    found, _ = report.detected(trained)
    assert len(snr.patches) == len(found.spans())
    pyplot.close(fig)


@pytest.mark.parametrize("kind", KINDS)
def test_a_figure_of_any_history(trained, kind, tmp_path):
    fig = others(trained)[kind].plot()
    titles = [ax.get_ylabel() for ax in fig.axes]
    expected = {
        "without a reference": ["loss", "SNR"],
        "one probe": ["loss", "relative L2", "SNR"],
        "diverged": ["loss", "relative L2"],
        "zeros": ["loss", "relative L2", "SNR"],
    }
    assert titles == expected.get(kind, [""])
    fig.savefig(tmp_path / "a.png")
    pyplot.close(fig)


@pytest.mark.parametrize("kind", ["empty", "stopped at once"])
def test_text_of_a_run_without_a_probe(trained, kind):
    run = others(trained)[kind]
    assert "phases: not known" in report.summary(run)
    assert "loss at" not in report.compare([run, trained], ["a", "b"])


def test_a_user_problem_is_compared_by_its_settings(trained):
    runs = [
        dataclasses.replace(trained, problem=None, problem_spec=trained.problem_spec | {"name": "slab", "settings": {"k": k}})
        for k in (1, 2)
    ]
    assert re.search(r"problem +slab\(k=1\) +slab\(k=2\)\n", report.compare(runs, ["a", "b"]))
    assert "problem" not in report.compare([runs[0], runs[0]], ["a", "b"])


def test_points_that_move_have_no_weights_in_the_loss():
    plain, moved, weighted = (pl.records.load(f"allen_cahn_{kind}_seed0") for kind in ("vanilla", "rad", "rba"))
    alike, unlike = (report.compare([plain, other], ["one", "other"]) for other in (moved, weighted))
    assert re.search(r"^ +loss at ", alike, re.MULTILINE)
    assert "cannot be compared" not in alike
    assert "cannot be compared" in unlike
    assert not re.search(r"^ +loss at ", unlike, re.MULTILINE)
