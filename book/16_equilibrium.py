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
# - tell two states of a bounded quantity from a single broad one;
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
# **What this chapter does.** It tests each of these claims on published runs. The plan for four of
# the tests was written down before any of these runs had been aligned at its {term}`collapse`, and
# that for the test of memory before its own runs ({doc}`plan`). The plan left details open, such as
# the bins of a histogram. What was added later is marked.
#
# **Before.** {doc}`14_transition` has the collapse, and {doc}`15_bursts` the {term}`level` of a
# batch and the two readings of the bursts: *agreement* of the batches, and *motion at the edge* of
# stability.
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
from pinnlib.book.records import STUDIED
from pinnlib.phases.events import last_collapse, level_of

figures.style()
_ = pl.records.fetch()

# %% [markdown]
# ## The runs
#
# These are runs with residual-based attention (RBA). Three kinds have the authors' size, with
# networks of 128 x 6 and 25,600 points. The runs named *laptop* are smaller. Those on Helmholtz
# have networks of 64 x 4 and 4,096 points, and those on Allen-Cahn 64 x 6 and 2,048 points. Three
# of the tests below read each run at its last collapse. A run without a collapse is left out there.

# %% tags=["hide-input"]
AC, SMALL = "Allen-Cahn, RBA, laptop", "Helmholtz (4, 1), RBA, laptop"
KINDS = (*list(STUDIED)[:3], AC, SMALL)
collapsed = {}
for kind in KINDS:
    own = [(run, last_collapse(run)) for run in pl.records.matching(STUDIED[kind])]
    collapsed[kind] = [(run, collapse) for run, collapse in own if collapse]
    print(f"{kind}: {len(collapsed[kind])} of {len(own)} collapse")

# %% [markdown]
# ## Do order and accuracy go together?
#
# The claim: where gradients *and* residuals are ordered, the test error is smaller. The order of
# the gradients is $\varphi$, the length of the mean batch gradient over the root mean square of
# their lengths. The order of the residuals is $\varphi_R$, over 10 x 10 cells of the domain. It is
# 1 if the mean size of the residual is the same in all cells. Both orders and the error are read as
# medians, from step 2,000 to 4,000 on Helmholtz, and from step 8,000 to 16,000 on Allen-Cahn.
#
# The table has the rank correlation of each order with the error. A negative one means that the
# error is smaller where the order is larger. In brackets is a range, where there are at least ten
# runs: groups of as many runs are drawn from these, a run perhaps more than once, and 95% of the
# groups lie in it. It says nothing of other starts or of other kinds of weights. The column *both*
# takes for each run the smaller of its two ranks.
#
# The small runs have several kinds of weights: *vanilla* has none, *RBA* its own, and three
# controls are the *ramp*, *permuted* and *constant* weights ({doc}`11_balance`). So a correlation
# may be one between kinds. Within the kinds it is tested by exchanging the errors of each kind
# among its runs. *By chance in* is the share of
# such exchanges with a correlation as low. *5% of chance below* is the value that 5% of the
# exchanges lie below.


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


def correlations(gradient, residual, error):
    """Rank correlation with the error: of each order, and of the smaller of their ranks."""
    both = np.minimum(rankdata(gradient), rankdata(residual))
    return [spearmanr(x, error).statistic for x in (gradient, residual, both)]


def drawn_anew(series, rng, draws=1_000):
    """The same of groups of as many runs, drawn from these, ``(draws, 3)``."""
    n = len(series[0])
    return np.array(
        [correlations(*series[:, rng.integers(0, n, n)]) for _ in range(draws)]
    )


# %% tags=["hide-input"]
def weights_of(run):
    """The kind of a run's weights, as a word."""
    config = run.config
    if config.weighting is None:
        return "vanilla" if config.data_weight == 1.0 else "constant"
    assignment = getattr(config.weighting, "assignment", "rival")
    return {"own": "RBA", "mean": "ramp"}.get(assignment, assignment)


