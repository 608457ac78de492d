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
# **What you will be able to do.** Look at a PINN that you train already, in plain torch, in DeepXDE
# or in PINA, without rewriting it. Three lines are added. They say whether the batches agree, which
# term of the loss rules, whether the network is dead or a term lags behind, and what to try.
#
# **What this page does.** It trains one Burgers problem three times, once in each library, from the
# same start at the same points. It shows that the three see the same signal and noise, and that the
# training does not notice that it is watched. Then it breaks the training on purpose.
#
# **Time.** About two minutes on two CPU cores.

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

torch.set_default_dtype(torch.float64)  # so that rounding does not part the three
dde.config.set_default_float("float64")
figures.style()

# %% [markdown]
# ## One problem
#
# Burgers' equation $u_t + u\,u_x - \nu\,u_{xx} = 0$ with $\nu = 0.01 / \pi$ begins as
# $-\sin(\pi x)$ and forms a shock. The three libraries get the same 1,024 points, the same 128 data
# points and the same network of 20 x 3.

# %% tags=["parameters"]
STEPS = 500
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
# Here is a training as people write it. The added lines are numbered. `residual` gives the residual
# of each point; a term gives a number, with its weight. Both are functions without arguments, so
# that the monitor can ask for them when a probe is due. The points are random here; where their
# order means something, as on a grid, give `shuffle=0`.


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
    kind = dict(optimizer=optimizer, batches=32, every=50)
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
# A notebook shows the report as a table; a script prints it, `print(monitor.report())`. It names
# one state and the number that it rests on. Then it says what the numbers say, and in italics what
# they do not say. It never calls an error small that it cannot see: without a reference it says so.
# With `error=`, a function, it knows.
#
# Everything is in `monitor.history`, under the names that a run of {doc}`pl.train <05_burgers>`
# has. So all figures and estimators of this book take it, and `monitor.plot()` draws the main ones.

# %% mystnb={"figure": {"caption": "Loss and SNR of the training in plain torch, with the phases by the strict rule. Float64, seed 0, CPU.", "name": "fig-your-pinn-plain"}, "image": {"alt": "Two panels over the step. The loss falls from about 0.5 to 0.1 and flattens. The SNR begins near 75 and falls below 1 within some hundred steps."}}
monitor.plot()

# %% [markdown]
# In {numref}`fig-your-pinn-plain` the SNR starts high, as a drawn network's mistakes are alike at
# all points. It falls below 1 within some hundred steps. The strict rule asks for a longer stay
# before it closes fitting, so the whole panel has its tint.

# %% [markdown]
# ## In DeepXDE
#
# A callback listens to DeepXDE's own loss, with its weights, conditions and transforms. Nothing is
# stated twice.


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
    watch = ForDeepXDE(32, 50, names=names, shuffle=None)  # 1
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
# PINA trains by Lightning, so the callback is Lightning's. It takes the condition with the most
# points as the equation, and all others as terms. SNR, signal, noise and alignment also go to the
# logger, so TensorBoard or W&B draw them. For a LightningModule that is not PINA's, the callback
# takes a function that says what its loss is.


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
    watch = ForPINA(50, 32, shuffle=None)  # 1
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
# The three training loops share nothing but torch and Adam. If each monitor tells what its library
# really minimizes, the series must agree.

# %%
monitors = {
    "plain torch": monitor,
    "DeepXDE": watch_deepxde.monitor,
    "PINA": watch_pina.monitor,
}

# %% mystnb={"figure": {"caption": "SNR and loss of the three trainings, measured every 50 steps. Float64, one start, CPU.", "name": "fig-your-pinn-three"}, "image": {"alt": "Two panels over the step, each with three curves, a broad one, a dashed one and dots, which lie on each other."}} tags=["hide-input"]
fig, axes = plt.subplots(1, 2, figsize=(9, 3.2))
styles = [dict(lw=4, alpha=0.35), dict(lw=1.5, ls="--"), dict(lw=0, marker="o", ms=4)]
for (name, one), how in zip(monitors.items(), styles, strict=True):
    history = one.history
    for ax, series in zip(axes, ("snr", "loss"), strict=True):
        ax.plot(history["step"], history[series], label=name, **how)
for ax, title in zip(axes, ("SNR", "loss"), strict=True):
    ax.set(yscale="log", xlabel="step", title=title)
axes[0].axhline(1.0, color="black", lw=0.8, ls=":")
axes[0].legend(frameon=False)
plt.show()

# %%
rows = [one.history["snr"][:5] for one in monitors.values()]
apart = max(float(np.max(np.abs(row / rows[0] - 1.0))) for row in rows[1:])
print(f"SNR of the three within 1e-6 of each other, to step 200: {apart < 1e-6}")
losses = [one.history["loss"][:10] for one in monitors.values()]
apart = max(float(np.max(np.abs(row / losses[0] - 1.0))) for row in losses[1:])
print(f"loss of the three within 1% of each other, to step 450: {apart < 0.01}")

