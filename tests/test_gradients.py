"""The chunked gradient of the residual term against plain autograd, on every path."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import pinnlib as pl
from pinnlib import models, sampling
from pinnlib.problems import terms
from pinnlib.taylor import toolchain

COMPILED = pytest.mark.skipif(toolchain.compiler() is None, reason="no C++ compiler")
PATHS = ["eager", pytest.param("native", marks=COMPILED)]
# bytes of a layer in a chunk, and bytes that may wait for their backward pass
CHUNKINGS = {"whole": (2**30, 2**30), "done twice": (8 * 12 * 30, 0), "some wait": (8 * 12 * 30, 40_000)}
PROBLEMS = {"helmholtz": pl.problems.Helmholtz(a=(2, 1)), "allen-cahn": pl.problems.AllenCahn(), "burgers": pl.problems.Burgers()}


def setup(problem, activation="tanh", n=96, seed=3, dtype=torch.float64):
    model = models.MLP(2, 1, width=11, depth=3, activation=activation, seed=seed, dtype=dtype)
    with torch.no_grad():
        for bias in model.biases:
            bias.copy_(0.3 * torch.randn(bias.shape, generator=torch.Generator().manual_seed(seed)))
    return model, torch.as_tensor(sampling.interior(problem.domain, n, seed=seed), dtype=dtype)


def factor(residual):
    size = residual.abs()
    return (0.2 + size / size.amax(-1, keepdim=True)) ** 2


def slow(problem, model, points, weighted):
    """The slow obvious twin: nested autograd for the partials, one backward pass for the loss."""
    x = points.clone().requires_grad_()
    u = model(x)[:, 0]
    found = {"u": u}

    def partial(letters):
        value = u
        for c in letters:
            value = torch.autograd.grad(value.sum(), x, create_graph=True)[0][:, problem.coordinates.index(c)]
        return value

    for name in problem.partials:
        found[name] = partial(name.partition("_")[2]) if "_" in name else u
    for name, parts in problem.operators.items():
        found[name] = sum(c * partial(part.partition("_")[2]) for part, c in parts.items())
    r = problem.residual(points, type("Found", (), found))
    loss = (r**2 * (factor(r.detach()) if weighted else 1.0)).mean()
    parameters = [*model.weights, *model.biases]
    return r.detach(), torch.autograd.grad(loss, parameters, allow_unused=True, materialize_grads=True)


def close(a, b, tolerance=1e-11):
    return float((a - b).norm()) <= tolerance * float(b.norm()) + 1e-15


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", PROBLEMS)
@pytest.mark.parametrize(
    ("chunk", "keep"), [(2**30, 2**30), (8 * 12 * 30, 0), (8 * 12 * 30, 40_000)], ids=["whole", "twice", "some"]
)
def test_residuals_and_gradients_on_every_path(monkeypatch, name, weighted, path, chunk, keep):
    for kind in ("cpu", "native"):
        monkeypatch.setitem(terms.CHUNK_BYTES, kind, chunk)
    monkeypatch.setattr(terms, "KEEP_BYTES", keep)
    problem = PROBLEMS[name]
    model, points = setup(problem)
    weights, biases = list(model.weights), list(model.biases)
    term = terms.ResidualTerm(problem, points, batches=6, sizes=model.sizes, activation=model.activation, path=path)
    if chunk < 2**30:
        assert len(term.chunks) > 2
        assert not weighted or (0 < term.kept < len(term.chunks) if keep else term.kept == 0)
    residual, expected = slow(problem, model, points, weighted)
    for apart in (False, True, False):  # memory is used again from call to call
        r, *found = term(weights, biases, factor if weighted else None, apart=apart)
        grads, own = (g if g is None else models.split(g, model.sizes) for g in found)
        assert close(r, residual)
        assert all(close(g, e) for g, e in zip(grads, expected, strict=True))
        if apart:
            assert all(close(g.mean(0), e) for g, e in zip(own, expected, strict=True))


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("activation", ["tanh", "sine", "softplus"])
def test_batches_apart_are_the_batches_alone(activation, path):
    problem = PROBLEMS["burgers"]
    model, points = setup(problem, activation)
    weights, biases = list(model.weights), list(model.biases)
    term = terms.ResidualTerm(problem, points, batches=4, sizes=model.sizes, activation=model.activation, path=path)
    grads = models.split(term(weights, biases, apart=True)[2], model.sizes)
    for b, part in enumerate(points.split(24)):
        _, expected = slow(problem, model, part, False)
        assert all(close(g[b], e) for g, e in zip(grads, expected, strict=True))


@pytest.mark.parametrize("path", PATHS)
def test_an_ensemble_is_its_members_one_by_one(monkeypatch, path):
    for kind in ("cpu", "native"):
        monkeypatch.setitem(terms.CHUNK_BYTES, kind, 8 * 12 * 30 * 3)
    problem = PROBLEMS["allen-cahn"]
    members = [setup(problem, seed=seed) for seed in range(3)]
    stacked = [torch.stack(p) for p in zip(*(model.parameters() for model, _ in members), strict=True)]
    points = torch.stack([points for _, points in members])
    k = len(stacked) // 2
    activation, sizes = members[0][0].activation, members[0][0].sizes
    term = terms.ResidualTerm(problem, points, batches=6, sizes=sizes, activation=activation, path=path)
    residual, *grads = term(stacked[:k], stacked[k:], factor, apart=True)
    for e, (model, own) in enumerate(members):
        alone = terms.ResidualTerm(problem, own, batches=6, sizes=model.sizes, activation=activation)
        r, *expected = alone(list(model.weights), list(model.biases), factor, apart=True)
        assert close(residual[e], r)
        assert all(close(many[e], one) for many, one in zip(grads, expected, strict=True))


@pytest.mark.parametrize("path", PATHS)
def test_the_data_term_by_autograd(path):
    model, points = setup(PROBLEMS["allen-cahn"])
    values = torch.sin(points[:, :1])
    where = pl.Condition("data", points.numpy(), "u", values.numpy())
    settings = {"sizes": model.sizes, "activation": model.activation, "path": path}
    term = terms.DataTerm(PROBLEMS["allen-cahn"], [where], [(points, values)], **settings)
    loss, (grads,) = term(list(model.weights), list(model.biases), scale=3.0)
    expected = ((model(points) - values) ** 2).sum(-1).mean()
    assert close(loss, expected.detach())
    slow_grads = torch.autograd.grad(3.0 * expected, [*model.weights, *model.biases])
    assert all(close(g, e) for g, e in zip(models.split(grads, model.sizes), slow_grads, strict=True))


@given(size=st.integers(1, 60), batches=st.integers(1, 40), most=st.integers(1, 3000))
def test_chunks_cover_every_point_once(size, batches, most):
    cut = terms.chunks(size * batches, batches, most)
    assert [c.start for c in cut] == [0, *(c.stop for c in cut[:-1])]
    assert cut[-1].stop == size * batches
    for c in cut:
        assert 0 < c.stop - c.start <= most
        assert c.first == c.start // size
        assert c.batches == 1 or (c.start % size == 0 and c.stop - c.start == c.batches * size)
        assert (c.stop - 1) // size == c.first + c.batches - 1  # no chunk reaches into the next batch


def memory(one):
    return (one._packed, one.kept, one._scratch, one.out) if hasattr(one, "kept") else (*one.h, *one.z, one.out)


@pytest.mark.parametrize("path", PATHS)
def test_memory_does_not_grow_with_the_points(monkeypatch, path):
    for kind in ("cpu", "native"):
        monkeypatch.setitem(terms.CHUNK_BYTES, kind, 2**16)
    problem = PROBLEMS["helmholtz"]

    def held(n):
        model, points = setup(problem, n=n)
        term = terms.ResidualTerm(problem, points, batches=4, sizes=model.sizes, activation=model.activation, path=path)
        term(list(model.weights), list(model.biases))
        return sum(t.numel() for one in term._passes.values() for t in memory(one))

    assert held(16_384) == held(1_024) > 0


@pytest.mark.parametrize("path", PATHS)
def test_a_data_term_with_slopes_and_a_misfit_of_its_own(path):
    problem = pl.problems.Cavity(100)
    model = models.MLP(2, 2, width=9, depth=2, seed=1, dtype=torch.float64)
    points, values = map(torch.as_tensor, problem.data(40, 0))
    (where,) = problem.conditions(40, 0)
    settings = {"sizes": model.sizes, "activation": model.activation, "path": path}
    term = terms.DataTerm(problem, [where], [(points, values)], **settings)
    loss, (grads,) = term(list(model.weights), list(model.biases), scale=2.0)
    x = points.clone().requires_grad_()
    slopes = torch.autograd.grad(model(x)[:, 0].sum(), x, create_graph=True)[0]
    expected = ((slopes[:, 1] - values[:, 0]).abs() + slopes[:, 0].abs()).square().mean()
    assert close(loss, expected.detach())
    slow_grads = torch.autograd.grad(2.0 * expected, [*model.weights, *model.biases], allow_unused=True)
    slow_grads = [
        torch.zeros_like(p) if g is None else g for g, p in zip(slow_grads, [*model.weights, *model.biases], strict=True)
    ]
    assert all(close(g, e) for g, e in zip(models.split(grads, model.sizes), slow_grads, strict=True))
