# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Helmholtz: many waves
#
# **You will be able to**
#
# - say why a solution made of waves is hard for a PINN, in numbers;
# - compare two kinds of training at equal steps, over five seeds and against published numbers;
# - recognise, from two numbers of its history, a network that says the same constant everywhere.
#
# **Question.** A solution has many waves, and it is zero on the whole boundary. So zero everywhere
# already fits the boundary. How soon does a network find the waves, and how much does
# residual-based attention (RBA) help it?
#
# **The claim.** The Helmholtz equation with $a = (6, 6)$ is one of the paper's benchmarks
# {cite}`anagnostopoulos2024learning`. The authors draw the start of {term}`total diffusion` at step
# 19,000 for a {term}`vanilla` PINN, and at step 1,000 with {term}`RBA`. The authors' paper on RBA
# {cite}`anagnostopoulos2024residual` has a case with fewer waves, $a = (4, 1)$. For step 20,000 it
# reports an error of 0.029 with RBA, and of 0.107 without.
#
# **What this chapter does.** It trains both kinds here and now with $a = (4, 1)$, and draws the
# networks' solutions on the way. Then it reads published runs of 20,000 steps, five seeds of each
# kind, at a {term}`laptop's size`. At the end it turns to $a = (6, 6)$, with one run of each kind
# at the {term}`authors' size`.
#
# **Before.** {doc}`02_signal_and_noise` for the {term}`SNR` and the three phases,
# {doc}`04_attention` for RBA. {doc}`05_burgers` says how the first fall and the first rise of an
# SNR are read.
#
# **Time.** Less than a minute on two CPU cores for the two trainings, and longer without a C++
# compiler ({doc}`speed`). Times on a GPU were not measured.

# %% tags=["hide-cell"]
import subprocess
import sys

REPOSITORY = "https://github.com/learning-in-pinns/learning-in-pinns"
if "google.colab" in sys.modules:  # elsewhere this cell does nothing
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps"]
    subprocess.run([*pip, f"pinnlib @ git+{REPOSITORY}"], check=True)

# %% tags=["hide-cell"]
import matplotlib.pyplot as plt
import numpy as np
import torch
from IPython.display import HTML, Markdown, display

import pinnlib as pl
from pinnlib import claims, figures, verdicts
from pinnlib.book import authors

figures.style()


def table(head, rows):
    display(Markdown(verdicts.markdown(head, rows)))


# %% [markdown]
# ## Parameters
#
# `SCALE = "quick"` trains a network of 4 hidden layers with 64 units on 4,096
# {term}`collocation points` for 1,500 steps. The authors' scale, `"paper"`, is 6 layers of 128
# units, 25,600 points, 100 batches and 300,000 steps {cite}`anagnostopoulos2024learning`. One step
# at that scale costs about 40 times as much arithmetic, and there are 200 times as many steps. That
# takes about a day on two CPU cores in machine code ({doc}`speed`), so it is best run on a GPU.

# %% tags=["parameters"]
SCALE = "quick"
STEPS = {"quick": 1_500, "paper": 300_000}[SCALE]
SEED = 2

# %%
sizes = {
    "quick": dict(width=64, depth=4, points=4_096, batches=32),
    "paper": dict(width=128, depth=6, points=25_600, batches=100),
}[SCALE]
settings = dict(
    **sizes, steps=STEPS, lr=1e-3, data_points=400, data_weight=1.0, seed=SEED
)

# %% [markdown]
# ## The equation
#
# We look for $u(x, y)$ on the square $[-1, 1]^2$ with
#
# $$
# \begin{aligned}
# u_{xx} + u_{yy} + k^2 u &= q(x, y), \\
# u &= 0 \quad \text{on the boundary.}
# \end{aligned}
# $$ (eq-helmholtz)
#
# The forcing $q$ is chosen such that $u = \sin(a_1 \pi x) \sin(a_2 \pi y)$ is the solution
# {cite}`mcclenny2023self`. We take $k = 1$. With $a = (4, 1)$ there are four waves along $x$ and
# one along $y$. In `pinnlib` the residual is one line:
#
# ```python
# def residual(self, points, d):
#     return d.laplace_u + self.k**2 * d.u - self.forcing(points)
# ```

# %%
problem = pl.problems.Helmholtz(a=(4, 1), k=1.0)
harder = pl.problems.Helmholtz(a=(6, 6), k=1.0)
print(problem, "on", problem.domain)

# %% mystnb={"figure": {"caption": "The solutions of this chapter: a = (4, 1), which most of it is about, and a = (6, 6), the paper's case.", "name": "fig-helmholtz-solution"}, "image": {"alt": "Two maps over x and y with hills in red and valleys in blue. The left one has eight columns in two rows, the right one twelve columns in twelve rows, like a chessboard."}} tags=["hide-input"]
fine = pl.sampling.grid(problem.domain, 81)
fig, axes = plt.subplots(1, 2, figsize=(7.2, 3.2), sharey=True)
square = dict(
    origin="lower", extent=(-1, 1, -1, 1), cmap="RdBu_r", interpolation="nearest"
)
for ax, case in zip(axes, (problem, harder), strict=True):
    field = case.solution(fine).reshape(81, 81).T
    image = ax.imshow(field, vmin=-1, vmax=1, **square)
    ax.set_title(f"a = ({case.a[0]:.0f}, {case.a[1]:.0f})", loc="left")
    ax.set_xlabel("x")
    ax.grid(False)
axes[0].set_ylabel("y")
fig.colorbar(image, ax=axes, label="u")
plt.show()

# %% [markdown]
# {numref}`fig-helmholtz-solution` shows why this is hard. The boundary term asks for zero on the
# boundary, and $u = 0$ satisfies it. Only the equation contains the waves, and its term in the loss
# is large: the second derivative of a wave with four periods is large, and so the forcing is as
# high as 167.

