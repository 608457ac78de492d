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
# **You will be able to**
#
# - say what entropy and mutual information are, and compute both in five lines of numpy;
# - estimate what a layer tells of its input, and see when the number only reflects how many samples
#   there are;
# - examine a fall of that number: was something forgotten, or did samples move closer?
#
# **Question.** A {term}`layer` of a network turns an input $X$ into
# {term}`activations <activation>` $T$. How many bits does $T$ hold about $X$? The usual answer cuts
# the activations into bins and counts. What does that count measure? And when does it only measure
# the way of counting?
#
# **The claim.** The paper {cite}`anagnostopoulos2024learning` cuts the activations of each layer
# into about 30 bins a neuron. It counts how many samples fall into the same bins, and reads the
# result as {term}`mutual information`. The number falls at the start of {term}`total diffusion`.
# The paper takes that fall for *compression*, caused by neurons at the ends of their range. Deeper
# layers are said to lose almost nothing.
#
# With the authors' 25,600 samples the number cannot exceed 14.64 bits. The idea of compression has
# a history: it was put forward for classifiers {cite}`shwartz2017opening`, and contested soon after
# {cite}`saxe2018information,goldfeld2019estimating`.
#
# **What this chapter does.** It begins with a coin and a die. Then the estimator is applied to
# random numbers whose entropy is known, to a layer that loses nothing by construction, and to a
# tiny network that tells two moons apart. At the end each way to misread the estimator gets a
# verdict. No PINN is trained here; {doc}`18_compression` does that.
#
# **Before.** {doc}`01_first_pinn` says what a layer is. {doc}`02_signal_and_noise` says what the
# paper's phases are; only their names are needed. Nothing is assumed about information.
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
from pinnlib.book.play import play

figures.style()

# %% [markdown]
# ## Parameters
#
# `SCALE = "quick"` sends 10,000 samples through the layers. `"paper"` sends the authors' 25,600 and
# takes about twice as long. With $N$ samples the estimate cannot exceed $\log_2 N$ bits; we call
# this the *ceiling*. A layer has 3 neurons where its estimate must stay clear of the ceiling, and
# 64 where it should reach it.

# %% tags=["parameters"]
SCALE = "quick"
SAMPLES = {"quick": 10_000, "paper": 25_600}[SCALE]
BINS = 30

# %% [markdown]
# ## What is a bit?
#
# Somebody throws a fair coin behind a screen. You ask one yes-or-no question, and then you know how
# it fell. So a fair coin holds one *bit*. A coin with two heads holds none: you need not ask.
#
# In general an outcome that happens in a share $p$ of all cases is a surprise of $\log_2 (1/p)$
# bits. An outcome that happens half of the time surprises by one bit. One that happens a quarter of
# the time surprises by two. The {term}`entropy` is the mean surprise:
#
# $$
# H = \sum_k p_k \log_2 \frac{1}{p_k} .
# $$ (eq-bin-surprise)


# %%
def entropy(counts):
    shares = np.asarray(counts) / np.sum(counts)
    shares = shares[shares > 0]
    return float((shares * np.log2(1 / shares)).sum())


THROWN = {
    "a fair coin": [1, 1],
    "a coin with 9 heads in 10": [9, 1],
    "a coin with two heads": [1, 0],
    "a fair die": [1, 1, 1, 1, 1, 1],
    "four outcomes, 1/2, 1/4, 1/8, 1/8": [4, 2, 1, 1],
}
rows = [(name, f"{entropy(counts):.2f}") for name, counts in THROWN.items()]
display(Markdown(verdicts.markdown(("thrown", "entropy in bits"), rows)))

# %% [markdown]
# The last row can be checked by asking. "Is it the first?" settles half of all throws. "Is it the
# second?" settles half of the rest, and a third question settles everything. On average that is
# $\tfrac12 \cdot 1 + \tfrac14 \cdot 2 + \tfrac14 \cdot 3 = 1.75$ questions.
#
# The coin that mostly shows heads holds half a bit, since you can nearly guess it. A die holds
# $\log_2 6 = 2.58$ bits. No single throw takes 2.58 questions. But if you ask about many throws
# together, you can come down to 2.58 questions a throw {cite}`cover2006elements`.
#
# ## What two things tell of each other
#
# Now the die is thrown, and you hear only whether the number is even. How much of the 2.58 bits do
# you have? Let $X$ be the number and $Y$ what you hear. To say both together takes $H(X, Y)$ bits.
# To say each without regard to the other takes $H(X) + H(Y)$. What is saved by saying them together
# is the {term}`mutual information`:
#
# $$
# I(X; Y) = H(X) + H(Y) - H(X, Y) .
# $$ (eq-bin-shared)


# %%
def bits(*variables):
    """Entropy of variables taken together: how often does each tuple occur?"""
    tuples = np.stack(variables, axis=1)
    return entropy(np.unique(tuples, axis=0, return_counts=True)[1])


def shared(x, y):
    return bits(x) + bits(y) - bits(x, y)


die, second = np.divmod(np.arange(36), 6)  # all 36 throws of two dice, once each
die, second = die + 1, second + 1
PAIRS = {
    "the number, and whether it is even": (die, die % 2),
    "even or odd, and above three or not": (die % 2, die > 3),
    "the number, and another die": (die, second),
    "the number, and ten minus the number": (die, 10 - die),
}
rows = [
    (name, *(f"{abs(v):.2f}" for v in (bits(x), bits(y), bits(x, y), shared(x, y))))
    for name, (x, y) in PAIRS.items()
]
HEAD = ("X, and Y", "H(X)", "H(Y)", "H(X, Y)", "I(X; Y)")
display(Markdown(verdicts.markdown(HEAD, rows)))

