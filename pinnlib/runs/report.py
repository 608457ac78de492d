"""Runs as text: a summary with a small plot, two runs side by side, and the fragment of HTML that a notebook shows."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import phases, weightings
from ..phases.boundaries import Phases
from .settings import pack

if TYPE_CHECKING:
    from .run import Run

__all__ = ["compare", "detected", "fragment", "plot", "summary"]

BARS = "▁▂▃▄▅▆▇█"
SHOWN = {"loss": "loss", "rel_l2": "rel. L2", "snr": "SNR", "order_residual": "order"}
IN_HTML = ("snr", "loss", "rel_l2")
UNWEIGHTED = {"loss_residual": "residual", "loss_data": "misfit"}
COLUMNS = 60
WIDE, HIGH = 240, 32  # of a curve in a notebook, pixels


def plot(step: np.ndarray, values: np.ndarray, columns: int = COLUMNS) -> str:
    """One line of bars: the median of ``values`` in equal parts of log step, on a logarithmic scale.

    Args:
        step: ``(n,)``, rising; step 0 has the first column with step 1.
        values: ``(n,)``; what is not finite and positive is left out.
        columns: characters of the line; a part without a probe repeats the one before.
    """
    heights = _heights(step, values, columns)
    line, last = "", " "
    for k in range(columns) if heights else ():
        if k in heights:
            last = BARS[min(int(heights[k] * len(BARS)), len(BARS) - 1)]
        line += last
    return line


def _heights(step: np.ndarray, values: np.ndarray, columns: int) -> dict[int, float]:
    """By column, of equal parts of log step that have a probe, where the median lies between least (0) and largest (1)."""
    step, values = np.asarray(step), np.asarray(values, dtype=float)
    fine = np.isfinite(values) & (values > 0)
    if not fine.any():
        return {}
    where = np.log(np.maximum(step[fine], 1))
    size = np.log10(values[fine])
    low, high = size.min(), size.max()
    end = max(math.log(max(float(step[-1]), 1.0)), 1e-9)
    column = np.minimum((where / end * columns).astype(int), columns - 1)
    medians = {int(k): float(np.median(size[column == k])) for k in np.unique(column)}
    return {k: (middle - low) / (high - low) if high > low else 0.5 for k, middle in medians.items()}


def summary(run: Run) -> str:
    """What a run is, how it went, and its phases."""
    lines = [repr(run), ""]
    step = run.history["step"]
    for name, title in SHOWN.items():
        values = _finite(run, name)
        if len(values):
            bars = plot(step, run.history[name])
            lines.append(f"  {title:>8} {bars} {values.min():.2g} to {values.max():.2g}")
    if len(step):
        lines.append(f"  {'':>8} {_axis(int(step[-1]))}")
    lines += [f"  phases: {_phases(run)}", ""]
    lines += [f"  {name:>15} = {value}" for name, value in run.config.as_dict().items()]
    lines += ["", f"  {'step':>10} {'loss':>10} {'rel. L2':>10} {'SNR':>10} {'signal':>10} {'noise':>10}"]
    for at in run.snapshots["step"] if len(step) else ():
        row = run.at(int(at))
        numbers = " ".join(f"{row.get(k, math.nan):>10.3g}" for k in ("loss", "rel_l2", "snr", "signal", "noise"))
        lines.append(f"  {int(row['step']):>10,} {numbers}")
    return "\n".join(lines)


def fragment(run: Run) -> str:
    """What a notebook shows of a run: settings, how it went, and small curves over log step; HTML that needs nothing else.

    It takes the colour of the text around it, so that it can be read in light and in dark.
    """
    done = "complete" if run.complete else f"stopped at step {run.step:,} of {run.config.last_step:,}"
    facts, probes = run.provenance, len(run.history["step"])
    went = f"{done}; {facts.get('wall_time', 0.0):,.0f} s on {facts.get('device', '?')}; {probes} probes; phases: {_phases(run)}"
    rows = "".join(_row(run, name) for name in IN_HTML)
    head = "<tr><th></th><th>over log step</th><th>at the end</th><th>least to largest</th></tr>"
    return (
        f"<div><strong>Run of {escape(_problem(run))}</strong><br>{escape(run.config.describe())}<br>{escape(went)}"
        f"{f'<table>{head}{rows}</table>' if rows else ''}</div>"
    )


def _row(run: Run, name: str) -> str:
    """One series as a row of a table; nothing for one that was not measured."""
    values = _finite(run, name)
    if not len(values):
        return ""
    # half the pixels: a curve of medians that a page can hold many of
    heights = _heights(run.history["step"], run.history[name], WIDE // 2)
    points = " ".join(f"{2 * k + 1},{HIGH - 2 - (HIGH - 4) * height:.1f}" for k, height in heights.items())
    curve = (
        f'<svg role="img" aria-label="{SHOWN[name]} over log step" width="{WIDE}" height="{HIGH}" viewBox="0 0 {WIDE} {HIGH}">'
        f'<polyline points="{points}" fill="none" stroke="currentColor" stroke-width="1.5"/></svg>'
    )
    numbers = f"<td>{run.history[name][-1]:.3g}</td><td>{values.min():.2g} to {values.max():.2g}</td>"
    return f"<tr><th>{SHOWN[name]}</th><td>{curve}</td>{numbers}</tr>"


def _finite(run: Run, name: str) -> np.ndarray:
    """The finite values of a series; none of one that the history does not have."""
    values = np.asarray(run.history.get(name, ()), dtype=float)
    return values[np.isfinite(values)]


def _problem(run: Run) -> str:
    """The problem with its settings, also where it is not one of pinnlib's."""
    if run.problem is not None:
        return repr(run.problem)
    settings = pack(run.problem_spec.get("settings", {}), {})
    return f"{run.problem_spec['name']}({', '.join(f'{name}={json.dumps(value)}' for name, value in settings.items())})"


