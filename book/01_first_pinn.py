# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # A first PINN: heat in a rod
#
# **You will be able to**
#
# - say what a physics-informed neural network is, and what its residual and its loss are;
# - write one in thirty lines of PyTorch, train it, and check what it has learned;
# - tell a small loss from a good solution.
#
# **Question.** How can a neural network learn the solution of a differential equation, if nobody
# shows it that solution?
#
# **The claim.** A network is trained to satisfy an equation at many points, and given conditions at
# the edge. Then it comes to satisfy both between these points as well {cite}`raissi2019physics`. It
# needs no examples of the solution. The rest of the book builds on this.
#
# **What this chapter does.** It builds a {term}`physics-informed neural network` (PINN) from
# nothing but PyTorch. It trains the network on an equation whose solution is known. It draws the
# network and the solution, and asks where they differ. Then it does the same in ten lines with
# `pinnlib`, the library of this book.
#
# **Before.** Some Python, derivatives, and an idea of what a neural network is.
#
# **Time.** Less than half a minute on two CPU cores.

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
import torch

import pinnlib as pl
from pinnlib import figures

figures.style()

# %% [markdown]
# ## Parameters
#
# `SCALE = "quick"` trains for 2,000 steps. `"long"` goes on to step 20,000. `SEED` is the
# {term}`seed`: the number from which all random choices of the training begin. Another seed gives
# other choices.

# %% tags=["parameters"]
SCALE = "quick"
STEPS = {"quick": 2_000, "long": 20_000}[SCALE]
SEED = 0

# %% [markdown]
# ## The equation
#
# A rod of metal lies between $x = -1$ and $x = 1$. Its ends are kept at the temperature zero. At
# the start, $t = 0$, it is warm on one side and cold on the other. How does its temperature
# $u(x, t)$ change?
#
# $$
# \begin{aligned}
# u_t &= \alpha\,u_{xx}, \qquad \alpha = 0.1, \\
# u(x, 0) &= \sin(\pi x), \qquad u(\pm 1, t) = 0 .
# \end{aligned}
# $$ (eq-heat)
#
# An index means a derivative. $u_t$ says how fast the temperature changes at one place. $u_{xx}$
# says how much the curve of the temperature along the rod is bent. The number $\alpha$ says how
# well the rod conducts heat. So the equation says: where the curve has a valley the temperature
# rises, and where it has a hill the temperature falls.
#
# This equation can be solved by hand. The sine wave keeps its shape, and its height becomes
# smaller, $u = e^{-\alpha \pi^2 t} \sin(\pi x)$. The network is not told this formula.

# %%
ALPHA = 0.1


def exact(points):
    x, t = points[:, :1], points[:, 1:]
    return torch.exp(-ALPHA * math.pi**2 * t) * torch.sin(math.pi * x)


# %% mystnb={"figure": {"caption": "The solution. Left: the temperature over place and time. Right: the temperature along the rod at three moments.", "name": "fig-heat-solution"}, "image": {"alt": "A map of temperature over time and place, red above and blue below, that pales from left to right; and three sine waves of the same shape whose height falls from one to about a third."}} tags=["hide-input"]
places, moments = torch.linspace(-1, 1, 101), torch.linspace(0, 1, 51)
grid = torch.cartesian_prod(places, moments)
solution = exact(grid).reshape(101, 51)
fig, axes = plt.subplots(1, 2, figsize=(7.2, 2.8))
look = dict(extent=(0, 1, -1, 1), origin="lower", aspect="auto")
image = axes[0].imshow(solution, cmap="RdBu_r", **look)
axes[0].set(xlabel="time t", ylabel="place x")
axes[0].grid(False)
fig.colorbar(image, ax=axes[0])
for k in (0, 25, 50):
    axes[1].plot(places, solution[:, k], label=f"t = {moments[k]:.1f}")
axes[1].set(xlabel="place x", ylabel="temperature u")
axes[1].legend()
plt.show()

# %% [markdown]
# ## A network is a function
#
# Our neural network takes two numbers, a place and a time, and gives one number, the temperature.
# In between are layers of *units*. Each unit multiplies its inputs by numbers, the *weights*, and
# adds them up. Then it adds one more number, the *bias*. In all layers but the last it then applies
# a curved function, here the hyperbolic tangent (tanh).
#
# We write $u_\theta(x, t)$, where $\theta$ stands for all weights and biases of the network. With
# other values of $\theta$ the network is another function. Ours has three layers of 32 units with a
# tanh. Below the figures this is written 32 x 3 tanh.

# %%
torch.manual_seed(SEED)
network = torch.nn.Sequential(
    torch.nn.Linear(2, 32),
    torch.nn.Tanh(),
    torch.nn.Linear(32, 32),
    torch.nn.Tanh(),
    torch.nn.Linear(32, 32),
    torch.nn.Tanh(),
    torch.nn.Linear(32, 1),
)
print("numbers that can be learned:", sum(p.numel() for p in network.parameters()))

