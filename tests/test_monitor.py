"""Watching a training in plain torch: against pl.train, against slow twins, and against the same training unwatched."""

import doctest
import math
import random
from pathlib import Path

import coverage
import numpy as np
import pytest
import torch
from torch import nn

import pinnlib as pl
from pinnlib import evaluation, models, monitor, order, sampling
from pinnlib.monitor import Monitor
from pinnlib.monitoring import batch_gradients

PROBLEM = pl.problems.Helmholtz(a=(1, 1))
PROBLEM.resolution = 11
DOUBLE = torch.float64
POINTS = torch.as_tensor(sampling.interior(PROBLEM.domain, 64, seed=0))


def helmholtz(net, points=POINTS):
    """The residual by nested autograd, ``(n, 1)``."""
    x = points.clone().requires_grad_()
    u = net(x)
    du = torch.autograd.grad(u.sum(), x, create_graph=True)[0]
    laplace = sum(torch.autograd.grad(du[:, i].sum(), x, create_graph=True)[0][:, i : i + 1] for i in (0, 1))
    return laplace + u[:, :1] - PROBLEM.forcing(points)[:, None]


def slope(net, points=POINTS):
    """A residual of first order, ``(n,)``."""
    x = points.clone().requires_grad_()
    u = net(x)
    return torch.autograd.grad(u.sum(), x, create_graph=True)[0][:, 0] + (u**2).sum(1) - 1.0


def mlp(seed=0, width=8, dtype=DOUBLE):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(2, width), nn.Tanh(), nn.Linear(width, width), nn.Tanh(), nn.Linear(width, 1)).to(dtype)


def edge(net):
    return 3.0 * (net(POINTS[:8]) - 0.5).square().mean()


def twin(parameters, residual, terms, batches, weights=1.0):
    """Signal and noise by one backward pass a batch, each of a graph of its own and with all terms."""
    rows = []
    for b in range(batches):
        given = residual()
        given = given if isinstance(given, dict) else {"": given}
        loss = sum(((weights * r.flatten() ** 2).chunk(batches)[b]).mean() for r in given.values()) + sum(t() for t in terms)
        grads = torch.autograd.grad(loss, parameters, allow_unused=True)
        rows.append(
            torch.cat([(torch.zeros_like(p) if g is None else g).flatten() for p, g in zip(parameters, grads, strict=True)])
        )
    whole = torch.stack(rows).double().numpy()
    return np.linalg.norm(whole.mean(0)), np.linalg.norm(whole.std(0)), whole


def matrices(*nets):
    return [p for net in nets for p in net.parameters() if p.ndim >= 2]


@pytest.mark.parametrize("weighting", [None, pl.RBA()])
def test_a_plain_loop_has_the_history_of_train(weighting):
    size = {"width": 8, "depth": 2, "points": 64, "data_points": 20, "batches": 8}
    config = pl.Config(
        **size, steps=12, probe_every=4, dtype="float64", weighting=weighting, data_weight=2.0, device="cpu", compile=False
    )
    run = pl.train(PROBLEM, config, progress=False)
    net = models.MLP(2, 1, width=8, depth=2, seed=0, dtype=DOUBLE)
    where, values = map(torch.as_tensor, PROBLEM.data(20, 0))
    data = lambda: 2.0 * (net(where) - values).square().mean()  # noqa: E731
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    lam = torch.zeros(64, dtype=DOUBLE)
    watching = Monitor(
        net,
        residual=lambda: helmholtz(net),
        terms={"data": data},
        weights=(lambda: lam**2) if weighting else None,
        optimizer=optimizer,
        points=POINTS,
        domain=PROBLEM.domain,
        batches=8,
        at=run.history["step"],
    )
    for step in range(13):
        r = helmholtz(net)[:, 0]
        lam = 0.999 * lam + 1e-3 * r.detach().abs() / r.detach().abs().max() if weighting else lam
        loss = ((lam**2 if weighting else 1.0) * r**2).mean() + data()
        watching(step)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    ours = watching.history
    assert ours["step"].tolist() == run.history["step"].tolist()
    for name in set(ours) & set(run.history) - {"wall_time", "rel_l2", "loss_data"}:
        for row in (0, -1):
            assert ours[name][row] == pytest.approx(run.history[name][row], rel=1e-10, nan_ok=True), name
    assert ours["loss_data"] == pytest.approx(2.0 * run.history["loss_data"], rel=1e-10)
    assert {"snr", "snr_layers", "snr_residual", "signal_data", "order_gradient", "order_residual", "snr_adam"} <= set(ours)
    assert np.isfinite(ours["adam_step"][1:]).all()


@pytest.mark.parametrize("biases", [False, True])
@pytest.mark.parametrize("shuffle", [None, 4])
@pytest.mark.parametrize("dtype", [DOUBLE, torch.float32])
def test_rows_vmap_and_loop_agree(monkeypatch, biases, shuffle, dtype):
    net, rows = mlp(dtype=dtype), {}
    for how, limit in {"vmap": 64 * 3, "loop": 64 * 2, "rows": 64 * 8}.items():  # vmap three batches at a time
        monkeypatch.setitem(batch_gradients.POINTS, "cpu", limit)
        watching = Monitor(
            net, residual=lambda: helmholtz(net, POINTS.to(dtype)), batches=8, biases=biases, shuffle=shuffle, every=1
        )
        assert watching.how is None
        assert math.isnan(watching.seconds)
        if how != "rows":
            monkeypatch.setattr(watching._gradients, "_by_rows", lambda *_: None)
        watching(0)
        assert watching.how == how
        assert watching.seconds > 0
        rows[how] = watching(1)
        assert watching.how == how
    for name in set(rows["vmap"]) - {"wall_time"}:
        for other in ("loop", "rows"):
            tolerance = 1e-11 if dtype == DOUBLE else 1e-4
            assert rows["vmap"][name] == pytest.approx(rows[other][name], rel=tolerance, nan_ok=True), name
    assert rows["vmap"]["snr_layers"].shape == ((6,) if biases else (3,))


@pytest.mark.parametrize("kind", ["mean", "neighbours", "pair", "batch norm", "permuted", "stacked", "batched", "norm"])
def test_rows_are_not_taken_where_points_depend_on_each_other(kind):
    torch.manual_seed(0)
    net = Drops().double() if kind == "batch norm" else mlp()
    if kind == "batch norm":
        net.drop.p = 0.0
    pair = torch.zeros(64, 64, dtype=DOUBLE)
    pair[63, 10] = 1e-3

    def residual():
        u = net(POINTS)[:, 0]
        return {
            "mean": lambda: u - u.mean(),
            "neighbours": lambda: u - u.roll(1),
            "pair": lambda: u - pair @ u,
            "batch norm": lambda: u - 1.0,
            "permuted": lambda: net(POINTS.flip(0))[:, 0].flip(0),
            "norm": lambda: u + net[0].weight.norm(),
            "stacked": lambda: net(torch.cat([POINTS, -POINTS])).view(2, 64).sum(0),
            "batched": lambda: net(torch.stack([POINTS, -POINTS]).transpose(0, 1)).sum((1, 2)),
        }[kind]()

    watching = agrees(net, residual, {}, matrices(net))
    assert watching.how == "vmap"
    agrees(net, residual, {}, list(net.parameters()), biases=True)


