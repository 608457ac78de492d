"""Entropies and mutual information against closed forms, slow twins and bounds; saturation against its definition."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from test_information import arrays, digitized, network

from pinnlib.information import (
    Discrete,
    FixedRange,
    FixedWidth,
    Paper,
    Quantile,
    binned_entropy,
    counts,
    dimension_wise_entropy,
    discrete_entropy,
    miller_madow,
    mutual_information,
    neuron_entropy,
    row_counts,
    saturation,
)
from pinnlib.information.binnings import TOP

SMALL = hnp.arrays(np.int64, st.tuples(st.integers(2, 20), st.integers(1, 3)), elements=st.integers(-2, 2))


def slow_information(t, y):
    """The sum over all pairs of outcomes, of p log p / (p p)."""
    pairs = list(zip(map(tuple, t.tolist()), map(tuple, y.tolist()), strict=True))
    n = len(pairs)
    total = []
    for a, b in set(pairs):
        joint = pairs.count((a, b)) / n
        left, right = sum(p[0] == a for p in pairs) / n, sum(p[1] == b for p in pairs) / n
        total.append(joint * math.log2(joint / (left * right)))
    return math.fsum(total)


@pytest.mark.parametrize(
    ("occurrences", "bits"),
    [
        ([5], 0.0),
        ([1, 1], 1.0),
        ([4, 2, 1, 1], 1.75),
        ([1] * 1024, 10.0),
        ([1, 2], math.log2(3) - 2 / 3),
        ([0, 3, 0, 1], 2 - 0.75 * math.log2(3)),
        ([10**12, 10**12], 1.0),
    ],
)
def test_discrete_distributions_exactly(occurrences, bits):
    for given_as in (occurrences, np.array(occurrences), torch.tensor(occurrences)):
        assert discrete_entropy(given_as) == pytest.approx(bits, abs=1e-12)


def test_a_discrete_distribution_through_every_estimator():
    """Y is the first two of four equally likely bits, T the second and third: I(T; Y) = 1 bit."""
    bit = (torch.arange(160)[:, None] // torch.tensor([1, 2, 4, 8])) % 2
    t, y = bit[:, 1:3], bit[:, :2]
    for real, rule in ((t, Discrete()), (t.double(), Paper()), (t.double(), FixedWidth(0.5)), (2.0 * t - 1.0, FixedRange(2))):
        found = mutual_information(real, y, rule=rule)
        assert (found.bits, found.entropy, found.target_entropy) == (
            pytest.approx(1.0, abs=1e-12),
            pytest.approx(2.0, abs=1e-12),
            pytest.approx(2.0, abs=1e-12),
        )
        assert (found.ceiling, found.saturated, found.alone) == (math.log2(160), False, 0.0)


@settings(max_examples=100, deadline=None)
@given(SMALL, st.data())
def test_information_against_the_twin(t, data):
    y = data.draw(hnp.arrays(np.int64, (len(t), data.draw(st.integers(1, 2))), elements=st.integers(-1, 1)))
    found = mutual_information(t, y, rule=Discrete())
    assert found.bits == pytest.approx(slow_information(t, y), abs=1e-12)
    assert found.bits == pytest.approx(mutual_information(y, t, rule=Discrete()).bits, abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(arrays(), st.data())
def test_bounds(activations, data):
    n = len(activations)
    y = np.array(data.draw(st.lists(st.integers(0, 3), min_size=n, max_size=n)))
    for rule in (Paper(30), Quantile(4), FixedWidth(7.0)):
        whole, found = mutual_information(activations, rule=rule), mutual_information(activations, y, rule=rule)
        assert 0.0 <= found.bits <= found.target_entropy <= math.log2(n)
        assert found.bits <= found.entropy == whole.bits == float(whole) <= whole.ceiling == math.log2(n)
        assert whole.bits == binned_entropy(activations, rule=rule)


def test_a_continuous_target_is_binned_the_same_way():
    x = network(n=400, neurons=3)
    y = x[:, :1] ** 2
    for rule in (Paper(5), Quantile(4), FixedRange(6)):
        found = mutual_information(x, y, rule=rule)
        assert found.bits == mutual_information(x, rule.codes(y), rule=rule).bits
        assert found.target_entropy == binned_entropy(y, rule=rule)
        assert found.bits == mutual_information(x, y.flatten(), rule=rule).bits
    mixed = mutual_information(x, y, rule=Quantile(4), target_rule=FixedWidth(0.5))
    assert mixed.target_entropy == binned_entropy(y, rule=FixedWidth(0.5))


def test_a_bijection_of_the_input_keeps_the_information():
    """I(X; T) with X written out is H(T), and stays when X goes through a bijection, or the labels of Y do."""
    x = torch.arange(500)
    t = torch.tanh(torch.stack([x / 100 - 2.5, (x % 7) / 3.0 - 1.0], dim=1))
    there = mutual_information(t, x)
    assert there.bits == pytest.approx(mutual_information(t).bits, abs=1e-12)
    assert mutual_information(t, 499 - x).bits == there.bits == mutual_information(t, (x * 37) % 500).bits
    assert mutual_information(t, x % 5).bits == mutual_information(t, torch.tensor([9, -4, 77, 0, 3])[x % 5]).bits


def test_saturated_says_that_the_samples_are_told_apart():
    x = network(n=3000)
    found = mutual_information(x, torch.arange(3000) % 2)
    assert found.saturated
    assert "saturated" in str(found)
    assert found.bits == pytest.approx(1.0, abs=0.05)  # of labels that have nothing to do with x
    coarse = mutual_information(x[:, :1], rule=Paper(4))
    assert not coarse.saturated
    assert "saturated" not in str(coarse)
    assert found.alone > 0.5
    assert coarse.alone == 1 / 3000  # the sample at max


def biases(sample, exact, n, repeats, rule):
    """Mean error of the entropy over ``repeats`` sets of samples, and its standard error."""
    errors = np.array([binned_entropy(sample(n, k)[:, None], rule=rule) - exact for k in range(repeats)])
    return errors.mean(), errors.std(ddof=1) / math.sqrt(repeats)


def expected_bias_is_within_its_bound(mean, error, n, kinds):
    """The error is minus the divergence of the sample's distribution from the true one.

    So its mean is at most 0; a divergence is at most log(1 + chi^2), whose mean is, the logarithm being concave, at most
    log(1 + (K - 1) / N).
    """
    assert -math.log2(1 + (kinds - 1) / n) - 4 * error < mean < 4 * error


@pytest.mark.parametrize(("n", "kinds"), [(100, 30), (1000, 30), (1000, 200)])
def test_uniform(n, kinds):
    """The entropy of K equal bins is log2 K."""

    def sample(n, seed):
        return np.random.default_rng(seed).random(n)

    mean, error = biases(sample, math.log2(kinds), n, 200, FixedRange(kinds, (0.0, 1.0)))
    expected_bias_is_within_its_bound(mean, error, n, kinds)
    first_order = -(kinds - 1) / (2 * n * math.log(2))
    assert abs(mean - first_order) < 4 * error + (kinds / n) ** 2  # the next term of the expansion has a factor below 1 / 6


@pytest.mark.parametrize("width", [0.5, 0.1])
def test_gaussian(width):
    """Exact entropy of the binned density, by erf; and its distance from the differential entropy."""
    edges = np.arange(-round(4 / width), round(4 / width) + 1) * width
    inner = np.array([0.5 * math.erfc(-e / math.sqrt(2)) for e in edges[1:-1]])
    shares = np.diff(np.concatenate([[0.0], inner, [1.0]]))  # the end bins hold the tails
    exact = -float((shares * np.log2(shares)).sum())

    def sample(n, seed):
        return np.clip(np.random.default_rng(seed).standard_normal(n), -4, 4)

    rule = FixedRange(len(shares), (edges[0], edges[-1]))
    mean, error = biases(sample, exact, 1000, 200, rule)
    expected_bias_is_within_its_bound(mean, error, 1000, len(shares))
    # Over a bin, log f varies by at most w (abs(x) + w).  So the entropy is h - log2 w up to w (E abs(x) + w) nats, and tails.
    differential = 0.5 * math.log2(2 * math.pi * math.e)
    assert abs(exact - (differential - math.log2(width))) < (width * (math.sqrt(2 / math.pi) + width) + 1e-3) / math.log(2)


def test_miller_madow_takes_the_first_order_of_the_bias():
    rng = np.random.default_rng(0)
    samples = [counts(rng.integers(0, 30, 600)) for _ in range(200)]
    plain, corrected = (np.mean([f(s) for s in samples]) - math.log2(30) for f in (discrete_entropy, miller_madow))
    assert abs(corrected) < abs(plain) / 5
    assert miller_madow([3, 1]) == pytest.approx(discrete_entropy([3, 1]) + 1 / (8 * math.log(2)), abs=1e-12)
    assert miller_madow([7]) == 0.0


def test_miller_madow_is_refused_where_samples_are_alone():
    with pytest.raises(ValueError, match=r"60 of 100 samples have an outcome of their own: .* log2 N .* fewer bins"):
        miller_madow([1] * 60 + [40])
    assert miller_madow([1] * 50 + [50]) > 0


def test_neurons_one_by_one():
    x = network(n=700, neurons=12)
    x[:, 4] = 0.5
    for rule in (Paper(30), Paper(3000), Quantile(8), FixedWidth(1e-5), FixedRange(7), FixedWidth(1e-12)):
        codes = rule.codes(x)
        expected = np.array([discrete_entropy(counts(column)) for column in codes.t()])
        assert np.allclose(neuron_entropy(x, rule=rule), expected, rtol=0, atol=1e-12)
        assert dimension_wise_entropy(x, rule=rule) == pytest.approx(expected.mean(), abs=1e-12)
        assert neuron_entropy(x, rule=rule)[4] == 0.0
    assert dimension_wise_entropy(x.numpy()) == dimension_wise_entropy(x)


def slow_saturation(activations, bins):
    """A transcription: for each neuron the share of samples in the first or the last interval between its edges."""
    columns = [np.asarray(c, dtype=float) for c in np.asarray(activations).T]
    found = digitized(activations, bins)
    shares = []
    for j, column in enumerate(columns):
        codes = np.ones(len(column), dtype=int) if found is None else found[:, j]
        m = codes.max() - 1  # the greatest value reaches all of the m + 1 edges
        shares.append(sum(code == 1 or code in (m, m + 1) for code in codes.tolist()))
    return 100.0 * sum(shares) / (len(columns) * len(columns[0]))


@settings(max_examples=100, deadline=None)
@given(arrays(), st.sampled_from([1, 2, 3, 7, 30, 100]))
def test_saturation_by_range_against_the_definition(activations, bins):
    assert saturation(activations, bins=bins) == slow_saturation(activations, bins)


@pytest.mark.parametrize("gain", [0.1, 2.0, 20.0])
def test_saturation_of_a_network(gain, monkeypatch):
    x = network(gain=gain)
    by_range, by_bounds = saturation(x), saturation(x, by="bounds")
    assert by_range == slow_saturation(x, 30)
    assert by_bounds == 100.0 * int((x.double().abs() > 0.95).sum()) / x.numel()
    monkeypatch.setattr(row_counts, "_CHUNK", 300)
    assert (saturation(x), saturation(x, by="bounds")) == (by_range, by_bounds)


def as_the_authors_count(activations, bins=30):
    """Entropy and percent by a transcription of their definition, neuron by neuron, in float64."""
    columns = np.asarray(activations, dtype=float).T
    ranges = [c.max() + TOP - c.min() for c in columns]
    width = math.fsum(ranges) / len(ranges) / bins
    codes, percent = [], []
    for c, r in zip(columns, ranges, strict=True):
        many = int(r / width)
        found = np.digitize(c, np.linspace(c.min(), c.max() + TOP, many + 1))
        codes.append(found)
        percent.append(100.0 * np.mean(found == many) + 100.0 * np.mean(found == 1))
    counts = np.unique(np.stack(codes, axis=1), axis=0, return_counts=True)[1]
    share = counts / counts.sum()
    return -float((share * np.log2(share)).sum()), float(np.mean(percent))


@settings(deadline=None, max_examples=200)
@given(arrays(), st.sampled_from([1, 2, 7, 30]))
def test_what_the_authors_count_against_their_definition(activations, bins):
    entropy, percent = as_the_authors_count(activations, bins)
    assert binned_entropy(activations, rule=Paper(bins, TOP)) == pytest.approx(entropy, abs=1e-9)
    assert saturation(activations, by="authors", bins=bins) == pytest.approx(percent, abs=1e-9)


def test_their_top_edge_gives_the_maximum_no_code_of_its_own():
    x = torch.linspace(0.0, 1.0, 601, dtype=torch.float64)[:, None]
    assert int(Paper(30).codes(x).max()) == 30
    assert int(Paper(30, TOP).codes(x).max()) == 29
    assert saturation(x) == saturation(x, by="authors")  # the topmost code belongs to the highest bin in both


def test_a_neuron_of_one_bin_counts_twice_as_the_authors_count():
    wide, narrow = torch.linspace(-1.0, 1.0, 1000, dtype=torch.float64), torch.linspace(0.0, 0.05, 1000, dtype=torch.float64)
    both = torch.stack([wide, narrow], dim=1)  # of mean width 1.025 / 30, so the narrow one has one bin
    of_the_wide_one = 2.0 * saturation(both) - 100.0
    assert 3.0 < of_the_wide_one < 4.0
    assert 2.0 * saturation(both, by="authors") - 200.0 == pytest.approx(of_the_wide_one)


def test_constants_too_large_for_the_raised_edge_are_one_bin():
    assert saturation(torch.full((5, 2), 1e12, dtype=torch.float64), by="authors") == 100.0


def test_saturation_of_a_linear_neuron():
    """A ramp through the linear part: 2 of 30 bins by range, none by the bounds."""
    x = torch.linspace(-0.1, 0.1, 30_001, dtype=torch.float64)[:, None]
    assert saturation(x) == pytest.approx(100 * 2 / 30, rel=0.05)
    assert saturation(x, by="bounds") == 0.0
    assert saturation(torch.sign(x - 1e-9), by="bounds") == saturation(torch.sign(x - 1e-9)) == 100.0


def test_bounds_on_one_side():
    x = torch.tensor([[0.01], [0.049], [0.051], [3.0]])
    assert saturation(x, by="bounds", bounds="softplus") == 50.0
    assert saturation(-x, by="bounds", bounds=(-math.inf, 0.0)) == 50.0
    assert saturation(x, by="bounds", bounds="softplus", threshold=0.5) == 75.0
    assert saturation(x, by="bounds", bounds=(0.0, 3.0)) == 100.0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"by": "abs"}, r"by is 'abs': choose one of \('range', 'authors', 'bounds'\)"),
        ({"bins": 0}, "bins is 0: give a whole number"),
        ({"by": "bounds", "threshold": 1.0}, "threshold is 1.0: give a number between 0 and 1"),
        ({"by": "bounds", "bounds": (-math.inf, math.inf)}, "an activation without bounds does not saturate"),
        ({"by": "bounds", "bounds": (0.0, 0.1)}, r"activations reach 0.5, outside the bounds \(0.0, 0.1\)"),
    ],
)
def test_saturation_that_is_none(options, message):
    with pytest.raises(ValueError, match=message):
        saturation(torch.tensor([[0.0], [0.5]]), **options)


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        (torch.zeros(4), r"targets have shape \(4,\) for 5 samples: give one row a sample"),
        (torch.zeros(5, 1, 1), r"targets have shape \(5, 1, 1\) for 5 samples"),
        (torch.tensor([0.0, 1.0, math.nan, 0.0, 1.0]), "^targets hold nan at sample 2"),
        (np.array([0, 1, 2]), r"targets have shape \(3,\) for 5 samples"),
    ],
)
def test_targets_that_do_not_fit(targets, message):
    with pytest.raises(ValueError, match=message):
        mutual_information(torch.rand(5, 2), targets)


@pytest.mark.parametrize("wrong", [[], [0, 0], [-1, 2], [0.5, 0.5], [[1, 2]]])
def test_counts_that_are_none(wrong):
    with pytest.raises(ValueError, match=r"counts are .* whole numbers|all counts are 0"):
        discrete_entropy(wrong)


@pytest.mark.parametrize("wrong", [np.zeros(3), np.zeros((0, 2), int), np.zeros((2, 2, 2), int)])
def test_codes_that_are_none(wrong):
    with pytest.raises(ValueError, match="codes are of type .* whole numbers|codes have shape"):
        counts(wrong)


def test_counts_of_labels():
    assert sorted(counts(np.array([3, 3, 1, 2, 3])).tolist()) == [1, 1, 3]
    assert counts(torch.tensor([True, False, True])).sort().values.tolist() == [1, 2]
    assert sorted(counts(np.array([[1, 2], [1, 2], [2, 1]])).tolist()) == [1, 2]
