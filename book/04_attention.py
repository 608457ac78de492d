# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Residual-based attention
#
# **You will be able to**
#
# - write the update of residual-based attention in four lines of torch;
# - choose how far back a weight looks and how large it can get, and predict how fast it grows;
# - explain why an error can grow while the residual falls.
#
# **Question.** A network satisfies its equation better in some places than in others. What changes
# when the places with a large residual count more in a training?
#
# **The claim.** {term}`Residual-based attention <residual-based attention>` (RBA) comes from an
# earlier article of the same authors {cite}`anagnostopoulos2024residual`. It gives each of the
# {term}`collocation points` a weight that follows the size of the {term}`residual` there. The paper
# that this book is about {cite}`anagnostopoulos2024learning` says three things about RBA:
#
# - Residuals become {term}`homogeneous`, which means on average equally large in all regions.
# - {term}`Total diffusion <total diffusion>` starts earlier. On the Helmholtz equation with
#   $a = (6, 6)$ the authors draw its start at step 1,000 with RBA, and at 19,000 without.
# - The error is smaller: 0.013 after 300,000 steps, against 0.036 without RBA.
#
# **What this chapter does.** It writes RBA down and tries it on three made-up points. Then it
# trains a network with RBA and one without, side by side. It follows their errors, their
# {term}`SNR`, and the weights of their points. It also tries six variants of RBA. At the end it
# compares the claims with what was seen.
#
# **Before.** {doc}`01_first_pinn` says what a {term}`PINN`, its residual and its loss are.
# {doc}`02_signal_and_noise` says what signal, noise and SNR are, and draws the three phases.
# {doc}`03_authors_runs` has the authors' own runs, with RBA and without.
#
# **Time.** About a minute on two CPU cores, and longer without a C++ compiler ({doc}`speed`). Times
# on a GPU were not measured.

# %% tags=["hide-cell"]
import subprocess
import sys

REPOSITORY = "https://github.com/learning-in-pinns/learning-in-pinns"
if "google.colab" in sys.modules:  # elsewhere this cell does nothing
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps"]
    subprocess.run([*pip, f"pinnlib @ git+{REPOSITORY}"], check=True)

# %% tags=["hide-cell"]
import math

import matplotlib.pyplot as plt
import numpy as np
import torch
from IPython.display import Markdown, display
from scipy.fft import dstn, idstn
from scipy.signal import lfilter

import pinnlib as pl
from pinnlib import claims, figures, verdicts
from pinnlib.book import authors, exercises
from pinnlib.book.play import play

figures.style()

# %% [markdown]
# ## The idea
#
# The loss of a PINN is a mean over many points. In a mean a few points with a large residual hardly
# show among thousands of other points. RBA makes them count more. It keeps one number for each
# point, its *weight*, and multiplies the residual of the point by it. In this chapter a *weight* is
# always the weight of a point. The network's own weights are always called weights of the network.
#
# At every step two things happen to the weight of a point. It grows: most at the point with the
# largest residual, and less where the residual is smaller. And it loses a small part of what it
# was, so it slowly forgets the past. In torch this takes four lines:


# %%
def attend(weights, residual, decay=0.999, rate=0.001):
    size = residual.detach().abs()
    share = size / size.max()
    return decay * weights + rate * share


# %% [markdown]
# The weights begin at zero. With RBA a training step has one line more, the first of the next two.
# In the loss, the second line, each residual is multiplied by its weight. The misfit of the data
# has no weights:
#
# ```python
# weights = attend(weights, residual)
# loss = (weights * residual).square().mean() + misfit.square().mean()
# ```
#
# The word `detach` in the function means that the weights are plain numbers, and no gradient goes
# through them. So the network cannot lower its loss by changing them.
#
# ### Three points
#
# Three made-up points show what a weight does. At the first point the residual is always the
# largest of the three. The second point is *solved* at step 1,500: from then on its residual is
# small. The third point *flickers*: for a hundred steps its residual is as large as that of the
# first point, then it is zero for a hundred steps, and so on.