def test_points_that_come_to_depend_on_each_other_are_noticed():
    net, mixed = mlp(), 0.0

    def residual():
        u = net(POINTS)
        return u - mixed * u.mean()

    watching = Monitor(net, residual=residual, batches=8, every=1)
    for step in range(4):
        mixed = 0.0 if step < 2 else 0.1
        row = watching(step)
        assert watching.how == ("rows" if step < 2 else "vmap")
        signal, noise, _ = twin(matrices(net), residual, [], 8)
        assert row["signal"] == pytest.approx(signal, rel=1e-10)
        assert row["noise"] == pytest.approx(noise, rel=1e-10)


@pytest.mark.parametrize("spoilt", [0, 1])
def test_a_probe_that_is_not_finite_does_not_choose(spoilt):
    net, factor = mlp(), 1.0
    watching = Monitor(net, residual=lambda: slope(net) * factor, batches=8, every=1)
    for step in range(3):
        factor = math.nan if step == spoilt else 1.0
        if step == spoilt:
            with pytest.warns(UserWarning, match="not finite"):
                watching(step)
        else:
            watching(step)
    assert watching.how == "rows"


class NoVmap(torch.autograd.Function):
    """Has a backward pass that vmap does not know."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.clone()

    @staticmethod
    def backward(ctx, g):
        return torch.as_tensor(g.detach().numpy().copy())


def test_what_vmap_cannot_do_is_done_in_a_loop(monkeypatch):
    net = mlp()
    residual = lambda: NoVmap.apply(net(POINTS))  # noqa: E731
    watching = Monitor(net, residual=residual, batches=8, every=1)
    monkeypatch.setattr(watching._gradients, "_by_rows", lambda *_: None)
    row = watching(0)
    assert watching.how == "loop"
    signal, noise, _ = twin(matrices(net), residual, [], 8)
    assert row["signal"] == pytest.approx(signal, rel=1e-12)
    assert row["noise"] == pytest.approx(noise, rel=1e-12)


def test_what_does_not_fit_in_memory_is_done_in_a_loop(monkeypatch):
    net, grad = mlp(), torch.autograd.grad

    def full(*arguments, is_grads_batched=False, **settings):
        if is_grads_batched:
            raise torch.OutOfMemoryError("out of memory")
        return grad(*arguments, **settings)

    watching = Monitor(net, residual=lambda: slope(net), batches=8, every=1)
    monkeypatch.setattr(watching._gradients, "_by_rows", lambda *_: None)
    monkeypatch.setattr(torch.autograd, "grad", full)
    assert math.isfinite(watching(0)["snr"])
    assert watching.how == "loop"


class Drops(nn.Module):
    """Dropout and batch norm, in train mode."""

    def __init__(self):
        super().__init__()
        self.first, self.norm, self.drop, self.last = nn.Linear(2, 8), nn.BatchNorm1d(8), nn.Dropout(0.2), nn.Linear(8, 1)

    def forward(self, x):
        return self.last(self.drop(torch.tanh(self.norm(self.first(x)))))


def trained(watched, kind):
    """State, gradients and what the generators give next, after a training that draws from all of them."""
    torch.manual_seed(3)
    np.random.seed(3)
    random.seed(3)
    net = kind().double()
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)

    def residual():
        points = torch.rand(32, 2, dtype=DOUBLE) + random.random() + np.random.rand()
        return slope(net, points)

    term = lambda: net(POINTS).square().mean()  # noqa: E731
    watching = Monitor(
        net,
        residual=residual,
        terms={"mean": term},
        error=lambda: torch.rand(()) + term(),
        batches=4,
        optimizer=optimizer,
        every=2,
    )
    for step in range(10):
        if watched:
            grads = [p.grad for p in net.parameters()]
            watching(step)
            assert all(p.grad is g for p, g in zip(net.parameters(), grads, strict=True))
        loss = residual().square().mean() + term()
        optimizer.zero_grad(set_to_none=step % 2 == 0)
        loss.backward()
        optimizer.step()
    drawn = torch.rand(3), torch.as_tensor(np.random.rand(3)), torch.tensor(random.random())
    return [*net.state_dict().values(), *(p.grad for p in net.parameters()), *drawn], watching


@pytest.mark.parametrize(("kind", "how"), [(Drops, "vmap"), (mlp, "rows")])
def test_the_watched_training_has_the_same_bits(kind, how):
    plain, _ = trained(False, kind)
    other, watching = trained(True, kind)
    assert watching.how == how
    assert len(watching.history["step"]) == 5
    for a, b in zip(plain, other, strict=True):
        assert torch.equal(a, b)


def test_gradients_stay_as_they_are():
    net = mlp()
    watching = Monitor(net, residual=lambda: slope(net), terms={"edge": lambda: edge(net)}, batches=8, every=1)
    watching(0)
    assert all(p.grad is None for p in net.parameters())
    for p in net.parameters():
        p.grad = torch.ones_like(p)
    loss = slope(net).square().mean()
    with torch.no_grad():
        watching(1)  # between a forward and a backward pass, and where gradients are off
    assert all(torch.equal(p.grad, torch.ones_like(p)) for p in net.parameters())
    loss.backward()


def test_what_a_network_keeps_is_put_back():
    net = Drops().double()
    net.register_buffer("calls", torch.zeros(()))
    calls, before = net.calls, {name: value.clone() for name, value in net.state_dict().items()}

    def residual():
        net.calls = net.calls + 1.0  # another tensor
        net.drop.eval()
        return slope(net)

    assert math.isfinite(Monitor(net, residual=residual, batches=8, every=1)(0)["snr"])
    assert net.calls is calls
    assert net.drop.training
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    failing = Monitor(net, residual=lambda: residual().mean(), batches=8, every=1)
    with pytest.raises(ValueError, match="residual has shape"):
        failing(0)
    assert net.drop.training
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


def test_a_parameter_frozen_later_has_gradient_zero():
    net = mlp()
    watching = Monitor(net, residual=lambda: slope(net), terms={"edge": lambda: edge(net)}, batches=8, every=1)
    first = watching(0)["signal_layers"]
    net[0].weight.requires_grad_(False)
    assert watching(1)["signal_layers"] == pytest.approx([0.0, *first[1:]], rel=1e-12)
    net.requires_grad_(False)
    net[0].bias.requires_grad_()
    with pytest.raises(ValueError, match="residual depends on none of net's 3 parameters"):
        watching(2)


class Features(nn.Module):
    """Fourier features, which are a buffer, and a frozen and an unused matrix."""

    def __init__(self):
        super().__init__()
        self.register_buffer("b", torch.randn(2, 6))
        self.inner, self.outer, self.unused, self.frozen = nn.Linear(12, 8), nn.Linear(8, 1), nn.Linear(3, 3), nn.Linear(8, 8)
        self.frozen.requires_grad_(False)

    def forward(self, x):
        z = x @ self.b
        return self.outer(self.frozen(torch.tanh(self.inner(torch.cat([z.sin(), z.cos()], 1)))))


class Residual(nn.Module):
    """Residual blocks with LayerNorm."""

    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Linear(2, 8), nn.Linear(8, 1)
        self.blocks = nn.ModuleList(nn.Sequential(nn.LayerNorm(8), nn.Linear(8, 8), nn.GELU()) for _ in range(2))

    def forward(self, x):
        h = self.first(x)
        for block in self.blocks:
            h = h + block(h)
        return self.last(h)


class Siren(nn.Module):
    """Sines of a high frequency."""

    def __init__(self):
        super().__init__()
        self.first, self.second, self.last = nn.Linear(2, 8), nn.Linear(8, 8), nn.Linear(8, 1)

    def forward(self, x):
        return self.last(torch.sin(5.0 * self.second(torch.sin(5.0 * self.first(x)))))


def agrees(nets, residual, terms, parameters, batches=8, **settings):
    watching = Monitor(nets, residual=residual, terms=terms, batches=batches, every=1, **settings)
    signal, noise, _ = twin(parameters, residual, terms.values(), batches)
    for step in range(2):  # the first chooses how, the second does so
        row = watching(step)
        assert row["signal"] == pytest.approx(signal, rel=1e-10)
        assert row["noise"] == pytest.approx(noise, rel=1e-10)
        assert row["loss_residual"] > 0
    return watching


@pytest.mark.parametrize("kind", [Features, Residual, Siren])
def test_networks_against_a_slow_twin(kind):
    torch.manual_seed(0)
    net = kind().double()
    parameters = [p for p in matrices(net) if p.requires_grad]
    watching = agrees(net, lambda: helmholtz(net), {"edge": lambda: edge(net)}, parameters)
    assert watching.how == "rows"
    layers = watching.history["signal_layers"][0]
    assert (layers == 0.0).sum() == (kind is Features)
    if kind is Features:
        assert len(layers) == 3
        assert np.isnan(watching.history["snr_layers"][0][2])


def test_two_networks_in_one_loss():
    u, k = mlp(0), mlp(1)
    residual = lambda: slope(u) * k(POINTS)[:, 0] - 1.0  # noqa: E731
    watching = agrees([u, k], residual, {"edge": lambda: edge(u)}, matrices(u, k))
    assert watching.history["snr_layers"].shape == (2, 6)
    agrees([u, k, u], residual, {}, [*u.parameters(), *k.parameters()], biases=True)


def test_an_unknown_coefficient_and_all_parameters():
    class Inverse(nn.Module):
        def __init__(self):
            super().__init__()
            self.net, self.k = mlp(), nn.Parameter(torch.tensor(2.0, dtype=DOUBLE))

    both = Inverse()
    agrees(both, lambda: both.k * slope(both.net), {"edge": lambda: edge(both.net)}, list(both.parameters()), biases=True)


@pytest.mark.parametrize("shape", [(), (1, 1)])
def test_a_coefficient_beside_the_network_is_trained_and_no_layer(shape):
    net, k = mlp(width=4), nn.Parameter(torch.full(shape, 2.0, dtype=DOUBLE))
    residual = lambda: k.reshape(()) * slope(net)  # noqa: E731
    watching = agrees([net, k], residual, {}, matrices(net))
    assert watching.history["snr_layers"].shape == (2, 3)
    agrees([net, k], residual, {}, [*net.parameters(), k], biases=True)

    class Both(nn.Module):
        def __init__(self):
            super().__init__()
            self.net, self.k = net, k

    whole = Monitor(Both(), residual=residual, batches=8, every=1)
    assert watching.sharpness(tolerance=1e-6) == pytest.approx(whole.sharpness(tolerance=1e-6), rel=1e-5)
    alone = Monitor(net, residual=residual, batches=8, every=1).sharpness(tolerance=1e-6)
    assert watching.sharpness(tolerance=1e-6) > 1.0001 * alone


def test_complex_outputs_as_two_columns():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 2)).double()

    def residual():
        x = POINTS.clone().requires_grad_()
        h = torch.view_as_complex(net(x))
        real, imaginary = (torch.autograd.grad(part.sum(), x, create_graph=True)[0][:, 0] for part in (h.real, h.imag))
        cubic = h * (h.abs() ** 2)
        return {"real": -imaginary + cubic.real, "imaginary": (real + cubic.imag)[:, None]}

    watching = agrees(net, residual, {}, matrices(net), points=POINTS)
    row = watching.history
    assert row["loss_residual"] == pytest.approx(row["loss_real"] + row["loss_imaginary"], rel=1e-12)
    found = {name: r.detach().flatten() for name, r in residual().items()}
    size = (found["real"] ** 2 + found["imaginary"] ** 2).sqrt().numpy()
    own = [(float(side.min()), float(side.max())) for side in POINTS.T]
    assert row["order_residual"][0] == pytest.approx(order.spatial_order(POINTS.numpy(), size, own))


def test_a_compiled_network():
    if coverage.Coverage.current() is not None:
        pytest.skip("torch.compile and the tracer of coverage do not go together")
    net = mlp()
    compiled = torch.compile(net, backend="eager")
    agrees(compiled, lambda: slope(compiled), {"edge": lambda: edge(compiled)}, matrices(net))


def test_a_compiled_graph_that_serves_one_pass_is_one_sentence():
    """Which torch makes by itself, once a training step has gone through it."""
    if coverage.Coverage.current() is not None:
        pytest.skip("torch.compile and the tracer of coverage do not go together")

    def trained(donated):
        torch._dynamo.reset()
        net = mlp()
        with torch._functorch.config.patch(donated_buffer=donated):
            compiled = torch.compile(net, backend="aot_eager")
            watching = Monitor(net, residual=lambda: compiled(POINTS) - 1.0, batches=8, every=1)
            for step in range(3):
                watching(step)
                (compiled(POINTS) - 1.0).square().mean().backward()
        return watching.history["snr"]

    with pytest.raises(ValueError, match=r"set torch._functorch.config.donated_buffer = False before compiling, or") as raised:
        trained(True)
    assert "donated buffer" in str(raised.value.__cause__)
    assert np.isfinite(trained(False)).all()


def test_lbfgs_with_a_closure():
    def run(watched):
        net = mlp()
        optimizer = torch.optim.LBFGS(net.parameters(), max_iter=4)
        residual = lambda: slope(net)  # noqa: E731
        watching = Monitor(net, residual=residual, terms={"edge": lambda: edge(net)}, optimizer=optimizer, batches=8, every=1)

        def closure():
            optimizer.zero_grad()
            loss = residual().square().mean() + edge(net)
            loss.backward()
            return loss

        for step in range(3):
            if watched:
                signal, noise, _ = twin(matrices(net), residual, [lambda: edge(net)], 8)
                row = watching(step)
                assert row["signal"] == pytest.approx(signal, rel=1e-10)
                assert row["noise"] == pytest.approx(noise, rel=1e-10)
                assert math.isnan(row["snr_adam"])
            optimizer.step(closure)
        return nn.utils.parameters_to_vector(net.parameters())

    assert torch.equal(run(True), run(False))


def test_only_adam_and_adamw_have_adams_numbers():
    for kind, finite in {torch.optim.AdamW: True, torch.optim.NAdam: False, torch.optim.SGD: False}.items():
        net = mlp()
        optimizer = kind(net.parameters(), lr=1e-3)
        watching = Monitor(net, residual=lambda net=net: slope(net), optimizer=optimizer, batches=8, every=1)
        assert math.isnan(watching(0)["snr_adam"])
        slope(net).square().mean().backward()
        optimizer.step()
        row = watching(1)
        assert math.isfinite(row["snr_adam"]) == math.isfinite(row["adam_step"]) == finite
        if finite:
            assert row["snr_adam"] == pl.snr.adam(optimizer)


def test_weights_and_a_permutation():
    net, n = mlp(), len(POINTS)
    w = torch.rand(n, generator=torch.Generator().manual_seed(1), dtype=DOUBLE)
    order_of = torch.randperm(n, generator=torch.Generator().manual_seed(5))
    for given in (w, w[:, None], w.numpy(), lambda: w):
        watching = Monitor(net, residual=lambda: slope(net), weights=given, batches=8, shuffle=5, every=1)
        row = watching(0)
        signal, noise, _ = twin(matrices(net), lambda: slope(net)[order_of], [], 8, w[order_of])
        assert row["signal"] == pytest.approx(signal, rel=1e-12)
        assert row["noise"] == pytest.approx(noise, rel=1e-12)
        assert row["loss"] == pytest.approx((w * slope(net) ** 2).mean().item())
        assert row["loss_residual"] == pytest.approx((slope(net) ** 2).mean().item())
    both = lambda: {"a": slope(net), "b": helmholtz(net)}  # noqa: E731
    row = Monitor(net, residual=both, weights={"a": 3.0, "b": w}, batches=8, every=1)(0)
    assert row["loss"] == pytest.approx((3.0 * slope(net) ** 2 + w * helmholtz(net)[:, 0] ** 2).mean().item())


def test_pure_noise_has_the_floor():
    """A linear model whose points' gradients are independent, with mean zero."""
    net = nn.Linear(5000, 1, bias=False).double()
    nn.init.zeros_(net.weight)
    generator = torch.Generator().manual_seed(0)
    x, y = (torch.randn(320, m, generator=generator, dtype=DOUBLE) for m in (5000, 1))
    row = Monitor(net, residual=lambda: net(x) - y, batches=32, every=1)(0)
    assert row["floor"] == 1.0 / math.sqrt(31)
    assert row["snr"] == pytest.approx(row["floor"], rel=0.05)
    assert abs(row["alignment"]) < 0.01


