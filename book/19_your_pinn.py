# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Your own PINN
#
# **You will be able to**
#
# - watch a PINN that you already train in plain torch, in DeepXDE or in PINA, by adding three
#   lines;
# - read the report: in what state the training is, what to try, and what the numbers cannot say;
# - try in a few minutes whether attention, or a plain weight, would help on your problem.
#
# **Question.** I have a {term}`PINN` in a program of my own. Can I look at its
# {term}`signal` and {term}`noise` without rewriting it, and does looking change anything?
#
# **The claim.** The paper {cite}`anagnostopoulos2024learning` measures inside the program that
# also trains, and makes no claim about other programs. The claim here is that of the library:
# three added lines measure the same numbers in each of three libraries, and the measuring does not
# change the training.
#
# **What this chapter does.** It trains one Burgers problem three times, once in each library, from
# the same start and at the same points. It compares what the three monitors measure. Then it
# breaks a training on purpose, and reads the report. At the end it tries
# {term}`residual-based attention` (RBA).
#
# **Before.** {doc}`02_signal_and_noise` says what the {term}`SNR` is, and {doc}`04_attention` what
# RBA does. You should have trained a PINN once, here or elsewhere.
#
# **Time.** About a minute on two CPU cores.

# %% tags=["hide-cell"]
import subprocess
import sys

REPOSITORY = "https://github.com/learning-in-pinns/learning-in-pinns"
if "google.colab" in sys.modules:  # elsewhere this cell does nothing
    pip = [sys.executable, "-m", "pip", "install", "-q"]
    subprocess.run([*pip, "--no-deps", f"pinnlib @ git+{REPOSITORY}"], check=True)
    subprocess.run([*pip, "deepxde", "pina-mathlab"], check=True)

# %% tags=["hide-cell", "nbval-ignore-output"]
import logging
import os
import time
import warnings

os.environ["DDE_BACKEND"] = "pytorch"  # DeepXDE reads it when it is imported
warnings.filterwarnings("ignore")  # of the other libraries
logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)

import deepxde as dde
import matplotlib.pyplot as plt
import numpy as np
import torch
from pina import Condition, LabelTensor, Trainer
from pina.equation import Equation
from pina.model import FeedForward
from pina.operator import grad
from pina.problem import AbstractProblem
from pina.solver import PhysicsInformedSingleModelSolver

# %% tags=["hide-cell", "nbval-ignore-output"]
import pinnlib as pl
from pinnlib import figures
from pinnlib.integrations.deepxde import SNRMonitor as ForDeepXDE
from pinnlib.integrations.lightning import SNRMonitor as ForPINA

torch.set_default_device(None)  # DeepXDE puts all on a GPU, where there is one
torch.set_default_dtype(torch.float64)  # so that rounding does not part the three
dde.config.set_default_float("float64")
figures.style()

# %% [markdown]
# ## One problem
#
# Burgers' equation is $u_t + u\,u_x - \nu\,u_{xx} = 0$, here with $\nu = 0.01 / \pi$. The solution
# begins as $-\sin(\pi x)$ and forms a shock. All three libraries get the same 1,024
# {term}`collocation points`, the same 128 data points at the start and at the walls, and the same
# network of 20 x 3: three layers of 20 units.

# %%
STEPS = 800
VISCOSITY = 0.01 / np.pi
INSIDE = torch.as_tensor(pl.sampling.interior(((-1, 1), (0, 1)), 1024, seed=0))

# %%
x, t = torch.linspace(-1, 1, 64), torch.linspace(0, 1, 32)
START = torch.stack([x, 0 * x], 1)
WALL = torch.cat([torch.stack([0 * t + side, t], 1) for side in (-1.0, 1.0)])
START_VALUES, WALL_VALUES = -torch.sin(torch.pi * START[:, :1]), 0 * WALL[:, :1]


def network():
    """The network that all three begin with."""
    torch.manual_seed(0)
    layers = []
    for a, b in ((2, 20), (20, 20), (20, 20)):
        layers += [torch.nn.Linear(a, b), torch.nn.Tanh()]
    return torch.nn.Sequential(*layers, torch.nn.Linear(20, 1))


def begin_alike(net):
    """Give a library's own network the same weights."""
    with torch.no_grad():
        for mine, its in zip(network().parameters(), net.parameters(), strict=True):
            its.copy_(mine)
    return net


