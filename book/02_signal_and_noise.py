# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Signal and noise of a gradient
#
# **You will be able to**
#
# - say what signal, noise, and the signal-to-noise ratio (SNR) of a gradient are;
# - measure them in twenty lines of PyTorch, for any PINN;
# - tell the paper's story of three phases, and read it off a curve.
#
# **Question.** A PINN trains for thousands of steps. Its error falls, stays nearly the same for
# long, and falls again. What does the network do while its error stays, and do its gradients show
# it?
#
# **The claim.** Anagnostopoulos *et al.* {cite}`anagnostopoulos2024learning` cut the training
# points into groups, called batches. Each batch has a gradient of its own, and the authors compare
# these gradients. First the batches agree (*fitting*). Then they disagree, and the error stalls: it
# hardly falls (*diffusion*). At last they agree again, abruptly, and the error falls fastest
# (*total diffusion*).
#
# **What this chapter does.** It trains a PINN whose error stalls, computes the gradients of its
# batches in plain PyTorch, and draws them as arrows. From the arrows it explains signal, noise and
# their ratio. Then it tells the paper's story, follows the SNR of this training, and measures the
# same quantities with `pinnlib`.
#
# **Before.** {doc}`01_first_pinn`: residual, collocation points, loss.
#
# **Time.** About a minute on two CPU cores.

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

import pinnlib as pl
from pinnlib import figures
from pinnlib.book.play import play

figures.style()

# %% [markdown]
# ## Parameters
#
# `SCALE = "quick"` trains for 3,000 steps. `"long"` goes on to step 20,000.

# %% tags=["parameters"]
SCALE = "quick"
STEPS = {"quick": 3_000, "long": 20_000}[SCALE]
SEED = 1

# %% [markdown]
# ## A training that stalls
#
# This is the rod of {doc}`01_first_pinn` again, but now its temperature at the start is the sum of
# two waves, a long one and a short one:
#
# $$
# \begin{aligned}
# u_t &= \alpha\,u_{xx}, \qquad u(\pm 1, t) = 0, \\
# u(x, 0) &= \sin(\pi x) + \tfrac{1}{2} \sin(3 \pi x) .
# \end{aligned}
# $$ (eq-two-waves)
#
# Both waves become smaller with time, the short one nine times as fast as the long one. The loss
# has the same two terms as in {doc}`01_first_pinn`, with $N$ collocation points and $M$ points of
# data:
#
# $$
# \begin{aligned}
# L = {} & \frac{1}{N} \sum_{i=1}^{N} r_i^2 \\
# & {} + \frac{1}{M} \sum_{j=1}^{M} \big(u_\theta(x_j, t_j) - u_j\big)^2 .
# \end{aligned}
# $$ (eq-loss)

# %%
ALPHA = 0.1


def wave(points, k):
    x, t = points[:, :1], points[:, 1:]
    return torch.exp(-ALPHA * (k * math.pi) ** 2 * t) * torch.sin(k * math.pi * x)


def exact(points):
    return wave(points, 1) + 0.5 * wave(points, 3)


def derivative(f, points):
    return torch.autograd.grad(f.sum(), points, create_graph=True)[0]


def residual(network, points):
    points = points.clone().requires_grad_()
    slopes = derivative(network(points), points)
    return slopes[:, 1:] - ALPHA * derivative(slopes[:, :1], points)[:, :1]


# %%
torch.manual_seed(SEED)
sizes = [2, 32, 32, 32]
layers = [
    part
    for a, b in zip(sizes[:-1], sizes[1:], strict=True)
    for part in (torch.nn.Linear(a, b), torch.nn.Tanh())
]
network = torch.nn.Sequential(*layers, torch.nn.Linear(32, 1))
points = torch.rand(1_024, 2) * torch.tensor([2.0, 1.0]) - torch.tensor([1.0, 0.0])
start = torch.stack([2 * torch.rand(100) - 1, torch.zeros(100)], dim=1)
ends = torch.stack([torch.tensor([-1.0, 1.0]).repeat(50), torch.rand(100)], dim=1)
data = torch.cat([start, ends])
given = torch.cat([exact(start), torch.zeros(100, 1)])