def within_kinds(order, error, kinds, rng, draws=1_000):
    """Mean rank correlation within kinds, how often chance gives one as low, and its 5%."""
    parts = [np.flatnonzero(np.array(kinds) == kind) for kind in sorted(set(kinds))]

    def mean(y):
        return np.mean([spearmanr(order[k], y[k]).statistic for k in parts])

    own, mixed, by_chance = mean(error), error.copy(), []
    for _ in range(draws):
        for k in parts:
            mixed[k] = rng.permutation(error[k])
        by_chance.append(mean(mixed))
    chance = (1 + np.sum(np.array(by_chance) <= own)) / (1 + draws)
    return own, chance, np.percentile(by_chance, 5)


# %% tags=["hide-input"]
def read_group(pattern, step):
    """Kinds of weights, and gradient order, residual order and error ``(3, n_runs)``."""
    own = pl.records.matching(pattern)
    names = ("order_gradient", "order_residual", "rel_l2")
    series = np.array([[settled_at(run, name, step) for run in own] for name in names])
    return np.array([weights_of(run) for run in own]), series


ENOUGH = 10  # runs; of fewer a range is too narrow
rng = np.random.default_rng(0)
groups = {label: read_group(*which) for label, which in TOGETHER.items()}
found = {label: correlations(*series) for label, (_, series) in groups.items()}
ranges = {
    label: drawn_anew(series, rng)
    for label, (_, series) in groups.items()
    if series.shape[1] >= ENOUGH
}

# %% tags=["hide-input"]
HEAD = ("runs", "how many", "gradient order", "residual order", "both")
rows = []
for label, (_, series) in groups.items():
    texts = [f"{r:+.2f}" for r in found[label]]
    if label in ranges:
        ends = np.percentile(ranges[label], [2.5, 97.5], axis=0).T
        texts = [
            f"{t} ({a:+.2f} to {b:+.2f})" for t, (a, b) in zip(texts, ends, strict=True)
        ]
    rows.append((label, series.shape[1], *texts))
display(Markdown(verdicts.markdown(HEAD, rows)))

# %% tags=["hide-input"]
stronger = [
    both < min(gradient, residual) for gradient, residual, both in found.values()
]
print("both together more than either alone:", f"{sum(stronger)} of {len(stronger)}")
print("both minus the better one alone:")
for label, drawn in ranges.items():
    better = int(np.argmin(found[label][:2]))
    gap, less = found[label][2] - found[label][better], drawn[:, 2] - drawn[:, better]
    low, high = np.percentile(less, [2.5, 97.5])
    print(f"    {label}: {gap:+.2f} ({low:+.2f} to {high:+.2f})")

# %% tags=["hide-input"]
HEAD = (
    "within the kinds",
    "order of",
    "correlation",
    "by chance in",
    "5% of chance below",
)
rows = []
for label in list(TOGETHER)[:2]:
    names, series = groups[label]
    for name, order in zip(("gradients", "residuals"), series, strict=False):
        r, chance, seen = within_kinds(order, series[2], names, rng)
        rows.append((label, name, f"{r:+.2f}", f"{chance:.0%}", f"{seen:+.2f}"))
display(Markdown(verdicts.markdown(HEAD, rows)))

# %% tags=["hide-input"]
_, rivals = read_group(r"allen_cahn_(rad|self-adaptive)_seed\d", 16_000)
wider = correlations(*np.hstack([groups["Allen-Cahn, laptop"][1], rivals]))
print(
    f"Allen-Cahn, laptop, with RAD and self-adaptive weights: {wider[0]:+.2f} for the"
)
print(f"gradient order, {wider[1]:+.2f} for the residual order")

# %% mystnb={"figure": {"caption": "Order of the gradients (above) and of the residuals (below) against the error, for the four groups of the table. Each point is one run, and its colour the kind of its weights.", "name": "fig-equilibrium-order"}, "image": {"alt": "Eight scatter plots. On the small Helmholtz the vanilla runs have the largest errors, and gradient orders from 0.2 to 1. On the small Allen-Cahn the runs with RBA have the smallest errors and the largest residual orders, and the permuted ones large gradient orders but small residual orders. On the large Helmholtz small errors go with gradient orders near 1. On the large Allen-Cahn both orders fall as the error grows."}} tags=["hide-input"]
fig, axes = plt.subplots(2, 4, figsize=(7.2, 4.2), sharex=True, sharey="row")
for column, (label, (names, series)) in zip(axes.T, groups.items(), strict=True):
    *orders, error = series
    for name, marker in zip(("vanilla", "RBA", *CONTROLS), "os^Dv", strict=True):
        own = names == name
        look = dict(color=figures.COLOURS[name], marker=marker, s=14, label=name)
        for ax, order in zip(column, orders, strict=True):
            ax.scatter(error[own], order[own], **look)
    column[0].set_title(label.replace("), ", "),\n"), fontsize=8)
    column[0].set(xscale="log", xlim=(0.01, 6))
    column[1].set_xlabel("relative L2 error")
