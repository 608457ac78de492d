# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Diffusion equilibrium
#
# **You will be able to**
#
# - tell a correlation between runs from one between kinds of runs;
# - tell two levels of a bounded quantity from a single broad one;
# - test whether a training remembers what was done to it.
#
# **Question.** Is what follows the collapse of the residual a state of its own?
#
# **The claim.** The published version of the paper {cite}`anagnostopoulos2025diffusion` calls the
# last phase *diffusion equilibrium*. Its transition is abrupt and of first order, as when water
# boils. The test error is smallest where the gradients of the batches *and* the residuals are
# ordered. The signal-to-noise ratio (SNR) is above 1 from the transition on, until it falls again
# late. At the transition the activations of the deeper layers saturate.
#
# **What this chapter does.** It tests each of these claims on published runs. They are aligned at
# their last {term}`collapse`, as in {doc}`14_transition`. How each claim is tested was written down
# before any of these runs had been aligned ({doc}`plan`). What was added later is marked.
#
# **Before.** {doc}`14_transition` has the collapse, the {term}`level` of a batch and the two
# readings of the bursts: *agreement* of the batches, and *motion at the edge* of stability.
#
# **Time.** About a quarter of a minute on two CPU cores. Nothing is trained; all is read from
# published runs.

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
from IPython.display import Markdown, display
from scipy.stats import rankdata, spearmanr

import pinnlib as pl
from pinnlib import figures, information, verdicts
from pinnlib.book import authors
from pinnlib.phases.events import collapses, level_of

figures.style()
_ = pl.records.fetch()

# %% [markdown]
# ## The runs
#
# These are runs with residual-based attention (RBA). Three kinds have the authors' size, with
# networks of 128 x 6 and 25,600 points. The runs named *laptop* are smaller. Each run is read at
# its last collapse. A run without a collapse is left out.

# %% tags=["hide-input"]
KINDS = {
    "Helmholtz (6, 6), RBA, authors' start": r"authors_helmholtz_rba(_perturbed\d)?",
    "Helmholtz (6, 6), RBA, other starts": r"paper_helmholtz_rba_seed\d",
    "Allen-Cahn, RBA, other starts": r"paper_allen_cahn_rba_seed\d",
    (AC := "Allen-Cahn, RBA, laptop"): r"allen_cahn_rba_seed\d",
    (SMALL := "Helmholtz (4, 1), RBA, laptop"): r"helmholtz_a4-1_rba_seed\d",
}


def last_collapse(run):
    """Where a run is read; None where its residual does not collapse."""
    found = collapses(run.history["step"], run.history["loss_residual"])
    return found[-1] if found else None


collapsed = {}
for kind, pattern in KINDS.items():
    own = [(run, last_collapse(run)) for run in pl.records.matching(pattern)]
    collapsed[kind] = [(run, collapse) for run, collapse in own if collapse]
    print(f"{kind}: {len(collapsed[kind])} of {len(own)} collapse")

# %% [markdown]
# ## Do order and accuracy go together?
#
# The claim: where gradients *and* residuals are ordered, the test error is smaller. The order of
# the gradients is $\varphi$, the length of the mean batch gradient over the root mean square of
# their lengths. The order of the residuals is $\varphi_R$, over 10 x 10 cells of the domain. It is
# 1 if all cells have the same mean. The two orders and the error are read as medians, over the
# second half of the steps up to a given one.
#
# The table has the rank correlation of each order with the error. A negative one means that the
# error is smaller where the order is larger. In brackets is the 95% interval, where there are at
# least ten runs. The column *both* takes for each run the smaller of its two ranks.

# %% tags=["hide-input"]
CONTROLS = ("ramp", "permuted", "constant")
TOGETHER = {
    "Helmholtz (4, 1), laptop": (
        r"(helmholtz_a4-1_(vanilla|rba|ramp|permuted|constant)|more_helmholtz_\w+)_seed\d",
        4_000,
    ),
    "Allen-Cahn, laptop": (
        r"allen_cahn_(vanilla|rba|ramp|permuted|constant)_seed\d",
        16_000,
    ),
    "Helmholtz (6, 6), RBA": (r"(authors|paper)_helmholtz_rba(_\w+\d)?", 4_000),
    "Allen-Cahn, RBA": (r"(authors|paper)_allen_cahn_rba(_seed\d)?", 16_000),
}