# %% [markdown]
# ## Cut the points into batches
#
# The {term}`gradient` of the loss is the direction in which the loss grows fastest, and training
# goes the opposite way. Every point contributes to this direction. Do the contributions agree?
#
# To see that, we cut the points into $B = 32$ {term}`batches <batch>`. The points were chosen at
# random, so each batch has 32 points from all over the rod. Each batch has a loss of its own: the
# mean of $r^2$ over its points, plus the *whole* data term. So each batch has its own gradient
# $g_b$. It has one number for each weight of the network. The biases of the network are left out,
# as in the paper.


# %%
def batch_gradients(network, B):
    """One row a batch, one column a weight."""
    weights = [p for p in network.parameters() if p.ndim == 2]
    rows = []
    for part in points.chunk(B):
        equation = residual(network, part).square().mean()
        misfit = (network(data) - given).square().mean()
        g = torch.autograd.grad(equation + misfit, weights)
        rows.append(torch.cat([each.flatten() for each in g]))
    return torch.stack(rows)


def signal_and_noise(g):
    mean = g.mean(dim=0)  # what the batches agree on
    spread = g.std(dim=0, correction=0)  # what they disagree on
    return mean.norm().item(), spread.norm().item()


# %% [markdown]
# These twenty lines compute signal and noise. In formulas,
#
# $$
# \begin{aligned}
# \text{signal} &= \lVert \operatorname{mean}_b\, g_b \rVert, \\
# \text{noise} &= \lVert \operatorname{std}_b\, g_b \rVert, \\
# \text{SNR} &= \text{signal} / \text{noise} .
# \end{aligned}
# $$ (eq-snr)
#
# Mean and standard deviation over the batches are taken separately for each weight of the network.
# The bars $\lVert\cdot\rVert$ stand for the length of the vector that comes out. The mean of the
# $g_b$ is the gradient that Adam follows, and the {term}`signal` is its length. The {term}`noise`
# says how much the gradients of the batches differ. Their ratio is the
# {term}`signal-to-noise ratio`.
#
# We train on all points at once, and now and then we compute the gradients of the batches. Such a
# moment, at which a training is measured, is called a {term}`probe`. It changes nothing in the
# training.

# %%
looks = np.unique(np.r_[0:20, np.geomspace(20, STEPS, 80)].astype(int))
optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
gradients, models, errors = {}, {}, []
grid = torch.cartesian_prod(torch.linspace(-1, 1, 101), torch.linspace(0, 1, 51))
for step in range(STEPS + 1):
    if step in looks:
        gradients[step] = batch_gradients(network, 32)
        with torch.no_grad():
            models[step] = network(grid)
        errors.append(float((models[step] - exact(grid)).norm() / exact(grid).norm()))
    optimizer.zero_grad()
    equation = residual(network, points).square().mean()
    loss = equation + (network(data) - given).square().mean()
    loss.backward()
    optimizer.step()

# %% mystnb={"figure": {"caption": "A training that stalls. Left: the error. Right: the temperature along the rod at time 0, as it should be (black), and as the network gives it at a step on the plateau (dashed) and at the last step (dotted).", "name": "fig-waves-stall"}, "image": {"alt": "Left: the error falls to about two tenths near step 150, stays there to about step 900, and then falls to about a hundredth. Right: a curve with a long and a short wave; the network of step 300 has the long wave alone, and the network of the end lies on the curve."}} tags=["hide-input"]
fig, axes = plt.subplots(1, 2, figsize=(7.2, 3.2))
axes[0].plot(np.maximum(looks, 0.7), errors, color=figures.COLOURS["vanilla"])
axes[0].set(xscale="log", yscale="log", xlabel="Adam step", ylabel="relative error")
near = looks[np.argmin(np.abs(looks - 300))]
places, first = grid.reshape(101, 51, 2)[:, 0, 0], exact(grid).reshape(101, 51)[:, 0]
axes[1].plot(places, first, color="black", lw=1, label="the truth")
for step, look in ((near, "--"), (STEPS, ":")):
    now = models[step].reshape(101, 51)[:, 0]
    axes[1].plot(places, now, look, lw=2.2, label=f"step {step:,}")
