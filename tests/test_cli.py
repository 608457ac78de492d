"""The command line, as a user calls it."""

import subprocess
import sys

import numpy as np
import pytest

import pinnlib as pl
from pinnlib.__main__ import main

BASE = [
    "train",
    "helmholtz",
    "--a",
    "1",
    "1",
    "--width",
    "8",
    "--depth",
    "1",
    "--points",
    "32",
    "--data-points",
    "8",
    "--batches",
    "4",
    "--device",
    "cpu",
]


def test_train_info_and_resume(tmp_path, capsys):
    out = tmp_path / "record.npz"
    command = [*BASE, "--weighting", "rba", "--decay", "0.99", "--seed", "3", "--out", str(out)]
    assert main([*command, "--steps", "20"]) == 0
    run = pl.Run.load(out)
    assert run.config.weighting == pl.RBA(decay=0.99)
    assert run.config.seed == 3
    assert run.problem.a == (1.0, 1.0)
    assert main(["info", str(out)]) == 0
    text = capsys.readouterr().out
    assert "Run of Helmholtz(a=(1.0, 1.0), k=1.0)" in text
    assert "weighting" in text
    assert main([*command, "--steps", "40", "--resume"]) == 0
    assert main([*command[:-1], str(tmp_path / "whole.npz"), "--steps", "40"]) == 0
    a, b = pl.Run.load(out), pl.Run.load(tmp_path / "whole.npz")
    assert np.array_equal(a.state["parameters"], b.state["parameters"])
    assert np.array_equal(a.history["step"], b.history["step"])


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        (["--steps", "0"], "steps = 0: give a whole number"),
        (["--batches", "5"], "batches = 5 do not cut 32 points"),
        (["--dtype", "float16"], "dtype 'float16'"),
        (["--decay", "1.5"], "RBA decay = 1.5"),
    ],
)
def test_bad_settings_are_one_sentence(tmp_path, capsys, extra, message):
    assert main([*BASE, "--out", str(tmp_path / "r.npz"), *extra]) == 1
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error
    assert not (tmp_path / "r.npz").exists()


def test_nothing_is_overwritten(tmp_path, capsys):
    out = tmp_path / "r.npz"
    assert main([*BASE, "--steps", "2", "--out", str(out)]) == 0
    before = out.read_bytes()
    assert main([*BASE, "--steps", "2", "--out", str(out)]) == 1
    assert "pass --resume" in capsys.readouterr().err
    assert main([*BASE, "--steps", "4", "--lr", "0.1", "--out", str(out), "--resume"]) == 1
    assert "trained with other settings of lr" in capsys.readouterr().err
    assert out.read_bytes() == before


def test_info_of_a_foreign_file(tmp_path, capsys):
    (tmp_path / "x.npz").write_text("hello")
    assert main(["info", str(tmp_path / "x.npz")]) == 1
    assert "x.npz is not a pinnlib run" in capsys.readouterr().err


def test_as_a_module(tmp_path):
    done = subprocess.run([sys.executable, "-m", "pinnlib", "train", "--help"], capture_output=True, text=True, check=True)
    assert "helmholtz" in done.stdout


def test_several_seeds_at_once(tmp_path, capsys):
    command = [*BASE, "--steps", "5", "--seeds", "2", "0", "--out"]
    assert main([*command, str(tmp_path / "run.npz")]) == 1
    assert "put {seed} into its name" in capsys.readouterr().err
    assert main([*command, str(tmp_path / "run{seed}.npz")]) == 0
    assert [pl.Run.load(tmp_path / f"run{seed}.npz").config.seed for seed in (2, 0)] == [2, 0]
    assert main([*command, str(tmp_path / "run{seed}.npz")]) == 1
    assert "run2.npz exists already" in capsys.readouterr().err


def test_a_setting_of_two_words_has_a_dash(tmp_path):
    out = tmp_path / "c.npz"
    sizes = BASE[BASE.index("--width") :]
    assert main(["train", "cavity", "--wall-layer", "0.2", *sizes, "--steps", "2", "--out", str(out)]) == 0
    assert pl.Run.load(out).problem.wall_layer == 0.2
