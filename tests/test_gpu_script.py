"""The one command for a GPU, rehearsed at tiny size: it must not be found broken when there is one."""

import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

import pinnlib as pl
from benchmarks import gpu
from pinnlib.training import manifest

ROOT = Path(__file__).parent.parent


def script(*words):
    # without Ctrl-C, as a shell starts what it leaves in the background
    command = ["bash", "-c", "trap '' INT; exec \"$@\"", "bash", sys.executable, "-m", "benchmarks.gpu", *words]
    environment = os.environ | {"CUDA_VISIBLE_DEVICES": ""}  # a rehearsal, also where there is one
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=280)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def test_check_writes_what_the_page_reads(tmp_path):
    out = tmp_path / "not there yet"
    said = script("check", "--tiny", "--out", str(out))
    assert "monitor, float64, against float64 on the CPU: 0.0e+00" in said
    made, published = (json.loads(path.read_text()) for path in (out / "gpu.json", ROOT / "book" / "gpu.json"))
    assert set(made) == set(published)
    assert all(set(row) == set(published["rows"][0]) for row in made["rows"])
    assert max(row["difference"] for row in made["rows"]) < 1e-6


def test_sizes_are_what_they_are_called_and_each_row_is_kept(tmp_path, monkeypatch):
    made = []

    def steps_of(config, problem, **settings):
        if len(made) == 23:  # the last of three problems, two sizes and four paths
            raise KeyboardInterrupt
        made.append((f"{config.width} x {config.depth}, {config.points:,} points", config.points // config.batches))
        return {}, torch.ones(1)

    monkeypatch.setattr(gpu, "steps_of", steps_of)
    with pytest.raises(KeyboardInterrupt):
        gpu.check("cpu", False, tmp_path)
    kept = json.loads((tmp_path / "gpu.json").read_text())["rows"]
    assert [row["size"] for row in kept] == [size for size, _ in made]
    assert set(made) == {("64 x 4, 4,096 points", 128), ("128 x 6, 25,600 points", 256)}


def test_each_row_has_its_own_memory(monkeypatch):
    told = []
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", lambda: told.append("reset"))
    monkeypatch.setattr(gpu, "Trainer", lambda problem, config: told.append("trainer"))
    with pytest.raises(AttributeError):  # the second is none
        gpu.steps_of(SimpleNamespace(device="cuda"), None, recorded=True, n=1)
    assert told == ["reset", "trainer"]


LIST = """
[[sweep]]
name = "tiny_seed{seed}"
problem = "helmholtz"
seeds = [0, 1]
config = { width = 8, depth = 2, points = 64, data_points = 16, batches = 4, steps = STEPS, device = "cpu" }
"""


def runs(folder, steps, seconds):
    (folder / "list.toml").write_text(LIST.replace("STEPS", str(steps)))
    words = ("--folder", str(folder / "runs"), "--out", str(folder), "--seconds", str(seconds), "--jobs", "2")
    return script("runs", str(folder / "list.toml"), *words)


def unpacked(folder, kind):
    (part,) = folder.glob(f"{kind}.tar.*")
    with tarfile.open(part) as archive:
        safely = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}  # which Python 3.11 has from its fourth release on
        archive.extractall(folder / kind, **safely)
    return {path.stem: pl.Run.load(path).step for path in (folder / kind).iterdir()}


def test_runs_of_a_list_come_back_packed(tmp_path):
    assert "2 done\n0 partial" in runs(tmp_path, 20, 200)
    assert unpacked(tmp_path, "done") == {"tiny_seed0": 20, "tiny_seed1": 20}
    assert not list(tmp_path.glob("partial*"))


def test_what_the_time_was_too_short_for_comes_back_half_done(tmp_path):
    (tmp_path / "list.toml").write_text(LIST.replace("STEPS", "2000"))
    entries = manifest.read(tmp_path / "list.toml")
    for entry, until in zip(entries, (2000, 15), strict=True):
        pl.train(entry.build(), entry.config, until=until, checkpoint=manifest.path_of(entry, tmp_path / "runs"), progress=False)
    said = runs(tmp_path, 2000, 0.01)
    assert "tiny_seed1: its process ended" in said
    assert "1 done\n1 partial" in said
    assert (unpacked(tmp_path, "done"), unpacked(tmp_path, "partial")) == ({"tiny_seed0": 2000}, {"tiny_seed1": 15})


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
def test_what_was_trained_comes_back_however_the_sweep_ends(tmp_path, monkeypatch, error):
    def fails(entries, folder, **settings):
        (entry, _) = entries
        pl.train(entry.build(), entry.config, until=15, checkpoint=manifest.path_of(entry, folder), progress=False)
        raise error

    monkeypatch.setattr(gpu.sweep, "sweep", fails)
    (tmp_path / "list.toml").write_text(LIST.replace("STEPS", "2000"))
    with pytest.raises(error):
        gpu.runs(tmp_path / "list.toml", tmp_path / "runs", tmp_path, 1.0, 1)
    assert unpacked(tmp_path, "partial") == {"tiny_seed0": 15}


@pytest.mark.parametrize("name", ["allen_cahn", "helmholtz"])
def test_the_published_timings_are_of_the_authors_size(name):
    _, config = pl.book.authors.start(name)
    size = f"{config.width} x {config.depth}, {config.points:,} points"
    rows = json.loads((ROOT / "book" / "gpu.json").read_text())["rows"]
    assert {(row["path"], row["recorded"]) for row in rows if (row["benchmark"], row["size"]) == (name, size)} == {
        (path, recorded) for path in ("eager", "triton") for recorded in (False, True)
    }