# %% mystnb={"figure": {"caption": "Left: entropy of a coin against its share of heads. Right: what two things hold apart and together; the length of a whole bar is H(X, Y), its yellow part is I(X; Y).", "name": "fig-bin-coin"}, "image": {"alt": "Left: an arch from zero over one bit at a half back to zero. Right: four bars. Number and even: 1.58 bits alone, one shared. Even and above three: nearly nothing shared. Two dice: nothing shared. Number and renamed number: all shared."}} tags=["hide-input"]
fig, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.3), width_ratios=(2, 3))
heads = np.linspace(0.001, 0.999, 201)
left.plot(heads, [entropy([p, 1 - p]) for p in heads], color="black")
left.set(xlabel="share of heads", ylabel="H in bits", ylim=(0, 1.05))
labels = ("number, even?", "even?, above 3?", "number, 2nd die", "number, 10 - number")
parts = {"X alone": "#BBBBBB", "shared": "#F0E442", "Y alone": "#777777"}
for k, (x, y) in enumerate(PAIRS.values()):
    common, start = shared(x, y), 0.0
    lengths = (bits(x) - common, common, bits(y) - common)
    for (part, colour), length in zip(parts.items(), lengths, strict=True):
        name = part if k == 0 else None
        right.barh(k, length, left=start, color=colour, label=name)
        start += length
right.set_yticks(range(4), labels)
right.invert_yaxis()
right.set_xlabel("bits")
right.set_axisbelow(True)
figures.legend(fig, right, columns=3)
plt.show()

# %% [markdown]
# {numref}`fig-bin-coin` shows four cases that this chapter will need again.
#
# 1. "Even or odd" holds one bit, and all of that bit is about the number.
# 2. "Even or odd" and "above three or not" share 0.08 bits. Among 4, 5 and 6 two are even, and
#    among 1, 2 and 3 only one. So each answer is a weak hint of the other.
# 3. Two dice have nothing to do with each other, and share nothing.
# 4. Ten minus the number tells the number. A *one-to-one* map renames things and loses nothing.
#
# One law holds in all four cases. What is computed from $Y$ tells no more of $X$ than $Y$ itself
# does. If you have heard only "even", you can compute with that for as long as you like, and you
# will never find the number. This law is the *data processing inequality*.
#
# ## From a die to a layer
#
# A layer is a machine that computes $T$ from $X$. So once $X$ is known, nothing is open about $T$.
# Then $H(X, T) = H(X)$, and {eq}`eq-bin-shared` becomes
#
# $$
# I(X; T) = H(T) .
# $$
#
# A layer that answers all inputs by one of two patterns, equally often, holds one bit.
#
# By this formula $I(X; T)$ can be read from the layer alone: it is the entropy of its patterns.
# This gives rise to a hope. A network that has understood its task should keep what matters and
# forget the rest. Then fewer patterns are needed, and $I(X; T)$ should fall. Such a fall is called
# *compression* {cite}`shwartz2017opening`.
#
# There is a catch. Activations are real numbers, and no two samples have exactly the same. Counted
# as they are, each sample is an outcome of its own. So one cuts each neuron's range into bins, and
# counts samples as equal if they agree in the bins of all neurons. This is {term}`binning`.
#
# ## The estimator
#
# In the paper's rule all neurons of a layer share one bin width $w$, the mean of their ranges
# divided by 30. Each neuron has its bins over its own range:
#
# $$
# w = \operatorname{mean}_j \frac{\max_i T_{ij} - \min_i T_{ij}}{30} .
# $$ (eq-bin-width)
#
# The *code* of a sample is the tuple of its neurons' bins. Let $n_k$ of the $N$ samples have the
# $k$-th code. Then
#
# $$
# H(T) = \sum_k \frac{n_k}{N} \log_2 \frac{N}{n_k} \;\le\; \log_2 N .
# $$ (eq-bin-entropy)
#
# This is {eq}`eq-bin-surprise` with the codes as outcomes, and no more. For a label $Y$, the same
# counting and {eq}`eq-bin-shared` give $I(T; Y)$.


# %%
def codes(activations, bins):
    low, high = activations.min(0), activations.max(0)
    width = math.fsum(high - low) / (bins * activations.shape[1])
    out = []
    for column, a, b in zip(activations.T, low, high, strict=True):
        edges = np.linspace(a, b, int((b - a) / width) + 1)
        out.append(np.digitize(column, edges))
    return out


def by_hand(activations, bins):
    return bits(*codes(activations, bins))


# %% [markdown]
# The library does the same, faster: `information.binned_entropy`. The estimates by hand and by the
# library agree to within $10^{-9}$ bits. The library also gives the exact entropies of a fair coin,
# of the four outcomes above, and of 1,024 equal outcomes. Renaming the outcomes changes nothing.

# %% tags=["hide-cell"]
normal = np.random.default_rng(0).standard_normal((SAMPLES, 3))
for bins in (5, 30, 500):
    library = information.binned_entropy(normal, bins=bins)
    same = abs(by_hand(normal, bins) - library) < 1e-9
    print(f"by hand and by the library alike, {bins} bins:", same)
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

