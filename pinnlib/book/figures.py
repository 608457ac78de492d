"""One function a kind of figure, one look for the whole book.

Nothing is computed here but positions, running medians and crossings.
Colours mean the same in every chapter: see :data:`COLOURS`.  A training step is shown on an axis that is
linear up to 1 and logarithmic beyond, so that step 0 is visible.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.animation import FuncAnimation
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..phases import Phases, running_quantiles
from ..runs import Run
from . import claims

__all__ = [
    "COLOURS",
    "band",
    "curves",
    "layers",
    "legend",
    "maps",
    "mark",
    "scrub",
    "scrub_page",
    "shade",
    "signal_noise",
    "snr",
    "snr_pair",
    "stamp",
    "style",
]

#: Kinds of runs by the Okabe-Ito palette, which colour-blind readers can tell apart; phases in pale tints; then the rules of
#: binning and the estimators that do not bin.
COLOURS = {
    "vanilla": "#0072B2",
    "RBA": "#D55E00",
    "constant": "#56B4E9",
    "ramp": "#009E73",
    "permuted": "#CC79A7",
    "self-adaptive": "#E69F00",
    "RAD": "#000000",
    "signal": "#009E73",
    "noise": "#6F6F6F",
    "fitting": "#FBE3B0",
    "diffusion": "#E4E4E4",
    "total diffusion": "#CFE8D5",
    "paper's rule": "#000000",
    "fixed range": "#CC79A7",
    "quantile": "#56B4E9",
    "noisy": "#E69F00",
    "quantized": "#009E73",
}


def style() -> None:
    """Use the book's look for all figures that follow."""
    plt.rcParams.update(
        {
            "figure.figsize": (7.2, 3.6),
            "figure.dpi": 96,
            "savefig.facecolor": "white",
            "figure.facecolor": "white",
            "figure.constrained_layout.use": True,
            "font.size": 10,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.titlesize": 10,
            "axes.grid": True,
            "grid.alpha": 0.25,
            "legend.frameon": False,
            "legend.fontsize": 9,
            "lines.linewidth": 1.6,
            "image.cmap": "viridis",
            "animation.html": "jshtml",
            "animation.frame_format": "jpeg",  # a third of the size of png in a page
        }
    )


def stamp(fig: Figure, shown: str | Run | Sequence[Run], also: str = "") -> None:
    """Say under a figure which runs it shows.

    Args:
        fig: the figure.
        shown: a text, a record, or records that differ in their seed: then the first one's settings and all seeds.
        also: what follows it.
    """
    fig.supxlabel((shown if isinstance(shown, str) else _described(shown)) + also, fontsize=7.5, color="#555555")


def _described(shown: Run | Sequence[Run]) -> str:
    if isinstance(shown, Run):
        return f"record: {shown.config.describe()}"
    seeds = sorted({run.config.seed for run in shown})
    row = seeds == list(range(seeds[0], seeds[-1] + 1))
    words = f"seeds {seeds[0]} to {seeds[-1]}" if row else f"seeds {', '.join(map(str, seeds))}"
    text = shown[0].config.describe()
    if len(seeds) > 1:
        text = re.sub(rf"\bseed {shown[0].config.seed}\b", words, text)
    return f"records: {text}"


def legend(fig: Figure, ax: Axes, columns: int = 3) -> None:
    """The legend of ``ax`` above the figure, where it covers nothing."""
    handles, labels = ax.get_legend_handles_labels()
    fig.legend(handles, labels, loc="outside upper right", ncols=columns)


def step_axis(ax: Axes, last: int) -> None:
    """An axis of training steps that shows step 0 and then decades."""
    ax.set_xscale("symlog", linthresh=1, linscale=0.4)
    ax.set_xlim(0, last)
    decades = [10**k for k in range(int(np.log10(last)) + 1)]
    ax.set_xticks([0, *decades], ["0", *(f"{d:,}" for d in decades)])
    ax.minorticks_off()
    ax.set_xlabel("Adam step")
    ax.label_outer()


def shade(ax: Axes, phases: Phases) -> None:
    """Tint the phases, and mark each boundary with its interval."""
    for name, start, end in phases.spans():
        ax.axvspan(start, end, color=COLOURS[name], alpha=0.6, lw=0, zorder=0)
    mark(ax, phases)


