"""Rules of binning, each against a slow obvious twin; what they do with ties, constants and bad input."""

import math
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pinnlib import information
from pinnlib.information import Discrete, FixedRange, FixedWidth, Paper, Quantile, binned_entropy, row_counts

RULES = [Paper(), Paper(1), FixedWidth(0.1), Quantile(7), FixedRange(30), FixedRange(5, (-2.0, 1.0))]


def fixed_width(column, rule):
    codes = [math.floor(float(v) / rule.width) for v in column]
    return [c - min(codes) for c in codes]


def quantile(column, rule):
    ordered = sorted(float(v) for v in column)
    edges = [ordered[k * len(ordered) // rule.bins] for k in range(1, rule.bins)]
    return [sum(e <= float(v) for e in edges) for v in column]


def fixed_range(column, rule):
    low, high = (-1.0, 1.0) if rule.bounds == "tanh" else rule.bounds
    edges = np.linspace(low, high, rule.bins + 1)
    return [min(int(np.digitize(float(v), edges)) - 1, rule.bins - 1) for v in column]


TWINS = {FixedWidth: fixed_width, Quantile: quantile, FixedRange: fixed_range}


@st.composite
def inside(draw, dtypes=(np.float32, np.float64)):
    """Activations in [-1, 1] with repeated values, values on edges and constant neurons."""
    dtype = draw(st.sampled_from(dtypes))
    values = st.one_of(
        st.floats(-1, 1, width=32),
        st.sampled_from([-1.0, -0.5, 0.0, -0.0, 0.1, 0.3, 0.5, 1.0]),
        st.integers(-30, 30).map(lambda k: k / 30),
    )
    array = draw(
        hnp.arrays(dtype, (draw(st.integers(2, 15)), draw(st.integers(1, 9))), elements=values.map(lambda v: float(dtype(v))))
    )
    if draw(st.booleans()):
        array[:, 0] = array[0, 0]
    return array


@settings(max_examples=100, deadline=None)
@given(
    inside(),
    st.sampled_from([r for r in RULES if type(r) in TWINS] + [Quantile(2), Quantile(40), FixedWidth(1e-4), FixedRange(1000)]),
)
def test_codes_against_the_twin(activations, rule):
    expected = np.array([TWINS[type(rule)](column, rule) for column in activations.T]).T
    codes = rule.codes(activations)
    assert codes.shape == activations.shape
    assert np.array_equal(codes.numpy(), expected)
    kinds = np.unique(expected, axis=0, return_counts=True)[1]
    n = len(activations)
    assert binned_entropy(activations, rule=rule) == pytest.approx(-sum(k / n * math.log2(k / n) for k in kinds), abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(inside(), st.sampled_from(RULES), st.randoms(use_true_random=False))
def test_invariances(activations, rule, random):
    """Order of samples and neurons, repeated samples, and the names of the bins make no difference."""
    n, neurons = activations.shape
    entropy = binned_entropy(activations, rule=rule)
    assert 0.0 <= entropy <= math.log2(n)
    samples, columns = random.sample(range(n), n), random.sample(range(neurons), neurons)
    assert binned_entropy(activations[samples][:, columns], rule=rule) == entropy
    assert binned_entropy(np.repeat(activations, 3, axis=0), rule=rule) == pytest.approx(entropy, abs=1e-12)
    codes = rule.codes(activations).long()
    names = torch.tensor(random.sample(range(10**6), int(codes.max()) + 1))
    assert information.discrete_entropy(information.counts(names[codes])) == entropy


def test_quantile_bins_are_equally_full():
    x = torch.randn(1000, 3, generator=torch.Generator().manual_seed(0))
    for bins in (2, 7, 30):
        sizes = [torch.bincount(column.long(), minlength=bins) for column in Quantile(bins).codes(x).t()]
        assert all(int(s.max() - s.min()) <= 1 for s in sizes)
    assert torch.equal(Quantile(7).codes(x), Quantile(7).codes(x.exp()))  # an increasing function changes nothing


def test_quantile_keeps_ties_together():
    x = torch.tensor([0.0] * 6 + [1.0, 2.0, 3.0, 4.0])[:, None]
    codes = Quantile(5).codes(x).flatten()
    assert len(codes[:6].unique()) == 1
    assert (codes[6:] > codes[0]).all()
    assert binned_entropy(torch.full((8, 2), 3.0), rule=Quantile(4)) == 0.0


def test_a_neuron_that_shrinks():
    """Rules that follow the range do not see it, rules with fixed bins do."""
    x = torch.linspace(-0.9, 0.9, 1001, dtype=torch.float64)[:, None]
    for rule in (Paper(), Quantile()):
        assert torch.equal(rule.codes(x), rule.codes(x / 16))
    for rule in (FixedWidth(0.06), FixedRange(30)):
        assert binned_entropy(x / 16, rule=rule) < binned_entropy(x, rule=rule) - 3.0


def test_fixed_width_is_the_floor_of_the_rounded_quotient():
    """0.3 / 0.1 rounds to just under 3, and so the code is 2, as math.floor says; exact fractions agree up to that rounding."""
    x = np.array([[0.0], [0.3], [0.2], [1.0]])
    assert FixedWidth(0.1).codes(x).flatten().tolist() == [0, 2, 2, 10]
    assert Fraction(0.3) / Fraction(0.1) < 3


@pytest.mark.parametrize("rule", RULES)
def test_chunks_and_kinds_of_array_make_no_difference(monkeypatch, rule):
    x = torch.tanh(torch.randn(500, 11, generator=torch.Generator().manual_seed(1)))
    x[:, 3] = 0.25
    whole = rule.codes(x)
    monkeypatch.setattr(row_counts, "_CHUNK", 50)
    for same in (
        x,
        x.numpy()[::-1][::-1],
        np.asfortranarray(x.numpy()),
        torch.zeros(500, 22).index_copy_(1, torch.arange(11), x)[:, :11],
    ):
        assert torch.equal(rule.codes(same), whole)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("rule", RULES)
def test_activations_are_left_as_they_are(rule, dtype):
    x = torch.tanh(torch.randn(50, 4, generator=torch.Generator().manual_seed(2), dtype=dtype))
    before = x.clone()
    information.mutual_information(x, x, rule=rule)
    information.saturation(x)
    information.saturation(x, by="bounds")
    information.noisy_information(x, 0.1, draws=10)
    information.quantize(x)
    information.shuffle_neurons(x, seed=0)
    assert torch.equal(x, before)


@pytest.mark.parametrize("rule", RULES)
def test_activations_without_codes(rule):
    for wrong, message in (
        (torch.zeros(5), r"shape \(5,\): give \(n_samples, n_neurons\)"),
        (torch.zeros(1, 3), r"1 sample\(s\): .* at least 2"),
        (torch.tensor([[0.0], [math.nan]]), "hold nan at sample 1, neuron 0"),
        (torch.tensor([[0.0], [math.inf]]), "hold inf at sample 1, neuron 0"),
    ):
        with pytest.raises(ValueError, match=message):
            binned_entropy(wrong, rule=rule)


@pytest.mark.parametrize("make", [Quantile, FixedRange])
@pytest.mark.parametrize("bins", [0, 1, -3, 2.0, True, "30", None])
def test_rules_that_need_two_bins(make, bins):
    with pytest.raises(ValueError, match=f"bins is {bins!r}: give a whole number .* of at least 2"):
        make(bins)


@pytest.mark.parametrize("width", [0.0, -1.0, math.nan, math.inf, True, "0.1", None])
def test_widths_that_are_none(width):
    with pytest.raises(ValueError, match=f"width is {width!r}: give a finite number above 0"):
        FixedWidth(width)


def test_a_width_too_fine():
    with pytest.raises(ValueError, match=r"width 1e-20 is too fine for activations up to 1 .* give a larger one"):
        binned_entropy(torch.tensor([[0.0], [1.0]]), rule=FixedWidth(1e-20))


def test_bounds():
    with pytest.raises(ValueError, match=r"bounds 'softplus' are \(0, inf\), .* two finite ones: give the \(low, high\)"):
        FixedRange(30, "softplus")
    with pytest.raises(ValueError, match=r"bounds are \(1.0, 1.0\): give a low one and a higher one"):
        FixedRange(30, (1.0, 1.0))
    with pytest.raises(ValueError, match="activation 'relu' is unknown"):
        FixedRange(30, "relu")
    with pytest.raises(ValueError, match=r"activations reach 1.5, outside the bounds \(-1.0, 1.0\): give the bounds"):
        binned_entropy(torch.tensor([[0.0], [1.5]]), rule=FixedRange(30))
    assert binned_entropy(torch.tensor([[0.0], [1.5]]), rule=FixedRange(3, (0.0, 1.5))) == 1.0


def test_discrete():
    labels = torch.tensor([[5, -1], [5, -1], [7, -1], [-100, 2**40]])
    assert binned_entropy(labels, rule=Discrete()) == 1.5
    with pytest.raises(ValueError, match=r"type torch.float32: Discrete\(\) takes whole numbers"):
        binned_entropy(labels.float(), rule=Discrete())


@pytest.mark.parametrize("rule", ["adaptive", 30, Paper, object()])
def test_a_rule_that_is_none(rule):
    with pytest.raises(ValueError, match=r"rule is .*: give one of Paper\(bins\), FixedWidth"):
        binned_entropy(torch.zeros(5, 2), rule=rule)


def test_bins_beside_a_rule():
    with pytest.raises(ValueError, match="bins is 40 beside the rule"):
        binned_entropy(torch.zeros(5, 2), bins=40, rule=Quantile(30))
    x = torch.rand(100, 2, generator=torch.Generator().manual_seed(0))
    assert binned_entropy(x, rule=Paper(50)) == binned_entropy(x, bins=50)
