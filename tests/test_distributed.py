"""One run on two processes against the same run on one."""

import subprocess
import sys

import numpy as np
import pytest
import torch

import pinnlib as pl
from pinnlib.__main__ import main

pytestmark = pytest.mark.skipif(not torch.distributed.is_available(), reason="torch without distributed")
TRAIN = ["--width", "16", "--depth", "2", "--points", "128", "--data-points", "32", "--batches", "8", "--device", "cpu"]


def together(command, processes=2, status=0):
    start = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes), "-m", "pinnlib"]
    done = subprocess.run([*start, *command], capture_output=True, text=True, check=False, timeout=240)
    assert (done.returncode == 0) == (status == 0), done.stderr
    return done


@pytest.mark.parametrize(
    ("dtype", "steps", "tolerance", "compile"),
    [("float32", 200, 1e-5, "--no-compile"), ("float64", 50, 1e-11, "--no-compile"), ("float64", 50, 1e-11, "--compile")],
)
@pytest.mark.parametrize("weighting", ["vanilla", "rba"])
def test_two_processes_are_one(tmp_path, dtype, steps, tolerance, compile, weighting):
    command = ["train", "allencahn", *TRAIN, "--dtype", dtype, "--steps", str(steps), "--weighting", weighting, compile]
    command += ["--probe-every", "10", "--out"]
    assert together([*command, str(tmp_path / "two.npz")]).stdout.count("saved to") == 1
    assert main([*command, str(tmp_path / "one.npz")]) == 0
    two, one = (pl.Run.load(tmp_path / f"{name}.npz") for name in ("two", "one"))
    assert (two.provenance["processes"], one.provenance["processes"]) == (2, 1)
    assert np.array_equal(two.points, one.points)
    layers = ("snr_layers", "signal", "noise") if dtype == "float64" else ()  # a layer's small signal rounds more
    for name in ("loss", "loss_residual", "loss_data", "snr", *layers):
        assert np.allclose(two.history[name], one.history[name], rtol=tolerance, atol=0.0), name
    assert np.allclose(two.state["rba"], one.state["rba"], rtol=10 * tolerance, atol=1e-9)


def test_a_checkpoint_moves_between_one_process_and_two(tmp_path):
    command = ["train", "allencahn", *TRAIN, "--dtype", "float64", "--weighting", "rba", "--no-compile"]
    assert main([*command, "--steps", "30", "--out", str(tmp_path / "a.npz")]) == 0
    together([*command, "--steps", "60", "--resume", "--out", str(tmp_path / "a.npz")])
    assert main([*command, "--steps", "60", "--out", str(tmp_path / "b.npz")]) == 0
    a, b = (pl.Run.load(tmp_path / f"{name}.npz") for name in "ab")
    assert np.array_equal(a.history["step"], b.history["step"])
    assert np.allclose(a.state["parameters"], b.state["parameters"], rtol=1e-9, atol=1e-12)


def test_batches_that_the_processes_cannot_share(tmp_path):
    done = together(["train", "allencahn", *TRAIN, "--steps", "3", "--out", str(tmp_path / "a.npz")], processes=3, status=1)
    assert "pinnlib: 8 batches do not divide over 3 processes: choose a multiple of 3" in done.stderr


UNLIKE = """
import os, sys, warnings
import pinnlib as pl
from pinnlib.taylor import toolchain
small = dict(width=16, depth=2, points=128, data_points=32, batches=8, device="cpu", steps=20)
rank, what, path = int(os.environ["RANK"]), sys.argv[1], sys.argv[2]
if what == "no compiler" and rank:
    toolchain.compiler = lambda: None
warnings.simplefilter("ignore")
if what == "another start" and rank:
    small["seed"] = 1
run = pl.train(pl.problems.AllenCahn(), pl.Config(**small, compile=True), progress=False)
if not rank:
    run.save(path)
"""


@pytest.mark.parametrize("what", ["no compiler", "another start"])
def test_processes_that_are_not_alike_do_not_wait_forever(tmp_path, what):
    script = tmp_path / "unlike.py"
    script.write_text(UNLIKE)
    start = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", str(script)]
    done = subprocess.run([*start, what, str(tmp_path / "a.npz")], capture_output=True, text=True, check=False, timeout=120)
    if what == "no compiler":
        assert done.returncode == 0, done.stderr
        assert pl.Run.load(tmp_path / "a.npz").provenance["path"].startswith("eager")
    else:
        assert "the processes do not start from the same state (at steps [0, 0])" in done.stderr
