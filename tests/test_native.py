"""The pass in machine code: against the one in torch's operations, and how it is built."""

import shutil
import subprocess
import sys

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pinnlib import derivatives, models
from pinnlib.taylor import activations, backends, native, toolchain
from pinnlib.taylor.embeddings import Embedding, Waves

pytestmark = pytest.mark.skipif(toolchain.compiler() is None, reason="no C++ compiler")
PLANS = {
    "value": derivatives.plan(("x", "y"), ("u",), ("u",)),
    "first": derivatives.plan(("x", "y"), ("u",), ("u", "u_x", "u_y")),
    "heat": derivatives.plan(("x", "t"), ("u",), ("u", "u_x"), {"heat_u": {"u_t": 1.0, "u_xx": -0.3}}),
    "second": derivatives.plan(("x", "y"), ("u", "v"), ("u_xx", "u_xy", "v_yy")),
    "plate": derivatives.plan(("x", "y"), ("u",), ("u",), {"plate_u": {"u_xxxx": 1.0, "u_xxyy": 2.0, "u_yyyy": 1.0}}),
    "third": derivatives.plan(("x", "y"), ("s", "p"), ("s_x", "s_y", "s_xy", "p_x"), {"laplace": {"s_xxy": 1.0, "s_yyy": 1.0}}),
}


@pytest.fixture
def threads():
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


def network(sizes, lead, dtype, seed=0):
    generator = torch.Generator().manual_seed(seed)
    draw = [torch.randn(*lead, *shape, generator=generator, dtype=torch.float64) for shape in models.shapes(sizes)]
    n = len(sizes) - 1
    return [(w / w.shape[-1] ** 0.5).to(dtype) for w in draw[:n]], [(0.3 * b).to(dtype) for b in draw[n:]]


def both(plan, activation, sizes, *, lead=(), batch=(), n=10, dtype=torch.float64, seed=0):
    """Streams, total gradient and gradients apart, by machine code and by torch."""
    generator = torch.Generator().manual_seed(seed)
    weights, biases = network(sizes, lead, dtype, seed)
    shape = (*lead, *batch)
    points = torch.rand(*shape, n, sizes[0], generator=generator, dtype=torch.float64).to(dtype)
    g = torch.randn(*shape, plan.n_streams, n, sizes[-1], generator=generator, dtype=torch.float64).to(dtype)
    found = []
    for path in ("native", "eager"):
        one = backends.make(path, shape, n, sizes, activations.get(activation), plan, points, lead=len(lead))
        n_params = sum(p[(0,) * len(lead)].numel() for p in (*weights, *biases))
        total, apart = torch.zeros(*lead, n_params, dtype=dtype), torch.zeros(*shape, n_params, dtype=dtype)
        for _ in range(2):  # memory is used again
            out = one.forward(points, weights, biases)
            one.backward(g, weights, total, apart if batch else None)
        found.append((out, total, apart))
    return zip(*found, strict=True)


def close(a, b, tolerance):
    return float((a - b).norm()) <= tolerance * float(b.norm()) + 1e-300


@pytest.mark.parametrize("activation", ["tanh", "sine", "softplus"])
@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
def test_streams_and_gradients(plan, activation):
    sizes = [2, 19, 19, 19, 2 if plan.order == 3 else 1]
    for fast, slow in both(plan, activation, sizes, batch=(3,), n=23):
        assert close(fast, slow, 1e-13)


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
def test_in_single_precision(plan):
    for fast, slow in both(plan, "tanh", [2, 64, 64, 2], batch=(4,), n=50, dtype=torch.float32):
        assert close(fast.double(), slow.double(), 3e-6)


@settings(max_examples=40, deadline=None)
@given(
    widths=st.lists(st.integers(1, 40), min_size=1, max_size=3),
    lead=st.sampled_from([(), (1,), (3,), (2, 2)]),
    batch=st.sampled_from([(), (1,), (5,), (2, 3)]),
    n=st.integers(1, 70),
    count=st.integers(1, 3),
)
def test_any_shape_and_any_number_of_threads(widths, lead, batch, n, count):
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        for fast, slow in both(PLANS["heat"], "tanh", [2, *widths, 1], lead=lead, batch=batch, n=n):
            assert close(fast, slow, 1e-12)
    finally:
        torch.set_num_threads(before)