def mark(ax: Axes, phases: Phases, names: tuple[str, str] = ("", "")) -> None:
    """Both boundaries, where there are such, each with its interval and its name above: on its outer side, so that both fit."""
    for boundary, name, side in zip((phases.fitting_end, phases.total_diffusion), names, ("right", "left"), strict=True):
        if boundary is not None:
            ax.axvline(boundary.step, color="black", lw=0.8, zorder=1)
            ax.axvspan(boundary.low, boundary.high, fill=False, hatch="////", edgecolor="#00000033", lw=0, zorder=1)
            ax.text(boundary.step, 1.01, name, transform=ax.get_xaxis_transform(), ha=side, va="bottom", fontsize=8)


def snr(
    ax: Axes, history: Mapping[str, np.ndarray], name: str, *, crossings: Phases | None = None, title: str | None = None
) -> None:
    """Raw SNR of a history as dots, its running median as a line, a band that holds 80% of the probes around.

    ``name`` is the kind of run: its colour, and the title unless another is given.  ``crossings`` are marked and not tinted: a
    first fall and a first rise are no phases yet.
    """
    step, values, colour = history["step"], history["snr"], COLOURS[name]
    low, middle, high = 10 ** running_quantiles(np.log10(values))
    if crossings is not None:
        mark(ax, crossings, ("first fall", "first rise"))
    ax.plot(step, values, ".", ms=2.5, color=colour, alpha=0.45, label="raw")
    ax.fill_between(step, low, high, color=colour, alpha=0.18, lw=0, label="running 10-90%")
    ax.plot(step, middle, color=colour, label="running median")
    ax.axhline(1.0, color="black", lw=0.8, ls=":")
    ax.set_yscale("log")
    ax.set_ylabel("SNR")
    ax.set_title(name if title is None else title, loc="left", pad=16 if crossings is not None else None)
    step_axis(ax, int(step[-1]))


def snr_pair(runs: Mapping[str, Run]) -> tuple[Figure, np.ndarray]:
    """The SNR of two kinds of runs, one above the other, with their first fall and first rise.

    Args:
        runs: two, by kind.

    Returns:
        The figure, and its axes, ``(2,)``.
    """
    fig, axes = plt.subplots(2, 1, figsize=(7.2, 6.2), sharex=True)
    for ax, (name, run) in zip(axes, runs.items(), strict=True):
        snr(ax, run.history, name, crossings=claims.of_crossings(run))
    legend(fig, axes[1])
    return fig, axes


def signal_noise(ax: Axes, step: np.ndarray, signal: np.ndarray, noise: np.ndarray, *, title: str = "") -> None:
    """The two norms whose ratio is the SNR, apart."""
    ax.plot(step, signal, color=COLOURS["signal"], lw=1.0, label="signal, norm of the mean")
    ax.plot(step, noise, color=COLOURS["noise"], lw=1.0, label="noise, norm of the std")
    ax.set_yscale("log")
    ax.set_ylabel("gradient norm")
    ax.set_title(title, loc="left")
    step_axis(ax, int(step[-1]))


def curves(
    ax: Axes, step: np.ndarray, series: Mapping[str, np.ndarray], *, ylabel: str, log: bool = True, title: str = ""
) -> None:
    """One line a name; the names that have a colour of their own keep it."""
    for name, values in series.items():
        ax.plot(step, values, color=COLOURS.get(name), label=name)
    if log:
        ax.set_yscale("log")
    ax.set_ylabel(ylabel)
    ax.set_title(title, loc="left")
    step_axis(ax, int(step[-1]))


def band(ax: Axes, step: np.ndarray, runs: np.ndarray, *, name: str, ylabel: str, log: bool = True) -> None:
    """Median over seeds as a line, their range as a band, each seed as a hairline; ``runs`` is ``(n_seeds, n_probes)``."""
    colour = COLOURS[name]
    ax.plot(step, runs.T, color=colour, lw=0.4, alpha=0.5)
    ax.fill_between(step, runs.min(0), runs.max(0), color=colour, alpha=0.15, lw=0)
    ax.plot(step, np.median(runs, axis=0), color=colour, label=f"{name}, median of {len(runs)} seeds")
    if log:
        ax.set_yscale("log")
    ax.set_ylabel(ylabel)
    step_axis(ax, int(step[-1]))


def layers(ax: Axes, step: np.ndarray, values: np.ndarray, *, ylabel: str = "SNR", title: str = "") -> None:
    """One line a layer, from dark (first) to light (last); ``values`` is ``(n_probes, n_layers)``."""
    colours = plt.get_cmap("viridis")(np.linspace(0.0, 0.9, values.shape[1]))
    for k, colour in enumerate(colours):
        ax.plot(step, values[:, k], color=colour, lw=1.1, label=f"layer {k + 1}")
    ax.axhline(1.0, color="black", lw=0.8, ls=":")
    ax.set_yscale("log")
    ax.set_ylabel(ylabel)
    ax.set_title(title, loc="left")
    step_axis(ax, int(step[-1]))


