# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # What does a binning estimator measure?
#
# **Question.** A layer of a network turns an input $X$ into activations $T$. How many bits does $T$
# hold about $X$? The usual answer cuts the activations into bins and counts. What does that count
# measure, and when does it measure only itself?
#
# **The claim.** The paper {cite}`anagnostopoulos2024learning` bins the activations of each layer
# into about 30 bins a neuron and reads the joint entropy as mutual information. It takes a fall of
# that number at the start of total diffusion for *compression*, caused by neurons that saturate.
# Deeper layers are said to lose almost nothing. The idea has a history: it was put forward for
# classifiers {cite}`shwartz2017opening`, and contested soon after
# {cite}`saxe2018information,goldfeld2019estimating`. With the authors' 25,600 samples the number
# cannot exceed 14.64 bits.
#
# **What this chapter does.** No PINN is trained here. The estimator meets distributions whose
# entropy is known exactly. Then it meets a layer that loses nothing by construction, and a tiny
# network that tells two moons apart. At the end each way to misread it gets a verdict.
#
# **Time.** Less than half a minute on one CPU core. A GPU is not needed.

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

import pinnlib as pl
from pinnlib import figures, information, verdicts

figures.style()

# %% [markdown]
# ## Parameters
#
# `SCALE = "quick"` sends 10,000 samples through the layers, `"paper"` the authors' 25,600, which
# takes about twice as long. A layer has 3 neurons where it must not run into the ceiling, and 64
# where it should.

# %% tags=["parameters"]
SCALE = "quick"
SAMPLES = {"quick": 10_000, "paper": 25_600}[SCALE]
BINS = 30

# %% [markdown]
# ## The estimator
#
# All neurons of a layer share one bin width, and each has its bins over its own range:
#
# $$
# w = \operatorname{mean}_j \frac{\max_i T_{ij} - \min_i T_{ij}}{30} .
# $$ (eq-bin-width)
#
# The code of a sample is the tuple of its neurons' bins. With $n_k$ of the $N$ samples in the
# $k$-th distinct tuple,
#
# $$
# H(T) = -\sum_k \frac{n_k}{N} \log_2 \frac{n_k}{N} \;\le\; \log_2 N .
# $$ (eq-bin-entropy)
#
# That is all. In a deterministic network $T$ is a function of $X$, so $H(T \mid X) = 0$, and
# $I(X; T) = H(T) - H(T \mid X)$ is $H(T)$. For a label $Y$, the same counting gives
# $I(T; Y) = H(T) + H(Y) - H(T, Y)$ {cite}`cover2006elements`.


# %%
def by_hand(activations, bins):
    low, high = activations.min(0), activations.max(0)
    width = math.fsum(high - low) / (bins * activations.shape[1])
    codes = []
    for column, a, b in zip(activations.T, low, high, strict=True):
        edges = np.linspace(a, b, int((b - a) / width) + 1)
        codes.append(np.digitize(column, edges))
    count = np.unique(np.stack(codes, axis=1), axis=0, return_counts=True)[1]
    share = count / count.sum()
    return float(-(share * np.log2(share)).sum())


normal = np.random.default_rng(0).standard_normal((SAMPLES, 3))
for bins in (5, 30, 500):
    same = (
        abs(by_hand(normal, bins) - information.binned_entropy(normal, bins=bins))
        < 1e-9
    )
    print(f"by hand and by the library alike, {bins} bins:", same)

# %% [markdown]
# ## Where it is exact
#
# For a discrete variable with all outcomes in their right shares there is nothing to estimate. The
# entropies below are exact, and names do not matter: swapping the outcomes' values changes no
# count.

# %%
KNOWN = {
    "a fair coin": ([1, 1], 1.0),
    "shares 1/2, 1/4, 1/8, 1/8": ([4, 2, 1, 1], 1.75),
    "1,024 equal outcomes": ([1] * 1024, 10.0),
}
for name, (counts, exact) in KNOWN.items():
    outcome = np.repeat(np.arange(len(counts)), counts)
    renamed = np.random.default_rng(0).permutation(len(counts))[outcome]
    found = [
        information.discrete_entropy(information.counts(o)) for o in (outcome, renamed)
    ]
    print(f"{name}: {exact} bits; exact: {max(abs(f - exact) for f in found) < 1e-12}")

