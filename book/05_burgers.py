# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Burgers: a layer that is nearly a jump
#
# **You will be able to**
#
# - say what changes in a PINN when the equation changes, and check it in one line;
# - find out where the error of a solution with a steep layer sits, and how far the layer is off;
# - judge from five runs of each kind whether residual-based attention helps on this equation.
#
# **Question.** Can a smooth network learn a solution that is nearly a jump, and does
# residual-based attention (RBA) help it?
#
# **The claim.** The paper {cite}`anagnostopoulos2024learning` names the Burgers equation in the
# titles of its figures. No numbers, data or code for this equation were published. So only the
# paper's general claims can be tested here. It says that a training has three phases. It also says
# that with {term}`RBA` the last phase comes earlier, and the training ends more accurate.
#
# The first PINN on this equation reached a {term}`relative L2 error` of $6.7 \cdot 10^{-4}$
# {cite}`raissi2019physics`. It had 9 layers of 20 units and 10,000 points, and its optimizer was
# L-BFGS.
#
# **What this chapter does.** It takes the first PINN of this book and changes one term of its
# equation. It trains two networks here and now, one without weights ({term}`vanilla`) and one with
# RBA. Then it reads published runs of 60,000 steps, five seeds of each kind.
#
# **Before.** {doc}`01_first_pinn` for the residual and the loss, {doc}`02_signal_and_noise` for the
# {term}`SNR` and the three phases, {doc}`04_attention` for RBA.
#
# **Time.** About a minute on two CPU cores. Times on a GPU were not measured.

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
from IPython.display import Markdown, display

import pinnlib as pl
from pinnlib import claims, figures, verdicts

figures.style()


def table(head, rows):
    display(Markdown(verdicts.markdown(head, rows)))


# %% [markdown]
# ## Parameters
#
# `SCALE = "quick"` trains a network of 4 hidden layers with 32 units on 4,096
# {term}`collocation points` for 4,000 steps. `"paper"` has the size that the authors use on other
# equations: 6 layers of 128 units, 25,600 points, 100 batches and 300,000 steps
# {cite}`anagnostopoulos2024learning`. Such a run is best made on a GPU ({doc}`published`).

# %% tags=["parameters"]
SCALE = "quick"
STEPS = {"quick": 4_000, "paper": 300_000}[SCALE]
SEED = 1

# %%
sizes = {
    "quick": dict(
        width=32,
        depth=4,
        points=4_096,
        batches=32,
        lr=5e-3,
        lr_decay_every=160,
        bias_init="zero",
    ),
    "paper": dict(
        width=128, depth=6, points=25_600, batches=100, lr=1e-3, lr_decay_every=5_000
    ),
}[SCALE]
settings = dict(**sizes, steps=STEPS, data_points=400, seed=SEED)

# %% [markdown]
# ## The equation
#
# A quantity $u(x, t)$ is carried along by itself and smoothed by a small viscosity $\nu$:
#
# $$
# \begin{aligned}
# u_t + u\,u_x &= \nu\,u_{xx}, \qquad \nu = \tfrac{0.01}{\pi}, \\
# u(x, 0) &= -\sin(\pi x), \qquad u(\pm 1, t) = 0 .
# \end{aligned}
# $$ (eq-burgers)
#
# Where $u$ is positive it moves to the right, and where it is negative it moves to the left. At the
# start $u$ is positive on the left side and negative on the right side. So both sides run towards
# the middle. At $t \approx 1/\pi$ they meet at $x = 0$. Without viscosity $u$ would jump there.
# With viscosity a thin layer stays, whose width is a few times $\nu$.
#
# The Cole-Hopf transform turns {eq}`eq-burgers` into the heat equation. So the solution is a
# quotient of two integrals {cite}`cole1951quasi,basdevant1986spectral`. `pinnlib` evaluates them by
# the trapezoidal rule. With half or with twice as many nodes the values change by no more than
# $10^{-13}$, and a series in 90 digits gives the same values. So errors in this chapter are errors
# of the network alone.

# %%
problem = pl.problems.Burgers()
grid = problem.test_grid()
exact = problem.solution(grid)
print(problem)
print("relative error of the reference, at most:", problem.reference_error)