# %%
points = torch.as_tensor(pl.sampling.interior(problem.domain, 4_096, seed=SEED))
square_of_q = problem.forcing(points).square().mean().item()
print(f"mean squared residual of u = 0: {square_of_q:,.0f}; on the boundary: 0")

# %% [markdown]
# So the two terms of the loss differ by a factor of thousands. RBA starts with weights of zero, so
# that the equation begins to count only slowly ({doc}`04_attention`).
#
# ## Train both, here and now
#
# These are the two trainings of {doc}`04_attention`, a little longer. That chapter asked what the
# weights do. Here we look at the networks' solutions.

# %%
attention = pl.RBA(decay=0.999, rate=1e-3)
configs = {
    "vanilla": pl.Config(**settings),
    "RBA": pl.Config(**settings, weighting=attention),
}
quick = {name: pl.train(problem, config) for name, config in configs.items()}

# %% mystnb={"figure": {"caption": "What both networks say at four moments of the trainings made here. Each map has its own colour scale.", "name": "fig-helmholtz-learning"}, "image": {"alt": "Eight maps over x and y. Vanilla has large smooth hills first, then crooked waves upon them, and at the end eight columns in two rows of uneven height. RBA's first map has a scale of a few hundredths; then it has a few crooked strips, and from the third map on eight columns in two rows, even at the end."}} tags=["hide-input"]
coarse = pl.sampling.grid(problem.domain, 51)
shots = [quick["RBA"].snapshot_at(moment) for moment in (100, 300, 600, STEPS)]
fig, axes = plt.subplots(2, 4, figsize=(7.2, 4.6), sharex=True, sharey=True)
for row, (name, run) in zip(axes, quick.items(), strict=True):
    for ax, k in zip(row, shots, strict=True):
        field = run.predict(coarse, k).reshape(51, 51).T
        top = np.abs(field).max()
        image = ax.imshow(field, vmin=-top, vmax=top, **square)
        ax.grid(False)
        fig.colorbar(image, ax=ax, location="bottom", shrink=0.9)
        ax.set_title(f"step {run.snapshots['step'][k]:,}", loc="left")
    row[0].set_ylabel(f"{name}\ny")
here = f"trained here: {configs['RBA'].describe()}, and the same without weights"
figures.stamp(fig, here)
plt.show()

# %% mystnb={"figure": {"caption": "Relative L2 error of the same two runs, on a grid of 201 x 201 points. Dotted: an error of 1, that of a network which says zero everywhere.", "name": "fig-error-quick"}, "image": {"alt": "Relative error against the Adam step. Vanilla grows to eight; RBA stays near one up to step one hundred and fifty and overshoots to three, then falls to one tenth, while vanilla only comes down to one."}} tags=["hide-input"]
fig, ax = plt.subplots()
history = {name: run.history for name, run in quick.items()}
figures.curves(
    ax,
    history["RBA"]["step"],
    {n: h["rel_l2"] for n, h in history.items()},
    ylabel="relative L2 error",
)
ax.axhline(1.0, color="black", lw=0.8, ls=":")
ax.legend()
figures.stamp(fig, here)
plt.show()

# %% [markdown]
# {numref}`fig-helmholtz-learning` shows that the two kinds learn in different ways. The vanilla
# network soon has large smooth hills, several times as high as the solution. Its first waves lie on
# top of the hills, and they are crooked. Smooth hills leave only a small residual
# ({doc}`04_attention`), and the boundary term is too weak to remove them. At the end the waves are
# all there, but the hills are still under them.
#
# The network with RBA at first is nearly zero, as the boundary asks. Then it has crooked strips,
# more than twice as high as the solution. But the strips soon turn into waves, and at the end the
# waves are even.
#
# {numref}`fig-error-quick` says the same in numbers. Both runs start *worse* than the zero
# function, whose error is 1. RBA recovers within a few hundred steps. The vanilla run needs more
# than a thousand steps to come back to the error that it started with.

# %% mystnb={"figure": {"caption": "SNR of the batch gradients in the same two runs, with its first fall through 1 and its first rise. Dots are single probes, the line is their running median, the band holds 80% of the probes around.", "name": "fig-snr-quick"}, "image": {"alt": "Two panels of SNR against the Adam step. Vanilla starts below one tenth and rises above one after a thousand steps. RBA's median starts near ten to the fourth, falls below one tenth, and rises again."}} tags=["hide-input"]
fig, _ = figures.snr_pair(quick)
figures.stamp(fig, here)
plt.show()

# %% [markdown]
# {numref}`fig-snr-quick` shows the SNR of both runs. RBA's SNR starts far above 1, while only the
# boundary counts. It falls through 1 within the first hundred steps and stays low for some hundred
# steps. The vanilla run's SNR begins *below* 1. Both rise through 1 after step 1,000.
#
# By the time of that rise RBA's error has already fallen: it is 1 where the SNR is lowest, and near
# a tenth at the rise.

# %% tags=["hide-cell"]
rba, vanilla = quick["RBA"], quick["vanilla"]


def between(run, first, last):
    step = run.history["step"]
    return run.history["snr"][(step >= first) & (step <= last)]


