# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # A first PINN: the Burgers equation
#
# **Question.** What is a physics-informed neural network (PINN), and can a smooth network learn a
# solution that is nearly a jump?
#
# **The claim.** The Burgers equation is in the titles of the paper's figures
# {cite}`anagnostopoulos2024learning`, but no numbers, data or code for it were published. So there
# is nothing of the authors' to compare with here, only their general claims: three phases of
# training, and residual-based attention (RBA) that brings the last one earlier and ends more
# accurate. The first PINN on this equation reached a relative $L_2$ error of $6.7 \cdot 10^{-4}$
# {cite}`raissi2019physics`, with 9 layers of 20 units, 10,000 points and the optimizer L-BFGS.
#
# **What this chapter does.** It builds a PINN from nothing but PyTorch, in 30 lines. Then it trains
# the same with `pinnlib`, which measures while it trains, and reads published runs of 60,000 steps
# and five seeds. A reader who knows PINNs can start at
# {ref}`the measurements <sec-burgers-measured>`.
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

# %% [markdown]
# ## Parameters
#
# `SCALE = "quick"` trains a network of 4 hidden layers with 32 units on 4,096 points for 4,000
# steps. `"paper"` has the size that the authors use on other equations, 6 layers of 128 units,
# 25,600 points, 100 batches and 300,000 steps {cite}`anagnostopoulos2024learning`; that is a case
# for a GPU ({doc}`published`).

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
# On the left $u$ is positive and moves to the right, on the right it is negative and moves to the
# left. At $t \approx 1/\pi$ they meet at $x = 0$. Without viscosity $u$ would jump there. With it,
# a layer of a width of about $\nu$ stays.
#
# The Cole-Hopf transform turns {eq}`eq-burgers` into the heat equation, so the solution is a
# quotient of two integrals {cite}`cole1951quasi,basdevant1986spectral`. `pinnlib` evaluates them by
# the trapezoidal rule; half as many and twice as many nodes change nothing above $10^{-13}$, and a
# series in 90 digits agrees. So errors below are errors of the network alone.

# %%
problem = pl.problems.Burgers()
grid = problem.test_grid()
exact = problem.solution(grid)
print(problem)
print("relative error of the reference, at most:", problem.reference_error)

# %% mystnb={"figure": {"caption": "The solution. Left: over the whole domain. Right: at four moments.", "name": "fig-burgers-solution"}, "image": {"alt": "A map of u over x and t with a sharp change of sign at x = 0 that forms at t = 0.3, and four profiles that steepen from a sine to a jump."}}
fig, axes = plt.subplots(1, 2, figsize=(7.2, 3.0))
u = exact.reshape(257, 101)
image = axes[0].imshow(
    u, extent=(0, 1, -1, 1), origin="lower", aspect="auto", cmap="RdBu_r"
)
axes[0].set(xlabel="t", ylabel="x")
axes[0].grid(False)
fig.colorbar(image, ax=axes[0])
for k, t in ((0, 0.0), (25, 0.25), (50, 0.5), (100, 1.0)):
    axes[1].plot(grid.reshape(257, 101, 2)[:, k, 0], u[:, k], label=f"t = {t}")
axes[1].set(xlabel="x", ylabel="u")
axes[1].legend(fontsize=8)
plt.show()

# %% [markdown]
# ## A PINN in 30 lines
#
# A network $u_\theta(x, t)$ is a function with parameters $\theta$. We can differentiate it by $x$
# and $t$, exactly, with the same automatic differentiation that trains it. So we can ask how badly
# it violates the equation, at any point. What is left over is the *residual*
#
# $$
# r = u_t + u\,u_x - \nu\,u_{xx} .
# $$
#
# Training makes two things small: the residual at $N$ points in the domain, the *collocation
# points*, and the error at $M$ points where the solution is given, here at $t = 0$ and $x = \pm 1$
# {cite}`raissi2019physics`. There is no training data from inside.
#
# $$
# L(\theta) = \frac{1}{N} \sum_{i=1}^{N} r_i^2 + \frac{1}{M} \sum_{j=1}^{M} \big(u_\theta(x_j, t_j) - u_j\big)^2
# $$ (eq-burgers-loss)