axes[1].set(xlabel="place x", ylabel="u at the start")
axes[1].legend()
figures.stamp(fig, f"trained here: 32 x 3 tanh, 1,024 points, seed {SEED}")
plt.show()

# %% [markdown]
# {numref}`fig-waves-stall` shows what a {term}`plateau` is. After 150 steps the network has learned
# the long wave. Then the error stays near 0.2 for hundreds of steps, and the short wave is missing.
# The network learns the short wave at last, from about step 1,000 on.
#
# ## Arrows
#
# Do the gradients of the batches agree? We draw them at three moments. Each gradient has more than
# two thousand numbers, too many for a drawing. So we draw only two numbers of each, like the shadow
# of an arrow on a wall. The horizontal direction is that of the mean of all gradients: along it
# batches can agree. The vertical direction is that in which the batches differ most.


# %%
def shadow(g):
    """The gradients on two directions, ``(B, 2)``."""
    mean = g.mean(dim=0)
    across = mean / mean.norm()
    apart = g - mean
    rest = apart - torch.outer(apart @ across, across)
    up = torch.linalg.svd(rest, full_matrices=False)[2][0]
    return torch.stack([g @ across, g @ up], dim=1)


# %% mystnb={"figure": {"caption": "Gradients of the 32 batches at three moments. Horizontal: the part along their mean. Vertical: the part along the direction in which they differ most. Black: their mean. Each panel has its own scale.", "name": "fig-waves-arrows"}, "image": {"alt": "Three panels of arrows from one point. Left, SNR far above one: all arrows lie on each other. Middle, SNR near one: a fan. Right, SNR below one tenth: as many arrows point up as down, and the black mean arrow is tiny."}} tags=["hide-input"]
snr = {k: np.divide(*signal_and_noise(g)) for k, g in gradients.items()}
values = np.array(list(snr.values()))
late = looks[(looks > 200) & (looks < 900) & (values < 0.2)]
lengths = {k: gradients[k].norm(dim=1) for k in late}
shown = [
    looks[0],
    looks[np.argmin(np.abs(np.log(values)) + (looks > 200))],
    max(late, key=lambda k: float(lengths[k].median() / lengths[k].max())),
]
fig, axes = plt.subplots(1, 3, figsize=(7.2, 2.9))
for ax, step in zip(axes, shown, strict=True):
    arrows = shadow(gradients[step]).numpy()
    style = dict(angles="xy", scale_units="xy", scale=1, zorder=3)
    nil = np.zeros(len(arrows))
    ax.quiver(nil, nil, *arrows.T, width=0.008, color="#D55E00", alpha=0.5, **style)
    ax.quiver(0, 0, *arrows.mean(0), width=0.02, color="black", **style)
    reach = 1.15 * np.abs(arrows).max()
    ax.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal")
    ax.set(xticks=[0], yticks=[0], xlabel="along the mean")
    ax.set_title(f"step {step:,}\nSNR {snr[step]:.2g}", loc="left")
axes[0].set_ylabel("where they differ")
plt.show()

# %% [markdown]
# {numref}`fig-waves-arrows` is the picture to remember.
#
# - **SNR far above 1.** All arrows are nearly the same. One arrow could stand for all.
# - **SNR about 1.** The arrows have a common direction, and they differ by about as much as they
#   have in common.
# - **SNR far below 1.** The arrows point in opposite directions. The mean is so short that its black arrow is only a dot. No single batch has such a short gradient. A step of training then helps some batches and
#   hurts others, and the loss over all batches falls only a little.
#
# ## The three phases, as the paper tells them
#
# The paper describes its runs as a story of three phases. {numref}`fig-phases-schematic` is a
# drawing of this story, not a measurement.

