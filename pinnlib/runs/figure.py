"""A run as a figure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .report import detected

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from .run import Run

__all__ = ["figure"]

#: What each panel shows: its title, and the names of series with those of their lines.
PANELS: dict[str, dict[str, str]] = {
    "loss": {"loss": "loss", "loss_residual": "residual", "loss_data": "data"},
    "relative L2": {"rel_l2": "relative L2"},
    "SNR": {"snr": "SNR"},
}
#: The tints that the book gives the phases.
TINTS = {"fitting": "#FBE3B0", "diffusion": "#E4E4E4", "total diffusion": "#CFE8D5"}


def figure(run: Run) -> Figure:
    """See :meth:`pinnlib.Run.plot`."""
    import matplotlib as mpl
    import matplotlib.pyplot as plt

    shown = {title: found for title, names in PANELS.items() if (found := _drawable(run, names))}
    rows = max(len(shown), 1)
    fig, axes = plt.subplots(
        rows, 1, figsize=(7.2, 0.6 + 1.9 * rows), sharex=True, squeeze=False, constrained_layout=True, facecolor="white"
    )
    for ax, (title, lines) in zip(axes[:, 0], shown.items(), strict=False):
        for label, (step, values) in lines.items():
            ax.plot(step, values, label=label if len(lines) > 1 else None, lw=1.2)
        ax.set_yscale("log")
        ax.set_ylabel(title)
        if len(lines) > 1:
            ax.legend(frameon=False, fontsize=8)
    if "SNR" in shown:
        ax = axes[len(shown) - 1, 0]
        ax.axhline(1.0, color="black", lw=0.8, ls=":")
        _shade(ax, run)
    if shown:
        _step_axis(axes[-1, 0], int(run.history["step"][-1]))
    else:
        axes[0, 0].set_axis_off()
        axes[0, 0].text(0.5, 0.5, "nothing was measured yet", ha="center", va="center", transform=axes[0, 0].transAxes)
    fig.suptitle(run.config.describe(), fontsize=9)
    if "inline" in mpl.get_backend():  # a notebook shows what a cell returns, and would show an open figure a second time
        plt.close(fig)
    return fig


def _drawable(run: Run, names: dict[str, str]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Steps and values of each line, where the history has it and a logarithmic axis can show it."""
    lines = {}
    for name, label in names.items():
        values = np.asarray(run.history.get(name, ()), dtype=float)
        fine = np.isfinite(values) & (values > 0)
        if fine.any():
            lines[label] = np.asarray(run.history["step"])[fine], values[fine]
    return lines


def _shade(ax: Axes, run: Run) -> None:
    """Tint the phases, where the run is long enough to tell them."""
    found, _ = detected(run)
    if found is not None:
        for name, start, end in found.spans():
            ax.axvspan(start, end, facecolor=TINTS[name], edgecolor="#888888", lw=0.6, zorder=0, label=name)
        ax.legend(frameon=False, fontsize=8)


def _step_axis(ax: Axes, last: int) -> None:
    """Step 0, then decades."""
    ax.set_xscale("symlog", linthresh=1, linscale=0.4)
    ax.set_xlim(0, max(last, 1))
    decades = [10**k for k in range(len(str(max(last, 1))))]
    ax.set_xticks([0, *decades], ["0", *(f"{step:,}" for step in decades)])
    ax.minorticks_off()
    ax.set_xlabel("step")