# %%
def derivative(f, points):
    return torch.autograd.grad(f.sum(), points, create_graph=True)[0]


def residual(network, points):
    points = points.clone().requires_grad_()
    u = network(points)
    slopes = derivative(u, points)
    u_x, u_t = slopes[:, :1], slopes[:, 1:]
    u_xx = derivative(u_x, points)[:, :1]
    return u_t + u * u_x - 0.01 / torch.pi * u_xx


def loss(network, points, data_points, data_values):
    return (
        residual(network, points).square().mean()
        + (network(data_points) - data_values).square().mean()
    )


# %%
torch.manual_seed(0)
widths = [2, 32, 32, 32, 32, 1]
layers = [
    layer
    for a, b in zip(widths[:-1], widths[1:], strict=True)
    for layer in (torch.nn.Linear(a, b), torch.nn.Tanh())
]
network = torch.nn.Sequential(*layers[:-1])
points = torch.as_tensor(
    pl.sampling.interior(problem.domain, 1_024, seed=0), dtype=torch.float32
)
given = [torch.as_tensor(part, dtype=torch.float32) for part in problem.data(400, 0)]
optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
losses = []
for _ in range(500):
    optimizer.zero_grad()
    value = loss(network, points, *given)
    value.backward()
    optimizer.step()
    losses.append(value.item())
print(
    "the loss after 500 steps is less than a third of the first:",
    losses[-1] < losses[0] / 3,
)

# %% [markdown]
# That is all. The rest of the book asks what happens in the loop.
#
# `pinnlib` needs the equation as one line, in `Burgers.residual`: `d.diffusion_u + d.u * d.u_x`,
# where `diffusion_u` stands for $u_t - \nu u_{xx}$. It carries the derivatives forward together
# with the value and writes the backward pass by hand, which is faster ({doc}`speed`). It must give
# the same numbers.

# %%
model = pl.models.MLP(2, 1, width=32, depth=4, seed=0, dtype=torch.float64)
where = points[:100].double()
ours = problem.residual(where, pl.derivatives.evaluate(model, where, problem.plan))
theirs = residual(model, where)[:, 0]
print(
    "largest difference of the two residuals below 1e-12:",
    bool((ours - theirs).abs().max() < 1e-12),
)

# %% [markdown]
# (sec-burgers-measured)=
# ## Train and measure, here and now
#
# Now with all settings of the quick scale, without weights (*vanilla*) and with RBA, where each
# point's residual has a weight $\lambda_i$ that follows its size
# {cite}`anagnostopoulos2024residual`. The next chapter explains RBA and everything that is
# measured, step by step ({doc}`02_signal_and_noise`). What matters here is the *signal-to-noise
# ratio* (SNR): the points are cut into batches, each batch has its own gradient, and SNR is the
# norm of their mean over the norm of their standard deviation.

# %%
attention = pl.RBA(decay=0.999, rate=1e-3)
configs = {
    "vanilla": pl.Config(**settings),
    "RBA": pl.Config(**settings, weighting=attention),
}
quick = {name: pl.train(problem, config) for name, config in configs.items()}

# %% mystnb={"figure": {"caption": "The quick run: both terms of the loss without weights, and the relative L2 error.", "name": "fig-burgers-quick"}, "image": {"alt": "Three panels against the Adam step: residual loss, data loss and relative error of both runs. From step 20 to about 1,700 the vanilla run's residual loss is the smaller one, often by a factor of ten, its data loss the larger one; the errors are alike up to about step 1,700, and vanilla's is about half of RBA's after that."}}
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
figures.stamp(fig, f"scale {SCALE}: {configs['RBA'].describe()}")
plt.show()