axes[0, 0].set_ylabel("gradient order")
axes[1, 0].set_ylabel("residual order")
figures.legend(fig, axes[0, 0], columns=5)
figures.stamp(fig, "medians over the second half of the steps read; float32")
plt.show()

# %% [markdown]
# **On the small Allen-Cahn more order goes with a smaller error over all runs, but the kinds carry
# it** ({numref}`fig-equilibrium-order`). Within the kinds the correlation is weaker, and cannot be
# told from chance: one that is weaker than about -0.4 would be missed. And the kinds do not line
# up. Permuted weights have the largest gradient order in most runs, and not the smallest error. If
# two rivals of RBA are added, the order of the residuals no longer goes with the error.
#
# **On the small Helmholtz there is nothing of it.** Over all runs the order of the gradients is
# larger where the error is larger. That comes from the vanilla runs. Within the kinds nothing of it
# is left.
#
# **On the large Helmholtz the gradients' order goes with accuracy.** The runs with the smallest
# errors have an order near 1. But five of the seven with an error below 0.4 come from one start,
# and differ by a rounding. So the range in the table is too narrow.
#
# **On the large Allen-Cahn both orders go with accuracy, within one kind.** All eight runs have
# RBA. The three that pass the {term}`plateau` by step 16,000 have the largest orders of both kinds.
# Eight are too few for a range.
#
# **In none of the four groups do both together say more than the better one alone.** On the large
# Helmholtz they say less than the gradients alone. In the two small groups the difference cannot be
# told.
#
# **What this does not say.** The plan speaks of the final error. Here runs of unequal length are
# compared at one step, which on the small Allen-Cahn comes before all collapses of RBA. The plan
# asks for all runs of a problem and a size, and here two rivals of RBA are apart. The test within
# the kinds was added later.

# %% [markdown]
# ## Is there a jump between two states?
#
# The claim: the transition is abrupt, of first order. Then a probe near it should have one of two
# values of $\varphi$, and rarely one between them. Histograms of $\varphi$ do have two peaks. But
# two peaks are no proof. $\varphi$ is a bounded function of the SNR. So even *one* broad state of
# $\log$ SNR gives two peaks of $\varphi$, one at each end of its range.
#
# So the valley between the two peaks is compared with the valley that one state would give. For
# this we draw as many values from one state of $\log$ SNR: normal, with the same mean, spread and
# memory from probe to probe. We do so 1,000 times. A run *has a dip* if fewer than 5% of these
# draws have a valley as deep. If the collapse starts at step $s$ and ends at step $e$, the probes
# are those from $s/4$ to $4e$.
#
# Two things were added later. The valley is read from the histogram of $\log$ SNR as well, because
# $\log$ SNR has no ends. And it is read before the collapse and after it, from $s/4$ to $s$ and
# from $e$ to $4e$, because a single shift of the SNR at the collapse gives a dip as well.


# %% tags=["hide-input"]
BINS = 20
VIEWS = {"phi": lambda v: np.sqrt(1 - 1 / (1 + 100.0**v)), "log SNR": lambda v: v}


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
def one_state(run, low, high, rng, draws=1_000):
    """Log SNR between two steps, and draws of as many values from one state."""
    step, snr = run.history["step"], run.history["snr"]
    x = np.log10(snr[(step > low) & (step < high) & (snr > 0)])
    memory = max(np.corrcoef(x[:-1], x[1:])[0, 1], 0.0)
    drawn = rng.standard_normal((draws, len(x)))
    for k in range(1, len(x)):
        fresh = np.sqrt(1 - memory**2) * drawn[:, k]
        drawn[:, k] = memory * drawn[:, k - 1] + fresh
    return x, x.mean() + x.std() * drawn


