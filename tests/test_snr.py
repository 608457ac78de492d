"""Batch-gradient statistics against a loop of separate backward passes, and against closed forms."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import pinnlib as pl
from pinnlib import derivatives, models, sampling, snr
from pinnlib.taylor import toolchain

gradients = hnp.arrays(np.float64, st.tuples(st.integers(2, 8), st.integers(1, 20)), elements=st.floats(-100, 100, width=32))


def setup(activation="tanh", batches=8):
    problem = pl.problems.Helmholtz(a=(2, 1))
    model = models.MLP(2, 1, width=11, depth=3, activation=activation, seed=3, dtype=torch.float64)
    points = torch.as_tensor(sampling.interior(problem.domain, 8 * 16, seed=0))
    data = [torch.as_tensor(v) for v in problem.data(40, 0)]
    weights = torch.rand(len(points), generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    return problem, model, points, data, weights


def loop(problem, model, points, data, weights, power, batches, biases, data_weight):
    """The slow obvious twin: one backward pass a batch, each with the whole data term."""
    parameters = list(model.weights) + (list(model.biases) if biases else [])
    rows = []
    for part, lam in zip(points.split(len(points) // batches), weights.split(len(points) // batches), strict=True):
        r = problem.residual(part, derivatives.evaluate(model, part, problem.plan))
        loss = (lam**power * r**2).mean() + data_weight * ((model(data[0]) - data[1]) ** 2).mean()
        rows.append([g.flatten() for g in torch.autograd.grad(loss, parameters)])
    whole = torch.stack([torch.cat(row) for row in rows]).numpy()
    mean, std = whole.mean(0), whole.std(0)
    signal, noise = np.linalg.norm(mean), np.linalg.norm(std)
    layers = [torch.stack([row[k] for row in rows]).numpy() for k in range(len(model.weights))]
    return signal, noise, [np.linalg.norm(g.mean(0)) / np.linalg.norm(g.std(0)) for g in layers]


NATIVE = pytest.param("native", marks=pytest.mark.skipif(toolchain.compiler() is None, reason="no C++ compiler"))


@pytest.mark.parametrize("path", ["eager", NATIVE])
@pytest.mark.parametrize("biases", [False, True])
@pytest.mark.parametrize("power", [1, 2])
@pytest.mark.parametrize("activation", ["tanh", "sine", "softplus"])
def test_statistics_against_a_loop_of_backward_passes(activation, power, biases, path):
    problem, model, points, data, weights = setup(activation)
    grads = snr.batch_gradients(model, problem, points, batches=8, weights=weights, power=power, biases=biases, path=path)
    stats = snr.statistics(grads, snr.data_gradients(model, problem, *data, weight=3.0, biases=biases, path=path))
    signal, noise, layers = loop(problem, model, points, data, weights, power, 8, biases, 3.0)
    assert stats.signal == pytest.approx(signal, rel=1e-12)
    assert stats.noise == pytest.approx(noise, rel=1e-12)
    assert stats.snr == pytest.approx(signal / noise, rel=1e-12)
    if not biases:
        assert stats.snr_layers == pytest.approx(layers, rel=1e-12)


def test_biases_count_only_by_choice():
    problem, model, points, data, weights = setup()
    sizes = {}
    for biases in (False, True):
        grads = snr.batch_gradients(model, problem, points, batches=8, weights=weights, biases=biases)
        sizes[biases] = sum(g[0].numel() for g in grads)
    assert sizes[False] == sum(w.numel() for w in model.weights)
    assert sizes[True] == sum(p.numel() for p in model.parameters())
    default = snr.statistics(snr.batch_gradients(model, problem, points, batches=8, weights=weights))
    assert default.snr == pytest.approx(
        loop(problem, model, points, data, weights, 2, 8, False, 0.0)[0] / default.noise, rel=1e-12
    )


def test_mean_of_the_batches_is_the_gradient_of_the_loss():
    problem, model, points, _, weights = setup()
    grads = snr.batch_gradients(model, problem, points, batches=8, weights=weights)
    r = problem.residual(points, derivatives.evaluate(model, points, problem.plan))
    whole = torch.autograd.grad(((weights * r) ** 2).mean(), list(model.weights))
    for batch, full in zip(grads, whole, strict=True):
        assert torch.allclose(batch.mean(0), full, rtol=1e-12, atol=1e-15)


@given(gradients)
def test_order_is_a_function_of_snr(grads):
    grads = torch.as_tensor(grads)
    ratio, phi = snr.snr(grads), snr.order(grads)
    if math.isfinite(ratio) and ratio < 1e6:
        assert phi == pytest.approx(ratio / math.sqrt(1.0 + ratio**2), rel=1e-6, abs=1e-9)
    elif math.isinf(ratio):
        assert phi == pytest.approx(1.0)
    assert math.isnan(phi) or 0.0 <= phi <= 1.0 + 1e-12


@given(gradients, st.floats(1e-6, 1e6))
def test_the_scale_of_the_loss_does_not_matter(grads, scale):
    grads = torch.as_tensor(grads)
    a, b = snr.snr(grads), snr.snr(scale * grads)
    if math.isfinite(a) and a < 1e6:
        assert b == pytest.approx(a, rel=1e-6, abs=1e-9)


def test_gaussian_gradients_have_the_closed_form():
    """g_b ~ N(mu, sigma^2): E signal^2 = |mu|^2 + P sigma^2 / B, E noise^2 = P sigma^2 (B - 1) / B."""
    generator = torch.Generator().manual_seed(0)
    batches, n, sigma = 100, 20_000, 2.0
    mu = 0.3 * torch.randn(n, generator=generator, dtype=torch.float64)
    grads = mu + sigma * torch.randn(batches, n, generator=generator, dtype=torch.float64)
    expected = math.sqrt((float(mu.square().sum()) + n * sigma**2 / batches) / (n * sigma**2 * (batches - 1) / batches))
    # both norms are sums of n independent terms: relative sampling error about sqrt(2 / n) each, and the cross term with mu
    error = 5.0 * (math.sqrt(2.0 / n) + sigma * math.sqrt(1.0 / batches) / (0.3 * math.sqrt(n)))
    assert snr.snr(grads) == pytest.approx(expected, rel=error)


def test_pure_noise_has_the_floor_of_independent_batches():
    grads = torch.randn(64, 50_000, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    assert snr.snr(grads) == pytest.approx(1.0 / math.sqrt(63), rel=0.03)


def test_shared_term_moves_the_signal_and_not_the_noise():
    generator = torch.Generator().manual_seed(2)
    grads = [torch.randn(8, 5, 4, generator=generator, dtype=torch.float64)]
    shared = [1e9 * torch.ones(5, 4, dtype=torch.float64)]
    alone, both = snr.statistics(grads), snr.statistics(grads, shared)
    assert both.noise == alone.noise
    assert both.snr_residual == alone.snr
    assert both.signal == pytest.approx(1e9 * math.sqrt(20), rel=1e-6)
    assert both.signal_data == pytest.approx(1e9 * math.sqrt(20), rel=1e-12)


def test_layers_add_up_to_the_whole():
    generator = torch.Generator().manual_seed(3)
    grads = [torch.randn(8, *shape, generator=generator, dtype=torch.float64) for shape in ((5, 2), (5, 5), (1, 5))]
    whole, stats = torch.cat([g.flatten(1) for g in grads], dim=1), snr.statistics(grads)
    assert stats.snr == pytest.approx(snr.snr(whole), rel=1e-12)
    assert stats.order == pytest.approx(snr.order(whole), rel=1e-12)
    assert stats.snr_layers == pytest.approx([snr.snr(g) for g in grads], rel=1e-12)


@pytest.mark.parametrize("offset", [0.0, 1.0, 1e4])
def test_single_precision_loses_nothing_to_the_size_of_the_mean(offset):
    """The statistics of float32 gradients, taken in float32, against the definition in float64."""
    grads = (offset + torch.randn(100, 40, 30, generator=torch.Generator().manual_seed(4), dtype=torch.float64)).float()
    stats = snr.statistics([grads])
    assert stats.noise == pytest.approx(snr.noise(grads), rel=2e-6)
    assert stats.signal == pytest.approx(snr.signal(grads), rel=2e-6)


def test_limits():
    same = torch.ones(4, 3)
    assert snr.snr(same) == math.inf
    assert snr.order(same) == 1.0
    assert math.isnan(snr.snr(torch.zeros(4, 3)))
    opposite = torch.tensor([[1.0], [-1.0]])
    assert snr.snr(opposite) == 0.0
    assert snr.noise(opposite) == 1.0  # ddof = 0


def test_complex_gradients_are_refused():
    grads = torch.ones(4, 3, dtype=torch.complex128)
    for measure in (snr.signal, snr.noise, snr.snr, snr.order, lambda g: snr.norms([g])):
        with pytest.raises(ValueError, match="gradients are complex: give their real and imaginary parts"):
            measure(grads)


def test_adam_snr_by_hand():
    p = torch.nn.Parameter(torch.tensor([1.0, -2.0], dtype=torch.float64))
    optimizer = torch.optim.Adam([p], lr=0.1)
    assert math.isnan(snr.adam(optimizer))
    assert math.isnan(snr.adam_step(optimizer))
    m = v = np.zeros(2)
    for t in range(1, 6):
        g = np.array([math.sin(t), 2.0 + t])
        p.grad = torch.tensor(g)
        optimizer.step()
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
    m_hat, root = m / (1 - 0.9**5), np.sqrt(v / (1 - 0.999**5)) + 1e-8
    assert snr.adam(optimizer) == pytest.approx(np.linalg.norm(m_hat) / np.linalg.norm(root), rel=1e-12)
    assert snr.adam_step(optimizer) == pytest.approx(np.mean(np.abs(m_hat) / root), rel=1e-12)


class OfOnesOwn(torch.optim.Adam):
    """Adam's step by another name."""