# %% [markdown]
# ## In plain torch
#
# The next cell is a training loop as people write it. The three added lines are numbered. The
# third comes after the training, in the cell that follows.
#
# The monitor is given functions without arguments, and calls them when a {term}`probe` is due. The
# function `residual` gives the {term}`residual` of each point. Each function in `terms` gives one
# number: a term of the loss, already multiplied by its weight. A probe every 25 steps is enough.
#
# The monitor cuts the points into 32 {term}`batches <batch>`, in the order in which they come.
# Here this order is random. If the order means something, as on a grid, `shuffle=0` mixes the
# points first.


# %%
def plain(steps=STEPS, watched=True, start_weight=1.0):
    net = network()
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)

    def residual():
        z = INSIDE.clone().requires_grad_()
        u = net(z)
        du = torch.autograd.grad(u.sum(), z, create_graph=True)[0]
        u_xx = torch.autograd.grad(du[:, 0].sum(), z, create_graph=True)[0][:, 0]
        return du[:, 1] + u[:, 0] * du[:, 0] - VISCOSITY * u_xx

    terms = {
        "start": lambda: start_weight * (net(START) - START_VALUES).square().mean(),
        "wall": lambda: (net(WALL) - WALL_VALUES).square().mean(),
    }
    kind = dict(optimizer=optimizer, batches=32, every=25)
    monitor = pl.Monitor(net, residual=residual, terms=terms, **kind)  # 1
    for step in range(steps):
        monitor(step) if watched else None  # 2
        loss = residual().square().mean() + sum(term() for term in terms.values())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return net, monitor


# %% tags=["nbval-ignore-output"]
began = time.perf_counter()
net_torch, monitor = plain()
seconds = {"plain torch": time.perf_counter() - began}
monitor.report()  # 3

# %%
print(f"state in plain torch: {monitor.report().state}")

# %% [markdown]
# A notebook shows the report as a table. A script prints it with `print(monitor.report())`. The
# report names one state, and the number that this state rests on. Its numbers are medians over the
# last few probes, so that one burst does not decide. Below that it says what the other numbers
# mean, and in italics what they do not mean.
#
# The report never calls an error small if it has not measured the error. If you know a solution,
# give the monitor a function `error=` that computes the relative $L_2$ error. Then the report can
# use the error too. It judges the training by the loss that is minimized, with all weights. If the
# weights of the residual change in time, losses of two steps cannot be compared. Then the report
# gives all steps the last weights.
#
# All series are in `monitor.history`. They have the same names as in a run of `pl.train`. So all
# figures and estimators of this book accept them, and `monitor.plot()` draws the main ones.

# %% mystnb={"figure": {"caption": "Loss and SNR of the training in plain torch, with the phases that the strict rule finds. 20 x 3, 1,024 points in 32 batches, float64, seed 0.", "name": "fig-your-pinn-plain"}, "image": {"alt": "Two panels over the step. The loss falls from about 0.5 to 0.1, with one steep fall before step 200; the residual falls to step 50, grows twentyfold to step 200, and then falls slowly. The SNR begins near 75, is still above 1 at step 175 and below 1 at step 200; there the tint changes from yellow to grey."}}
monitor.plot()

# %% [markdown]
# In {numref}`fig-your-pinn-plain` the SNR starts high. The terms `start` and `wall` are the same
# for all batches, so the batches agree on them, and at first these terms are nearly all of the
# signal. The SNR falls below 1 between step 175 and step 200, where the loss falls most steeply.
# There the {term}`strict rule` of this book ends {term}`fitting` and starts {term}`diffusion`.
#
# The residual does the opposite of the loss: from step 50 to step 200 it *grows*. The reason is
# that a constant function solves the equation. To fit the initial condition, the network has to
# move away from a constant. The figure does not say whether the solution is good, since nobody
# gave the monitor an error.

