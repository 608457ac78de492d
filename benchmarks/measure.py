"""How to time steps side by side, and how much arithmetic and memory they need."""

from __future__ import annotations

import argparse
import ctypes
import dataclasses
import gc
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median, quantiles

from .case import DATA, Case
from .contenders import Missing, build

__all__ = ["environment", "flops", "interleave", "keep_memory", "matmul_rate", "peak_memory", "summary"]

ROUNDS = 7  # at least
SHORT = 0.2  # seconds; OpenMP's threads spin for some milliseconds, which a longer step does not notice
ROWS = 3072  # of the matrices whose products are timed: with 128 columns, they stay in the cache
STREAMS = 3  # value, first and second derivatives; u_t joins u_xx, as the equation needs only their sum


def environment(threads: int) -> None:
    """Give every framework as many threads, on the CPU; call it before any of them is imported.

    OpenMP's waiting policy stays as installed: its threads spin for a while after each parallel part.  Told to sleep
    instead (``OMP_WAIT_POLICY=passive``), they must be woken for each of torch's operations, which takes twice as long.
    The price is that torch's steps mean nothing on a machine where something else runs: 3 to 80 times as long were seen.
    """
    os.environ |= {"OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
    # the size of XLA's thread pool; no GPU for anyone, as DeepXDE would make it torch's default device
    os.environ |= {"NPROC": str(threads), "JAX_PLATFORMS": "cpu", "CUDA_VISIBLE_DEVICES": ""}
    import torch

    torch.set_num_threads(threads)


def keep_memory() -> None:
    """Let the C library keep what a step frees for the next one; glibc only, elsewhere nothing happens.

    By default it gives large blocks back to the system, and each step pays for the page faults anew: at 4,096 points,
    64 x 4, JAX's steps were seen to take 1.7 times as long, PyTorch's 1.2 times.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(-4, 0)  # M_MMAP_MAX: no block is mapped by itself, so none is unmapped
        mallopt(-1, 2**31 - 1)  # M_TRIM_THRESHOLD: the heap shrinks only when this much at its end is free


def interleave(
    steps: Mapping[str, Callable[[], object]], *, seconds: float, warmup: int = 3, rounds: int = ROUNDS
) -> dict[str, list[float]]:
    """Seconds of each call, the steps called in turns, so that whatever slows the machine slows all of them.

    A short step is called once untimed before each timed call: by then OpenMP's threads, which still spin after one
    of torch's steps, no longer take the cores from JAX (half as long again was seen without), those of the step itself
    are awake, and its data is in the cache.  So the times are those of a training loop on its own.

    Args:
        steps: the callables, which block until they are done.
        seconds: about how long the whole may take; at least ``rounds`` rounds are done all the same.
        warmup: rounds that are not counted, at least one.
        rounds: how many are counted at least.
    """
    begun = time.perf_counter()
    for _ in range(max(warmup, 1)):
        last = {name: _seconds(step) for name, step in steps.items()}
    left = seconds - (time.perf_counter() - begun)
    # the last round of the warm-up says how long a round takes, the ones before may have compiled
    short = {name for name, spent in last.items() if spent < SHORT}
    count = max(rounds, int(left / sum(spent * (2 if name in short else 1) for name, spent in last.items())))
    times: dict[str, list[float]] = {name: [] for name in steps}
    order = list(steps)
    for _ in range(count):
        for name in order:
            if name in short:
                steps[name]()
            times[name].append(_seconds(steps[name]))
        order.append(order.pop(0))  # nobody is always the first, nor always behind the same one
    return times


def _seconds(step: Callable[[], object]) -> float:
    begun = time.perf_counter()
    step()
    return time.perf_counter() - begun


def summary(times: Mapping[str, Sequence[float]]) -> dict[str, dict]:
    """Median and quartiles in milliseconds, and how many times as long each of the others takes.

    ``ratio`` holds ratios of medians, ``paired_ratio`` medians of the ratios within a round.
    """
    found = {}
    for name, own in times.items():
        low, middle, high = quantiles(own, n=4, method="inclusive")
        others = {other: theirs for other, theirs in times.items() if other != name}
        found[name] = {
            "median_ms": 1e3 * middle,
            "quartiles_ms": [1e3 * low, 1e3 * high],
            "rounds": len(own),
            "ratio": {other: median(theirs) / middle for other, theirs in others.items()},
            "paired_ratio": {other: median(b / a for a, b in zip(own, theirs, strict=True)) for other, theirs in others.items()},
        }
    return found


def flops(case: Case, streams: int = STREAMS) -> int:
    """Multiplications and additions of the matrix products of one step in Taylor mode, the least that it needs.

    A layer has three products: forward, and backward to its weights and to its input, which the first layer leaves out.
    """
    weights = 2 * case.width + (case.depth - 1) * case.width**2 + case.width
    a_row = 2 * (3 * weights - 2 * case.width)
    return (streams * case.points + DATA) * a_row


class Products:
    """Some milliseconds of products ``(3072, width) @ (width, width)``; ``flops`` of one call, ``seconds`` of all so far."""

    def __init__(self, width: int, most: float) -> None:
        import torch

        generator = torch.Generator().manual_seed(0)
        self._left = torch.randn(ROWS, width, generator=generator)
        self._right = torch.randn(width, width, generator=generator)
        self._out, self._product = torch.empty_like(self._left), torch.mm
        piece = 2 * ROWS * width**2
        self._count = max(1, round(min(most, 2e9) / piece))
        self.flops = self._count * piece
        self.seconds = self._processor = 0.0

    def __call__(self) -> None:
        """Do the products."""
        wall, processor = time.perf_counter(), time.process_time()
        for _ in range(self._count):
            self._product(self._left, self._right, out=self._out)
        self.seconds += time.perf_counter() - wall
        self._processor += time.process_time() - processor

    @property
    def cores(self) -> float:
        """How many cores the calls had so far; fewer than threads if something else runs.  Coarse below a second."""
        return self._processor / self.seconds


def matmul_rate(case: Case, threads: int) -> Products:
    """Matrix products of the case's width in float32, in pieces that stay in the cache: the processor's own speed.

    The callable goes into the same loop as the steps.
    """
    import torch

    torch.set_num_threads(threads)
    return Products(case.width, flops(case))


def peak_memory(contender: str, case: Case, threads: int = 2) -> float:
    """Megabytes that three steps need above start-up, in a process of their own; Linux.

    Start-up is imports and a step of a tiny network.  The points, the network and Adam's moments count.

    Raises:
        Missing: the contender cannot take part here.
        RuntimeError: it failed.
    """
    size = f"{case.points},{case.width},{case.depth}"
    command = [sys.executable, "-m", "benchmarks.measure", "--memory", contender, size, "--threads", str(threads)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parent.parent)
    if done.returncode:
        raise RuntimeError(f"{contender} at {case}: {done.stderr.strip()[-2000:]}")
    answer = json.loads(done.stdout.splitlines()[-1])
    if "missing" in answer:
        raise Missing(answer["missing"])
    return answer["mb"]


def _memory(contender: str, case: Case) -> dict[str, object]:
    try:
        build(contender, dataclasses.replace(case, points=128, width=16))()  # imports, and what a framework keeps
    except Missing as why:
        return {"missing": str(why)}
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins here
    before = _peak()
    step = build(contender, case)
    for _ in range(3):
        step()
    return {"mb": _peak() - before}


def _peak() -> float:
    """This process' peak in MB.  Not ``ru_maxrss``: a child begins with its parent's, so that small steps count nothing."""
    return int(re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())[1]) / 1e3


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure the memory of one contender in this process."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.measure", description=peak_memory.__doc__.partition("\n")[0])
    parser.add_argument("--memory", nargs=2, metavar=("CONTENDER", "POINTS,WIDTH,DEPTH"), required=True)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args(arguments)
    environment(options.threads)
    contender, size = options.memory
    print(json.dumps(_memory(contender, Case(*map(int, size.split(","))))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