# %% mystnb={"figure": {"caption": "The solution. Left: over the whole domain. Right: at four moments.", "name": "fig-burgers-solution"}, "image": {"alt": "A map of u over t and x, red below and blue above, with a sharp change of sign along x = 0 that forms near t = 0.3; and four profiles over x that steepen from a sine to a jump, whose height then falls."}} tags=["hide-input"]
fig, axes = plt.subplots(1, 2, figsize=(7.2, 3.0))
u = exact.reshape(257, 101)
look = dict(origin="lower", aspect="auto")
domain = dict(**look, extent=(0, 1, -1, 1), interpolation="nearest")
image = axes[0].imshow(u, cmap="RdBu_r", **domain)
axes[0].set(xlabel="time t", ylabel="place x")
axes[0].grid(False)
fig.colorbar(image, ax=axes[0])
for k, t in ((0, 0.0), (25, 0.25), (50, 0.5), (100, 1.0)):
    axes[1].plot(grid.reshape(257, 101, 2)[:, k, 0], u[:, k], label=f"t = {t}")
axes[1].set(xlabel="place x", ylabel="u")
axes[1].legend(fontsize=8)
plt.show()

# %% [markdown]
# {numref}`fig-burgers-solution` shows the difficulty. Nearly everywhere the solution is smooth, and
# late in time it is close to two straight lines. Everything that is hard lies in the layer at
# $x = 0$. This layer is thinner than the line in the figure that shows it.
#
# ## What changes against the heat equation
#
# The first PINN of this book learned the heat equation, $u_t - \alpha\,u_{xx} = 0$
# ({doc}`01_first_pinn`). The Burgers equation has one term more. So the function for the
# residual changes in one line, its last.


# %%
def derivative(f, points):
    return torch.autograd.grad(f.sum(), points, create_graph=True)[0]


def residual(network, points):
    points = points.clone().requires_grad_()
    u = network(points)
    slopes = derivative(u, points)  # by x, and by t
    u_x, u_t = slopes[:, :1], slopes[:, 1:]
    u_xx = derivative(u_x, points)[:, :1]
    return u_t + u * u_x - 0.01 / torch.pi * u_xx  # heat: u_t - ALPHA * u_xx


# %% [markdown]
# The new term is a product of the network and its own slope. So the equation is no longer linear:
# the sum of two solutions is not a solution.
#
# In `pinnlib` the residual of Burgers is one line as well. There, `diffusion_u` stands for
# $u_t - \nu u_{xx}$:
#
# ```python
# def residual(self, points, d):
#     return d.diffusion_u + d.u * d.u_x
# ```
#
# Both functions give the same numbers. At 100 points and in double precision they differ by less
# than $10^{-12}$.

# %% tags=["hide-cell"]
model = pl.models.MLP(2, 1, width=32, depth=4, seed=0, dtype=torch.float64)
where = torch.as_tensor(pl.sampling.interior(problem.domain, 100, seed=0)).double()
ours = problem.residual(where, pl.derivatives.evaluate(model, where, problem.plan))
theirs = residual(model, where)[:, 0]
print(
    "largest difference of the two residuals below 1e-12:",
    bool((ours - theirs).abs().max() < 1e-12),
)

# %% [markdown]
# The loss is that of the heat equation with one number more, a weight $w$ of the data:
#
# $$
# \begin{aligned}
# L(\theta) = {} & \frac{1}{N} \sum_{i=1}^{N} r_i^2 \\
# & + \frac{w}{M} \sum_{j=1}^{M} \big(u_\theta(x_j, t_j) - u_j\big)^2 .
# \end{aligned}
# $$ (eq-burgers-loss)
#
# The data are the given values at $t = 0$ and at $x = \pm 1$. The runs that we train now have
# $w = 1$. The published runs have $w = 20$.
#
# ## Train and measure, here and now
#
# We train one network without weights and one with RBA. Both begin at the same parameters and see
# the same points.

# %%
attention = pl.RBA(decay=0.999, rate=1e-3)
configs = {
    "vanilla": pl.Config(**settings),
    "RBA": pl.Config(**settings, weighting=attention),
}
quick = {name: pl.train(problem, config) for name, config in configs.items()}
rba, vanilla = quick["RBA"], quick["vanilla"]

# %% mystnb={"figure": {"caption": "The runs trained here: residual loss and data loss, both without weights, and the relative L2 error.", "name": "fig-burgers-quick"}, "image": {"alt": "Three panels against the Adam step. From step 20 to about 1,700 the vanilla run's residual loss is the smaller one, often by a factor of ten, and its data loss the larger one. The errors are alike up to about step 1,200. There RBA's error jumps up and stays at about twice vanilla's."}} tags=["hide-input"]
fig, axes = plt.subplots(3, 1, figsize=(7.2, 7.0), sharex=True)
step = quick["RBA"].history["step"]
for ax, key, label in zip(
    axes,
    ("loss_residual", "loss_data", "rel_l2"),
    ("residual loss", "data loss", "relative L2 error"),
    strict=True,
):
    figures.curves(
        ax, step, {name: run.history[key] for name, run in quick.items()}, ylabel=label
    )