# %% tags=["hide-cell"]
two_of_four = (np.arange(160)[:, None] // [1, 2, 4, 8]) % 2
told = information.mutual_information(
    two_of_four[:, 1:3], two_of_four[:, :2], rule=information.Discrete()
)
print(f"Y is bits 1 and 2, T is bits 2 and 3: I(T; Y) = {told.bits:.3f}")

# %% [markdown]
# {numref}`fig-bin-code` shows the estimator at work on one neuron, $T = \tanh(g x)$, with 6 bins.
# Inputs of equal colour have the same code. The factor $g$ is called the gain.

# %% mystnb={"figure": {"caption": "One neuron with 6 bins over its own range, at a small and at a large gain. Horizontal lines are the edges of the bins; inputs of one colour share a code. The title counts the bits.", "name": "fig-bin-code"}, "image": {"alt": "Two curves. With gain 1 the curve is nearly straight and cut into six parts of similar width. With gain 5 it is steep in the middle and flat outside: the lowest and the highest bin hold most inputs, and four narrow ones lie in between."}} tags=["hide-input"]
line = np.linspace(-1, 1, 1_001)
fig, axes = plt.subplots(1, 2, figsize=(7.2, 2.9), sharey=True)
for ax, gain in zip(axes, (1.0, 5.0), strict=True):
    t = np.tanh(gain * line)
    (code,) = codes(t[:, None], 6)
    ax.scatter(line, t, c=np.minimum(code, 6), cmap="viridis", s=6)
    for edge in np.linspace(t.min(), t.max(), 7):
        ax.axhline(edge, color="black", lw=0.5)
    ax.set(title=f"gain {gain:g}: H = {bits(code):.1f} bits", xlabel="input x")
    ax.grid(False)
axes[0].set_ylabel("activation T")
figures.stamp(fig, "one neuron, 1,001 inputs at equal distances, 6 bins")
plt.show()

# %% [markdown]
# On the left the six bins hold similar numbers of inputs, so $H$ is nearly $\log_2 6$. On the right
# the neuron is at the end of its range for most inputs. This is called {term}`saturation`. Two bins
# then hold five sixths of the inputs, and $H$ is much smaller. Yet both curves climb all the way.
# So neither of them sends two inputs to the same value, and nothing is lost. This is the main point
# of the chapter.
#
# How many bins are right? {numref}`fig-bin-play` lets you choose. The staircase is what the
# estimator keeps of the curve. With 2 bins it keeps one bit. With 30 it keeps 3.1, and with 300 it
# keeps 5.5. The most that 1,001 inputs can have is nearly ten bits. But most inputs sit in the flat
# parts of the curve and still share bins. So the number of bits is, first of all, a choice of the
# number of bins.

# %% mystnb={"figure": {"caption": "The neuron with gain 5 again, and what is left of it by the number of bins that you choose. Move the slider.", "name": "fig-bin-play"}} tags=["hide-input"]
t = np.tanh(5.0 * line)
fig, ax = plt.subplots(figsize=(7.0, 3.2))
ax.plot(line, t, color="#BBBBBB", lw=3)
frames = {}
for bins in (2, 3, 6, 12, 30, 100, 300):
    (code,) = codes(t[:, None], bins)
    code = np.clip(code - 1, 0, bins - 1)
    kept = t.min() + (code + 0.5) * (t.max() - t.min()) / bins
    steps = ax.plot(
        line[::2], kept[::2], drawstyle="steps-mid", color="#D55E00", lw=1.2
    )
    told = f"H = {bits(code):.2f} bits"
    frames[str(bins)] = [*steps, ax.text(0.02, 0.92, told, transform=ax.transAxes)]
ax.set(xlabel="input x", ylabel="activation T")
ALT = "A curve that climbs from -1 to 1, and a staircase along it with as many heights as "
ALT += "there are bins. The entropy grows from one bit with 2 bins to five and a half with 300."
play(fig, frames, label="number of bins", alt=ALT, shown="6")

# %% [markdown]
# ## First trap: few samples, many bins
#
# The estimator takes the counts of the samples in place of the true shares. With few samples some
# outcomes are missed and others are met too often. Then $H$ comes out too low on average. For $K$
# possible outcomes the first term of the error is known {cite}`miller1955note`:
#
# $$
# \operatorname{E} \hat H - H \approx - \frac{K - 1}{2 N \ln 2} \text{ bits.}
# $$ (eq-bin-bias)
#
# The correction of Miller and Madow adds this term back. We draw from $K$ equal outcomes, whose
# entropy is $\log_2 K$, and look at the error with and without the correction.

# %%
SIZES = np.unique(np.geomspace(30, 30_000, 10).astype(int))
KINDS = (10, 30, 300)
rng = np.random.default_rng(0)


def corrected(count):
    if 2 * int((count == 1).sum()) > int(count.sum()):
        return math.nan  # most samples are alone: the library refuses to correct
    return information.miller_madow(count)


def errors(kinds, n, sets=20):
    drawn = [information.counts(rng.integers(0, kinds, n)) for _ in range(sets)]
    plain = np.mean([information.discrete_entropy(c) for c in drawn])
    better = np.mean([corrected(c) for c in drawn])
    return plain - math.log2(kinds), better - math.log2(kinds)


uniform = {kinds: np.array([errors(kinds, n) for n in SIZES]).T for kinds in KINDS}

# %% [markdown]
# The second test has no fixed number of outcomes. A standard normal variable, whose density is a
# bell curve, is cut into bins of width $w$. It then holds about $h - \log_2 w$ bits
# {cite}`cover2006elements`, where $h$ is a constant, 2.05 for a standard deviation of 1. Halve the
# bin width, and $H$ gains one bit. That never ends: without bins a real number holds infinitely
# many bits.

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

# %% mystnb={"figure": {"caption": "Left: mean error of the entropy of K equal outcomes over 20 sets of samples, as counted (solid), as the first-order formula says (dots) and with the correction of Miller and Madow (dashed). Right: entropy of a binned bell curve against the bin width, exact (broad grey) and counted from N samples; thin lines mark log2 N.", "name": "fig-bin-bias"}, "image": {"alt": "Left: errors start at minus a quarter to minus three and a half bits and vanish as the number of samples grows, later for more outcomes; the corrected ones vanish earlier. Right: the counted entropy follows the exact line for wide bins, and bends away towards log2 N for narrow ones."}} tags=["hide-input"]
fig, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.7))
shades = plt.get_cmap("viridis")(np.linspace(0.0, 0.8, 3))
for colour, (kinds, (plain, better)) in zip(shades, uniform.items(), strict=True):
    left.plot(SIZES, plain, color=colour, label=f"K = {kinds}")
    left.plot(SIZES, better, color=colour, ls="--")
    left.plot(SIZES, -(kinds - 1) / (2 * SIZES * math.log(2)), ".", color=colour, ms=5)