bits = (np.arange(160)[:, None] // [1, 2, 4, 8]) % 2
shared = information.mutual_information(
    bits[:, 1:3], bits[:, :2], rule=information.Discrete()
)
print(f"Y is bits 1 and 2, T is bits 2 and 3: I(T; Y) = {shared.bits:.3f}")

# %% [markdown]
# ## Bias: few samples, many bins
#
# With samples instead of shares, the count is too low on average. Some outcomes are missed, others
# are met too often. For $K$ possible outcomes the first term of the error is known
# {cite}`miller1955note`:
#
# $$
# \operatorname{E} \hat H - H \approx - \frac{K - 1}{2 N \ln 2} \text{ bits.}
# $$ (eq-bin-bias)
#
# Adding it back is the correction of Miller and Madow. A uniform variable in $K$ equal bins, whose
# entropy is $\log_2 K$, shows both.

# %%
SIZES = np.unique(np.geomspace(30, 30_000, 10).astype(int))
KINDS = (10, 30, 300)
rng = np.random.default_rng(0)


def corrected(count):
    alone = int(
        (count == 1).sum()
    )  # where most are alone the library refuses to correct
    return (
        information.miller_madow(count) if 2 * alone <= int(count.sum()) else math.nan
    )


def errors(kinds, n, sets=20):
    drawn = [information.counts(rng.integers(0, kinds, n)) for _ in range(sets)]
    plain = np.mean([information.discrete_entropy(c) for c in drawn])
    return plain - math.log2(kinds), np.mean([corrected(c) for c in drawn]) - math.log2(
        kinds
    )


uniform = {kinds: np.array([errors(kinds, n) for n in SIZES]).T for kinds in KINDS}

# %% [markdown]
# A Gaussian has a finite entropy $h$ too, but a differential one. Cut into bins of width $w$ it
# holds $h - \log_2 w$ bits, up to a small term {cite}`cover2006elements`. That grows without end as
# the bins get finer: a continuous $T$ that is a function of a continuous $X$ tells infinitely much
# about it.

# %%
WIDTHS = np.geomspace(1e-3, 2.0, 12)
TAKEN = (300, 3_000, 30_000)
h = 0.5 * math.log2(2 * math.pi * math.e)
gaussian = {
    n: [
        information.binned_entropy(
            rng.standard_normal((n, 1)), rule=information.FixedWidth(w)
        )
        for w in WIDTHS
    ]
    for n in TAKEN
}

# %% mystnb={"figure": {"caption": "Left: mean error of the entropy of K equal outcomes over 20 sets of samples, as counted (solid), as the first-order formula says (dots) and with the correction of Miller and Madow (dashed). Right: entropy of a binned Gaussian against the bin width, exact (black) and counted from N samples; thin lines mark log2 N.", "name": "fig-bin-bias"}, "image": {"alt": "Left: errors start at minus one to minus four bits and vanish as the number of samples grows, later for more outcomes; the corrected ones vanish earlier. Right: the counted entropy follows the exact line for wide bins, and bends to a horizontal line at log2 N for narrow ones."}}
fig, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.7))
shades = plt.get_cmap("viridis")(np.linspace(0.0, 0.8, 3))
for colour, (kinds, (plain, better)) in zip(shades, uniform.items(), strict=True):
    left.plot(SIZES, plain, color=colour, label=f"K = {kinds}")
    left.plot(SIZES, better, color=colour, ls="--")
    left.plot(SIZES, -(kinds - 1) / (2 * SIZES * math.log(2)), ".", color=colour, ms=4)
left.set(xscale="log", xlabel="samples N", ylabel="error of H in bits")
left.set(ylim=(-4.3, 0.5), title="uniform")
right.plot(WIDTHS, h - np.log2(WIDTHS), color="black", label="exact")
for colour, (n, found) in zip(shades, gaussian.items(), strict=True):
    right.plot(WIDTHS, found, ".-", color=colour, label=f"N = {n:,}")
    right.axhline(math.log2(n), color=colour, lw=0.7)
right.set(xscale="log", xlabel="bin width / standard deviation", ylabel="H in bits")
right.set(ylim=(0, 16), title="Gaussian")
for ax in (left, right):
    ax.legend()
figures.stamp(fig, "random numbers, seed 0")
plt.show()

# %%
half = uniform[300][0][np.searchsorted(SIZES, 3_000)]
print("300 outcomes, about 3,000 samples: too low:", bool(-0.2 < half < 0))
print(
    "the correction at least halves the error, K = 30, N >= 300:",
    bool(
        np.all(
            np.abs(uniform[30][1][SIZES >= 300])
            < 0.5 * np.abs(uniform[30][0][SIZES >= 300]) + 5e-3
        )
    ),
)
print(
    "narrowest bins, 300 samples: within 0.2 bit of log2 N:",
    math.log2(300) - gaussian[300][0] < 0.2,
)