# %% [markdown]
# ## What the equation leaves over
#
# Such a function can be differentiated exactly, by the same automatic differentiation that trains
# the network. So we can put the network into the equation at any point, and take the left-hand side
# minus the right-hand side. What is left over is the {term}`residual`:
#
# $$
# r = \partial_t u_\theta - \alpha\,\partial_{xx} u_\theta .
# $$ (eq-heat-residual)
#
# For a solution the residual is zero at every point. For a network with random weights it is not.


# %%
def derivative(f, points):
    return torch.autograd.grad(f.sum(), points, create_graph=True)[0]


def residual(network, points):
    points = points.clone().requires_grad_()
    u = network(points)
    slopes = derivative(u, points)  # by x, and by t
    u_x, u_t = slopes[:, :1], slopes[:, 1:]
    u_xx = derivative(u_x, points)[:, :1]
    return u_t - ALPHA * u_xx


# %% [markdown]
# ## What training makes small
#
# We choose $N$ points at random, each of them a place and a time. They are the
# {term}`collocation points`, and at each of them we ask for a small residual $r_i$. We choose $M$
# more points where the temperature $u_j$ is given: half of them at the start, and half at the two
# ends of the rod. The {term}`loss` is the sum of two means of squares {cite}`raissi2019physics`:
#
# $$
# \begin{aligned}
# L(\theta) = {} & \frac{1}{N} \sum_{i=1}^{N} r_i^2 \\
# & {} + \frac{1}{M} \sum_{j=1}^{M} \big(u_\theta(x_j, t_j) - u_j\big)^2 .
# \end{aligned}
# $$ (eq-heat-loss)
#
# The first term asks for the equation, and is called the *residual term*. The second asks for the
# given values, and is called the *data term*. No value of the solution inside the rod after the
# start is given.

# %%
points = torch.rand(1_024, 2) * torch.tensor([2.0, 1.0]) - torch.tensor([1.0, 0.0])
start = torch.stack([2 * torch.rand(100) - 1, torch.zeros(100)], dim=1)
ends = torch.stack([torch.tensor([-1.0, 1.0]).repeat(50), torch.rand(100)], dim=1)
data = torch.cat([start, ends])
given = torch.cat([torch.sin(math.pi * start[:, :1]), torch.zeros(100, 1)])


def loss(network):
    equation = residual(network, points).square().mean()
    misfit = (network(data) - given).square().mean()
    return equation + misfit


# %% [markdown]
# ## Training
#
# {term}`Adam` {cite}`kingma2015adam` changes all weights and biases of the network a little, 2,000
# times, each time in a direction in which the loss falls. For each of these numbers it takes the
# slope of the loss. It takes a *running mean* of this slope, which is a mean over the last steps,
# and divides it by the root of a running mean of its square. So its steps are about equally long
# where the loss is steep and where it is flat. While the slope keeps its sign, in each step a
# weight changes by about the learning rate, 0.003. Where the slope changes its sign all the time,
# the steps are much shorter.
#
# At each step we keep the loss. We also keep what the network cannot know, its
# {term}`relative L2 error`. That is the root mean square of the difference between network and
# solution, divided by the root mean square of the solution. A network that says zero everywhere has
# an error of 1. In this book *the error* of a run means this number.


# %%
def error(network):
    with torch.no_grad():
        return ((network(grid) - exact(grid)).norm() / exact(grid).norm()).item()


optimizer = torch.optim.Adam(network.parameters(), lr=3e-3)
losses, errors = [], []
for _step in range(STEPS):
    errors.append(error(network))
    optimizer.zero_grad()
    value = loss(network)
    value.backward()
    optimizer.step()
    losses.append(value.item())

# %% [markdown]
# The training is done. {numref}`fig-heat-learned` shows the result.

# %% mystnb={"figure": {"caption": "After the training. Left: the temperature that the network gives. Middle: the difference between network and solution. Right: the residual. Each map has its own scale.", "name": "fig-heat-learned"}, "image": {"alt": "Three maps over time and place. The first looks like the solution. The error and the residual are small, in smooth patches of both signs, the residual largest at the left edge, where time begins."}} tags=["hide-input"]
with torch.no_grad():
    learned = network(grid).reshape(101, 51)
left_over = residual(network, grid).detach().reshape(101, 51)
fields = {
    "the network": learned,
    "its error": learned - solution,
    "its residual": left_over,
}
fig, axes = plt.subplots(1, 3, figsize=(7.2, 2.6), sharey=True)
for ax, (name, field) in zip(axes, fields.items(), strict=True):
    top = field.abs().max()
    image = ax.imshow(field, cmap="RdBu_r", vmin=-top, vmax=top, **look)
    ax.set_title(name, loc="left")
    ax.set_xlabel("time t")
    ax.grid(False)
    fig.colorbar(image, ax=ax, location="bottom", shrink=0.9)