left.set(xscale="log", xlabel="samples N", ylabel="error of H in bits")
left.set(ylim=(-4.3, 0.5), title="K equal outcomes")
right.plot(WIDTHS, h - np.log2(WIDTHS), color="#BBBBBB", lw=5, label="exact")
for colour, (n, found) in zip(shades, gaussian.items(), strict=True):
    right.plot(WIDTHS, found, ".-", color=colour, label=f"N = {n:,}")
    right.axhline(math.log2(n), color=colour, lw=0.7)
right.set(xscale="log", xlabel="bin width / standard deviation", ylabel="H in bits")
right.set(ylim=(0, 16), title="bell curve")
for ax in (left, right):
    ax.legend()
figures.stamp(fig, "random numbers, seed 0")
plt.show()

# %% tags=["hide-cell"]
some = uniform[300][0][np.searchsorted(SIZES, 3_000)]
print("300 outcomes, about 3,000 samples: too low:", bool(-0.2 < some < 0))
plain, better = (np.abs(part[SIZES >= 300]) for part in uniform[30])
halved = bool(np.all(better < 0.5 * plain + 5e-3))
print("the correction at least halves the error, K = 30, N >= 300:", halved)
print(
    "narrowest bins, 300 samples: within 0.2 bit of log2 N:",
    math.log2(300) - gaussian[300][0] < 0.2,
)

# %% [markdown]
# {numref}`fig-bin-bias` shows two kinds of error. The left panel first. Where there are several
# samples for each outcome, the count is too low by what {eq}`eq-bin-bias` says. In this range the
# correction works, and at least halves the error. With fewer samples than outcomes the formula
# itself is far off: its dot for $K = 300$ at 60 samples lies a whole bit below the curve.
#
# In the right panel the curves leave the exact line as soon as there are more bins than samples.
# For narrower bins they bend towards $\log_2 N$. With 300 samples the curve reaches $\log_2 N$, and
# then says nothing else. No correction helps in this range. A sample that is alone in its bin looks
# the same whether there are a thousand bins or a million. So the library refuses to correct such
# counts. The figure does not say which width is the right one: there is none.
#
# ## Second trap: the ceiling
#
# One neuron needs narrow bins to reach the ceiling $\log_2 N$. A layer reaches it even with wide
# bins, if it has enough neurons. With 30 bins each, $d$ neurons have $30^d$ possible codes. Let
# the neurons be independent, and the values of each evenly spread over its bins. Then the exact
# entropy is $d \log_2 30$. It grows with $d$, but an estimate from $N$ samples cannot exceed
# $\log_2 N$. With a few neurons the exact value is already above this ceiling.

# %%
NEURONS = (1, 2, 3, 64)
wide_open = information.FixedRange(BINS, (0.0, 1.0))  # 30 equal bins from 0 to 1
ceiling = {
    d: [information.binned_entropy(rng.random((n, d)), rule=wide_open) for n in SIZES]
    for d in NEURONS
}

# %% mystnb={"figure": {"caption": "Joint entropy of d independent, evenly spread neurons with 30 bins each, counted from N samples (solid), exact (dashed; 314 bits for d = 64, beyond the axis), and the ceiling log2 N (broad grey).", "name": "fig-bin-ceiling"}, "image": {"alt": "Counted entropy against the number of samples: one neuron settles at 4.9 bits; two reach 9.8 bits only near ten thousand samples; 64 neurons lie on the line log2 N throughout, and three leave it only beyond some thousand samples."}} tags=["hide-input"]
fig, ax = plt.subplots()
ax.plot(SIZES, np.log2(SIZES), color="black", lw=5, alpha=0.25, label="log2 N")
shades = plt.get_cmap("viridis")(np.linspace(0.0, 0.9, 4))
for d, colour, marker in zip(NEURONS, shades, "os^x", strict=True):
    name = f"{d} neuron{'s' if d > 1 else ''}"
    ax.plot(SIZES, ceiling[d], marker=marker, ms=5, color=colour, label=name)
    ax.axhline(d * math.log2(BINS), color=colour, ls="--", lw=1)
ax.set(xscale="log", xlabel="samples N", ylabel="H in bits", ylim=(4, 16))
ax.legend(loc="lower right", bbox_to_anchor=(1.0, 0.08))
figures.stamp(fig, "random numbers, seed 0; 30 bins over (0, 1)")
plt.show()

# %% tags=["hide-input"]
last = {
    d: information.mutual_information(rng.random((SAMPLES, d)), rule=wide_open)
    for d in NEURONS
}
rows = [
    (
        d,
        f"{d * math.log2(BINS):.1f}",
        f"{found.bits:.1f}",
        f"{found.ceiling:.1f}",
        "yes" if found.saturated else "no",
    )
    for d, found in last.items()
]
HEAD = ("neurons", "exact", "counted", "log2 N", "within half a bit of it")
display(Markdown(verdicts.markdown(HEAD, rows)))

# %% [markdown]
# In {numref}`fig-bin-ceiling` three neurons and sixty-four give the same answer up to some thousand
# samples. That answer is $\log_2 N$, so it only says how many samples there are. The exact values,
# in the table, are 14.7 and 314 bits.
#
# So an estimate near $\log_2 N$ says nothing of the layer, except that its bins tell the samples
# apart. The library calls an estimate *saturated* within half a bit of that ceiling. (A saturated
# estimate and a saturated neuron are two different things.) The figure does not say that every
# layer of 64 neurons reaches the ceiling. A layer whose neurons all move together has fewer codes.
#
# ## Third trap: a layer that loses nothing
#
# Now take a layer in which one number can be changed, the gain $g$. Points $x$ of the square
# $[-1, 1]^2$ go to three neurons:
#
# $$
# T = \tanh(g\, W x), \qquad \text{gain } g > 0 .
# $$ (eq-bin-gain)
#
# For every gain this map is one-to-one, since one can compute $x$ from $T$. So the true $I(X; T)$
# is the same for all $g$: it is $\log_2 N$ for $N$ points that differ. Any change of the estimate
# comes from the estimator.
#
# We change the gain and measure by three rules of binning.
#
# - The *paper's rule* is {eq}`eq-bin-width`.
# - The *fixed range* cuts $(-1, 1)$ into 30 equal bins for every neuron.
# - The *quantile* rule gives each neuron 30 bins with equally many samples.

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