# %% tags=["hide-input"]
def settled_at(run, name, step):
    """Median over the second half of the time up to a step."""
    h = run.history
    return np.nanmedian(h[name][(h["step"] > step / 2) & (h["step"] <= step)])


def correlation(x, y, rng, draws=1_000):
    """Rank correlation, and its 95% interval by drawing runs anew."""
    found = []
    while len(found) < draws:
        k = rng.integers(0, len(x), len(x))
        if len(set(x[k])) > 1 and len(set(y[k])) > 1:
            found.append(spearmanr(x[k], y[k]).statistic)
    return (spearmanr(x, y).statistic, *np.percentile(found, [2.5, 97.5]))


# %% tags=["hide-input"]
def weights_of(run):
    """The kind of a run's weights, as a word."""
    config = run.config
    if config.weighting is None:
        return "vanilla" if config.data_weight == 1.0 else "constant"
    return {"own": "RBA", "mean": "ramp"}.get(config.weighting.assignment, "permuted")


def within_kinds(x, y, kinds, rng, draws=1_000):
    """Mean rank correlation within kinds, and how often chance gives one as low."""
    parts = [np.flatnonzero(np.array(kinds) == kind) for kind in sorted(set(kinds))]

    def mean(order):
        return np.mean([spearmanr(x[k], order[k]).statistic for k in parts])

    own, lower = mean(y), 0
    for _ in range(draws):
        mixed = y.copy()
        for k in parts:
            mixed[k] = rng.permutation(y[k])
        lower += mean(mixed) <= own
    return own, (1 + lower) / (1 + draws)


# %% tags=["hide-input"]
rng = np.random.default_rng(0)
read, order_of, within = {}, {}, {}
for label, (pattern, step) in TOGETHER.items():
    own = pl.records.matching(pattern)
    error, gradient, residual = (
        np.array([settled_at(run, name, step) for run in own])
        for name in ("rel_l2", "order_gradient", "order_residual")
    )
    both = np.minimum(rankdata(gradient), rankdata(residual))
    order_of[label] = [correlation(x, error, rng) for x in (gradient, residual, both)]
    order_of[label].insert(0, len(own))
    names = [weights_of(run) for run in own]
    read[label] = (np.array(names), error, gradient, residual)
    within[label] = [within_kinds(x, error, names, rng) for x in (gradient, residual)]
HEAD = ("runs", "how many", "gradient order", "residual order", "both")
# %% tags=["hide-input"]
ENOUGH = 10  # runs; of fewer the interval is too narrow
rows = [
    (
        label,
        n,
        *(
            f"{r:+.2f}" + f" ({a:+.2f} to {b:+.2f})" * (n >= ENOUGH)
            for r, a, b in found
        ),
    )
    for label, (n, *found) in order_of.items()
]
display(Markdown(verdicts.markdown(HEAD, rows)))

# %% tags=["hide-input"]
goes_with = {
    name: [found[k][2] < 0 for n, *found in order_of.values() if n >= ENOUGH]
    for k, name in enumerate(("gradient order", "residual order", "both"))
}
for name, below in goes_with.items():
    said = f"interval below 0: {sum(below)} of {len(below)}"
    print(f"{name} goes with a smaller error, {said}")
stronger = [
    found[2][0] < min(found[0][0], found[1][0]) for _, *found in order_of.values()
]
print("both together more than either alone:", f"{sum(stronger)} of 4")
for label in list(TOGETHER)[:2]:
    for name, (r, chance) in zip(("gradient", "residual"), within[label], strict=True):
        print(
            f"{label}, {name} order within kinds: {r:+.2f}, by chance in {chance:.0%}"
        )

