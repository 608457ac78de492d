"""What a GPU is for, in one command: ``python -m benchmarks.gpu check`` and ``python -m benchmarks.gpu runs LIST``.

``check`` takes a minute: each path of a training step, timed and compared with the plain one, and the authors' start
against what they published; ``--tiny`` rehearses it on any machine.  ``runs`` makes the runs of a list, many at once, until
its time is over.  What is complete comes back in ``done.tar.*``, what is half done in ``partial.tar.*``; put into the folder
of the runs again, it goes on.
"""

from __future__ import annotations

import argparse
import io
import json
import tarfile
import time
import warnings
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import torch

import pinnlib as pl
from pinnlib.book import authors
from pinnlib.taylor.partials import Fields
from pinnlib.training import manifest, sweep
from pinnlib.training.loop import Trainer

TINY = {"width": 16, "depth": 2, "points": 200, "batches": 10}
#: Bytes of a part of an archive.
PART = 15 * 2**20


class Everything(pl.Problem):
    """An equation of no meaning that has all that a user's own can have: a step of it must be recorded like any other."""

    coordinates = ("x", "t")
    fields = ("u", "v")
    domain = ((0.0, 2.0), (0.0, 1.0))
    partials = ("u", "v", "u_t", "v_t", "u_xx", "v_xxxx")
    unknowns = {"k": pl.Unknown(0.5, positive=True)}
    periodic = ("x",)
    normalize, magnitudes = True, {"u": 2.0}

    def residual(self, points: torch.Tensor, d: Fields) -> dict[str, torch.Tensor]:
        """Two equations."""
        return {"first": d.u_t - d.k * d.u_xx + d.v, "second": d.v_t + 1e-3 * d.v_xxxx - d.u * torch.cos(points[..., 0])}

    def transform(self, points: torch.Tensor, network: torch.Tensor) -> torch.Tensor:
        """Both fields are 1 at t = 0."""
        return 1.0 + points[..., 1:] * network

    def conditions(self, n: int, seed: int) -> list[pl.Condition]:
        """Two of them."""
        end = pl.sampling.face(self.domain, n, axis=1, value=1.0, seed=seed)
        return [pl.Condition("end", end, lambda p, d: d.u + d.k * d.v, 1.0), pl.Condition("slope", end, "v_x", weight=0.1)]


def synchronize(device: str) -> None:
    """Wait for the device, so that a clock that is read next is true."""
    if device == "cuda":
        torch.cuda.synchronize()


def steps_of(config: pl.Config, problem: pl.Problem, *, recorded: bool, n: int) -> tuple[dict[str, object], torch.Tensor]:
    """Time ``n`` steps after a few others: what was found, and the network's parameters."""
    if config.device == "cuda":
        torch.cuda.reset_peak_memory_stats()  # else it is the largest of all rows so far
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
    large = {"width": 128, "depth": 6, "points": 25_600, "batches": 100}
    sizes = {"tiny": TINY} if tiny else {"64 x 4, 4,096 points": small, "128 x 6, 25,600 points": large}
    about = {"device": torch.cuda.get_device_name() if device == "cuda" else "CPU", "torch": torch.__version__}
    rows, n = [], 10 if tiny else 60
    for name in (*authors.NAMES, "everything"):
        for size, settings in sizes.items():
            if name == "everything":
                problem, config = Everything(), pl.Config(weighting=pl.RBA(), device=device, compile=False, **settings)
            else:
                problem, config = authors.start(name, weighting="rba", device=device, compile=False, **settings)
            made = pl.Config.from_dict(config.as_dict() | {"compile": True})
            plain = None
            for one, recorded in ((config, False), (config, True), (made, False), (made, True)):
                found, theta = steps_of(one, problem, recorded=recorded, n=n)
                plain = theta if plain is None else plain
                row = {"benchmark": name, "size": size, **found, "difference": float((theta - plain).norm() / plain.norm())}
                print(row, flush=True)
                rows.append(row)
                # after each, for the machine is lent for a while
                (out / "gpu.json").write_text(json.dumps(about | {"rows": rows}, indent=1) + "\n")
    for name in ("allen_cahn_vanilla", "allen_cahn_rba", "helmholtz_vanilla", "helmholtz_rba"):
        benchmark, _, weighting = name.rpartition("_")
        settings = {"steps": 2, "device": device, "compile": True, **(TINY if tiny else {})}
        last = pl.train(*authors.start(benchmark, weighting=weighting, **settings), progress=False).at(2)
        print(f"{name}: signal {last['signal']:.8g}, noise {last['noise']:.8g}; published {authors.PUBLISHED[name].two}")
    watched(device, tiny)
    if device == "cuda" and not tiny:
        profile(device)