# %% tags=["hide-input"]
s = np.linspace(0, 3, 400)
drawn_snr = 10 ** (
    3 * np.exp(-((s / 0.95) ** 4))
    - 1
    + 1.5 / (1 + np.exp(-30 * (s - 2)))
    - 5 * np.maximum(s - 2.75, 0)
)
drawn_error = 10 ** (
    -0.6 / (1 + np.exp(-12 * (s - 0.5))) - 0.9 * np.maximum(s - 2, 0) ** 0.8
)
bundles = {"fitting": (10, 5), "diffusion": (165, 12), "total diffusion": (14, 5)}

# %% mystnb={"figure": {"caption": "The three phases of the paper, drawn by hand. Above: the SNR, with 1 as a dotted line, and arrows for the gradients of the batches. Below: the error.", "name": "fig-phases-schematic"}, "image": {"alt": "A drawing with three tinted parts. In the first, fitting, the SNR falls from far above one and the error begins to fall; a bundle of parallel arrows. In the second, diffusion, the SNR is below one and the error stays flat; a star of arrows. In the third, total diffusion, the SNR is above one again and the error falls steeply; a bundle of arrows again. At the end of this part the SNR falls below one."}} tags=["hide-input"]
fig, axes = plt.subplots(2, 1, figsize=(7.2, 4.6), sharex=True)
for ax, curve, label in zip(
    axes, (drawn_snr, drawn_error), ("SNR", "error"), strict=True
):
    ax.plot(s, curve, color="black")
    ax.set(yscale="log", yticks=[], xticks=[], ylabel=label, xlim=(0, 3))
    ax.minorticks_off()
    ax.grid(False)
    for k, name in enumerate(("fitting", "diffusion", "total diffusion")):
        ax.axvspan(k, k + 1, color=figures.COLOURS[name], alpha=0.7, lw=0)
axes[0].axhline(1.0, color="black", lw=0.8, ls=":")
axes[1].set_xlabel("training")
for k, (name, (spread, n)) in enumerate(bundles.items()):
    axes[0].text(
        k + 0.04, 0.93, name, transform=axes[0].get_xaxis_transform(), va="top"
    )
    inset = axes[0].inset_axes([k / 3 + 0.19, 0.45, 0.13, 0.5])
    for turn in np.radians(np.linspace(-spread, spread, n)):
        tip = np.cos(turn), np.sin(turn)
        inset.annotate(
            "", tip, (0, 0), arrowprops=dict(arrowstyle="->", color="#D55E00")
        )
    inset.set(xlim=(-1.2, 1.2), ylim=(-1.2, 1.2), aspect="equal")
    inset.axis("off")
plt.show()

# %% [markdown]
# (claims-of-the-paper)=
# Here is all that the paper claims. The numbers come again in the {doc}`22_scorecard`.
#
# 1. **{term}`Fitting <fitting>`.** The batches agree, the SNR is far above 1, and the loss falls
#    fast.
# 2. **{term}`Diffusion <diffusion>`.** What all batches agreed on has been learned. The SNR falls
#    below 1, and the error stalls.
# 3. **{term}`Total diffusion <total diffusion>`.** Abruptly the SNR rises above 1 again. Three
#    things mark this phase. The batches agree. The residual is even over the whole domain. And
#    Adam's corrections, which give each weight a learning rate of its own, are in equilibrium. The
#    error falls fastest.
# 4. **Late** the SNR falls below 1 again. The signal tends to zero, and some noise stays.
# 5. **RBA**, a rule for the weights of points, makes residuals more even. So total diffusion comes
#    earlier, and the error is smaller in the end.
# 6. **Information.** Activations saturate at total diffusion: most are near $-1$ or $1$, where tanh
#    is flat. An estimator that sorts activations into bins reads this as compression. The deepest
#    layers lose least.
# 7. **Order**, in the published version {cite}`anagnostopoulos2025diffusion`. The transition is
#    abrupt, of first order, as when water boils. The error is smallest where gradients and
#    residuals are both ordered. {doc}`16_equilibrium` tests it.
#
# The names come from physics. A particle in a stream drifts one way. A particle in still water
# *diffuses*: it moves to and fro at random. The paper compares the second phase with such a random
# walk. Here every step of training uses all points, so no step is random. It is the gradients of
# the batches that point in all directions.
#
# Diffusion is *total* when the residual has spread evenly over the whole domain. The published
# version of the paper calls this phase *diffusion equilibrium*
# {cite}`anagnostopoulos2025diffusion`.
#
# Why should the batches agree again? The paper's reason is that the residual becomes even. Suppose
# that the {term}`residual` is large in one region and small in another. Then chance decides how
# many points a batch has in the first region, and so the batches differ. Now suppose that the
# residuals are equally large everywhere. Then it does not matter which points a batch has, and all
# batches have much the same gradient. That is the paper's argument. Part III measures whether it
# holds.
#
# By this argument everything that makes the residuals even should bring the third phase earlier.
# The weights of the points in {doc}`04_attention` are meant to do that.
#
# ## The course of the SNR
#
# {numref}`fig-waves-snr` shows the SNR at all probes, and the three moments of the arrows on this
# curve.

