"""Where the time of a step goes: by torch's profiler, and for machine code by its parts."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from statistics import median

from torch.profiler import ProfilerActivity, profile

from . import measure, ours, rivals
from .case import Case

__all__ = ["PARTS", "rows"]

PARTS = ("matrix products", "activations and other arithmetic", "copies and memory", "everything else")
PRODUCTS = {"mm", "bmm", "addmm", "baddbmm", "dot", "mv", "addmv"}
MEMORY = {"copy_", "fill_", "zero_", "cat", "clone", "empty", "empty_strided", "empty_like", "resize_", "_to_copy", "stack"}
VIEWS = {
    "view",
    "select",
    "as_strided",
    "transpose",
    "t",
    "expand",
    "slice",
    "unbind",
    "reshape",
    "unsqueeze",
    "squeeze",
    "detach",
}


def rows(case: Case, *, gflops: float, seconds: float) -> list[dict]:
    """Milliseconds of each part of a step, for the customary formulation and both of the library's paths.

    ``gflops`` is the speed of matrix products alone.
    """
    makers = {"PyTorch, nested": rivals.nested_torch, "pinnlib": ours.eager}
    found = {name: by_profiler(make(case), seconds) for name, make in makers.items()}
    found["pinnlib, compiled"] = by_parts(case, gflops, seconds)
    return [{"contender": name, "part": part, "ms": 1e3 * own[part]} for name, own in found.items() for part in PARTS]


def by_profiler(step: Callable[[], object], seconds: float) -> dict[str, float]:
    """Shares of each operation's own time, of the time that a step takes without the profiler."""
    took = _median(step, seconds)
    count = max(3, min(50, int(seconds / took / 2)))
    with profile(activities=[ProfilerActivity.CPU]) as seen:
        begun = time.perf_counter()
        for _ in range(count):
            step()
        whole = time.perf_counter() - begun
    parts: Counter[str] = Counter()
    for event in seen.key_averages():
        name = event.key.removeprefix("aten::")
        if not event.key.startswith("aten::") or name in VIEWS:
            continue
        part = PARTS[0] if name in PRODUCTS else PARTS[2] if name in MEMORY else PARTS[1]
        parts[part] += event.self_cpu_time_total * 1e-6
    parts[PARTS[3]] = whole - sum(parts.values())
    return {part: parts[part] / whole * took for part in PARTS}


def by_parts(case: Case, gflops: float, seconds: float) -> dict[str, float]:
    """The matrix products, at the speed that they have alone; what else the passes do; and what is around them."""
    one = ours.trainer(case, compile=True)
    times = measure.interleave({"step": one.advance, "passes": lambda: _passes(one)}, seconds=seconds)
    step, passes = (median(times[name]) for name in ("step", "passes"))
    products = min(measure.flops(case) / gflops / 1e9, passes)
    return {PARTS[0]: products, PARTS[1]: passes - products, PARTS[2]: 0.0, PARTS[3]: step - passes}


def _passes(one: ours.Trainer) -> None:
    """Forward and backward of all chunks and of the data term, without the formula and its gradient."""
    term, state = one.objective.residual_term, one.state
    for c in term.chunks:
        engine, part = term._pass(c, 0)
        engine.backward(engine.forward(part, state.weights, state.biases), state.weights, term._total)
    data = one.objective.data_term
    data._pass.backward(data._pass.forward(data.points, state.weights, state.biases), state.weights, data._total)


def _median(step: Callable[[], object], seconds: float) -> float:
    return median(measure.interleave({"step": step}, seconds=seconds / 2)["step"])