# %% [markdown]
# ## What the monitor must be told
#
# The monitor knows only what you give it. So check one thing when you have added the three lines:
# `monitor.history["loss"]` must be your own loss. If the two differ, a weight or a term is missing.
#
# **Weights of the residual.** A term brings its weight with it, but the residual does not. If your
# loss is `1e-4 * residual().square().mean()`, write `weights=1e-4`. `weights` may also be one
# number for each point, a dict by equation, or a function that returns one of these. If there are
# several equations, `residual` returns a dict of their residuals by name.
#
# **Weights that change.** With {term}`RBA` a step first updates its weights and then uses them. The
# monitor measures before the step, so it must be given the weights of the *coming* step. In float64
# the loss of these lines and that of the monitor agree to the last digits:
#
# ```python
# lam, rule = torch.zeros(len(INSIDE)), dict(decay=0.999, rate=0.01)
#
# monitor = pl.Monitor(
#     net,
#     residual=residual,  # (n_points,)
#     weights=lambda: pl.rba.update(lam, residual(), **rule) ** 2,
#     terms=terms,
#     **kind,
# )
# for step in range(steps):
#     monitor(step)
#     r = residual()
#     lam = pl.rba.update(lam, r, **rule)
#     loss = (lam * r).square().mean() + sum(term() for term in terms.values())
# ```
#
# **The network** must be called, as `net(x)` and not `net.forward(x)`. Only then does the monitor
# hear its outputs and layers, and `output_spread` is a number. An unknown coefficient can stand
# beside the network, as in `pl.Monitor([net, k], ...)`.
#
# **Points that change.** If you draw new points at each step, give `points=` a function too. If a
# refinement adds points, and the batches no longer divide their number, the monitor warns once and
# leaves the last points out.

# %% [markdown]
# ## In DeepXDE
#
# In DeepXDE the monitor is a callback. It reads DeepXDE's own loss, with the weights, conditions
# and transforms that you gave to DeepXDE. So you state nothing twice.


# %%
def by_deepxde(steps=STEPS, watched=True):
    def pde(z, u):
        u_x, u_t = (dde.grad.jacobian(u, z, i=0, j=j) for j in (0, 1))
        return u_t + u * u_x - VISCOSITY * dde.grad.hessian(u, z, i=0, j=0)

    line, moments = dde.geometry.Interval(-1, 1), dde.geometry.TimeDomain(0, 1)
    domain = dde.geometry.GeometryXTime(line, moments)
    conditions = [
        dde.icbc.PointSetBC(START.numpy(), START_VALUES.numpy()),
        dde.icbc.PointSetBC(WALL.numpy(), WALL_VALUES.numpy()),
    ]
    data = dde.data.TimePDE(domain, pde, conditions, 0, anchors=INSIDE.numpy())
    net = begin_alike(dde.nn.FNN([2, 20, 20, 20, 1], "tanh", "Glorot normal"))
    model = dde.Model(data, net)
    model.compile("adam", lr=1e-3, verbose=0)
    names = ["pde", "start", "wall"]
    watch = ForDeepXDE(32, 25, names=names, shuffle=None)  # 1
    callbacks = [watch] if watched else []
    model.train(steps, callbacks=callbacks, verbose=0, display_every=steps)  # 2
    return net, watch


# %% tags=["nbval-ignore-output"]
began = time.perf_counter()
net_deepxde, watch_deepxde = by_deepxde()
seconds["DeepXDE"] = time.perf_counter() - began
watch_deepxde.monitor.report()  # 3

# %% [markdown]
# ## In PINA
#
# PINA trains with Lightning, so here the monitor is a Lightning callback. The callback takes the
# condition with the most points as the equation, and all other conditions as terms. It also sends
# SNR, signal and noise to the logger, so that TensorBoard or W&B can draw them. For a
# LightningModule that is not of PINA, give the callback a function that says what the loss is.


# %%
def points(of):
    return LabelTensor(of.clone(), ["x", "t"])


SILENT = dict(logger=False, enable_checkpointing=False, enable_progress_bar=False)
SILENT |= dict(enable_model_summary=False, accelerator="cpu", shuffle=False)


# %%
def by_pina(steps=STEPS, watched=True):
    def pde(z, u):
        du = grad(u, z)
        u_xx = grad(du, z, components=["dudx"], d=["x"]).extract(["ddudxdx"])
        u_x, u_t = du.extract(["dudx"]), du.extract(["dudt"])
        return u_t + u.extract(["u"]) * u_x - VISCOSITY * u_xx

    class Burgers(AbstractProblem):
        input_variables, output_variables = ["x", "t"], ["u"]
        conditions = {
            "pde": Condition(input=points(INSIDE), equation=Equation(pde)),
            "start": Condition(
                input=points(START), target=LabelTensor(START_VALUES, ["u"])
            ),
            "wall": Condition(
                input=points(WALL), target=LabelTensor(WALL_VALUES, ["u"])
            ),
        }

    net = begin_alike(FeedForward(2, 1, layers=[20, 20, 20]))
    solver = PhysicsInformedSingleModelSolver(problem=Burgers(), model=net)
    watch = ForPINA(25, 32, shuffle=None)  # 1
    callbacks = [watch] if watched else []
    Trainer(solver, max_epochs=steps, callbacks=callbacks, **SILENT).train()  # 2
    return net, watch