def has_dip(view, run, low, high, rng):
    """Whether one state seldom has a valley as deep; None of too few probes."""
    x, drawn = one_state(run, low, high, rng)
    if len(x) < BINS:
        return None
    turn, span = VIEWS[view], (0, 1) if view == "phi" else ends(x)
    null = np.array([dip(turn(own), *span) for own in drawn])
    return bool(np.mean(null >= dip(turn(x), *span)) < 0.05)


# %% tags=["hide-input"]
MEASURES = {
    "phi": ("phi", 0.25, 4),
    "log SNR": ("log SNR", 0.25, 4),
    "log SNR before it": ("log SNR", 0.25, None),
    "log SNR after it": ("log SNR", None, 4),
}


def window(collapse, first, last):
    """From a factor of its start to a factor of its end; without one, before or after it."""
    low = collapse.end if first is None else first * collapse.start
    return low, collapse.start if last is None else last * collapse.end


rng = np.random.default_rng(2)
dips = {
    (kind, name): [
        has_dip(view, run, *window(collapse, *factors), rng) for run, collapse in there
    ]
    for kind, there in collapsed.items()
    for name, (view, *factors) in MEASURES.items()
}


# %% tags=["hide-input"]
def counted(holds):
    """How many of those that can be read."""
    known = [one for one in holds if one is not None]
    return f"{sum(known)} of {len(known)}"


HEAD = ("runs with a dip", "the collapse takes a factor", *MEASURES)
rows = [
    (
        kind,
        verdicts.spread([one.end / one.start for _, one in there], ".2f"),
        *(counted(dips[kind, name]) for name in MEASURES),
    )
    for kind, there in collapsed.items()
]
display(Markdown(verdicts.markdown(HEAD, rows)))

# %% mystnb={"figure": {"caption": "Probes of one run of each kind near its collapse: histograms of the gradient order (above) and of log10 of the SNR (below). Grey: in each bin, where 95% of the draws from one state of log SNR lie.", "name": "fig-levels"}, "image": {"alt": "Two rows of five histograms. Above, four have a peak near 0 inside the grey band, and the large Allen-Cahn has one near 0.3, above the band, and one at 1. Below, the two large Helmholtz runs have two peaks with a valley under the band; the large Allen-Cahn run has one sharp peak, the small one lies near the band, and the small Helmholtz run has one peak and a long shoulder."}} tags=["hide-input"]
fig, axes = plt.subplots(2, 5, figsize=(7.2, 4.0))
rng = np.random.default_rng(3)
for column, (kind, there) in zip(axes.T, collapsed.items(), strict=True):
    run, collapse = there[0]
    x, drawn = one_state(run, *window(collapse, 0.25, 4), rng)
    spans = ((0, 1), ends(x))
    for ax, turn, (low, high) in zip(column, VIEWS.values(), spans, strict=True):
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
# **On the large Helmholtz the SNR has two states after the collapse, in most runs.** By $\varphi$,
# as planned, 7 of 13 runs have a dip near the collapse. But $\varphi$ can miss two states, since
# one state has two peaks as well; so few dips say little. By $\log$ SNR 12 of 13 runs have one near
# the collapse, and 10 of 13 after it alone. Before it four of twelve have one. After it the SNR
# flips ({numref}`fig-levels`).
#
# **On Allen-Cahn two states are no sign of the collapse.** On the small one they are there before
# it already, in four of five runs: they are the bursts, and the quiet between them. On the large
# one two of six runs have a dip by $\varphi$, and none by $\log$ SNR. Most of its collapses are
# early falls of the residual ({doc}`14_transition`).
#
# **What this does not say.** What is rejected is one *normal* state. A single broad state of
# another shape was not tried. Three of the small Helmholtz runs have less than 50 probes, few for
# 20 bins. And a flip of the SNR is not yet an abrupt *transition*. A collapse ends at 1.04 to 2
# times the step at which it starts, but the rule looks for no slower ones. A further sign of a
# transition of first order is hysteresis, which comes next.