def test_the_same_bits_each_time_and_with_batches_apart(threads):
    threads(2)
    plan, sizes = PLANS["heat"], [2, 32, 32, 1]
    weights, biases = network(sizes, (), torch.float32)
    points, g = torch.rand(3, 40, 2), torch.randn(3, 3, 40, 1)
    found = []
    for apart in (None, torch.zeros(3, 1185), None):
        one = backends.make("native", (3,), 40, sizes, activations.get("tanh"), plan, points)
        total = torch.zeros(1185)
        one.forward(points, weights, biases)
        one.backward(g, weights, total, apart)
        found.append(total)
    assert torch.equal(found[0], found[1])
    assert torch.equal(found[0], found[2])


def test_tanh_in_single_precision_has_a_relative_error_below_4e_7():
    z = torch.cat([torch.linspace(-12, 12, 40_001), torch.logspace(-30, 0, 5_000), torch.tensor([0.0, 50.0, -1e30])])
    plan = PLANS["value"]
    one = backends.make("native", (), len(z), [1, 1, 1], activations.get("tanh"), plan_of_one(plan), z[:, None])
    out = one.forward(z[:, None], [torch.ones(1, 1), torch.ones(1, 1)], [torch.zeros(1), torch.zeros(1)])
    exact = torch.tanh(z.double())
    assert float(((out.flatten().double() - exact) / exact.abs().clamp(1e-38)).abs().max()) < 3 * 2**-23
    assert out.abs().max() == 1.0
    assert float(out.flatten()[-1]) == -1.0


def test_not_a_number_stays_one():
    plan = plan_of_one(PLANS["value"])
    z = torch.tensor([[float("nan")], [1.0]])
    one = backends.make("native", (), 2, [1, 1, 1], activations.get("tanh"), plan, z)
    out = one.forward(z, [torch.ones(1, 1), torch.ones(1, 1)], [torch.zeros(1), torch.zeros(1)])
    assert out.flatten().isnan().tolist() == [True, False]


SIZES = [2, 6, 4, 1]
EMBEDDING = Embedding(2, (Waves(0, (0.0, 1.0), 2),))
EMBEDDED = derivatives.plan(("x", "t"), ("u",), ("u", "u_xx"), {}, EMBEDDING)


def pass_and_tensors(path="native", *, lead=(2,), batch=(3,), n=6, embedded=False, own=None):
    """A pass and what fits it, by name; ``own``: the parameters' leading axes, where they are fewer than the pass's."""
    plan, sizes = (EMBEDDED, [5, *SIZES[1:]]) if embedded else (PLANS["heat"], SIZES)
    weights, biases = network(sizes, lead if own is None else own, torch.float64)
    n_params = models.count(sizes)
    given = {
        "points": torch.rand(*lead, *batch, n, 2, dtype=torch.float64),
        "weights": weights,
        "biases": biases,
        "g": torch.randn(*lead, *batch, plan.n_streams, n, 1, dtype=torch.float64),
        "total": torch.zeros(*lead, n_params, dtype=torch.float64),
        "apart": torch.zeros(*lead, *batch, n_params, dtype=torch.float64),
    }
    one = backends.make(path, (*lead, *batch), n, sizes, activations.get("tanh"), plan, given["points"], lead=len(lead))
    return one, given


def go(one, given):
    one.forward(given["points"], given["weights"], given["biases"])
    one.backward(given["g"], given["weights"], given["total"], given["apart"])


def one_of(k, change):
    """Change the k-th tensor of a list."""
    return lambda tensors: [change(t) if i == k else t for i, t in enumerate(tensors)]


