# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Published runs
#
# The chapters read their large figures from published runs, so that nobody has to train for hours
# to read a page. This page says which runs there are, how they compare with the authors', what
# making them small has cost, and what a GPU adds.

# %% tags=["hide-cell"]
import subprocess
import sys

REPOSITORY = "https://github.com/learning-in-pinns/learning-in-pinns"
if "google.colab" in sys.modules:  # elsewhere this cell does nothing
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps"]
    subprocess.run([*pip, f"pinnlib @ git+{REPOSITORY}"], check=True)

# %% tags=["hide-cell"]
import csv
import dataclasses
import json
import re
import time
from pathlib import Path
from urllib.request import urlretrieve

import matplotlib.pyplot as plt
import numpy as np
from IPython.display import Markdown, display

import pinnlib as pl
from pinnlib import claims, figures, verdicts
from pinnlib.runs import archive
from pinnlib.training import costs

figures.style()

# %% [markdown]
# ## The runs
#
# Every run is in one list, `book/records/records.toml`. `make records` says which are there, which
# are stale because the list has changed, and what each cost.
# `python -m pinnlib sweep book/records/records.toml --jobs 2` makes those that are not there. A
# sweep that was interrupted goes on where it stopped, and ends with the same bits.
#
# Runs named `authors_` begin at the authors' start and have their size, and those with `perturbed`
# begin there up to rounding. Runs named `paper_` have their size and seeds of our own. Runs named
# `branch_` go on from the middle of one of these at four learning rates, those named
# `branch_small_` from small runs at two, and those named `ladder_`
# lie between the two sizes: points x units. All others are of a laptop's size. The table says which
# begin with biases of zero.
#
# What was made on an H100 says so; up to 15 runs shared it, so that their times are upper bounds.
# All else was made on one core each of a machine with two, which was shared with other work: those
# hours are upper bounds too. The error is that of the last step.

# %% tags=["hide-input"]
begun = time.perf_counter()
runs = {name: pl.records.load(name) for name in pl.records.names()}
loading = time.perf_counter() - begun
groups = {}
for name, run in runs.items():
    groups.setdefault(
        re.sub(r"(?<=perturbed)\d+|_seed\d+|(?<=_lr)[\d.e-]+", "", name), []
    ).append(run)


def time_taken(members):
    """Core hours, and minutes of the H100."""
    hours = minutes = 0.0
    for made in (run.provenance for run in members):
        if "CPU" in made["device"]:
            hours += made["wall_time"] * made.get("threads", 1) / 3600
        else:
            minutes += made["wall_time"] / 60
    parts = (
        (f"{hours:.1f} core hours", hours),
        (f"{minutes:.1f} minutes, H100", minutes),
    )
    return ", ".join(text for text, time_spent in parts if time_spent)


# %% tags=["hide-input"]
HEAD = ("runs", "seeds", "network, points", "biases", "steps", "relative L2", "time")
rows = []
for name, members in groups.items():
    c, lengths = members[0].config, sorted({run.step for run in members})
    error = verdicts.spread([run.history["rel_l2"][-1] for run in members])
    size = f"{c.width} x {c.depth}, {c.points:,}"
    steps = " to ".join(f"{k:,}" for k in dict.fromkeys((lengths[0], lengths[-1])))
    begin = c.bias_init
    rows.append((name, len(members), size, begin, steps, error, time_taken(members)))
display(Markdown(verdicts.markdown(HEAD, rows)))

# %% tags=["nbval-ignore-output"]
print(f"all records load in {loading:.1f} seconds")

# %% [markdown]
# ## Beside the authors' runs
#
# The authors' numbers were computed from their published result files
# {cite}`anagnostopoulos2024learning`, those of (4, 1) are from the paper on RBA
# {cite}`anagnostopoulos2024residual`. Ours are single runs at the authors' size, and medians and
# ranges over seeds at a laptop's. *Reproduced* means at most twice their number, *partly* at most
# five times. A laptop's size is named in the verdict, and is none on the paper.