def maps(
    rows: Mapping[str, Sequence[np.ndarray]],
    titles: Sequence[str],
    domain: Sequence[tuple[float, float]],
    *,
    labels: Sequence[str] = ("x", "y"),
    diverging: bool = False,
) -> Figure:
    """A table of maps over the domain, one row a name, one column a moment; each map has its own colour scale.

    Args:
        rows: for each name the maps ``(n, n)``, first coordinate along axis 0.
        titles: one a column.
        domain: lowest and highest value of both coordinates.
        labels: names of the coordinates.
        diverging: colours symmetric about zero.
    """
    n_columns = len(titles)
    fig, axes = plt.subplots(len(rows), n_columns, figsize=(7.2, 2.35 * len(rows) + 0.3), squeeze=False, sharex=True, sharey=True)
    extent = (*domain[0], *domain[1])
    for row, (name, fields) in zip(axes, rows.items(), strict=True):
        for ax, field in zip(row, fields, strict=True):
            top = np.nanmax(np.abs(field)) or 1.0
            image = ax.imshow(
                field.T,
                origin="lower",
                extent=extent,
                cmap="RdBu_r" if diverging else "viridis",
                vmin=-top if diverging else 0.0,
                vmax=top,
                interpolation="nearest",
            )
            ax.grid(False)
            fig.colorbar(image, ax=ax, shrink=0.9, pad=0.03).ax.tick_params(labelsize=8)
        row[0].set_ylabel(f"{name}\n{labels[1]}")
    for ax, title in zip(axes[0], titles, strict=True):
        ax.set_title(title)
    for ax in axes[-1]:
        ax.set_xlabel(labels[0])
    return fig


def scrub(
    frames: Sequence[tuple[str, np.ndarray, np.ndarray]],
    domain: Sequence[tuple[float, float]],
    *,
    names: tuple[str, str] = ("u", "residual"),
    limits: tuple[float, float],
) -> FuncAnimation:
    """An animation to scrub through: for each frame a title and two maps ``(n, n)``; show it with ``to_jshtml``."""
    fig, axes = plt.subplots(1, 2, figsize=(6.4, 3.1), dpi=64)
    extent = (*domain[0], *domain[1])
    images = []
    for ax, name, field, top in zip(axes, names, frames[0][1:], limits, strict=True):
        images.append(ax.imshow(field.T, origin="lower", extent=extent, cmap="RdBu_r", vmin=-top, vmax=top))
        ax.set(title=name, xlabel="x", ylabel="y")
        ax.grid(False)
        fig.colorbar(images[-1], ax=ax, shrink=0.8)
    title = fig.suptitle("")

    def draw(k: int) -> list[Artist]:
        text, *fields = frames[k]
        title.set_text(text)
        for image, field in zip(images, fields, strict=True):
            image.set_data(field.T)
        return [title, *images]

    return FuncAnimation(fig, draw, frames=len(frames), interval=400)


#: What the buttons of an animation show, in place of an icon font from another host.
BUTTONS = {
    "fa-minus": "\u2212",
    "fa-fast-backward": "\u00ab",
    "fa-step-backward": "\u2039",
    "fa-play fa-flip-horizontal": "\u25c0",
    "fa-pause": "\u2016",  # no letters, which would contradict the button's name
    "fa-play": "\u25b6",
    "fa-step-forward": "\u203a",
    "fa-fast-forward": "\u00bb",
    "fa-plus": "+",
}


def scrub_page(movie: FuncAnimation, alt: str) -> str:
    """The HTML of an animation that a reader can scrub through offline, with alternative text and a name for its slider.

    matplotlib's own page fetches an icon font from another host; here the buttons carry plain characters.
    """
    page = movie.to_jshtml(fps=2, default_mode="once", embed_frames=True)
    plt.close(movie._fig)  # type: ignore[attr-defined]  # matplotlib declares public names alone
    page = re.sub(r"<link[^>]*>", "", page)
    page = re.sub(r'<i class="fa (fa-[^"]+)"></i>', lambda m: BUTTONS[m[1].strip()], page)
    page = page.replace('<input id="_anim_slider', '<input aria-label="Frame of the animation" id="_anim_slider')
    return page.replace("<img ", f'<img alt="{html.escape(alt)}" ')
