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
# to read a page. This page says which runs there are, how they compare with the authors' runs,
# what is lost by making the files small, and what a GPU adds.

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
# Every run is an entry of one list, `book/records/records.toml`. The command `make records` says
# which runs exist, which are stale because the list has changed, and what each run cost. The
# command `python -m pinnlib sweep book/records/records.toml --jobs 2` makes the missing runs. A
# sweep that was interrupted goes on where it stopped, and ends with the same bits.
#
# The beginning of a name says what kind of run it is:
#
# | name | the run |
# |---|---|
# | `authors_` | has the authors' size and start |
# | `authors_...perturbed` | the same, but its start is the authors' up to rounding |
# | `paper_` | has the authors' size, and seeds of our own |
# | `branch_` | goes on from the middle of one of the runs above, at four learning rates |
# | `branch_small_` | goes on from the middle of a small run, at one learning rate or two |
# | `more_`, `sharp_` | has a laptop's size, and answers one question of {doc}`plan` |
# | `ladder_` | has a size between the authors' and a laptop's: the name says points x units |
# | all others | have a laptop's size |
#
# The folded table has one row for each kind of run. Its column *biases* says which runs begin with
# biases of zero. The error is that of the last step; of several runs it is the median, with the
# range in brackets.
#
# The last column says which runs were made on an H100. Up to 15 runs shared this GPU, so their
# times are upper bounds. All other runs were made on one core each of a machine with two cores.
# This machine was shared with other work, so those hours are upper bounds too.

# %% tags=["hide-input"]
begun = time.perf_counter()
pl.records.fetch()  # where they are not beside the book, all at once
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
    short = f"{60 * hours:.1f} minutes of one core"
    parts = (
        (f"{hours:.1f} core hours" if hours >= 0.1 else short, hours),
        (f"{minutes:.1f} minutes, H100", minutes),
    )
    return ", ".join(text for text, time_spent in parts if time_spent)


# %% tags=["hide-input", "hide-output"]
HEAD = ("runs", "number", "network, points", "biases", "steps", "relative L2", "time")
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
# The next table compares our runs with the authors'. The numbers are steps at which the error
# falls below 0.5, or errors at a step. The authors' numbers were computed from their published
# result files {cite}`anagnostopoulos2024learning`. Those of Helmholtz (4, 1) are from the paper on
# RBA {cite}`anagnostopoulos2024residual`. At the authors' size our numbers are from single runs.
# At a laptop's size they are medians and ranges over seeds.
#
# *Reproduced* means here that our number is at most twice the authors' number. *Partly* means that
# it is at most five times theirs. That is not the rule of {doc}`22_scorecard`. A verdict at a
# laptop's size says so, and is no verdict on the paper.


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
# **The case (4, 1).** Here too our network is smaller than the authors'. Our boundary weight is 1,
# and theirs is 100. The case is easy enough for that.
#
# **Helmholtz with the authors' own settings.** These two runs are from the authors' own start, to
# step 40,000 of 300,000. {numref}`fig-paper-scale` shows a transition: in both runs the residual
# loss falls below a tenth of its start. The SNR marks the transition in both runs as well. These
# are the steps:
#
# | step at which | with RBA | without |
# |---|---|---|
# | our residual loss falls below a tenth of its start | 2,800 | 19,100 |
# | the authors' residual loss does so | 800 | 15,100 |
# | the running median of our SNR first rises above 1 | 4,100 | 19,000 |
# | the authors draw the start of {term}`total diffusion` | 1,000 | 19,000 |
#
# The error does not fall at once when the residual falls. The equation is then solved well inside
# the domain, while the boundary is still off. There is one run of each kind, so each of our steps
# is one draw ({doc}`12_chance`). {doc}`03_authors_runs` has the comparison with the authors' runs.

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
# - **Biases.** Our biases began at zero. The authors' biases begin uniform in $\pm 1/\sqrt{n}$, as
#   torch has it, and ours now do so too (`bias_init`). The records of Helmholtz (4, 1) and
#   Allen-Cahn were made anew; the next section says what that changed. Burgers, the cavity, the
#   flow around an artery and some variants still say `zero` in the table above. The quick runs in
#   their chapters begin with zero as well, so that they can be compared with the records.
# - **The first rate.** This book said that the authors' Helmholtz runs with RBA take $\eta = 1$ in
#   the first update. The authors' published series does not. It starts from $\lambda = 0$ and has
#   $\eta = 0.001$ at every step: the first published value of the noise shows this to six
#   digits. The update with $\eta = 1$ is a variant of ours, `RBA(first_rate=1.0)`. Two records
#   were made with it and called the authors' settings. They are gone.
# - **The scale.** Verdicts on small networks were given as verdicts on the paper. Now a verdict
#   names the size that it rests on, and the authors' own size comes first
#   ({doc}`03_authors_runs`).
#
# ## What the biases changed
#
# The old runs are gone, and a few numbers of each were kept. The folded table has medians and
# ranges over five seeds. The number before each arrow is with biases of zero, and the number after
# it with uniform biases. All else is equal. The last column is at step 4,000 or 20,000 on
# Helmholtz, and at step 16,000, 30,000 or 45,000 on Allen-Cahn.

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

