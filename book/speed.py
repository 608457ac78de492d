# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Speed
#
# **Question.** How fast does this book train, against what its readers use today, and how near is
# that to what the machine can do at all?
#
# **What is timed.** Whole training steps: the loss, its gradient and Adam's update, in float32 on
# two threads. The problem is the same for all: the residual of the Allen-Cahn equation plus 512
# initial values, from the same weights at the same points. The first three losses must agree to a
# thousandth, so nobody does less work. All contenders are called in turns within one run, together
# with plain matrix products. So whatever slows the machine slows all of them, and what counts is
# the ratio of medians.
#
# **Who takes part.** PyTorch with nested `autograd.grad`, which is how most PINNs are written.
# DeepXDE with its PyTorch backend. JAX, compiled, in two forms: `grad` of `grad`, and `jvp` of
# `jvp`. And this book's library, with and without a C++ compiler.
#
# **Time.** This page reads recorded results. `make bench` makes them anew, in about a quarter of an
# hour on a machine that does nothing else.

# %% tags=["hide-cell"]
import subprocess
import sys
from urllib.request import urlretrieve

REPOSITORY = "https://github.com/learning-in-pinns/learning-in-pinns"
if "google.colab" in sys.modules:  # elsewhere this cell does nothing
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps"]
    subprocess.run([*pip, f"pinnlib @ git+{REPOSITORY}"], check=True)
    raw = REPOSITORY.replace("github.com", "raw.githubusercontent.com")
    urlretrieve(f"{raw}/main/book/speed.json", "speed.json")

# %% tags=["hide-cell"]
import json
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from IPython.display import Markdown, display

import pinnlib as pl
from pinnlib import figures, verdicts

figures.style()
found = json.loads(Path("speed.json").read_text())
LARGE, MIDDLE, SMALL = (25_600, 128, 6), (4_096, 64, 4), (2_048, 64, 4)
OURS, EAGER, NESTED = "pinnlib, compiled", "pinnlib", "PyTorch, nested"
NAMES = (OURS, EAGER, "JAX, forward", "JAX, nested", "DeepXDE", NESTED)
COLOUR = dict(
    zip(
        NAMES,
        ("#000000", "#CC79A7", "#56B4E9", "#2A6E94", "#F0E442", "#E69F00"),
        strict=True,
    )
)


# %% tags=["hide-input"]
def size_of(row):
    return row["points"], row["width"], row["depth"]


def row(section, size, contender):
    """The row of a size and a contender."""
    (one,) = (
        r for r in found[section] if size_of(r) == size and r["contender"] == contender
    )
    return one


def case(size):
    return f"{size[0]:,} points, {size[1]} x {size[2]}"