def watched(device: str, tiny: bool) -> None:
    """A monitor on somebody's nested autograd: against the same on the CPU in float64, and its cost in steps."""
    n, width, depth = (64, 8, 2) if tiny else (25_600, 128, 6)
    twins = []
    for where, dtype in ((device, torch.float64), ("cpu", torch.float64), (device, torch.float32)):
        torch.manual_seed(0)
        sizes = [2, *[width] * depth, 1]
        layers = [part for a, b in pairwise(sizes) for part in (torch.nn.Linear(a, b), torch.nn.Tanh())][:-1]
        net = torch.nn.Sequential(*layers).to(where, dtype)
        x = torch.rand(n, 2, dtype=torch.float64).to(where, dtype)
        optimizer = torch.optim.Adam(net.parameters())

        def residual(net: torch.nn.Module = net, x: torch.Tensor = x) -> torch.Tensor:
            z = x.clone().requires_grad_()
            du = torch.autograd.grad(net(z).sum(), z, create_graph=True)[0]
            return torch.autograd.grad(du[:, 0].sum(), z, create_graph=True)[0][:, 0] + du[:, 1]

        def edge(net: torch.nn.Module = net, x: torch.Tensor = x) -> torch.Tensor:
            return (net(x[:64]) - 1.0).square().mean()

        monitor = pl.Monitor(net, residual=residual, terms={"edge": edge}, optimizer=optimizer, points=x, batches=32, every=1)
        row = monitor(0)
        assert row is not None
        twins.append((row["snr"], row["signal"], row["noise"]))
        monitor(1)
        synchronize(device)
        begun = time.perf_counter()
        for _ in range(5):
            optimizer.zero_grad()
            (residual().square().mean() + edge()).backward()
            optimizer.step()
        synchronize(device)
        step = (time.perf_counter() - begun) / 5
        print(f"monitor on {where}, {dtype}: {monitor.how}, a probe {monitor.seconds / step:.1f} steps of {1e3 * step:.1f} ms")
    for name, twin in (("float64", twins[0]), ("float32", twins[2])):
        apart = max(abs(a / b - 1.0) for a, b in zip(twin, twins[1], strict=True))
        print(f"monitor, {name}, against float64 on the CPU: {apart:.1e}")


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


def runs(path: Path, folder: Path, out: Path, seconds: float, jobs: int) -> None:
    """The runs of a list that fit into the time; then all of them, packed."""
    entries = manifest.read(path)
    try:
        outcome = sweep.sweep(entries, folder, jobs=jobs, checkpoint_every=30.0, seconds=seconds, progress=False)
        for name, why in outcome.failed.items():
            print(f"{name}: {why}")
    finally:  # however the sweep ends, what was trained comes back
        pack(entries, folder, out)


def pack(entries: Sequence[manifest.Entry], folder: Path, out: Path) -> None:
    """All runs of a list that are in ``folder``, as archives in ``out``."""
    for kind in ("done", "partial"):
        files = [manifest.path_of(entry, folder) for entry in entries if manifest.state(entry, folder).kind == kind]
        print(f"{len(files)} {kind}", flush=True)
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as archive:
            for file in files:
                archive.add(file, file.name)
        for number, begin in enumerate(range(0, len(packed.getvalue()) if files else 0, PART)):
            (out / f"{kind}.tar.{number}").write_bytes(packed.getvalue()[begin : begin + PART])


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=__doc__)
    commands = parser.add_subparsers(required=True, dest="what")
    checking = commands.add_parser("check", help="each path of a step: same result, how fast")
    checking.add_argument("--tiny", action="store_true", help="a rehearsal, for any machine")
    making = commands.add_parser("runs", help="make the runs of a list")
    making.add_argument("list", type=Path, help="see pinnlib.training.manifest")
    making.add_argument("--seconds", type=float, default=560.0, help="time of all runs together")
    making.add_argument("--folder", type=Path, default=Path("runs"), help="of the runs")
    making.add_argument("--jobs", type=int, default=12, help="processes at once; they share the GPU, and each has a CPU core")
    for one in (checking, making):
        one.add_argument("--out", type=Path, default=Path("."), help="where results go")
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    print(f"torch {torch.__version__} on {torch.cuda.get_device_name() if device == 'cuda' else 'the CPU'}", flush=True)
    if asked.what == "check":
        check(device, asked.tiny, asked.out)
    else:
        runs(asked.list, asked.folder, asked.out, asked.seconds, asked.jobs)


if __name__ == "__main__":
    main()
