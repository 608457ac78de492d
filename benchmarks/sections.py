"""What is timed: one function a section, each returns its name and its rows."""

from __future__ import annotations

import datetime
import gc
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from statistics import median

from . import entropy as entropies
from . import measure, ours, profiles, rivals
from .case import SIZES, Case
from .contenders import CONTENDERS, Missing, build

__all__ = ["SECTIONS", "Bench"]

PRODUCT = "matrix product"
TOLERANCE = 1e-3  # relative, of the first three losses in float32


@dataclass
class Bench:
    """What the sections share: the options, who is missing, and the times of each case, which are measured once."""

    threads: int = 2
    quick: bool = False
    keep_memory: bool = True
    missing: dict[str, str] = field(default_factory=dict)
    times: dict[Case, dict[str, list[float]]] = field(default_factory=dict)
    matmul: dict[Case, dict[str, float]] = field(default_factory=dict)

    def present(self) -> list[str]:
        """The contenders that can take part, as far as is known."""
        return [name for name in CONTENDERS if name not in self.missing]

    def time(self, case: Case, *, seconds: float, rounds: int = measure.ROUNDS) -> dict[str, list[float]]:
        """All contenders in turns with a matrix product, after a check that they take the same steps."""
        if case not in self.times:
            steps: dict[str, Callable[[], object]] = {}
            losses = {}
            for name in self.present():
                say(f"{case}: {name}")
                try:
                    steps[name] = step = build(name, case)
                except Missing as why:
                    self.missing[name] = str(why)
                else:
                    losses[name] = [step() for _ in range(3)]
            agree(case, losses)
            say(f"{case}: all in turns")
            product = measure.matmul_rate(case, self.threads)
            times = measure.interleave(steps | {PRODUCT: product}, seconds=seconds, warmup=1, rounds=rounds)
            spent = times.pop(PRODUCT)
            rate = product.flops / median(spent) / 1e9
            self.matmul[case] = {"gflops": rate, "cores": product.cores, "seconds": product.seconds}
            self.times[case] = times
            del steps
            gc.collect()
        return self.times[case]


def agree(case: Case, losses: dict[str, list[float]]) -> None:
    """Stop unless all contenders have the same losses: otherwise they do not do the same work."""
    reference = next(iter(losses), None)
    for name, own in losses.items():
        for a, b in zip(own, losses[reference], strict=True):
            if not abs(a - b) <= TOLERANCE * abs(b):
                raise SystemExit(f"{case}: the first losses differ, {name} {own}, {reference} {losses[reference]}")


def machine(bench: Bench) -> tuple[str, dict]:
    """What the times were taken on."""
    info = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    model = next(
        (line.partition(":")[2].strip() for line in info.splitlines() if line.startswith("model name")), platform.processor()
    )
    found: dict[str, object] = {"cpu": model, "cores": os.cpu_count(), "threads": bench.threads, "memory_kept": bench.keep_memory}
    for name in ("torch", "jax", "deepxde"):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = None
    date = datetime.datetime.now(datetime.UTC).date()
    return "machine", found | {"python": platform.python_version(), "date": date.isoformat()}


def steps(bench: Bench) -> tuple[str, list[dict]]:
    """Whole steps at each size."""
    rows = []
    sizes = dict(list(SIZES.items())[-1:]) if bench.quick else SIZES
    for size, case in sizes.items():
        times = bench.time(case, seconds=3.0 if bench.quick else 60.0)
        for name, found in measure.summary(times).items():
            gflops = measure.flops(case) / found["median_ms"] / 1e6
            rows.append(
                {"size": size, **shape(case), "contender": name, **found}
                | {"gflops": gflops, "share_of_matmul": gflops / bench.matmul[case]["gflops"]}
            )
    return "steps", rows


def scaling(bench: Bench) -> tuple[str, list[dict]]:
    """Cost against points at 64 x 4, and against width at 2,048 points."""
    points = (512, 1024) if bench.quick else (512, 1024, 2048, 4096, 8192, 16384)
    widths = (16, 32) if bench.quick else (16, 32, 64, 128, 256)
    cases = dict.fromkeys([Case(n, 64, 4) for n in points] + [Case(2048, w, 4) for w in widths])
    rows = []
    for case in cases:
        times = bench.time(case, seconds=1.0 if bench.quick else 8.0, rounds=3 if bench.quick else 5)
        for name, found in measure.summary(times).items():
            rows.append({"contender": name, **shape(case), "median_ms": found["median_ms"]})
    return "scaling", rows


def matmul(bench: Bench) -> tuple[str, list[dict]]:
    """Speed of matrix products and the cores they had, from the loops of all sections before; so it comes after them."""
    return "matmul", [{**shape(case), **found} for case, found in bench.matmul.items()]


def probes(bench: Bench) -> tuple[str, list[dict]]:
    """A step that also measures SNR, against the plain step and against the customary loop over batches."""
    cases = [(Case(1024, 32, 2), 16)] if bench.quick else [(Case(25_600, 128, 6), 100), (Case(4_096, 64, 4), 32)]
    rows = []
    for case, batches in cases:
        say(f"{case}: SNR of {batches} batches")
        made = {
            "with SNR": ours.with_snr(case, batches),
            "with SNR, eager": ours.with_snr(case, batches, compile=False),
            "loop over batches": rivals.nested_torch_by_batches(case, batches),
        }
        found = {name: step() for name, step in made.items()}
        for position, what in enumerate(("loss", "SNR")):
            agree(case, {f"{name}, {what}": [both[position]] for name, both in found.items()})
        made["plain step"] = ours.compiled(case)
        made["plain step, eager"] = ours.eager(case)
        times = measure.interleave(made, seconds=3.0 if bench.quick else 60.0)
        for name, spent in measure.summary(times).items():
            rows.append({"batches": batches, **shape(case), "contender": name, **spent})
        del made
        gc.collect()
    return "probes", rows


