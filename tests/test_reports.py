"""Runs as text: plots by hand, a summary and a comparison of real runs."""

import re

import numpy as np
import pytest

import pinnlib as pl
from pinnlib.__main__ import main
from pinnlib.runs import report

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
    a, b = (runs[name].at(100)["loss"] for name in runs)
    assert f"{a:.3g}" in text
    assert f"x {b / a:.3g}" in text
    assert "width" not in text


def test_compare_takes_two():
    with pytest.raises(ValueError, match="1 runs and 1 names: compare takes two of each"):
        report.compare([None], ["a"])


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