# %%
def at(group, step):
    values = [run.at(step)["rel_l2"] for run in groups[group]]
    return f"{verdicts.spread(values)} at {step:,}"


def verdict(here, theirs):
    """Of errors, or of steps: reproduced up to twice the authors' number, partly up to
    five times, else not."""
    return (
        "reproduced"
        if here <= 2 * theirs
        else "partly"
        if here <= 5 * theirs
        else "not"
    )


# %% tags=["hide-input"]
compared = [  # the authors' error at a step, or at the end of their 300,000
    ("Helmholtz (4, 1), 64 x 4, vanilla", "helmholtz_a4-1_vanilla", 0.107, "at 20,000"),
    ("Helmholtz (4, 1), 64 x 4, RBA", "helmholtz_a4-1_rba", 0.029, "at 20,000"),
    ("Allen-Cahn, 64 x 6, vanilla", "allen_cahn_vanilla", 0.993, "at 30,000"),
    ("Allen-Cahn, 64 x 6, RBA", "allen_cahn_rba", 0.025, "at 30,000"),
]
# %%
rows = []
for name, published in pl.book.authors.PUBLISHED.items():
    if f"authors_{name}" in groups:
        ours = claims.first_below(groups[f"authors_{name}"][0], 0.5)
        word = verdict(ours, published.below[0.5])
        theirs = f"below 0.5 at {published.below[0.5]:,}"
        rows.append(
            (
                f"{name}, their size and start",
                theirs,
                f"at {ours:,}",
                f"{word}, one run",
            )
        )
for label, group, theirs, when in compared:
    step = int(when.rpartition(" ")[2].replace(",", ""))
    here = at(group, step)
    middle = np.median([run.at(step)["rel_l2"] for run in groups[group]])
    word = verdict(middle, theirs)
    rows.append((label, f"{theirs:.3g} {when}", here, f"{word}, {verdicts.LAPTOP}"))
display(Markdown(verdicts.markdown(("run", "authors", "here", "verdict"), rows)))

# %% [markdown]
# **The case (4, 1)** has a smaller network than the authors' too, and boundary weight 1 where they
# have 100; it is easy enough.
#
# **Helmholtz with the authors' own settings**, from their own start, to step 40,000 of 300,000.
# {numref}`fig-paper-scale` shows a transition: the residual loss falls below a tenth of its start
# at step 2,800 with RBA and at 19,100 without. The authors' fall at 800 and at 15,100. They draw
# the start of total diffusion at 1,000 and at 19,000. The error does not follow the residual at
# once, because the equation is solved well inside while the boundary is still off.
#
# The SNR marks it in both runs: it first rises above 1 at step 4,100 with RBA and at 19,000
# without. One run of each kind, so each step is one draw ({doc}`12_chance`); {doc}`03_authors_runs`
# has the comparison.

# %% mystnb={"figure": {"caption": "Helmholtz, a = (6, 6), at the authors' size and from their start: unweighted residual loss, error and SNR of one run of each kind.", "name": "fig-paper-scale"}, "image": {"alt": "Three panels against the Adam step to 40,000. RBA's residual loss collapses near step three thousand, vanilla's near nineteen thousand; each error falls after that; the SNR rises above one at about the same steps."}}
pair = {
    "vanilla": groups["authors_helmholtz_vanilla"][0],
    "RBA": groups["authors_helmholtz_rba"][0],
}
step = pair["RBA"].history["step"]
fig, axes = plt.subplots(3, 1, figsize=(7.2, 7.6), sharex=True)
for ax, quantity, label in zip(
    axes,
    ("loss_residual", "rel_l2", "snr"),
    ("residual loss", "relative L2 error", "SNR"),
    strict=True,
):
    figures.curves(
        ax,
        step,
        {name: run.history[quantity] for name, run in pair.items()},
        ylabel=label,
    )
