"""What a GPU is for, in one command: ``python -m benchmarks.gpu check`` and ``python -m benchmarks.gpu campaign``.

``check`` takes a minute: each path of a training step, timed and compared with the plain one, and the authors' start
against what they published.  ``campaign`` makes long runs from the authors' start, in the order of what they are worth,
until its time is over; what is not finished is saved and can be resumed.  ``--tiny`` rehearses both on any machine.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import threading
import time
import traceback
import warnings
from pathlib import Path

import torch

import pinnlib as pl
from pinnlib.book import authors
from pinnlib.training.loop import Trainer
from pinnlib.training.restore import restore

TINY = {"width": 16, "depth": 2, "points": 200, "batches": 10}
#: Name, kind, last step, and steps at which the whole state is kept as well.
CAMPAIGN = (
    ("allen_cahn", "rba", 100_000, (8_000, 14_000)),
    ("helmholtz", "rba", 40_000, ()),
    ("helmholtz", "vanilla", 40_000, ()),
    ("allen_cahn", "vanilla", 120_000, ()),
    ("allen_cahn", "rba", 300_000, ()),
)


#: Steps that the campaign reports.
MARKS = (100, 1000, 2000, 4000, 6000, 8000, 10_000, 12_000, 13_000, 20_000, 40_000, 60_000, 80_000, 100_000)


def synchronize(device: str) -> None:
    """Wait for the device, so that a clock that is read next is true."""
    if device == "cuda":
        torch.cuda.synchronize()


def steps_of(config: pl.Config, problem: pl.Problem, *, recorded: bool, n: int) -> tuple[dict[str, object], torch.Tensor]:
    """Time ``n`` steps after a few others: what was found, and the network's parameters."""
    begun = time.perf_counter()
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        trainer = Trainer(problem, config)
        if not recorded:
            trainer.adam.graph = None
        for _ in range(8):
            trainer.advance()
        synchronize(config.device)
        ready, begun = time.perf_counter() - begun, time.perf_counter()
        for _ in range(n):
            trainer.advance()
        synchronize(config.device)
        step = (time.perf_counter() - begun) / n * 1e3
        trainer.measure()
        synchronize(config.device)
        begun = time.perf_counter()
        trainer.measure()
        synchronize(config.device)
        probe = (time.perf_counter() - begun) * 1e3
    found = {
        "path": trainer.objective.path,
        "recorded": bool(trainer.adam.graph and trainer.adam.graph.recorded),
        "step_ms": round(step, 3),
        "probe_ms": round(probe, 1),
        "ready_s": round(ready, 1),
        "memory_mib": torch.cuda.max_memory_allocated() >> 20 if config.device == "cuda" else 0,
        "notices": [str(w.message)[:160] for w in said],
    }
    return found, trainer.state.theta.detach().double().cpu()


def check(device: str, tiny: bool, out: Path) -> None:
    """Every path of a step: same result, how fast; into ``gpu.json`` in ``out``."""
    small = {"width": 64, "depth": 4, "points": 4096, "batches": 32}
    sizes = {"tiny": TINY} if tiny else {"64 x 4, 4,096 points": small, "128 x 6, 25,600 points": {}}
    rows, n = [], 10 if tiny else 60
    for name in authors.NAMES:
        for size, settings in sizes.items():
            problem, config = authors.start(name, weighting="rba", device=device, compile=False, **settings)
            made = pl.Config.from_dict(config.as_dict() | {"compile": True})
            plain = None
            for one, recorded in ((config, False), (config, True), (made, False), (made, True)):
                found, theta = steps_of(one, problem, recorded=recorded, n=n)
                plain = theta if plain is None else plain
                row = {"benchmark": name, "size": size, **found, "difference": float((theta - plain).norm() / plain.norm())}
                print(row, flush=True)
                rows.append(row)
    about = {"device": torch.cuda.get_device_name() if device == "cuda" else "CPU", "torch": torch.__version__, "rows": rows}
    (out / "gpu.json").write_text(json.dumps(about, indent=1) + "\n")
    for name in ("allen_cahn_vanilla", "allen_cahn_rba", "helmholtz_vanilla", "helmholtz_rba"):
        benchmark, _, weighting = name.rpartition("_")
        settings = {"steps": 2, "device": device, "compile": True, **(TINY if tiny else {})}
        last = pl.train(*authors.start(benchmark, weighting=weighting, **settings), progress=False).at(2)
        print(f"{name}: signal {last['signal']:.8g}, noise {last['noise']:.8g}; published {authors.PUBLISHED[name].two}")
    if device == "cuda" and not tiny:
        profile(device)