def number(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


# %%
machine = found["machine"]
MEASURED = f"Allen-Cahn, float32, {machine['threads']} threads, "
MEASURED += f"{machine['cpu']}, {machine['date']}"
print(f"{machine['cpu']}, {machine['threads']} threads; {machine['date']}")
print(
    f"Python {machine['python']}, torch {machine['torch']}, JAX {machine['jax']}, "
    f"DeepXDE {machine['deepxde']}"
)

# %% [markdown]
# ## A step

# %% mystnb={"figure": {"caption": "Median time of a training step at three sizes; the thin lines are quartiles. The dotted line is the time of the step's matrix products alone, at the speed that matrix products of that width reach in the same run.", "name": "fig-speed-steps"}, "image": {"alt": "Three panels of horizontal bars, one a contender. The compiled library has by far the shortest bar in each panel, close to the dotted line of the matrix products; PyTorch, DeepXDE and JAX take two to four and a half times as long."}} tags=["hide-input"]
fig, axes = plt.subplots(1, 3, figsize=(7.2, 2.9), sharey=True)
for ax, size in zip(axes, (LARGE, MIDDLE, SMALL), strict=True):
    rows = [row("steps", size, name) for name in NAMES]
    medians = np.array([r["median_ms"] for r in rows])
    low, high = np.array([r["quartiles_ms"] for r in rows]).T
    ax.barh(range(len(NAMES)), medians, color=[COLOUR[n] for n in NAMES])
    bars = dict(
        xerr=[medians - low, high - medians], fmt="none", ecolor="#555555", lw=0.8
    )
    ax.errorbar(medians, range(len(NAMES)), **bars)
    for k, value in enumerate(medians):
        look = dict(textcoords="offset points", fontsize=7.5)
        ax.annotate(number(value), (value, k), (3, -7), **look)
    ax.axvline(medians[0] * rows[0]["share_of_matmul"], color="black", lw=0.9, ls=":")
    ax.set(title=case(size), xlim=(0, 1.3 * medians.max()), xlabel="ms")
    ax.grid(axis="y", visible=False)
axes[0].set_yticks(range(len(NAMES)), NAMES)
axes[0].invert_yaxis()
figures.stamp(fig, MEASURED)
plt.show()

# %% tags=["hide-input"]
rows = []
for size in (LARGE, MIDDLE, SMALL):
    ours = row("steps", size, OURS)
    cells = [f"{ours['ratio'][name]:.2f}" for name in NAMES[1:]]
    rows.append((case(size), *cells, f"{ours['share_of_matmul']:.0%}"))
times = verdicts.markdown(("size", *NAMES[1:], "of the matrix products' speed"), rows)
said = "How many times as long as the compiled library the others take:"
display(Markdown(f"{said}\n\n{times}"))

# %% [markdown]
# {numref}`fig-speed-steps` shows two things. The compiled step is two to four and a half times as
# fast as every other. And at the large size it takes hardly longer than the arithmetic that it
# cannot avoid. What that arithmetic is follows from the formula: a layer with three streams has
# three matrix products, one forward and two backward, and their number of multiplications is fixed.
# So there is little left to win on this machine without doing less. It does not show that JAX is
# slow: on two cores of a processor it cannot play its strength.

# %% [markdown]
# ## Against points and width

# %% mystnb={"figure": {"caption": "Median time of a step against the number of points at 64 x 4, and against the width at 2,048 points.", "name": "fig-speed-scaling"}, "image": {"alt": "Two panels with logarithmic axes. All curves rise with points and with width; the compiled library is the lowest everywhere; the gap to nested PyTorch is much the same for all points and narrower for wide layers."}} tags=["hide-input"]
fig, axes = plt.subplots(1, 2, figsize=(7.2, 3.4), sharey=True)
sweeps = (
    ("points", lambda r: r["width"] == 64),
    ("width", lambda r: r["points"] == 2_048),
)
for ax, (axis, chosen) in zip(axes, sweeps, strict=True):
    for name in NAMES:
        rows = [r for r in found["scaling"] if r["contender"] == name and chosen(r)]
        x, y = zip(*sorted((r[axis], r["median_ms"]) for r in rows), strict=True)
        ax.loglog(x, y, "o-", ms=3, color=COLOUR[name], label=name)
    ticks = sorted({r[axis] for r in found["scaling"] if chosen(r)})
    ax.set_xticks(ticks, [f"{t:,}" for t in ticks])
    ax.minorticks_off()
    ax.set_xlabel(axis if axis == "points" else "units of a hidden layer")
axes[0].set_ylabel("ms a step")
figures.legend(fig, axes[0])
figures.stamp(fig, MEASURED)
plt.show()


# %% tags=["hide-input"]
def times_as_long(name, points, width):
    size = (points, width, 4)
    return (
        row("scaling", size, name)["median_ms"]
        / row("scaling", size, OURS)["median_ms"]
    )


for name in (NESTED, "JAX, forward"):
    over_points = ", ".join(
        f"{n:,}: {times_as_long(name, n, 64):.1f}" for n in (512, 2_048, 16_384)
    )
    over_width = ", ".join(
        f"{w}: {times_as_long(name, 2_048, w):.1f}" for w in (16, 64, 256)
    )
    print(f"{name} over compiled, by points: {over_points}")
    print(f"{'':{len(name)}}                by width:  {over_width}")

# %% [markdown]
# In {numref}`fig-speed-scaling` the gap to nested autograd hardly depends on the number of points.
# It narrows with the width, since wide layers are mostly matrix products, and at those PyTorch is
# good too. JAX falls behind at many points, for a reason that was not looked into; its memory grows
# with them, as the next figure shows.
#
# ## Memory

# %% mystnb={"figure": {"caption": "Peak memory of three steps above start-up, each contender in a process of its own. Start-up is imports and a step of a tiny network.", "name": "fig-speed-memory"}, "image": {"alt": "Two panels with logarithmic axes, for 64 x 4 and 128 x 6. The library's curves rise to a hundred megabytes at most and hardly further; those of the others rise with the points, to several gigabytes."}} tags=["hide-input"]
fig, axes = plt.subplots(1, 2, figsize=(7.2, 3.4), sharey=True)
for ax, width in zip(axes, (64, 128), strict=True):
    same = [r for r in found["memory"] if r["width"] == width]
    for name in NAMES:
        rows = [r for r in same if r["contender"] == name]
        x, y = zip(*sorted((r["points"], max(r["mb"], 0.1)) for r in rows), strict=True)
        ax.loglog(x, y, "o-", ms=3, color=COLOUR[name], label=name)
    ticks = sorted({r["points"] for r in same})
    ax.set_xticks(ticks, [f"{t:,}" for t in ticks])
    ax.minorticks_off()
    ax.set(title=f"{width} x {rows[0]['depth']}", xlabel="points")
axes[0].set_ylabel("MB")
figures.legend(fig, axes[0])
figures.stamp(fig, f"Allen-Cahn, float32, {machine['cpu']}, {machine['date']}")
plt.show()

# %% [markdown]
# {numref}`fig-speed-memory` shows what a step needs. At the paper's size that is 68 MB, where
# nested autograd takes 1.5 GB. Nested autograd keeps every factor of the chain rule for every
# point. Here a chunk of points is done forward and backward before the next begins, and what the
# next needs is put where the last one was. So the library's memory is bounded by one chunk. It is
# not quite flat: a chunk is a whole part of a batch, so its size varies below its limit, which is
# about 11,000 points at 128 x 6. With RBA the backward pass must wait for all residuals; then at
# most 320 MB of finished chunks wait, and the others are done twice.
#
# ## Where the time goes

# %% mystnb={"figure": {"caption": "Parts of a step. For PyTorch's operations by its profiler; for machine code the matrix products at the speed that they have alone, and the rest of the passes. A difference below zero, which is noise, is drawn as zero.", "name": "fig-speed-profile"}, "image": {"alt": "Three panels of stacked bars. In the nested formulation at the large size activations and other arithmetic take more than half; in the compiled library most of each bar is matrix products."}} tags=["hide-input"]
PARTS = {
    "matrix products": "#4D4D4D",
    "activations and other arithmetic": "#9E9AC8",
    "copies and memory": "#BCDCBC",
    "everything else": "#E6C9A8",
}
fig, axes = plt.subplots(1, 3, figsize=(7.2, 2.6), sharey=True)
who = (OURS, EAGER, NESTED)
for ax, size in zip(axes, (LARGE, MIDDLE, SMALL), strict=True):
    left = np.zeros(len(who))
    for part, colour in PARTS.items():
        own = [r for r in found["profile"] if r["part"] == part and size_of(r) == size]
        ms = {r["contender"]: max(r["ms"], 0.0) for r in own}
        ms = np.array([ms[name] for name in who])
        ax.barh(range(len(who)), ms, left=left, color=colour, label=part)
        left += ms
    ax.set(title=case(size), xlabel="ms")
    ax.grid(axis="y", visible=False)
axes[0].set_yticks(range(len(who)), who)
axes[0].invert_yaxis()
figures.legend(fig, axes[0], columns=2)
figures.stamp(fig, MEASURED)
plt.show()

# %% [markdown]
# {numref}`fig-speed-profile` is the profile before and after. At the large size the customary
# formulation spends most of its time on element-wise arithmetic, not on matrix products. At the
# small sizes its matrix products are slow as well: there are more of them, and thinner ones. Three
# changes turn that around.
#
# 1. **Fewer streams.** A pass carries the value, the slopes that the equation needs, and the
#    operator $u_t - \epsilon u_{xx}$ as *one* stream, since by the chain rule
#
#    $$
#    L h = f'(z)\, L z + f''(z) \sum_{ij} c_{ij}\, \partial_i z\, \partial_j z
#    $$ (eq-operator)
#
#    needs no second derivative on its own. Li and coauthors call this a forward Laplacian
#    {cite}`li2024forward`.
# 2. **Fused, and by hand.** The backward pass of {eq}`eq-operator` is written down, not recorded. A
#    layer keeps what it was given, and nothing else.
# 3. **Tiles.** A tile of 32 points goes through *all* layers before the next tile begins, so its
#    numbers stay in the nearest caches. The library writes this as C++ for the equation at hand and
#    has it compiled, which takes two seconds, once. Without a compiler the same formulas run as
#    PyTorch's operations.
#
# ## SNR, ensembles, entropy

# %% tags=["hide-input"]
BATCHES = {r["points"]: r["batches"] for r in found["probes"]}
HEAD = ("size", "batches", "plain step, ms", "with SNR, ms", "loop over batches, ms")
rows = []
for size in (LARGE, MIDDLE):
    cells = [
        number(row("probes", size, name)["median_ms"])
        for name in ("plain step", "with SNR", "loop over batches")
    ]
    rows.append((case(size), BATCHES[size[0]], *cells))
tables = [verdicts.markdown(HEAD, rows)]

# %% tags=["hide-input"]
HEAD = ("size, 32 batches", "nested step, ms", "a probe, in steps", "vmap", "loop")
rows = []
for size in (MIDDLE, LARGE):
    spent = {r["contender"]: r for r in found["watching"] if size_of(r) == size}
    step = spent["step"]["median_ms"]
    ways = [spent.get(f"probe, {way}") for way in ("rows", "vmap", "loop")]
    cells = [f"{own['median_ms'] / step:.1f}" if own else "-" for own in ways]
    rows.append((case(size), number(step), *cells))
tables.append(verdicts.markdown(HEAD, rows))

# %% tags=["hide-input"]
HEAD, rows = ("size", "path", "8 seeds together, ms", "one by one, ms", "gain"), []
for size in ((256, 64, 4), (1_024, 64, 4)):
    for path in ("compiled", "eager"):
        many, alone = (
            row("seeds", size, f"{how}, {path}") for how in ("together", "one by one")
        )
        gain = f"{many['ratio'][f'one by one, {path}']:.2f}"
        rows.append(
            (case(size), path, *(number(r["median_ms"]) for r in (many, alone)), gain)
        )
tables.append(verdicts.markdown(HEAD, rows))
times = found["entropy"]["times"]
rows = [(name, number(own["median_ms"])) for name, own in times.items()]
tables.append(verdicts.markdown(("binned entropy of a layer", "ms"), rows))
display(Markdown("\n\n".join(tables)))

# %% [markdown]
# **SNR** comes from the same backward pass as the step. A layer's weight gradient sums over points;
# summed batch by batch, it holds the batches' gradients, and their mean is the gradient of the
# step. The loop is the customary way: one backward pass a batch, nested autograd in each. Both find
# the same SNR to a thousandth.
#
# **A monitor** (`pl.Monitor`) watches a training that is not this library's: here nested autograd.
# Its probe evaluates the loss once more, and finds the gradients of 32 batches in one backward pass
# where it can. A loop takes a pass for each batch; vmap holds copies of the graph, and at the large
# size too many.
#
# **An ensemble** trains several seeds as one network with a leading axis. What it can share is what
# a step costs besides arithmetic. Without a compiler that is a good part. In machine code there is
# little left to share: the profile at 2,048 points has less than a fifth of a step outside the
# passes. So the gain is smaller, and at 1,024 points it misses the aim that is stated below. It is
# still the fastest of the four ways.
#
# **Entropy** is that of 25,600 samples of 128 neurons in 30 bins. The customary way is `digitize`
# neuron by neuron, then `unique` over rows. Here the rows are hashed, and rows with equal hashes
# are compared, so the bits are the same.
#
# ## Aims and what was reached
#
# The aims were set before the library was made fast. They are not changed where they are missed.

# %% tags=["hide-input"]
aims = []


def aim(what, limit, value, *, least=True, unit=""):
    met = value >= limit if least else value <= limit
    aims.append(
        (
            what,
            f"{'at least' if least else 'at most'} {limit:g}{unit}",
            f"{number(value)}{unit}",
            "met" if met else "missed",
        )
    )


# %% tags=["hide-input"]
for size, times_faster in ((LARGE, 1.7), (MIDDLE, 2.2), (SMALL, 2.2)):
    aim(
        f"step, {case(size)}, against nested autograd",
        times_faster,
        row("steps", size, OURS)["ratio"][NESTED],
    )
for size in (LARGE, MIDDLE, SMALL):
    aim(
        f"the same without a compiler, {case(size)}",
        1.3,
        row("steps", size, EAGER)["ratio"][NESTED],
    )
for size, times_faster in ((LARGE, 1.2), (MIDDLE, 1.2), (SMALL, 1.0)):
    ratio = row("steps", size, OURS)["ratio"]
    aim(
        f"against JAX, the better of its forms, {case(size)}",
        times_faster,
        min(ratio["JAX, nested"], ratio["JAX, forward"]),
    )
aim(
    f"part of the matrix products' speed, {case(LARGE)}",
    75,
    100 * row("steps", LARGE, OURS)["share_of_matmul"],
    unit=" %",
)

# %% tags=["hide-input"]
memory = [
    row("memory", (points, 128, 6), OURS)["mb"] for points in (6_400, 25_600, 102_400)
]
aim(f"peak memory, {case(LARGE)}", 400, memory[1], least=False, unit=" MB")
in_all = ", ".join(map(number, memory)) + " MB"
aims.append(
    (
        "the same at 6,400, 25,600 and 102,400 points",
        "flat",
        in_all,
        "bounded, not flat",
    )
)
with_snr = row("probes", LARGE, "with SNR")
aim(
    f"step with the SNR of 100 batches over the plain step, {case(LARGE)}",
    1.25,
    1 / with_snr["ratio"]["plain step"],
    least=False,
)

# %% tags=["hide-input"]
aim("the same against a loop over batches", 5, with_snr["ratio"]["loop over batches"])
aim(
    "binned entropy against digitize and unique rows, same bits",
    20,
    times["hashed codes"]["ratio"]["digitize, unique rows"],
)
for path in ("compiled", "eager"):
    together = row("seeds", (1_024, 64, 4), f"together, {path}")
    aim(
        f"8 seeds together against one by one, {case((1_024, 64, 4))}, {path}",
        1.5,
        together["ratio"][f"one by one, {path}"],
    )
on_a_gpu = "step on a GPU, 25,600 points, 128 x 6"
aims.append(
    (on_a_gpu, "at most 1.5 ms on an H100", "2.5 ms, probes included", "missed")
)
display(Markdown(verdicts.markdown(("measure", "aim", "reached", ""), aims)))

# %% [markdown]
# ## Time it here
#
# The cell trains for 100 steps each way on the machine that runs this page. The first training in
# machine code includes the compiler's two seconds, unless it was made before; so it is trained once
# for nothing. The line after it must print the same on every machine.

# %% tags=["nbval-ignore-output"]
problem = pl.problems.AllenCahn()
settings = dict(
    points=2_048, batches=32, steps=100, probe_every=100, snapshots=2, seed=0
)
for compile in (True, False, True):
    run = pl.train(problem, pl.Config(**settings, compile=compile), progress=False)
    print(
        f"{run.provenance['path']:>18}: {100 / run.provenance['wall_time']:.0f} steps "
        "a second, probes included"
    )

# %%
short = dict(
    points=256, batches=8, steps=20, probe_every=20, snapshots=2, dtype="float64"
)
ways = [
    pl.train(problem, pl.Config(**short, compile=compile), progress=False)
    for compile in (True, False)
]
a, b = (run.state["parameters"] for run in ways)
print(
    "both ways agree after 20 steps in float64, to 1e-9:",
    bool(np.abs(a - b).max() <= 1e-9 * np.abs(b).max()),
)

# %% [markdown]
# ## Limits
#
# One processor with two cores, one equation, one activation, float32. On a processor with many
# cores, or with another BLAS, the ratios will differ. Without a compiler a step is made of
# thousands of small parallel parts, each of which waits for the slower core; when other work was on
# this machine, that way was seen to be no more than 1.2 times as fast as nested autograd. JAX's
# strength is accelerators, and none was used here. All contenders ran with freed memory kept by the
# C library, which helps JAX most. DeepXDE evaluates 512 points more than the others. The matrix
# products that set the limit are PyTorch's own (MKL), in pieces that stay in the cache; a faster
# library of products would move the limit. `tanh` in machine code is a rational approximation in
# float32, with a relative error below 4e-7, some five units in the last place. `torch.compile` of
# the nested formulation is not among the contenders: it does not support the double backward pass
# that the second derivatives need.