axes[2].axhline(1.0, color="black", lw=0.8, ls=":")
figures.legend(fig, axes[0])
figures.stamp(fig, [pair["RBA"]])
plt.show()

# %%
for (name, run), (early, late) in zip(
    pair.items(), ((16_000, 20_000), (2_000, 4_000)), strict=True
):
    before, after, last = run.at(early), run.at(late), run.at(run.step)
    print(
        f"{name}: residual loss {before['loss_residual']:.3g} at step {early:,}, "
        f"{after['loss_residual']:.3g} at {late:,};"
    )
    print(
        f"    at step {run.step:,}: relative L2 {last['rel_l2']:.3g}, boundary loss "
        f"{last['loss_data']:.3g}, SNR {last['snr']:.3g}"
    )

# %% [markdown]
# ## If you have read an earlier version
#
# Three things have changed, and they change what the numbers mean.
#
# - **Biases.** They began at zero. The authors' begin uniform in $\pm 1/\sqrt{n}$, as torch has it,
#   and so do ours now (`bias_init`). The records of Helmholtz (4, 1) and Allen-Cahn were made anew;
#   the next section says what that changed. Burgers, the cavity, the flow around an artery and some
#   variants still say `zero` in the table above. Their chapters begin their quick runs so too, that
#   both can be compared.
# - **The first rate.** This book said that the authors' Helmholtz runs with RBA take $\eta = 1$ in
#   the first update. Their published series does not: it starts from $\lambda = 0$ with
#   $\eta = 0.001$ at every step, which the first published noise shows to seven digits.
#   `RBA(first_rate=1.0)` is a variant of ours. The two records that were made with it and called
#   the authors' settings are gone.
# - **The scale.** Verdicts on small networks were told as verdicts on the paper. Now a verdict
#   names the size that it rests on, and the authors' own size comes first ({doc}`03_authors_runs`).
#
# ## What the biases changed
#
# The superseded runs are gone; a few numbers of each were kept. Below, medians and ranges over five
# seeds, with biases of zero and with uniform ones, all else being equal. Last is step 4,000 or
# 20,000 on Helmholtz, and 16,000, 30,000 or 45,000 on Allen-Cahn.

# %% tags=["hide-input"]
if not Path("zero_biases.csv").exists():  # opened alone
    raw = "https://raw.githubusercontent.com/learning-in-pinns/learning-in-pinns"
    urlretrieve(f"{raw}/main/book/zero_biases.csv", "zero_biases.csv")
with Path("zero_biases.csv").open() as file:
    before = list(csv.DictReader(file))


def early(run):
    """Median SNR from step 100 to 300."""
    step = run.history["step"]
    return float(np.median(run.history["snr"][(step >= 100) & (step <= 300)]))


measures = {  # of a run now, by the column that has it of the run before
    "snr_early": lambda run, last: early(run),
    "passes": lambda run, last: claims.first_below(run, 0.5),
    "error_4000": lambda run, last: run.at(4_000)["rel_l2"],
    "error_last": lambda run, last: run.at(last)["rel_l2"],
}

# %% tags=["hide-input"]
pairs = {}
for row in before:
    pairs.setdefault(re.sub(r"_seed\d+", "", row["record"]), []).append(row)
HEAD = ("runs", "SNR, 100 to 300", "error passes 0.5", "error at 4,000", "at the last")
rows, changed = [], {}
for group, olds in pairs.items():
    cells = []
    for column, measure in measures.items():
        was = [float(row[column]) if row[column] else None for row in olds]
        now = [measure(runs[row["record"]], int(row["steps"])) for row in olds]
        changed[group, column] = was, now
        form = ",.0f" if column == "passes" else ".3g"
        cells.append(" → ".join(verdicts.spread(v, form) for v in (was, now)))
    rows.append((group, *cells))