# %% tags=["hide-input", "hide-output"]
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
# **The early SNR is smaller** with uniform biases. On Allen-Cahn with RBA it falls tenfold, and
# comes near that of the authors' run. With biases of zero the network is an odd function at first,
# and then the batches agree more than they otherwise would.
#
# **The late errors are alike.** Where RBA had the smaller error, it still has it. On Allen-Cahn
# with RBA the {term}`passage` comes 1,900 steps later in the median, within the range of the
# seeds. The vanilla runs on Allen-Cahn all stayed at an error of 0.99 before. Now one of the five
# falls to 0.53, and one to 0.92.
#
# **The controls say the same.** The {term}`ramp` and the {term}`permuted weights` still do better
# than RBA on Helmholtz, and worse than RBA on Allen-Cahn.
#
# ## What small records lose
#
# A published record does not have Adam's moments, so it cannot be trained further. Its history is
# in float32, which changes no digit that is shown. Its snapshots are rounded: each weight of the
# network has 16 bits, in fixed point. Only the last snapshot is kept in full.
#
# So we can measure how much accuracy the rounding takes. We take the network of the last snapshot,
# and compare its error before and after rounding it in the same way. Rounding changes the error of
# the more accurate networks most. We set a bound of 3% for this change, and it does not hold for
# all of them. For the runs above the bound the published last network is exact all the same. Only
# their earlier snapshots are rounded.
#
# Of most runs the history alone is published, without weights. This makes a file a tenth of the
# size. Among these runs are the repeated runs of {doc}`12_chance`, the branches, the ladder, the
# rivals of RBA, and most of its controls.

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
# A history of more than 1,000 probes is thinned, unless its entry in the list asks for more.
# Neighbouring probes form a group. Of each group the probe with the median SNR is kept. The
# smallest and the largest value of each series in the group are kept as well.
#
# {numref}`fig-thin` thins a history to a quarter, which is much harder than for any published one.
# The bars still show the bursts, and no extreme is lost.
#
# One thing does change. The first crossings are read from a {term}`running median` over 7 probes,
# the line in the figure. After thinning to a quarter, 7 probes span four times as many steps. So
# the line swings less, and the first rise of the SNR through 1 is no longer found. After thinning
# to a half it is still found. The {term}`strict rule` for phases measures time in decades, and
# finds the same phases in the whole history, in the half and in the quarter.
#
# Five histories published here are thinned: those of Allen-Cahn with RBA at a laptop's size. In
# their densest part each group has two probes. The first rises of these five runs are read from
# the probes that are left. The two histories of `authors_allen_cahn` have more than 1,000 probes
# too. But their entries in the list ask for up to 4,000, so these histories are whole.
#
# How often one probes matters as well. The ten trainings on Burgers were done twice, to the same
# bits, but with other probes. The table says in how many runs the SNR had a first rise:
#
# | probes | with RBA | without |
# |---|---|---|
# | every 50 steps, then thinned by two | 3 of 5 | 1 of 5 |
# | every 100 steps, as published | 5 of 5 | 0 of 5 |
#
# So a first rise is partly a fact about the probes. By the strict rule no run has total diffusion
# with either choice of probes.

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
# On a GPU one step of a small network is made by hundreds of kernels: small programs that take a
# few microseconds each. Launching the kernels takes longer than running them. Two things help, and
# both were measured, with RBA in float32:
#
# - *Recording.* The whole step is recorded once as a CUDA graph. From then on the graph is
#   replayed with one launch.
#
# - *One kernel for the activation.* Each layer carries several *streams*: the value of the network
#   and the derivatives that the equation needs. Torch applies the activation function to all
#   streams of a layer with many kernels. With Triton it is one kernel, which is made from the list
#   of the derivatives that the equation needs ({mod}`pinnlib.taylor.fused`).

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
# Compare the last column of the table with the first. At the authors' size a recorded step with
# Triton is almost four times as fast as torch that launches each kernel by itself. At the small
# size it is more than ten times as fast.
#
# From here on, the time of a whole run is computed, not measured. We count the multiplications and
# additions of the matrix products of a step ({func}`pinnlib.training.costs.cost`). This count is
# divided by the speed of the GPU, and multiplied by the number of steps. No GPU reaches its peak
# speed. So we take the peak in float32 times a share. The share was measured once, on the H100,
# with a step of Allen-Cahn.
#
# The makers state a peak of 66.9 Tflop/s for an H100, and of 8.1 for a T4. That a T4 reaches the
# same share is a guess.

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
# The last column is computed from the time of a step of Helmholtz on two cores, which was 0.4 s on
# a machine with other work. On the idle machine of {doc}`speed` it would be a quarter less. All of
# these runs are made by one command. If it is interrupted, it goes on where it stopped:
#
# ```
# python -m pinnlib sweep book/records/paper.toml
# ```
#
# To make one of them alone, take the run of Helmholtz with RBA above, with more steps. The next
# command is that of the record. With `--steps 300000` and another `--out` it makes a run as long as
# the authors':
#
# ```
# python -m pinnlib train helmholtz --a 6 6 --start authors --width 128 --depth 6 --points 25600 --batches 100 --steps 40000 \
#     --probe-every 100 --probe-dense 300 --probe-rba used --snapshots 16 --weighting rba --normalization min-max --compile \
#     --threads 16 --device cuda --out authors_helmholtz_rba.npz
# ```
#
# With `--forecast` the command only says how long the training would take. For this it makes a few
# steps on your machine. On a GPU the whole step is recorded as a CUDA graph, and is compared with
# a plain step before it is used. All runs on the H100 were made so.