tests = {
    "three parts, by first crossings": len(claims.of_crossings(rba).sequence) == 3,
    "vanilla starts below 1": "fitting" not in claims.of_crossings(vanilla).sequence,
    "RBA's SNR above 1,000 at step 0": between(rba, 0, 0)[0] > 1e3,
    "below 0.2 in steps 50 to 500": between(rba, 50, 500).min(initial=np.inf) < 0.2,
    "above 1 again by the end": between(rba, 500, STEPS).max(initial=0.0) > 1.0,
    "RBA's error at most 0.2 at step 1,000": rba.at(1_000)["rel_l2"] <= 0.2,
    "vanilla's at least 0.6": vanilla.at(1_000)["rel_l2"] >= 0.6,
    "RBA 3x more accurate": 3 * rba.at(STEPS)["rel_l2"] < vanilla.at(STEPS)["rel_l2"],
}
for label, holds in tests.items():
    print(f"{label}:", bool(holds))

# %% [markdown]
# ## The published records
#
# What was trained here is one seed and 1,500 steps. The {term}`records <record>` hold five seeds of
# each kind, with 20,000 steps, the same network and as many points. Each run took 7 to 30 minutes
# on one core. This is smaller than the paper's scale:
#
# | | records | the paper |
# |---|---|---|
# | width of the network | 64 | 128 |
# | points | 4,096 | 25,600 |
# | steps | 20,000 | 300,000 |
# | batches | 32 | 100 |
#
# To remake the first record with RBA:
#
# ```
# python -m pinnlib train helmholtz --a 4 1 --weighting rba --steps 20000 --seed 0 --snapshots 24 \
#     --compile --threads 1 --device cpu --out helmholtz_a4-1_rba_seed0.npz
# ```
#
# In the other seeds the weights of the network are kept at the first and the last step only
# (`--snapshots 2`).

# %%
records = pl.records.kinds("helmholtz_a4-1")
step = records["RBA"][0].history["step"]
LAST = int(step[-1])
MOMENTS = (1_000, 4_000, 20_000)

# %% mystnb={"figure": {"caption": "Relative L2 error over five seeds: median, range, and each seed as a hairline. Right: the same on a linear axis of steps.", "name": "fig-error-record"}, "image": {"alt": "Relative error against the Adam step for five seeds of each kind, on a logarithmic axis and on a linear one. RBA falls to about one hundredth, vanilla to about one tenth, and the ranges do not overlap after step five hundred. Late, RBA's error has spikes upward."}} tags=["hide-input"]
ALSO = "; and the same without weights"


def late(ax, first, last):
    """The panel on a linear axis of steps."""
    ax.set(xscale="linear", xlim=(first, last), ylabel="")
    ax.set_title("linear steps", loc="left")
    ax.xaxis.set_major_locator(plt.MaxNLocator(3))
    ax.xaxis.set_major_formatter("{x:,.0f}")


both = dict(sharey="row", width_ratios=(1.7, 1))
fig, axes = plt.subplots(1, 2, figsize=(7.2, 3.4), **both)
for ax in axes:
    for name, runs in records.items():
        errors = pl.records.over_seeds(runs, "rel_l2")
        figures.band(ax, step, errors, name=name, ylabel="relative L2 error")
late(axes[1], 0, LAST)
axes[0].legend(loc="lower left", fontsize=8)
figures.stamp(fig, records["RBA"], ALSO)
plt.show()

# %% tags=["hide-input"]
THEIRS = {1_000: ("1.15 at step 900", "0.109 at step 900"), LAST: ("0.107", "0.029")}
rows = []
for moment in MOMENTS:
    errors = [[r.at(moment)["rel_l2"] for r in runs] for runs in records.values()]
    ratios = [a / b for a, b in zip(*errors, strict=True)]
    cells = [verdicts.spread(values) for values in (*errors, ratios)]
    rows.append((f"{moment:,}", *cells, *THEIRS.get(moment, ("", ""))))
head = ("step", "vanilla", "RBA", "vanilla over RBA, seed by seed")
table((*head, "authors, vanilla", "authors, RBA"), rows)

# %% [markdown]
# {numref}`fig-error-record` is the clearest result of the chapter. From step 500 on every run with
# RBA is better than every run without. The last two columns of the table are the authors' numbers
# {cite}`anagnostopoulos2024residual`. Their network has 6 layers of 128 units, and their boundary
# term has the weight 100. At step 20,000 our medians are smaller than their numbers, with RBA and
# without.
#
# At step 1,000 the errors of the five seeds with RBA differ by a factor of nearly two. So a single
# seed would be no more than an example. In seed 2, which was trained here, vanilla's error at that
# step is ten times RBA's.
#
# Where does the rest of the error sit? We compare the error on the boundary with that on the whole
# square.

# %%
test_points = problem.test_grid()
exact = problem.solution(test_points)
on_edge = (np.abs(test_points) == 1.0).any(axis=1)


def edge_over_all(run):
    square = (run.predict(test_points) - exact)[:, 0] ** 2
    return float(np.sqrt(square[on_edge].mean() / square.mean()))


for name, runs in records.items():
    print(
        f"{name}: rms error on the boundary over rms error everywhere:",
        verdicts.spread([edge_over_all(r) for r in runs], ".2g"),
    )

# %% [markdown]
# On the boundary the error is two to three times as large as over the square. Our boundary term has
# the weight 1. {numref}`ex-helmholtz-weight` asks what a larger weight does.
#
# ## Signal and noise

# %% mystnb={"figure": {"caption": "SNR of the records of seed 0, with its first fall through 1 and its first rise. Right: the last 4,000 steps on a linear axis.", "name": "fig-snr-record"}, "image": {"alt": "SNR of vanilla above and of RBA below, on a logarithmic axis to step 20,000, and enlarged at the end. Both runs rise above one after one to two thousand steps. Enlarged, vanilla's median is mostly above one with single dots far below, and RBA's median alternates within a few hundred steps between two and a hundredth."}} tags=["hide-input"]
fig, axes = plt.subplots(2, 2, figsize=(7.2, 5.2), **both)
for row, (name, runs) in zip(axes, records.items(), strict=True):
    crossings = claims.of_crossings(runs[0])
    figures.snr(row[0], runs[0].history, name, crossings=crossings)
    figures.snr(row[1], runs[0].history, name)
    late(row[1], LAST - 4_000, LAST)