# %% [markdown]
# We also measure the {term}`saturation` of the neurons, in two ways. *By bounds* it is the share of
# activations beyond 0.95, on either side. *By range*, the paper's way, it is the share of
# activations in a neuron's lowest and highest bin.

# %%
saturation = {
    by: [information.saturation(t, by=by) for t in turned] for by in ("range", "bounds")
}

# %% mystnb={"figure": {"caption": "A layer of three tanh neurons that loses nothing at any gain. Top: its binned entropy by three rules. Bottom: its saturation by range and by bounds.", "name": "fig-bin-gain"}, "image": {"alt": "Top: by the paper's rule the entropy is flat at 9.2 bits, rises slightly near gain one, and falls to 5.8; by a fixed range it rises from 2 to 9.3 and falls alike; by quantiles it is flat at 9.6. Bottom: both saturations rise together from gain one to three quarters of the activations."}} tags=["hide-input"]
fig, (top, bottom) = plt.subplots(2, 1, figsize=(7.2, 5.2), sharex=True)
looks = {"paper's rule": "-", "fixed range": "--", "quantile": "-."}
for name, values in by_rule.items():
    top.plot(GAINS, values, looks[name], color=figures.COLOURS[name], label=name)
top.axhline(
    math.log2(SAMPLES), color="black", lw=0.8, ls=":", label="log2 N, the truth"
)
top.set(ylabel="H(T) in bits", ylim=(0, 16), title="the same information at every gain")
bottom.plot(GAINS, saturation["range"], color="black", label="by range")
bottom.plot(GAINS, saturation["bounds"], "--", color="#777777", label="by bounds")
bottom.set(xscale="log", xlabel="gain g", ylabel="saturation in percent")
bottom.set_xticks([0.1, 1, 8], ["0.1", "1", "8"])
top.legend(ncols=4, loc="upper center", columnspacing=1.2, handlelength=2.4)
bottom.legend()
note = f"{SAMPLES:,} samples, 3 neurons, {BINS} bins, weights of seed 0"
figures.stamp(fig, f"scale {SCALE}: {note}")
plt.show()

# %% tags=["hide-input"]
at_one = int(np.argmin(np.abs(GAINS - 1.0)))
places = (0, at_one, len(GAINS) - 1)
rows = [
    (name, *(f"{values[k]:.1f} bits" for k in places))
    for name, values in by_rule.items()
]
rows += [
    (f"saturation by {by}", *(f"{values[k]:.0f}%" for k in places))
    for by, values in saturation.items()
]
display(
    Markdown(verdicts.markdown(("gain", *(f"{GAINS[k]:.2g}" for k in places)), rows))
)

# %% tags=["hide-cell"]
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
# At its right end {numref}`fig-bin-gain` looks like a perfect picture of compression. Neurons
# saturate, and by the paper's rule the entropy falls by more than three bits. Yet nothing was lost.
# No two samples have become equal, and the inverse of the hyperbolic tangent would bring all of
# them back.
#
# The rules disagree elsewhere, and each for a good reason.
#
# - The paper's bins follow each neuron's range. A layer that shrinks towards zero looks as rich as
#   one that fills the range. So the curve of the paper's rule, in black, is flat on the left.
# - A fixed range sees that the layer is small at small gains. It reads *growth* of information
#   while the gain goes up to 1. (A fixed width of 1/15 would make the same bins.)
# - Quantiles see neither the shrinking nor the saturation {cite}`chelombiev2019adaptive`. They sort
#   the samples, and a climbing curve does not change the order.
#
# None of the three rules is wrong, and none of them gives the truth, which is the dotted line. Each
# answers the same question for its own bins: how evenly do the activations fill them?
#
# The two measures of saturation agree at large gains. At small gains they differ a little. By range
# there are always one to three percent, since every neuron has a lowest and a highest bin.
#
# ## What it counts: clusters
#
# No information was lost, so what did fall? {numref}`fig-bin-clusters` colours each point of the
# square by the code of its sample.

# %% tags=["hide-input"]


def painted(activations):
    codes = RULES["paper's rule"].codes(activations).numpy()
    _, name, count = np.unique(codes, axis=0, return_inverse=True, return_counts=True)
    rank = np.argsort(np.argsort(-count, kind="stable"))  # 0 for the largest cluster
    colour = (0.618 * rank) % 1.0  # far apart for clusters of neighbouring ranks
    return colour[name.ravel()], len(count), np.sort(count)[::-1]


SHOWN = (1.0, 8.0, 40.0)
views = {g: painted(layer(g, 0)) for g in SHOWN}

# %% mystnb={"figure": {"caption": "The input square at three gains; points of one code are one cluster and have one colour. The six largest clusters have colours that differ; later ones repeat them.", "name": "fig-bin-clusters"}, "image": {"alt": "Three squares of coloured points. At gain 1 the colours are mixed finely; at gain 8 two large plain wedges face each other, with finely mixed stripes between them; at gain 40 six wedges fill most of the square and the stripes are narrow."}} tags=["hide-input"]
fig, axes = plt.subplots(1, 3, figsize=(7.2, 3.1), sharex=True, sharey=True)
for ax, (g, (colour, _, _)) in zip(axes, views.items(), strict=True):
    ax.scatter(*square.T, c=colour, s=1.2, cmap="turbo", lw=0)
    entropy_there = information.binned_entropy(layer(g, 0))
    ax.set(title=f"gain {g:g}: H = {entropy_there:.1f} bits", xlabel="x")
    ax.set_aspect("equal")
    ax.grid(False)