display(Markdown(verdicts.markdown(HEAD, rows)))

# %%
fell = [
    np.median(now) / np.median(was)
    for was, now in (changed[g, "snr_early"] for g in pairs)
]
print(f"early SNR, now over before: {verdicts.spread(fell, '.2f')}")
print("    of Allen-Cahn with RBA:", end=" ")
was, now = changed["allen_cahn_rba", "snr_early"]
print(f"{np.median(was):.2f} before, {np.median(now):.2f} now;", end=" ")
theirs = pl.book.authors.series("allen_cahn_rba")
inside = (theirs.step >= 100) & (theirs.step <= 300)
print(f"the authors' run {np.median(theirs.snr[inside, 1]):.2f}")

# %% [markdown]
# **The early SNR is smaller.** On Allen-Cahn with RBA it falls tenfold, and comes near that of the
# authors' run. With zero biases the network is an odd function at first, and batches agree more
# than they would.
#
# **The late errors are alike.** Where RBA had the smaller error it still has. The passage of
# Allen-Cahn comes 2,000 steps later in the median, within the range of the seeds. One of the five
# vanilla runs there now falls to 0.53 and one to 0.92, where all stayed at 0.99.
#
# **The controls say the same.** The ramp and the permuted weights still do better than RBA on
# Helmholtz and worse on Allen-Cahn.
#
# ## What small records lose
#
# A published record has no moments of Adam's, so it cannot be trained further. Its history is in
# float32, which changes no digit that is shown. Its snapshots are in fixed point, 16 bits for a
# weight of the network, except the last one, which is kept in full. So the loss of accuracy can be
# measured: both errors below are of the same network, the last one, before and after rounding. It
# changes the more accurate networks most, and the bound of 3% that we set does not hold for all of
# them. What is published of those runs at the end is exact; their earlier snapshots are rounded.
# Of draws, branches, the ladder, the rivals of RBA and its permuted weights on Allen-Cahn the
# history alone is published, a tenth of the size; they have no weights.

# %%
change, solutions = {}, {}
for name, run in runs.items():
    if not len(run.snapshots["step"]):  # its history alone was kept
        continue
    grid = run.problem.test_grid()
    if repr(run.problem) not in solutions:
        solutions[repr(run.problem)] = run.problem.solution(grid)
    coarse = archive.decode(
        archive.encode(run.state["parameters"], archive.BITS["parameters"])
    )
    rounded = dataclasses.replace(run, state=run.state | {"parameters": coarse})
    error = pl.evaluation.error(
        rounded.final_model(), run.problem, grid, solutions[repr(run.problem)]
    )
    change[name] = abs(error / run.history["rel_l2"][-1] - 1.0)

# %%
worst = max(change, key=change.get)
print(
    "change of the error by rounding, largest of all runs, below 3%:",
    bool(change[worst] < 0.03),
)
print(
    "    runs above it:",
    ", ".join(name for name in change if change[name] >= 0.03) or "none",
)
print(
    f"largest {change[worst]:.2%} ({worst}), median "
    f"{np.median(list(change.values())):.2%}"
)

# %% [markdown]
# A history of more than 1,000 probes is thinned, unless its list asks for more. Neighbours form
# groups, of each group the probe with the median SNR stays, and for every series the smallest and
# the largest value of the group. {numref}`fig-thin` thins a history much harder than any published
# one, to a quarter. The bursts and spells look the same, and no extreme is lost. One thing does
# change: first crossings are read from a running median over 7 probes, and after such thinning they
# span four times as many steps. So the rise is no longer found. Thinned to a half it still is. The
# strict rule for phases measures time in decades, and does not change. Five histories published
# here are thinned by such groups of two in their densest part, those of Allen-Cahn with RBA at a
# laptop's size, whose first rises are read from what is left. Those of the authors' Allen-Cahn runs
# are longer too; their list asks for up to 4,000, so they are whole.
#
# How often one probes matters as well. The ten trainings on Burgers were done twice, to the same
# bits. Probed every 50 steps and thinned by two they had a first rise in three runs with RBA and in
# one without; probed every 100 steps, as published, in five and in none. So a first rise is partly
# a fact about the probes. By the strict rule no run has total diffusion either way.