figures.legend(fig, axes[0])
here = f"trained here: {configs['RBA'].describe()}, and the same without weights"
figures.stamp(fig, here)
plt.show()

# %% [markdown]
# {numref}`fig-burgers-quick` shows the two losses in separate panels, and below them the error,
# which training does not see.
#
# The first panel is a warning. From step 20 to step 1,700 the residual loss of the vanilla run is
# several times *smaller* than that of the run with RBA. Yet for most of this time, up to step
# 1,000, the error of the vanilla run is no smaller. A function that is nearly flat violates the
# equation only a little, though it is far from the solution. So a small residual loss alone says
# nothing about the solution.
#
# The second panel shows the data loss. RBA begins with weights near zero on the equation. So the
# network with RBA fits the data first, and the equation counts only afterwards.
#
# The third panel has a jump. Near step 1,700 RBA's error has just come down. Then it doubles within
# a hundred steps, and neither of RBA's losses shows it. The next measurement shows why.

# %% tags=["hide-cell"]
print("RBA's SNR above 1,000 at step 0:", bool(rba.history["snr"][0] > 1e3))
print(
    "vanilla's residual loss is the smaller one at step 1,000:",
    bool(vanilla.at(1_000)["loss_residual"] < rba.at(1_000)["loss_residual"]),
)
print(
    "vanilla's data loss is the larger one at step 1,000:",
    bool(vanilla.at(1_000)["loss_data"] > rba.at(1_000)["loss_data"]),
)
print("vanilla's error above 0.1 at step 1,000:", vanilla.at(1_000)["rel_l2"] > 0.1)
print(
    "both errors below 0.5 at the end:",
    all(run.at(STEPS)["rel_l2"] < 0.5 for run in quick.values()),
)

# %% [markdown]
# ## Where is the layer?
#
# The layer is where $u$ changes its sign. It should stand at $x = 0$ at all times. We find its
# place in each network at $t = 1$.


# %%
def layer(run, k=None):
    """Place of the layer at t = 1, in snapshot k of a run, else at its end."""
    x = np.linspace(-0.2, 0.2, 8_001)
    values = run.observe(np.stack([x, np.ones_like(x)], axis=1), k)[:, 0]
    return float(x[np.argmax(np.diff(np.sign(values)) != 0)])


# %% tags=["nbval-ignore-output"]
rows = []
for k, moment in enumerate(rba.snapshots["step"]):
    if moment >= 900:
        cells = [f"{moment:,}"]
        for run in (vanilla, rba):
            cells += [f"{layer(run, k):.3f}", f"{run.at(moment)['rel_l2']:.3f}"]
        rows.append(cells)
head = ("step", "vanilla, layer at", "vanilla, error", "RBA, layer at", "RBA, error")
table(head, rows)

# %% [markdown]
# RBA's layer changes sides. Before the jump of the error it stands to the right of zero, and after
# the jump to the left. On its way it passes zero, and at that moment the error is small. Vanilla's
# layer settles closer to zero. On another machine the layers may end at other places, because of
# rounding.
#
# How much of the error comes from the wrong place of the layer? We move the *exact* solution along
# $x$, and compute the error of the moved solution.


# %%
def error_of_a_move(problem, shift):
    grid = problem.test_grid()
    exact = problem.solution(grid)
    moved = problem.solution(grid - np.array([shift, 0.0]))
    return float(np.linalg.norm(moved - exact) / np.linalg.norm(exact))


shifts = (0.0002, 0.002, 0.0235)
moves = [(shift, f"{error_of_a_move(problem, shift):.2g}") for shift in shifts]
table(("exact solution moved by", "its relative L2 error"), moves)

# %% [markdown]
# RBA's layer ends 0.0235 away from zero in the run shown here. A move by this distance alone makes
# an error of 0.22, as large as RBA's own. So the network has learned the solution, but has put its
# layer in the wrong place.
#
# {numref}`fig-burgers-maps` shows the errors of both networks over the whole domain.

