"""Residual-based attention: its update, its bounds, its place in the loss."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import pinnlib as pl
from pinnlib import RBA, rba

finite = st.floats(-1e6, 1e6, allow_nan=False, allow_subnormal=False)


def by_hand(weights, residual, decay, rate, normalization):
    """The slow obvious twin, point by point."""
    sizes = [abs(float(r)) for r in residual]
    low = min(sizes) if normalization == "min-max" else 0.0
    span = max(sizes) - low
    return [decay * float(w) + (rate * (s - low) / span if span > 0 else 0.0) for w, s in zip(weights, sizes, strict=True)]


@given(
    residuals=st.lists(st.lists(finite, min_size=7, max_size=7), min_size=1, max_size=30),
    decay=st.floats(0.0, 0.9999),
    rate=st.floats(0.0, 10.0),
    start=st.floats(0.0, 1.0),
    normalization=st.sampled_from(rba.NORMALIZATIONS),
)
def test_weights_stay_within_their_bound(residuals, decay, rate, start, normalization):
    limit = rate / (1.0 - decay)
    weights = torch.full((7,), start * limit, dtype=torch.float64)
    for residual in residuals:
        r = torch.tensor(residual, dtype=torch.float64)
        expected = by_hand(weights, r, decay, rate, normalization)
        weights = rba.update(weights, r, decay=decay, rate=rate, normalization=normalization)
        assert weights.tolist() == pytest.approx(expected, rel=1e-12, abs=1e-300)
        assert torch.all(weights >= 0.0)
        assert torch.all(weights <= limit * (1.0 + 1e-12))
    assert rba.bound(RBA(decay=decay, rate=rate)) == limit


def test_constant_residual_follows_the_closed_form():
    weights = torch.zeros(3, dtype=torch.float64)
    for _ in range(500):
        weights = rba.update(weights, torch.tensor([4.0, -2.0, 0.0], dtype=torch.float64), decay=0.99, rate=0.01)
    share = torch.tensor([1.0, 0.5, 0.0], dtype=torch.float64)
    assert torch.allclose(weights, share * (1.0 - 0.99**500), rtol=1e-12)


def test_update_is_pure_and_cuts_the_graph():
    weights, residual = torch.ones(4), torch.randn(4, requires_grad=True)
    before = weights.clone()
    new = rba.update(weights, residual, decay=0.9, rate=0.1)
    assert torch.equal(weights, before)
    assert not new.requires_grad


def test_zero_residual_only_decays_and_nan_is_not_hidden():
    assert rba.update(torch.ones(3), torch.zeros(3), decay=0.5, rate=1.0).tolist() == [0.5] * 3
    assert rba.update(torch.ones(3), torch.tensor([1.0, math.nan, 0.0]), decay=0.5, rate=1.0).isnan().all()
    assert not rba.update(torch.ones(3), torch.tensor([1.0, math.inf, 0.0]), decay=0.5, rate=1.0).isfinite().all()


def test_min_max_gives_nothing_to_the_smallest():
    new = rba.update(torch.zeros(3), torch.tensor([1.0, -2.0, 3.0]), decay=0.9, rate=0.1, normalization="min-max")
    assert new.tolist() == pytest.approx([0.0, 0.05, 0.1])


def test_power_of_the_weight_in_the_loss():
    weights, nobody = torch.tensor([2.0, 3.0]), torch.tensor([0, 1])
    assert RBA(power=2).factor(weights, nobody).tolist() == [4.0, 9.0]
    assert RBA(power=1).factor(weights, nobody).tolist() == [2.0, 3.0]
    assert RBA().power == 2


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("decay", 1.0),
        ("decay", -0.1),
        ("rate", -1e-3),
        ("power", 3),
        ("normalization", "mean"),
        ("initial", -1.0),
        ("decay", math.nan),
    ],
)
def test_bad_settings_are_named(setting, value):
    with pytest.raises(ValueError, match=f"{setting}.*{value}"):
        RBA(**{setting: value})


def test_the_first_rate_is_that_of_the_first_step_alone():
    rule = pl.RBA(decay=0.9, rate=0.01, first_rate=1.0)
    r, start = torch.tensor([1.0, -4.0, 2.0]), torch.full((3,), 0.5)
    assert rule.updated(start, r, 0).tolist() == pytest.approx([0.45 + 0.25, 0.45 + 1.0, 0.45 + 0.5])
    assert rule.updated(start, r, 1).tolist() == pytest.approx([0.45 + 0.0025, 0.45 + 0.01, 0.45 + 0.005])
    assert pl.rba.bound(rule) == pytest.approx(1.0)


def test_a_training_takes_the_first_rate_at_its_first_step():
    settings = dict(width=5, depth=2, points=16, data_points=8, batches=4, steps=1, dtype="float64", device="cpu")
    config = pl.Config(**settings, weighting=pl.RBA(first_rate=1.0))
    run = pl.train(pl.problems.Helmholtz(), config, progress=False)
    size = np.abs(run.residual(snapshot=0))
    assert run.state["rba"] == pytest.approx(size / size.max(), rel=1e-9)