# %% [markdown]
# ## Is there hysteresis?
#
# A transition of first order also foretells {term}`hysteresis`: if the rate is lowered and raised
# again, the training does not simply go on as if nothing had been done. The second amendment of
# {doc}`plan` tests this on five small runs on Helmholtz. From step 4,000 they are slowed to a tenth
# of the rate for 2,000 steps. Then they have the full rate again. For comparison the same five
# states go on at the full rate throughout. The share of probes above the {term}`level` is compared
# from step 7,000 to 8,000. *Hysteresis* is said if it is smaller with the slow stretch in all five
# runs, and by 0.3 or more in the median. *None of this size* is said if the median difference is
# below 0.15.
#
# Adam divides a step by the root of a mean of the gradient's squares, over about the last thousand
# steps. So a difference may be a delay, and no second state. The fifth amendment asks again, from
# step 14,000 to 16,000, with the same limits. Then the words are *a second state* and *a delay*.

# %% tags=["hide-input"]
GONE_ON = {
    "at the rate throughout": "branch_small_helmholtz_kept",
    "slowed, and back": "branch_small_helmholtz_back",
}
paths = {
    name: [pl.records.load(f"{stem}_seed{k}_lr0.001") for k in range(5)]
    for name, stem in GONE_ON.items()
}


# %% tags=["hide-input"]
def share_above(run, low, high):
    """Share of probes above the level between two steps."""
    return float(np.mean(stretch(run, "snr", low, high) > level_of(run)))


def stretch(run, name, low, high):
    """A series between two steps."""
    step = run.history["step"]
    return run.history[name][(step > low) & (step <= high)]


def paired(low, high):
    """Share with the slow stretch minus share without it, of each state."""
    kept, back = (
        [share_above(run, low, high) for run in own] for own in paths.values()
    )
    return [b - a for a, b in zip(kept, back, strict=True)]


# %% tags=["hide-input"]
WINDOWS = {"second": (7_000, 8_000), "fifth": (14_000, 16_000)}
WORDS = {
    "second": ("hysteresis", "none of this size"),
    "fifth": ("a second state", "a delay"),
}


def said(less, there, absent):
    """The word of the plan for five differences."""
    if max(less) < 0 and np.median(less) <= -0.3:
        return there
    return absent if abs(np.median(less)) < 0.15 else "cannot tell"


less = {name: paired(*window) for name, window in WINDOWS.items()}
outcome = {name: said(less[name], *WORDS[name]) for name in less}
for name, (low, high) in WINDOWS.items():
    change = f"{np.median(less[name]):+.2f} ({min(less[name]):+.2f} to {max(less[name]):+.2f})"
    print(f"{name} amendment, from step {low:,} to {high:,}: {outcome[name]}")
    for label, own in paths.items():
        shares = verdicts.spread([share_above(run, low, high) for run in own], ".0%")
        print(f"    share above the level, {label}: {shares}")
    print(f"    slowed, and back, minus throughout: {change}")

# %% mystnb={"figure": {"caption": "SNR of five small runs on Helmholtz that go on at the full rate (left), and of the same five that are slowed to a tenth of it from step 4,000 to 6,000 (right, grey). Shown to step 10,000; the runs go on to 16,000. Lines are running medians over seven probes. Dotted: the level of a batch of that size. Dashed: the floor of independent batches.", "name": "fig-hysteresis"}, "image": {"alt": "Two panels of five lines. Left, all jump between about 3 and a few thousandths all the time. Right, they are at a few thousandths while slowed, jump to near the level when the full rate returns, sink for more than a thousand steps far below the floor, and burst again between steps 7,280 and 8,180."}} tags=["hide-input"]
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
    ax.set(title=name, xlabel="Adam step", xlim=(4_000, 10_000))
    ax.xaxis.set_major_formatter("{x:,.0f}")
axes[1].axvspan(4_000, 6_000, color="#E9E9E9", zorder=0)
axes[0].set_ylabel("SNR")
figures.stamp(fig, "RBA, 64 x 4 on 4,096 points, seeds 0 to 4, float32, CPU")
plt.show()