# %% mystnb={"figure": {"caption": "What both networks say at the end of the runs trained here, their errors, and the errors near the layer. Each map has its own colour scale.", "name": "fig-burgers-maps"}, "image": {"alt": "Six maps over t and x. Both predictions look like the solution. The errors are nearly white except for a thin line along x = 0 from t = 0.3 on. The third column enlarges that line: with RBA it is a broad dark band on one side of zero, without it a thinner and paler one."}} tags=["hide-input"]
t = np.linspace(0.0, 1.0, 101)
near = np.stack(np.meshgrid(np.linspace(-0.1, 0.1, 81), t, indexing="ij"), axis=-1)
near = near.reshape(-1, 2)
found = {name: run.observe(grid).reshape(257, 101) for name, run in quick.items()}
fig, axes = plt.subplots(2, 3, figsize=(7.2, 4.4), sharex=True)
for row, (name, values) in zip(axes, found.items(), strict=True):
    close = (quick[name].observe(near) - problem.solution(near)).reshape(81, 101)
    for ax, (title, field, half) in zip(
        row,
        ((name, values, 1), ("error", values - u, 1), ("near x = 0", close, 0.1)),
        strict=True,
    ):
        top = np.abs(field).max()
        span = dict(**look, extent=(0, 1, -half, half), vmin=-top, vmax=top)
        image = ax.imshow(field, cmap="RdBu_r", **span)
        ax.set_title(title, loc="left")
        ax.grid(False)
        fig.colorbar(image, ax=ax, location="bottom", shrink=0.9)
    row[0].set_ylabel("x")
for ax in axes[1]:
    ax.set_xlabel("t")
figures.stamp(fig, here)
plt.show()

# %% tags=["hide-cell"]
strip = np.abs(grid[:, 0]) <= 0.1
for name, values in found.items():
    square = ((values - u) ** 2).ravel()
    print(
        f"{name}: more than half of the squared error lies in |x| <= 0.1:",
        bool(square[strip].sum() > 0.5 * square.sum()),
    )

# %% [markdown]
# The outputs of both networks look right. Their errors sit in a thin line along $x = 0$, from the
# time on at which the layer has formed. The strip $|x| \le 0.1$ is a tenth of the domain, and in
# both runs it holds more than half of the squared error.
#
# The third column enlarges the error near $x = 0$. If the network's layer stands on one side of
# zero, then a band of one colour lies on that side.
#
# Where does RBA put its weights? {numref}`fig-burgers-weights` shows their means in small cells.

# %% mystnb={"figure": {"caption": "RBA weights at the end of the run trained here, means over 20 x 20 cells, and the residual they follow.", "name": "fig-burgers-weights"}, "image": {"alt": "Two maps of coloured cells over t and x. Weights and residual are largest near the start and in a band along x = 0, and small near both ends of the interval."}} tags=["hide-input"]
shown = pl.order.cell_means(rba.points, rba.state["rba"], problem.domain, 20)
left_over = pl.order.cell_means(
    rba.points,
    np.abs(pl.evaluation.residual(rba.final_model(), problem, rba.points)),
    problem.domain,
    20,
)
fig, axes = plt.subplots(1, 2, figsize=(7.2, 3.0), sharey=True)
for ax, field, title in zip(
    axes, (shown, np.log10(left_over)), ("RBA weights", "log10 of abs(r)"), strict=True
):
    image = ax.imshow(field, **domain)
    ax.set_title(title, loc="left")
    ax.grid(False)
    ax.set_xlabel("time t")
    fig.colorbar(image, ax=ax)
axes[0].set_ylabel("place x")
figures.stamp(fig, f"trained here: {configs['RBA'].describe()}")
plt.show()

# %% [markdown]
# The weights are largest near the start and along $x = 0$, and so is the residual. That is what
# {doc}`04_attention` promises. RBA's weights are at most 1, and here the largest mean weight of a
# cell is below one half. The weights enter the loss squared, so one half counts as a quarter.
# Without RBA every point counts as 1. So the equation as a whole counts much less with RBA than
# without.
#
# ## The published runs
#
# The {term}`records <record>` hold five seeds of each kind. The network has the same size as in the
# runs trained here, and there are as many points. In the records the points are from a Sobol
# sequence. Each run has 60,000 steps. The learning rate starts at 0.003, and every 2,000 steps it
# falls to 0.9 of its value. The runs are of a {term}`laptop's size`: each took a few minutes on one
# core of a shared machine ({doc}`published`).
#
# Besides the size and the learning rate, two settings differ from the authors' runs on other
# equations. The biases start at zero, as in the runs trained here. And the data have the weight 20
# in both kinds. A layer in a slightly wrong place makes the residual only a little larger. It is
# the data that hold the layer in its place.
#
# To remake the first run with RBA:
#
# ```
# python -m pinnlib train burgers --bias-init zero --width 32 --depth 4 --points 4096 --sampling sobol --steps 60000 --lr 0.003 --lr-decay-every 2000 \
#     --data-weight 20 --probe-every 100 --weighting rba --seed 0 --snapshots 24 --compile --threads 1 --device cpu --out burgers_rba_seed0.npz
# ```