# %% tags=["nbval-ignore-output"]
began = time.perf_counter()
net_pina, watch_pina = by_pina()
seconds["PINA"] = time.perf_counter() - began
watch_pina.monitor.report()  # 3

# %% [markdown]
# ## Three libraries, one training
#
# The three training loops share nothing but torch and {term}`Adam`. If each monitor reports what
# its library really minimizes, the three series must agree.

# %% tags=["hide-input"]
monitors = {
    "plain torch": monitor,
    "DeepXDE": watch_deepxde.monitor,
    "PINA": watch_pina.monitor,
}

# %% mystnb={"figure": {"caption": "SNR and loss of the three trainings, measured every 25 steps.", "name": "fig-your-pinn-three"}, "image": {"alt": "Two panels over the step, each with three curves, a broad one, a dashed one and dots. They lie on each other in both panels, but for the last dot of the SNR, which lies well below the dashed curve."}} tags=["hide-input"]
fig, axes = plt.subplots(1, 2, figsize=(7.2, 3.2))
styles = [dict(lw=4, alpha=0.35), dict(lw=1.5, ls="--"), dict(lw=0, marker="o", ms=3)]
for (name, one), how in zip(monitors.items(), styles, strict=True):
    history = one.history
    for ax, series in zip(axes, ("snr", "loss"), strict=True):
        ax.plot(history["step"], history[series], label=name, **how)
for ax, label in zip(axes, ("SNR", "loss"), strict=True):
    ax.set(yscale="log", xlabel="step", ylabel=label)
axes[0].axhline(1.0, color="black", lw=0.8, ls=":")
axes[1].set_yticks([0.1, 0.2, 0.3, 0.4], ["0.1", "0.2", "0.3", "0.4"])
axes[1].minorticks_off()
figures.legend(fig, axes[0])
figures.stamp(fig, "20 x 3, 1,024 points in 32 batches, float64, seed 0")
plt.show()

# %% tags=["hide-cell"]
rows = [one.history["snr"][:9] for one in monitors.values()]
apart = max(float(np.max(np.abs(row / rows[0] - 1.0))) for row in rows[1:])
print(f"SNR of the three within 1e-6 of each other, to step 200: {apart < 1e-6}")
losses = [one.history["loss"][:20] for one in monitors.values()]
apart = max(float(np.max(np.abs(row / losses[0] - 1.0))) for row in losses[1:])
print(f"loss of the three within 1% of each other, to step 475: {apart < 0.01}")

# %% [markdown]
# In {numref}`fig-your-pinn-three` the curves lie on each other until near the end. To step 200 the
# three SNR agree to one part in a million. Later, {term}`rounding` makes them differ, since the
# libraries add their sums in different orders. At step 800, the last probe, the SNR of PINA is well
# below that of DeepXDE. Plain torch has no probe at this step. The reports, which take medians,
# agree.
#
# Rounding shows first in the SNR. Where the SNR is far below 1, the signal is a small difference
# of large numbers, which rounding changes easily. Rounding shows least in the loss.

# %% [markdown]
# ## The training does not notice
#
# A probe leaves no trace in the training. After a probe the monitor puts back the gradients, the
# random numbers, the buffers, and the modes of dropout and batch normalization. So a watched
# training ends at the same weights as an unwatched one, bit by bit. A hidden cell trains 60 steps
# in each library, watched and unwatched, and compares the weights.


# %% tags=["hide-cell"]
def same_bits(train):
    ends = [
        train(steps=60, watched=watched)[0].parameters() for watched in (True, False)
    ]
    return all(torch.equal(a, b) for a, b in zip(*ends, strict=True))


for name, train in zip(monitors, (plain, by_deepxde, by_pina), strict=True):
    print(f"{name}: the same bits watched and unwatched: {same_bits(train)}")