def test_alignment_by_pairs():
    net = mlp()
    watching = Monitor(net, residual=lambda: slope(net), terms={"edge": lambda: edge(net)}, batches=8, every=1)
    row = watching(0)
    _, _, g = twin(matrices(net), lambda: slope(net), [lambda: edge(net)], 8)
    unit = g / np.linalg.norm(g, axis=1, keepdims=True)
    pairs = [unit[a] @ unit[b] for a in range(8) for b in range(8) if a != b]
    assert row["alignment"] == pytest.approx(np.mean(pairs), rel=1e-10)
    assert row["resultant"] == pytest.approx(np.linalg.norm(unit.mean(0)), rel=1e-10)


def test_terms_have_series_of_their_own():
    net = mlp()
    terms = {"edge": lambda: edge(net), "data": lambda: net(POINTS[9:]).mean()}
    row = Monitor(net, residual=lambda: slope(net), terms=terms, batches=8, every=1)(0)
    parts = {}
    for name, term in terms.items():
        grads = torch.autograd.grad(term(), matrices(net))
        parts[name] = torch.cat([g.flatten() for g in grads])
        assert row[f"signal_{name}"] == pytest.approx(float(parts[name].norm()), rel=1e-12)
        assert row[f"loss_{name}"] == pytest.approx(term().item())
    assert row["signal_terms"] == pytest.approx(float(sum(parts.values()).norm()), rel=1e-12)
    assert row["loss"] == pytest.approx(row["loss_residual"] + row["loss_edge"] + row["loss_data"])