# %%
records = pl.records.kinds("burgers")
step = records["RBA"][0].history["step"]
LAST = int(step[-1])
MOMENTS = (1_000, 10_000, LAST)

# %% mystnb={"figure": {"caption": "Relative L2 error of the records over five seeds: median, range, and each seed as a hairline. Right: the same on a linear axis of steps.", "name": "fig-burgers-error"}, "image": {"alt": "Relative error against the Adam step, on a logarithmic axis and on a linear one. Vanilla falls below RBA from step 40 on. On the linear axis vanilla goes down steadily from 0.02 to 0.002, while RBA stays near 0.15 up to step 20,000 and then falls to 0.01."}} tags=["hide-input"]
ALSO = ", data weight 20; and the same without weights"


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
rows = []
for moment in MOMENTS:
    cells = [
        verdicts.spread([run.at(moment)["rel_l2"] for run in runs])
        for runs in records.values()
    ]
    rows.append((f"error at step {moment:,}", *cells))
reached = [pl.records.over_seeds(r, "rel_l2")[:, -1] <= 5e-3 for r in records.values()]
counts = [f"{there.sum()} of {len(there)} runs" for there in reached]
rows.append(("error at most 0.005 at the end", *counts))
shifts = [[abs(layer(run)) for run in runs] for runs in records.values()]
rows.append(
    ("layer off at t = 1, at the end", *(verdicts.spread(s, ".1g") for s in shifts))
)
squares = [
    [np.mean(run.state["rba"].astype(float) ** 2) for run in runs]
    for runs in records.values()
]
rows.append(
    (
        "mean squared RBA weight at the end",
        *(verdicts.spread(s, ".1g") for s in squares),
    )
)
table(("median (range) of five seeds", *records), rows)

# %% [markdown]
# {numref}`fig-burgers-error` and the table agree: here RBA is the *less* accurate kind, at every
# step that is compared. On the linear axis RBA's error stays near 0.15 until step 20,000. We had
# aimed at an error of 0.005. All five vanilla runs reach it, and no run with RBA does.
#
# The runs with RBA still improve when they end. The vanilla median falls from 0.0167 at step 10,000
# to 0.002 by step 40,000, and stays there.
#
# The table also says what makes the error that is left. At the end RBA's layer is off by 0.002 in
# the median, ten times as far as vanilla's. The exact solution, moved by 0.002, has an error of
# 0.023. So a misplaced layer is enough to make an error as large as RBA's.
#
# The last row gives a likely reason why RBA is behind. RBA's squared weights are a few hundredths
# in the mean, and the data have the weight 20 as well. With both, the equation hardly counts
# against the data. (In the vanilla runs these weights are computed too, but not used.)
#
# Without the weight of 20, and with 10,000 steps, RBA is the *more* accurate kind in four seeds of
# five ({numref}`ex-burgers-weight`). So one number, the weight of the data, can do a part of what
# RBA does, and both together hurt here. {doc}`11_balance` compares the two on two other equations,
# and {doc}`what_to_do_when` draws the conclusion for practice.
#
# {numref}`fig-burgers-training` follows one run of each kind through its training.

# %% tags=["hide-input"]
through = {}
for name, runs in records.items():
    shots = [runs[0].snapshot_at(moment) for moment in MOMENTS]
    through[f"error, {name}"] = [
        runs[0].observe(grid, k).reshape(u.shape) - u for k in shots
    ]
    through[f"residual, {name}"] = [
        runs[0].residual(k, grid).reshape(u.shape) for k in shots
    ]

# %% mystnb={"figure": {"caption": "Error and residual of the records of seed 0 at the snapshots nearest to steps 1,000, 10,000 and 60,000: log10 of their size.", "name": "fig-burgers-training"}, "image": {"alt": "Twelve maps over t and x, for vanilla and RBA at three moments. Errors shrink from left to right, least in a thin line at x = 0, where they stay largest, with RBA near one tenth and more; the residual is largest there too, except with RBA at the first moment, when it is as large everywhere."}} tags=["hide-input"]
fig, axes = plt.subplots(4, 3, figsize=(7.2, 8.0), sharex=True, sharey=True)
for row, (label, fields) in zip(axes, through.items(), strict=True):
    low = -5 if "error" in label else -4
    for ax, field in zip(row, fields, strict=True):
        size = np.log10(np.abs(field[::2]) + 1e-12)
        image = ax.imshow(size, **domain, vmin=low, vmax=low + 5)
        ax.grid(False)
    row[0].set_ylabel(f"{label}\nx")
    fig.colorbar(image, ax=row)