for ax in axes[0]:
    ax.set_xlabel("")
figures.legend(fig, axes[0, 0])
figures.stamp(fig, records["RBA"][0], ALSO)
plt.show()


# %%
def share_above_one(run):
    """Share of the probes with an SNR above 1, from its first rise on."""
    onset = claims.onset(run)
    after = run.history["step"] >= (np.inf if onset is None else onset)
    return float(np.mean(run.history["snr"][after] > 1.0)) if after.any() else None


def usual_jump(run, quantity):
    """Median factor from one probe to the next, after step 2,000."""
    values = run.history[quantity][run.history["step"] >= 2_000]
    return float(10 ** np.median(np.abs(np.diff(np.log10(values)))))


# %% tags=["hide-input"]
def of_starts(runs, quantity):
    return verdicts.spread(pl.records.over_seeds(runs, quantity)[:, 0], ".2g")


def of_jumps(runs, quantity):
    return verdicts.spread([usual_jump(run, quantity) for run in runs], ".2g")


rows = {
    "SNR at step 0": lambda runs: of_starts(runs, "snr"),
    "of the residual term alone": lambda runs: of_starts(runs, "snr_residual"),
    "boundary's gradient over the signal, step 0": lambda runs: verdicts.spread(
        [run.history["signal_data"][0] / run.history["signal"][0] for run in runs]
    ),
    "first rise, step": lambda runs: verdicts.spread(
        [claims.onset(run) for run in runs], ",.0f"
    ),
    "probes above 1 after it": lambda runs: verdicts.spread(
        [share_above_one(run) for run in runs], ".2f"
    ),
    "signal, factor from probe to probe": lambda runs: of_jumps(runs, "signal"),
    "noise, factor from probe to probe": lambda runs: of_jumps(runs, "noise"),
}
cells = [(label, *map(row, records.values())) for label, row in rows.items()]
table(("median (range) of five seeds", *records), cells)

# %% [markdown]
# {numref}`fig-snr-record` shows what comes after the first 1,500 steps. The SNR rises through 1 in
# all ten runs. In four pairs of five it rises earlier with RBA. But it does not *stay* above 1. The
# panels at the right enlarge the last 4,000 steps. RBA's running median there sinks below 1 again
# and again, for some hundred steps. Vanilla's running median is above 1 for most of these steps,
# while single probes fall far below.
#
# Over the whole time after its first rise an RBA run is above 1 in two fifths of its probes, and a
# vanilla run in about half. The {term}`strict rule` of {doc}`13_phases` asks whether the SNR stays
# above 1. It counts decades of steps above 1, and takes off those below 1. By this rule none of the
# ten runs has the third phase.
#
# The first rows of the table say again why RBA's SNR starts so high: at step 0 RBA's loss is the
# boundary term alone ({doc}`04_attention`), which all batches share.
#
# The SNR is signal over noise. Which of the two changes so much? {numref}`fig-signal-noise` shows
# them separately.

# %% mystnb={"figure": {"caption": "Signal and noise apart, for the records of seed 0. Right: the last 4,000 steps on a linear axis.", "name": "fig-signal-noise"}, "image": {"alt": "Norm of the mean and norm of the standard deviation of the batch gradients against the Adam step, vanilla above and RBA below, the last steps enlarged at the right. After step one thousand the signal jumps over several decades, the noise over little more than one."}} tags=["hide-input"]
fig, axes = plt.subplots(2, 2, figsize=(7.2, 4.8), **both)
for row, (name, runs) in zip(axes, records.items(), strict=True):
    h = runs[0].history
    figures.signal_noise(row[0], h["step"], h["signal"], h["noise"], title=name)
    figures.signal_noise(row[1], h["step"], h["signal"], h["noise"])
    late(row[1], LAST - 4_000, LAST)
for ax in axes[0]:
    ax.set_xlabel("")
figures.legend(fig, axes[0, 0])
figures.stamp(fig, records["RBA"][0], ALSO)
plt.show()

# %% [markdown]
# It is mostly the {term}`signal`, the length of the full gradient. From one probe to the next it
# changes by a factor of ten, or of seven with RBA, and in all it spans four decades. The
# {term}`noise` changes by a factor of about two, or of 1.2 with RBA. So a {term}`burst` of the SNR
# is a burst of the full gradient.
#
# The enlarged panels show a burst every few hundred steps. Full-batch Adam is known for such
# bursts, at the {term}`edge of stability` {cite}`cohen2022adaptive`. {doc}`10_adams_view` asks
# whether the bursts here are a phase or that edge.
#
# ### Layer by layer
#
# The SNR of each layer can be measured as well. {numref}`fig-layers` shows the running median of
# each.

# %% mystnb={"figure": {"caption": "SNR layer by layer (running median), for the records of seed 0. Right: the first and the last layer in the last 4,000 steps, on a linear axis.", "name": "fig-layers"}, "image": {"alt": "SNR by layer against the Adam step, vanilla above and RBA below. With RBA all five layers fall through one at about the same time. They rise above it at different ones, the first two layers first. At the right the first layer and the dashed last one burst and fall together, the first one a little higher."}} tags=["hide-input"]
fig, axes = plt.subplots(2, 2, figsize=(7.2, 4.8), **both)
for row, (name, runs) in zip(axes, records.items(), strict=True):
    h = runs[0].history
    smooth = np.array(
        [
            10 ** pl.phases.running_quantiles(np.log10(layer), (0.5,))[0]
            for layer in h["snr_layers"].T
        ]
    )
    figures.layers(row[0], h["step"], smooth.T, title=name)
    first, last = row[0].lines[0].get_color(), row[0].lines[4].get_color()
    row[1].plot(step, smooth[0], color=first, lw=1.2)
    row[1].plot(step, smooth[-1], "--", color=last, lw=1.2)
    row[1].axhline(1.0, color="black", lw=0.8, ls=":")
    late(row[1], LAST - 4_000, LAST)