# %% [markdown]
# {numref}`fig-bin-bias` shows two kinds of error. On the left the count is too low by what
# {eq}`eq-bin-bias` says, once there are several samples an outcome. There the correction works. On
# the right the curves leave the exact line as soon as the bins outnumber the samples, and then say
# $\log_2 N$ and nothing else. No correction helps there: a sample that is alone in its bin looks
# the same whether there are a thousand bins or a million. The library refuses to correct such
# counts.
#
# ## The ceiling
#
# One neuron needs many bins to get there. A layer needs only neurons: $d$ neurons with 30 bins each
# have $30^d$ tuples. For independent uniform neurons the exact entropy is $d \log_2 30$.

# %%
NEURONS = (1, 2, 3, 64)
ceiling = {
    d: [
        information.binned_entropy(
            rng.random((n, d)), rule=information.FixedRange(BINS, (0.0, 1.0))
        )
        for n in SIZES
    ]
    for d in NEURONS
}

# %% mystnb={"figure": {"caption": "Joint entropy of d independent uniform neurons with 30 bins each, counted from N samples (solid), exact (dashed; 314 bits for d = 64, beyond the axis), and the ceiling log2 N (black).", "name": "fig-bin-ceiling"}, "image": {"alt": "Counted entropy against the number of samples: one neuron settles at 4.9 bits; two reach 9.8 bits only near ten thousand samples; 64 neurons lie on the line log2 N throughout, and three leave it only beyond some thousand samples."}}
fig, ax = plt.subplots()
ax.plot(SIZES, np.log2(SIZES), color="black", lw=3, alpha=0.3, label="log2 N")
for d, colour, marker in zip(
    NEURONS,
    plt.get_cmap("viridis")(np.linspace(0.0, 0.9, 4)),
    ("o", "s", "^", "x"),
    strict=True,
):
    ax.plot(
        SIZES,
        ceiling[d],
        marker=marker,
        ms=5,
        color=colour,
        label=f"{d} neuron{'s' if d > 1 else ''}",
    )
    ax.axhline(d * math.log2(BINS), color=colour, ls="--", lw=1)
ax.set(xscale="log", xlabel="samples N", ylabel="H in bits", ylim=(4, 16))
ax.legend(loc="lower right", bbox_to_anchor=(1.0, 0.08))
figures.stamp(fig, "random numbers, seed 0; 30 bins over (0, 1)")
plt.show()

# %%
last = {
    d: information.mutual_information(
        rng.random((SAMPLES, d)), rule=information.FixedRange(BINS, (0.0, 1.0))
    )
    for d in NEURONS
}
for d, found in last.items():
    print(
        f"neurons: {d}, exact: {d * math.log2(BINS):.1f} bits, saturated: "
        f"{found.saturated}"
    )

# %% [markdown]
# In {numref}`fig-bin-ceiling` three neurons and sixty-four give the same answer up to some thousand
# samples: the number of samples. The exact values are 14.7 and 314 bits. So an estimate near
# $\log_2 N$ says nothing about the layer, except that its bins tell the samples apart. The library
# calls an estimate *saturated* within half a bit of that ceiling. The figure does not say that
# every layer of 64 neurons is there: a layer whose neurons all move together has fewer tuples.
#
# ## A layer that loses nothing
#
# Now a layer with one knob. Points $x$ of the square $[-1, 1]^2$ go to three neurons,
#
# $$
# T = \tanh(g\, W x), \qquad \text{gain } g > 0 .
# $$ (eq-bin-gain)
#
# For every gain this is a one-to-one map of the square. Turning the knob is a bijection of $T$. So
# the true $I(X; T)$ is the same for all $g$: $\log_2 N$ for $N$ points that differ, and infinite
# for the whole square. Any change of the estimate is the estimator's.

# %%
SEEDS = range(5)
GAINS = np.geomspace(0.05, 8.0, 23)
square = pl.sampling.interior(((-1, 1), (-1, 1)), SAMPLES, seed=0)


def layer(gain, seed):
    weights = np.random.default_rng(seed).standard_normal((2, 3))
    return np.tanh(gain * square @ (weights / np.linalg.norm(weights, axis=0)))


RULES = {
    "paper's rule": information.Paper(BINS),
    "fixed range": information.FixedRange(BINS, "tanh"),
    "quantile": information.Quantile(BINS),
}
turned = [layer(g, 0) for g in GAINS]
by_rule = {
    name: [information.binned_entropy(t, rule=rule) for t in turned]
    for name, rule in RULES.items()
}
saturation = {
    by: [information.saturation(t, by=by) for t in turned] for by in ("range", "bounds")
}