for ax, moment in zip(axes[0], runs[0].snapshots["step"][shots], strict=True):
    ax.set_title(f"step {moment:,}", loc="left")
for ax in axes[-1]:
    ax.set_xlabel("time t")
figures.stamp(fig, records["RBA"][0], ALSO)
plt.show()

# %% [markdown]
# Away from the layer both kinds become accurate. In the maps of the error a bright line is left at
# $x = 0$ from the second moment on, and it is brighter with RBA. The dark curves mean nothing by
# themselves: along them the error or the residual changes its sign, so its size is near zero.
#
# One map is unlike the others: that of RBA's residual at step 1,100. The residual is spread over
# the whole domain, in smooth stripes. The network has no layer yet, and its residual is as large in
# one place as in another. So a residual can be even because nothing was learned.
#
# ## Signal and noise
#
# {numref}`fig-burgers-snr` shows the SNR. Dots are single probes, and the line is their running
# median. Two steps are marked. Both are read from the SNR alone, and not from the error. The *first
# fall* is where the running median over 7 probes first falls through 1. The *first rise* is where
# it first comes back through 1.
#
# A crossing counts only if the median then goes beyond 1 by a factor of 1.5. The hatched interval
# runs from the last probe that is clearly on the old side to the first that is clearly on the new
# side.

# %% mystnb={"figure": {"caption": "SNR of the records of seed 0, with its first fall through 1 and its first rise. Right: the same on a linear axis of steps.", "name": "fig-burgers-snr"}, "image": {"alt": "SNR of vanilla above and of RBA below, on a logarithmic axis of steps and on a linear one. Vanilla starts near a thousand, RBA near a billion; both fall through one before step 1,000. On the linear axis vanilla's running median stays just below one and RBA's alternates around one between steps 7,000 and 30,000; both sink in the last third."}} tags=["hide-input"]
fig, axes = plt.subplots(2, 2, figsize=(7.2, 5.8), **both)
for row, (name, runs) in zip(axes, records.items(), strict=True):
    crossings = claims.of_crossings(runs[0])
    figures.snr(row[0], runs[0].history, name, crossings=crossings)
    figures.snr(row[1], runs[0].history, name)
    late(row[1], 0, LAST)
for ax in axes[0]:
    ax.set_xlabel("")
figures.legend(fig, axes[0, 0])
figures.stamp(fig, records["RBA"][0], ALSO)
plt.show()

# %% tags=["hide-input"]
LATE = step >= LAST / 2
MIDDLE = (step >= 5_000) & (step < LAST / 2)


def boundaries(runs, which):
    found = [getattr(claims.of_crossings(run), which) for run in runs]
    return verdicts.spread([b.step if b else None for b in found], ",.0f")


def middle(run):
    return 10 ** pl.phases.running_quantiles(np.log10(run.history["snr"]), (0.5,))[0]


# %% tags=["hide-input"]
rows = {
    "first fall, step": lambda runs: boundaries(runs, "fitting_end"),
    "first rise, step": lambda runs: boundaries(runs, "total_diffusion"),
    "largest running median after step 5,000": lambda runs: verdicts.spread(
        [middle(run)[step >= 5_000].max() for run in runs], ".2g"
    ),
}
for label, part in (("steps 5,000 to 30,000", MIDDLE), ("second half", LATE)):
    rows[f"median SNR, {label}"] = lambda runs, part=part: verdicts.spread(
        np.median(pl.records.over_seeds(runs, "snr")[:, part], axis=1), ".2g"
    )
    rows[f"probes above 1, {label}"] = lambda runs, part=part: verdicts.spread(
        (pl.records.over_seeds(runs, "snr")[:, part] > 1).mean(axis=1), ".0%"
    )
cells = [(label, *map(row, records.values())) for label, row in rows.items()]
table(("median (range) of five seeds", *records), cells)

# %% [markdown]
# Both kinds begin with an SNR far above 1. RBA's is larger by many powers of ten. Its weights start
# at zero, so at first only the data count, and all batches share the data ({doc}`04_attention`).
# Both kinds fall through 1 by step 1,000.
#
# Then the two kinds differ. RBA's SNR comes back through 1 in all five runs, and vanilla's in none.
# But vanilla's SNR is not far from a first rise: after step 5,000 its running median is often just
# below 1. It never goes beyond 1 by the factor of 1.5 that makes a crossing count. In the second
# half of the training the SNR of both kinds sinks again. RBA's error still falls then, and
# vanilla's does until step 40,000.
#
# The paper says that the error stalls while the SNR is below 1, in the phase of {term}`diffusion`.
# The {term}`strict rule` of {doc}`13_phases` asks more than a crossing of 1: the SNR must also stay
# on the new side for long. With RBA it comes back above 1, but not for long enough. So by this rule
# all ten runs are in diffusion from step 1,000 on. Yet the error of the vanilla runs does not
# stall: its median is 0.342 at step 1,000, and 0.00208 at the end.
#
# The SNR is a ratio. {numref}`fig-burgers-signal` shows its two parts.