# %% mystnb={"figure": {"caption": "Order of the gradients (above) and of the residuals (below) against the error, for the four groups of the table. Each point is one run, and its colour the kind of its weights.", "name": "fig-order"}, "image": {"alt": "Eight scatter plots. On the small Helmholtz the vanilla runs have the largest errors, and gradient orders from 0.2 to 1. On the small Allen-Cahn the runs with RBA have the smallest errors and the largest residual orders, and the permuted ones large gradient orders but small residual orders. On the large Helmholtz small errors go with gradient orders near 1."}} tags=["hide-input"]
fig, axes = plt.subplots(2, 4, figsize=(7.2, 4.2), sharex=True, sharey="row")
for column, (label, (names, error, *orders)) in zip(axes.T, read.items(), strict=True):
    for name, marker in zip(("vanilla", "RBA", *CONTROLS), "os^Dv", strict=True):
        own = names == name
        look = dict(color=figures.COLOURS[name], marker=marker, s=14, label=name)
        for ax, order in zip(column, orders, strict=True):
            ax.scatter(error[own], order[own], **look)
    column[0].set_title(label.replace("), ", "),\n"), fontsize=8)
    column[0].set(xscale="log", xlim=(0.01, 4))
    column[1].set_xlabel("relative L2 error")
axes[0, 0].set_ylabel("gradient order")
axes[1, 0].set_ylabel("residual order")
figures.legend(fig, axes[0, 0], columns=5)
figures.stamp(fig, "medians over the second half of the steps read; float32")
plt.show()

# %% [markdown]
# **On Allen-Cahn the kinds with more order are the more accurate ones, on Helmholtz it depends**
# ({numref}`fig-order`). On the small Allen-Cahn both orders are larger where the error is smaller.
# The correlation is strongest for the order of the residuals.
#
# On the small Helmholtz it is the other way for the order of the gradients: it is larger where the
# error is larger. On Helmholtz at the authors' size the order of the gradients goes with accuracy:
# the runs with the smallest errors have an order near 1. That of the residuals does not.
#
# In none of the four groups do both together say more than the better one alone. But the intervals
# are too wide to tell them apart.
#
# **What this does not say.** The plan speaks of the final error. Here runs of unequal length are
# compared at one step, which on Allen-Cahn comes before most collapses. The small runs have several
# kinds of weights. So a correlation may be between kinds of weights, and not between runs: within
# the kinds it is weaker on Allen-Cahn, and it cannot be told from none. The plan asks for all runs
# of a problem and a size. Here the rivals of RBA in {doc}`11_balance` are left out. If they are
# added, order and error no longer go together on Allen-Cahn. Ten of the 17 Helmholtz runs at the
# authors' size come from one start.

# %% [markdown]
# ## Is there a jump between two levels?
#
# The claim: the transition is abrupt, of first order. Then a probe near it should have one of two
# values of $\varphi$, and rarely one between them. Histograms of $\varphi$ do have two peaks. But
# two peaks are no proof. $\varphi$ is a bounded function of the SNR. So even *one* broad level of
# $\log$ SNR gives two peaks of $\varphi$, one at each end of its range.
#
# So the dip between the two peaks is compared with the dip that one level would give. For this we
# draw as many values from one level of $\log$ SNR: normal, with the same mean, spread and memory
# from probe to probe. We do so 1,000 times. A run *has a dip* if fewer than 5% of these draws have
# one as deep. The dip is read from the histogram of $\log$ SNR as well, because $\log$ SNR has no
# ends. If the collapse starts at step $s$ and ends at step $e$, the probes are those from $s/4$ to
# $4e$.


# %% tags=["hide-input"]
BINS = 20
VIEWS = (lambda v: np.sqrt(1 - 1 / (1 + 100.0**v)), lambda v: v)  # phi, and log SNR


def dip(values, low, high):
    """Depth of the deepest valley between two peaks of a histogram, as a share."""
    counts = np.histogram(values, bins=BINS, range=(low, high))[0] / len(values)
    left = np.maximum.accumulate(counts)
    right = np.maximum.accumulate(counts[::-1])[::-1]
    return float(np.max(np.minimum(left, right) - counts))


def ends(x):
    """What a histogram of log SNR spans."""
    return x.mean() - 3 * x.std(), x.mean() + 3 * x.std()


# %% tags=["hide-input"]
def one_level(run, collapse, rng, draws=1_000, before=False):
    """Log SNR near a collapse, and draws of as many values from one level."""
    h, end = run.history, collapse.start if before else 4 * collapse.end
    close = (h["step"] > collapse.start / 4) & (h["step"] < end)
    x = np.log10(h["snr"][close & (h["snr"] > 0)])
    memory = max(np.corrcoef(x[:-1], x[1:])[0, 1], 0.0)
    drawn = rng.standard_normal((draws, len(x)))
    for k in range(1, len(x)):
        fresh = np.sqrt(1 - memory**2) * drawn[:, k]
        drawn[:, k] = memory * drawn[:, k - 1] + fresh
    return x, x.mean() + x.std() * drawn


