"""Sweeps: killed and started again, with failures, twice at once, on a cluster."""

import dataclasses
import os
import random
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import numpy as np
import pytest

import pinnlib as pl
from pinnlib.__main__ import main
from pinnlib.training import manifest, sweep

SMALL = "width = 8, depth = 2, points = 64, data_points = 16, batches = 4, snapshots = 3, device = 'cpu', probe_every = 50"
LIST = """
[[sweep]]
name = "tiny_{weighting}_seed{seed}"
problem = "helmholtz"
weightings = ["vanilla", "rba"]
seeds = SEEDS
config = { STEPS, SMALL }
rba = { decay = 0.99 }
first = { snapshots = 5 }
"""
FAILING = """
[[sweep]]
name = "no_gpu"
problem = "helmholtz"
config = { steps = 5, device = "cuda:99", width = 8, depth = 1, points = 32, batches = 4 }
"""


def write(folder, steps, more="", seeds=6):
    path = folder / "list.toml"
    text = LIST.replace("SEEDS", str(list(range(seeds))))
    path.write_text(text.replace("STEPS", f"steps = {steps}").replace("SMALL", SMALL) + more)
    return path


def same(a, b):
    for part in ("history", "snapshots", "state"):
        x, y = getattr(a, part), getattr(b, part)
        assert x.keys() == y.keys()
        for name in x:
            if name != "wall_time":
                assert np.array_equal(x[name], y[name], equal_nan=True), name


def test_a_list_is_all_its_runs(tmp_path):
    entries = manifest.read(write(tmp_path, 100))
    assert len(entries) == 12
    first, last = entries[0], entries[-1]
    assert (first.name, last.name) == ("tiny_vanilla_seed0", "tiny_rba_seed5")
    assert (first.config.snapshots, last.config.snapshots) == (5, 3)
    assert last.config.weighting == pl.RBA(decay=0.99)
    assert last.config.seed == 5
    assert manifest.Entry.from_json(last.to_json()) == last


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[sweep", "is not TOML"),
        ("x = 1", r"has \['x'\]: give one or more \[\[sweep\]\]"),
        ("[[sweep]]\nname = 'a'\nproblem = 'b'", "sweep 1: no problem is called 'b', choose one of allencahn"),
        ("[[sweep]]\nname = 'a'\nproblem = 'burgers'\nsteps = 3", r"sweep 1 has \['steps'\]: the keys are"),
        ("[[sweep]]\nname = 'a'\nproblem = 'burgers'\nconfig = { steps = 0 }", "sweep 1: steps = 0: give a whole number"),
        ("[[sweep]]\nname = 'a'\nproblem = 'burgers'\nweightings = ['attention']", "the weighting 'attention' is unknown"),
        ("[[sweep]]\nname = 'a{x}'\nproblem = 'burgers'", r"sweep 1: the name has '{x}', and only \{weighting\}, \{seed\} and"),
        ("[[sweep]]\nname = 'a{seed'\nproblem = 'burgers'", "sweep 1: the name has .{seed., and only"),
        ("sweep = []", r"has \['sweep'\]: give one or more \[\[sweep\]\]"),
        *(
            (f"[[sweep]]\nname = 'a'\nproblem = 'burgers'\n{line}", f"sweep 1: {message}")
            for line, message in (
                ("seeds = 3", "seeds = 3: give a list of at least one"),
                ("seeds = []", r"seeds = \[\]: give a list of at least one"),
                ("seeds = [true]", r"seeds = \[True\]: give whole numbers"),
                ("seeds = [0, 1.5]", r"seeds = \[0, 1.5\]: give whole numbers"),
                ("weightings = 'rba'", "weightings = 'rba': give a list of at least one"),
                ("lrs = []", r"lrs = \[\]: give a list of at least one"),
                ("compact = 40", r"compact = 40: give a table, such as \{ rows = 1000 \}"),
                ("compact = { rows = 2 }", "rows = 2: give a whole number of at least 4"),
                ("compact = { rows = 1e3 }", "rows = 1000.0: give a whole number of at least 4"),
                ("compact = { snapshots = -1 }", "snapshots = -1: give a whole number of at least 0"),
            )
        ),
        ("[[sweep]]\nname = '../a'\nproblem = 'burgers'", "sweep 1: name = '../a': give the name of a file"),
        ("[[sweep]]\nname = 'a'\nproblem = 'burgers'\nthreads = 0", "sweep 1: threads = 0: give a whole number"),
        (
            "[[sweep]]\nname = 'a'\nproblem = 'burgers'\nseeds = [1, 2]",
            r"has a twice: put \{weighting\}, \{seed\} and \{lr\} into",
        ),
    ],
)
def test_a_list_that_is_wrong(tmp_path, text, message):
    (tmp_path / "list.toml").write_text(text)
    with pytest.raises(ValueError, match=message):
        manifest.read(tmp_path / "list.toml")