axes[0].set_ylabel("y")
figures.stamp(fig, f"scale {SCALE}: {note}")
plt.show()

# %% tags=["hide-input"]
wedges = {g: float(sizes[:6].sum() / SAMPLES) for g, (_, _, sizes) in views.items()}
rows = [
    (f"{g:g}", f"{clusters:,}", f"{wedges[g]:.0%}")
    for g, (_, clusters, _) in views.items()
]
HEAD = ("gain", "clusters", "samples in the six largest")
display(Markdown(verdicts.markdown(HEAD, rows)))

# %% tags=["hide-cell"]
print("gain 1: the six largest clusters hold less than 10%:", wedges[1.0] < 0.1)
print("gain 40: the six largest clusters hold more than 70%:", wedges[40.0] > 0.7)

# %% [markdown]
# At gain 1 there are about a thousand clusters, of some ten samples each. There cannot be $30^3$
# clusters. In the square the bin edges of the three neurons are about 90 straight lines in three
# directions, and these cut the square into at most some 2,600 cells. This is why the curves of
# {numref}`fig-bin-gain` stay well below $\log_2 N$.
#
# At gain 40 the neurons are nearly switches. Three lines through the centre, one for each neuron,
# cut the square into six wedges. What is left of the fine cells lies along these lines.
#
# The *number* of clusters hardly changes up to gain 8. Their sizes change, and the entropy weighs
# the clusters by size. (At gain 40 double precision itself rounds some activations to 1. Up to gain
# 8 it does not.)
#
# So in a deterministic network a binned $I(X; T)$ measures how the samples *cluster* at the scale
# of a bin {cite}`goldfeld2019estimating`. That is worth knowing, for a layer with six clusters is
# simple. But it is a fact of geometry, and the word information promises more.
#
# ## Fourth trap: a label
#
# Points lie on two half moons, one above the other. The label $Y$ of a point says on which moon it
# lies. Each moon has half of the samples, so $Y$ is like a fair coin, and $H(Y)$ is 1 bit. The
# moons do not overlap. So whoever knows the place of a point knows its moon, and $I(X; Y)$ is 1 bit
# as well. A network with four layers of five neurons learns to tell the moons apart. What do its
# layers know of $Y$, before and after training?

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

# %% [markdown]
# The trained network assigns more than 99% of the samples to the right moon. Now we count, with 2
# to 500 bins a neuron. We do it for the true labels, and again for the same labels in a random
# order. About the random order there is nothing to know.

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

# %% mystnb={"figure": {"caption": "Left: the two moons. Then I(T; Y) of the first and the last hidden layer against the bins of the paper's rule, with the true labels (solid) and with labels in random order (dashed). Dotted: 30 bins.", "name": "fig-bin-labels"}, "image": {"alt": "Two interlocking arcs of dots, and two panels. Before training the true labels reach one bit with ten bins in both layers, and shuffled ones climb to one bit with 500. After training the last layer has one bit already with two bins, and shuffled labels stay low there."}} tags=["hide-input"]
fig, (left, *axes) = plt.subplots(1, 3, figsize=(7.2, 3.4), width_ratios=(3, 4, 4))
left.scatter(*moons[:1_000].T, c=label[:1_000], cmap="cividis", s=2)
left.set(title="the moons", xticks=[], yticks=[], aspect="equal")
for ax, net in zip(axes, networks, strict=True):
    for k, colour in ((0, "#440154"), (3, "#35B779")):
        for kind, look in (("true labels", ".-"), ("shuffled labels", ".--")):
            name = f"layer {k + 1}, {kind}"
            ax.plot(SWEEP, known[kind, net, k], look, color=colour, label=name)
    ax.axvline(BINS, color="black", lw=0.8, ls=":")
    ax.set(xscale="log", xlabel="bins", title=net, ylim=(-0.03, 1.05))
    ax.set_xticks([2, 5, 30, 100, 500], ["2", "5", "30", "100", "500"])
    ax.minorticks_off()
axes[0].set_ylabel("I(T; Y) in bits")
figures.legend(fig, axes[0], columns=2)
figures.stamp(fig, f"two moons, {MOONS:,} samples, 4 layers of 5 neurons, seed 0")
plt.show()

# %% tags=["hide-input", "nbval-ignore-output"]
rows = [
    (
        f"layer {k + 1}, {net}, {kind}",
        *(f"{known[kind, net, k][i]:.2f}" for i in (0, 5, 9)),
    )
    for k in (0, 3)
    for net in networks
    for kind in kinds_of
]
HEAD = ("I(T; Y) in bits", *(f"{SWEEP[i]} bins" for i in (0, 5, 9)))
display(Markdown(verdicts.markdown(HEAD, rows)))

# %% tags=["hide-cell"]
right = float(((after(moons)[:, 0] > 0) == (wanted > 0)).float().mean())
print("more than 99% of the samples told right:", right > 0.99)
at = SWEEP.index(BINS)
first, last_layer = (
    {(kind, net): known[kind, net, k] for kind in kinds_of for net in networks}
    for k in (0, 3)
)
print(
    "untrained, 30 bins, first layer: more than 0.95 bit:",
    first["true labels", "before training"][at] > 0.95,
)
print(
    "untrained, 500 bins, shuffled labels: more than 0.9 bit:",
    first["shuffled labels", "before training"][-1] > 0.9,
)
print(
    "2 bins, last layer, before: less than 0.6; after: more than 0.95:",
    last_layer["true labels", "before training"][0] < 0.6,
    last_layer["true labels", "after training"][0] > 0.95,
)