class Changed(torch.optim.Adam):
    """A step of its own, of which nothing is known."""

    def step(self, closure=None):
        return super().step(closure)


def stepped(kind, **settings):
    """An optimizer after steps with gradients that come and go, and the size of its last step over its learning rate."""
    p = torch.nn.Parameter(torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64))
    optimizer = kind([p], lr=1e-3, **settings)
    for t in range(60):
        p.grad = torch.tensor([math.sin(t), 2.0 + t, 5.0 if t < 3 else 0.01 * math.cos(t)], dtype=torch.float64)
        before = p.detach().clone()
        optimizer.step()
    return optimizer, float((p.detach() - before).abs().mean()) / 1e-3


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        (torch.optim.Adam, {}),
        (torch.optim.Adam, {"amsgrad": True, "betas": (0.9, 0.95)}),
        (torch.optim.AdamW, {"amsgrad": True, "betas": (0.9, 0.95), "weight_decay": 0.0}),
        (OfOnesOwn, {}),
    ],
)
def test_adams_step_is_the_one_that_it_makes(kind, settings):
    optimizer, real = stepped(kind, **settings)
    assert snr.is_adam(optimizer)
    assert snr.adam_step(optimizer) == pytest.approx(real, rel=1e-10)
    state = optimizer.state[optimizer.param_groups[0]["params"][0]]
    root = (state["exp_avg"] / (1 - 0.9**60)).norm() / snr.adam(optimizer)
    second = state["max_exp_avg_sq" if "amsgrad" in settings else "exp_avg_sq"]
    beta = settings.get("betas", (0.9, 0.999))[1]
    assert float(root) == pytest.approx(float(((second / (1 - beta**60)).sqrt() + 1e-8).norm()), rel=1e-12)


@pytest.mark.parametrize("kind", [torch.optim.NAdam, torch.optim.RAdam, torch.optim.Adamax, torch.optim.SGD, Changed])
def test_what_only_looks_like_adam_has_no_numbers(kind):
    optimizer, _ = stepped(kind)
    assert not snr.is_adam(optimizer)
    assert math.isnan(snr.adam(optimizer))
    assert math.isnan(snr.adam_step(optimizer))


@pytest.mark.parametrize("batches", [1, 0, 7, 256])
def test_batches_that_do_not_cut_the_points(batches):
    problem, model, points, _, _ = setup()
    with pytest.raises(ValueError, match=f"{batches} batches do not cut 128 points"):
        snr.batch_gradients(model, problem, points, batches=batches)


def test_one_batch_has_no_noise():
    with pytest.raises(ValueError, match="at least 2 batches"):
        snr.snr(torch.ones(1, 5))