def test_branches_begin_where_a_run_stands(tmp_path):
    text = """
[[sweep]]
name = "tiny"
problem = "helmholtz"
config = { width = 6, depth = 2, points = 32, data_points = 8, batches = 4, steps = 30, device = "cpu" }

[[sweep]]
name = "tiny_lr{lr}"
problem = "helmholtz"
branch = "tiny.npz"
lrs = [1e-3, 1e-4]
config = { width = 6, depth = 2, points = 32, data_points = 8, batches = 4, steps = 40, probe_every = 5, device = "cpu" }
"""
    (tmp_path / "list.toml").write_text(text)
    entries = manifest.read(tmp_path / "list.toml")
    assert [entry.name for entry in entries] == ["tiny", "tiny_lr0.001", "tiny_lr0.0001"]
    outcome = pl.training.sweep.sweep(entries[:2], tmp_path, progress=False)
    assert outcome.failed == {}
    assert sweep.work(manifest.Entry.from_json(entries[2].to_json()), str(manifest.path_of(entries[2], tmp_path)), 60.0)
    same, slow = (pl.Run.load(tmp_path / f"{entry.name}.npz") for entry in entries[1:])
    whole = pl.resume(tmp_path / "tiny.npz", steps=40, checkpoint=tmp_path / "on.npz", progress=False)
    assert np.array_equal(same.state["parameters"], whole.state["parameters"])
    assert not np.array_equal(same.state["parameters"], slow.state["parameters"])
    assert same.history["step"][0] == 30
    assert slow.provenance["branch_of"]["step"] == 30


def made_of(entries, folder):
    """Steps of all records together."""
    return sum(manifest.state(entry, folder).step for entry in entries)


@pytest.mark.slow
def test_killed_three_times_it_ends_with_the_same_records(tmp_path):
    path, killed = write(tmp_path, 500, FAILING, seeds=2), tmp_path / "killed"
    entries = manifest.read(path)[:-1]
    command = [sys.executable, "-m", "pinnlib", "sweep", str(path), "--checkpoint-every", "0.1", "--jobs", "2"]
    command += ["--folder", str(killed)]
    for _ in range(3):
        before = made_of(entries, killed)
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        while made_of(entries, killed) == before and process.poll() is None:  # a checkpoint more, and then at any moment
            time.sleep(0.05)
        time.sleep(random.uniform(0.0, 0.4))
        process.send_signal(signal.SIGKILL)
        process.wait()
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert "1 failed" in ended.stdout
    assert "failed: no_gpu: device 'cuda:99' is not there" in ended.stderr
    for entry in entries:
        alone = tmp_path / f"{entry.name}.npz"
        assert sweep.work(entry, str(alone), 60.0)
        same(pl.Run.load(killed / alone.name), pl.Run.load(alone))


def test_in_a_given_time_what_is_half_done_is_saved(tmp_path, monkeypatch):
    entries = manifest.read(write(tmp_path, 10**6, seeds=2))
    first = manifest.path_of(entries[0], tmp_path)
    clock = SimpleNamespace(monotonic=lambda: 1e9 * first.exists())  # time is over at the first checkpoint
    monkeypatch.setattr(sweep, "time", clock)
    outcome = sweep.sweep(entries, tmp_path, checkpoint_every=0.2, seconds=60.0, progress=False)
    assert list(outcome.failed) == [entries[0].name]  # no other was begun
    assert "the same sweep goes on from there" in outcome.failed[entries[0].name]
    saved = pl.Run.load(first)
    assert f"stopped at step {saved.step}:" in outcome.failed[entries[0].name]
    with pytest.raises(ValueError, match="seconds = 0: give a positive time"):
        sweep.sweep(entries, tmp_path, seconds=0)
    with pytest.raises(ValueError, match="seconds = 5 with a scheduler: a cluster's workers are not stopped"):
        sweep.sweep(entries, tmp_path, scheduler="tcp://nowhere:1", seconds=5)