# %% mystnb={"figure": {"caption": "A layer of three tanh neurons that loses nothing at any gain. Top: its binned entropy by three rules. Bottom: its saturation by the paper's range-bins and by abs(T) > 0.95.", "name": "fig-bin-gain"}, "image": {"alt": "Top: by the paper's rule the entropy is flat at 9.2 bits, rises slightly near gain one, and falls to 5.8; by a fixed range it rises from 2 to 9.3 and falls alike; by quantiles it is flat at 9.6. Bottom: both saturations rise together from gain one to three quarters of the activations."}}
fig, (top, bottom) = plt.subplots(2, 1, figsize=(7.2, 5.2), sharex=True)
for name, values in by_rule.items():
    top.plot(GAINS, values, color=figures.COLOURS[name], label=name)
top.set(ylabel="H(T) in bits", ylim=(0, 14), title="the same information at every gain")
top.axhline(math.log2(SAMPLES), color="black", lw=0.8, ls=":", label="log2 N")
bottom.plot(
    GAINS, saturation["range"], color=figures.COLOURS["paper's rule"], label="by range"
)
bottom.plot(
    GAINS, saturation["bounds"], color=figures.COLOURS["fixed range"], label="by bounds"
)
bottom.set(xscale="log", xlabel="gain g", ylabel="saturation in percent")
bottom.set_xticks([0.1, 1, 8], ["0.1", "1", "8"])
for ax in (top, bottom):
    ax.legend()
figures.stamp(
    fig,
    f"scale {SCALE}: {SAMPLES:,} samples, 3 neurons, {BINS} bins, weights of seed 0",
)
plt.show()

# %%
at_one = int(np.argmin(np.abs(GAINS - 1.0)))
print(
    "all samples still apart at every gain:",
    all(len(np.unique(t, axis=0)) == SAMPLES for t in turned),
)
print(
    "paper's rule, gain 1 to 8: falls by more than 3 bits:",
    by_rule["paper's rule"][at_one] - by_rule["paper's rule"][-1] > 3,
)
print(
    "quantile rule, all gains: changes by less than 0.01 bit:",
    np.ptp(by_rule["quantile"]) < 0.01,
)
print(
    "fixed range, gain 0.05 to 1: rises by more than 4 bits:",
    by_rule["fixed range"][at_one] - by_rule["fixed range"][0] > 4,
)

# %% [markdown]
# {numref}`fig-bin-gain` has a perfect picture of compression: neurons saturate, and the binned
# entropy falls by more than three bits. Yet nothing was lost. No two samples have become equal, and
# the inverse of the hyperbolic tangent would bring all of them back.
#
# The rules disagree about the rest. The paper's bins follow each neuron's range, so a layer that
# shrinks towards zero looks as rich as one that fills the range. A fixed range sees it shrink, and
# reads *growth* of information where the gain goes up to 1. (So does a fixed width of 1/15, which
# here makes the same bins.) Bins with equal counts, called adaptive {cite}`chelombiev2019adaptive`,
# see neither, since they do not change under an increasing function. None of the three is wrong.
# Each answers another question: how evenly do the activations fill the bins that I chose?
#
# The two saturations agree here at large gains. At small ones they differ: by range there is always
# a percent or two, since every neuron has a lowest and a highest bin.
#
# ## It counts clusters
#
# What did fall, then? {numref}`fig-bin-clusters` paints the square by the code of each sample.


# %%
def painted(activations):
    codes = RULES["paper's rule"].codes(activations).numpy()
    _, name, count = np.unique(codes, axis=0, return_inverse=True, return_counts=True)
    rank = np.argsort(np.argsort(-count, kind="stable"))  # 0 for the largest cluster
    colour = (0.618 * rank) % 1.0  # far apart for clusters of neighbouring ranks
    return colour[name.ravel()], len(count), np.sort(count)[::-1]


SHOWN = (1.0, 8.0, 40.0)
views = {g: painted(layer(g, 0)) for g in SHOWN}