# %%
full = groups["helmholtz_a4-1_rba"][0]
kept, extremes = archive.thin(full.history, 120)
print(f"probes: {len(full.history['step'])} measured, {len(kept['step'])} kept")
half, _ = archive.thin(full.history, 220)
for name, h in (("all probes", full.history), ("a half", half), ("a quarter", kept)):
    print(
        f"{name}, by first crossings:",
        ", ".join(pl.crossings.first(h["step"], h["snr"]).sequence),
    )
    print(
        f"{name}, by the strict rule:",
        ", ".join(pl.phases.detect(h["step"], h["snr"]).sequence),
    )
print(
    "thinned histories among the published:",
    sum(bool(run.extremes) for run in runs.values()),
)
print(
    "largest and smallest SNR are kept:",
    extremes["snr"].max() == full.history["snr"].max(),
    extremes["snr"].min() == full.history["snr"].min(),
)

# %% mystnb={"figure": {"caption": "SNR of one record, all probes above, a quarter of them below: dots are kept probes, bars reach from the smallest to the largest value of each group.", "name": "fig-thin"}, "image": {"alt": "Two panels of SNR against the Adam step, nearly alike: all probes as dots above, and a quarter of them with bars for the extremes below."}}
fig, axes = plt.subplots(2, 1, figsize=(7.2, 5.6), sharex=True, sharey=True)
for ax, history, title in (
    (axes[0], full.history, "all probes"),
    (axes[1], kept, "thinned to a quarter"),
):
    middle = 10 ** pl.phases.running_quantiles(np.log10(history["snr"]), (0.5,))[0]
    ax.plot(
        history["step"],
        history["snr"],
        ".",
        ms=2.5,
        color=figures.COLOURS["RBA"],
        alpha=0.6,
    )
    figures.curves(ax, history["step"], {"RBA": middle}, ylabel="SNR", title=title)
axes[1].vlines(
    kept["step"], *extremes["snr"], color=figures.COLOURS["RBA"], lw=0.6, alpha=0.6
)
figures.stamp(fig, full)
plt.show()

# %% [markdown]
# ## What a GPU adds
#
# A small network's step is hundreds of kernels of a few microseconds each, and to launch them takes
# longer than to run them. Two things help. The whole step is recorded once as a CUDA graph and then
# replayed as one launch. And the activation on all streams of a layer is one kernel, which Triton
# makes from the equation's plan ({mod}`pinnlib.taylor.fused`). Both were measured, with RBA in
# float32.

# %% tags=["hide-input"]
if not Path("gpu.json").exists():  # opened alone
    raw = REPOSITORY.replace("github.com", "raw.githubusercontent.com")
    urlretrieve(f"{raw}/main/book/gpu.json", "gpu.json")
gpu = json.loads(Path("gpu.json").read_text())
measured = {}
for row in gpu["rows"]:
    way = (row["benchmark"], row["size"], row["path"], row["recorded"])
    measured[way] = row["step_ms"]

# %% tags=["hide-input"]
HEAD = (
    "benchmark, size",
    "torch, kernel by kernel",
    "torch, recorded",
    "Triton, recorded",
)
rows = []
for name, size in dict.fromkeys(key[:2] for key in measured):
    cells = [
        measured[(name, size, *way)]
        for way in (("eager", False), ("eager", True), ("triton", True))
    ]
    rows.append((f"{name}, {size}", *(f"{cell:.2f} ms" for cell in cells)))
where = f"A step on an {gpu['device']}, torch {gpu['torch']}:"
display(Markdown(f"{where}\n\n{verdicts.markdown(HEAD, rows)}"))

