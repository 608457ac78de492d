"""Command line: ``python -m benchmarks [--quick] [--out FILE]``."""

from __future__ import annotations

import argparse
import datetime
import gc
import json
import os
import platform
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from statistics import median

from . import measure
from .case import SIZES, Case
from .contenders import CONTENDERS, Missing, build

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
    date = datetime.datetime.now(datetime.timezone.utc).date()
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


def memory(bench: Bench) -> tuple[str, list[dict]]:
    """Peak memory of a step at several point counts."""
    small = [Case(n, 64, 4) for n in (256, 4096)]
    cases = small if bench.quick else [*small, Case(16384, 64, 4), *(Case(n, 128, 6) for n in (256, 6400, 25600))]
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
SECTIONS: tuple[Callable[[Bench], tuple[str, object]], ...] = (machine, steps, scaling, memory, matmul, missing)


def shape(case: Case) -> dict[str, int]:
    """What a row says of its case."""
    return {"points": case.points, "width": case.width, "depth": case.depth}


def say(what: str) -> None:
    """One line of progress, in place of the one before."""
    if sys.stderr.isatty():
        print(f"\r\033[K{what}", end="", file=sys.stderr, flush=True)
    else:
        print(what, file=sys.stderr, flush=True)


def tables(found: dict) -> str:
    """All that was found, to read."""
    lines = [", ".join(f"{name} {value}" for name, value in found.get("machine", {}).items())]
    if found.get("steps"):
        head = ("size", "contender", "median ms", "quartiles ms", "rounds", "GFLOP/s", "of a matrix product")
        rows = []
        for row in found["steps"]:
            low, high = row["quartiles_ms"]
            times = f"{row['median_ms']:.1f}", f"{low:.1f} to {high:.1f}", str(row["rounds"])
            rows.append((row["size"], row["contender"], *times, f"{row['gflops']:.0f}", f"{row['share_of_matmul']:.0%}"))
        lines += table(head, rows)
    for key, unit, value in (("scaling", "ms", "median_ms"), ("memory", "MB", "mb")):
        rows = found.get(key) or []
        names = list(dict.fromkeys(row["contender"] for row in rows))
        by_case: dict[str, dict[str, str]] = {}
        for row in rows:
            case = str(Case(row["points"], row["width"], row["depth"]))
            by_case.setdefault(case, {})[row["contender"]] = f"{row[value]:.1f}"
        if rows:
            body = ((case, *(cells.get(name, "-") for name in names)) for case, cells in by_case.items())
            lines += table((f"{key}, {unit}", *names), body)
    if found.get("matmul"):
        body = (
            (str(Case(row["points"], row["width"], row["depth"])), f"{row['gflops']:.0f}", f"{row['cores']:.1f}")
            for row in found["matmul"]
        )
        lines += table(("beside the steps at", "GFLOP/s of matrix products", "cores they had"), body)
        whole = sum(row["seconds"] for row in found["matmul"])
        cores = sum(row["cores"] * row["seconds"] for row in found["matmul"]) / whole
        if cores < 0.85 * found.get("machine", {}).get("threads", 1):
            lines.append("something else used the cores: do not trust the times")
    lines += [f"missing: {name} ({why})" for name, why in found.get("missing", {}).items()]
    return "\n".join(lines)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Columns as wide as they must be, text to the left and numbers to the right."""
    cells = [head, *rows]
    wide = [max(map(len, column)) for column in zip(*cells, strict=True)]
    left = [not column[1][:1].isdigit() or "x" in column[1] for column in zip(*cells, strict=True)]
    aligned = [
        "  ".join(cell.ljust(n) if to_left else cell.rjust(n) for cell, n, to_left in zip(row, wide, left, strict=True))
        for row in cells
    ]
    return ["", aligned[0], "-" * len(aligned[0]), *aligned[1:]]


def write(found: dict, out: Path) -> None:
    """Write the JSON beside its place, then put it there at once."""
    part = out.with_name(out.name + ".part")
    part.write_text(json.dumps(found, indent=1) + "\n")
    part.replace(out)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the sections; returns the exit status."""
    names = [section.__name__ for section in SECTIONS]
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="Time whole training steps of a PINN against what people use today."
    )
    parser.add_argument("--quick", action="store_true", help="the smallest size and few rounds: does it run, not how fast")
    parser.add_argument("--out", type=Path, help="the numbers, as JSON")
    parser.add_argument("--threads", type=int, default=2, help="CPU threads of every contender; %(default)s unless told")
    parser.add_argument("--sections", nargs="+", choices=names, default=names, metavar="SECTION", help=f"of {', '.join(names)}")
    keep = "the C library keeps freed memory, for all alike: JAX gains most; without it everybody runs as installed"
    parser.add_argument("--keep-memory", action=argparse.BooleanOptionalAction, default=True, help=keep)
    options = parser.parse_args(arguments)
    measure.environment(options.threads)
    if options.keep_memory:
        measure.keep_memory()
    bench = Bench(options.threads, options.quick, options.keep_memory)
    found = dict(section(bench) for section in SECTIONS if section.__name__ in options.sections)
    say("done\n" if sys.stderr.isatty() else "done")
    print(tables(found))
    if options.out:
        write(found, options.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