# %% mystnb={"figure": {"caption": "The input square at three gains; points of one code are one cluster and have one colour. The six largest clusters have colours that differ; later ones repeat them.", "name": "fig-bin-clusters"}, "image": {"alt": "Three squares of coloured points. At gain 1 the colours are mixed finely; at gain 8 two large plain wedges face each other, with finely mixed stripes between them; at gain 40 six wedges fill most of the square and the stripes are narrow."}}
fig, axes = plt.subplots(1, 3, figsize=(7.2, 3.0), sharex=True, sharey=True)
for ax, (g, (colour, clusters, _)) in zip(axes, views.items(), strict=True):
    ax.scatter(*square.T, c=colour, s=1.2, cmap="turbo", lw=0)
    entropy = information.binned_entropy(layer(g, 0))
    ax.set(
        title=f"gain {g:g}: {clusters:,} clusters,\nH = {entropy:.1f} bits",
        xlabel="x",
        aspect="equal",
    )
    ax.grid(False)
axes[0].set_ylabel("y")
figures.stamp(
    fig,
    f"scale {SCALE}: {SAMPLES:,} samples, 3 neurons, {BINS} bins, weights of seed 0",
)
plt.show()

# %%
wedges = {g: float(sizes[:6].sum() / SAMPLES) for g, (_, _, sizes) in views.items()}
print("gain 1: the six largest clusters hold less than 10%:", wedges[1.0] < 0.1)
print("gain 40: the six largest clusters hold more than 70%:", wedges[40.0] > 0.7)

# %% [markdown]
# At gain 1 there are about a thousand clusters, of some ten samples each. At gain 40 the three
# neurons are all but switches: three lines through the centre cut the square into six wedges, and
# what is left of the fine cells lies along the lines. The *number* of clusters hardly changes up to
# gain 8; their sizes do, and the entropy weighs by size. (At gain 40 double precision itself rounds
# some activations to 1; up to gain 8 it does not.)
#
# So in a deterministic network a binned $I(X; T)$ measures how the samples *cluster* at the scale
# of a bin {cite}`goldfeld2019estimating`. That is worth knowing: a layer with six clusters is
# simple. But it is geometry, and the word information promises more.
#
# ## A label
#
# Two half moons, one above the other, carry the label $Y$. They do not overlap, so
# $I(X; Y) = H(Y) = 1$ bit exactly. A network with four layers of five neurons learns to tell them
# apart. What do its layers know of $Y$, before and after?

# %%
MOONS = 4_000
rng = np.random.default_rng(1)
label = np.arange(MOONS) % 2
angle = np.pi * rng.random(MOONS)
arcs = np.stack(
    [np.cos(angle) + label - 0.5, (1 - 2 * label) * np.sin(angle) + 0.5 * label - 0.25],
    axis=1,
)
moons = torch.tensor(arcs + 0.1 * rng.uniform(-1, 1, arcs.shape), dtype=torch.float32)

before = pl.models.MLP(2, 1, width=5, depth=4, bias_init="zero", seed=0)
after = pl.models.MLP(2, 1, width=5, depth=4, bias_init="zero", seed=0)
adam = torch.optim.Adam(after.parameters(), lr=1e-2)
wanted = torch.tensor(label, dtype=torch.float32)
for _ in range(400):
    adam.zero_grad()
    loss = torch.nn.functional.binary_cross_entropy_with_logits(
        after(moons)[:, 0], wanted
    )
    loss.backward()
    adam.step()
right = float(((after(moons)[:, 0] > 0) == (wanted > 0)).float().mean())
print("more than 99% of the samples told right:", right > 0.99)

# %%
SWEEP = (2, 3, 5, 10, 20, 30, 50, 100, 200, 500)
networks = {"before training": before, "after training": after}
shuffled = information.shuffle_labels(label, seed=0)


def about(targets, model, number, bins):
    t = list(information.activations(model, moons))[number]
    return information.mutual_information(t, targets, rule=information.Paper(bins)).bits


kinds_of = {"true labels": label, "shuffled labels": shuffled}
known = {
    (kind, net, k): [about(targets, model, k, b) for b in SWEEP]
    for kind, targets in kinds_of.items()
    for net, model in networks.items()
    for k in (0, 3)
}

