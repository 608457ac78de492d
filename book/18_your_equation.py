# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Your own equation
#
# **What you will be able to do.** Write the equation that you have, with its boundary conditions,
# its domain and its unknown coefficients, in at most 30 lines. Train it, and see what the rest of
# the book sees: losses, signal and noise, phases.
#
# **What this page does.** It solves ten small problems, each with a known solution, and compares.
# Copy the one that is nearest to yours. The network, the derivatives and the training stay the same
# for all of them.
#
# **Time.** About a minute on two CPU cores.

# %% tags=["hide-cell"]
import subprocess
import sys

REPOSITORY = "https://github.com/learning-in-pinns/learning-in-pinns"
if "google.colab" in sys.modules:  # elsewhere this cell does nothing
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps"]
    subprocess.run([*pip, f"pinnlib @ git+{REPOSITORY}"], check=True)

# %% tags=["hide-cell"]
import textwrap

import matplotlib.pyplot as plt
import numpy as np
import torch
from scipy.integrate import solve_ivp

import pinnlib as pl
from pinnlib import figures

figures.style()


# %%
def solve(problem, **settings):
    """Train a small network, and say how far it is from the known solution."""
    small = dict(width=16, depth=2, points=64, batches=8, lr=2e-3)
    return pl.train(problem, pl.Config(**small | settings), progress=False)


def faces(domain, n, seed, *where):
    """``n`` points on each face, of a coordinate by its number at an end of its range."""
    face = pl.sampling.face
    return [face(domain, n, axis=axis, value=end, seed=seed) for axis, end in where]


def within(run, bound):
    """Whether the relative error is at most ``bound``."""
    error = run.history["rel_l2"][-1]
    return f"relative L2 error at most {bound:g}: {bool(error <= bound)}"


# %% [markdown]
# ## The smallest problem
#
# A slab is heated evenly, $u'' = u - 1$, and its ends are kept at $u = 0$. A problem is a class. It
# names its coordinates, its fields, its domain and the derivatives that it reads. The method
# `residual` is the equation, as you would write it. The method `data` says what is known at which
# points.
#
# `points` may carry further axes in front. So take a coordinate as `points[..., 0]`. `d.u_xx` and the
# residual have one number a point.


# %%
class Slab(pl.Problem):
    coordinates = ("x",)
    fields = ("u",)
    domain = ((0.0, 1.0),)
    partials = ("u", "u_xx")

    def residual(self, points, d):
        return d.u_xx - d.u + 1.0

    def data(self, n, seed):
        return np.array([0.0, 1.0]), np.array([0.0, 0.0])

    def reference(self, points):  # if you know the solution
        return 1.0 - np.cosh(points - 0.5) / np.cosh(0.5)


run = solve(Slab(), steps=1_000)
print(within(run, 0.02))

# %% [markdown]
# A run draws itself. {numref}`fig-your-slab` has the losses, the error and the signal-to-noise ratio
# of the batch gradients over the steps. What the last one means is the subject of
# {doc}`02_signal_and_noise`.

# %% mystnb={"figure": {"caption": "The run of the smallest problem, drawn by `run.plot()`.", "name": "fig-your-slab"}, "image": {"alt": "Three panels over the Adam step: losses that fall, the relative error that falls, and the signal-to-noise ratio."}}
run.plot()

# %% [markdown]
# `run.predict(points)` gives the field, `run.residual()` what the equation leaves over,
# `run.history` all that was measured, `run.to_pandas()` the same as a table. `run.save("slab.npz")`
# keeps it, and `pl.Run.load("slab.npz", problem=Slab())` reads it again.
#
# ## Conditions by name
#
# Groundwater flows through a square of sand, $h_{xx} + h_{yy} = 0$. A river on the west side fixes
# the head $h$ (Dirichlet). Nothing flows through the rock in the south and in the north (Neumann). A
# drain in the east takes the more, the higher the head is (Robin). Each `pl.Condition` has a name,
# its points, a formula of the fields and the values that the formula has there. The formula is a
# function of points and fields, or simply the name of a field or a derivative.