# %% [markdown]
# In {numref}`fig-your-pinn-three` the curves lie on each other. The last two measure once more when
# the training ends. In longer runs rounding parts them, since DeepXDE adds its sums in another
# order: in a trial of 2,000 steps its SNR, far below 1 by then, left the others between 500 and
# 1,000, and the loss stayed within 0.1%.

# %% [markdown]
# ## The training does not notice
#
# A probe leaves no trace: gradients, random numbers, buffers, and the modes of dropout and batch
# normalization are put back. So a watched training ends at the same weights as an unwatched one,
# bit by bit.


# %%
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
# A probe needs the gradients of 32 batches. In a multilayer perceptron they come from one backward
# pass, since the weights meet the points in products of matrices whose rows can be summed batch by
# batch. The monitor checks that this is right at the first probe, and for one batch at each later
# one. Where it is not right, as in a network with attention between points, it takes `torch.vmap`
# or a loop. `monitor.how` says which.

# %%
print({name: one.how for name, one in monitors.items()})

# %% tags=["nbval-ignore-output"]
for name, one in monitors.items():
    probes = len(one.history["step"])
    step = (seconds[name] - probes * one.seconds) / STEPS
    print(f"{name}: a probe takes as long as {one.seconds / step:.1f} steps")

# %% [markdown]
# The first probe takes longer, since it compares two ways. {doc}`speed` has the cost at two larger
# sizes, measured with care.

# %% [markdown]
# ## A training that is sick
#
# Suppose that somebody wrote a weight of 0.0001 at the initial condition. The loss falls well. A
# constant solves the equation and the walls, and the loss alone does not tell.

# %% tags=["nbval-ignore-output"]
_, sick = plain(start_weight=1e-4)
sick.report()

# %%
print(
    f"loss falls at least tenfold: {sick.history['loss'][-1] < sick.history['loss'][0] / 10}"
)
print(f"state: {sick.report().state}")

# %% [markdown]
# The report finds it by two numbers: the residual has fallen far, and `start` has not. It does not
# need to know the solution. Its advice is a factor of 20, *and again*: from 0.0001 it takes three.
# A penalty on the weights or the noise of data can look the same, and the report says so.
# {doc}`what_to_do_when` lists this symptom and eight others, each with what to look at, what to do,
# and what this book has seen of it.

# %% [markdown]
# ## Would attention help me?
#
# Nobody can say without trying: residual-based attention won on 2 of 5 benchmarks here
# ({doc}`20_scorecard`). `pl.compare` tries it on your problem, with several seeds, in parallel
# processes, and goes on where it was interrupted. A weight of the data is in the list since it is
# the cheaper thing to try.

# %% tags=["nbval-ignore-output"]
small = pl.Config(
    width=16, depth=2, points=256, batches=8, steps=400, lr=3e-3, device="cpu"
)
comparison = pl.compare(
    pl.problems.Burgers(), small, ["vanilla", "rba", "data x 10"], seeds=5
)
comparison

# %% mystnb={"figure": {"caption": "Relative L2 error of a small network on Burgers' equation under three rules, and at the end seed by seed. Lines are medians over five seeds, bands go from the least to the largest.", "name": "fig-your-pinn-compare"}, "image": {"alt": "Left, three falling curves of error over the step with overlapping bands; right, the final errors of five seeds for each rule, joined seed by seed."}}
comparison.plot()

# %% [markdown]
# The text above {numref}`fig-your-pinn-compare` says for each rule by how much its error is smaller
# than that of vanilla, seed by seed, and when it cannot tell. Even the smaller errors are large
# here: this is a comparison and no solution. It holds at this size, for this many steps, and for
# nothing else.

# %% [markdown]
# ## Limits
#
# - One start and one problem were watched here. The numbers of the report are those of this
#   training; its bounds are rules of thumb.
# - A batch has its own points of the equation and all of the other terms, as in the paper. Where
#   new points are drawn at each step, the noise of the training is larger than that of the batches.
# - A generator of random numbers that your functions keep to themselves is not put back.
# - The signal counts weight matrices, as the paper does; `biases=True` counts all parameters.
#
# ## Exercises
#
# 1. Give the monitor `layers=["1", "3", "5"]`, and look at the saturation of the three layers of
#    tanh. What do `saturation_bounds` and `saturation_range` say, and why do they differ?
# 2. Raise the learning rate to 1 at step 500. What does the report say, and which number tells?
#
# ```{admonition} Solution of 2
# :class: dropdown
# The network dies: all of tanh is at its bounds, so the output is constant. `output_spread` tells.
# The residual is near zero, since a constant solves the equation, and the loss alone looks like
# success.
# ```
#
# ## Take away
#
# 1. Three lines watch a training in plain torch, DeepXDE or PINA, without a bit of difference.
# 2. The three libraries minimize the same loss and show the same SNR.
# 3. A report names a state and its number. What it cannot see, it says.
#
# **References.** The signal-to-noise ratio: {cite}`anagnostopoulos2024learning`. DeepXDE:
# {cite}`lu2021deepxde`. PINA: {cite}`coscia2023pina`.