# %% mystnb={"figure": {"caption": "I(T; Y) of the first and the last hidden layer against the bins of the paper's rule, with the true labels (solid) and with labels in random order (dashed).", "name": "fig-bin-labels"}, "image": {"alt": "Two panels. Before training the true labels reach one bit with ten bins in both layers, and shuffled ones climb to one bit with 500. After training the last layer has one bit already with two bins, and shuffled labels stay low there."}}
fig, axes = plt.subplots(1, 2, figsize=(7.2, 3.6), sharex=True, sharey=True)
for ax, net in zip(axes, networks, strict=True):
    for k, colour in ((0, "#440154"), (3, "#35B779")):
        ax.plot(
            SWEEP,
            known["true labels", net, k],
            ".-",
            color=colour,
            label=f"layer {k + 1}, true labels",
        )
        ax.plot(
            SWEEP,
            known["shuffled labels", net, k],
            ".--",
            color=colour,
            label=f"layer {k + 1}, shuffled",
        )
    ax.axvline(BINS, color="black", lw=0.8, ls=":")
    ax.set(xscale="log", xlabel="bins", title=net, ylim=(-0.03, 1.05))
    ax.set_xticks([2, 5, 30, 100, 500], ["2", "5", "30", "100", "500"])
    ax.minorticks_off()
axes[0].set_ylabel("I(T; Y) in bits")
figures.legend(fig, axes[0], columns=2)
figures.stamp(fig, f"two moons, {MOONS:,} samples, 4 layers of 5 neurons, seed 0")
plt.show()

# %%
at = SWEEP.index(BINS)
print(
    "untrained, 30 bins, first layer: more than 0.95 bit:",
    known["true labels", "before training", 0][at] > 0.95,
)
print(
    "untrained, 500 bins, shuffled labels: more than 0.9 bit:",
    known["shuffled labels", "before training", 0][-1] > 0.9,
)
print(
    "2 bins, last layer, before: less than 0.6; after: more than 0.95:",
    known["true labels", "before training", 3][0] < 0.6,
    known["true labels", "after training", 3][0] > 0.95,
)

# %% [markdown]
# {numref}`fig-bin-labels` is a warning. With 30 bins the *untrained* layers know all of the label,
# and they do: the input has it, and they are one-to-one. With 500 bins they know a random label
# nearly as well, because every sample then has a code of its own, and a code of its own predicts
# anything. Only the gap between solid and dashed is about $Y$.
#
# What training did shows at the left end. With two bins a neuron says only high or low. Before
# training that is too coarse to find the label. After it, the last layer has the label in its
# signs. Training made the information *easy to read*; it did not make it. The figure does not show
# which bins are right: no number of bins is.
#
# ## Second opinions
#
# **Noise.** Goldfeld *et al.* {cite}`goldfeld2019estimating` add noise $\sigma Z$ to the
# activations. Then $I(X; T + \sigma Z)$ is finite, smooth and without bins:
#
# $$
# I(X; T + \sigma Z) = h(T + \sigma Z) - h(\sigma Z) .
# $$ (eq-bin-noise)
#
# The scale $\sigma$ is chosen openly, in the units of the activation. For a Gaussian $T$ of
# variance $s^2$ it is $\tfrac12 \log_2 (1 + s^2 / \sigma^2)$.
#
# **Quantization.** Lorenzen *et al.* {cite}`lorenzen2022information` let the network itself compute
# with rounded activations. Then $T$ is discrete, and its entropy over the given samples is a fact.
# A layer's codes depend only on those of the layer before, so $H(T)$ cannot rise from layer to
# layer: the data processing inequality.

# %%
places = np.repeat(np.arange(8.0), 125)[:, None]
draw = information.noisy_information(
    np.random.default_rng(2).standard_normal((4_000, 1)), 0.5, draws=2_000
)
print(
    "eight places far apart, exactly 3 bits:",
    abs(float(information.noisy_information(places, 0.01)) - 3.0) < 1e-9,
)
print(
    "Gaussian, sigma 0.5: within 0.1 of 1.16 bits:",
    abs(draw.bits - 0.5 * math.log2(1 + 1 / 0.25)) < 0.1,
)


fallen = [
    float(information.noisy_information(layer(g, 0), 0.1, draws=1_000))
    for g in (2.0, 8.0)
]
print(
    "noise 0.1, lossless layer, gain 2 to 8: falls by more than 0.3:",
    fallen[0] - fallen[1] > 0.3,
)


# %%
def profile(model):
    hidden = list(information.activations(model, moons))
    codes = information.quantized_activity(model, moons, 4)[:-1]
    return {
        "paper's rule": [information.binned_entropy(t) for t in hidden],
        "quantized, 4 bits": [
            information.binned_entropy(c, rule=information.Discrete()) for c in codes
        ],
        "noise, sigma 0.1": [
            information.noisy_information(t, 0.1, draws=500).bits for t in hidden
        ],
    }


profiles = {net: profile(model) for net, model in networks.items()}