# %%
largest = max(row["difference"] for row in gpu["rows"])
print(
    "parameters after 68 steps, all ways against the first, differ by less than 1e-6:",
    largest < 1e-6,
)

# %% [markdown]
# At the authors' size recording and Triton together are almost four times as fast as torch alone.
# At the small size they are more than ten times as fast.
#
# What a whole run takes is counted from here on: the multiplications and additions of the matrix
# products of a step ({func}`pinnlib.training.costs.cost`), over the share of the float32 peak that
# the measured step of Allen-Cahn reaches on the H100. The makers state a peak of 66.9 Tflop/s for
# an H100 and 8.1 for a T4. That a T4 reaches the same share is a guess.

# %% tags=["hide-input"]
authors = dict(
    width=128, depth=6, points=25_600, batches=100, steps=300_000, probe_every=100
)
large = costs.cost(pl.problems.AllenCahn(), pl.Config(**authors, data_points=512))
share = (
    large.step
    / (1e-3 * measured["allen_cahn", "128 x 6, 25,600 points", "triton", True])
    / costs.DEVICES["H100"]
)
wanted = {
    "Helmholtz (6, 6)": (
        pl.problems.Helmholtz(a=(6, 6)),
        authors | {"data_points": 400},
    ),
    "Allen-Cahn": (pl.problems.AllenCahn(), authors | {"data_points": 512}),
    "cavity, Re = 1000": (
        pl.problems.Cavity(1000),
        authors | {"points": 10_000, "data_points": 400},
    ),
    "Burgers": (pl.problems.Burgers(), authors | {"data_points": 400}),
}

# %% tags=["hide-input"]
HEAD = ("run", "operations a step", "steps", "H100", "T4", "two CPU cores")
rows, total = [], 0.0
# seconds on two cores, as measured on a machine that was shared with other work
per_step = 0.4
cpu_rate = costs.cost(pair["vanilla"].problem, pair["vanilla"].config).step / per_step
for name, (problem, settings) in wanted.items():
    for weighting in (None, pl.RBA()):
        c = costs.cost(problem, pl.Config(**settings, weighting=weighting))
        times = [
            c.seconds(costs.DEVICES[device], share) for device in ("H100", "T4")
        ] + [c.seconds(cpu_rate, 1.0)]
        total += times[0]
        told = (
            f"{times[0] / 60:.0f} min",
            f"{times[1] / 3600:.1f} h",
            f"{times[2] / 3600:.0f} h",
        )
        kind = "RBA" if weighting else "vanilla"
        rows.append(
            (f"{name}, {kind}", f"{c.step / 1e9:.0f} Gflop", f"{c.steps:,}", *told)
        )
display(Markdown(verdicts.markdown(HEAD, rows)))

# %%
print(
    f"share of the H100's peak: {share:.0%}; all of them there, as counted: "
    f"{total / 3600:.1f} hours"
)

# %% [markdown]
# The last column is from the time of a step of Helmholtz on two cores, 0.4 s. All of these runs are
# made by one command, which goes on where it was interrupted:
#
# ```
# python -m pinnlib sweep book/records/paper.toml
# ```
#
# One of them alone is the run above, with more steps. This is the command of the record; with
# `--steps 300000` it is the authors' run:
#
# ```
# python -m pinnlib train helmholtz --a 6 6 --start authors --width 128 --depth 6 --points 25600 --batches 100 --steps 40000 \
#     --probe-every 100 --probe-dense 300 --probe-rba used --snapshots 16 --weighting rba --normalization min-max --compile \
#     --threads 16 --device cuda --out authors_helmholtz_rba.npz
# ```
#
# With `--forecast` it only says how long it would take, from a few steps made there. On a GPU the
# whole step is recorded as a CUDA graph; that path compares itself with a plain step before it is
# used. All runs on the H100 were made so.