# %%
class Groundwater(pl.Problem):
    coordinates = ("x", "y")
    fields = ("h",)
    domain = ((0.0, 1.0), (0.0, 1.0))
    partials = ("h_xx", "h_yy")

    def residual(self, points, d):
        return d.h_xx + d.h_yy

    def conditions(self, n, seed):
        ends = [(axis, end) for axis in (0, 1) for end in (0.0, 1.0)]
        west, east, south, north = faces(self.domain, n // 4, seed, *ends)
        outflow = 0.5 + 2.0 * (self.reference(east) - 1.0)
        return [
            pl.Condition("river", west, "h", self.reference(west)),
            pl.Condition("rock", np.concatenate([south, north]), "h_y", 0.0),
            pl.Condition("drain", east, lambda p, d: d.h_x + 2 * (d.h - 1), outflow),
        ]

    def reference(self, points):
        x, y = points.T
        wave = np.cosh(np.pi * (1 - x)) / np.cosh(np.pi)
        return 1 + x / 2 + 0.2 * np.cos(np.pi * y) * wave


# %%
square = dict(width=32, depth=3, points=512, data_points=128, batches=16)
lbfgs = dict(finish="lbfgs", finish_steps=300)
run = solve(Groundwater(), **square, **lbfgs, steps=800)
print(within(run, 0.002))

# %% [markdown]
# Each condition has its own loss in the history, and the norm of its gradient, with its weight.
# `pl.Condition(..., weight=10.0)` makes one count more. {numref}`fig-your-groundwater` shows the
# losses. Adam leaves the river the worst of the four. The last 300 steps are of L-BFGS, which
# {ref}`sec-your-finish` explains, and it is the river that gains most.

# %% mystnb={"figure": {"caption": "Groundwater: mean squared misfit of each condition, and of the equation.", "name": "fig-your-groundwater"}, "image": {"alt": "Four curves of losses over the step, falling to about one hundred thousandth; all drop where L-BFGS takes over at step 800."}} tags=["hide-input"]
fig, ax = plt.subplots()
for name in ("residual", "river", "rock", "drain"):
    ax.plot(run.history["step"], run.history[f"loss_{name}"], label=name)
ax.axvline(800, color="0.6", linestyle=":")
ax.set(xlabel="step", ylabel="mean square", yscale="log")
ax.legend()
figures.stamp(fig, f"trained here: {run.config.describe()}")
plt.show()

# %% [markdown]
# ## A domain that is not a box
#
# The equation $\Delta u = 0.1 / r^3$ holds in an L with a round hole, where $r$ is the distance from
# the hole's middle. `domain` is the box around it. The method `inside` says which points of the box
# belong to the domain. Where you have points of your own, from a mesh for example, write a method
# `points(n, seed)` instead.


# %%
def away(p):
    return ((p[..., 0] - 0.25) ** 2 + (p[..., 1] - 0.5) ** 2) ** 0.5


# %%
def border(n, seed):
    """``n`` random points on the edges, and half as many around the hole."""
    rng, turn = np.random.default_rng(seed), np.linspace(0, 2 * np.pi, n // 2)
    hole = [0.25, 0.5] + 0.125 * np.stack([np.cos(turn), np.sin(turn)], axis=1)
    at = [[0, 0], [1, 0], [1, 0.5], [0.5, 0.5], [0.5, 1], [0, 1], [0, 0]]
    corner, k = np.array(at), rng.integers(0, 6, n)
    return corner[k] + rng.random((n, 1)) * (corner[k + 1] - corner[k]), hole


# %%
class Bracket(pl.Problem):
    coordinates = ("x", "y")
    fields = ("u",)
    domain = ((0.0, 1.0), (0.0, 1.0))
    partials = ("u_xx", "u_yy")

    def inside(self, points):
        notch = (points[:, 0] > 0.5) & (points[:, 1] > 0.5)
        return ~notch & (away(points) > 0.125)

    def residual(self, points, d):
        return d.u_xx + d.u_yy - 0.1 / away(points) ** 3

    def conditions(self, n, seed):
        edge, hole = border(n, seed)
        return [
            pl.Condition("edge", edge, "u", self.reference(edge), weight=100.0),
            pl.Condition("hole", hole, "u", self.reference(hole), weight=100.0),
        ]

    def reference(self, points):
        return 0.1 / away(points)


# %%
bracket = solve(
    Bracket(),
    **square | dict(points=1_024),
    steps=1_000,
    finish="lbfgs",
    finish_steps=400,
)
print(within(bracket, 0.02))
print("all points inside:", bool(Bracket().inside(bracket.points).all()))

# %% mystnb={"figure": {"caption": "The L with a hole: the field at the points where it was trained.", "name": "fig-your-bracket"}, "image": {"alt": "Points scattered over an L-shaped plate with a round hole, coloured by the field, which is largest around the hole."}} tags=["hide-input"]
fig, ax = plt.subplots()
field = bracket.predict(bracket.points)[:, 0]
dots = ax.scatter(*bracket.points.T, c=field, s=8)
ax.set(xlabel="x", ylabel="y", aspect="equal")
fig.colorbar(dots, label="u")
figures.stamp(fig, f"trained here: {bracket.config.describe()}")
plt.show()

# %% [markdown]
# ## Fourth order, and units
#
# A beam of two metres is clamped at both ends and loaded evenly, $w'''' = -1$. Derivatives up to the
# fourth are there, in all coordinates. The deflection is about 0.04 and the beam is not of length
# one. `normalize = True` gives the network $x$ in $[-1, 1]$, and `magnitudes` says how large the field
# is. Derivatives stay exact, and the loss is taken in units of its largest term.


# %%
class Beam(pl.Problem):
    coordinates = ("x",)
    fields = ("w",)
    domain = ((0.0, 2.0),)
    partials = ("w_xxxx",)
    normalize = True
    magnitudes = {"w": 0.04}

    def residual(self, points, d):
        return d.w_xxxx + 1.0

    def conditions(self, n, seed):
        ends = np.array([0.0, 2.0])
        return [pl.Condition("held", ends, "w"), pl.Condition("clamped", ends, "w_x")]

    def reference(self, x):
        return -(x**2) * (2.0 - x) ** 2 / 24.0


exact = dict(dtype="float64", finish="lbfgs", finish_steps=500, data_weight=100.0)
print(within(solve(Beam(), **exact, steps=500), 0.01))


# %% [markdown]
# On a domain that is long or short, `normalize` decides whether a PINN learns at all. Here is
# $u'' = 0$ on $[0, 100]$, with and without it. Without it, a warning says so.


# %%
class Line(pl.Problem):
    coordinates = ("x",)
    fields = ("u",)
    domain = ((0.0, 100.0),)
    partials = ("u_xx",)

    def __init__(self, normalize):
        self.normalize = normalize

    def residual(self, points, d):
        return d.u_xx

    def data(self, n, seed):
        return np.array([0.0, 100.0]), np.array([0.0, 1.0])

    def reference(self, points):
        return points / 100.0


plain, mapped = (solve(Line(normalize), steps=1_500) for normalize in (False, True))
print("without:", within(plain, 0.1))
print("with:", within(mapped, 0.01))


# %% [markdown]
# ## Three coordinates
#
# Heat spreads over a plate with cold edges, $T_t = T_{xx} + T_{yy}$. An entry of `operators` is a sum
# of derivatives that is read as one name. It costs as much as one derivative. The error is taken on a
# grid of at most 40,401 points in any number of coordinates.


# %%
class Heat(pl.Problem):
    coordinates = ("x", "y", "t")
    fields = ("T",)
    domain = ((0.0, np.pi), (0.0, np.pi), (0.0, 2.0))
    partials = ()
    operators = {"heat": {"T_t": 1.0, "T_xx": -1.0, "T_yy": -1.0}}

    def residual(self, points, d):
        return d.heat

    def conditions(self, n, seed):
        ends = [(axis, end) for axis in (0, 1) for end in (0.0, np.pi)]
        *walls, start = faces(self.domain, n // 5, seed, *ends, (2, 0.0))
        return [
            pl.Condition("edges", np.concatenate(walls), "T", 0.0),
            pl.Condition("start", start, "T", self.reference(start)),
        ]

    def reference(self, points):
        x, y, t = points.T
        return 10.0 * np.sin(x) * np.sin(y) * np.exp(-2.0 * t)


# %%
plate = dict(width=48, depth=3, points=1_024, data_points=200, batches=16)
run = solve(Heat(), **plate, steps=2_000)
print(within(run, 0.03))
print("points of the test grid:", len(Heat().test_grid()))


# %% [markdown]
# ## Several equations: two materials
#
# A rod is half copper, half steel, and heated evenly. Each half has a field of its own and an
# equation of its own. Where they touch, temperature and heat flux agree. A residual of several
# equations is a dict. Each equation then has its loss in the history, and with residual-based
# attention its own weights.


# %%
class Rod(pl.Problem):
    coordinates = ("x",)
    fields = ("c", "s")
    domain = ((0.0, 1.0),)
    partials = ("c_xx", "s_xx")

    def residual(self, points, d):
        return {"copper": 4.0 * d.c_xx + 1.0, "steel": 0.5 * d.s_xx + 1.0}

    def conditions(self, n, seed):
        left, touch, right = 0.0, 0.5, 1.0
        return [
            pl.Condition("left", [left], "c"),
            pl.Condition("right", [right], "s"),
            pl.Condition("temperature", [touch], lambda p, d: d.c - d.s),
            pl.Condition("flux", [touch], lambda p, d: 4 * d.c_x - d.s_x / 2),
        ]

    def reference(self, points):
        x = points[:, 0]
        a, b = np.linalg.solve(
            [[0.5, -0.5], [4.0, 0.5]], [0.125 / 4 - 0.125 / 0.5, 1.0]
        )
        copper, steel = a * x - x**2 / 8, b * (1 - x) - (1 - x) ** 2
        return np.stack([copper, steel], axis=1)


# %%
run = solve(Rod(), steps=300, finish="lbfgs", finish_steps=200, weighting=pl.RBA())
print(within(run, 0.02))
print("losses:", [name for name in run.history if name.startswith("loss_")])


# %% [markdown]
# ## Coefficients from measurements
#
# The system of Lorenz has three coefficients, and its course was measured 50 times. An entry of
# `unknowns` is a number that is trained with the network. The residual reads it as `d.rho`. Where it
# must stay positive, as here, a step changes it by a share of itself. Its course is in
# `run.history["rho"]`, and its last value in `run.unknowns`. {numref}`fig-your-lorenz` shows the
# way there.


# %%
def course(t):
    """The system with its true coefficients, at times ``t``: ``(n_times, 3)``."""

    def slope(t, s, sigma=10.0, rho=28.0, beta=8.0 / 3.0):
        x, y, z = s
        return [sigma * (y - x), x * (rho - z) - y, x * y - beta * z]

    tight = dict(rtol=1e-9, atol=1e-9, dense_output=True)
    return solve_ivp(slope, (0.0, 2.0), [-8.0, 7.0, 27.0], **tight).sol(t).T


# %%
class Lorenz(pl.Problem):
    coordinates = ("t",)
    fields = ("x", "y", "z")
    domain = ((0.0, 2.0),)
    partials = ("x", "y", "z", "x_t", "y_t", "z_t")
    unknowns = {
        name: pl.Unknown(1.0, positive=True) for name in ("sigma", "rho", "beta")
    }
    normalize, magnitudes = True, {"x": 10.0, "y": 10.0, "z": 30.0}

    def residual(self, points, d):
        return {
            "x": d.x_t - d.sigma * (d.y - d.x),
            "y": d.y_t - d.x * (d.rho - d.z) + d.y,
            "z": d.z_t - d.x * d.y + d.beta * d.z,
        }

    def conditions(self, n, seed):
        t = np.linspace(0.0, 2.0, n)
        return [pl.Condition("measured", t, self.fields, course(t), weight=100.0)]

    def reference(self, points):
        return course(points[:, 0])


# %%
lorenz = solve(
    Lorenz(),
    **dict(width=32, depth=3, points=256, data_points=50, batches=16),
    **dict(lr=3e-3, lr_decay_every=1_000, steps=2_000),
    **lbfgs,
)
truth = {"sigma": 10.0, "rho": 28.0, "beta": 8.0 / 3.0}
for name, value in lorenz.unknowns.items():
    print(f"{name} within 2%:", bool(abs(value / truth[name] - 1.0) <= 0.02))

# %% mystnb={"figure": {"caption": "The three coefficients of the Lorenz system over the truth, from a start at 1.", "name": "fig-your-lorenz"}, "image": {"alt": "Three ratios to the true coefficients over the step. They start far below one and come to one within two thousand steps."}} tags=["hide-input"]
fig, ax = plt.subplots()
for name, value in truth.items():
    ax.plot(lorenz.history["step"], lorenz.history[name] / value, label=rf"$\{name}$")
ax.axhline(1.0, color="0.6", linestyle=":")
ax.set(xlabel="step", ylabel="coefficient / truth", ylim=(0, 2))
ax.legend()
figures.stamp(fig, f"trained here: {lorenz.config.describe()}")
plt.show()


# %% [markdown]
# Nothing happens for the first thousand steps: the network does not yet follow the measurements, and
# coefficients without a course to explain have no reason to grow. $\sigma$ is the last to arrive, and
# only L-BFGS brings it there. The data have no noise, which measurements have.
#
# ## Periodic sides
#
# A wave packet obeys the nonlinear Schrödinger equation, $i \psi_t + \psi_{xx} / 2 + |\psi|^2 \psi =
# 0$, with $\psi = u + i v$. `periodic` makes all fields periodic exactly, by giving the network waves
# of $x$ instead of $x$. The exact solution is of the whole line; at these sides it is below a
# thousandth of its peak at the start.
#
# Where periodicity shall be a condition instead, give its points a partner:
# `pl.Condition("sides", left, lambda p, d, e: d.u - e.u, partner=right)`.


# %%
class Packet(pl.Problem):
    coordinates = ("x", "t")
    fields = ("u", "v")
    domain = ((-8.0, 8.0), (0.0, 2.0))
    partials = ("u", "v", "u_t", "v_t", "u_xx", "v_xx")
    periodic = {"x": 8}  # modes
    speed = np.pi / 4  # the phase is periodic too

    def residual(self, points, d):
        size = d.u**2 + d.v**2
        real = d.u_t + d.v_xx / 2 + size * d.v
        return {"real": real, "imaginary": d.v_t - d.u_xx / 2 - size * d.u}

    def conditions(self, n, seed):
        start = pl.sampling.face(self.domain, n, axis=1, value=0.0, seed=seed)
        return [
            pl.Condition("start", start, ("u", "v"), self.reference(start), weight=10.0)
        ]

    def reference(self, points):
        x, t = points.T
        phase = self.speed * x + (1 - self.speed**2) * t / 2
        parts = np.stack([np.cos(phase), np.sin(phase)], axis=1)
        return parts / np.cosh(x - self.speed * t)[:, None]


# %%
packet = solve(
    Packet(),
    **square | dict(points=1_024),
    steps=1_000,
    finish="lbfgs",
    finish_steps=800,
)
print(within(packet, 0.03))
left, right = (packet.predict(np.array([[x, 1.0]])) for x in (-8.0, 8.0))
print("periodic to rounding:", bool(np.abs(left - right).max() < 1e-5))


# %% [markdown]
# ## A condition that holds exactly
#
# A method `transform` makes the fields from what the network gives. $x (1 - x) N(x)$ is zero at both
# ends, whatever the network says. Then nothing is left for `data`. Derivatives, errors and
# predictions are those of the transformed field.


# %%
class Held(pl.Problem):
    coordinates = ("x",)
    fields = ("u",)
    domain = ((0.0, 1.0),)
    partials = ("u_xx",)

    def residual(self, points, d):
        return d.u_xx + np.pi**2 * torch.sin(np.pi * points[..., 0])

    def transform(self, points, network):
        return points * (1.0 - points) * network

    def reference(self, points):
        return np.sin(np.pi * points)


run = solve(Held(), steps=1_500)
print(within(run, 0.01))
print("zero at both ends:", bool((run.predict(np.array([[0.0], [1.0]])) == 0).all()))

# %% [markdown]
# (sec-your-finish)=
# ## While it trains
#
# `callback` is called at each probe, with the row of the history and the run so far. Training stops
# where it returns `True`. `pl.StopWhen` is a callback that is ready: at an error, at a loss, or at a
# phase that {doc}`13_phases` defines. A phase alone is a poor reason to stop
# ({doc}`what_to_do_when`).

# %%
settings = pl.Config(width=16, depth=2, points=64, batches=8, steps=5_000, lr=2e-3)
stop = pl.StopWhen(rel_l2=0.05)
run = pl.train(Slab(), settings, callback=stop, progress=False)
print("stopped before the end:", run.step < 5_000)
print("because of the error:", stop.reason.startswith("rel_l2"))

# %% [markdown]
# `finish="lbfgs"` goes on from Adam's last step by L-BFGS. It uses curvature, wants all points at
# once and a loss that stays the same. So points and attention weights stay as Adam left them. It
# suits small problems that Adam has brought near. The last steps are in the same run, the same
# history and the same checkpoint.

# %%
sizes = dict(width=16, depth=2, points=64, batches=8, lr=2e-3, dtype="float64")
settings = pl.Config(**sizes, steps=500, finish="lbfgs", finish_steps=300)
run = pl.train(Slab(), settings, progress=False)
before, after = run.at(500)["rel_l2"], run.at(800)["rel_l2"]
print("L-BFGS makes the error at least 10 times smaller:", bool(after < before / 10))

# %% [markdown]
# `pl.train(..., checkpoint="run.npz")` renews a file every minute, and `pl.resume("run.npz",
# problem=Slab())` goes on from it. Ctrl-C keeps what was trained. `print(pl.forecast(problem,
# config))` says how long a training would take here. On the command line, for a class `Slab` in
# `my_problem.py`:
#
# ```
# python -m pinnlib train my_problem:Slab --steps 2000 --out slab.npz
# python -m pinnlib info slab.npz
# ```
#
# ## What is checked before the first step
#
# A wrong shape can train for hours and learn nothing. So a problem is looked at before the first
# step: names, shapes, numbers that are not finite, parameters that nothing trains, and whether each
# point's residual follows from that point alone. Here are three faults, and what is said of them.


# %%
class FirstPointOnly(Slab):
    def residual(self, points, d):
        return d.u_xx + torch.sin(points[:, 0])  # not points[..., 0]


class Averaged(Slab):
    def residual(self, points, d):
        return d.u_xx - d.u.mean()  # over a chunk of points, not over the domain


class OneColumn(Rod):
    def conditions(self, n, seed):
        return [pl.Condition("left", [0.0], ("c", "s"), [0.0])]


for problem in (FirstPointOnly(), Averaged(), OneColumn()):
    try:
        solve(problem, steps=10)
    except ValueError as error:
        print(textwrap.fill(str(error), 80), end="\n\n")

# %% [markdown]
# What cannot be checked is whether the equation is the one that you meant. Two residuals that are
# added, for example, may cancel. Return them as a dict.
#
# ## Limits
#
# The solutions on this page are smooth, the networks small, and each was trained once here. Errors
# change with the seed. L-BFGS moves all points at once and is no help for a landscape that Adam has
# not crossed. Stiff and turbulent problems need more than this page says.
#
# ## What to read next
#
# - {doc}`what_to_do_when`: symptoms, what to look at, and what to do.
# - {doc}`17_your_pinn`: what `run.report()` says, and `pl.compare`, which tries whether attention helps.
# - {doc}`02_signal_and_noise`: what the signal-to-noise ratio of your run means.
# - {doc}`13_phases`: whether there are phases.
# - {doc}`api`: every name, with shapes and errors.