# %% mystnb={"figure": {"caption": "Three estimates of I(X; T) through the hidden layers of the two-moons network.", "name": "fig-bin-layers"}, "image": {"alt": "Two panels, before and after training, against the layer. Before, all three estimates fall slowly or stay, and the paper's rises from the third layer to the fourth. After, all three fall steeply at the last layer, to about one to two bits."}}
looks = {
    "paper's rule": ("paper's rule", "o"),
    "quantized, 4 bits": ("quantized", "s"),
    "noise, sigma 0.1": ("noisy", "^"),
}
fig, axes = plt.subplots(1, 2, figsize=(7.2, 3.6), sharex=True, sharey=True)
for ax, (net, found) in zip(axes, profiles.items(), strict=True):
    for name, values in found.items():
        colour, marker = looks[name]
        ax.plot(
            [1, 2, 3, 4],
            values,
            color=figures.COLOURS[colour],
            marker=marker,
            label=name,
        )
    ax.axhline(math.log2(MOONS), color="black", lw=0.8, ls=":", label="log2 N")
    ax.set(title=net, xlabel="hidden layer", xticks=[1, 2, 3, 4], ylim=(0, 13))
axes[0].set_ylabel("bits")
figures.legend(fig, axes[0], columns=4)
figures.stamp(fig, f"two moons, {MOONS:,} samples, 4 layers of 5 neurons, seed 0")
plt.show()


# %%
def never_rises(values, slack=1e-9):
    return bool(np.all(np.diff(values) <= slack))


nets = [information.untrained(before, seed=seed) for seed in SEEDS]
binned = [
    [information.binned_entropy(t) for t in information.activations(net, moons)]
    for net in nets
]
exact = [
    [
        information.binned_entropy(c, rule=information.Discrete())
        for c in information.quantized_activity(net, moons, 4)
    ]
    for net in nets
]

# %%
print(
    "quantized: never rises, five untrained networks:",
    all(never_rises(e) for e in exact),
)
print(
    "paper's bins: rises by more than 0.1 bit somewhere:",
    any(np.diff(b).max() > 0.1 for b in binned),
)
fell = {
    name: profiles["before training"][name][3] - profiles["after training"][name][3]
    for name in looks
}
print(
    "last layer, training: all three estimates fall:",
    all(f > 0.3 for f in fell.values()),
)

# %% [markdown]
# In {numref}`fig-bin-layers` the three disagree about the size and agree about one thing: training
# makes the last layer simple. That is a fall that no choice of bins made, and it is geometry, as
# before: two clusters are left. The noisy estimate is no judge of loss either: it fell on the layer
# of {eq}`eq-bin-gain`, which loses nothing, since noise of 0.1 really does wash out what has moved
# within 0.1 of a bound. The estimates of the untrained network differ by a factor of three, so a
# number of bits alone, without its rule, means little.
#
# The paper's bins even show information that *grows* with depth in untrained networks. Nothing can
# add information about $X$ on the way. A hierarchy of layers read from such curves needs the
# quantized curve, or the untrained one, beside it.
#
# ## Verdict
#
# Each line is a way to read the paper's estimator, tried on five layers or networks with weights of
# their own. The verdicts speak of the estimator, and not of the paper's runs. Layers of
# {eq}`eq-bin-gain` are compared at gains 1 and 8. The wide networks are untrained, with 64 neurons
# in each of two layers.

# %%
pairs = [(layer(1.0, seed), layer(8.0, seed)) for seed in SEEDS]
drops = {
    name: [
        information.binned_entropy(a, rule=r) - information.binned_entropy(b, rule=r)
        for a, b in pairs
    ]
    for name, r in RULES.items()
}
merged = [len(np.unique(b, axis=0)) < SAMPLES for _, b in pairs]
gained = [
    information.saturation(b, by="bounds") - information.saturation(a, by="bounds")
    for a, b in pairs
]
two = information.shuffle_labels(np.arange(SAMPLES) % 2, seed=0)
wide = [
    list(
        information.activations(
            pl.models.MLP(2, 1, width=64, depth=2, bias_init="zero", seed=s), square
        )
    )[-1]
    for s in SEEDS
]
random_label = [information.mutual_information(t, two) for t in wide]
below = [r.ceiling - r.entropy for r in random_label]

# %%
paper = drops["paper's rule"]
found = [
    verdicts.Claim(
        "saturation lowers the binned entropy",
        "yes",
        f"by {verdicts.spread(paper, '.1f')} bits",
        [d > 0 < g for d, g in zip(paper, gained, strict=True)],
    ),
    verdicts.Claim(
        "so information is lost", '"compression"', "all samples stay apart", merged
    ),
    verdicts.Claim(
        "the fall is there by any rule of binning",
        "one rule",
        f"by quantiles {verdicts.spread(np.round(drops['quantile'], 3) + 0.0, '.1f')} "
        "bits",
        [min(d[k] for d in drops.values()) > 0.5 for k in SEEDS],
    ),
]