axes[0, 0].set_xlabel("")
axes[1, 1].set_xlabel("Adam step")
figures.legend(fig, axes[0, 0], columns=5)
figures.stamp(fig, records["RBA"][0], ALSO)
plt.show()


# %% tags=["hide-input"]
def of_layer(run, k):
    """First fall and first rise of a layer's SNR, and the share of late probes above 1."""
    own = run.history["snr_layers"][:, k]
    found = pl.crossings.first(step, own)
    steps = [
        f"{b.step:,}" if b else "none"
        for b in (found.fitting_end, found.total_diffusion)
    ]
    return *steps, f"{np.mean(own[step >= LAST / 2] > 1.0):.0%}"


def widest(run, first, last):
    """Largest over smallest running median of the layers, between two steps."""
    logs = np.log10(run.history["snr_layers"].T)
    smooth = [pl.phases.running_quantiles(own, (0.5,))[0] for own in logs]
    chosen = (step >= first) & (step <= last)
    return float(10 ** np.ptp(smooth, axis=0)[chosen].max())


# %% tags=["hide-input"]
rows = []
for k in range(5):
    cells = zip(*(of_layer(runs[0], k) for runs in records.values()), strict=True)
    rows.append((k + 1, *(cell for pair in cells for cell in pair)))
head = [
    f"{label}, {name}" for label in ("first fall", "first rise") for name in records
]
head += [f"probes above 1 after step 10,000, {name}" for name in records]
table(("layer", *head), rows)
factors = [f"{name} {widest(runs[0], 30, 500):.1f}" for name, runs in records.items()]
print("largest over smallest layer, steps 30 to 500:", ", ".join(factors))

# %% [markdown]
# All layers of the RBA run fall through 1 at nearly the same time, within ten steps. In the vanilla
# run all layers start below 1. Between steps 30 and 500, before the rise, the highest layer is
# above the lowest one by up to the factors printed under the table.
#
# The layers do not rise together. In both runs the first two layers rise first. The last layer
# rises only after step 10,000, and the fourth layer of the RBA run does not rise at all. Afterwards
# the first two layers are above 1 most often.
#
# Yet in the panels at the right the first and the last layer burst and fall at the same moments. So
# the late rise of a deep layer is no event of its own: it is only that the same bursts now reach
# above 1 in this layer as well. All this is seen in seed 0 alone.
#
# ## Are the residuals even?
#
# The paper says that residuals become {term}`homogeneous` with RBA. To measure this, the square is
# cut into $10 \times 10$ cells. The {term}`order parameter` is 1 if all cells have the same mean
# size of the residual.

# %% mystnb={"figure": {"caption": "Order parameter of the residual over 10 x 10 cells, running median over 15 probes: 1 where all cells have the same mean residual. Right: the same on a linear axis of steps.", "name": "fig-order"}, "image": {"alt": "Order parameter of the residual against the Adam step for five seeds of each kind. All start at 0.91. Vanilla dips between steps one hundred and one thousand, down to 0.63 in one seed; RBA in some seeds only. RBA's median ends at 0.97, vanilla's at 0.94. On the linear axis single RBA runs drop for short times."}} tags=["hide-input"]
fig, axes = plt.subplots(1, 2, figsize=(7.2, 3.4), **both)
for ax in axes:
    for name, runs in records.items():
        order = pl.records.over_seeds(runs, "order_residual", window=15)
        label = "order of the residual"
        figures.band(ax, step, order, name=name, ylabel=label, log=False)
late(axes[1], 0, LAST)
axes[0].legend(loc="lower left", fontsize=8)
figures.stamp(fig, records["RBA"], ALSO)
plt.show()

# %% [markdown]
# In {numref}`fig-order` all runs start at the same height. At the start the residual is the
# forcing, whose pattern is about as strong in every cell. Then the order sinks while the network
# learns, and it sinks less with RBA. From step 1,000 on RBA's median is higher than vanilla's,
# except for one short dip near step 10,600. So the residuals are more homogeneous with RBA, as the
# paper claims, but by little. In the mean over the second half of the training this holds in four
# pairs of five, which chance alone gives in one case of five.
#
# In single runs with RBA the order drops for short times. When does it drop?


# %% tags=["hide-input"]
def order_where(run, above, first=2_000):
    """Median order of the residual from a step on, where the SNR is above 1 or not."""
    h = run.history
    chosen = (h["step"] >= first) & ((h["snr"] > 1.0) == above)
    return np.median(h["order_residual"][chosen])


rows = []
for above, label in ((True, "above"), (False, "below")):
    cells = [
        verdicts.spread([order_where(r, above) for r in runs])
        for runs in records.values()
    ]
    rows.append((f"where the SNR is {label} 1", *cells))
table(("order of the residual after step 2,000", *records), rows)

# %% [markdown]
# With RBA the residual is *less* even at probes with an SNR above 1. In a burst the gradients of
# the batches agree, and the residual then has a smooth pattern. So here a large SNR and even
# residuals do not come at the same moments, though both come late in training.
#
# {numref}`fig-maps` shows maps of the residual. They are from the records of seed 0, at three
# moments: the start, a step at which the SNR is low, and the end. Each map has its own colour
# scale.