# %% [markdown]
# {numref}`fig-burgers-quick` has a lesson for practice. From step 20 to step 1,700 the vanilla run
# has a residual loss several times *smaller*, often ten, and hardly a smaller error. A flat
# function violates the equation little, away from its layer. So a small residual loss alone says
# nothing about the solution. RBA begins with weights near zero on the equation, fits the data
# first, and then turns the equation on.


# %%
def error_at(run, step):
    return float(run.at(step)["rel_l2"])


rba, vanilla = quick["RBA"], quick["vanilla"]
print("RBA's SNR above 1,000 at step 0:", bool(rba.history["snr"][0] > 1e3))
print(
    "vanilla's residual loss is the smaller one at step 1,000:",
    bool(vanilla.at(1_000)["loss_residual"] < rba.at(1_000)["loss_residual"]),
)
print(
    "vanilla's data loss is the larger one at step 1,000:",
    bool(vanilla.at(1_000)["loss_data"] > rba.at(1_000)["loss_data"]),
)
print("vanilla's error above 0.1 at step 1,000:", error_at(vanilla, 1_000) > 0.1)
print(
    "both errors below 0.5 at the end:",
    error_at(rba, STEPS) < 0.5 and error_at(vanilla, STEPS) < 0.5,
)

# %% mystnb={"figure": {"caption": "What both networks say at the end of the quick run, and their errors; each map has its own colour scale.", "name": "fig-burgers-maps"}, "image": {"alt": "Four maps over x and t: the predictions of both networks look like the solution; the errors are concentrated in the layer at x = 0."}}
found = {
    name: pl.evaluation.observe(run.final_model(), problem, grid).reshape(257, 101)
    for name, run in quick.items()
}
fig, axes = plt.subplots(2, 2, figsize=(7.2, 4.6), sharex=True, sharey=True)
for row, (name, values) in zip(axes, found.items(), strict=True):
    for ax, field, title in zip(
        row, (values, values - u), (name, f"{name}, error"), strict=True
    ):
        top = np.abs(field).max()
        image = ax.imshow(
            field,
            extent=(0, 1, -1, 1),
            origin="lower",
            aspect="auto",
            cmap="RdBu_r",
            vmin=-top,
            vmax=top,
        )
        ax.set_title(title, loc="left")
        ax.grid(False)
        fig.colorbar(image, ax=ax)
axes[1, 0].set(xlabel="t", ylabel="x")
figures.stamp(fig, f"scale {SCALE}: {configs['RBA'].describe()}")
plt.show()

# %%
near = np.abs(grid[:, 0]) <= 0.1
for name, values in found.items():
    square = ((values - u) ** 2).ravel()
    print(
        f"{name}: more than half of the squared error lies in |x| <= 0.1:",
        bool(square[near].sum() > 0.5 * square.sum()),
    )

# %% [markdown]
# The strip of the printed lines is a tenth of the domain and holds most of the squared error
# ({numref}`fig-burgers-maps`). Where does RBA put its weights? {numref}`fig-burgers-weights` shows
# their means in small cells.

# %% mystnb={"figure": {"caption": "RBA weights of the quick run at the end, means over 20 x 20 cells, and the residual they follow.", "name": "fig-burgers-weights"}, "image": {"alt": "Two maps over x and t; weights and residual are largest along x = 0 from t = 0.3 on and near the start."}}
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
    image = ax.imshow(field, extent=(0, 1, -1, 1), origin="lower", aspect="auto")
    ax.set_title(title, loc="left")
    ax.grid(False)
    ax.set_xlabel("t")
    fig.colorbar(image, ax=ax)
axes[0].set_ylabel("x")
figures.stamp(fig, f"scale {SCALE}: {configs['RBA'].describe()}")
plt.show()

