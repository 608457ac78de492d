"""The same training step as people write it today.

Each function takes a :class:`~benchmarks.case.Case` and returns a step: a callable without arguments that
does one whole step (loss, gradients, Adam), waits until it is done, and returns the loss before the step.
A framework is imported only by the functions that need it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from .case import DIFFUSION, LEARNING_RATE, REACTION, Case

if TYPE_CHECKING:
    import jax
    import torch

__all__ = ["deepxde_torch", "jax_forward", "jax_nested", "nested_torch", "nested_torch_by_batches", "watched_nested_torch"]

Step = Callable[[], float]


def nested_torch(case: Case) -> Step:
    """PyTorch: ``torch.autograd.grad`` of ``torch.autograd.grad``, then ``backward`` through both."""
    model, optimizer, x, t, misfit = _torch_case(case)

    def step() -> float:
        optimizer.zero_grad()
        loss = (_torch_residual(model, x, t) ** 2).mean() + misfit()
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def nested_torch_by_batches(case: Case, batches: int) -> Callable[[], tuple[float, float]]:
    """The same, one batch after the other; the mean of their gradients is the step's, their spread gives the SNR."""
    import torch

    model, optimizer, x, t, misfit = _torch_case(case)
    parameters = list(model.parameters())
    parts = list(zip(x.detach().chunk(batches), t.detach().chunk(batches), strict=True))

    def step() -> tuple[float, float]:
        rows, losses = [], []
        for part in parts:
            loss = (_torch_residual(model, *(v.clone().requires_grad_() for v in part)) ** 2).mean() + misfit()
            rows.append(torch.autograd.grad(loss, parameters))
            losses.append(loss.item())
        stacked = [torch.stack(own) for own in zip(*rows, strict=True)]
        for p, own in zip(parameters, stacked, strict=True):
            p.grad = own.mean(0)
        weights = torch.cat([own.flatten(1) for own in stacked if own.ndim == 3], dim=1)
        snr = weights.mean(0).norm() / weights.std(0, correction=0).norm()
        optimizer.step()
        return sum(losses) / batches, snr.item()

    return step


def watched_nested_torch(case: Case, batches: int, how: str) -> Callable[[], float]:
    """A probe of :class:`pinnlib.Monitor` on the nested formulation, its gradients found in a way that is told."""
    import pinnlib as pl
    from pinnlib.monitoring import batch_gradients

    model, optimizer, x, t, misfit = _torch_case(case)
    monitor = pl.Monitor(
        model,
        residual=lambda: _torch_residual(model, x, t),
        terms={"start": misfit},
        optimizer=optimizer,
        points=case.collocation,
        batches=batches,
        every=1,
    )
    monitor(0)  # it compares two ways
    if monitor.how != "rows":
        raise SystemExit(f"the monitor takes {monitor.how} for a multilayer perceptron")
    limits = batch_gradients.POINTS
    done = 0

    def probe() -> float:
        nonlocal done
        done += 1
        kept, monitor._gradients.how = limits["cpu"], how
        limits["cpu"] = 2**40 if how == "vmap" else kept
        try:
            return monitor(done)["snr"]
        finally:
            limits["cpu"] = kept

    return probe


def _torch_case(case: Case) -> tuple:
    """Model, optimizer, coordinates and the data term."""
    import torch
    from torch import nn

    layers: list[nn.Module] = []
    for weight, bias in zip(case.weights, case.biases, strict=True):
        linear = nn.Linear(weight.shape[1], weight.shape[0])
        with torch.no_grad():
            linear.weight.copy_(torch.from_numpy(weight))
            linear.bias.copy_(torch.from_numpy(bias))
        layers += [linear, nn.Tanh()]
    model = nn.Sequential(*layers[:-1])
    optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE)
    x, t = (torch.from_numpy(column.copy()).requires_grad_() for column in (case.collocation[:, :1], case.collocation[:, 1:]))
    data_points, data_values = torch.from_numpy(case.data_points), torch.from_numpy(case.data_values)

    def misfit() -> torch.Tensor:
        return ((model(data_points) - data_values) ** 2).mean()

    return model, optimizer, x, t, misfit