def test_how_the_residual_is_weighted():
    net = mlp()
    each = torch.linspace(0.0, 3.0, 64)[:, None]
    system = lambda: {"a": slope(net), "b": slope(net) + 1.0}  # noqa: E731
    attended = lambda: monitor.Loss(slope(net), each=each * slope(net).reshape(-1, 1).square())  # noqa: E731
    nothing = lambda: monitor.Loss(0.0 * slope(net), each=0.0 * slope(net))  # noqa: E731
    spread = float(each.double().std(correction=0) / each.double().mean())
    for settings, wanted in (
        ({"residual": lambda: slope(net)}, (1.0, 0.0)),
        ({"residual": lambda: slope(net), "weights": 1e-5}, (1e-5, 0.0)),
        ({"residual": lambda: slope(net), "weights": lambda: each}, (1.5, spread)),
        ({"residual": lambda: slope(net), "weights": 0.0 * each}, (0.0, 0.0)),
        ({"residual": system, "weights": {"a": 3.0, "b": each}}, (2.25, spread)),
        ({"loss": attended}, (1.5, spread)),
        ({"loss": nothing}, (math.nan, math.nan)),
    ):
        row = Monitor(net, batches=8, every=1, **settings)(0)
        assert (row["factor"], row["factor_spread"]) == pytest.approx(wanted, rel=1e-4, nan_ok=True)


def test_schedules():
    net = mlp()
    make = lambda **when: Monitor(net, residual=lambda: slope(net), batches=8, **when)  # noqa: E731
    for when, steps in (
        ({"steps": 9}, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]),
        ({"every": 4}, [0, 4, 8]),
        ({"at": np.array([3, 7])}, [3, 7]),
        ({"every": np.int64(5)}, [0, 5]),
        ({"steps": np.int64(2)}, [0, 1, 2]),
        ({"at": range(2)}, [0, 1]),
    ):
        watching = make(**when)
        assert list(watching.history)[: len(monitor.SERIES)] == list(monitor.SERIES)
        assert not any(map(len, watching.history.values()))
        measured = [step for step in range(10) if watching(step) is not None]
        assert measured == steps == watching.history["step"].tolist()
    large = make(steps=3000)
    assert [s for s in range(3001) if large._due(s)] == pl.Config(steps=3000).probe_steps().tolist()


def test_the_phases_are_those_of_the_series():
    net = mlp()
    scale = {}

    def residual():  # noise that comes and goes, so that there are phases
        noise = torch.randn(64, 1, generator=torch.Generator().manual_seed(scale["seed"]), dtype=DOUBLE)
        return net(POINTS) * 1e-3 + 1.0 + scale["noise"] * noise

    steps = np.unique(np.geomspace(1, 10**5, 90).astype(int))
    watching = Monitor(net, residual=residual, batches=8, at=steps)
    for seed, step in enumerate(steps):
        scale = {"noise": 1000.0 if 100 < step < 5000 else 0.01, "seed": seed}
        watching(int(step))
    found = watching.phases
    assert found == pl.phases.detect(watching.history["step"], watching.history["snr"])
    assert found.sequence == ("fitting", "diffusion", "total diffusion")


@pytest.mark.parametrize("library", ["deepxde.model", "lightning.pytorch.trainer.call"])
def test_under_a_callback_a_warning_points_to_the_line_that_began_the_training(library):
    trains = {"__name__": library}
    exec(compile("def fit(callback): callback(0)", "library.py", "exec"), trains)
    net = mlp()
    watching = Monitor(net, residual=lambda: slope(net) * math.nan, batches=8, every=1)
    with pytest.warns(UserWarning, match="not finite at step 0") as warned:
        trains["fit"](watching)
    assert [Path(one.filename).name for one in warned] == ["test_monitor.py"]


