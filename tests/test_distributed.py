"""One run on two processes against the same run on one."""

import json
import subprocess
import sys

import numpy as np
import pytest
import torch

import pinnlib as pl
from pinnlib.__main__ import main

pytestmark = pytest.mark.skipif(not torch.distributed.is_available(), reason="torch without distributed")
TRAIN = ["--width", "16", "--depth", "2", "--points", "128", "--data-points", "32", "--batches", "8", "--device", "cpu"]


def launched(*command, ends_well=True):
    start = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    done = subprocess.run([*start, *map(str, command)], capture_output=True, text=True, check=False, timeout=240)
    assert (done.returncode == 0) == ends_well, done.stderr
    return done


CASES = [
    (dtype, steps, tolerance, compile, weighting)
    for weighting in ("vanilla", "rba")
    for dtype, steps, tolerance, compile in (
        ("float32", 200, 1e-5, "--no-compile"),
        ("float64", 50, 1e-11, "--no-compile"),
        ("float64", 50, 1e-11, "--compile"),
    )
]


def command(dtype, steps, compile, weighting, out):
    settings = ["--dtype", dtype, "--steps", str(steps), "--weighting", weighting, compile, "--probe-every", "10"]
    return ["train", "helmholtz", *TRAIN, *settings, "--out", str(out)]


def name(dtype, compile, weighting):
    return f"{dtype}{compile}-{weighting}.npz"


# One start of the processes for everything: to import torch takes them longer than to train.
TOGETHER = """
import json, os, sys, warnings
import pinnlib as pl
from pinnlib.__main__ import main
from pinnlib.taylor import toolchain
rank, folder, found = int(os.environ["RANK"]), sys.argv[1], toolchain.compiler
for command in json.loads(sys.argv[2]):
    assert main(command) == 0, command

warnings.simplefilter("ignore")
small = dict(width=16, depth=2, points=128, data_points=32, batches=8, device="cpu", steps=20)
if rank:
    toolchain.compiler = lambda: None
run = pl.train(pl.problems.Helmholtz(), pl.Config(**small, compile=True), progress=False)
if not rank:
    run.save(folder + "/eager.npz")
toolchain.compiler = found

assert main(["train", "helmholtz", "--points", "126", "--batches", "7", "--device", "cpu", "--out", folder + "/a.npz"]) == 1

if rank:
    small["seed"] = 1
pl.train(pl.problems.Helmholtz(), pl.Config(**small, compile=True), progress=False)
"""


def work_together(folder):
    (folder / "together.py").write_text(TOGETHER)
    commands = [
        command(dtype, steps, compile, kind, folder / name(dtype, compile, kind)) for dtype, steps, _, compile, kind in CASES
    ]
    done = launched(folder / "together.py", folder, json.dumps(commands), ends_well=False)
    (folder / "out").write_text(done.stdout)
    (folder / "err").write_text(done.stderr)


@pytest.fixture
def together(once):
    """The folder of what two processes trained, and then could not train, and of what they said."""
    return once("two_processes", work_together)


@pytest.mark.parametrize(("dtype", "steps", "tolerance", "compile", "weighting"), CASES)
def test_two_processes_are_one(together, tmp_path, dtype, steps, tolerance, compile, weighting):
    path = together / name(dtype, compile, weighting)
    assert (together / "out").read_text().count(f"saved to {path}\n") == 1, (together / "err").read_text()
    assert main(command(dtype, steps, compile, weighting, tmp_path / "one.npz")) == 0
    two, one = pl.Run.load(path), pl.Run.load(tmp_path / "one.npz")
    assert (two.provenance["processes"], one.provenance["processes"]) == (2, 1)
    assert np.array_equal(two.points, one.points)
    layers = ("snr_layers", "signal", "noise") if dtype == "float64" else ()  # a layer's small signal rounds more
    for quantity in ("loss", "loss_residual", "loss_data", "snr", *layers):
        assert np.allclose(two.history[quantity], one.history[quantity], rtol=tolerance, atol=0.0), quantity
    assert np.allclose(two.state["rba"], one.state["rba"], rtol=10 * tolerance, atol=1e-9)


def test_a_checkpoint_moves_between_one_process_and_two(tmp_path):
    command = ["train", "helmholtz", *TRAIN, "--dtype", "float64", "--weighting", "rba", "--no-compile"]
    assert main([*command, "--steps", "30", "--out", str(tmp_path / "a.npz")]) == 0
    launched("-m", "pinnlib", *command, "--steps", "60", "--resume", "--out", tmp_path / "a.npz")
    assert main([*command, "--steps", "60", "--out", str(tmp_path / "b.npz")]) == 0
    a, b = (pl.Run.load(tmp_path / f"{name}.npz") for name in "ab")
    assert (a.provenance["processes"], b.provenance["processes"]) == (2, 1)
    assert np.array_equal(a.history["step"], b.history["step"])
    assert np.allclose(a.state["parameters"], b.state["parameters"], rtol=1e-9, atol=1e-12)


def test_batches_that_the_processes_cannot_share(together):
    assert "pinnlib: 7 batches do not divide over 2 processes: choose a multiple of 2" in (together / "err").read_text()
    assert not (together / "a.npz").exists()


def test_processes_without_a_compiler_do_not_let_the_others_wait(together):
    assert pl.Run.load(together / "eager.npz").provenance["path"].startswith("eager")


def test_processes_from_another_start_do_not_wait_forever(together):
    assert "the processes do not start from the same state (at steps [0, 0])" in (together / "err").read_text()
