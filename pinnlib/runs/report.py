"""Runs as text: a summary with a small plot, and two runs side by side."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from .. import phases, weightings
from .run import Run

__all__ = ["compare", "plot", "summary"]

BARS = "▁▂▃▄▅▆▇█"
SHOWN = {"loss": "loss", "rel_l2": "rel. L2", "snr": "SNR", "order_residual": "order"}
COLUMNS = 60


def plot(step: np.ndarray, values: np.ndarray, columns: int = COLUMNS) -> str:
    """One line of bars: the median of ``values`` in equal parts of log step, on a logarithmic scale.

    Args:
        step: ``(n,)``, rising; step 0 has the first column with step 1.
        values: ``(n,)``; what is not finite and positive is left out.
        columns: characters of the line; a part without a probe repeats the one before.
    """
    fine = np.isfinite(values) & (values > 0)
    if not fine.any():
        return ""
    where = np.log(np.maximum(step[fine], 1))
    size = np.log10(values[fine])
    low, high = size.min(), size.max()
    end = max(math.log(max(float(step[-1]), 1.0)), 1e-9)
    column = np.minimum((where / end * columns).astype(int), columns - 1)
    line, last = "", " "
    for k in range(columns):
        inside = size[column == k]
        if len(inside):
            share = (np.median(inside) - low) / (high - low) if high > low else 0.5
            last = BARS[min(int(share * len(BARS)), len(BARS) - 1)]
        line += last
    return line


def summary(run: Run) -> str:
    """What a run is, how it went, and its phases."""
    lines = [repr(run), ""]
    step = run.history["step"]
    for name, title in SHOWN.items():
        values = run.history[name]
        fine = values[np.isfinite(values)]
        if len(fine):
            lines.append(f"  {title:>8} {plot(step, values)} {fine.min():.2g} to {fine.max():.2g}")
    lines += [f"  {'':>8} {_axis(int(step[-1]))}", f"  phases: {_phases(run)}", ""]
    lines += [f"  {name:>15} = {value}" for name, value in run.config.as_dict().items()]
    lines += ["", f"  {'step':>10} {'loss':>10} {'rel. L2':>10} {'SNR':>10} {'signal':>10} {'noise':>10}"]
    for at in run.snapshots["step"]:
        row = run.at(int(at))
        numbers = " ".join(f"{row[k]:>10.3g}" for k in ("loss", "rel_l2", "snr", "signal", "noise"))
        lines.append(f"  {int(row['step']):>10,} {numbers}")
    return "\n".join(lines)


def _axis(last: int) -> str:
    """Decades of steps under a plot."""
    text = [" "] * (COLUMNS + 12)
    for k in range(int(math.log10(max(last, 1))) + 1):
        at = int(k / max(math.log10(max(last, 2)), 1e-9) * COLUMNS)
        label = f"{10**k:,}"
        text[at : at + len(label)] = label
    return "".join(text).rstrip() + " steps"


def _detected(run: Run) -> tuple[phases.Phases | None, str]:
    """Phases by the strict rule; None, and why, for a run too short to have any."""
    try:
        return phases.detect(run.history["step"], run.history["snr"]), ""
    except ValueError as error:
        return None, str(error)


def _phases(run: Run) -> str:
    found, why = _detected(run)
    if found is None:
        return f"not known, {why}"
    onset = "" if found.total_diffusion is None else f"; total diffusion from step {found.total_diffusion.step:,.0f}"
    return ", ".join(found.sequence) + onset


def compare(runs: Sequence[Run], names: Sequence[str]) -> str:
    """Two runs side by side: settings that differ, moments that both have, phases, cost.

    Args:
        runs: two.
        names: what to call them.

    Raises:
        ValueError: not two runs.
    """
    if len(runs) != 2 or len(names) != 2:
        raise ValueError(f"{len(runs)} runs and {len(names)} names: compare takes two of each")
    a, b = runs
    wide = max(24, *(len(name) for name in names))
    lines = [f"  {'':>18} {names[0]:>{wide}} {names[1]:>{wide}}"]

    def line(title: str, left: object, right: object, more: str = "") -> None:
        lines.append(f"  {title:>18} {left!s:>{wide}} {right!s:>{wide}} {more}".rstrip())

    if repr(a.problem) != repr(b.problem):
        line("problem", a.problem, b.problem)
    ours, theirs = a.config.as_dict(), b.config.as_dict()
    for name in ours:
        if ours[name] != theirs[name]:
            line(name, *(_weighting(c[name]) if name == "weighting" else c[name] for c in (ours, theirs)))
    line("seconds", *(f"{run.provenance.get('wall_time', 0.0):,.0f}" for run in runs))
    line("total diffusion", *(_onset(run) for run in runs))
    last = min(int(run.history["step"][-1]) for run in runs)
    moments = [0, *(10**k for k in range(2, int(math.log10(max(last, 1))) + 1)), last]
    for name in ("loss", "rel_l2", "snr", "order_residual"):
        lines.append("")
        for moment in sorted({m for m in moments if m <= last}):
            left, right = (float(run.at(moment)[name]) for run in runs)
            ratio = f"x {right / left:.3g}" if left and math.isfinite(left) and math.isfinite(right) else ""
            line(f"{SHOWN[name]} at {moment:,}", f"{left:.3g}", f"{right:.3g}", ratio)
    return "\n".join(lines)


def _weighting(settings: dict | None) -> str:
    rule = weightings.from_dict(settings)
    return "vanilla" if rule is None else rule.describe()


def _onset(run: Run) -> str:
    found, _ = _detected(run)
    if found is None:
        return "not known"
    return "none" if found.total_diffusion is None else f"step {found.total_diffusion.step:,.0f}"