# %% [markdown]
# ## What it costs
#
# A probe needs the gradients of 32 batches. In a plain network one backward pass gives all of
# them. Each row of the matrices in this pass belongs to one point, so the rows can be summed batch
# by batch.
#
# At the first probe the monitor checks that this quick way is right. At each later probe it checks
# one of the batches. For other networks the monitor takes `torch.vmap` or a loop. `monitor.how`
# says which way it took.

# %%
for name, one in monitors.items():
    print(f"{name}: gradients by {one.how}")

# %% tags=["nbval-ignore-output"]
for name, one in monitors.items():
    probes = len(one.history["step"])
    step = (seconds[name] - probes * one.seconds) / STEPS
    print(f"{name}: a probe takes as long as {one.seconds / step:.1f} steps")

# %% [markdown]
# The first probe takes longer, since it computes the gradients in two ways and compares them.
# {doc}`speed` has the cost at two larger sizes, measured on an idle machine.

# %% [markdown]
# ## A training that is sick
#
# Suppose that somebody gave the initial condition a weight of 0.0001. The loss falls well, because
# the function zero solves the equation and satisfies the conditions at the walls. But zero is not
# the solution, and the loss alone does not tell that nothing was learnt.

# %% tags=["nbval-ignore-output"]
_, sick = plain(start_weight=1e-4)
sick.report()

# %%
print(f"state of the sick training: {sick.report().state}")

# %% tags=["hide-cell"]
fell = sick.history["loss"][-1] < sick.history["loss"][0] / 10
print(f"loss falls at least tenfold: {fell}")

# %% [markdown]
# The report finds the fault by two numbers: the residual has fallen far, and the term `start` has
# not. The report does not need to know the solution. It advises a weight 20 times as large, and
# the same again as long as the term does not fall ({numref}`ex-your-pinn-repair`). A penalty on
# the weights, or noise in the data, can look the same, and the report says so.
# {doc}`what_to_do_when` has this symptom and eight others.

# %% [markdown]
# ## Would attention help me?
#
# Nobody can say without trying. {term}`RBA` was ahead on 2 of 5 benchmarks at a laptop's size
# ({doc}`22_scorecard`). The function `pl.compare` tries it on your problem, with several
# {term}`seeds <seed>`, in parallel processes. With `folder=` it keeps the runs, and after an
# interruption it goes on from them. The next cell also tries a larger weight of the data,
# `data x 10`, since that is the cheaper thing to try.

# %% tags=["nbval-ignore-output"]
small = pl.Config(
    width=16, depth=2, points=256, batches=8, steps=400, lr=3e-3, device="cpu"
)
comparison = pl.compare(
    pl.problems.Burgers(), small, ["vanilla", "rba", "data x 10"], seeds=5
)
comparison

# %% mystnb={"figure": {"caption": "Relative L2 error of a small network on Burgers' equation under three rules, and at the end seed by seed. Lines are medians over five seeds, bands go from the least to the largest.", "name": "fig-your-pinn-compare"}, "image": {"alt": "Left, three curves of error over the step that fall near step 100, with overlapping bands. Right, the final errors of five seeds for each rule, joined seed by seed: four fall clearly from vanilla to the two other rules, and one stays."}}
comparison.plot()

# %% [markdown]
# In {numref}`fig-your-pinn-compare` both RBA and the larger weight of the data have a smaller
# error than {term}`vanilla` in the median. Neither of the two is ahead of the other. The right
# panel shows what the median hides. Four seeds gain clearly, and one gains hardly anything under
# either rule.
#
# The text before the figure looks at all five seeds. It says *helps* of the weight of the data,
# which has a smaller error than vanilla with every seed. It says *cannot tell* of RBA, which has a
# smaller error with four of the five. Even the smaller errors are large here, so this compares
# rules and is not a solution. The comparison holds at this size, for this many steps, and for
# nothing else.
#
# If your problem has no reference, there is no error to compare. Then the table has the residual
# and the misfit of the conditions, each in columns of its own. A trivial solution has a small
# residual, and a large weight of the data makes the misfit small. So the verdict is *helps* or
# *harms* only if both agree.

