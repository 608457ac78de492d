"""Command line: ``python -m benchmarks [--quick] [--out FILE]``."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from . import measure
from .case import Case


def tables(found: dict) -> str:
    """All that was found, to read."""
    lines = [", ".join(f"{name} {value}" for name, value in found.get("machine", {}).items())]
    for key, make in TABLES.items():
        if found.get(key):
            lines += make(found[key])
    if found.get("matmul"):
        whole = sum(row["seconds"] for row in found["matmul"])
        cores = sum(row["cores"] * row["seconds"] for row in found["matmul"]) / whole
        if cores < 0.85 * found.get("machine", {}).get("threads", 1):
            lines.append("something else used the cores: do not trust the times")
    lines += [f"missing: {name} ({why})" for name, why in found.get("missing", {}).items()]
    return "\n".join(lines)


def _case(row: dict) -> str:
    return str(Case(row["points"], row["width"], row["depth"]))


def _times(row: dict) -> tuple[str, str, str]:
    low, high = row["quartiles_ms"]
    return f"{row['median_ms']:.1f}", f"{low:.1f} to {high:.1f}", str(row["rounds"])


def _steps(rows: list[dict]) -> list[str]:
    head = ("size", "contender", "median ms", "quartiles ms", "rounds", "GFLOP/s", "of a matrix product")
    shares = ((f"{row['gflops']:.0f}", f"{row['share_of_matmul']:.0%}") for row in rows)
    return table(head, [(row["size"], row["contender"], *_times(row), *own) for row, own in zip(rows, shares, strict=True)])


def _timed(title: str) -> Callable[[list[dict]], list[str]]:
    head = (title, "contender", "median ms", "quartiles ms", "rounds")
    return lambda rows: table(head, [(_case(row), row["contender"], *_times(row)) for row in rows])


def _wide(title: str, value: str) -> Callable[[list[dict]], list[str]]:
    """One column a contender."""

    def make(rows: list[dict]) -> list[str]:
        names = list(dict.fromkeys(row["contender"] for row in rows))
        by_case: dict[str, dict[str, str]] = {}
        for row in rows:
            by_case.setdefault(_case(row), {})[row["contender"]] = f"{row[value]:.1f}"
        return table((title, *names), [(case, *(cells.get(name, "-") for name in names)) for case, cells in by_case.items()])

    return make


def _entropy(found: dict) -> list[str]:
    return table(
        ("entropy", "median ms", "quartiles ms", "rounds"), [(name, *_times(own)) for name, own in found["times"].items()]
    )


def _profile(rows: list[dict]) -> list[str]:
    body = [(_case(row), row["contender"], row["part"], f"{row['ms']:.1f}") for row in rows]
    return table(("profile", "contender", "part", "ms"), body)


def _starting(found: dict) -> list[str]:
    return table(("first step", "seconds"), [(name, f"{spent:.1f}") for name, spent in found.items()])


def _matmul(rows: list[dict]) -> list[str]:
    body = [(_case(row), f"{row['gflops']:.0f}", f"{row['cores']:.1f}") for row in rows]
    return table(("beside the steps at", "GFLOP/s of matrix products", "cores they had"), body)


TABLES: dict[str, Callable[..., list[str]]] = {
    "steps": _steps,
    "scaling": _wide("scaling, ms", "median_ms"),
    "probes": _timed("probes"),
    "watching": _timed("a monitor of 32 batches"),
    "seeds": _timed("8 seeds"),
    "entropy": _entropy,
    "profile": _profile,
    "starting": _starting,
    "memory": _wide("memory, MB", "mb"),
    "matmul": _matmul,
}


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
    from .sections import SECTIONS, Bench, say

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