# %% tags=["hide-input"]
EDGES = (6_000, 7_000, 8_000, 11_000, 14_000, 16_000)
TAKEN = {
    "share above the level": share_above,
    "error": lambda run, a, b: float(np.median(stretch(run, "rel_l2", a, b))),
}
rows = [
    (
        f"{title}, {label}",
        *(
            verdicts.spread([take(run, a, b) for run in own], ".2g")
            for a, b in zip(EDGES[:-1], EDGES[1:], strict=True)
        ),
    )
    for title, take in TAKEN.items()
    for label, own in paths.items()
]
HEAD = ("median of five seeds, from step", *(f"{a:,}" for a in EDGES[:-1]))
display(Markdown(verdicts.markdown(HEAD, rows)))


# %% tags=["hide-input"]
def away(run, settles=200):
    """Steps from the jump at the return of the full rate to the next probe above the level."""
    first = run.history["step"][0]
    later = run.history["step"] > first + settles
    above = run.history["step"][later & (run.history["snr"] > level_of(run))]
    return int(above[0] - first) if len(above) else None


slowed = paths["slowed, and back"]
quiet = [np.median(stretch(run, "snr", 6_500, 7_000)) * 31**0.5 for run in slowed]
print("from 6,500 to 7,000, median SNR over its floor:", verdicts.spread(quiet, ".2g"))
print("bursts again after, in steps:", verdicts.spread(list(map(away, slowed)), ",.0f"))

# %% [markdown]
# **By the second amendment there is hysteresis, as the paper's reading foretells.** From step 7,000
# to 8,000 fewer probes are above the level after the slow stretch than without it, in all five
# runs. Motion at the edge foretold that the bursts would be back within some hundred steps. They
# come back after 1,280 to 2,180 steps ({numref}`fig-hysteresis`).
#
# **But what lasts until then is no agreement.** When the full rate returns, the weights jump: the
# first probes are above the level. From step 6,000 to 7,000 the error is twice that without the
# slow stretch, in the median. Then the SNR is nearly quiet, at a twentieth of the floor.
#
# **By the fifth amendment it cannot be told whether this is a delay or a second state.** The bursts
# come back in all five runs, as after a delay. But from step 14,000 to 16,000 the share above the
# level is still smaller in each of them: 30% in the median, against 44%. The median of the five
# differences is -0.19. It lies between the limits of the plan, -0.15 and -0.3. The error is larger
# too, 0.016 against 0.013.
#
# So a training remembers for ten thousand steps that it was slowed for two thousand. Adam's mean of
# squares forgets within a few thousand steps, so it cannot be all that is remembered. Perhaps a
# slowed run is only behind: it has learnt less at the same step. That was not tested, and the
# sharpness was not measured here.

# %% [markdown]
# ## Does it stay to the end?
#
# The steps from the end of the last collapse to the end of the run are cut into fifths. The table
# has the share of probes above the {term}`level` in each fifth, for runs with at least 25 probes
# after the collapse. Beside it stands how long the runs last, as a multiple of the step at which
# their collapse ends.

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
    last = verdicts.spread([run.step / collapse.end for run, collapse in there], ".1f")
    texts = (f"{share:.0%}" for share in middles)
    rows.append((kind, len(stays[kind]), last, *texts))