# %% mystnb={"figure": {"caption": "Signal and noise apart, for the records of seed 0. Right: the last 6,000 steps on a linear axis.", "name": "fig-burgers-signal"}, "image": {"alt": "Norm of the mean and of the standard deviation of the batch gradients against the Adam step, vanilla above, RBA below, the last steps enlarged at the right. RBA's noise starts a million times lower than vanilla's and rises smoothly. Late, the noise has spikes of up to a decade and the signal swings over up to three decades from probe to probe."}} tags=["hide-input"]
fig, axes = plt.subplots(2, 2, figsize=(7.2, 5.6), **both)
for row, (name, runs) in zip(axes, records.items(), strict=True):
    h = runs[0].history
    figures.signal_noise(row[0], h["step"], h["signal"], h["noise"], title=name)
    figures.signal_noise(row[1], h["step"], h["signal"], h["noise"])
    late(row[1], LAST - 6_000, LAST)
for ax in axes[0]:
    ax.set_xlabel("")
figures.legend(fig, axes[0, 0])
figures.stamp(fig, records["RBA"][0], ALSO)
plt.show()

# %% [markdown]
# With RBA the {term}`noise` starts almost at zero and grows as the weights grow. That is the whole
# reason for RBA's large SNR at the start. Later the noise has spikes of up to a decade. But from
# one probe to the next the {term}`signal` may be a hundred times larger or smaller. So a single
# probe of the SNR says little, and we read the running median.
#
# {numref}`fig-burgers-order` asks whether residuals become {term}`homogeneous`: as large in one
# region of the domain as in another. The domain is cut into $10 \times 10$ cells, and in each cell
# we take the mean size of the residual. The {term}`order parameter` is 1 if it is the same in all
# cells, and smaller if it is not.

# %% mystnb={"figure": {"caption": "Order parameters over five seeds: of the residual over 10 x 10 cells (running median over 15 probes), and of the RBA weights.", "name": "fig-burgers-order"}, "image": {"alt": "Two panels of order parameters against the Adam step: of the residual and of the weights. Both start near 0.9 or above. Vanilla sinks to 0.65 and recovers to 0.75. RBA has a hump of 0.86 between steps 700 and 2,000, dips, and rises to 0.89."}} tags=["hide-input"]
fig, axes = plt.subplots(2, 1, figsize=(7.2, 5.2), sharex=True)
for name, runs in records.items():
    for ax, key in zip(axes, ("order_residual", "order_weights"), strict=True):
        order = pl.records.over_seeds(runs, key, window=15)
        figures.band(
            ax, step, order, name=name, ylabel=key.replace("_", " of the "), log=False
        )
axes[1].legend(loc="lower left")
figures.stamp(fig, records["RBA"], ALSO)
plt.show()

# %% [markdown]
# The paper plots the order of the weights. But its claim is about the residuals, so we look at the
# order of the residual as well. It can be compared between the two kinds. From step 600 on it is
# higher with RBA. That is the paper's claim, and it holds here.
#
# Between steps 700 and 2,000 RBA's order of the residual has a hump. This is the even residual of
# {numref}`fig-burgers-training`, before the layer has formed. The curves of both kinds also *start*
# near 0.9. So a high order is no sign of a good solution by itself. Here the kind with the more
# homogeneous residual has the larger error.
#
# ## Verdict
#
# The rules are those of all chapters ({mod}`pinnlib.book.claims`). Each seed, or pair of seeds,
# says yes or no. The runs are of a laptop's size, and the verdicts say so. Where a claim is about
# the rise of the SNR and these runs do not show it, the verdict is *cannot tell*. The authors give
# no step for that rise on Burgers, so a larger or longer run could still show it.

# %% tags=["hide-input"]
found = claims.summary(
    records["vanilla"],
    records["RBA"],
    {},
    MOMENTS,
    scale=verdicts.LAPTOP,
    draws=None,
)
display(Markdown(verdicts.table(found)))