def profile(device: str) -> None:
    """Where the time of a step goes, by kernel."""
    problem, config = authors.start("allen_cahn", weighting="rba", device=device, compile=True)
    trainer = Trainer(problem, config)
    for _ in range(5):
        trainer.advance()
    synchronize(device)
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as found:
        for _ in range(5):
            trainer.advance()
        synchronize(device)
    print(found.key_averages().table(sort_by="cuda_time_total", row_limit=14, max_name_column_width=60))


def campaign(device: str, tiny: bool, out: Path, seconds: float) -> None:
    """Long runs until the time is over; each is one file in ``out``, whole, so that it can be resumed."""
    end = time.perf_counter() + seconds
    scale = 1000 if tiny else 1
    for name, weighting, last, keep in CAMPAIGN:
        if time.perf_counter() > end - 10:
            break
        settings = {"steps": last // scale, "device": device, "compile": True, "snapshots": 16, **(TINY if tiny else {})}
        try:
            extend(name, weighting, settings, [k // scale for k in keep], out, end)
        except (Exception, KeyboardInterrupt):  # one run that fails must not cost the others
            traceback.print_exc()


def extend(name: str, weighting: str, settings: dict[str, object], keep: list[int], out: Path, end: float) -> None:
    """One run, or what is left of it, to its last step or to ``end``."""
    problem, config = authors.start(name, weighting=weighting, **settings)
    path = out / f"authors_{name}_{weighting}.npz"
    before = pl.Run.load(path) if path.exists() else None
    if before is not None and before.step >= config.steps:
        return
    trainer = Trainer(problem, config)
    if before is not None:
        restore(trainer, before)
    begun, first = time.perf_counter(), trainer.state.step
    timer = threading.Timer(max(end - begun, 0.0), lambda: os.kill(os.getpid(), signal.SIGINT))
    timer.start()
    for stop in [*(k for k in keep if k > first), config.steps]:
        (run,) = trainer.run([path], 45.0, stop, False)
        if stop < config.steps and run.step == stop:
            shutil.copy(path, out / f"authors_{name}_{weighting}_at{stop}.npz")
        if run.step < stop:
            break
    timer.cancel()
    taken = time.perf_counter() - begun
    print(f"{name} {weighting}: step {run.step:,} of {config.steps:,}, {run.step - first:,} steps in {taken:.0f} s;", end=" ")
    print(f"{run.provenance['path']}, recorded: {run.provenance['recorded']}; {path.stat().st_size / 2**20:.1f} MiB")
    for mark in [*MARKS, run.step]:
        if mark <= run.step:
            row = run.at(mark)
            print(f"  {int(row['step']):7,} error {row['rel_l2']:.4g} SNR {row['snr']:.3g} noise {row['noise']:.3g}", flush=True)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=__doc__)
    parser.add_argument("what", choices=("check", "campaign"))
    parser.add_argument("--out", type=Path, default=Path("."), help="folder of the runs")
    parser.add_argument("--seconds", type=float, default=560.0, help="time of the campaign")
    parser.add_argument("--tiny", action="store_true", help="a rehearsal, for any machine")
    asked = parser.parse_args()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    print(f"torch {torch.__version__} on {torch.cuda.get_device_name() if device == 'cuda' else 'the CPU'}", flush=True)
    if asked.what == "check":
        check(device, asked.tiny, asked.out)
    else:
        campaign(device, asked.tiny, asked.out, asked.seconds)


if __name__ == "__main__":
    main()