HEAD = (
    "median share above the level",
    "runs",
    "length / end of collapse",
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
# **Whether the SNR stays above the level depends on the runs.** The paper says that it falls again
# late, so a *no* in the last fifth is no evidence against it. On Helmholtz from the authors' start
# the medians are 66% to 79% from the second fifth on. In the first fifth it is 46%, and from other
# starts 0%: right after the collapse the SNR is low ({doc}`14_transition`). But no run has most
# probes above the level in every fifth. Most runs on Helmholtz at the authors' size end too soon
# after their collapse to tell. On Allen-Cahn at that size the shares are 16% to 24% in every fifth,
# but most of these collapses are early falls of the residual. In the small runs bursts and
# stretches of low SNR alternate to the end.
#
# In the authors' own four series on Allen-Cahn and Helmholtz the median SNR is above 1 for the last
# time between steps 41,000 and 144,000, of 300,000. (Each series is read in parts; the middle of
# the last one is near 270,000.) Their learning rate falls meanwhile. Whether that ends the state
# cannot be told: near step 110,000, at a tenth of the rate, most probes of three of the four series
# are still above 1 ({doc}`10_adams_view`).

# %% [markdown]
# ## Do activations saturate there?
#
# The claim: at the transition the activations of the deeper layers go to their bounds.
# {term}`Saturation <saturation>` is the share of activations near the ends of their range. *By
# bounds* it counts those beyond 0.95. *By range* it counts those in the lowest and the highest of
# 30 bins over each neuron's own range. {doc}`18_compression` has more. Saturation is read in the
# last snapshot before the collapse and in the first after it, as a mean over all hidden
# layers but the first, in percent. Few runs of the authors' size keep snapshots, so these are small
# runs.
#
# Saturation grows in most stretches of a training. So a rise over the collapse means little by
# itself. It is compared with the rise between the two snapshots before the collapse, once for each
# decade of steps and once for each thousand steps. (The plan does not say how to compare.) Later
# decades hold more steps. So a growth of as much in each thousand steps looks faster over the
# collapse, if it is counted by decades. A growth of as much in each decade looks slower, if it is
# counted by thousands. So the claim is only shown if both are faster.


# %% tags=["hide-input"]
def saturation(run, collapse):
    """By range and by bounds: before, after, and whether it grows faster, by decade and by step."""
    step = run.snapshots["step"]
    before = int(np.searchsorted(step, collapse.start, "right")) - 1
    after = int(np.searchsorted(step, collapse.end, "left"))
    three = [before - 1, before, after]
    points = pl.sampling.interior(run.problem.domain, 2_048, seed=0, method="uniform")
    found = information.analyse(run, points, snapshots=tuple(three))
    rows = []
    for layers in (found.saturation_range, found.saturation_bounds):
        mean = layers[:, 1:].mean(axis=1)
        paces = [
            np.diff(mean) / np.diff(time)
            for time in (np.log10(step[three]), step[three])
        ]
        rows.append((*mean[1:], *(over > until for until, over in paces)))
    return rows


# %% tags=["hide-input"]
saturated = {
    kind: np.array([saturation(*pair) for pair in collapsed[kind]])
    for kind in (SMALL, AC)
}
rows = []
for kind, values in saturated.items():
    for k, by in enumerate(("by range", "by bounds")):
        before, after, decades, thousands = values[:, k].T
        texts = [verdicts.spread(v, ".1f") for v in (before, after)]
        faster = [f"{v.sum():.0f} of {len(v)}" for v in (decades, thousands)]
        rows.append((kind, by, *texts, *faster))
HEAD = ("saturation, %", "", "before", "after", "faster by decades", "by thousands")
display(Markdown(verdicts.markdown(HEAD, rows)))

# %% [markdown]
# **Whether they saturate *there* cannot be told.** On Allen-Cahn the saturation is larger after the
# collapse in all five runs. By decades of steps it grows faster over the collapse than before it,
# in all five, and by thousands of steps in none. So it depends on how time is counted. The
# snapshots are too few to say more.
#
# On Helmholtz the saturation grows faster by both in three of five runs. In the two others it does
# not. Whether saturation is *driven* by the alignment of the gradients was not tested.

# %% [markdown]
# ## Verdict
#
# The first row counts groups, and the others count runs. *Cannot tell* means that the runs end too
# soon, that the measure cannot answer, or that a number lies between the limits of the plan. The
# large Allen-Cahn has no row, since most of its collapses are early falls of the residual. By
# $\varphi$ two states can be missed, since one state has two peaks as well; so few dips of
# $\varphi$ are no evidence against two states.

# %% tags=["hide-input"]
LAPTOP = verdicts.LAPTOP
LARGE = KINDS[:2]  # Helmholtz at the authors' size
rows = [
    verdicts.Claim(
        "order of gradients and residuals together says most about the error",
        "yes",
        f"more than either alone in {sum(stronger)} of {len(stronger)} groups",
        list(map(bool, stronger)),
        open=True,
    )
]

# %% tags=["hide-input"]
MEMORY = {
    "second": "fewer bursts 1,000 to 2,000 steps after a slow stretch",
    "fifth": "fewer bursts 8,000 to 10,000 steps after it",
}
rows += [
    verdicts.Claim(
        f"Helmholtz (4, 1), RBA: {text}",
        "of first order, no number",
        f"{outcome[name]}: share above the level {np.median(less[name]):+.2f}",
        [one < 0 for one in less[name]],
        scale=LAPTOP,
        open=outcome[name] == "cannot tell",
    )
    for name, text in MEMORY.items()
]


# %% tags=["hide-input"]
def two_states(label, kinds, measure, note, scale="", **settings):
    """A row on the dips of some kinds."""
    known = [one for kind in kinds for one in dips[kind, measure] if one is not None]
    here = f"{sum(known)} of {len(known)} have a dip{note}"
    text, claimed = (
        f"{label}: two states near the collapse, by {measure}",
        "abrupt, no number",
    )
    return verdicts.Claim(text, claimed, here, known, scale=scale, **settings)


ADDED = "; added after the plan"
rows += [
    two_states("Helmholtz (6, 6), RBA", LARGE, "phi", "", open=True),
    two_states(AC, [AC], "phi", "", LAPTOP, open=True),
    two_states("Helmholtz (6, 6), RBA", LARGE, "log SNR after it", ADDED),
    two_states(SMALL, [SMALL], "log SNR after it", ADDED, LAPTOP),
    two_states(AC, [AC], "log SNR after it", ADDED, LAPTOP),
]

# %% tags=["hide-input"]
ENDS = {"Helmholtz (6, 6), RBA": LARGE, SMALL: [SMALL], AC: [AC]}
for label, kinds in ENDS.items():
    last = np.concatenate([stays[kind][:, -1] for kind in kinds])
    rows.append(
        verdicts.Claim(
            f"{label}: at the end of the run most probes are above the level",
            "for a time; late it falls",
            f"last fifth {verdicts.spread(last, '.0%')}",
            [bool(share > 0.5) for share in last],
            scale=LAPTOP if "laptop" in label else "",
            short=True,
        )
    )
decades, thousands = saturated[AC][:, 1, 2:].T.astype(bool)
rows += [
    verdicts.Claim(
        f"{AC}: activations saturate faster at the collapse than before",
        "yes",
        f"by decades {sum(decades)} of {len(decades)}, by thousands {sum(thousands)}",
        [bool(one) for one in decades & thousands],
        scale=LAPTOP,
        open=True,
    )
]
display(Markdown(verdicts.table(rows)))

# %% [markdown]
# **Three takeaways**
#
# 1. A correlation over runs may be one between kinds of runs. On the small
#    Allen-Cahn residuals are more even where the error is smaller, over all runs. Within the kinds
#    this cannot be told from chance.
# 2. Two peaks of a bounded quantity are no proof of two states. Compare them with what one state
#    gives, on a scale without ends, and not across a shift.
# 3. After 2,000 slow steps the bursts of a small training stay away for 1,280 to 2,180 steps. Then
#    they come back, and at step 16,000 they are still rarer than without. Whether that is a second
#    state cannot be told.
#
# ## Exercises
#
# ```{exercise}
# :label: ex-equilibrium-order
#
# The gradient order is $\varphi = r / \sqrt{1 + r^2}$, where $r$ is the SNR. What is $\varphi$
# where the SNR is 1? And where it is 10, and 100? Write the first number into the cell.
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
# Take `names = np.repeat(["a", "b", "c"], 10)` and `shift = np.repeat([0.0, 2.0, 4.0], 10)`. Then
# draw `order = rng.standard_normal(30) + shift` and `error = rng.standard_normal(30) - shift`. Over
# all runs the correlation is near -0.75. That of `within_kinds(order, error, names, rng)` scatters
# around 0, by up to 0.4.
# ```
#
# ```{exercise}
# :label: ex-equilibrium-memory
#
# Adam's mean of squares has $\beta_2 = 0.999$. After how many steps has it forgotten half of what
# was before? A step is divided by the *root* of this mean. After how many steps is the root halved?
# Which training would show whether this memory delays the bursts?
# ```
#
# ```{solution} ex-equilibrium-memory
# :class: dropdown
#
# After $\ln 2 / 0.001$, which is about 693 steps. The root needs twice as many, 1,386. Give the
# full rate back with a smaller $\beta_2$, such as 0.99. If the bursts are back within some hundred
# steps, it was this memory. A run with the smaller $\beta_2$ and without a slow stretch is needed
# beside it.
# ```
#
# ## References
#
# All works cited are in the {doc}`bibliography`.