# %% [markdown]
# {numref}`fig-bin-labels` is a warning. With 30 bins the *untrained* layers know all of the label.
# They really do: the input determines the label, and the layers are one-to-one. With 500 bins they
# seem to know a *random* label nearly as well. Nearly every sample then has a code of its own, and
# a code that belongs to one sample predicts any label of that sample. Only the gap between the
# solid and the dashed line is about $Y$.
#
# What training changed can be seen at the left end of the curves. With two bins a neuron says only
# high or low. Before training that is too coarse to find the label. After training, the last layer
# has the label in the signs of its activations. The first layer, with two bins, is no easier to
# read than before training; with three bins it is easier. So training made the information *easy to
# read* at the end of the network; it did not make the information.
#
# The most striking curve is the dashed one of the last layer after training. Even with 500 bins
# this layer hardly knows the random label. The samples of each moon now lie so close together that
# they share codes. This is clustering once more. The figure does not show which number of bins is
# right: none is.
#
# ## Second opinions
#
# Two estimators do without bins.
#
# **Noise.** The first adds noise $\sigma Z$ to every activation, with $Z$ a standard normal number.
# Two samples that are closer than $\sigma$ can then no longer be told apart
# {cite}`goldfeld2019estimating`. So the information is finite without bins:
#
# $$
# I(X; T + \sigma Z) = h(T + \sigma Z) - h(\sigma Z) .
# $$ (eq-bin-noise)
#
# Here $h$ is the entropy of a continuous variable. The scale $\sigma$ is chosen openly, in the
# units of the activation. Where $T$ is a bell curve of variance $s^2$, the result is
# $\tfrac12 \log_2 (1 + s^2 / \sigma^2)$.
#
# **Quantization.** In the second the network itself computes with rounded activations
# {cite}`lorenzen2022information`. Then $T$ is discrete, and its entropy over the given samples is a
# fact, as for the die. A layer's codes depend only on those of the layer before. So $H(T)$ cannot
# rise from layer to layer, by the data processing inequality.
#
# The noise estimator is right in two cases where the answer is known. For samples at eight places
# far apart it finds the exact 3 bits. For a bell curve with $\sigma = s/2$ it finds the 1.16 bits
# of the formula, within 0.1.