# %%
found += [
    verdicts.Claim(
        "30 bins resolve a layer of 64 neurons",
        "layers of 128",
        f"at most {max(below):.1f} bit under log2 N",
        [not r.saturated for r in random_label],
    ),
    verdicts.Claim(
        "I(T; Y) shows what a layer knows of Y",
        "not used",
        "a random label gets at least "
        f"{math.floor(10 * min(r.bits for r in random_label)) / 10} of 1 bit",
        [r.bits < 0.1 for r in random_label],
    ),
    verdicts.Claim(
        "the estimate falls from layer to layer",
        "a hierarchy of layers",
        f"rises in {sum(not never_rises(b, 0.1) for b in binned)} of 5",
        [never_rises(b, 0.1) for b in binned],
    ),
    verdicts.Claim(
        "PINNs compress at total diffusion", "yes", "no PINN was trained here", []
    ),
]
display(Markdown(verdicts.table(found)))

# %% [markdown]
# ## What we learnt, and its limits
#
# A binning estimator is exact about codes. It says how many bits the *codes* of the given samples
# hold. Everything else is a reading, and most readings above fail.
#
# - A fall of the binned entropy means that samples gather in fewer bins. Saturation does that. It
#   need not mean that anything was forgotten.
# - The number depends on the rule. Rules that follow a neuron's range cannot see it shrink; fixed
#   ones can; quantiles see no change of shape at all.
# - Near $\log_2 N$ the number is the sample count, and $I(T; Y)$ is then $H(Y)$ for any $Y$.
#
# For a practitioner: print $\log_2 N$ beside every such number. Repeat it with other bins, with
# shuffled labels and on the untrained network. Believe what survives, and call it clustering. A
# second estimator costs three lines.
#
# **Limits.** Small layers in two dimensions, one tiny classifier, 10,000 samples. The noise
# estimator stops at $\log_2 N$ as well, and its $\sigma$ is a choice like a bin width. The
# quantized network is exact about another network, one that rounds. Whether the paper's fall at
# total diffusion survives these controls is not answered here: that takes trained PINNs.
#
# ## Exercises
#
# ```{exercise}
# :label: ex-bin-ceiling
#
# A layer has 128 neurons, and its samples lie on a curve, so that one number fixes them all. With
# 30 bins a neuron and 25,600 samples, can the estimate be saturated?
# ```
#
# ```{solution} ex-bin-ceiling
# :class: dropdown
#
# Yes. Each neuron changes its bin about 30 times along the curve, or more if it is not monotone.
# The neurons do so at different places, so the curve is cut into up to
# $128 \cdot 30 \approx 3{,}800$ pieces: $\log_2 3800 = 11.9$ bits, under the ceiling of 14.64. But
# if each neuron goes up and down seven times there are more pieces than samples. The number of
# tuples is set by how often edges are crossed, and not by $30^{128}$.
# ```
#
# ```{exercise}
# :label: ex-bin-bijection
#
# Show that for an invertible $f$ that acts on each neuron, $I(X; f(T)) = I(X; T)$. Which rule of
# binning respects this for increasing $f$? What does it lose in exchange?
# ```
#
# ```{solution} ex-bin-bijection
# :class: dropdown
#
# $T$ and $f(T)$ are functions of each other. Processing cannot add information, so
# $I(X; f(T)) \le I(X; T)$ and the reverse, hence they are equal. The quantile rule respects it,
# since ranks do not change. In exchange every neuron has the entropy $\log_2$ of the number of
# bins, whatever it does: shrinking, saturating short of ties, being noise. Only what neurons share
# is left to see.
# ```
#
# ```{exercise}
# :label: ex-bin-sine
#
# Replace the hyperbolic tangent in {eq}`eq-bin-gain` by a sine. The map stops being one-to-one at a
# large gain. Do the binned entropy and the number of distinct samples notice?
# ```
#
# ```{exercise}
# :label: ex-bin-sigma
#
# Compute `information.noisy_information(layer(g, 0), sigma)` for the gains of
# {numref}`fig-bin-gain` and $\sigma$ = 0.01, 0.1 and 1. Which $\sigma$ is closest to the fixed
# range of 30 bins, and why?
# ```
#
# ## References
#
# All works cited are in the {doc}`bibliography`.