def two_levels(run, collapse, rng, **settings):
    """Chances that one level of log SNR has dips as deep: in phi, and in log SNR."""
    x, drawn = one_level(run, collapse, rng, **settings)
    found = []
    for turn, (low, high) in zip(VIEWS, ((0, 1), ends(x)), strict=True):
        null = np.array([dip(turn(own), low, high) for own in drawn])
        found.append(float(np.mean(null >= dip(turn(x), low, high))))
    return found


# %% tags=["hide-input"]
rng = np.random.default_rng(2)
levels, widths = {}, {}
for kind, there in collapsed.items():
    widths[kind] = [collapse.end / collapse.start for _, collapse in there]
    chances = np.array([two_levels(run, one, rng) for run, one in there])
    levels[kind] = chances < 0.05
    print(f"{kind}:")
    print(f"    the collapse takes a factor {verdicts.spread(widths[kind], '.2f')}")
    counts = " and ".join(f"{n} of {len(there)}" for n in levels[kind].sum(axis=0))
    print(f"    deeper dips than one level's, of phi and of log SNR: {counts}")
early = [two_levels(*one, rng, before=True)[1] < 0.05 for one in collapsed[AC]]
print(f"{AC}, before the collapse, of log SNR: {sum(early)} of {len(early)}")

# %% mystnb={"figure": {"caption": "Probes of one run of each kind near its collapse: histograms of the gradient order (above) and of log10 of the SNR (below). Grey: in each bin, where 95% of the draws from one level of log SNR lie.", "name": "fig-levels"}, "image": {"alt": "Two rows of five histograms. Above, all have peaks near 0 or near 1 that the grey band of one level has as well. Below, those of Helmholtz have two peaks, the valley between them below the band; the large Allen-Cahn run has one sharp peak, the small one is nearly as broad as the band."}} tags=["hide-input"]
fig, axes = plt.subplots(2, 5, figsize=(7.2, 4.0))
rng = np.random.default_rng(3)
for column, (kind, there) in zip(axes.T, collapsed.items(), strict=True):
    run, collapse = there[0]
    x, drawn = one_level(run, collapse, rng)
    for ax, turn, (low, high) in zip(column, VIEWS, ((0, 1), ends(x)), strict=True):
        edges = np.linspace(low, high, BINS + 1)
        counts = [np.histogram(turn(own), edges)[0] / len(x) for own in drawn]
        ax.fill_between(
            edges[:-1],
            *np.percentile(counts, [2.5, 97.5], 0),
            step="post",
            color="#CCC",
        )
        ax.stairs(np.histogram(turn(x), edges)[0] / len(x), edges, color="black")
    column[0].set_title(kind.replace(", RBA, ", ",\n"), fontsize=8)
    column[0].set_xlabel("gradient order")
    column[1].set_xlabel("log10 SNR")
axes[0, 0].set_ylabel("share of probes")
axes[1, 0].set_ylabel("share of probes")
figures.stamp(fig, "the first run of each kind; float32")
plt.show()

# %% [markdown]
# **By the planned measure this is undecided, by a later one there are two levels in three groups.**
# The plan asks for the histogram of $\varphi$. The histogram of $\log$ SNR was added later. This
# table counts the runs with RBA that have a dip deeper than that of one level:
#
# | runs with a dip | by $\varphi$, as planned | by $\log$ SNR, added later |
# |---|---|---|
# | Helmholtz, authors' size | 7 of 13 | 12 of 13 |
# | Allen-Cahn, authors' size | 2 of 3 | 0 of 3 |
# | Allen-Cahn, laptop's size | 0 of 5 | 4 of 5 |
# | Helmholtz, laptop's size | 3 of 5 | 4 of 5 |
#
# The two measures disagree in the first three groups. By $\log$ SNR nearly all Helmholtz runs have
# a dip: there the SNR flips between two levels. But a flip of the SNR is not yet an abrupt
# *transition*. On the small Allen-Cahn the two levels are there before the collapse already, in
# four of five runs. So they describe the bursts. The collapse itself takes a factor of 1.04 to 2 in
# steps. A further sign of a transition of first order is hysteresis, which comes next.