# %%
grid = pl.sampling.grid(problem.domain, 61)
first = records["RBA"][0]
shots = [first.snapshot_at(s) for s in (0, 300, 20_000)]
rows = {}
for name in records:
    rows[f"|r|, {name}"] = [
        np.abs(records[name][0].residual(k, grid)).reshape(61, 61) for k in shots
    ]
rows["RBA weights"] = [
    pl.order.cell_means(first.points, first.snapshots["rba"][k], problem.domain, 20)
    for k in shots
]
titles = [f"step {first.snapshots['step'][k]:,}" for k in shots]

# %% mystnb={"figure": {"caption": "Size of the residual of both records, and the RBA weights (means over 20 x 20 cells), at three moments; each map has its own colour scale.", "name": "fig-maps"}, "image": {"alt": "Nine maps. The residual starts with the pattern of the forcing and is uneven at step 358. At the end vanilla's is dark but for the boundary, and RBA's has smooth stripes at the left. The weights start at zero, show the pattern of the forcing at step 358, and end at a few tenths nearly everywhere."}} tags=["hide-input"]
fig = figures.maps(rows, titles, problem.domain)
figures.stamp(fig, first, ALSO)
plt.show()

# %% tags=["hide-input"]
head = ("largest residual", *titles, "at the end, collocation points alone")
sizes_of = []
for name, runs in records.items():
    values = [f"{field.max():.3g}" for field in rows[f"|r|, {name}"]]
    sizes_of.append((name, *values, f"{np.abs(runs[0].residual()).max():.2g}"))
table(head, sizes_of)

# %% [markdown]
# Three things stand out.
#
# - At step 358 the residual has lost the pattern of the forcing, but the weights still show it.
#   RBA's weights remember the residuals of about the last 1,000 steps.
# - At the end the vanilla residual is largest on the boundary. No collocation point lies there. At
#   the collocation points the largest residual is five times smaller.
# - At the end RBA's residual is larger than vanilla's, and it has smooth stripes. RBA's last step
#   falls into a burst. So single moments can mislead, and the verdict takes the mean over the
#   second half of the training.
#
# {numref}`fig-scrub` lets you go through the training yourself.

# %% mystnb={"figure": {"caption": "Scrub through the training with RBA: prediction and residual at log-spaced steps.", "name": "fig-scrub"}} tags=["hide-input"]
coarse = pl.sampling.grid(problem.domain, 61)
keep = range(0, len(first.snapshots["step"]), 2)
fields = [
    (
        first.predict(coarse, k).reshape(61, 61),
        first.residual(k, coarse).reshape(61, 61),
    )
    for k in keep
]
names_of = [f"step {first.snapshots['step'][k]:,}" for k in keep]
frames = [(t, u, r) for t, (u, r) in zip(names_of, fields, strict=True)]
movie = figures.scrub(frames, problem.domain, limits=(1.2, 60.0))
HTML(
    figures.scrub_page(
        movie,
        "The prediction and its residual at log-spaced steps of the training with RBA.",
    )
)

# %% [markdown]
# The waves appear within a few frames. After that the prediction hardly changes to the eye, but the
# residual goes on getting smaller.
#
# ## A harder case: $a = (6, 6)$
#
# Now we turn to the setting of the paper's Helmholtz figures, at the authors' size: 6 layers of 128
# units, 25,600 points and 100 batches. The runs begin from the authors' own start, with uniform
# biases. They were made on an H100, to step 40,000 of the authors' 300,000. There is only one run
# of each kind. So the step at which something happens in it depends on chance ({doc}`12_chance`).

# %%
hard = {
    name: pl.records.load(f"authors_helmholtz_{name.lower()}")
    for name in ("vanilla", "RBA")
}

# %% mystnb={"figure": {"caption": "The case a = (6, 6) at the authors' size: SNR (running median) and error of one record of each kind. Right: the same on a linear axis of steps.", "name": "fig-hard"}, "image": {"alt": "SNR above and error below, for vanilla and RBA. Vanilla's SNR sinks to a few millionths while its error stays flat at 2.2; near step 16,000 both shoot up, and the error falls below one half after step 30,000. RBA's error rises to ten near step 1,600 and falls below one half near 3,500; its SNR then alternates around one."}} tags=["hide-input"]
fig, axes = plt.subplots(2, 2, figsize=(7.2, 5.0), sharex="col", **both)
steps_of = hard["RBA"].history["step"]
series = {
    n: 10 ** pl.phases.running_quantiles(np.log10(r.history["snr"]), (0.5,))[0]
    for n, r in hard.items()
}
errors = {n: r.history["rel_l2"] for n, r in hard.items()}
for column in axes.T:
    figures.curves(column[0], steps_of, series, ylabel="SNR")
    column[0].axhline(1.0, color="black", lw=0.8, ls=":")
    figures.curves(column[1], steps_of, errors, ylabel="relative L2 error")
for ax in axes[:, 1]:
    late(ax, 0, int(steps_of[-1]))
axes[1, 1].set_title("", loc="left")
figures.legend(fig, axes[1, 0])
figures.stamp(fig, [hard["RBA"]], ALSO)
plt.show()

# %% tags=["hide-input"]
published = [authors.PUBLISHED[f"helmholtz_{name.lower()}"] for name in hard]


def said(boundary):
    return f"{boundary.step:,}" if boundary else "none"


rows = {
    "error at step 40,000": lambda r: f"{r.history['rel_l2'][-1]:.3g}",
    "error below 0.5 at step": lambda r: f"{claims.first_below(r, 0.5):,}",
    "first rise of the SNR, step": lambda r: f"{claims.onset(r):,}",
    "error falls fastest at step": lambda r: f"{claims.steepest_fall(r):,.0f}",
    "probes above 1 after the rise": lambda r: f"{share_above_one(r):.0%}",
    "fitting ends, by the strict rule": lambda r: said(claims.of_phases(r).fitting_end),
    "total diffusion starts, by it": lambda r: said(
        claims.of_phases(r).total_diffusion
    ),
}