def test_numbers_that_are_not_finite_do_not_end_a_training():
    net, factor = mlp(), {0: 1.0, 1: math.nan, 2: math.inf, 3: 1.0}
    at = 0
    watching = Monitor(
        net,
        residual=lambda: slope(net) * factor[at],
        terms={"edge": lambda: edge(net)},
        error=lambda: 0.5,
        points=POINTS,
        batches=8,
        every=1,
    )
    with pytest.warns(UserWarning, match="not finite at step 1: this probe has nan") as warned:  # noqa: PT031
        for at in range(4):
            watching(at)
    assert [Path(one.filename).name for one in warned] == ["test_monitor.py"]  # once, and at the line of the user
    for name, values in watching.history.items():
        bad = np.isnan(values).reshape(4, -1).all(1).tolist()
        if name in ("step", "rel_l2", "floor", "wall_time"):
            assert not any(bad), name
        elif name not in ("snr_adam", "adam_step"):
            assert bad == [False, True, True, False], name
    assert watching.phases.last == 3


NET = mlp()
GOOD = {"residual": lambda: slope(NET), "batches": 8, "every": 1}


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"net": "mlp"}, "net = 'mlp': give a torch.nn.Module, or a list"),
        ({"net": []}, "net is a list of nothing: give a torch.nn.Module"),
        ({"net": {"u": NET}}, "net is a dict: give a torch.nn.Module"),
        (
            {"net": [NET, 3.0]},
            r"net is a list of Sequential and float: give a torch.nn.Module, or a list of these and of torch.nn.P",
        ),
        ({"net": NET.parameters()}, "net is a generator: give a torch.nn.Module"),
        ({"fresh": POINTS}, "fresh is a Tensor: give a function"),
        ({"error": NET(POINTS)}, "error is a Tensor: give a function"),
        ({"terms": [lambda: edge(NET)]}, "terms is a list: give a dict of functions by name"),
        ({"terms": lambda: edge(NET)}, "terms is a function: give a dict of functions by name"),
        ({"batches": [8]}, "batches is a list: give a whole number of at least 2"),
        ({"every": True}, "every = True: give a whole number of steps"),
        ({"every": [1, 2]}, "every is a list: give a whole number of steps"),
        ({"every": None, "at": np.geomspace(1, 90, 3)}, r"a step in at = np.float64\(1.0\): give whole numbers from 0 on"),
        ({"every": None, "at": 5}, "at = 5: give a list of steps"),
        ({"net": nn.LayerNorm(3)}, "2 trainable parameters and no weight matrix among them: give biases=True"),
        ({"net": mlp().requires_grad_(False)}, "0 trainable parameters .* give the network that is trained"),
        ({"net": nn.Linear(2, 1, dtype=torch.complex64)}, "net has complex parameters: give it two real ones for each"),
        ({"residual": slope(NET)}, "residual is a Tensor: give a function"),
        ({"batches": 1}, "batches = 1: give a whole number of at least 2"),
        ({"batches": 2.5}, "batches = 2.5: give a whole number"),
        ({"shuffle": True}, "shuffle = True: give the seed"),
        ({"terms": {"bc": 3.0}}, "term 'bc' is a float: give a function"),
        ({"terms": {"residual": lambda: edge(NET)}}, "called 'residual', and so two series are 'loss_residual': give it another"),
        ({"terms": {"layers": lambda: edge(NET)}}, "called 'layers', and so two series are 'signal_layers'"),
        ({"terms": {"": lambda: edge(NET)}}, "is called '': give it a word"),
        ({"error": 0.3}, "error = 0.3: give a function"),
        ({"optimizer": "adam"}, "optimizer is a str: give one of torch.optim"),
        ({"every": 0}, "every = 0: give a whole number of steps"),
        ({"every": None, "at": [0, -1]}, "a step in at = -1: give whole numbers from 0 on"),
        ({"every": None, "steps": 0}, "steps = 0: give a whole number of at least 1"),
        ({"every": None}, "given by nothing: give one of steps=, every= and at="),
        ({"steps": 5}, "given by steps and every: give one"),
        ({"domain": ((0, 1),)}, "without points: give points="),
        ({"points": POINTS, "domain": ((0, 1),)}, "a low and a higher end for each of 2 coordinates"),
        ({"points": POINTS * 0}, "a low and a higher end for each of 2 coordinates"),
        ({"points": POINTS / 0}, r"points have shape \(64, 2\): give finite numbers"),
    ],
)
def test_what_is_wrong_when_it_is_made(settings, sentence):
    with pytest.raises(ValueError, match=sentence):
        Monitor(**({"net": NET} | GOOD | settings))


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"residual": lambda: slope(NET).detach()}, "residual has no graph, so it has no gradient: return it without detach"),
        ({"residual": lambda: slope(mlp(1))}, "residual depends on none of net's 3 parameters that count"),
        ({"residual": lambda: slope(NET).mean()}, r"residual has shape \(\): return its value at each point"),
        ({"residual": lambda: slope(NET).reshape(32, 2)}, r"residual has shape \(32, 2\)"),
        ({"residual": lambda: slope(NET)[:0]}, r"residual has shape \(0,\)"),
        ({"residual": lambda: 1.0}, "residual gives a float: return a torch tensor"),
        ({"residual": lambda: slope(NET) * 1j}, "residual is complex: return a dict"),
        ({"residual": dict}, "residual gives no equation"),
        ({"residual": lambda: {"u": slope(NET), "v": slope(NET)[:8]}}, "{'u': 64, 'v': 8} points: give all at the same"),
        ({"residual": lambda: {"u": slope(NET), "v": slope(NET).detach()}}, "the residual of 'v' has no graph"),
        ({"residual": lambda: {"residual": slope(NET)}}, "called 'residual', and so two series are 'loss_residual'"),
        ({"residual": lambda: {"bc": slope(NET)}, "terms": {"bc": lambda: edge(NET)}}, "called 'bc', and so two series"),
        ({"batches": 12}, "12 batches do not cut 64 points into equal parts: choose 8 or 16"),
        ({"batches": 100}, "100 batches do not cut 64 points into equal parts: choose 64"),
        ({"residual": lambda: slope(NET)[:1]}, "8 batches do not cut 1 points into equal parts: give at least 2 points"),
        ({"terms": {"bc": lambda: NET(POINTS)}}, r"term 'bc' has shape \(64, 1\): return a scalar"),
        ({"terms": {"bc": lambda: 0.0}}, "term 'bc' has the type float: return a scalar"),
        ({"terms": {"bc": lambda: edge(NET).detach()}}, "term 'bc' has no graph"),
        ({"terms": {"bc": lambda: edge(NET) * 1j}}, "term 'bc' is complex: return a real scalar"),
        ({"weights": torch.ones(3)}, r"weights have shape \(3,\) for 64 points"),
        (
            {"weights": {"u": 1.0}},
            r"weights are of \['u'\] and the residual is one equation without a name: give the weights alone",
        ),
        (
            {"residual": lambda: {"u": slope(NET)}, "weights": {"v": 1.0}},
            r"weights are of \['v'\] and the equations are \['u'\]: give one of each",
        ),
        ({"residual": lambda: (slope(NET), slope(NET))}, "residual gives a tuple: return a dict by name for several equations"),
        ({"residual": lambda: [slope(NET)]}, "residual gives a list: return a dict by name for several equations"),
        ({"error": lambda: None}, "error gives a NoneType: return one number"),
        ({"error": lambda: NET(POINTS)}, r"error gives a Tensor of shape \(64, 1\): return one number"),
        ({"points": lambda: POINTS[:32]}, "residual has 64 values and there are 32 points"),
        ({"points": lambda: (POINTS, POINTS[:3])}, "points are a tuple: give finite numbers"),
        ({"points": POINTS[:32]}, "residual has 64 values and there are 32 points"),
    ],
)
def test_what_is_wrong_before_anything_is_measured(settings, sentence):
    watching = Monitor(**({"net": NET} | GOOD | settings))
    with pytest.raises(ValueError, match=sentence):
        watching(0)
    assert not len(watching.history["step"])