# %% [markdown]
# ## Is there hysteresis?
#
# A transition of first order also foretells {term}`hysteresis`: a training that has settled does
# not simply return. The second amendment of {doc}`plan` tests this on five small runs on Helmholtz.
# From step 4,000 they are slowed to a tenth of the rate for 2,000 steps. Then they have the full
# rate again. For comparison the same five states go on at the full rate throughout.

# %% tags=["hide-input"]
GONE_ON = {
    "at the rate throughout": "branch_small_helmholtz_kept",
    "slowed, and back": "branch_small_helmholtz_back",
}
paths = {
    name: [pl.records.load(f"{stem}_seed{k}_lr0.001") for k in range(5)]
    for name, stem in GONE_ON.items()
}


def last_share(run):
    """Share of probes above the level from step 7,000 to 8,000."""
    late = run.history["snr"][run.history["step"] > 7_000]
    return float(np.mean(late > level_of(run)))


def returns(run):
    """Steps at the full rate until a probe is above the level."""
    above = run.history["step"][run.history["snr"] > level_of(run)]
    return int(above[0] - run.history["step"][0]) if len(above) else None


# %% tags=["hide-input"]
kept, back = ([last_share(run) for run in own] for own in paths.values())
less = [b - a for a, b in zip(kept, back, strict=True)]
for name, shares in zip(GONE_ON, (kept, back), strict=True):
    print(f"{name}: share above the level {verdicts.spread(shares, '.0%')}")
change = f"{np.median(less):+.2f} ({min(less):+.2f} to {max(less):+.2f})"
print(f"slowed, and back, minus throughout: {change}")
print(
    "above the level again after, in steps:",
    verdicts.spread([returns(run) for run in paths["slowed, and back"]], ",.0f"),
)
smaller = max(less) < 0 and np.median(less) <= -0.3
hysteresis = (
    "hysteresis"
    if smaller
    else "none of this size"
    if abs(np.median(less)) < 0.15
    else "cannot tell"
)
print("by the plan:", hysteresis)

# %% mystnb={"figure": {"caption": "SNR of five small runs on Helmholtz that go on at the full rate (left), and of the same five that are slowed to a tenth of it from step 4,000 to 6,000 (right, grey). Lines are running medians over seven probes. Dotted: the level of a batch of that size. Dashed: the floor of independent batches.", "name": "fig-hysteresis"}, "image": {"alt": "Two panels of five lines. Left, all jump between about 3 and a few thousandths all the time. Right, they are at a few thousandths while slowed, jump to near the level when the full rate returns, sink for a thousand steps far below the floor, and burst again from about step 7,300 on."}} tags=["hide-input"]
fig, axes = plt.subplots(1, 2, figsize=(7.2, 3.2), sharey=True)
slow = [
    pl.records.load(f"branch_small_helmholtz_after_seed{k}_lr0.0001") for k in range(5)
]
parts = {"at the rate throughout": [(run,) for run in paths["at the rate throughout"]]}
parts["slowed, and back"] = list(zip(slow, paths["slowed, and back"], strict=True))
for ax, (name, own) in zip(axes, parts.items(), strict=True):
    for k, pieces in enumerate(own):
        step, snr = (
            np.concatenate([p.history[key] for p in pieces]) for key in ("step", "snr")
        )
        middle = pl.phases.running_quantiles(snr, (0.5,), 7)[0]
        ax.semilogy(step, middle, lw=0.9, color=plt.get_cmap("viridis")(k / 5))
    ax.axhline(level_of(own[0][0]), color="black", lw=0.8, ls=":")
    ax.axhline(31**-0.5, color="black", lw=0.8, ls="--")
    ax.set(title=name, xlabel="Adam step")
axes[1].axvspan(4_000, 6_000, color="#E9E9E9", zorder=0)
axes[0].set_ylabel("SNR")
figures.stamp(fig, "RBA, 64 x 4 on 4,096 points, seeds 0 to 4, float32, CPU")
plt.show()

# %% tags=["hide-input"]
EDGES = (6_000, 6_500, 7_000, 7_500, 8_000)


def stretch(run, name, low, high):
    """A series between two steps."""
    step = run.history["step"]
    return run.history[name][(step > low) & (step <= high)]