axes[0].set_ylabel("place x")
figures.stamp(fig, f"trained here: 32 x 3 tanh, 1,024 points, {STEPS:,} steps")
plt.show()

# %% [markdown]
# The first map looks like the solution in {numref}`fig-heat-solution`. The second map shows the
# difference between the two: it is below a hundredth nearly everywhere. So the equation, the start
# and the two ends were enough.
#
# The third map shows the residual, which the training can see. Its patches lie in other places than
# those of the second map. A residual is a *cause* of error and not the error itself. A mistake at
# one place spreads to other places and to later times, as heat does.

# %% tags=["hide-cell"]
print("relative error at the end below 0.03:", min(errors[-100:]) < 0.03)
print("loss at the end below a thousandth of the first:", losses[-1] < losses[0] / 1e3)

# %% mystnb={"figure": {"caption": "Loss and error during the training. The axis of steps is logarithmic.", "name": "fig-heat-course"}, "image": {"alt": "Two curves against the step. Both stay high for some fifty steps, then fall steeply; later they go on falling slowly, with sharp spikes upward."}} tags=["hide-input"]
fig, ax = plt.subplots()
ax.plot(range(1, STEPS + 1), losses, color="0.45", label="loss")
ax.plot(range(1, STEPS + 1), errors, color=figures.COLOURS["vanilla"], label="error")
ax.set(xscale="log", yscale="log", xlabel="Adam step")
ax.legend()
figures.stamp(fig, f"trained here: 32 x 3 tanh, 1,024 points, {STEPS:,} steps")
plt.show()

# %% [markdown]
# {numref}`fig-heat-course` shows three things that come back in all chapters.
#
# First, the curves do not fall evenly. They stay high for some fifty steps, then they fall steeply,
# and then they fall slowly. Why do they stay high at first? The next chapter looks for the answer
# in the gradients.
#
# Second, the loss falls much further than the error, since the loss is a mean of squares. The
# square of a hundredth is a ten-thousandth.
#
# Third, there are spikes. Suddenly loss and error are ten times as large or more, and within a
# hundred steps they are as small again as before. This is not a fault of the program. Think of the
# loss as the height of a landscape, and of the network as near the bottom of a valley. Adam divides
# the slope by the size of earlier slopes. At the bottom these become small, so the factor before
# the slope becomes large. Where the valley is too narrow for this factor, a step lands higher on
# the other side than it began ({doc}`10_adams_view`).
#
# ## A small loss is not a good solution
#
# Take the simplest function, $u = 0$. It satisfies the equation everywhere, since all its
# derivatives are zero. It is right at both ends of the rod. Of all that is asked for, it misses
# only the values at the start. Yet it is wrong at all later times, too.

# %%
nothing = torch.nn.Linear(2, 1)  # a network that says zero
torch.nn.init.zeros_(nothing.weight)
torch.nn.init.zeros_(nothing.bias)
misfit = (nothing(data) - given).square().mean()
print(
    f"u = 0: loss of the data {misfit.item():.2f}, relative error {error(nothing):.2f}"
)

# %% [markdown]
# The function $u = 0$ has a residual of zero at all 1,024 points, so its residual term is zero. So
# the residual term alone does not say how good a solution is. A training can get stuck near such a
# function: the equation is satisfied there, and the data are not. This happens in a training of
# {doc}`08_cavity`.
#
# This is why one must look at the two terms separately, and why this book shows the error beside
# them wherever a solution is known.
#
# ## The same with pinnlib
#
# In `pinnlib` a problem is a class. It names the coordinates, the fields (the functions that are
# looked for), and the derivatives that the equation needs. The method `residual` is the equation,
# as one would write it. The method `data` gives the points with given values, and these values. The
# method `reference` gives the solution, if it is known.


# %%
class Heat(pl.Problem):
    coordinates = ("x", "t")
    fields = ("u",)
    domain = ((-1.0, 1.0), (0.0, 1.0))
    partials = ("u_t", "u_xx")

    def residual(self, points, d):
        return d.u_t - ALPHA * d.u_xx

    def data(self, n, seed):
        return data.numpy(), given.numpy()

    def reference(self, points):  # if the solution is known
        return exact(torch.as_tensor(points)).numpy()


# %%
config = pl.Config(width=32, depth=3, points=1_024, lr=3e-3, steps=STEPS, seed=SEED)
run = pl.train(Heat(), config)