def test_steps_that_do_not_increase():
    watching = Monitor(NET, **GOOD | {"every": 2})
    watching(4)
    watching(5)  # not due
    with pytest.raises(ValueError, match="step 4 was measured already: give steps that increase, and make a new Monitor"):
        watching(4)
    with pytest.raises(ValueError, match="step 3 lies before step 4"):
        watching(3)
    with pytest.raises(ValueError, match="step = 6.0: give a whole number"):
        watching(6.0)
    with pytest.raises(ValueError, match="step = -1: give a whole number from 0 on"):
        watching(-1)
    assert watching(np.int64(6))["step"] == 6


def test_equations_stay_those_of_the_first_probe():
    named = ["u"]
    watching = Monitor(NET, **GOOD | {"residual": lambda: {name: slope(NET) for name in named}})
    watching(0)
    named = ["v"]
    with pytest.raises(ValueError, match=r"the equations \('v',\), .* and there were the equations \('u',\)"):
        watching(1)


def test_save_and_load(tmp_path):
    watching = Monitor(NET, **GOOD, terms={"bc": lambda: edge(NET)})
    for step in range(3):
        watching(step)
    path = watching.save(tmp_path / "deep" / "history.npz")
    loaded = Monitor.load_history(path)
    assert list(loaded) == list(watching.history)
    for name, values in watching.history.items():
        assert np.array_equal(loaded[name], values, equal_nan=True)
        assert loaded[name].dtype == values.dtype
    assert [p.name for p in path.parent.iterdir()] == ["history.npz"]
    whole = path.read_bytes()
    for damaged in (whole[: len(whole) // 2], b"", b"something else", whole[:60] + b"\0" * 40 + whole[100:]):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match="history.npz is not a monitor's history or is damaged"):
            Monitor.load_history(path)
    np.savez(path, a=np.ones(3))
    with pytest.raises(ValueError, match="is not a monitor's history"):
        Monitor.load_history(path)
    np.savez(path, header=np.array('{"format": "pinnlib run, version 4"}'))
    with pytest.raises(ValueError, match="its format is 'pinnlib run, version 4'"):
        Monitor.load_history(path)
    np.savez(path, header=np.array([object()], dtype=object))
    with pytest.raises(ValueError, match="is not a monitor's history"):
        Monitor.load_history(path)
    with pytest.raises(FileNotFoundError, match="no history at .*: check the path"):
        Monitor.load_history(tmp_path / "none.npz")
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="could not save the history to .*; the history is still in memory"):
        watching.save(tmp_path / "file" / "history.npz")


def test_a_history_that_is_not_whole_is_not_loaded(tmp_path):
    watching = Monitor(NET, **GOOD)
    for step in range(3):
        watching(step)
    with np.load(watching.save(tmp_path / "history.npz")) as file:
        whole = dict(file)
    path = tmp_path / "other.npz"
    for damaged in (
        {name: values for name, values in whole.items() if name != "history/snr"},
        whole | {"history/more": np.ones(3)},
        whole | {"history/snr": np.ones(2)},
        whole | {"history/snr": np.array(1.0)},
    ):
        np.savez(path, **damaged)
        with pytest.raises(ValueError, match="other.npz is not a monitor's history or is damaged"):
            Monitor.load_history(path)
    np.savez(path, **whole | {"header": np.array('{"format": "pinnlib monitor, version 1"}')})  # as it was written first
    assert list(Monitor.load_history(path)) == list(watching.history)


def test_plot():
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    watching = Monitor(NET, **GOOD)
    plt.close(watching.plot())
    for step in range(10):
        watching(step)
    drawn = watching.plot()
    assert [ax.get_ylabel() for ax in drawn.axes] == ["loss", "SNR"]
    assert drawn.axes[-1].get_xlabel() == "step"
    plt.close(drawn)


def test_the_example_runs():
    assert doctest.testmod(monitor) == (0, 9)


# ---- a loss given at once, points left out, fresh points, layers, sharpness


def test_a_loss_at_once_equals_its_pieces():
    net, both = mlp(), torch.cat([POINTS[:8], POINTS])
    lam = torch.rand(64, dtype=DOUBLE, generator=torch.Generator().manual_seed(1))

    def at_once():
        x = both.clone().requires_grad_()
        u = net(x)
        r = torch.autograd.grad(u.sum(), x, create_graph=True)[0][8:, 0] + (u[8:] ** 2).sum(1) - 1.0
        term = 3.0 * (u[:8] - 0.5).square().mean()
        return monitor.Loss(r, {"edge": term}, weights=lam, points=POINTS, first=8, rows=72)

    pieces = {"residual": lambda: slope(net), "terms": {"edge": lambda: edge(net)}, "weights": lam, "points": POINTS}
    apart, together = (Monitor(net, **own, batches=8, shuffle=2, every=1) for own in (pieces, {"loss": at_once}))
    a, b = apart(0), together(0)
    assert apart.how == together.how == "rows"
    assert a.keys() == b.keys()
    for name in a.keys() - {"wall_time"}:
        np.testing.assert_allclose(a[name], b[name], rtol=1e-12, equal_nan=True, err_msg=name)


def test_each_point_may_bring_any_loss():
    net = mlp()

    def loss(power):
        r = slope(net)
        return monitor.Loss(r, each=(2.0 * r).abs() ** power)

    square = Monitor(net, loss=lambda: loss(2), batches=8, every=1)(0)
    weighted = Monitor(net, residual=lambda: slope(net), weights=4.0, batches=8, every=1)(0)
    assert square["snr"] == pytest.approx(weighted["snr"], rel=1e-12)
    absolute = Monitor(net, loss=lambda: loss(1), batches=8, every=1)(0)
    signal, noise, _ = twin(matrices(net), lambda: (2.0 * slope(net)).abs().sqrt(), [], 8)
    assert absolute["signal"] == pytest.approx(signal, rel=1e-9)
    assert absolute["noise"] == pytest.approx(noise, rel=1e-9)


@pytest.mark.parametrize("shuffle", [None, 3])
def test_points_that_are_over_are_left_out(shuffle):
    net = mlp()
    watching = Monitor(net, residual=lambda: slope(net), batches=12, shuffle=shuffle, drop_last=True, every=1)
    row = watching(0)
    order = np.arange(64) if shuffle is None else torch.randperm(64, generator=torch.Generator().manual_seed(shuffle)).numpy()
    signal, noise, _ = twin(matrices(net), lambda: slope(net)[order[:60]], [], 12)
    assert watching.how == "rows"
    assert row["signal"] == pytest.approx(signal, rel=1e-10)
    assert row["noise"] == pytest.approx(noise, rel=1e-10)
    assert row["loss"] == pytest.approx(float(slope(net).detach().square().mean()), rel=1e-12)  # of all points


def test_points_that_come_to_be_more_do_not_end_a_training():
    net, more, x = mlp(), torch.rand(6, 2, dtype=DOUBLE, generator=torch.Generator().manual_seed(1)), POINTS
    watching = Monitor(net, residual=lambda: slope(net, x), points=POINTS, batches=8, every=1)
    watching(0)
    x = torch.cat([POINTS, more])
    with pytest.warns(UserWarning, match="residual has 70") as warned:
        rows = watching(1), watching(2)
    sentences = {str(one.message).split(",")[0]: Path(one.filename).name for one in warned}
    assert len(warned) == 2  # once each, and at the line of the user
    assert sentences == dict.fromkeys(
        ["residual has 70 values and there are 64 points", "residual has 70 points now"], "test_monitor.py"
    )
    signal, noise, _ = twin(matrices(net), lambda: slope(net, x)[:64], [], 8)
    for row in rows:
        assert row["signal"] == pytest.approx(signal, rel=1e-10)
        assert row["noise"] == pytest.approx(noise, rel=1e-10)
        assert row["loss"] == pytest.approx(float(slope(net, x).detach().square().mean()), rel=1e-12)  # of all points
        assert math.isnan(row["order_residual"])


def test_fewer_points_than_batches_make_a_probe_of_nan():
    net, n = mlp(), 64
    watching = Monitor(net, residual=lambda: slope(net)[:n], terms={"edge": lambda: edge(net)}, batches=8, every=1)
    watching(0)
    n = 5
    with pytest.warns(UserWarning, match="the residual has 5 points, too few for its batches, at step 1: this probe has nan"):
        watching(1)
    n = 64
    watching(2)
    for name in ("snr", "signal", "loss", "loss_edge", "resultant"):
        assert np.isnan(watching.history[name]).tolist() == [False, True, False], name


def test_points_given_by_a_function_are_those_of_each_probe():
    net, x = mlp(), POINTS
    settings = {"residual": lambda: slope(net, x), "batches": 8, "every": 1}
    watching = Monitor(net, **settings, points=lambda: x)
    drawn = [torch.rand(64, 2, dtype=DOUBLE, generator=torch.Generator().manual_seed(seed)) for seed in range(2)]
    for step, x in enumerate(drawn):
        row = watching(step)
        assert row["order_residual"] == Monitor(net, **settings, points=x)(0)["order_residual"]
    assert len(set(watching.history["order_residual"])) == 2


def test_fresh_points_and_the_spread_of_the_output():
    net, others = mlp(), torch.rand(50, 2, dtype=DOUBLE, generator=torch.Generator().manual_seed(5))
    row = Monitor(net, residual=lambda: slope(net), fresh=lambda: slope(net, others), batches=8, every=1)(0)
    squares, own = (slope(net, x).detach().square().numpy() for x in (others, POINTS))
    assert row["loss_fresh"] == pytest.approx(squares.mean(), rel=1e-12)
    assert row["median_fresh"] == pytest.approx(np.median(squares), rel=1e-12)
    assert row["median_residual"] == pytest.approx(np.median(own), rel=1e-12)
    assert row["output_spread"] == pytest.approx(net(POINTS).detach().numpy().std(), rel=1e-12)


def test_layers_are_measured_as_the_estimators_do():
    net = mlp()
    hidden = torch.tanh(net[0](POINTS)).detach()
    by_name = Monitor(net, residual=lambda: slope(net), layers=["1", "3"], batches=8, every=1)
    by_function = Monitor(net, residual=lambda: slope(net), layers=lambda: {"first": hidden}, batches=8, every=1)
    rows = by_name(0), by_function(0)
    for row in rows:
        assert row["input_information"][0] == pl.information.binned_entropy(hidden)
        assert row["saturation_range"][0] == pl.information.saturation(hidden)
    assert rows[0]["saturation_bounds"][0] == pl.information.saturation(hidden, by="bounds")
    assert np.isnan(rows[1]["saturation_bounds"][0])
    assert by_name.history["input_information"].shape == (1, 2)


def exact_hessian(net, loss):
    parameters = [p.detach() for p in net.parameters()]
    names = [name for name, _ in net.named_parameters()]
    sizes = [p.numel() for p in parameters]

    def of(flat):
        parts = {name: part.view_as(p) for name, part, p in zip(names, flat.split(sizes), parameters, strict=True)}
        return loss(lambda x: torch.func.functional_call(net, parts, (x,)))

    return torch.autograd.functional.hessian(of, torch.cat([p.flatten() for p in parameters]))


def test_sharpness_is_the_largest_eigenvalue_of_the_hessian():
    net = mlp(width=4)
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
    loss = lambda f: (f(POINTS)[:, 0] - POINTS[:, 0]).square().mean() + 3.0 * (f(POINTS[:8]) - 0.5).square().mean()  # noqa: E731
    watching = Monitor(
        net,
        residual=lambda: net(POINTS)[:, 0] - POINTS[:, 0],
        terms={"edge": lambda: edge(net)},
        optimizer=optimizer,
        batches=8,
        every=1,
    )
    with pytest.raises(ValueError, match="no Adam moments of all parameters"):
        watching.sharpness(adam=True)
    for _ in range(3):
        optimizer.zero_grad()
        loss(net).backward()
        optimizer.step()
    hessian = exact_hessian(net, loss)
    assert watching.sharpness(tolerance=1e-6) == pytest.approx(float(torch.linalg.eigvalsh(hessian)[-1]), rel=1e-6)
    second = torch.cat([optimizer.state[p]["exp_avg_sq"].flatten() for p in net.parameters()]) / (1 - 0.999**3)
    root = ((1 - 0.9**3) * (second.sqrt() + 1e-8)).rsqrt()
    of_adam = float(torch.linalg.eigvalsh(root[:, None] * hessian * root)[-1])
    assert watching.sharpness(adam=True, tolerance=1e-6) == pytest.approx(of_adam, rel=1e-6)
    with pytest.raises(ValueError, match="give the monitor its optimizer"):
        Monitor(net, **GOOD).sharpness(adam=True)


def test_sharpness_as_adam_feels_it_is_that_of_its_real_step():
    """P is what a step divides the mean of the gradient by, here from the step itself."""
    net = mlp(width=4)
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-2, betas=(0.9, 0.95), amsgrad=True)
    loss = lambda f: (f(POINTS)[:, 0] - POINTS[:, 0]).square().mean()  # noqa: E731
    watching = Monitor(net, residual=lambda: net(POINTS)[:, 0] - POINTS[:, 0], optimizer=optimizer, batches=8, every=1)
    for _ in range(40):
        optimizer.zero_grad()
        loss(net).backward()
        before = nn.utils.parameters_to_vector(net.parameters()).detach()
        optimizer.step()
    moved = before - nn.utils.parameters_to_vector(net.parameters()).detach()
    root = (moved / 1e-2 / torch.cat([optimizer.state[p]["exp_avg"].flatten() for p in net.parameters()])).sqrt()
    felt = float(torch.linalg.eigvalsh(root[:, None] * exact_hessian(net, loss) * root)[-1])
    assert watching.sharpness(adam=True, tolerance=1e-6) == pytest.approx(felt, rel=1e-6)
    watching.optimizer = torch.optim.RAdam(net.parameters())
    loss(net).backward()
    watching.optimizer.step()
    with pytest.raises(ValueError, match="the optimizer is RAdam, whose step is not Adam's: train with torch.optim.Adam or"):
        watching.sharpness(adam=True)