# %% tags=["hide-input"]
cells = [(label, *map(row, hard.values())) for label, row in rows.items()]
for above, label in ((True, "above"), (False, "below")):
    orders = [order_where(r, above, claims.onset(r)) for r in hard.values()]
    found = (f"{order:.3f}" for order in orders)
    cells.append((f"order of the residual after the rise, SNR {label} 1", *found))
below = [f"{p.below[0.5]:,}" for p in published]
drawn = [f"{p.total_diffusion:,}" for p in published]
cells.insert(2, ("the same in the authors' run", *below))
cells.insert(4, ("total diffusion, as the authors draw it", *drawn))
table(("a = (6, 6), authors' size", *hard), cells)

# %% tags=["hide-cell"]
faster = claims.first_below(hard["RBA"], 0.5) < claims.first_below(hard["vanilla"], 0.5)
print("RBA passes 0.5 first, as in the authors' runs:", faster)
print(
    "RBA's error is the smaller one at the end:",
    bool(hard["RBA"].history["rel_l2"][-1] < hard["vanilla"].history["rel_l2"][-1]),
)

# %% [markdown]
# At the authors' size both runs leave their {term}`plateau`. At step 40,000 RBA's error is 0.0751,
# and vanilla's is 0.383 and still falling. RBA's error falls below 0.5 nine times earlier than
# vanilla's, and in the authors' runs it is earlier too.
#
# Without RBA our SNR first rises at step 19,000, where the authors draw the start of total
# diffusion. With RBA our run is later than the authors'. Its SNR first rises at step 4,100, four
# times later than they draw total diffusion. Its error falls below 0.5 at step 3,500, and that of
# the authors' run at step 1,200.
#
# In both our runs the step at which the error falls fastest is within a factor of two of the first
# rise of the SNR. So the paper's reading, that the error falls fastest at that rise, holds here. It
# does not prove that the rise is the cause: a run that has left its plateau has other gradients
# than one that is still on it.
#
# As at a laptop's size, the order of the residual is lower at probes with an SNR above 1.
#
# ### What is the vanilla run doing until step 16,000?
#
# The most striking part of {numref}`fig-hard` is the flat blue line. From step 2,000 to 15,000 the
# error of the vanilla run is 2.2 most of the time. That is *worse* than the zero function. The SNR
# sinks to a hundred-thousandth and less. This is far below the {term}`floor`, the SNR of batches
# that have nothing in common.
#
# What does the network say in this time? Two numbers of the history tell it. One is the size of the
# network's values on the boundary. The other is the size of the network's error, apart from the
# missing waves.

# %%
vanilla, h = hard["vanilla"], hard["vanilla"].history
waiting = (h["step"] >= 9_000) & (h["step"] <= 13_000)
edge = np.sqrt(np.median(h["loss_data"][waiting]))
waves = np.sqrt(np.mean(harder.solution(harder.test_grid()) ** 2))
inside = waves * np.sqrt(np.median(h["rel_l2"][waiting]) ** 2 - 1.0)
print(f"rms of the network on the boundary: {edge:.2f}")
print(f"rms of its error, beside the missing waves: {inside:.2f}")
forcing = harder.forcing(torch.as_tensor(vanilla.points, dtype=torch.float64))
print(f"mean of the forcing over the collocation points: {forcing.mean().item():.2f}")

# %% [markdown]
# Both sizes are 0.98. If a network says one constant everywhere, the two sizes are equal: each is
# the size of that constant. No weights were kept from that time, so we cannot look at the network
# itself.
#
# But the constant can be predicted. The forcing is a chessboard of heights up to 710, and its mean
# over the square is zero. Its mean over the 25,600 points that were drawn is not zero but 1.97. Of
# all constants, half of that mean satisfies the equation and the boundary best. Half of the mean is
# 0.98 ({numref}`ex-helmholtz-constant`), which is what we measured.
#
# So the network has found the best constant and stays there. At the best constant the full gradient
# is nearly zero, while the gradients of the batches still differ. That makes the SNR so small. Near
# step 16,000 the network leaves the constant. The error first shoots up, as in
# {numref}`fig-error-quick`, and then falls.
#
# ## Verdict
#
# Every claim is turned into a yes or no for each seed, by rules that are the same in all chapters
# ({mod}`pinnlib.book.claims`). The ten runs with $a = (4, 1)$ are of a laptop's size, and the
# verdicts say so.
#
# - *Reproduced* means that at least 80% of the runs show the claim. *Not* means that at most 20%
#   show it. *Partly* is what lies between.
# - The strict rule decides on the phases, and on whether the SNR stays above 1. The vanilla runs do
#   not count for these two: they end soon after step 19,000, where the authors draw the start of
#   total diffusion for $a = (6, 6)$.
# - *Abrupt* means that the interval of the first rise spans less than a factor of 2 in steps. First
#   rises in series without phases are that narrow too ({doc}`13_phases`), so the verdict is *cannot
#   tell*.
# - The error *falls fastest* where the slope of $\log$ error against $\log$ step, over a quarter of
#   a decade, is steepest. The claim holds if that step is within a factor of 2 of the first rise.
# - *Homogeneity* is the order of the residual, averaged over the second half of the training.