def watching(bench: Bench) -> tuple[str, list[dict]]:
    """A probe of the monitor on somebody's nested autograd, against a step of that training."""
    rows = []
    cases = {Case(1024, 32, 2): ("rows", "vmap", "loop")} if bench.quick else {}
    cases |= {} if bench.quick else {Case(4_096, 64, 4): ("rows", "vmap", "loop"), Case(25_600, 128, 6): ("rows", "loop")}
    for case, ways in cases.items():
        say(f"{case}: a monitor's probe")
        made: dict[str, Callable[[], float]] = {f"probe, {way}": rivals.watched_nested_torch(case, 32, way) for way in ways}
        found = {name: probe() for name, probe in made.items()}
        agree(case, {f"{name}, SNR": [snr] for name, snr in found.items()})
        made["step"] = rivals.nested_torch(case)
        times = measure.interleave(made, seconds=3.0 if bench.quick else 60.0, warmup=1, rounds=3)
        rows += [{**shape(case), "contender": name, **spent} for name, spent in measure.summary(times).items()]
        del made
        gc.collect()
    return "watching", rows


def seeds(bench: Bench) -> tuple[str, list[dict]]:
    """Eight seeds as an ensemble, against one by one."""
    rows = []
    for case in [Case(256, 32, 2)] if bench.quick else [Case(256, 64, 4), Case(1024, 64, 4)]:
        say(f"{case}: 8 seeds")
        made: dict[str, Callable[[], object]] = {}
        for path, compile in (("compiled", True), ("eager", False)):
            made[f"together, {path}"] = ours.seeds_together(case, range(8), compile=compile)
            made[f"one by one, {path}"] = ours.seeds_one_by_one(case, range(8), compile=compile)
        times = measure.interleave(made, seconds=2.0 if bench.quick else 30.0)
        rows += [{**shape(case), "contender": name, **spent} for name, spent in measure.summary(times).items()]
    return "seeds", rows


def entropy(bench: Bench) -> tuple[str, dict]:
    """Binned entropy of a layer, against digitize and unique rows; the bits must be equal."""
    activations = entropies.sample(2_000, 32) if bench.quick else entropies.sample()
    ways = {"hashed codes": entropies.fast, "digitize, unique rows": entropies.customary}
    bits = {name: way(activations) for name, way in ways.items()}
    if len(set(bits.values())) > 1:
        raise SystemExit(f"the entropies differ: {bits}")
    say("entropy")
    steps = {name: lambda way=way: way(activations) for name, way in ways.items()}
    times = measure.interleave(steps, seconds=2.0 if bench.quick else 60.0)
    samples, neurons = activations.shape
    return "entropy", {"samples": samples, "neurons": neurons, "bits": bits["hashed codes"], "times": measure.summary(times)}


def profile(bench: Bench) -> tuple[str, list[dict]]:
    """Where a step's time goes."""
    rows = []
    for case in list(SIZES.values())[-1:] if bench.quick else SIZES.values():
        bench.time(case, seconds=3.0)  # measured before, unless this section runs alone
        say(f"{case}: profiles")
        found = profiles.rows(case, gflops=bench.matmul[case]["gflops"], seconds=1.0 if bench.quick else 10.0)
        rows += [{**shape(case), **row} for row in found]
    return "profile", rows


def starting(bench: Bench) -> tuple[str, dict[str, float]]:
    """Seconds from a case to the end of the first step, compilers' caches empty."""
    found = {}
    case = list(SIZES.values())[-1]
    before = os.environ.get("XDG_CACHE_HOME")
    for name in bench.present():
        say(f"first step of {name}")
        with tempfile.TemporaryDirectory() as cache:
            os.environ["XDG_CACHE_HOME"] = cache
            ours.forget()
            begun = time.perf_counter()
            try:
                build(name, case)()
            except Missing as why:
                bench.missing[name] = str(why)
            else:
                found[name] = time.perf_counter() - begun
    if before is None:
        del os.environ["XDG_CACHE_HOME"]
    else:
        os.environ["XDG_CACHE_HOME"] = before
    return "starting", found


def memory(bench: Bench) -> tuple[str, list[dict]]:
    """Peak memory of a step at several point counts."""
    small = [Case(n, 64, 4) for n in (256, 4096)]
    large = [Case(n, 64, 4) for n in (16_384, 65_536)] + [Case(n, 128, 6) for n in (256, 6_400, 25_600, 102_400)]
    cases = small if bench.quick else small + large
    rows = []
    for case in cases if sys.platform == "linux" else []:
        for name in bench.present():
            say(f"{case}: memory of {name}")
            try:
                rows.append({"contender": name, **shape(case), "mb": measure.peak_memory(name, case, bench.threads)})
            except Missing as why:
                bench.missing[name] = str(why)
    return "memory", rows


def missing(bench: Bench) -> tuple[str, dict[str, str]]:
    """Who could not take part, and why."""
    return "missing", bench.missing


# in this order; the last two sum up what the others found
SECTIONS: tuple[Callable[[Bench], tuple[str, object]], ...] = (
    machine,
    steps,
    scaling,
    probes,
    watching,
    seeds,
    entropy,
    profile,
    starting,
    memory,
    matmul,
    missing,
)


def shape(case: Case) -> dict[str, int]:
    """What a row says of its case."""
    return {"points": case.points, "width": case.width, "depth": case.depth}


def say(what: str) -> None:
    """One line of progress, in place of the one before."""
    if sys.stderr.isatty():
        print(f"\r\033[K{what}", end="", file=sys.stderr, flush=True)
    else:
        print(what, file=sys.stderr, flush=True)