def test_sharpness_of_a_run():
    """Against the library's own, which knows nothing of autograd."""
    config = pl.Config(
        width=8, depth=2, points=64, data_points=20, batches=8, steps=20, dtype="float64", device="cpu", compile=False
    )
    run = pl.train(PROBLEM, config, progress=False)
    net = run.model()
    where, values = map(torch.as_tensor, PROBLEM.data(20, 0))
    points = torch.as_tensor(run.points)
    watching = Monitor(
        net,
        residual=lambda: helmholtz(net, points),
        terms={"data": lambda: (net(where) - values).square().mean()},
        batches=8,
        every=1,
    )
    assert watching.sharpness(tolerance=1e-5) == pytest.approx(pl.curvature.Curvature(run).sharpness().value, rel=2e-3)


def test_measure_does_not_wait_for_a_probe():
    watching = Monitor(NET, **GOOD | {"every": 100})
    assert watching(7) is None
    assert watching.measure(8)["step"] == 8
    assert watching.history["step"].tolist() == [8]


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"residual": None}, "nothing to watch: give residual=, or loss="),
        ({"loss": lambda: None}, "loss is given beside residual, terms or weights"),
        ({"residual": None, "loss": 3.0}, "loss is a float: give a function"),
        ({"fresh": 3.0}, "fresh = 3.0: give a function"),
        ({"layers": ["9"]}, "layers has '9' and net has no layer of that name: choose among '0', '1', '2', '3', '4'"),
        (
            {"net": [mlp(), mlp(1)], "layers": ["1"]},
            "no layer of that name: choose among '0.0', '0.1', .*'1.4', or give a function",
        ),
        ({"net": nn.Sequential(nn.LazyLinear(3), nn.Linear(3, 1))}, "layers that do not know their sizes yet: call it once"),
        (
            {"terms": {"fresh": lambda: edge(NET)}, "fresh": lambda: slope(NET)},
            "two series are 'loss_fresh': give it another name",
        ),
    ],
)
def test_what_is_wrong_with_more_of_it(settings, sentence):
    with pytest.raises(ValueError, match=sentence):
        Monitor(**({"net": NET} | GOOD | settings))