TERMINATED = """
import os, signal, sys
from pinnlib.__main__ import main
from pinnlib.training import sweep

class Bar(sweep.tqdm):
    def update(self, n=1):
        if n:  # a run has gone on
            os.kill(os.getpid(), signal.SIGTERM)

def unsent(entry):
    raise TypeError("it stays here")

sweep.tqdm = Bar
if sys.argv[3:]:
    sweep._parcel = unsent
sys.exit(main(["sweep", sys.argv[1], "--folder", sys.argv[2], "--checkpoint-every", "1e9"]))
"""


@pytest.mark.parametrize("where", [[], ["here"]], ids=["in a process", "here"])
def test_a_sweep_that_is_terminated_saves_what_is_at_work(tmp_path, where):
    path = write(tmp_path, 10**6)
    # without Ctrl-C, as a shell starts what it leaves in the background
    ignoring = ["bash", "-c", "trap '' INT; exec \"$@\"", "bash"]
    command = [*ignoring, sys.executable, "-c", TERMINATED, str(path), str(tmp_path), *where]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert ended.returncode == 130
    assert f"pinnlib: stopped; what was trained is in {tmp_path}, and the same sweep goes on" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert pl.Run.load(tmp_path / "tiny_vanilla_seed0.npz").step > 0