# %% [markdown]
# ## The published runs
#
# Five seeds of 60,000 steps for each kind, same network, as many points (a Sobol sequence),
# learning rate 0.003 times 0.9 every 2,000 steps. Biases start at zero, as in the quick run, where
# the authors' are uniform. They are of a laptop's size. The data term is weighted by 20 in both
# kinds: a layer that sits in a slightly wrong place costs little residual, and what pins it are the
# data. Each took a few minutes on one core of a shared machine ({doc}`published`). To remake the
# first run with RBA:
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

for name, runs in records.items():
    for moment in MOMENTS:
        print(
            f"{name:>7}, step {moment:>6,}: relative L2",
            verdicts.spread([error_at(run, moment) for run in runs]),
        )
for name, runs in records.items():
    reached = pl.records.over_seeds(runs, "rel_l2")[:, -1] <= 5e-3
    share = f"{reached.sum()} of {len(reached)} runs"
    print(f"{name}: error at most 5e-3 at the end in {share}")

# %%
x = np.linspace(-0.2, 0.2, 8_001)
for name, runs in records.items():
    lines = [run.observe(np.stack([x, np.ones_like(x)], axis=1))[:, 0] for run in runs]
    shift = [float(np.abs(x[np.argmax(np.diff(np.sign(line)) != 0)])) for line in lines]
    print(f"{name}: at t = 1 the layer is off by", verdicts.spread(shift, ".1g"))
    print(
        "    mean of lambda^2 at the end",
        verdicts.spread(
            [np.mean(r.state["rba"].astype(float) ** 2) for r in runs], ".1g"
        ),
    )

# %% mystnb={"figure": {"caption": "Relative L2 error over five seeds: median, range, and each seed as a hairline.", "name": "fig-burgers-error"}, "image": {"alt": "Relative error against the Adam step for five seeds of each kind, with medians and ranges."}}
fig, ax = plt.subplots()
for name, runs in records.items():
    errors = pl.records.over_seeds(runs, "rel_l2")
    figures.band(ax, step, errors, name=name, ylabel="relative L2 error")
ax.legend(loc="lower left")
figures.stamp(fig, records["RBA"])
plt.show()


# %%
through = {}
for name, runs in records.items():
    shots = [runs[0].snapshot_at(moment) for moment in MOMENTS]
    through[f"error, {name}"] = [
        runs[0].observe(grid, k).reshape(u.shape) - u for k in shots
    ]
    through[f"residual, {name}"] = [
        runs[0].residual(k, grid).reshape(u.shape) for k in shots
    ]
    print(
        f"{name}: snapshots at steps",
        ", ".join(f"{runs[0].snapshots['step'][k]:,}" for k in shots),
    )

# %% mystnb={"figure": {"caption": "Error and residual of the records of seed 0 at three moments: log10 of their size.", "name": "fig-burgers-training"}, "image": {"alt": "Twelve maps over t and x, for vanilla and RBA at three moments. Errors shrink from left to right, least in a thin line at x = 0, where they stay largest, with RBA near one tenth and more; the residual is largest there too."}}
fig, axes = plt.subplots(4, 3, figsize=(7.2, 8.0), sharex=True, sharey=True)
for row, (label, fields) in zip(axes, through.items(), strict=True):
    low = -5 if "error" in label else -4
    for ax, field in zip(row, fields, strict=True):
        size = np.log10(np.abs(field) + 1e-12)
        image = ax.imshow(
            size,
            extent=(0, 1, -1, 1),
            origin="lower",
            aspect="auto",
            vmin=low,
            vmax=low + 5,
        )
        ax.grid(False)
    row[0].set_ylabel(f"{label}\nx")
    fig.colorbar(image, ax=row)
for ax, moment in zip(axes[0], runs[0].snapshots["step"][shots], strict=True):
    ax.set_title(f"step {moment:,}", loc="left")
for ax in axes[-1]:
    ax.set_xlabel("t")
figures.stamp(fig, records["RBA"][:1])
plt.show()