@pytest.mark.parametrize(
    ("loss", "sentence"),
    [
        (lambda: slope(NET), r"loss gives a Tensor: return a pinnlib.monitor.Loss\(residuals, terms\)"),
        (lambda: monitor.Loss(slope(NET), terms=[edge(NET)]), "the terms of loss are a list: give a dict of scalars by name"),
        (lambda: monitor.Loss(slope(NET), rows=60), "first = 0 and rows = 60 do not hold 64 points"),
        (lambda: monitor.Loss(slope(NET), weights=1.0, each=slope(NET)), "loss has weights and each"),
        (lambda: monitor.Loss(slope(NET), each=slope(NET)[:5]), "each has 5 values for 64 points"),
        (lambda: monitor.Loss(slope(NET), points=POINTS[:5]), "residual has 64 values and there are 5 points"),
    ],
)
def test_what_is_wrong_with_a_loss_at_once(loss, sentence):
    with pytest.raises(ValueError, match=sentence):
        Monitor(NET, loss=loss, batches=8, every=1)(0)


def test_a_layer_that_says_nothing():
    class Odd(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(2, 4).double(), nn.Linear(4, 1).double()
            self.unused = nn.Tanh()

        def forward(self, x):
            return self.b(torch.tanh(self.a(x)))

    net = Odd()
    with pytest.raises(ValueError, match=r"layer 'unused' gave no \(n_points, n_neurons\) while the residual was computed"):
        Monitor(net, residual=lambda: slope(net), layers=["unused"], batches=8, every=1)(0)


@pytest.mark.parametrize("name", ["Helmholtz", "AllenCahn", "Burgers", "Cavity", "Perivascular"])
def test_on_the_book_s_problems_a_probe_is_that_of_train(name):
    problem = {**vars(pl.problems), "Helmholtz": lambda: PROBLEM}[name]()
    config = pl.Config(
        width=8,
        depth=2,
        points=64,
        data_points=20,
        batches=8,
        steps=5,
        dtype="float64",
        data_weight=2.0,
        device="cpu",
        compile=False,
    )
    run = pl.train(problem, config, progress=False)
    net, points = run.model(), torch.as_tensor(run.points)
    where, values = map(torch.as_tensor, problem.data(20, 0))

    def residual():
        return problem.residual(points, evaluation.read(net, problem.residual_outputs, points))

    def data():
        apart = problem.misfit(problem.observe(evaluation.read(net, problem.observed_outputs, where)), values)
        return 2.0 * apart.square().sum(-1).mean()

    watching = Monitor(net, residual=residual, terms={"data": data}, points=points, domain=problem.domain, batches=8, every=1)
    row = watching(5)
    for series in set(row) & set(run.history) - {"wall_time", "rel_l2", "snr_adam", "adam_step"}:
        wanted = run.history[series][-1] * (2.0 if series == "loss_data" else 1.0)
        assert row[series] == pytest.approx(wanted, rel=1e-10, nan_ok=True), series


def test_layers_of_two_networks_have_their_number_before():
    nets = [mlp(), mlp(1)]
    watching = Monitor(nets, residual=lambda: slope(nets[0]) + slope(nets[1]), layers=["0.1", "1.3"], batches=8, every=1)
    assert watching(0)["input_information"].shape == (2,)


def test_outputs_of_one_dimension_and_in_a_tuple_are_heard():
    class Odd(nn.Module):
        def __init__(self, how):
            super().__init__()
            self.inner, self.how = mlp(), how

        def forward(self, x):
            u = self.inner(x)
            return u[:, 0] if self.how == "flat" else (u, None)

    for how in ("flat", "tuple"):
        net = Odd(how)
        row = Monitor(
            net,
            residual=lambda net=net, how=how: (net(POINTS) if how == "flat" else net(POINTS)[0][:, 0]) - 1.0,
            batches=8,
            every=1,
        )(0)
        assert row["output_spread"] == pytest.approx(net.inner(POINTS).detach().numpy().std(), rel=1e-12)


def test_a_graph_that_was_made_before_the_probe_stays_good():
    """Batch normalization changes its buffers in place, which a graph may hold."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(2, 8), nn.BatchNorm1d(8), nn.Tanh(), nn.Linear(8, 1)).to(DOUBLE)
    net.eval()
    watching = Monitor(net, residual=lambda: net.train()(POINTS)[:, 0] - 1.0, batches=8, every=1)
    loss = net(POINTS).square().mean()
    kept = [b.clone() for b in net.buffers()]
    watching(0)
    loss.backward()
    assert all(torch.equal(a, b) for a, b in zip(kept, net.buffers(), strict=True))
    assert not net.training