CHANGES = {
    "last axis shorter": lambda t: t[..., :-1],
    "last axis longer": lambda t: torch.cat([t, t], dim=-1),
    "first axis shorter": lambda t: t[1:],
    "first axis longer": lambda t: torch.cat([t, t]),
    "an axis more": lambda t: t[None],
    "no axes": lambda t: t.flatten()[0],
    "float32": lambda t: t.float(),
    "whole numbers": lambda t: t.long(),
    "no memory": lambda t: t.to("meta"),
}
MISFITS = {
    **{f"{name}: {what}": (name, change) for name in ("points", "g", "total", "apart") for what, change in CHANGES.items()},
    **{
        f"{name}[{k}]: {what}": (name, one_of(k, change))
        for name, k in (("weights", 0), ("weights", 2), ("biases", 1))
        for what, change in CHANGES.items()
    },
    "points: one axis for two": ("points", lambda t: t[..., 0]),
    "points: of one batch for all": ("points", lambda t: t[..., 0, :, :]),
    "points: turned": ("points", lambda t: t.transpose(-1, -2)),
    "g: one stream": ("g", lambda t: t[..., :1, :, :]),
    "g: fewer points": ("g", lambda t: t[..., :-1, :]),
    "weights: turned": ("weights", one_of(0, lambda t: t.transpose(-1, -2))),
    "weights: one less": ("weights", lambda t: t[:-1]),
    "weights: one more": ("weights", lambda t: [*t, t[-1]]),
    "weights: none": ("weights", lambda t: []),
    "biases: one less": ("biases", lambda t: t[:-1]),
    "biases: one more": ("biases", lambda t: [*t, t[-1]]),
    "total: not contiguous": ("total", lambda t: torch.stack([t, t], dim=-1)[..., 0]),
    "apart: memory in common": ("apart", lambda t: t[..., :1].expand(t.shape)),
}


@pytest.mark.parametrize("embedded", [False, True], ids=["plain", "embedded"])
@pytest.mark.parametrize(("lead", "batch"), [((2,), (3,)), ((), (3,)), ((2, 2), ())], ids=str)
@pytest.mark.parametrize("misfit", MISFITS)
def test_what_does_not_fit_is_refused(misfit, lead, batch, embedded):
    """Machine code would read or write beyond the end of an array."""
    name, change = MISFITS[misfit]
    one, given = pass_and_tensors(lead=lead, batch=batch, embedded=embedded)
    go(one, given)
    given[name] = change(given[name])
    with pytest.raises(ValueError, match=rf"{name}.*this pass needs|{name}.* has strides"):
        go(one, given)


@settings(max_examples=60, deadline=None)
@given(data=st.data(), shape=st.lists(st.integers(0, 7), max_size=4), name=st.sampled_from(["points", "g", "total", "apart"]))
def test_any_other_shape_is_refused(data, shape, name):
    lead, batch = data.draw(st.sampled_from([((), ()), ((), (3,)), ((2,), ()), ((2,), (3,))]))
    one, given = pass_and_tensors(lead=lead, batch=batch, embedded=data.draw(st.booleans()))
    wrong = torch.zeros(shape, dtype=torch.float64)
    if wrong.shape != given[name].shape:
        with pytest.raises(ValueError, match=f"{name} of shape .*: this pass needs shape"):
            go(one, given | {name: wrong})


def test_a_misfit_is_told_by_its_shapes():
    one, given = pass_and_tensors(lead=())
    with pytest.raises(
        ValueError, match=r"^points of shape \(3, 6, 1\), .*: this pass needs shape \(3, 6, 2\), torch.float64, on a CPU$"
    ):
        go(one, given | {"points": given["points"][..., :1]})
    with pytest.raises(ValueError, match=r"^weights\[1\] of shape \(4, 5\), .*: this pass needs shape \(4, 6\)"):
        go(one, given | {"weights": one_of(1, lambda t: t[:, 1:])(given["weights"])})
    with pytest.raises(ValueError, match=r"^2 biases: this pass needs 3, one a layer of a network of sizes \[2, 6, 4, 1\]$"):
        go(one, given | {"biases": given["biases"][1:]})


def test_parameters_with_and_without_the_leading_axes_fit():
    """What lacks them is shared by all members."""
    one, given = pass_and_tensors(lead=(2,), own=())
    shared = one.forward(given["points"], given["weights"], given["biases"]).clone()
    mixed = [w.expand(2, *w.shape) if k else w for k, w in enumerate(given["weights"])]
    assert torch.equal(one.forward(given["points"], mixed, given["biases"]), shared)
    one.backward(given["g"], mixed, given["total"], given["apart"])
    with pytest.raises(ValueError, match=r"weights\[0\] of shape \(3, 6, 2\).*: this pass needs shape \(2, 6, 2\)"):
        one.forward(given["points"], [w.expand(3, *w.shape) for w in given["weights"]], given["biases"])


def test_no_points_are_no_gradients():
    one, given = pass_and_tensors(n=0)
    go(one, given)
    assert not given["total"].any()
    assert not given["apart"].any()