def _torch_residual(model: torch.nn.Module, x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
    import torch

    u = model(torch.cat([x, t], dim=1))
    ones = torch.ones_like(u)
    u_x = torch.autograd.grad(u, x, ones, create_graph=True)[0]
    u_t = torch.autograd.grad(u, t, ones, create_graph=True)[0]
    u_xx = torch.autograd.grad(u_x, x, ones, create_graph=True)[0]
    return u_t - DIFFUSION * u_xx + REACTION * u**3 - REACTION * u


def jax_nested(case: Case) -> Step:
    """JAX: ``grad`` of ``grad`` at one point, ``vmap`` over points, ``jit`` of the whole step."""
    import jax

    def residual(params: list, point: jax.Array) -> jax.Array:
        def u(x: jax.Array, t: jax.Array) -> jax.Array:
            return _jax_network(params, jax.numpy.stack([x, t]))[0]

        x, t = point
        value, u_t, u_xx = u(x, t), jax.grad(u, argnums=1)(x, t), jax.grad(jax.grad(u))(x, t)
        return u_t - DIFFUSION * u_xx + REACTION * value**3 - REACTION * value

    return _jax_step(case, jax.vmap(residual, in_axes=(None, 0)))


def jax_forward(case: Case) -> Step:
    """JAX: ``jvp`` of ``jvp`` for u_x and u_xx and ``jvp`` for u_t, ``vmap`` over points, ``jit`` of the whole step."""
    import jax

    def residual(params: list, point: jax.Array) -> jax.Array:
        def u(point: jax.Array) -> jax.Array:
            return _jax_network(params, point)[0]

        along_x, along_t = jax.numpy.eye(2, dtype=point.dtype)
        (value, _), (_, u_xx) = jax.jvp(lambda p: jax.jvp(u, (p,), (along_x,)), (point,), (along_x,))
        _, u_t = jax.jvp(u, (point,), (along_t,))
        return u_t - DIFFUSION * u_xx + REACTION * value**3 - REACTION * value

    # a few percent faster than the same on whole arrays
    return _jax_step(case, jax.vmap(residual, in_axes=(None, 0)))


def _jax_network(params: list, h: jax.Array) -> jax.Array:
    import jax.numpy as jnp

    for weight, bias in params[:-1]:
        h = jnp.tanh(h @ weight + bias)
    weight, bias = params[-1]
    return h @ weight + bias


def _jax_step(case: Case, residual: Callable[[list, jax.Array], jax.Array]) -> Step:
    import jax
    import jax.numpy as jnp

    points, data_points, data_values = (jnp.asarray(a) for a in (case.collocation, case.data_points, case.data_values))

    def loss_of(params: list, points: jax.Array, data_points: jax.Array, data_values: jax.Array) -> jax.Array:
        misfit = _jax_network(params, data_points) - data_values
        return (residual(params, points) ** 2).mean() + (misfit**2).mean()

    def update(state: tuple, *arrays: jax.Array) -> tuple[tuple, jax.Array]:
        params, first, second, count = state
        loss, grads = jax.value_and_grad(loss_of)(params, *arrays)
        count = count + 1
        first = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, first, grads)
        second = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g**2, second, grads)
        rate, scale = LEARNING_RATE / (1 - 0.9**count), 1 / (1 - 0.999**count)
        params = jax.tree.map(lambda p, m, v: p - rate * m / (jnp.sqrt(scale * v) + 1e-8), params, first, second)
        return (params, first, second, count), loss

    # a function of the arrays, not a closure: XLA would spend the compilation on folding constants
    update = jax.jit(update, donate_argnums=0)
    params = [(jnp.asarray(weight.T), jnp.asarray(bias)) for weight, bias in zip(case.weights, case.biases, strict=True)]
    zeros = [jax.tree.map(jnp.zeros_like, params) for _ in range(2)]
    state = (params, *zeros, jnp.zeros((), jnp.float32))

    def step() -> float:
        nonlocal state
        state, loss = jax.block_until_ready(update(state, points, data_points, data_values))
        return float(loss)

    return step


def deepxde_torch(case: Case) -> Step:
    """DeepXDE on PyTorch: what one iteration of its ``Model.train`` does, without its display.

    DeepXDE evaluates the residual at the data points too and then drops it, so it does 512 points more than the others.
    """
    os.environ["DDE_BACKEND"] = "pytorch"
    import deepxde as dde
    import torch

    def residual(points: torch.Tensor, u: torch.Tensor) -> torch.Tensor:
        u_t = dde.grad.jacobian(u, points, i=0, j=1)
        u_xx = dde.grad.hessian(u, points, i=0, j=0)
        return u_t - DIFFUSION * u_xx + REACTION * u**3 - REACTION * u

    domain = dde.geometry.GeometryXTime(dde.geometry.Interval(-1.0, 1.0), dde.geometry.TimeDomain(0.0, 1.0))
    initial = dde.icbc.PointSetBC(case.data_points, case.data_values)
    data = dde.data.TimePDE(domain, residual, [initial], anchors=case.collocation)
    net = dde.nn.FNN([2, *[case.width] * case.depth, 1], "tanh", "Glorot normal")
    with torch.no_grad():
        for linear, weight, bias in zip(net.linears, case.weights, case.biases, strict=True):
            linear.weight.copy_(torch.from_numpy(weight))
            linear.bias.copy_(torch.from_numpy(bias))
    model = dde.Model(data, net)
    model.compile("adam", lr=LEARNING_RATE, verbose=0)

    losses = []
    update = model.opt.step
    model.opt.step = lambda closure: losses.append(update(closure))  # DeepXDE drops the loss, which we return

    def step() -> float:
        model.train_state.set_data_train(*data.train_next_batch(None))
        state = model.train_state
        model._train_step(state.X_train, state.y_train, state.train_aux_vars)
        return losses.pop().item()

    return step