# %% mystnb={"figure": {"caption": "SNR during the training. Circles: the three moments of the arrows; step 0 is drawn at the left edge. Dotted: an SNR of 1. Dashed: the SNR that 32 batches with nothing in common would have.", "name": "fig-waves-snr"}, "image": {"alt": "SNR against the step. It begins near fifty, falls through one between steps 100 and 200, and then jumps between one and a few hundredths, above and below the dashed line at about 0.18."}} tags=["hide-input"]
fig, ax = plt.subplots()
ax.plot(np.maximum(looks, 0.7), values, ".-", lw=0.8, color=figures.COLOURS["vanilla"])
for step in shown:
    ax.plot(max(step, 0.7), snr[step], "o", ms=11, mfc="none", mec="black", mew=1.5)
ax.axhline(1.0, color="black", lw=0.8, ls=":")
ax.axhline(31**-0.5, color="black", lw=0.8, ls="--")
ax.set(xscale="log", yscale="log", xlabel="Adam step", ylabel="SNR")
figures.stamp(fig, f"trained here: 32 x 3 tanh, 1,024 points, 32 batches, seed {SEED}")
plt.show()

# %% tags=["hide-cell"]
plateau = (looks >= 200) & (looks <= 800)
print("SNR above 10 at the start:", bool(values[0] > 10))
print("median SNR below 1 on the plateau:", bool(np.median(values[plateau]) < 1))
print(
    "error between 0.1 and 0.3 all along it:",
    all(0.1 < e < 0.3 for e in np.array(errors)[plateau]),
)
print("error below 0.05 at the end:", errors[-1] < 0.05)

# %% [markdown]
# The SNR begins far above 1: for every batch the next thing to learn is the long wave. Near step
# 100 the SNR falls through 1. On the plateau it is mostly below 1. What all batches asked for has
# been learned, and about the rest they disagree.
#
# From step 200 on the curve jumps from probe to probe, late in the training by factors of ten and
# more. So a single probe does not tell how large the SNR is. Take many probes, and the median of
# their values.
#
# Our small training shows the first phase and the second. Here the third phase is not seen. From
# step 1,000 on the error falls from above a tenth to below a hundredth. During all these steps the
# SNR is mostly below 1. So an error can fall while the batches disagree. This is one small run, of
# no problem of the authors, and no verdict on the paper. The authors' own runs are the subject of
# the next chapter, {doc}`03_authors_runs`.
#
# ### How small can the SNR be?
#
# Take batches that have nothing in common: each gradient is a list of random numbers. Their mean is
# small, but not zero.

# %%
rng = np.random.default_rng(0)
for B in (4, 32, 100):
    g = torch.as_tensor(rng.normal(size=(B, 10_000)))
    print(f"{B} random batches: SNR {np.divide(*signal_and_noise(g)):.3f}")