# %% mystnb={"figure": {"caption": "SNR of the records of seed 0, with its first fall through 1 and its first rise.", "name": "fig-burgers-snr"}, "image": {"alt": "Two panels of SNR against the Adam step to 60,000, raw values as dots with a running median."}}
fig, _ = figures.snr_pair({name: runs[0] for name, runs in records.items()})
figures.stamp(fig, records["RBA"][0])
plt.show()

# %% mystnb={"figure": {"caption": "Signal and noise apart, for the records of seed 0.", "name": "fig-burgers-signal"}, "image": {"alt": "Two panels with the norm of the mean and of the standard deviation of the batch gradients against the Adam step."}}
fig, axes = plt.subplots(2, 1, figsize=(7.2, 5.6), sharex=True)
for ax, (name, runs) in zip(axes, records.items(), strict=True):
    h = runs[0].history
    figures.signal_noise(ax, h["step"], h["signal"], h["noise"], title=name)
figures.legend(fig, axes[0])
figures.stamp(fig, records["RBA"][0])
plt.show()

# %%
for name, runs in records.items():
    late = pl.records.over_seeds(runs, "snr")[:, step >= LAST / 2]
    print(
        f"{name}: share of probes with SNR above 1 in the second half",
        verdicts.spread((late > 1).mean(axis=1), ".0%"),
    )
    print(f"    median SNR there {verdicts.spread(np.median(late, axis=1), '.2g')}")
print(
    "first crossings, RBA:",
    "; ".join(
        sorted({", ".join(claims.of_crossings(run).sequence) for run in records["RBA"]})
    ),
)
print(
    "first crossings, vanilla:",
    "; ".join(
        sorted(
            {", ".join(claims.of_crossings(run).sequence) for run in records["vanilla"]}
        )
    ),
)

# %% mystnb={"figure": {"caption": "Order parameters over five seeds: of the residual over 10 x 10 cells (running median over 15 probes), and of the RBA weights.", "name": "fig-burgers-order"}, "image": {"alt": "Two panels of order parameters against the Adam step: of the residual for both kinds, and of the weights for RBA."}}
fig, axes = plt.subplots(2, 1, figsize=(7.2, 5.2), sharex=True)
for name, runs in records.items():
    for ax, key in zip(axes, ("order_residual", "order_weights"), strict=True):
        order = pl.records.over_seeds(runs, key, window=15)
        figures.band(
            ax, step, order, name=name, ylabel=key.replace("_", " of the "), log=False
        )
axes[1].legend(loc="lower left")
figures.stamp(fig, records["RBA"])
plt.show()

# %% [markdown]
# In the vanilla runs the weights are followed but not used, so that both kinds can be compared in
# {numref}`fig-burgers-order`. The order of the weights is what the paper plots; the order of the
# residual is what its claim is about.
#
# ## Verdict
#
# The rules are those of all chapters ({mod}`pinnlib.book.claims`). Each seed, or pair of seeds,
# says yes or no. The runs are of a laptop's size, and the verdicts say so. *Cannot tell* is said of
# the rise of the SNR where these runs do not show it: the authors give no step for it on Burgers,
# so a larger or longer run still could.

# %%
display(
    Markdown(
        verdicts.table(
            claims.summary(
                records["vanilla"],
                records["RBA"],
                {},
                MOMENTS,
                scale=verdicts.LAPTOP,
                draws=None,
            )
        )
    )
)