rows = []
for label, own in paths.items():
    for title, take in (
        (
            "share above the level",
            lambda r, a, b: np.mean(stretch(r, "snr", a, b) > level_of(r)),
        ),
        ("error", lambda r, a, b: np.median(stretch(r, "rel_l2", a, b))),
    ):
        cells = [
            verdicts.spread([take(run, a, b) for run in own], ".2g")
            for a, b in zip(EDGES[:-1], EDGES[1:], strict=True)
        ]
        rows.append((f"{label}: {title}", *cells))
HEAD = ("median of five seeds", "6,000 on", "6,500 on", "7,000 on", "7,500 on")
display(Markdown(verdicts.markdown(HEAD, rows)))

# %% tags=["hide-input"]
slowed = paths["slowed, and back"]
quiet = [
    float(
        np.median(stretch(run, "snr", 6_500, 7_500)) * (run.config.batches - 1) ** 0.5
    )
    for run in slowed
]
print("from 6,500 to 7,500, median SNR over its floor:", verdicts.spread(quiet, ".2g"))
awake = sum(
    bool((stretch(run, "snr", 7_500, 8_000) > level_of(run)).any()) for run in slowed
)
print(f"a probe above the level in the last 500 steps: {awake} of {len(slowed)}")

# %% [markdown]
# **By the plan there is hysteresis, as the paper's reading foretells.** After the slow stretch
# fewer probes are above the level than without it, in all five runs. Motion at the edge foretold
# that the bursts would be back within some hundred steps. They are not.
#
# **But what lasts is no agreement.** When the full rate returns, the weights jump: the first probes
# are above the level, and the error is twice that without the slow stretch, in the median. Then the
# SNR is nearly quiet for a thousand steps, far below the floor. In the last 500 steps bursts come
# back in four of five runs.
#
# So a training remembers for some thousand steps how it was treated. Adam itself has such a memory:
# it takes the mean of squares over about a thousand steps. So this may be a delay, and no second
# state. Which state it would end in cannot be told from 2,000 steps. The sharpness was not measured
# here.

# %% [markdown]
# ## Does it stay to the end?
#
# The steps from the end of the last collapse to the end of the run are cut into fifths. The table
# has the share of probes above the level in each fifth, for runs with at least 25 probes after the
# collapse.

# %% tags=["hide-input"]
FIFTHS = 5


def fifths(run, collapse):
    """Share above the level in each fifth of the steps after a collapse."""
    step, snr = run.history["step"], run.history["snr"]
    edges = np.linspace(collapse.end, step[-1], FIFTHS + 1)
    parts = [
        snr[(step > a) & (step <= b)]
        for a, b in zip(edges[:-1], edges[1:], strict=True)
    ]
    enough = sum(map(len, parts)) >= 5 * FIFTHS
    return [float(np.mean(part > level_of(run))) for part in parts] if enough else None


# %% tags=["hide-input"]
stays, rows = {}, []
for kind, there in collapsed.items():
    found = [fifths(*pair) for pair in there]
    stays[kind] = np.array([shares for shares in found if shares])
    middles = np.median(stays[kind], axis=0)
    rows.append((kind, len(stays[kind]), *(f"{share:.0%}" for share in middles)))
HEAD = (
    "median share above the level",
    "runs",
    "first fifth",
    "2nd",
    "3rd",
    "4th",
    "last",
)
display(Markdown(verdicts.markdown(HEAD, rows)))

# %% tags=["hide-input"]
print("runs with most probes above the level in every fifth")
for kind, shares in stays.items():
    print(f"    {kind}: {(shares > 0.5).all(axis=1).sum()} of {len(shares)}")
LONGEST = ("allen_cahn_rba", "allen_cahn_vanilla", "helmholtz_rba", "helmholtz_vanilla")
print("the authors' series: last part with a median above 1, at step")
for name in LONGEST:
    theirs = authors.series(name)
    last = theirs.step[theirs.snr[:, 1] > 1][-1]
    print(f"    {name}: {last:,.0f} of {theirs.step[-1]:,.0f}")

