"""Killed at random moments, with no chance to tidy up: ``python -m tests.kill 200`` says what was lost.

Half of the kills hit a training, a quarter a run that is saved again and again, and a quarter a sweep.  What is left must be
whole, and what goes on from it must end with the same bits.
"""

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch

import pinnlib as pl
from pinnlib.training import manifest, sweep
from tests.oracles import same

EVERY = 0.1  # seconds between two checkpoints
SETTINGS = dict(width=16, depth=2, points=256, batches=4, probe_every=20, snapshots=4, weighting=pl.RBA(), device="cpu")
LIST = """
[[sweep]]
name = "tiny_{weighting}_seed{seed}"
problem = "helmholtz"
weightings = ["vanilla", "rba"]
seeds = [0, 1]
config = { steps = 2000, width = 16, depth = 2, points = 256, batches = 4, probe_every = 20, snapshots = 4, device = "cpu" }
"""


def after(seconds, work):
    """Do some work in a child and kill it after so many seconds; whether it had ended by itself."""
    child = os.fork()
    if not child:
        try:
            work()
        finally:
            os._exit(0)
    time.sleep(seconds)
    ended = os.waitpid(child, os.WNOHANG)[0] != 0
    if not ended:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    return ended


def trainings(folder, kills, rng):
    """Kill a training and its resumptions; returns the longest time of work that was lost, in seconds."""
    problem, config = pl.problems.Helmholtz(a=(1, 1)), pl.Config(steps=2_000, **SETTINGS)
    expected = pl.train(problem, config, progress=False)
    path, log, worst, done = folder / "run.npz", folder / "log", 0.0, 0
    while done < kills:
        path.unlink(missing_ok=True)
        while not (path.exists() and pl.Run.load(path).complete):
            log.write_text("")
            with log.open("a", buffering=1) as seen:

                def work(seen=seen):
                    told = dict(checkpoint=path, checkpoint_every=EVERY, progress=False)
                    told["callback"] = lambda row, run: print(int(row["step"]), time.monotonic(), file=seen)
                    pl.resume(path, **told) if path.exists() else pl.train(problem, config, **told)

                ended = after(rng.uniform(0.0, 0.6), work)
            now = time.monotonic()
            done += not ended
            kept = pl.Run.load(path).step if path.exists() else 0
            steps = [line.split() for line in log.read_text().splitlines()]
            later = [float(moment) for step, moment in steps if int(step) > kept]
            worst = max([worst, *(now - moment for moment in later if not ended)])
        same(pl.Run.load(path), expected)
    return worst


def saves(folder, kills, rng):
    """Kill a process that saves two runs by turns to one file; the file is always one of them. Returns what else is left."""
    problem = pl.problems.Helmholtz(a=(1, 1))
    two = [pl.train(problem, pl.Config(steps=20, seed=seed, **SETTINGS), progress=False) for seed in (0, 1)]
    path = folder / "saved.npz"
    two[0].save(path)
    for _ in range(kills):

        def work():
            while True:
                for run in two:
                    run.save(path)

        after(rng.uniform(0.0, 0.1), work)
        found = pl.Run.load(path)
        same(found, two[found.config.seed])
    return len(list(folder.glob(".saved.npz.*")))


def sweeps(folder, kills, rng):
    """Kill a sweep with all its workers, until its list is done; as often as there are kills."""
    (folder / "list.toml").write_text(LIST)
    entries, done = manifest.read(folder / "list.toml"), 0
    for entry in entries:
        assert sweep.work(entry, str(folder / f"{entry.name}.npz"), 60.0)
    command = [sys.executable, "-m", "pinnlib", "sweep", "list.toml", "--checkpoint-every", str(EVERY), "--jobs", "2"]
    while done < kills:
        made = Path(tempfile.mkdtemp(dir=folder))
        while any(manifest.state(entry, made).kind != "done" for entry in entries):
            process = subprocess.Popen(
                [*command, "--folder", str(made)], cwd=folder, stdout=-3, stderr=-3, start_new_session=True
            )
            time.sleep(rng.uniform(3.0, 8.0))
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                done += 1
            process.wait()
            assert not [e.name for e in entries if manifest.state(e, made).kind in {"damaged", "stale"}]
        for entry in entries:
            same(pl.Run.load(made / f"{entry.name}.npz"), pl.Run.load(folder / f"{entry.name}.npz"))
    return done


def main(kills, seed=0):
    """Kill so often, and say what was lost."""
    torch.set_num_threads(1)  # a child of a process with threads could not go on
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lost = trainings(folder, kills // 2, rng)
        print(f"{kills // 2} trainings killed: the same bits at the end")
        print(f"{lost:.2f} s of work lost at most, with {EVERY} s between two files")
        left = saves(folder, kills // 4, rng)
        print(f"{kills // 4} saves killed: always a whole file; {left} unfinished ones left beside it")
        if kills // 4 > 4:
            print(f"{sweeps(folder, kills // 4, rng)} kills of a sweep: no damaged record, and the same bits at the end")
    return lost


if __name__ == "__main__":
    main(int(sys.argv[1]))