def test_a_run_that_does_not_save_in_time_is_killed(tmp_path, monkeypatch):
    entry, begun = manifest.read(write(tmp_path, 10**6))[0], tmp_path / "begun"
    deaf = "import pathlib, signal, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
    deaf += "pathlib.Path(sys.argv[1]).touch(); time.sleep(30)"

    def start(*arguments):
        return subprocess.Popen(
            [sys.executable, "-c", deaf, str(begun)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    clock = SimpleNamespace(monotonic=lambda: time.monotonic() + 1e9 * begun.exists())
    monkeypatch.setattr(sweep, "time", clock)
    monkeypatch.setattr(sweep, "SAVING", 0.1)
    monkeypatch.setattr(sweep, "_start", start)
    outcome = sweep.sweep([entry], tmp_path, seconds=60.0, progress=False)
    assert outcome.failed == {entry.name: "its process ended with status -9"}


def test_what_is_done_is_skipped_and_what_is_stale_is_left(tmp_path, capsys):
    path = write(tmp_path, 3)
    entries = manifest.read(path)[:2]
    assert sweep.work(entries[1], str(manifest.path_of(entries[1], tmp_path)), 60.0)
    first = sweep.sweep(entries, tmp_path, jobs=3, progress=False)
    assert (first.done, first.skipped) == ([entries[0].name], [entries[1].name])
    again = sweep.sweep(entries, tmp_path, progress=False)
    assert (again.done, len(again.skipped)) == ([], 2)
    before = (tmp_path / "tiny_vanilla_seed0.npz").read_bytes()
    longer = sweep.sweep(manifest.read(write(tmp_path, 4))[:1], tmp_path, progress=False)
    assert "other settings of steps: move" in longer.failed["tiny_vanilla_seed0"]
    (tmp_path / "tiny_vanilla_seed1.npz").write_bytes(before[:100])
    assert main(["sweep", str(path), "--status"]) == 1
    out = capsys.readouterr().out
    assert "tiny_vanilla_seed0  stale" in out
    assert "tiny_vanilla_seed1  damaged" in out
    assert "tiny_rba_seed5      missing" in out
    assert (tmp_path / "tiny_vanilla_seed0.npz").read_bytes() == before


def test_other_threads_are_other_settings(tmp_path):
    entry = manifest.read(write(tmp_path, 3))[0]
    assert sweep.work(entry, str(manifest.path_of(entry, tmp_path)), 60.0)
    assert manifest.state(entry, tmp_path).kind == "done"
    assert manifest.state(dataclasses.replace(entry, threads=2), tmp_path).why == "other settings of threads"


def test_two_sweeps_in_one_folder_at_once(tmp_path, capsys):
    path = write(tmp_path, 3)
    with sweep._alone(tmp_path):
        assert main(["sweep", str(path)]) == 1
    assert f"another sweep is at work in {tmp_path}: wait for it" in capsys.readouterr().err
    assert not list(tmp_path.glob("*.npz"))


def test_a_folder_that_cannot_be_written(tmp_path, capsys):
    path = write(tmp_path, 3)
    (tmp_path / "file").write_text("")
    assert main(["sweep", str(path), "--folder", str(tmp_path / "file" / "records")]) == 1
    assert "cannot write into" in capsys.readouterr().err


def test_a_full_disk_is_the_reason_given(tmp_path, monkeypatch):
    def full(*arguments, **settings):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez_compressed", full)
    entry = manifest.read(write(tmp_path, 3))[0]
    with pytest.raises(OSError, match="No space left on device"), pytest.warns(UserWarning, match="still in memory"):
        sweep.work(entry, str(tmp_path / "a.npz"), 60.0)


CLUSTER = """
import os, pathlib, signal, sys, threading, time
from distributed import LocalCluster
from pinnlib.training import manifest, sweep

def main():
    with LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster:
        def kill():
            while not list(pathlib.Path(sys.argv[2]).glob("*.npz")):
                time.sleep(0.1)
            os.kill(next(iter(cluster.workers.values())).pid, signal.SIGKILL)
        threading.Thread(target=kill, daemon=True).start()
        outcome = sweep.sweep(manifest.read(sys.argv[1]), sys.argv[2], scheduler=cluster.scheduler_address,
                               checkpoint_every=0.3, progress=False)
        print(len(outcome.done), outcome.failed)

if __name__ == "__main__":
    main()
"""


@pytest.mark.slow
def test_on_a_cluster_one_of_whose_workers_is_killed(tmp_path):
    pytest.importorskip("distributed")
    path = write(tmp_path, 500, seeds=2)
    script = tmp_path / "cluster.py"
    script.write_text(CLUSTER)
    done = subprocess.run(
        [sys.executable, str(script), str(path), str(tmp_path / "records")],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n")[-2] == "4 {}", done.stderr
    assert all(manifest.state(entry, tmp_path / "records").kind == "done" for entry in manifest.read(path))


def test_without_dask_the_remedy_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ValueError, match=r"pip install 'pinnlib\[cluster\]'"):
        sweep.sweep(manifest.read(write(tmp_path, 3))[:1], tmp_path, scheduler="tcp://127.0.0.1:1", progress=False)


def test_branches_of_runs_that_the_same_list_makes(tmp_path):
    """A seed's branch begins where the run of the same seed stands, beside the runs where it is not beside the list."""
    lines = """
[[sweep]]
name = "whole_seed{seed}"
problem = "helmholtz"
seeds = [0, 1]
config = { width = 8, depth = 2, points = 64, data_points = 16, batches = 4, steps = 6, device = "cpu" }

[[sweep]]
name = "branch_seed{seed}"
problem = "helmholtz"
seeds = [0, 1]
branch = "whole_seed{seed}.npz"
config = { width = 8, depth = 2, points = 64, data_points = 16, batches = 4, steps = 9, device = "cpu" }
"""
    path, folder = tmp_path / "list.toml", tmp_path / "runs"
    path.write_text(lines)
    folder.mkdir()
    for entry in manifest.read(path):
        assert sweep.work(entry, str(folder / f"{entry.name}.npz"), 60.0)
    for seed in (0, 1):
        whole, branch = (pl.Run.load(folder / f"{name}_seed{seed}.npz") for name in ("whole", "branch"))
        assert branch.provenance["branch_of"]["step"] == 6
        assert branch.history["loss"][0] == whole.history["loss"][-1]