# %% [markdown]
# **Three takeaways**
#
# 1. The error of a steep solution is mostly the wrong place of its layer. A move of 0.002 already
#    makes an error of 0.023.
# 2. With the data weighted by 20, RBA is less accurate in every pair of runs. In the median of the
#    five pairs its error is eight times as large. Its residuals are the more homogeneous ones all
#    the same.
# 3. Within 60,000 steps RBA's SNR comes back through 1, and vanilla's does not. In no run does the
#    SNR stay above 1, and the errors fall all the same.
#
# **Limits.** This is one equation, and one network with a quarter of the authors' width and a sixth
# of their points. The biases start at zero. The learning rate starts higher and falls faster than
# the authors'. A longer or larger training may reach the last phase: on two other equations runs of
# the {term}`authors' size` with RBA do ({doc}`13_phases`). The weight of the data was chosen on
# seed 0, for the vanilla run. The maps, the weights and the signal are those of one seed.
#
# Others have come closer to the solution. The first PINN on this equation was three times better
# than our vanilla median, with L-BFGS {cite}`raissi2019physics`. An error of $5 \cdot 10^{-9}$ was
# reported with a quasi-Newton method in double precision and a variant of RBA
# {cite}`toscano2025variational`.
#
# ## Exercises
#
# ```{exercise}
# :label: ex-burgers-width
#
# Near $x = 0$ and late in time the solution looks like $-a \tanh(a x / (2\nu))$ with $a$ between
# 0.7 and 1. So most of the change happens in $|x| < 2\nu$. How many of the 4,096 points lie there?
# Write the number into the cell and run both cells. Where would you put more points? And how much
# of the layer does each of the 32 batches see?
# ```

# %%
answer = None  # your number here

# %% tags=["hide-input"]
inside = np.abs(rba.points[:, 0]) < 2 * problem.viscosity
pl.book.exercises.check(answer, int(inside.sum()), within=0.1)

# %% [markdown]
# ```{solution} ex-burgers-width
# :class: dropdown
#
# The strip $|x| < 2 \nu$ is $4 \nu = 0.0127$ wide, in a domain of width 2. So it holds 0.6% of the
# points, about 26. About 18 of them lie at times after the layer has formed. With 32 batches many
# batches have no point in the layer at all. So the gradients of the batches cannot agree about the
# layer, and that disagreement is noise. More points near $x = 0$ after $t = 0.3$ would give every
# batch a share of the layer.
# ```
#
# ```{exercise}
# :label: ex-burgers-shift
#
# Let the viscosity be ten times as large, `pl.problems.Burgers(viscosity=0.1 / np.pi)`. What is the
# relative $L_2$ error of the exact solution, moved by 0.002? Guess first: is it larger or smaller
# than 0.023? Use `error_of_a_move`, and write the number into the cell.
# ```

# %%
answer = None  # your number here

# %% tags=["hide-input"]
thick = pl.problems.Burgers(viscosity=0.1 / np.pi)
pl.book.exercises.check(answer, error_of_a_move(thick, 0.002), within=0.1)

# %% [markdown]
# ```{solution} ex-burgers-shift
# :class: dropdown
#
# It is 0.0087, about a third of 0.023. The layer is ten times as thick, so its slope is a tenth.
# The error at each point of the layer is a tenth as well. But ten times as many points lie in the
# layer. The mean square error goes with the thickness times the square of the slope. That is a
# tenth of what it was, and its root is about a third.
# ```
#
# ```{exercise}
# :label: ex-burgers-viscosity
#
# Train both kinds with `pl.problems.Burgers(viscosity=0.1)`. Is RBA still worth it? Predict first,
# from {numref}`fig-burgers-weights`.
# ```
#
# ```{solution} ex-burgers-viscosity
# :class: dropdown
#
# Hardly. In one run of each kind, seed 1, the error at step 4,000 is 0.0032 with RBA and 0.0040
# without. With this viscosity there is no thin layer, and no place that needs more attention than
# the rest. Both errors are far smaller than those of the two runs that are trained here.
# ```
#
# ```{exercise}
# :label: ex-burgers-weight
#
# What do the kinds do without the weight of 20? Train both with the quick settings, `steps=10_000`
# and `lr_decay_every=400`, from seeds 0 to 4. Which kind is ahead at the end?
# ```
#
# ```{solution} ex-burgers-weight
# :class: dropdown
#
# RBA is ahead in four seeds of five. Its median error is 0.034, and vanilla's is 0.061. In seed 0
# vanilla is ahead, with an error of 0.048 against 0.099. Two vanilla runs end above 0.2. So without
# the weight on the data RBA helps here. The vanilla runs of this chapter, with the weight of 20 and
# more steps, are far more accurate than both kinds without that weight.
# ```
#
# ## References
#
# All works cited are in the {doc}`bibliography`.