# %%
steps = torch.arange(4_000)
made_up = {
    "stays the largest": torch.ones(4_000),
    "solved at step 1,500": torch.where(steps < 1_500, 0.8, 0.05),
    "flickers": (steps // 100 % 2).float(),
}
weights, course = torch.zeros(3), []
for residual in torch.stack(list(made_up.values()), dim=1):
    weights = attend(weights, residual)
    course.append(weights)
course = torch.stack(course)

# %% mystnb={"figure": {"caption": "Three made-up points. Grey: the size of the residual as a share of the largest residual. Orange: the weight that follows it.", "name": "fig-rba-points"}, "image": {"alt": "Three panels against the step to 4,000. Left: the grey residual is one throughout and the weight climbs towards one. Middle: the residual drops from 0.8 to 0.05 at step 1,500; the weight climbs to 0.6 and then sinks slowly. Right: the residual jumps between zero and one, and the weight climbs smoothly to one half."}} tags=["hide-input"]
fig, axes = plt.subplots(1, 3, figsize=(7.2, 2.7), sharey=True)
for ax, (name, size), weight in zip(axes, made_up.items(), course.T, strict=True):
    ax.fill_between(steps, size, step="mid", color="#D9D9D9", lw=0, label="residual")
    ax.plot(steps, weight, color=figures.COLOURS["RBA"], lw=2, label="weight")
    ax.set(title=name, xlabel="step", ylim=(0, 1.05), xticks=(0, 2_000, 4_000))
axes[0].set_ylabel("share of the largest")
figures.legend(fig, axes[0])
figures.stamp(fig, "made-up residuals; decay 0.999, rate 0.001")
plt.show()

# %% [markdown]
# {numref}`fig-rba-points` shows three properties of a weight. First, it grows slowly, over some
# thousand steps. Second, it forgets slowly: in the middle panel the weight is still above the grey
# residual at the end. Third, it hardly follows fast changes: in the right panel it settles at one
# half, which is the mean of the residual of this point.
#
# So a weight is a mean over many past steps. What is averaged is the point's residual as a share of
# the largest. One thing is not in this figure. In a training the weight also acts back on the
# residual: a point that counts more is fitted better.
#
# ## The update is a filter
#
# Now with symbols. Let $r_i$ be the residual of point $i$, $s_i$ the size of this residual as a
# share of the largest residual, and $\lambda_i$ the weight of the point. Then
#
# $$
# \begin{aligned}
# \lambda_i &\leftarrow \gamma \lambda_i + \eta\, s_i , \\
# s_i &= \frac{|r_i|}{\max_j |r_j|} , \qquad \lambda_i(0) = 0 .
# \end{aligned}
# $$ (eq-rba-filter)
#
# The *decay* $\gamma$ is the part of a weight that is kept in one step. The *rate* $\eta$ is what
# the point with the largest residual gains in one step. Written as a sum over past steps, the
# weight after $n$ steps is
#
# $$
# \lambda_i(n) = \eta \sum_{k=0}^{n-1} \gamma^k s_i(n - k) .
# $$
#
# That is an exponential mean of $s_i$, times $\eta / (1 - \gamma)$. In an exponential mean the last
# step counts most, and older steps count less and less. Such a mean is also called a filter: slow
# changes of $s_i$ come through it, and fast ones hardly do. Two numbers describe it:
#
# | | what it says | formula | authors' value |
# |---|---|---|---|
# | memory | how many steps the mean reaches back | $1 / (1 - \gamma)$ | 1,000 steps |
# | bound | the largest weight that a point can get | $\eta / (1 - \gamma)$ | 1 |
#
# {numref}`fig-rba-play` has the flickering point again, and the point that is solved. The slider
# sets the memory. The rate is changed with it, so that the bound stays 1. With a short memory a
# weight follows the residual of its point at once, and flickers as well. With a long memory it
# hardly moves in 4,000 steps.

# %% mystnb={"figure": {"caption": "Two of the made-up points: their residuals (grey), and their weights (orange) for the memory that you choose. Move the slider.", "name": "fig-rba-play"}} tags=["hide-input"]
fig, axes = plt.subplots(1, 2, figsize=(7.0, 2.8), sharey=True)
chosen = [made_up[name].numpy() for name in ("solved at step 1,500", "flickers")]
frames = {}
for memory in (10, 30, 100, 300, 1_000, 3_000, 10_000):
    parts = frames[f"{memory:,} steps, decay {1 - 1 / memory:g}"] = []
    for ax, size in zip(axes, chosen, strict=True):
        kept = lfilter([1 / memory], [1, 1 / memory - 1], size)
        parts += ax.plot(steps[::10], kept[::10], color="#D55E00", lw=1.6)
for ax, size in zip(axes, chosen, strict=True):
    ax.plot(steps[::50], size[::50], drawstyle="steps-post", color="#BBBBBB", lw=1)
    ax.set(xlabel="step", ylim=(0, 1.05))
axes[0].set_ylabel("share of the largest")
ALT = "Two panels: grey residuals of a point that is solved and of one that flickers, and "
ALT += "orange weights. A longer memory makes the weights smoother and later."
play(fig, frames, label="memory", alt=ALT, shown="1,000 steps, decay 0.999")

# %% [markdown]
# If $s_i$ did not change, the weight after $n$ steps would be
# $\frac{\eta}{1 - \gamma} s_i (1 - \gamma^n)$.

# %%
first = course[:, 0].numpy()
for n in (100, 1_000, 3_000):
    print(f"after {n:,} steps the largest weight has {first[n - 1]:.0%} of its bound")

# %% tags=["hide-cell"]
constant = torch.tensor([1.0, 0.5, 0.1], dtype=torch.float64)
lam, course = torch.zeros(3, dtype=torch.float64), []
for _ in range(5_000):
    lam = pl.rba.update(lam, constant, decay=0.999, rate=1e-3)
    course.append(lam)
ours = attend(lam, constant)
course = torch.stack(course).numpy()
expected = constant.numpy() * (1.0 - 0.999 ** np.arange(1, 5_001)[:, None])
print(
    "largest difference from the formula below 1e-12:",
    bool(np.abs(course - expected).max() < 1e-12),
)
print(
    "four lines and library agree:",
    bool(torch.equal(ours, pl.rba.update(lam, constant, decay=0.999, rate=1e-3))),
)

# %% [markdown]
# The four lines, this formula and the function `pl.rba.update` agree. The folded cell checks that.
#
# RBA has three more settings, and programs differ in them:
#
# - **Power.** The paper's loss has $(\lambda_i r_i)^2$. Some libraries have $\lambda_i r_i^2$.
#   There a weight of 0.2 multiplies the squared residual by 0.2, and in the paper's loss by 0.04.
# - **Normalization.** `"max"` is that of {eq}`eq-rba-filter`. `"min-max"` takes
#   $(|r_i| - \min) / (\max - \min)$ instead of $s_i$, as the authors' Helmholtz runs do. So the
#   point with the smallest residual gains nothing.
# - **The start.** If the weights start at $\lambda = 0$, the equation counts little at first, while
#   the boundary counts in full from the first step. If they start at $\lambda = 1$, the training
#   begins as a {term}`vanilla` one. All runs of the authors start from 0, with the same rate at
#   every step.
#
# ## Two trainings, side by side
#
# The problem is the Helmholtz equation on the square $[-1, 1]^2$,
#
# $$
# u_{xx} + u_{yy} + u = q, \qquad u = 0 \text{ on the boundary.}
# $$
#
# The forcing $q$ is chosen such that $u = \sin(4 \pi x) \sin(\pi y)$ is the solution. So $u$ has
# four waves along $x$ and one along $y$, and we write $a = (4, 1)$.
#
# The two trainings run on this page, so we call them the *live* runs. `SCALE = "quick"` trains 4
# hidden layers of 64 units on 4,096 points. `"paper"` takes the {term}`authors' size`.

# %% tags=["parameters"]
SCALE = "quick"
STEPS = {"quick": 1_300, "paper": 300_000}[SCALE]
SEED = 2

# %%
sizes = {
    "quick": dict(width=64, depth=4, points=4_096, batches=32),
    "paper": dict(width=128, depth=6, points=25_600, batches=100, probe_every=100),
}[SCALE]
settings = dict(**sizes, steps=STEPS, seed=SEED)
problem = pl.problems.Helmholtz(a=(4, 1))
configs = {
    "vanilla": pl.Config(**settings),
    "RBA": pl.Config(**settings, weighting=pl.RBA(decay=0.999, rate=0.001)),
}
runs = {name: pl.train(problem, config) for name, config in configs.items()}

# %% mystnb={"figure": {"caption": "Relative L2 error of the two live runs, from the same seed. Dotted: an error of 1, that of a network which says zero everywhere.", "name": "fig-rba-error"}, "image": {"alt": "Relative error on a logarithmic axis against linear steps to 1,300. Vanilla shoots up to eight, and comes down to one at the end. RBA rests at one until step 150, rises to nearly three, and is below one fifth from step 600 on."}} tags=["hide-input"]
fig, ax = plt.subplots()
for name, run in runs.items():
    h = run.history
    ax.plot(h["step"], h["rel_l2"], color=figures.COLOURS[name], label=name)
ax.axhline(1.0, color="black", lw=0.8, ls=":")
ax.set(yscale="log", xlabel="Adam step", ylabel="relative L2 error")
ax.legend()
figures.stamp(fig, f"scale {SCALE}: {configs['RBA'].describe()}")
plt.show()

# %% tags=["hide-input", "nbval-ignore-output"]
rows = []
for name, run in runs.items():
    step, error = run.history["step"], run.history["rel_l2"]
    worst, passed = int(np.argmax(error)), claims.first_below(run, 0.5)
    below = f"{passed:,}" if passed else "not by the end"
    largest = f"{error[worst]:.2f}", f"{step[worst]:,}"
    rows.append((name, *largest, below, f"{error[-1]:.3g}"))
HEAD = ("run", "largest error", "at step", "below 0.5 at step", "last error")
display(Markdown(verdicts.markdown(HEAD, rows)))

# %% [markdown]
# {numref}`fig-rba-error` shows what RBA is for. At the end the error with RBA is nearly ten times
# smaller than that of the vanilla run. This is one run of each kind, from one {term}`seed`. Another
# seed may give another factor, and on another machine the second digit of the factor may differ.
#
# Something else is more striking. Both errors *grow* before they fall. We call this rise and fall
# of the error a *hump*. RBA's error stays at 1 for 150 steps. Then it nearly triples in about as
# many steps, and only then it falls. The vanilla error grows from the first step on. It climbs much
# higher, in two humps.
#
# ## Why the error first grows
#
# While the error grows, the residual falls. {numref}`fig-rba-overshoot` shows three quantities in
# the panel of each run: the error, the residual, and the misfit on the boundary. The misfit is the
# difference between the network and the given values there.

# %% mystnb={"figure": {"caption": "Three quantities in the two live runs, each as a root mean square. Thick: the error, divided by the solution. Dashed: the residual, divided by its value at step 0. Dotted: the misfit on the boundary, divided by the solution inside the square.", "name": "fig-rba-overshoot"}, "image": {"alt": "Two panels on logarithmic axes against linear steps. With RBA the boundary misfit first falls to one hundredth while the residual stays at one; from step 150 to 320 the residual falls, the misfit rises above one and the error with it; then all three fall. In the vanilla panel misfit and error rise together from the start."}} tags=["hide-input"]
fig, axes = plt.subplots(1, 2, figsize=(7.2, 3.9), sharey=True)
for ax, (name, run) in zip(axes, reversed(runs.items()), strict=True):
    h = run.history
    rms = {"residual": np.sqrt(h["loss_residual"] / h["loss_residual"][0])}
    rms["boundary misfit"] = np.sqrt(h["loss_data"]) / 0.5  # u has an rms of 1/2
    ax.plot(h["step"], h["rel_l2"], color=figures.COLOURS[name], lw=2.4, label="error")
    for (label, values), style in zip(rms.items(), ("--", ":"), strict=True):
        ax.plot(h["step"], values, style, color="black", lw=1.4, label=label)
    ax.set(yscale="log", xlabel="Adam step")
    ax.set_title(name, loc="left")
axes[0].set_ylabel("relative size")
figures.legend(fig, axes[0])
figures.stamp(fig, f"scale {SCALE}: {configs['RBA'].describe()}")
plt.show()

# %% [markdown]
# Read the panel of RBA from left to right.
#
# - **Until step 150** the weights are nearly zero, so only the boundary counts. The network learns
#   to say zero on the boundary, and says zero everywhere. The residual does not change.
# - **From step 150 to about 320** the weights have grown, and the residual counts. The residual
#   falls. But the misfit on the boundary grows a hundredfold, and the error grows with it.
# - **After that** the residual and the misfit both fall, and the error falls with them.
#
# Why does the error grow in between? Because a residual is no error. The Helmholtz equation
# contains second derivatives, which are large where a function bends strongly. A narrow wave bends
# strongly, and a smooth bump bends little. So mistakes of the same height leave very different
# residuals:
#
# | a mistake of height 1 | leaves a residual of height |
# |---|---|
# | $\sin(4 \pi x) \sin(\pi y)$, the solution's own wave | $17 \pi^2 - 1 \approx 167$ |
# | $\cos(\tfrac{\pi}{2} x) \cos(\tfrac{\pi}{2} y)$, one smooth bump | $\tfrac{1}{2} \pi^2 - 1 \approx 3.9$ |
# | $\cos x$, a wave that solves $u_{xx} + u_{yy} + u = 0$ | 0 |
#
# At the start the wave is missing, and the residual is huge. A step that brings the wave nearer may
# add a large smooth mistake, and the residual falls all the same. A mistake like $\cos x$ leaves no
# residual at all. Only the boundary term of the loss, which is the data term of this problem, can
# remove it.
#
# How much of the error can the residual see, and how much only the boundary term? The error $e$ is
# the difference between the network and the solution. Put $e$ in the place of $u$ on the left-hand
# side of the equation, and the residual of the network comes out. The equation is linear, so $e$
# can be split in two, $e = e_r + e_b$:
#
# - The part from the residual, $e_r$, is zero on the boundary. On the left-hand side of the
#   equation it gives the whole residual of the network.
# - The part from the boundary, $e_b$, gives zero on the left-hand side of the equation. On the
#   boundary it is equal to the misfit of the network.
#
# The folded code computes both parts.


# %% tags=["hide-input"]
def parts(run, snapshot, n=161):
    """Size of the error, and of its parts: from the residual, from the boundary."""
    grid = pl.sampling.grid(run.problem.domain, n)
    exact = run.problem.solution(grid)[:, 0].reshape(n, n)
    error = run.predict(grid, snapshot)[:, 0].reshape(n, n) - exact
    residual = run.residual(snapshot, grid).reshape(n, n)
    k = np.arange(1, n - 1) * np.pi / 2  # sine series: zero on the boundary
    factor = run.problem.k**2 - k[:, None] ** 2 - k[None, :] ** 2
    inside = np.zeros((n, n))
    series = dstn(residual[1:-1, 1:-1], type=1) / factor
    inside[1:-1, 1:-1] = idstn(series, type=1)
    size = [np.sqrt(np.mean(p**2)) for p in (error, inside, error - inside)]
    return np.array(size) / np.sqrt(np.mean(exact**2))


# %% tags=["hide-input", "nbval-ignore-output"]
rows = []
for name, moments in {
    "RBA": (127, 254, 500, STEPS),
    "vanilla": (71, 254, STEPS),
}.items():
    run = runs[name]
    for k in dict.fromkeys(run.snapshot_at(moment) for moment in moments):
        sizes_of = (f"{size:.2f}" for size in parts(run, k))
        rows.append((name, f"{run.snapshots['step'][k]:,}", *sizes_of))
HEAD = ("run", "step", "error", "part from the residual", "part from the boundary")
display(Markdown(verdicts.markdown(HEAD, rows)))

# %% [markdown]
# The two parts may cancel in places, so their sizes need not add up to the size of the error. In
# the vanilla run most of the hump is the part from the boundary. At the end of this run the error
# is almost nothing else.
#
# With RBA the hump consists of both parts. But the boundary was fitted first and counts for more.
# So the part from the boundary stays far below that of the vanilla run. At the end it is nearly all
# of the error in this run, too.
#
# How do the two runs differ at the end? RBA's residual is only a little smaller than that of the
# vanilla run. RBA's misfit on the boundary is about six times smaller, and its error is ten times
# smaller.
#
# This explains the hump of these two runs. It does not prove that RBA helps for this reason in
# other problems.
#
# The loss itself can mislead, too. Between steps 100 and 220 the loss of the RBA run rises, because
# the weights of the points grow. So a loss with changing weights does not show whether a training
# makes progress.

# %% tags=["hide-cell"]
rba, vanilla = runs["RBA"], runs["vanilla"]


def between(run, name, first, last):
    step = run.history["step"]
    return run.history[name][(step >= first) & (step <= last)]


end = {name: run.history["rel_l2"][-1] for name, run in runs.items()}
tops = [between(run, "rel_l2", 0, 1_000).max() for run in (rba, vanilla)]
loss = [rba.at(step)["loss"] for step in (101, 226)]
split = parts(vanilla, vanilla.snapshot_at(STEPS))
held = {
    "RBA at least 3x more accurate": 3 * end["RBA"] < end["vanilla"],
    "RBA's error at most 0.2 at step 1,000": rba.at(1_000)["rel_l2"] <= 0.2,
    "vanilla's at least 0.6 there": vanilla.at(1_000)["rel_l2"] >= 0.6,
    "both errors rise above 1.5, vanilla's higher": 1.5 < tops[0] < tops[1],
    "RBA's loss rises from step 101 to 226": loss[0] < loss[1],
    "vanilla's last error is the boundary's": split[1] < 0.1 * split[2],
}

# %% tags=["hide-cell"]
held |= {
    "RBA's SNR above 1,000 at step 0": between(rba, "snr", 0, 0)[0] > 1e3,
    "below 0.2 in steps 50 to 500": between(rba, "snr", 50, 500).min() < 0.2,
    "above 1 again by the end": between(rba, "snr", 500, STEPS).max() > 1.0,
    "vanilla's below 1 at step 0": between(vanilla, "snr", 0, 0)[0] < 1.0,
}
for text, holds in held.items():
    print(f"{text}: {bool(holds)}")

# %% [markdown]
# ## What the SNR does
#
# {numref}`fig-rba-snr` shows the SNR of the two live runs. Each dot is one {term}`probe`. The line
# is the {term}`running median` over seven probes, and the band holds 80% of the neighbouring
# probes. Two steps are marked. At the *first fall* the running median of the SNR first falls
# through 1. At the *first rise* it first rises through 1 from below. Both count only if the median
# then goes on beyond 1 by a factor of 1.5. The dots scatter, so these steps are not known exactly.
# Each hatched interval is the range in which such a step lies.

# %% mystnb={"figure": {"caption": "SNR of the batch gradients in the two live runs, with the first fall of the SNR below 1 and its first rise above 1.", "name": "fig-rba-snr"}, "image": {"alt": "Two panels of SNR against the logarithm of the Adam step. Vanilla begins below one tenth and rises through one near step 1,150. RBA's first probe is near ten to the fifth; its median falls through one near step 40, lies far below it to about step 600 and rises again near step 1,050."}} tags=["hide-input"]
fig, _ = figures.snr_pair(runs)
figures.stamp(fig, f"scale {SCALE}: {configs['RBA'].describe()}")
plt.show()

# %% [markdown]
# The two runs differ at the start. RBA's first probe has an SNR near $10^5$; its dot is half hidden
# by the vertical axis. The SNR falls through 1 within the first hundred steps. Then it stays far
# below 1 for several hundred steps, and rises above 1 near step 1,000. That looks like
# {term}`fitting`, {term}`diffusion` and a rise.
#
# But one part of the story is not there. The error falls fastest between steps 320 and 600, where
# the SNR is far below 1. At the first rise of the SNR the error hardly falls. Nor does so short a
# run show whether the SNR stays above 1. In {doc}`06_helmholtz` runs of this size do not have the
# three phases.
#
# The vanilla run does not begin with a high SNR: its SNR begins *below* 1.
#
# Neighbouring dots differ by a factor of ten and more. So the step of a first fall or of a first
# rise is rough. Near the first rise of RBA's SNR the residual in {numref}`fig-rba-overshoot` jumps
# up for some hundred steps. {doc}`10_adams_view` and {doc}`13_phases` ask what such
# {term}`bursts <burst>` are.
#
# ### Where does the large SNR at the start come from?
#
# The boundary term is in the loss of every batch, and it is the same in all of them. RBA's weights
# start at zero. So at step 0 hardly anything else counts, and the batches agree by construction.
# {numref}`fig-rba-split` shows the SNR of the whole loss, and that of the residual term alone.

# %% mystnb={"figure": {"caption": "SNR of the whole loss and of its residual term alone, in the live run with RBA.", "name": "fig-rba-split"}, "image": {"alt": "SNR against the logarithm of the Adam step for RBA. The whole loss begins near ten to the fifth, its residual term near 0.02. From step 160 on the two curves differ by a factor of two at most, and late they nearly coincide."}} tags=["hide-input"]
fig, ax = plt.subplots()
h = runs["RBA"].history
colour = figures.COLOURS["RBA"]
ax.plot(h["step"], h["snr"], color=colour, label="whole loss")
ax.plot(
    h["step"], h["snr_residual"], "--", color="black", lw=1.2, label="residual term"
)
ax.axhline(1.0, color="black", lw=0.8, ls=":")
ax.set(yscale="log", ylabel="SNR")
ax.legend()
figures.step_axis(ax, STEPS)
figures.stamp(fig, f"scale {SCALE}: {configs['RBA'].describe()}")
plt.show()

# %% tags=["hide-cell"]
single = pl.Config(**settings | {"steps": 1}, weighting=pl.RBA(initial=1.0))
from_one = pl.train(problem, single)
print("residual term's SNR above 1 at step 0:", bool(h["snr_residual"][0] > 1.0))
print("from weights of 1, above 1 at step 0:", bool(from_one.history["snr"][0] > 1.0))

# %% [markdown]
# The residual term alone has an SNR far below 1 at the start, as the vanilla run has. The folded
# cell begins the run with RBA once more, with weights of 1 instead of 0. Then there is no large SNR
# at the start. So in this setting *fitting is the boundary term*: the network fits the one thing
# that all batches share.
#
# From about step 160 on the two curves differ by little more than a factor of two at most. So the
# boundary term, which all batches share, hardly explains what the SNR does later.
#
# ## Where the weights are large
#
# {numref}`fig-rba-maps` has maps of the residual and of the weights, at three moments.

# %% tags=["hide-input"]
grid = pl.sampling.grid(problem.domain, 81)
shots = [runs["RBA"].snapshot_at(step) for step in (51, 254, STEPS)]
maps = {
    f"|r|, {name}": [
        np.abs(runs[name].residual(k, grid)).reshape(81, 81) for k in shots
    ]
    for name in ("RBA", "vanilla")
}
points, kept = runs["RBA"].points, runs["RBA"].snapshots
maps["weights, RBA"] = [
    pl.order.cell_means(points, kept["rba"][k], problem.domain, 20) for k in shots
]
maps = {name: maps[name] for name in ("|r|, RBA", "weights, RBA", "|r|, vanilla")}

# %% mystnb={"figure": {"caption": "Three moments of the live runs, one in each column. Upper row: size of RBA's residual. Middle row: RBA's weights, as means over 20 x 20 cells. Lower row: size of the residual of the vanilla run. Each map has its own colour scale.", "name": "fig-rba-maps"}, "image": {"alt": "Nine maps of the square. At step 51 residual and weights of RBA both have the sixteen blobs of the forcing. At step 254 RBA's residual has lost some blobs and gained stripes, its weights still have all sixteen, and the vanilla residual is left in two blobs. At the last step the weights are nearly even, and the residuals of both runs are small and patchy."}} tags=["hide-input"]
titles = [f"step {kept['step'][k]:,}" for k in shots]
fig = figures.maps(maps, titles, problem.domain)
figures.stamp(fig, f"scale {SCALE}: {configs['RBA'].describe()}")
plt.show()

# %% [markdown]
# Begin with the first column. At step 51 RBA's network says zero, so its residual is the forcing
# itself, with sixteen blobs. The weights have the same blobs.
#
# The second column shows the memory of the weights. RBA's residual has changed: some blobs are
# gone, and there are new stripes at the sides. The weights still have all sixteen blobs, since they
# are a mean over all steps so far. In the lowest row the residual of the vanilla run is nearly gone
# at the sides, and is left in two blobs. RBA is meant to prevent such unevenness.
#
# In the last column the weights are much more even. The brightest cells lie at the edges, most of
# them in the upper right corner. The residuals of both runs are small and patchy by then, and look
# alike. So these maps do not show whether RBA made its residual more homogeneous. The table in the
# section *The claims, and what was seen* has a number for that.
#
# ## Six variants
#
# How much do the settings matter? Six variants train a smaller network, one seed each:
#
# | variant | what it is |
# |---|---|
# | `max, from 0` | this chapter's rule, as in the authors' Allen-Cahn runs |
# | `from 1` | weights start at 1 |
# | `eta = 1 in the first step` | weights start at $\lambda_i = s_i$ |
# | `lambda once` | loss with $\lambda_i r_i^2$ |
# | `min-max` | as in the authors' Helmholtz runs |
# | `memory of 100 steps` | $\gamma = 0.99$, $\eta = 0.01$ |
#
# No run of the authors starts like the second or third variant.

# %%
variants = {
    "max, from 0": pl.RBA(),
    "from 1": pl.RBA(initial=1.0),
    "eta = 1 in the first step": pl.RBA(first_rate=1.0),
    "lambda once": pl.RBA(power=1),
    "min-max": pl.RBA(normalization="min-max"),
    "memory of 100 steps": pl.RBA(decay=0.99, rate=0.01),
}
small = settings | dict(seed=0, steps=min(STEPS, 1_000), snapshots=24)
if SCALE == "quick":
    small |= dict(width=32, depth=3, points=1_024, compile=True)
tried = {
    name: pl.train(problem, pl.Config(**small, weighting=rule))
    for name, rule in variants.items()
}

# %% tags=["hide-input"]
COLUMNS = {
    "the start": ("from 1", "eta = 1 in the first step"),
    "power, normalization": ("lambda once", "min-max"),
    "the memory": ("memory of 100 steps",),
}
LOOKS = (("#5E3C99", "--"), ("#1B7837", "-."))


def counts(run):
    """What a squared residual counts beside the boundary."""
    return run.history["rba_mean"] ** run.config.weighting.power


# %% mystnb={"figure": {"caption": "Variants of RBA, one seed each, on a network of 3 layers of 32 units. Above: how much the equation counts, if the boundary counts 1. This is the mean weight, or its square where the loss squares the weights. Below: relative L2 error. The rule of this chapter is in each panel, in orange.", "name": "fig-variants"}, "image": {"alt": "Three columns of two panels. Upper row: the weights of this chapter's rule rise slowly from zero to 0.02; those that start at one fall to 0.2; the others lie between. Lower row: every error first grows above one, to between three and eight; that of this chapter's rule peaks at 3.6 near step 400 and ends lowest. Starting from one, the error falls, rises again to eight near step 800 and falls; with a memory of 100 steps it rises again near step 400."}} tags=["hide-input"]
fig, axes = plt.subplots(2, 3, figsize=(7.2, 5.0), sharex=True, sharey="row")
for column, (title, names) in zip(axes.T, COLUMNS.items(), strict=True):
    looks = [(figures.COLOURS["RBA"], "-"), *LOOKS]
    for name, (colour, style) in zip(("max, from 0", *names), looks, strict=False):
        run = tried[name]
        line = {"color": colour, "ls": style}
        column[0].plot(run.history["step"], counts(run), label=name, **line)
        column[1].plot(run.history["step"], run.history["rel_l2"], **line)
    column[1].axhline(1.0, color="black", lw=0.8, ls=":")
    column[0].set(yscale="log", ylim=(2e-6, 3), yticks=[1e-4, 1e-2, 1])
    column[0].minorticks_off()
    column[0].set_title(title, loc="left")
    column[0].legend(loc="lower right", fontsize=8)
    column[1].set(yscale="log", xlabel="Adam step", yticks=[0.5, 1, 2, 5])
    column[1].set_yticklabels(["0.5", "1", "2", "5"])
    column[1].minorticks_off()
axes[0, 0].set_ylabel("weight of the equation")
axes[1, 0].set_ylabel("relative L2 error")
figures.stamp(fig, f"scale {SCALE}: {tried['max, from 0'].config.describe()}")
plt.show()

# %% tags=["hide-input", "nbval-ignore-output"]
rows = []
for name, run in tried.items():
    h, worst = run.history, int(np.argmax(run.history["rel_l2"]))
    largest = f"{h['rel_l2'][worst]:.2f}", f"{h['step'][worst]:,}"
    rows.append((name, *largest, f"{h['rel_l2'][-1]:.2f}", f"{counts(run)[-1]:.2g}"))
HEAD = ("variant", "largest error", "at step", "last error", "weight of the equation")
display(Markdown(verdicts.markdown(HEAD, rows)))

# %% tags=["hide-cell"]
for name, run in tried.items():
    bound = pl.rba.bound(run.config.weighting)
    print(
        f"{name}: no weight above its bound of {bound:g}: "
        f"{bool(run.history['rba_max'].max() <= bound * (1 + 1e-5))}"
    )

again = {"from 1": (402, 750), "memory of 100 steps": (358, 402)}
for name, ends in again.items():
    early, late = (tried[name].at(step) for step in ends)
    for series, sign in (("rel_l2", 1), ("loss_residual", -1), ("loss", -1)):
        grew = sign * (late[series] - early[series]) > 0
        word = "grows" if sign > 0 else "falls"
        print(
            f"{name}, from step {ends[0]} to {ends[1]}, {series} {word}: {bool(grew)}"
        )

# %% tags=["hide-input", "nbval-ignore-output"]
run = tried["from 1"]
for step in again["from 1"]:
    size = parts(run, run.snapshot_at(step))
    print(
        f"step {step}: error {size[0]:.1f}, residual's part {size[1]:.1f}, "
        f"boundary's part {size[2]:.1f}"
    )

# %% [markdown]
# {numref}`fig-variants` shows a hump of the error in every variant. The more the equation counts at
# the start, the earlier the hump begins. The two variants that begin with large weights have the
# highest humps. Until step 600 `min-max` cannot be told from `max`.
#
# Two errors grow once more after their hump, by about a fifth: `from 1` before step 800, and
# `memory of 100 steps` between steps 360 and 400. Meanwhile residual and loss fall. The lines above
# split the error of `from 1`: its part from the residual grows from 1.6 to 2.7. So the residual
# becomes smaller, but it is smoother and stands for a larger mistake.
#
# At the end the equation counts less than the boundary in every variant: four times less in
# `from 1`, seven to fifty times less in the others. Where the weights start at zero, it hardly
# counts at first. So RBA does two things at once: it compares points, and it lets the equation
# count little at first. (The earlier article on RBA {cite}`anagnostopoulos2024residual` even
# multiplies the boundary data of this equation by 100.)
#
# The figure ranks nothing: it is one seed for each variant, a small network, and 1,000 steps. The
# folded cell checks that no weight exceeds its bound.
#
# ## The claims, and what was seen
#
# The next table compares the paper's claims with two pairs of runs: the live pair, and our pair at
# the authors' size from {doc}`03_authors_runs`. In the row on total diffusion, *first rise* is the
# first rise of the SNR above 1. The last row has the {term}`order parameter` of the residual. It is
# 1 if all of 10 x 10 cells have the same mean size of the residual, and it is averaged here over
# the second half of each run.

# %% tags=["hide-input", "nbval-ignore-output"]
KINDS = ("RBA", "vanilla")
pairs = {
    "here, a = (6, 6), the authors' size": [
        pl.records.load(f"authors_helmholtz_{kind.lower()}") for kind in KINDS
    ],
    "live, a = (4, 1)": [runs[kind] for kind in KINDS],
}


def told(step, run):
    return f"{step:,}" if step else f"not by {run.step:,}"


def seen(pair):
    """What a pair of runs shows of the claims, RBA against vanilla."""
    yield f"at step {pair[0].step:,}: " + " against ".join(
        f"{run.history['rel_l2'][-1]:.3g}" for run in pair
    )
    yield " against ".join(told(claims.first_below(run, 0.5), run) for run in pair)
    yield "first rise at " + " against ".join(
        told(claims.onset(run), run) for run in pair
    )
    yield " against ".join(f"{claims.homogeneity(run):.2f}" for run in pair)


# %% tags=["hide-input", "nbval-ignore-output"]
published = [authors.PUBLISHED[f"helmholtz_{kind.lower()}"] for kind in KINDS]
below = " against ".join(f"{one.below[0.5]:,}" for one in published)
drawn = " against ".join(f"{one.total_diffusion:,}" for one in published)
TEXTS = {
    "the error is smaller": "at step 300,000: 0.013 against 0.036",
    "the error is below 0.5 earlier, at step": below,
    "total diffusion comes earlier": f"drawn at {drawn}",
    "residuals are more homogeneous": "yes, no number",
}
columns = zip(TEXTS.items(), *(seen(pair) for pair in pairs.values()), strict=True)
rows = [(*texts, *cells) for texts, *cells in columns]
HEAD = ("RBA against vanilla", "the authors, a = (6, 6)", *pairs)
display(Markdown(verdicts.markdown(HEAD, rows)))

# %% [markdown]
# **Smaller error.** Both pairs show it. At the authors' size, at step 40,000, the error is five
# times smaller with RBA. At that step the vanilla run has only just left its plateau. In the
# authors' own runs the error is 2.7 times smaller at step 300,000.
#
# **Earlier total diffusion.** At the authors' size the first rise of the SNR comes much earlier
# with RBA: at step 4,100 against 19,000. Without RBA it comes where the authors draw the start of
# total diffusion, and with RBA it comes later than they draw it. In the live pair the two first
# rises are a hundred steps apart. Their hatched intervals in {numref}`fig-rba-snr` overlap, so one
# cannot say which comes first.
#
# **Homogeneous residuals.** The order parameter of the residual is larger with RBA in both pairs,
# by about 0.01. That is less than runs from different seeds differ. In {doc}`06_helmholtz` the
# range of the runs with RBA and that of the vanilla runs overlap. RBA's order parameter is larger
# in four of five pairs.
#
# Each pair is one run of each kind. How much of such a difference is chance is the question of
# {doc}`12_chance`, and {doc}`06_helmholtz` has five seeds of the small runs. What to try on a
# problem of your own is in {doc}`what_to_do_when`.
#
# ## What you know now
#
# Here the story ends, as the paper tells it. What have you seen of it so far?
#
# **What holds, in these runs.** The authors' trainings can be begun again. In one run of each kind
# the error falls below 0.5 earlier with RBA, on two equations. The share of probes with an SNR
# above 1 is larger in the phase that the authors draw as total diffusion than in the one that they
# draw as diffusion.
#
# **What does not fit.** On Allen-Cahn without RBA most probes have an SNR above 1 while the error
# stays on a plateau. In the small training of this chapter the error falls while the SNR is far
# below 1, and in that of {doc}`02_signal_and_noise` while it is mostly below 1. And on Helmholtz
# the order of the residual is larger by 0.01 only, which is within what chance alone does. On
# Allen-Cahn at the authors' size it is larger with RBA, 0.919 against 0.756 ({doc}`22_scorecard`).
# (The paper takes the order of RBA's weights, and this book that of the residual.)
#
# **What is open.** How much of a long run is chance ({doc}`12_chance`)? Is it attention that helps
# ({doc}`11_balance`)? Does a rule that does not look at the error find the phases
# ({doc}`13_phases`)?
#
# **What Adam has to do with it.** Adam divides the gradient by the size of the gradients of the
# last steps. When these become small, the factor before the gradient becomes large. Then, at the
# bottom of a valley of the loss, its steps carry the network to and fro, from one side of the
# valley to the other. Away from the bottom the gradients of all batches contain the slope of the
# same side. So the signal is large, and the SNR with it ({numref}`fig-waves-floor`). So a high SNR
# late in a training can come from this motion. Then it would vanish at a smaller learning rate, and
# {doc}`10_adams_view` tries that.
#
# **If the SNR of your own training is low.**
#
# 1. Change nothing for this reason alone. A training on all points has a low SNR at good solutions
#    and at bad ones.
# 2. Look at the error. If it is not known, look at the residual at points that are not trained on.
#    While it falls, continue the training.
# 3. If it does not fall, plot the output of the network. If the output is zero or constant, a term
#    of the loss counts too little. Multiply that term by a larger factor, or try RBA. If the output
#    is a part of the solution, as on the plateau of {numref}`fig-waves-stall`, continue up to a
#    number of steps that you set before.
#
# The page {doc}`what_to_do_when` has the evidence for these points, and says what of them was not
# tested.
#
# **Three takeaways**
#
# 1. RBA gives each point a weight: a mean, over many past steps, of the point's residual as a share
#    of the largest. Two numbers describe it: its memory and its bound.
# 2. With RBA the error was smaller in both pairs of runs. The SNR rose clearly earlier at the
#    authors' size. At the start RBA's SNR is very large, since its weights begin at zero.
# 3. A residual is no error. Smooth mistakes leave little residual, so the error can grow while
#    residual and loss fall.
#
# **Limits.** This is one equation, with a smooth solution. The live runs are of a
# {term}`laptop's size`, with one seed each, and stop at step 1,300. The explanation of the hump
# holds for a linear equation, whose error can be split. Does RBA work by attention, or only by the
# balance of equation and boundary? That is asked in {doc}`11_balance`.
#
# ## Exercises
#
# ```{exercise}
# :label: ex-rba-forget
#
# A point has had the largest residual for 2,000 steps. From then on its residual is zero. After how
# many more steps does the point count half as much in the loss? The loss has the square of the
# weight, the decay is 0.999, and the rate is 0.001.
# ```

# %%
answer = None  # your number of steps here

# %% tags=["hide-input"]
weights = torch.zeros(2, dtype=torch.float64)
for _ in range(2_000):
    weights = attend(weights, torch.tensor([1.0, 0.5]))
start, count = weights[0] ** 2, 0
while weights[0] ** 2 > 0.5 * start:
    weights, count = attend(weights, torch.tensor([0.0, 0.5])), count + 1
exercises.check(answer, count, within=0.02)

# %% [markdown]
# ```{solution} ex-rba-forget
# :class: dropdown
#
# Without a residual the weight only decays: after $n$ steps it is $0.999^n$ of what it was. Its
# square is halved when $0.999^{2n} = 1/2$. That is $n = \ln 2 / (2 \cdot 0.0010005) \approx 346.4$,
# so 347 steps. How large the weight was does not matter. Only the memory matters.
# ```
#
# ```{exercise}
# :label: ex-rba-smooth
#
# In the paper's case, $a = (6, 6)$, the solution is $\sin(6 \pi x) \sin(6 \pi y)$. Let this wave
# and the bump $\cos(\tfrac{\pi}{2} x) \cos(\tfrac{\pi}{2} y)$ both have height 1. How many times
# larger is the residual that the wave leaves than that of the bump? Then find a function that
# depends on $x$ *and* $y$ and leaves no residual at all.
# ```

# %%
answer = None  # your ratio here

# %% tags=["hide-input"]
of_wave, of_bump = (1.0 - 2.0 * (k * math.pi) ** 2 for k in (6.0, 0.5))
exercises.check(answer, of_wave / of_bump, within=0.03)

# %% [markdown]
# ```{solution} ex-rba-smooth
# :class: dropdown
#
# Each second derivative of the wave is $-36 \pi^2$ times the wave. So the wave leaves
# $(1 - 72 \pi^2)$ times itself, which is $-710$ at its top. For the bump the factor is
# $1 - \tfrac{1}{2} \pi^2 = -3.93$. The ratio is about 180, and with $a = (4, 1)$ it was 42. So with
# $a = (6, 6)$ smooth mistakes leave even less residual, compared with the wave.
#
# Any $\cos(\alpha x) \cosh(\beta y)$ with $\alpha^2 - \beta^2 = 1$ leaves no residual, such as
# $\cos(\sqrt{2}\, x) \cosh(y)$.
# ```
#
# ```{exercise}
# :label: ex-rba-seeds
#
# Does the hump of {numref}`fig-rba-error` come from one seed only?
# `pl.records.kinds("helmholtz_a4-1")` has five published runs of each kind, with the same sizes.
# Find the largest error of each run within the first 1,000 steps, and its step.
# ```
#
# ```{solution} ex-rba-seeds
# :class: dropdown
#
# All ten runs have a hump. With RBA the largest error lies between 1.97 and 3.22, at a step between
# 254 and 358. Without RBA it lies between 5.15 and 10.7, at a step between 57 and 180. So in each
# pair the vanilla hump comes earlier and is higher.
# ```
#
# All works cited are in the {doc}`bibliography`.