# %% [markdown]
# **Whether the SNR stays above the level depends on the runs.** (The paper says that it falls again
# late, so a *no* in the last fifth is no evidence against it.) On Helmholtz from the authors' start
# it comes near to staying. From the second fifth on, about two thirds to four fifths of the probes
# are above the level, in the median run. The first fifth holds the dip right after the collapse.
# The runs from other starts end at 1.5 to 5 times the step of their collapse, which is too soon to
# tell. In the small runs bursts and stretches of low SNR alternate to the end.
#
# In the authors' own four series on Allen-Cahn and Helmholtz the median SNR is above 1 for the last
# time between steps 41,000 and 144,000, of 300,000. (Each series is read in parts; the middle of
# the last one is near 270,000.) The edge of stability foretells that such a state ends, because
# their learning rate falls meanwhile.

# %% [markdown]
# ## Do activations saturate there?
#
# The claim: at the transition the activations of the deeper layers go to their bounds. *Saturation*
# is the share of activations near the ends of their range. *By bounds* it counts those beyond 0.95.
# *By range* it counts those in the lowest and the highest of 30 bins over each neuron's own range.
# {doc}`17_compression` has more. Saturation is read in the last snapshot before the collapse and in
# the first after it, as a mean over the hidden layers, in percent.
#
# Saturation rises all the time. So a rise over the collapse means little by itself. We divide it by
# the decades of steps between the two snapshots, and compare it with the same gain between the two
# snapshots before the collapse.


# %% tags=["hide-input"]
def saturation(run, collapse):
    """By range and by bounds, before and after, and gains a decade up to it and over it."""
    step = run.snapshots["step"]
    before = int(np.searchsorted(step, collapse.start, "right")) - 1
    after = int(np.searchsorted(step, collapse.end, "left"))
    points = pl.sampling.interior(run.problem.domain, 2_048, seed=0, method="uniform")
    three = (before - 1, before, after)
    found = information.analyse(run, points, snapshots=three)
    decades = np.diff(np.log10(step[list(three)]))
    layers = (found.saturation_range, found.saturation_bounds)
    means = [own.mean(axis=1) for own in layers]
    return [(*mean[1:], *(np.diff(mean) / decades)) for mean in means]


# %% tags=["hide-input"]
saturated = {
    kind: np.array([saturation(*pair) for pair in collapsed[kind]])
    for kind in (SMALL, AC)
}

# %% tags=["hide-input"]
rows = []
for kind, values in saturated.items():
    for k, by in enumerate(("by range", "by bounds")):
        columns = values[:, k].T
        texts = [verdicts.spread(v, ".1f") for v in columns]
        faster = f"{(columns[3] > columns[2]).sum()} of {len(values)}"
        rows.append((kind, by, *texts, faster))
HEAD = (
    "saturation, %",
    "",
    "before",
    "after",
    "gain a decade, up to it",
    "over it",
    "faster in",
)
display(Markdown(verdicts.markdown(HEAD, rows)))

# %% [markdown]
# **Whether they saturate *there* cannot be told.** On Allen-Cahn the saturation is larger after the
# collapse in all five runs. But in four of them the next snapshot is the end of the run. The gain
# for each decade of steps is larger than before, and the gain for each thousand steps is smaller.
#
# On Helmholtz three collapses come at the time when all layers first saturate. The two collapses
# near step 3,600 come long after that, and the saturation hardly moves there. Whether saturation is
# *driven* by the alignment of the gradients was not tested.

# %% [markdown]
# ## Verdict
#
# A row counts runs. *Cannot tell* is a verdict as well; here its reason is that the measure does
# not answer the question. The table has 11 rows.

# %% tags=["hide-input"]
LAPTOP = verdicts.LAPTOP
LARGE = list(KINDS)[:2]  # Helmholtz at the authors' size


def dips(k, *kinds):
    """Whether each run has two levels, of phi (k = 0) or of log SNR (k = 1)."""
    return [bool(two) for kind in kinds for two in levels[kind][:, k]]


# %% tags=["hide-input"]
rows = [
    verdicts.Claim(
        "order of gradients and residuals together says most about the error",
        "yes",
        f"more than either alone in {sum(stronger)} of 4 groups",
        list(map(bool, stronger)),
        open=True,
    ),
    verdicts.Claim(
        "Helmholtz (4, 1), RBA: hysteresis under the learning rate",
        "of first order, no number",
        f"{hysteresis}, perhaps a delay: share above the level {np.median(less):+.2f}",
        [one < 0 for one in less],
        scale=LAPTOP,
        open=hysteresis == "cannot tell",
    ),
]