# %% [markdown]
# The function `pl.train` returns a *run*. It keeps everything that was measured during the
# training, and `run.plot()` draws it.
#
# `pinnlib` computes the derivatives in another way than our code. It carries them through the
# network together with the value of $u$, layer by layer. The backward pass, which computes the
# gradient of the loss, is written by hand. This is several times faster than differentiating twice
# automatically ({doc}`speed`).

# %% mystnb={"figure": {"caption": "The run draws itself: the terms of its loss, its error, and the signal-to-noise ratio of its gradients.", "name": "fig-heat-run"}, "image": {"alt": "Three panels against the Adam step: losses that fall, the relative error that falls to a few thousandths, and the signal-to-noise ratio, which starts far above one and soon jumps between ten and a hundredth."}}
run.plot()

# %% [markdown]
# The library draws its first weights by another rule than ours. So the same seed gives another
# network, and the curves are not those of {numref}`fig-heat-course`. The title of
# {numref}`fig-heat-run` names the settings. *Vanilla* means that every training point counts the
# same.
#
# The last panel is new. It shows the *signal-to-noise ratio*, and the solution is not needed to
# compute it. This ratio says how far groups of points agree on the next step. The tints are two
# *phases* of the training. The ratio is the main quantity of this book, and
# {doc}`02_signal_and_noise` explains it together with the phases.

# %% tags=["hide-cell"]
model = pl.models.MLP(2, 1, width=32, depth=3, seed=0, dtype=torch.float64)
where = points[:100].double()
heat = Heat()
ours = heat.residual(where, pl.derivatives.evaluate(model, where, heat.plan))
theirs = residual(model, where)[:, 0]
print("both residuals agree to 1e-12:", bool((ours - theirs).abs().max() < 1e-12))
print("pinnlib's error below 0.03 at its best:", run.history["rel_l2"].min() < 0.03)

# %% [markdown]
# **Three takeaways**
#
# 1. A PINN is a network, a residual, and a loss. The loss says how badly the equation is violated
#    at many points, plus how badly the given values are missed.
# 2. It needs no example of the solution. Here the error falls below a hundredth in 2,000 steps.
# 3. The loss is not the error. A function can satisfy the equation at every point and be wrong
#    nearly everywhere, so look at the terms of the loss separately.
#
# **Limits.** This is one smooth problem, and other methods solve it in a second. A PINN is useful
# where data are few and noisy, or where something in the equation is unknown
# ({doc}`09_cerebral_flow`). The harder problems begin with {doc}`05_burgers`.
#
# ## Exercises
#
# ```{exercise}
# :label: ex-heat-zero
#
# What is the loss {eq}`eq-heat-loss` of $u = 0$, if half of the $M$ points lie at the start? Find
# it with pencil and paper: the mean of $\sin^2$ over whole waves is a half. Write your number into
# the next cell, and run that cell and the one after it. At which steps is the loss in
# {numref}`fig-heat-course` near this number?
# ```

# %%
answer = None  # your number here

# %% tags=["hide-input"]
pl.book.exercises.check(answer, misfit.item(), within=0.15)

# %% [markdown]
# ```{solution} ex-heat-zero
# :class: dropdown
#
# The residual is zero, and so is the misfit at both ends. At the start the misfit is $\sin(\pi x)$,
# up to its sign, and its mean square is $1/2$. Half of the points lie at the start, so the loss is
# about $1/4$. It is not exactly $1/4$, since the places were chosen at random. The curve of the
# loss stays near that value for the first fifty steps: the network is still close to zero
# everywhere.
# ```
#
# ```{exercise}
# :label: ex-heat-points
#
# Train again with 8 collocation points instead of 1,024. How small does the loss become, and how
# large is the error? What do you conclude?
# ```
#
# ```{solution} ex-heat-points
# :class: dropdown
#
# We tried it with two seeds. The loss ends below $5 \cdot 10^{-5}$, half of what it was with 1,024
# points. The error is 0.056 with one seed and 0.13 with the other, ten to twenty times as large as
# with 1,024 points. The network satisfies the equation at the 8 points, and nothing holds it to the
# equation between them. So measure the residual at fresh points, which were not trained on, before
# you believe a loss.
# ```
#
# ```{exercise}
# :label: ex-heat-conductivity
#
# Set `ALPHA` to 1 and run the notebook again. The rod now cools ten times as fast. Is the relative
# error larger or smaller, and why?
# ```
#
# ```{solution} ex-heat-conductivity
# :class: dropdown
#
# The error is larger: 0.054 and 0.055 with two seeds. With `ALPHA = 0.1` it was 0.006 and 0.007.
# The solution now fades ten times as fast, so it is large only near the start, and nearly zero over
# most of the map. A steep beginning is harder to learn. And the error is divided by a smaller
# solution.
# ```
#
# ## References
#
# All works cited are in the {doc}`bibliography`.