# %% [markdown]
# **Three takeaways**
#
# 1. Three lines watch a training in plain torch, DeepXDE or PINA, and change no bit of it.
# 2. The three libraries minimize the same loss, and show the same SNR until rounding parts them.
# 3. A report names a state and the number that the state rests on. It does not guess what it
#    cannot see, above all the error.
#
# **Limits.** One start and one problem were watched here. The thresholds by which the report
# decides are rules of thumb. A batch has its own points of the equation, and the whole of all
# other terms, as in the paper. If new points are drawn at each step, the noise of the training is
# larger than the noise that the batches show. If your functions have a random generator of their
# own, the monitor does not put it back. The signal counts weight matrices, as the paper does;
# `biases=True` counts all parameters.
#
# **References.** The signal-to-noise ratio: {cite}`anagnostopoulos2024learning`. DeepXDE:
# {cite}`lu2021deepxde`. PINA: {cite}`coscia2023pina`.

# %% [markdown]
# ## Exercises
#
# ```{exercise}
# :label: ex-your-pinn-floor
# Batches that have nothing in common still have an SNR: the {term}`floor`, $1 / \sqrt{B - 1}$ for
# $B$ batches. At which step is the SNR in plain torch below this floor for the first time? Look
# into `monitor.history`.
# ```

# %%
answer = None  # your number here

# %% tags=["hide-input"]
watched = monitor.history
below = watched["step"][watched["snr"] < watched["floor"]]
pl.book.exercises.check(answer, below[0], within=0.1)

# %% [markdown]
# ```{solution} ex-your-pinn-floor
# :class: dropdown
# At step 200. The floor of 32 batches is 0.18, and the SNR is about 0.13 there. At most later
# probes the SNR is below the floor too. The batches then cancel better than chance would have it,
# because the training balances its terms. One {term}`burst`, at step 475, is above the floor, and
# one at step 650 comes up to it.
# ```
#
# ```{exercise}
# :label: ex-your-pinn-repair
# Repair the sick training as its report advises: multiply `start_weight` by 20, train anew, and
# look at the report. How many times must you multiply until the report no longer says *starved*?
# Print `monitor.history["loss_start"][-1]`, divided by the weight, as well.
# ```
#
# ```{solution} ex-your-pinn-repair
# :class: dropdown
# One start, 800 steps each:
#
# | weight of the start | state | mean squared misfit of the start |
# |---|---|---|
# | 0.0001 | starved | 0.49 |
# | 0.002 | starved | 0.49 |
# | 0.04 | learning | 0.27 |
# | 0.8 | learning | 0.069 |
#
# After two multiplications the report says *learning*. The third multiplication brings the misfit
# of the start from 0.27 to 0.069. *Learning* is no praise: it says only that the report found none
# of the troubles that it knows.
# ```
#
# ```{exercise}
# :label: ex-your-pinn-dead
# In `plain`, raise the learning rate to 1 at step 500:
# `if step == 500: optimizer.param_groups[0]["lr"] = 1.0`. What does the report say at step 800,
# and what at step 1,500? Which number shows what happened?
# ```
#
# ```{solution} ex-your-pinn-dead
# :class: dropdown
# The network dies at once. All of its tanh units are at their bounds, so its output is a constant:
# `output_spread` is zero. A constant solves the equation, so the residual is exactly zero. The
# batches then have no noise, and the SNR is infinite. At step 800 the report says *diverging*, for
# the constant is far off and the loss large. By step 1,500 the constant has come to zero. The loss
# is 0.49, as at the start, and the report says *dead*. One run, one seed.
# ```
#
# ```{exercise}
# :label: ex-your-pinn-saturation
# Give the monitor in `plain` the argument `layers=["1", "3", "5"]`. It then measures the saturation
# of the three layers of tanh. What do `saturation_bounds` and `saturation_range` say at the end,
# and why do they differ?
# ```
#
# ```{solution} ex-your-pinn-saturation
# :class: dropdown
# One run, one seed, in percent of the activations of each layer at the end:
#
# | layer | `saturation_bounds` | `saturation_range` |
# |---|---|---|
# | 1 | 0 | 8 |
# | 2 | 9 | 16 |
# | 3 | 7 | 18 |
#
# The first asks whether an activation is near $\pm 1$, the bounds of tanh. The second, the paper's,
# asks whether it is near an end of its neuron's *own* range. Every neuron reaches the ends of its
# own range somewhere, so the second number is never zero.
# ```