# %% [markdown]
# The mean of $B$ random vectors is about $1/\sqrt{B}$ as long as one of them, since the rest
# cancels. Divided by the spread around that mean, this becomes $1/\sqrt{B - 1}$
# ({numref}`ex-floor`). We call this number the {term}`floor`: batches that have nothing in common
# have about this SNR, and chance alone brings it no lower.
#
# Training can bring the SNR below the floor, in spite of that name. Training uses all points, so it
# makes the *mean* gradient small, as at the bottom of a valley, where there is no slope. The
# gradients of the single batches stay long, since a step could still lower the loss of each batch
# alone. So 32 long arrows may have a sum near zero. Then they cancel each other better than random
# arrows would.
#
# {numref}`fig-waves-floor` shows two probes late in this training: the one with the lowest SNR, and
# the one with the highest.

# %% mystnb={"figure": {"caption": "Gradients of the 32 batches at two probes late in the training, on the same scale. Left: the lowest SNR. Right: the highest. Black: their mean. Horizontal, in both panels: the direction of the mean of the right panel. Vertical: the direction in which the gradients of the right panel differ most.", "name": "fig-waves-floor"}, "image": {"alt": "Two panels of arrows from one point. Left: arrows to all sides, and no mean to be seen. Right: arrows with a similar spread, all shifted to the right by a black mean arrow."}} tags=["hide-input"]
late = [step for step in looks if step > STEPS // 3]
low, high = min(late, key=snr.get), max(late, key=snr.get)
across = gradients[high].mean(dim=0)
across = across / across.norm()
apart = gradients[high] - gradients[high].mean(dim=0)
rest = apart - torch.outer(apart @ across, across)
up = torch.linalg.svd(rest, full_matrices=False)[2][0]
fig, axes = plt.subplots(1, 2, figsize=(7.2, 3.4), sharex=True, sharey=True)
for ax, step in zip(axes, (low, high), strict=True):
    g = gradients[step]
    arrows = torch.stack([g @ across, g @ up], dim=1).numpy()
    style = dict(angles="xy", scale_units="xy", scale=1, zorder=3)
    nil = np.zeros(len(arrows))
    ax.quiver(nil, nil, *arrows.T, width=0.006, color="#D55E00", alpha=0.5, **style)
    ax.quiver(0, 0, *arrows.mean(0), width=0.016, color="black", **style)
    ax.set(aspect="equal", xticks=[0], yticks=[0], xlabel="along the mean on the right")
    ax.set_title(f"step {step:,}, SNR {snr[step]:.2g}", loc="left")
reach = 1.15 * float(
    torch.stack([gradients[high] @ across, gradients[high] @ up]).abs().max()
)
axes[0].set(xlim=(-reach, reach), ylim=(-reach, reach), ylabel="where they differ")
plt.show()

# %% [markdown]
# Here is one way to read this figure. On the left the network is at the bottom of a valley of the
# loss, and the arrows cancel. On the right the arrows are spread in much the same way, and all of
# them have one common part in addition. The network has gone up one side of the valley, and the
# gradient of each batch has the slope of this side in it. {doc}`10_adams_view` tests this reading.
#
# So an SNR can be large for two reasons. The gradients of the batches may have become alike, so
# that the noise is small. Or the network may be away from the bottom of the valley, so that the
# signal is large. The SNR alone does not tell these two reasons apart. Signal and noise, each shown
# by itself, do.
#
# The SNR also depends on the number of batches. Two batches can be made into one, whose gradient is
# the mean of their two gradients. The mean of all gradients stays as it is, and their spread
# becomes smaller. Move the slider in {numref}`fig-waves-batches`. With few large batches the whole
# curve lies higher, and so does its floor.
#
# So an SNR must be given together with the number of batches. The authors have 100 batches, and the
# small runs of this book mostly have 32. An SNR of 1 does not mean the same in both.

# %% mystnb={"figure": {"caption": "The same training, cut into more or fewer batches: move the slider. Dashed: the floor for this number of batches. Dotted: an SNR of 1.", "name": "fig-waves-batches"}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(7.0, 3.4))
frames = {}
for B in (2, 4, 8, 16, 32):
    merged = (g.reshape(B, 32 // B, -1).mean(dim=1) for g in gradients.values())
    seen = [np.divide(*signal_and_noise(g)) for g in merged]
    curve = ax.plot(np.maximum(looks, 0.7), seen, ".-", lw=0.8, color="#0072B2")
    frames[str(B)] = [
        *curve,
        ax.axhline((B - 1) ** -0.5, color="black", lw=0.8, ls="--"),
    ]
ax.axhline(1.0, color="black", lw=0.8, ls=":")
ax.set(xscale="log", yscale="log", xlabel="Adam step", ylabel="SNR", ylim=(5e-3, 300))
ALT = (
    "SNR against the step for the chosen number of batches: it falls through one near "
)
ALT += (
    "step 100 and jumps later. With fewer batches the curve and its floor lie higher."
)
play(fig, frames, label="number of batches B", alt=ALT, shown="32")

# %% [markdown]
# ### Where does the large SNR at the start come from?
#
# The data term is the same in every batch. So it adds the same vector to the gradient of each
# batch. This vector is part of the mean, and so of the signal. It does not change how far the
# gradients differ, so it is not part of the noise. At the start the data term is the larger part of
# the loss. So the batches agree in part for this reason alone: all of them contain the same data.
# {doc}`04_attention` measures how much of the SNR this explains in another training.
#
# ## The same with pinnlib
#
# At each probe `pinnlib` measures the error, and also signal, noise and SNR of the batches. The
# equation is a class, as in {doc}`01_first_pinn`.


# %%
class TwoWaves(pl.Problem):
    coordinates = ("x", "t")
    fields = ("u",)
    domain = ((-1.0, 1.0), (0.0, 1.0))
    partials = ("u_t", "u_xx")

    def residual(self, points, d):
        return d.u_t - ALPHA * d.u_xx

    def data(self, n, seed):
        return data.numpy(), given.numpy()

    def reference(self, points):
        return exact(torch.as_tensor(points)).numpy()


# %%
size = dict(width=32, depth=3, points=1_024, batches=32)
run = pl.train(TwoWaves(), pl.Config(**size, lr=1e-3, steps=STEPS, seed=SEED))

# %% mystnb={"figure": {"caption": "The same quantities measured by the library, in a run from other first weights. Above: the SNR at each probe (dots), its running median (line), the band that holds 80% of the neighbouring probes, and the floor (dashed). Below: signal and noise.", "name": "fig-waves-run"}, "image": {"alt": "Two panels against the Adam step. Above: the SNR begins near twenty-five, falls through one near step 150, and bursts after step 1,700. Below: the signal falls in two stages and jumps late; the noise falls tenfold, rises again more than tenfold, and is smooth."}} tags=["hide-input"]
fig, axes = plt.subplots(2, 1, figsize=(7.2, 5.4), sharex=True)
figures.snr(axes[0], run.history, "vanilla", title="")
axes[0].axhline(31**-0.5, color="black", lw=0.8, ls="--")
h = run.history
figures.signal_noise(axes[1], h["step"], h["signal"], h["noise"])
axes[1].legend()
figures.stamp(fig, f"trained here: {run.config.describe()}")
plt.show()

# %% [markdown]
# The line in the upper panel of {numref}`fig-waves-run` is a {term}`running median`: at each probe
# it shows the median over this probe and its neighbours. So single jumps vanish from it.
#
# The library draws its first weights by another rule, so this is another run from the same seed.
# Its SNR is smoother. From about step 350 to step 1,700 the SNR lies below the floor. Only then it
# begins to jump.
#
# The lower panel shows whether the signal or the noise changes. Between steps 30 and 150 the SNR
# falls to 1. In these steps the noise grows tenfold, and the signal falls threefold. Late in the
# training the noise is smooth, and it is the *signal* that jumps. So an SNR above 1 late in this
# training means that the mean gradient is long for a moment. At such a moment the batches do agree:
# their common part has grown, and their differences are as large as before. {doc}`10_adams_view`
# asks what makes the signal large.
#
# For gradients of your own, `pl.snr.snr(grads)` computes the SNR. A training loop that exists
# already needs three more lines ({doc}`19_your_pinn`).

# %% tags=["hide-cell"]
g = gradients[shown[1]]
print(
    "pinnlib's SNR is ours:", math.isclose(pl.snr.snr(g), snr[shown[1]], rel_tol=1e-5)
)
print("pinnlib's run starts with an SNR above 10:", bool(h["snr"][0] > 10))
low = (h["step"] > 200) & (h["step"] < 800)
print(
    "its median SNR below 1 from step 200 to 800:", bool(np.median(h["snr"][low]) < 1)
)

# %% [markdown]
# **Three takeaways**
#
# 1. Signal is what the batches' gradients have in common, and noise is how much they differ. If the
#    SNR is far above 1, all batches agree. If it is far below 1, their gradients cancel.
# 2. Batches with nothing in common have an SNR of $1/\sqrt{B-1}$. Training on all points can bring
#    the SNR below that.
# 3. The paper's story is fitting, diffusion, total diffusion: the batches agree, disagree, and
#    agree again. Here the batches agree and then disagree. While they disagree, the error first
#    stalls, and later it falls.
#
# **Limits.** This is one small problem, with one seed and 3,000 steps. The phases are told as the
# paper tells them. Whether the last phase is real is the question of {doc}`13_phases` and
# {doc}`14_transition`. Some libraries use the name SNR for a ratio that is taken separately for
# each weight of the network. Here it is always the ratio of two lengths.
#
# ## Exercises
#
# ```{exercise}
# :label: ex-floor
#
# Show that $B$ independent gradients with mean zero have $\text{SNR} \approx 1/\sqrt{B - 1}$. What
# SNR would 10 batches have, if they have nothing in common? Write it into the cell.
# ```

# %%
answer = None  # your number here

# %% tags=["hide-input"]
ten = torch.as_tensor(np.random.default_rng(1).normal(size=(10, 100_000)))
pl.book.exercises.check(answer, pl.snr.snr(ten), within=0.05)

# %% [markdown]
# ```{solution} ex-floor
# :class: dropdown
#
# Let each component of $g_b$ have variance $\sigma^2$, and let there be $P$ components. The mean
# over the batches has variance $\sigma^2 / B$, so $\text{signal}^2 \approx P \sigma^2 / B$. The
# square of the standard deviation over the batches has the expected value $\sigma^2 (B - 1) / B$,
# so $\text{noise}^2 \approx P \sigma^2 (B - 1) / B$. The ratio of the two squares is $1 / (B - 1)$.
# For 10 batches the SNR is a third.
# ```
#
# ```{exercise}
# :label: ex-shared
#
# Multiply the data term by ten in `batch_gradients`. Make the network anew with the cell that makes
# it, do not train it, and compute its SNR. What happens to the signal, and what to the noise? To
# compare, `gradients[0]` are those with the data term as it was.
# ```
#
# ```{solution} ex-shared
# :class: dropdown
#
# At the start the signal is nearly the gradient of the data term alone, so it becomes nearly ten
# times as large. The noise does not change at all, since the data term is the same in each batch.
# So the SNR is nearly ten times as large, and nothing has been learned. SNRs can be compared only
# between losses whose terms are multiplied by the same factors.
# ```
#
# ```{exercise}
# :label: ex-order
#
# Another number says the same as the SNR: the {term}`order parameter` $\varphi$ of the gradients.
# It is the length of the mean gradient, divided by the root mean square of the lengths of the
# batches' gradients. Show that $\varphi = \text{SNR} / \sqrt{1 + \text{SNR}^2}$. Which values can
# it have?
# ```
#
# ```{solution} ex-order
# :class: dropdown
#
# For each weight of the network the mean of squares over the batches is the square of the mean plus
# the square of the standard deviation. Added over the weights, the mean squared length of the
# batches' gradients is $\text{signal}^2 + \text{noise}^2$. So
# $\varphi = \text{signal} / \sqrt{\text{signal}^2 + \text{noise}^2}$. Divide numerator and
# denominator by the noise. The order parameter lies between 0, where the batches cancel, and 1,
# where they are equal. At an SNR of 1 it is 0.71.
# ```
#
# ## References
#
# All works cited are in the {doc}`bibliography`.