# %% tags=["hide-input"]
MEASURES = ((0, "phi", ""), (1, "log SNR", "; added after the plan"))
rows += [
    verdicts.Claim(
        f"{kind}: {name} has two levels",
        "abrupt, no number",
        f"{sum(holds)} of {len(holds)} have a dip{note}",
        holds,
        scale=scale,
    )
    for k, name, note in MEASURES
    for kind, holds, scale in (
        ("Helmholtz (6, 6), RBA", dips(k, *LARGE), ""),
        ("Allen-Cahn, RBA", dips(k, AC), LAPTOP),
    )
]

# %% tags=["hide-input"]
rows += [
    verdicts.Claim(
        f"{kind}: at the end of the run most probes are above the level",
        "for a time; late it falls",
        f"last fifth {verdicts.spread(stays[kind][:, -1], '.0%')}",
        [bool(last > 0.5) for last in stays[kind][:, -1]],
        scale=LAPTOP if "laptop" in kind else "",
        short=True,
    )
    for kind in (*LARGE, SMALL, AC)
]
by_bounds = saturated[AC][:, 1].T
rows += [
    verdicts.Claim(
        "Allen-Cahn, RBA: activations saturate faster at the collapse than before",
        "yes",
        "by decades of steps yes, by thousands no; snapshots too far apart",
        [bool(one) for one in by_bounds[3] > by_bounds[2]],
        scale=LAPTOP,
        open=True,
    )
]
display(Markdown(verdicts.table(rows)))

# %% [markdown]
# **Three takeaways**
#
# 1. A correlation over runs may be one between kinds of runs. On Allen-Cahn the kinds with more
#    order are the more accurate ones; within the kinds this cannot be told from chance.
# 2. Two peaks of a bounded quantity are no proof of two levels. Compare them with what one level
#    gives, on a scale without ends.
# 3. After the collapse a training on the small Helmholtz has a memory of some thousand steps.
#    Whether that is a second state, or a delay of Adam, is open.
#
# **Limits.** The chapter has two equations, tanh networks, and Adam. Ten of the 17 large Helmholtz
# runs come from one start. The correlations mix kinds of weights. Hysteresis was tried on one
# equation, at a laptop's size, with one length of the slow stretch.
#
# ## Exercises
#
# ```{exercise}
# :label: ex-equilibrium-order
#
# For batches of equal length the gradient order is $\varphi = r / \sqrt{1 + r^2}$, where $r$ is the
# SNR. What is $\varphi$ where the SNR is 1? And where it is 10, and 100? Write the first number
# into the cell.
# ```

# %%
answer = None  # your number here

# %% tags=["hide-input"]
pl.book.exercises.check(answer, 0.5**0.5, within=0.01)

# %% [markdown]
# ```{solution} ex-equilibrium-order
# :class: dropdown
#
# 0.71, 0.995 and 0.99995. All that is above an SNR of 10 is squeezed into the last half of a
# hundredth of the axis. That is why $\varphi$ has a peak near 1 whenever the SNR is often large.
# ```
#
# ```{exercise}
# :label: ex-equilibrium-kinds
#
# Draw three kinds of ten runs each. Within a kind order and error are independent. But kinds with
# more order have less error. What are the rank correlation over all runs, and the one that
# `within_kinds` finds?
# ```
#
# ```{solution} ex-equilibrium-kinds
# :class: dropdown
#
# For example: `names = np.repeat(["a", "b", "c"], 10)`, then
# `shift = np.repeat([0.0, 2.0, 4.0], 10)`, `order = rng.standard_normal(30) + shift` and
# `error = rng.standard_normal(30) - shift`. Over all runs the correlation is near -0.8, within the
# kinds it is near 0.
# ```
#
# ```{exercise}
# :label: ex-equilibrium-memory
#
# Adam's mean of squares has $\beta_2 = 0.999$. After how many steps has it forgotten half of what
# was before? Which training would part this delay from a second state?
# ```
#
# ```{solution} ex-equilibrium-memory
# :class: dropdown
#
# After $\ln 2 / 0.001$, which is about 693 steps. Give the full rate back with a smaller $\beta_2$,
# or with the mean of squares as it was at step 4,000. If the bursts are back within some hundred
# steps, it was Adam's delay. Or go on for many thousand steps: a delay ends, a second state need
# not.
# ```
#
# ## References
#
# All works cited are in the {doc}`bibliography`.