# %% tags=["hide-input"]
paper = {
    "phases": "yes; a = (6, 6): "
    "boundaries 180 and 19,000 (vanilla), 70 and 1,000 (RBA)",
    "accuracy": "3.7 times at step 20,000 (0.029 against 0.107)",
    "onset": "1,000 against 19,000 for a = (6, 6)",
}
found = claims.summary(
    records["vanilla"],
    records["RBA"],
    paper,
    MOMENTS,
    scale=verdicts.LAPTOP,
    draws=(19_000, 1_000),
)
display(Markdown(verdicts.table(found)))

# %% [markdown]
# The rows that say *not* are about the phases, and about where the error falls fastest. In eight of
# ten runs of a laptop's size the error falls fastest well before the SNR rises. As to the phases,
# the strict rule does not see a weak rise, and a run may be too short for this rule
# ({doc}`13_phases`).
#
# At the authors' size our run with RBA has all three phases, and so has the authors' own run with
# RBA ({doc}`22_scorecard`). The vanilla run of that size has no fitting phase: its SNR begins below
# 1, as in the authors' series.
#
# **Three takeaways**
#
# 1. On this equation RBA is more accurate at equal steps, in all five pairs of runs. In the median
#    its error at step 20,000 is 7.8 times smaller.
# 2. The SNR rises through 1 in every run. After that it bursts and sinks, in all ten small runs and
#    with RBA at the authors' size. The vanilla run at the authors' size differs: after its rise it
#    is above 1 in 96% of the probes. In RBA's bursts the residuals are less even.
# 3. Between the two kinds a larger SNR is no sign of the better solution. After its first rise
#    vanilla is above 1 more often than RBA, at both sizes, and less accurate at both.
#
# So do not stop or go on because of the SNR alone. {doc}`what_to_do_when` says what to look at, and
# how to choose between RBA and a weight of the data.
#
# **Limits.** This is one equation with a smooth closed-form solution, one shape of network and one
# learning rate. The ten runs have 20,000 steps instead of 300,000. What they do not show may be
# there at the authors' size. At that size we have one run of each kind, to step 40,000.
#
# Nothing here says whether RBA works by *attention* or by a slowly growing weight of the equation.
# {doc}`11_balance` asks that. {doc}`14_transition` asks what the rise of the SNR is.
#
# ## Exercises
#
# ```{exercise}
# :label: ex-helmholtz-loud
#
# The function $u = 0$ satisfies the boundary. Its mean squared residual is the mean of $q^2$. How
# many times larger is that mean with $a = (6, 6)$ than with $a = (4, 1)$? Derive it from $u$ with
# pencil and paper, and write the number into the cell.
# ```

# %%
answer = None  # your number here

# %% tags=["hide-input"]
nodes = torch.as_tensor(fine)
loudness = [case.forcing(nodes).square().mean().item() for case in (harder, problem)]
pl.book.exercises.check(answer, loudness[0] / loudness[1], within=0.1)

# %% [markdown]
# ```{solution} ex-helmholtz-loud
# :class: dropdown
#
# Each second derivative of the solution is the solution times $-a_i^2 \pi^2$. So
# $q = (1 - (a_1^2 + a_2^2) \pi^2)\, u$, which is $-167\, u$ for $a = (4, 1)$ and $-710\, u$ for
# $a = (6, 6)$. The mean of $u^2$ is $1/4$ in both. The ratio of the squares is about 18.
# ```
#
# ```{exercise}
# :label: ex-helmholtz-constant
#
# A network says the constant $c$ everywhere. Its loss is the mean of $(c - q)^2$ over the
# collocation points, plus $c^2$ for the boundary. Which $c$ is best? What relative $L_2$ error does
# it have, if the solution has mean zero and mean square $1/4$? Take 1.97 for the mean of $q$, and
# write the error into the cell.
# ```

# %%
answer = None  # your number here

# %% tags=["hide-input"]
truth = float(np.median(h["rel_l2"][waiting]))
pl.book.exercises.check(answer, truth, within=0.05)

# %% [markdown]
# ```{solution} ex-helmholtz-constant
# :class: dropdown
#
# The derivative of the loss by $c$ is $2(c - \bar q) + 2c$, with the mean $\bar q$ of the forcing.
# It is zero at $c = \bar q / 2 = 0.98$. The mean squared error is $c^2 + 1/4$, since the waves have
# mean zero. Divided by $1/4$, and under the root, this is the relative error:
# $\sqrt{1 + 4 c^2} \approx 2.2$. That is the height of the flat line in {numref}`fig-hard`.
# ```
#
# ```{exercise}
# :label: ex-helmholtz-weight
#
# Train the vanilla run with `data_weight=20.0`, all other settings as here. How much of RBA's lead
# at the last step does this one number make up for?
# ```
#
# ```{solution} ex-helmholtz-weight
# :class: dropdown
#
# In one run, seed 2, the error at step 1,500 is 0.168. The vanilla run here has 0.871 there, and
# RBA has 0.091. Measured in {term}`decades <decade>`, the weight of 20 makes up for 73% of the
# lead: that is $\log(0.871 / 0.168)$ divided by $\log(0.871 / 0.091)$. {doc}`11_balance` has five
# seeds, and more controls.
# ```
#
# ```{exercise}
# :label: ex-helmholtz-power
#
# Train with `pl.RBA(power=1)`, so that the loss holds $\lambda_i r_i^2$ instead of
# $(\lambda_i r_i)^2$. Does the SNR fall through 1 earlier or later? Predict it first: the weights
# start at zero and are small for the first hundred steps.
# ```
#
# ```{solution} ex-helmholtz-power
# :class: dropdown
#
# Earlier. A small weight is larger than its square, so the equation counts sooner. In one run, seed
# 2, the first fall is at step 14. With the square it is at step 40. Yet the run does not become
# better: its error at step 1,500 is 0.160, against 0.091 with the square.
# ```
#
# ## References
#
# All works cited are in the {doc}`bibliography`.