def _axis(last: int) -> str:
    """Decades of steps under a plot."""
    text = [" "] * (COLUMNS + 12)
    for k in range(int(math.log10(max(last, 1))) + 1):
        at = int(k / max(math.log10(max(last, 2)), 1e-9) * COLUMNS)
        label = f"{10**k:,}"
        text[at : at + len(label)] = label
    return "".join(text).rstrip() + " steps"


def detected(run: Run) -> tuple[Phases | None, str]:
    """Phases by the strict rule; None, and why, for a run too short to have any, or one whose SNR was not kept."""
    if "snr" not in run.history:
        return None, "the history has no SNR"
    try:
        return phases.detect(run.history["step"], run.history["snr"]), ""
    except ValueError as error:
        return None, str(error)


def _phases(run: Run) -> str:
    found, why = detected(run)
    if found is None:
        return f"not known, {why}"
    onset = "" if found.total_diffusion is None else f"; total diffusion from step {found.total_diffusion.step:,.0f}"
    return ", ".join(found.sequence) + onset


def compare(runs: Sequence[Run], names: Sequence[str]) -> str:
    """Two runs side by side: settings that differ, moments that both have, phases, cost.

    Where they are weighted in different ways, residual and misfit without weights take the place of the loss.

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

    if _problem(a) != _problem(b):
        line("problem", _problem(a), _problem(b))
    ours, theirs = a.config.as_dict(), b.config.as_dict()
    for name in ours:
        if ours[name] != theirs[name]:
            line(name, *(_weighting(c[name]) if name == "weighting" else c[name] for c in (ours, theirs)))
    line("seconds", *(f"{run.provenance.get('wall_time', 0.0):,.0f}" for run in runs))
    line("total diffusion", *(_onset(run) for run in runs))
    if not all(len(run.history["step"]) for run in runs):
        return "\n".join(lines)
    last = min(int(run.history["step"][-1]) for run in runs)
    moments = [0, *(10**k for k in range(2, int(math.log10(max(last, 1))) + 1)), last]
    shown, note = _comparable(ours, theirs)
    lines += note
    for name in (name for name in shown if all(name in run.history for run in runs)):
        lines.append("")
        for moment in sorted({m for m in moments if m <= last}):
            left, right = (float(run.at(moment)[name]) for run in runs)
            ratio = f"x {right / left:.3g}" if left and math.isfinite(left) and math.isfinite(right) else ""
            line(f"{shown[name]} at {moment:,}", f"{left:.3g}", f"{right:.3g}", ratio)
    return "\n".join(lines)


def _comparable(ours: dict[str, Any], theirs: dict[str, Any]) -> tuple[dict[str, str], list[str]]:
    """Series of runs with these settings that mean the same, with their titles; and lines that say what is left out."""
    rules = [weightings.in_loss(weightings.from_dict(one["weighting"])) for one in (ours, theirs)]
    if rules[0] == rules[1] and ours["data_weight"] == theirs["data_weight"]:
        return SHOWN, []
    note = "  The losses are weighted in different ways and cannot be compared; residual and misfit are without weights."
    return UNWEIGHTED | {name: title for name, title in SHOWN.items() if name != "loss"}, ["", note]


def _weighting(settings: dict | None) -> str:
    rule = weightings.from_dict(settings)
    return "vanilla" if rule is None else rule.describe()


def _onset(run: Run) -> str:
    found, _ = detected(run)
    if found is None:
        return "not known"
    return "none" if found.total_diffusion is None else f"step {found.total_diffusion.step:,.0f}"
