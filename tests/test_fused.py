"""The GPU's kernels: their formulas against torch's operations, and the kernels themselves where Triton is at hand."""

import os
import re
import subprocess
import sys

import pytest
import torch

import pinnlib as pl
from pinnlib.taylor import activations, formulas, fused, layers

PROBLEMS = [pl.problems.AllenCahn(), pl.problems.Helmholtz(), pl.problems.Cavity(100), pl.problems.AllenCahn(modes=2)]
PLATE = {"biharmonic_u": {"u_xxxx": 1.0, "u_xxyy": 2.0, "u_yyyy": 1.0}}
PLANS = {repr(p): p.plan for p in PROBLEMS} | {"plate": pl.derivatives.plan(("x", "y"), ("u",), ("u", "u_xxxy"), PLATE)}


def streams(plan, dtype=torch.float64):
    generator = torch.Generator().manual_seed(1)
    return torch.randn(2, 3, plan.n_streams, 5, 7, generator=generator, dtype=dtype)


def plain(activation, plan, z, g):
    """What layers.py gives."""
    h, d, scratch = torch.empty_like(z), torch.empty_like(z), layers.Scratch()
    layers.forward(z, h, activation, plan, scratch)
    layers.backward(g, z, h, d, activation, plan, scratch)
    return h, d


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
@pytest.mark.parametrize("name", ["tanh", "sine", "softplus"])
def test_formulas_read_as_python_are_the_layer(plan, name):
    activation = activations.get(name)
    z, g = streams(plan), streams(plan).flip(0)
    known = {"cosine": torch.cos, "logistic": torch.sigmoid, "z": z.select(-3, 0)}
    known["f0"] = activation.value(known["z"])
    known |= {f"s{k}": z.select(-3, k) for k in range(plan.n_streams)} | {f"g{k}": g.select(-3, k) for k in range(plan.n_streams)}
    for target, text in formulas.backward(name, plan):
        known[target] = eval(text, {}, known)
    for letter, expected in zip("hd", plain(activation, plan, z, g), strict=True):
        found = torch.stack([known[f"{letter}{k}"] for k in range(plan.n_streams)], dim=-3)
        assert torch.allclose(found, expected, rtol=1e-12, atol=1e-12)


def test_every_stream_is_read_and_written_once():
    """One loop a layer: that is what the kernel is for."""
    for plan in PLANS.values():
        n = plan.n_streams
        rise, fall = fused.text("tanh", plan).split("def rise")[1].split("def fall")
        assert (len(re.findall(r"tl\.load", rise)), len(re.findall(r"tl\.store", rise))) == (n, n)
        assert (len(re.findall(r"tl\.load", fall)), len(re.findall(r"tl\.store", fall))) == (2 * n, n)


def test_streams_that_do_not_fit_are_refused():
    plan = PLANS["plate"]
    z = streams(plan)
    with pytest.raises(ValueError, match="a kernel needs equal, contiguous ones"):
        fused._launch(None, plan.n_streams, z, z.transpose(0, 1))


def test_what_is_supported():
    assert fused.supports(activations.get("tanh"), torch.float32)
    assert not fused.supports(activations.get("tanh"), torch.float64)


INTERPRETED = """
import sys
sys.path.insert(0, {tests!r})
import torch
from test_fused import PLANS, plain, streams
from pinnlib.taylor import activations, fused
for title, plan in PLANS.items():
    for name in ("tanh", "sine", "softplus"):
        activation = activations.get(name)
        z, g = streams(plan, torch.float32), streams(plan, torch.float32).flip(0)
        h, d = torch.full_like(z, torch.nan), torch.full_like(z, torch.nan)
        fused.forward(z, h, activation, plan)
        fused.backward(g, z, h, d, activation, plan)
        for found, expected in zip((h, d), plain(activation, plan, z.double(), g.double()), strict=True):
            assert float((found - expected).abs().max() / expected.abs().max()) < 2e-6, (title, name)
print("same")
"""


def test_kernels_in_tritons_interpreter():
    pytest.importorskip("triton")
    code = INTERPRETED.format(tests=os.path.dirname(__file__))
    environment = os.environ | {"TRITON_INTERPRET": "1"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=environment)
    assert done.stdout == "same\n", done.stderr


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
def test_on_a_gpu(plan):
    activation = activations.get("tanh")
    z, g = streams(plan, torch.float32).cuda(), streams(plan, torch.float32).flip(0).cuda()
    h, d = torch.full_like(z, torch.nan), torch.full_like(z, torch.nan)
    fused.forward(z, h, activation, plan)
    fused.backward(g, z, h, d, activation, plan)
    for found, expected in zip((h, d), plain(activation, plan, z.double(), g.double()), strict=True):
        assert float((found - expected).abs().max() / expected.abs().max()) < 2e-6
