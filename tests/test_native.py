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

pytestmark = pytest.mark.skipif(toolchain.compiler() is None, reason="no C++ compiler")
PLANS = {
    "value": derivatives.plan("xy", ("u",), ("u",)),
    "first": derivatives.plan("xy", ("u",), ("u", "u_x", "u_y")),
    "heat": derivatives.plan("xt", ("u",), ("u", "u_x"), {"heat_u": {"u_t": 1.0, "u_xx": -0.3}}),
    "second": derivatives.plan("xy", ("u", "v"), ("u_xx", "u_xy", "v_yy")),
    "third": derivatives.plan("xy", ("s", "p"), ("s_x", "s_y", "s_xy", "p_x"), {"laplace": {"s_xxy": 1.0, "s_yyy": 1.0}}),
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
        plan = derivatives.plan("xy", ("u",), ("u",))
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