# %% tags=["hide-cell"]
eight = np.repeat(np.arange(8.0), 125)[:, None]
bell = np.random.default_rng(2).standard_normal((4_000, 1))
drawn = information.noisy_information(bell, 0.5, draws=2_000).bits
print(
    "eight places far apart, exactly 3 bits:",
    abs(float(information.noisy_information(eight, 0.01)) - 3.0) < 1e-9,
)
print(
    "Gaussian, sigma 0.5: within 0.1 of 1.16 bits:",
    abs(drawn - 0.5 * math.log2(1 + 1 / 0.25)) < 0.1,
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

# %% mystnb={"figure": {"caption": "Three estimates of I(X; T) through the hidden layers of the two-moons network.", "name": "fig-bin-layers"}, "image": {"alt": "Two panels, before and after training, against the layer. Before, all three estimates fall slowly or stay, and the paper's rises from the third layer to the fourth. After, all three fall steeply at the last layer, to between one and two bits."}} tags=["hide-input"]
looks = {
    "paper's rule": ("paper's rule", "o"),
    "quantized, 4 bits": ("quantized", "s"),
    "noise, sigma 0.1": ("noisy", "^"),
}
fig, axes = plt.subplots(1, 2, figsize=(7.2, 3.6), sharex=True, sharey=True)
for ax, (net, found) in zip(axes, profiles.items(), strict=True):
    for name, values in found.items():
        key, marker = looks[name]
        colour = figures.COLOURS[key]
        ax.plot([1, 2, 3, 4], values, color=colour, marker=marker, label=name)
    ax.axhline(math.log2(MOONS), color="black", lw=0.8, ls=":", label="log2 N")
    ax.set(title=net, xlabel="hidden layer", xticks=[1, 2, 3, 4], ylim=(0, 13))
axes[0].set_ylabel("bits")
figures.legend(fig, axes[0], columns=4)
figures.stamp(fig, f"two moons, {MOONS:,} samples, 4 layers of 5 neurons, seed 0")
plt.show()

# %% tags=["hide-input", "nbval-ignore-output"]
HEAD = ("bits", *(f"layer {k}, {net}" for k in (1, 4) for net in networks))
rows = [
    (name, *(f"{profiles[net][name][k]:.1f}" for k in (0, 3) for net in networks))
    for name in looks
]
display(Markdown(verdicts.markdown(HEAD, rows)))

# %% [markdown]
# In {numref}`fig-bin-layers` the three estimates disagree about the size. In the last layer of the
# untrained network the largest is more than three times the smallest. So a number of bits alone,
# without its rule, means little.
#
# They agree about one thing: training makes the last layer simple. The fall there does not depend
# on a choice of bins, since all three estimates show it. It is geometry, as before: two clusters
# are left, and two clusters hold about one bit.
#
# The noisy estimate cannot decide either whether information is lost. On the layer of
# {eq}`eq-bin-gain`, which loses nothing, it falls as well between gains 2 and 8. Noise of 0.1
# really does wash out what has moved within 0.1 of a bound.
#
# One more look at the left panel. The paper's number *grows* from the third layer to the fourth. A
# layer cannot add information about $X$, so that growth comes from the bins. Of five untrained
# networks two have such a rise. The quantized number never rises. So nobody should read a hierarchy
# of layers from such curves without the curve of the quantized or of the untrained network beside
# it.

# %% tags=["hide-cell"]


def never_rises(values, slack=1e-9):
    return bool(np.all(np.diff(values) <= slack))


discrete = information.Discrete()
nets = [information.untrained(before, seed=seed) for seed in SEEDS]
binned = [
    [information.binned_entropy(t) for t in information.activations(net, moons)]
    for net in nets
]
exact = [
    [
        information.binned_entropy(c, rule=discrete)
        for c in information.quantized_activity(net, moons, 4)
    ]
    for net in nets
]

# %% tags=["hide-cell"]
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
# ## Verdict
#
# Each line is a way to read the paper's estimator, tried on five layers or five networks with
# different random weights. The verdicts speak of the estimator, and not of the paper's runs. The
# first three lines compare layers of {eq}`eq-bin-gain` at gains 1 and 8. The lines on 64 neurons
# and on $I(T; Y)$ use untrained networks with 64 neurons in each of two layers.

# %% tags=["hide-input"]
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

# %% tags=["hide-input"]
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

# %% tags=["hide-input"]
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
# **Three takeaways**
#
# 1. A binning estimator counts codes, and this count is exact. A fall means that samples gather in
#    fewer bins. Saturation does that, even where nothing is forgotten.
# 2. The number depends on the rule. On one and the same lossless layer it falls, rises or stays
#    flat, according to how the bins are placed.
# 3. Near $\log_2 N$ the number only says how many samples there are. A layer then seems to "know"
#    any label, even a random one.
#
# For use: print $\log_2 N$ beside such a number, and repeat the estimate on the untrained network.
# Cheaper checks of a training are in {doc}`what_to_do_when`.
#
# **Limits.** We looked at small layers with inputs in two dimensions, at one tiny classifier, and
# at 10,000 samples. The noise estimator stops at $\log_2 N$ as well, and its $\sigma$ is a choice
# like a bin width. The quantized network is exact about another network, one that rounds. Whether
# the paper's fall at total diffusion survives these controls is not answered here. That takes
# trained PINNs.
#
# ## Exercises
#
# ```{exercise}
# :label: ex-bin-dice
#
# Two dice are thrown, and you hear only their sum. How many bits does the sum tell of the first
# die? Guess first: is it more or less than half of the sum's own entropy? Then compute it with
# `bits` or with pencil and paper, and write it into the cell.
# ```

# %%
answer = None  # your number here

# %% tags=["hide-input"]
pl.book.exercises.check(answer, shared(die, die + second), within=0.03)

# %% [markdown]
# ```{solution} ex-bin-dice
# :class: dropdown
#
# It tells 0.69 bits. The sum itself holds 3.27 bits. When the first die is known, what is open
# about the sum is the second die, 2.58 bits. The difference is what the first die tells of the sum.
# That is also what the sum tells of the first die, since {eq}`eq-bin-shared` does not change when
# $X$ and $Y$ change places. It is much less than half of 3.27: most of the sum's surprise comes
# from the other die.
# ```
#
# ```{exercise}
# :label: ex-bin-ceiling
#
# A layer has 128 neurons, and its samples lie on a curve: one number, the place on the curve, fixes
# all 128 activations. With 30 bins a neuron and 25,600 samples, can the estimate be saturated?
# ```
#
# ```{solution} ex-bin-ceiling
# :class: dropdown
#
# It cannot, if each neuron only climbs or only falls along the curve. Then each neuron changes its
# bin about 30 times, and the neurons do so at different places. They cut the curve into up to
# $128 \cdot 30 = 3840$ pieces. That allows $\log_2 3840 = 11.9$ bits, and the ceiling is at 14.64.
#
# But a neuron that goes up and down makes more pieces. We tried sines with random phases and rates
# as the neurons, one draw of each:
#
# | ups and downs of a neuron, about | estimate in bits |
# |---|---|
# | 1 | 11.4 |
# | 7 | 13.4 |
# | 20 | 14.1 |
# | 40 | 14.3, saturated |
#
# The number of codes is set by how often edges are crossed, and not by $30^{128}$.
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
# $I(X; f(T)) \le I(X; T)$. The reverse holds too, hence they are equal.
#
# The quantile rule respects this, since an increasing $f$ does not change the order of the samples.
# In exchange every neuron has the entropy $\log_2$ of the number of bins, whatever it does.
# Shrinking and saturating go unseen, as long as no two values are equal. Only what neurons share is
# left to see.
# ```
#
# ```{exercise}
# :label: ex-bin-sine
#
# Replace the hyperbolic tangent in {eq}`eq-bin-gain` by a sine. The map stops being one-to-one at a
# large gain. Do the binned entropy and the number of distinct samples notice?
# ```
#
# ```{solution} ex-bin-sine
# :class: dropdown
#
# No. With the weights of seed 0 all 10,000 samples stay distinct at all gains that we tried, up to
# 200. Two places of the square can have the same $T$, but two random samples hardly ever do.
#
# The entropy by the paper's rule *rises*. It is 9.5 bits at gain 1, 12.0 at gain 8, and 12.5 at
# gain 40. Each neuron now crosses its bins many times, so there are more codes. It rises for all of
# the seeds 0 to 4. So the layer that can lose information looks richer, and the lossless one of
# {numref}`fig-bin-gain` looks poorer.
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
# ```{solution} ex-bin-sigma
# :class: dropdown
#
# It is $\sigma = 0.01$. With 500 draws its estimate lies between 0.96 and 1.26 bits above the fixed
# range, at all gains. The estimates for the other two $\sigma$ lie below the fixed range, by 3.8
# and 6.2 bits in the mean.
#
# Bins of width $w$ subtract $\log_2 w$ bits from the entropy $h$ of the bell curve. Noise subtracts
# $h(\sigma Z) = \log_2 (\sigma \sqrt{2 \pi e})$ bits. The two are the same where
# $\sigma = w / \sqrt{2 \pi e}$. The bins here are $1/15$ wide, so that is $\sigma = 0.016$. With
# that $\sigma$ the two estimates differ by 0.2 bits in the mean. A bin width and a noise are the
# same choice in two forms.
# ```
#
# ## References
#
# All works cited are in the {doc}`bibliography`.
