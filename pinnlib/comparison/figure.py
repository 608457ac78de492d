"""A comparison as a figure."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from .measures import Measure
    from .result import Comparison

__all__ = ["figure"]

#: Of lines, so that they are told apart in grey too: colour, dashes, marker.
STYLES = (
    *(("#000000", "-", "o"), ("#D55E00", "--", "s"), ("#0072B2", "-.", "^"), ("#009E73", ":", "D")),
    *(("#CC79A7", (0, (5, 1, 1, 1, 1, 1)), "v"), ("#E69F00", (0, (8, 2)), "P"), ("#56B4E9", (0, (1, 3)), "X")),
)

LONGEST = 44  # characters beside an axis


def figure(of: Comparison) -> Figure:
    """On the left what is compared over log step, on the right each seed's end; see :meth:`Comparison.plot`."""
    import matplotlib as mpl
    import matplotlib.pyplot as plt

    rows = len(of.measures)
    fig, axes = plt.subplots(rows, 2, figsize=(9.6, 3.8 * rows), constrained_layout=True, facecolor="white", squeeze=False)
    for (left, right), measure in zip(axes, of.measures, strict=True):
        _over_steps(left, measure)
        _in_the_end(right, measure)
    config = of._first.config
    baseline = config.describe().removesuffix(f", seed {config.seed}")
    fig.suptitle(f"{len(of.seeds)} seed{'s' * (len(of.seeds) != 1)}; baseline: {baseline}", fontsize=9)
    if "inline" in mpl.get_backend():  # a notebook shows what a cell returns, and would show an open figure a second time
        plt.close(fig)
    return fig


def _over_steps(ax: Axes, measure: Measure) -> None:
    for k, (label, courses) in enumerate(measure.courses.items()):
        colour, dashes, _ = STYLES[k % len(STYLES)]
        step, middle, low, high = _over_seeds(courses)
        ax.plot(step, middle, color=colour, ls=dashes, lw=1.4, label=label)
        ax.fill_between(step, low, high, color=colour, alpha=0.15, lw=0)
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlabel("step")
    ax.set_ylabel(textwrap.fill(f"{measure.name}, median and range", LONGEST))
    ax.legend(frameon=False, fontsize=8)


def _in_the_end(ax: Axes, measure: Measure) -> None:
    values = np.array(list(measure.ends.values()))  # (n_rules, n_seeds)
    fine = np.isfinite(values)
    top = 2.0 * values[fine].max() if fine.any() else 1.0
    shown, places = np.where(fine, values, top), np.arange(len(values))
    ax.plot(places, shown, color="#999999", lw=0.7, zorder=1)
    for k in range(len(values)):
        colour, _, marker = STYLES[k % len(STYLES)]
        ax.plot(np.full(fine[k].sum(), k), shown[k][fine[k]], ls="", marker=marker, color=colour, ms=5, alpha=0.8)
    if not fine.all():
        ax.plot(np.nonzero(~fine)[0], shown[~fine], ls="", marker="x", color="black", ms=7, label="diverged")
        ax.legend(frameon=False, fontsize=8)
    ax.set_yscale("log")
    ax.set_xticks(places, list(measure.ends), rotation=20 if len(values) > 3 else 0)
    ax.set_xlim(-0.5, len(values) - 0.5)
    ax.set_ylabel(textwrap.fill(f"{measure.name} in the end, a line a seed", LONGEST))
    ax.set_xlabel("rule")


def _over_seeds(courses: Sequence[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Steps, median, least and largest over the runs that have come so far, where a logarithmic axis can show them."""
    by_step: dict[int, list[float]] = {}
    for step, values in courses:
        for at, value in zip(step.tolist(), values.tolist(), strict=True):
            if at > 0 and 0.0 < value < math.inf:
                by_step.setdefault(at, []).append(value)
    steps = sorted(by_step)
    parts = [[f(by_step[at]) for at in steps] for f in (np.median, min, max)]
    middle, low, high = (np.array(part, dtype=float) for part in parts)
    return np.array(steps), middle, low, high