def test_a_backward_pass_needs_a_forward_pass():
    one, given = pass_and_tensors()
    with pytest.raises(ValueError, match="call forward first"):
        one.backward(given["g"], given["weights"], given["total"])


@pytest.mark.parametrize("path", ["native", "eager"])
@pytest.mark.parametrize(("embedded", "inputs"), [(False, 1), (False, 3), (True, 2)])
def test_a_network_with_another_number_of_inputs_is_refused(path, embedded, inputs):
    plan = EMBEDDED if embedded else PLANS["heat"]
    with pytest.raises(ValueError, match=f"with {inputs} inputs: the plan needs one with {5 if embedded else 2}"):
        backends.make(path, (), 6, [inputs, 4, 1], activations.get("tanh"), plan, torch.rand(6, 2))


def test_a_dtype_without_machine_code_is_refused():
    with pytest.raises(ValueError, match=r"tanh in torch.float16: machine code is for"):
        backends.make("native", (), 6, SIZES, activations.get("tanh"), PLANS["heat"], torch.rand(6, 2, dtype=torch.float16))


@pytest.mark.parametrize("embedded", [False, True])
@pytest.mark.parametrize(
    "what", [lambda t: t[..., :1], lambda t: t[..., :1, :], lambda t: torch.cat([t, t], dim=-1), lambda t: t[0]]
)
def test_torchs_operations_refuse_points_too(what, embedded):
    """They would stretch one coordinate to two, and one point to all."""
    one, given = pass_and_tensors("eager", embedded=embedded)
    with pytest.raises(ValueError, match=r"points of shape .*: this pass needs shape \(2, 3, 6, 2\)"):
        go(one, given | {"points": what(given["points"])})


def plan_of_one(plan):
    return derivatives.Plan(1, plan.operators, plan.names)


def test_a_damaged_file_in_the_cache_is_made_anew(tmp_path):
    """In processes of their own, since a library that is loaded stays loaded: forks of one that has imported torch."""
    code = """
import os, shutil, sys, torch
from pathlib import Path
from pinnlib import derivatives
from pinnlib.taylor import activations, backends

def run():
    child = os.fork()
    if not child:
        points = torch.rand(5, 2)
        plan = derivatives.plan(("x", "y"), ("u",), ("u",))
        one = backends.make("native", (), 5, [2, 4, 1], activations.get("tanh"), plan, points)
        out = one.forward(points, [torch.ones(4, 2), torch.ones(1, 4)], [torch.zeros(4), torch.zeros(1)])
        os._exit(0 if out.shape == (1, 5, 1) else 1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

cache = Path(sys.argv[1]) / "pinnlib"
assert run() == 0
(made,) = (cache / "native").iterdir()
whole = made.stat().st_size
made.write_bytes(b"not a library")
assert run() == 0
assert made.stat().st_size == whole
shutil.rmtree(cache)
cache.write_text("a file where the folder should be")
assert run() == 0
assert cache.is_file()
print("as it should be")
"""
    environment = {"XDG_CACHE_HOME": str(tmp_path), "PATH": "/usr/bin:/bin:/usr/local/bin", "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", code, tmp_path], env=environment, capture_output=True, text=True, check=False)
    assert done.stdout == "as it should be\n", done.stderr


def test_what_a_compiler_says_is_passed_on(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(toolchain.BuildError, match=r"failed: .*error: .*nonsense"):
        toolchain.build("nonsense;")
    assert not list((tmp_path / "pinnlib" / "native").iterdir())


def test_a_threads_library_that_does_not_fit_is_done_without(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(toolchain, "_openmp", lambda: str(tmp_path / "libomp.so"))
    assert toolchain.build('extern "C" int answer() { return 42; }').answer() == 42


def test_the_threads_library_is_torchs_own():
    found = toolchain._openmp()
    if sys.platform == "linux":
        assert found
        assert "omp" in found.rpartition("/")[2]
    else:
        assert found is None


def test_without_a_compiler(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(toolchain.BuildError, match=r"install g\+\+ or clang\+\+"):
        toolchain.build("")


def test_an_activation_without_formulas_is_not_for_machine_code():
    class Cube:
        name = "cube"

    assert not native.supports(Cube(), torch.float32)
    assert not native.supports(activations.get("tanh"), torch.float16)