# %% [markdown]
# ## What we learnt, and its limits
#
# **Reproduced, at a laptop's size.** The residuals are more homogeneous with RBA, in every pair of
# seeds. RBA's SNR rises earlier, in the sense that the others' does not rise in 60,000 steps; but
# it does not stay.
#
# **Not, at a laptop's size: RBA is more accurate.** Here it is *less* accurate in every pair, eight
# times in the median. The authors give no number for Burgers, and their size was not tried. Its
# weights are at most 1, and squared they come to a few hundredths in the mean. With the data
# weighted by 20 as well, which the quick run does not do, the equation hardly counts. In trials
# with a data weight of 1, 10,000 steps and a learning rate of 0.005, RBA was ahead, 0.034 against
# 0.061 in the median of five seeds. So part of what RBA does can be had by one number, and both
# together hurt here. {doc}`11_balance` takes that up, and {doc}`what_to_do_when` draws the
# conclusion.
#
# **Cannot tell: phases.** In these ten runs the SNR comes back to 1 in the five with RBA, at steps
# 5,400 to 11,000, and stays in none. By the strict rule of {doc}`13_phases`, which asks whether it
# stays, all ten are in diffusion from step 1,000 on, where the paper says that the error stalls.
# Yet the error falls from 0.342 to 0.00208 there, in the median of the vanilla runs. That is no
# verdict on the paper. The network has a quarter of the authors' width, the points are a sixth of
# theirs, the biases start at zero, and a longer training may reach the last phase. On two other
# equations runs of the authors' size with RBA do reach it ({doc}`13_phases`).
#
# **How accurate?** We aimed at an error of $5 \cdot 10^{-3}$. That is met by all five vanilla runs
# and by none with RBA. The first PINN on this equation was three times better than the vanilla
# median, with L-BFGS {cite}`raissi2019physics`. What is left is mostly a layer in a slightly wrong
# place, as {numref}`fig-burgers-training` and the lines on $t = 1$ say, and RBA's is the farther
# off. When to go on is a question for {doc}`what_to_do_when`: here the error without RBA is 0.0167
# at step 10,000 and 0.00208 at 60,000.
#
# **Limits.** One equation, one network of a quarter of the authors' width, 60,000 steps, biases
# that start at zero, and a learning rate that starts higher and falls faster than the authors'
# does. The data weight was chosen by trials on seed 0, for the vanilla run. A better optimizer gets
# much further: $5 \cdot 10^{-9}$ was reported with a quasi-Newton method in double precision and a
# variant of RBA {cite}`toscano2025variational`. The figures of weights and maps show one seed.
#
# ## Exercises
#
# ```{exercise}
# :label: ex-burgers-flat
#
# Show that $u = 0$ has residual zero everywhere. What is its loss {eq}`eq-burgers-loss`, if half of
# the $M$ points lie on the initial line? Compare with the vanilla run's data loss at step 100.
# ```
#
# ```{solution} ex-burgers-flat
# :class: dropdown
#
# All derivatives vanish, so $r = 0$. The boundary values are met. On the initial line the mean of
# $\sin^2(\pi x)$ is $1/2$, and half of the points lie there, so the loss is $1/4$. A network that
# is stuck near zero has a data loss near $0.25$. At step 100 the vanilla run's is about 0.07: it
# has left that state.
# ```
#
# ```{exercise}
# :label: ex-burgers-width
#
# Near $x = 0$ and late in time the solution looks like $-\tanh(x / (2\nu))$ times a jump of size
# one. How many of 4,096 points fall into $|x| < 2\nu$? Where would you put more, and what would
# SNR's batches see then?
# ```
#
# ```{solution} ex-burgers-width
# :class: dropdown
#
# The strip $|x| < 2 \nu$ is $4 \nu = 0.0127$ wide in a domain of width 2. So it holds 0.6% of the
# points, about 26, and about 18 of them after the layer has formed. With 32 batches many batches
# have no point in the layer at all. Their gradients cannot agree about it, and that is noise in the
# sense of SNR.
# ```
#
# ```{exercise}
# :label: ex-burgers-viscosity
#
# Train with `pl.problems.Burgers(viscosity=0.1)`. Is RBA still worth it? Predict first, from
# {numref}`fig-burgers-weights`.
# ```
#
# ```{exercise}
# :label: ex-burgers-rate
#
# The records use `lr=3e-3, lr_decay_every=2000, data_weight=20`. Train with the authors' 1e-3
# and 5000. What changes in the second half of {numref}`fig-burgers-error`?
# ```
#
# ## References
#
# All works cited are in the {doc}`bibliography`.
