"""The entropy of binned activations against a transcription of its definition, and against closed forms."""

import functools
import math
import operator

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pinnlib.information import binned_entropy, paper_binning, row_counts

BINS = st.sampled_from([1, 2, 3, 7, 30, 100, 1000])


def digitized(activations, bins):
    """The definition's codes, column by column; None where the bin width is 0."""
    columns = [np.asarray(c, dtype=float) for c in np.asarray(activations).T]
    ranges = [c.max() - c.min() for c in columns]
    width = math.fsum(ranges) / (len(ranges) * bins)
    if width == 0.0:
        return None
    edges = [np.linspace(c.min(), c.max(), int(r / width) + 1) for c, r in zip(columns, ranges, strict=True)]
    return np.stack([np.digitize(c, e) for c, e in zip(columns, edges, strict=True)], axis=1)


def slow(activations, bins=30):
    """The slow obvious twin: the joint code of each sample, and the counts of the distinct ones."""
    codes = digitized(activations, bins)
    if codes is None:
        return 0.0
    counts = np.unique(codes, axis=0, return_counts=True)[1].tolist()
    n = len(codes)
    assert -math.fsum(c / n * math.log2(c / n) for c in counts) == pytest.approx(
        math.log2(n) - math.fsum(c / n * math.log2(c) for c in counts), rel=1e-12, abs=1e-12
    )
    return math.log2(n) - math.fsum(c / n * math.log2(c) for c in counts)


def fast_codes(activations, bins):
    activations = torch.as_tensor(activations)
    codes = paper_binning.codes(activations, *paper_binning.limits(activations), bins)
    if codes is None:
        return None
    assert not codes[:, activations.shape[1] :].any()
    return codes[:, : activations.shape[1]].numpy().astype(int) + 1


def agree(activations, bins):
    expected, codes = digitized(activations, bins), fast_codes(activations, bins)
    if expected is None:
        assert codes is None
    else:
        assert np.array_equal(codes, expected)
    assert binned_entropy(activations, bins=bins) == slow(activations, bins)


def network(n=3000, neurons=40, gain=2.0, seed=0, dtype=torch.float32):
    generator = torch.Generator().manual_seed(seed)
    x = 2.0 * torch.rand(n, 2, generator=generator, dtype=dtype) - 1.0
    for n_in in (2, neurons, neurons):
        scale = gain * math.sqrt(2.0 / (n_in + neurons))
        x = torch.tanh(x @ (scale * torch.randn(n_in, neurons, generator=generator, dtype=dtype)))
    return x


@st.composite
def arrays(draw):
    """Activations with repeated rows, and neurons that are constant, of tiny or huge range, or far from 0."""
    dtype = draw(st.sampled_from([np.float32, np.float64]))
    width = 32 if dtype == np.float32 else 64
    n, neurons = draw(st.integers(2, 12)), draw(st.integers(1, 10))
    values = st.one_of(
        st.floats(-100, 100, width=width),
        st.integers(-4, 4).map(float),
        st.floats(-(2.0**-90), 2.0**-90, width=width),
        st.sampled_from([0.0, -0.0, 1.0, 1e-45, 1e-30, -1e-38, float(np.nextafter(dtype(1), dtype(2)))]),
    )
    array = draw(hnp.arrays(dtype, (n, neurons), elements=values.map(lambda v: float(dtype(v)))))
    for j in range(neurons):
        kind = draw(st.sampled_from(["as is", "as is", "constant", "tiny", "far", "ulps"]))
        column = array[:, j]
        if kind == "constant":
            column[:] = column[0]
        elif kind == "tiny":
            column *= dtype(1e-30)
        elif kind == "far":
            column += dtype(1e5)
        elif kind == "ulps":
            column[:] = dtype(1) + np.finfo(dtype).eps * np.round(np.clip(column, -4, 4))
    return array[draw(st.lists(st.integers(0, n - 1), min_size=2, max_size=20))]


@settings(max_examples=150, deadline=None)
@given(arrays(), BINS)
def test_codes_and_entropy_against_the_definition(activations, bins):
    agree(activations, bins)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("scale", [1.0, 1e-30, 1e-44, 1e30])
@pytest.mark.parametrize("offset", [0.0, 1.0, 3000.0])
def test_values_on_and_next_to_the_edges(dtype, scale, offset):
    """Every edge of neurons with different ranges, rounded to the type, and its neighbours."""
    columns = []
    for size in (1.0, 0.7, 1.9, 1e-3, 0.0):
        low = dtype(scale * (offset - 0.3))
        edges = np.linspace(float(low), float(low) + scale * size, 61).astype(dtype)
        values = np.concatenate([edges, np.nextafter(edges, dtype(np.inf)), np.nextafter(edges, dtype(-np.inf))])
        columns.append(np.clip(values, edges[0], edges[-1]))
    activations = np.stack(columns, axis=1)
    for bins in (30, 60, 61):
        # once more at the very edges that this array has
        agree(activations, bins)
        codes = fast_codes(activations, bins)
        if codes is not None:
            for column in activations.T:
                m = int((codes.max(0) - 1)[0])
                edges = np.linspace(float(column.min()), float(column.max()), m + 1).astype(dtype)
                column[: len(edges)] = np.clip(edges, column.min(), column.max())
            agree(activations, bins)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("gain", [0.1, 2.0, 20.0])
@pytest.mark.parametrize("neurons", [1, 7, 40])
def test_a_tanh_network(dtype, gain, neurons):
    for bins in (30, 200):
        agree(network(neurons=neurons, gain=gain, dtype=dtype), bins)


def test_many_edges_need_wider_codes():
    x = network(n=200, neurons=3)
    for bins in (100, 10_000, 3_000_000):
        agree(x, bins)


def test_neurons_of_very_different_ranges():
    """The bins of the widest neuron are as many as all neurons together get."""
    x = network(n=500, neurons=200)
    x[:, 1:] *= 1e-4
    agree(x, 30)
    assert fast_codes(x, 30).max() > 5000


def test_the_sum_of_the_ranges_is_exactly_rounded():
    """6 ranges of 0.1: added one by one they make another width, and another number of bins."""
    x = np.linspace(0.0, 0.1, 200)[:, None].repeat(6, axis=1)
    one_by_one = functools.reduce(operator.add, [0.1] * 6)  # since Python 3.12 sum does better than that
    assert int(0.1 / (one_by_one / (6 * 30))) != int(0.1 / (math.fsum([0.1] * 6) / (6 * 30)))
    agree(x, 30)


def test_chunks_make_no_difference(monkeypatch):
    x = network(n=500).repeat(2, 1)
    whole = binned_entropy(x)
    monkeypatch.setattr(row_counts, "_CHUNK", 7 * 40)
    assert binned_entropy(x) == whole == slow(x)


def test_the_kind_of_array_makes_no_difference():
    x = network(n=300)
    x.requires_grad_()
    expected = slow(x.detach())
    readonly = x.detach().numpy().copy()
    readonly.flags.writeable = False
    wide = torch.zeros(300, 80)
    wide[:, ::2] = x.detach()
    for same in (x, x.detach().double(), readonly, readonly[::-1], np.asfortranarray(readonly), wide[:, ::2]):
        assert binned_entropy(same) == expected
    half = x.detach().half()
    assert binned_entropy(half) == slow(half.double())
    whole = torch.arange(12).reshape(6, 2)
    assert binned_entropy(whole) == math.log2(6)


def test_a_discrete_distribution():
    """Counts 4, 2, 1, 1 of 8: 1/2 + 1/2 + 3/8 + 3/8 bits, whatever neurons tell the values apart."""
    values = torch.tensor([0.0] * 4 + [1.0] * 2 + [2.0, 3.0])
    other = torch.tensor([5.0] * 4 + [5.0] * 2 + [7.0, 9.0])
    for neurons in ([values], [values, -values], [values, other], [values, torch.ones(8), other]):
        assert binned_entropy(torch.stack(neurons, dim=1)) == 1.75
    assert binned_entropy(other[:, None]) == pytest.approx(0.75 * math.log2(4 / 3) + 0.25 * 3)


def test_the_joint_code_counts():
    """Two binary neurons: neither alone tells the four samples apart."""
    x = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    assert binned_entropy(x) == 2.0
    assert binned_entropy(x[:, :1]) == binned_entropy(x[:, 1:]) == 1.0


def test_distinct_rows_reach_the_ceiling():
    """A grid finer than the bins in one neuron, and all samples apart in two."""
    i = torch.arange(400)
    x = torch.stack([i % 20, i // 20], dim=1).double()
    assert binned_entropy(x) == math.log2(400)
    assert binned_entropy(x[:, :1]) == pytest.approx(math.log2(20))


def test_constant_neurons():
    x = network(n=200, neurons=5)
    assert binned_entropy(torch.full((10, 3), 0.7)) == 0.0
    assert binned_entropy(torch.tensor([[0.0], [5e-324]], dtype=torch.float64)) == 0.0  # the width underflows
    with_constant = torch.cat([x, torch.ones(200, 1)], dim=1)
    assert set(fast_codes(with_constant, 30)[:, -1]) == {1}
    # the mean range is 5 / 6 of the former, and so is the width
    assert binned_entropy(with_constant, bins=50) == slow(with_constant, 50)


@settings(max_examples=60, deadline=None)
@given(arrays(), BINS, st.randoms(use_true_random=False))
def test_bounds_and_invariances(activations, bins, random):
    n, neurons = activations.shape
    entropy = binned_entropy(activations, bins=bins)
    assert 0.0 <= entropy <= math.log2(n)
    samples, columns = random.sample(range(n), n), random.sample(range(neurons), neurons)
    assert binned_entropy(activations[samples], bins=bins) == entropy
    assert binned_entropy(activations[:, columns], bins=bins) == entropy
    assert binned_entropy(np.repeat(activations, 3, axis=0), bins=bins) == pytest.approx(entropy, abs=1e-13)


class Hashes:
    """Stands in for the multipliers: the first ``collisions`` of them send all rows to one key."""

    def __init__(self, collisions, odd):
        self.collisions, self.odd, self.calls = collisions, odd, 0

    def __call__(self, n_words, seed):
        self.calls += 1
        assert seed == self.calls - 1
        return torch.zeros(2, n_words, dtype=torch.int64) if seed < self.collisions else self.odd(n_words, seed)


@pytest.mark.parametrize("collisions", [0, 1, 2, 100])
def test_a_collision_of_the_hash_changes_nothing(monkeypatch, collisions):
    x = network(n=300)[torch.arange(400) % 300]
    expected = binned_entropy(x)
    assert expected == slow(x)
    hashes = Hashes(collisions, row_counts._multipliers)
    monkeypatch.setattr(row_counts, "_multipliers", hashes)
    assert binned_entropy(x) == expected
    assert hashes.calls == min(collisions + 1, row_counts._HASHES)


def test_a_collision_between_repeated_rows(monkeypatch):
    """Runs that hold both equal and different rows, and a hash that sees the first neurons only."""

    def short_sighted(n_words, seed):
        return torch.tensor([[1] + [0] * (n_words - 1)] * 2)

    x = torch.zeros(64, 16)
    x[:, 0] = torch.arange(64) % 4
    x[:, 15] = torch.arange(64) // 32
    assert binned_entropy(x) == 3.0
    monkeypatch.setattr(row_counts, "_multipliers", short_sighted)
    assert binned_entropy(x) == 3.0


def test_the_hash_tells_rows_apart():
    """Rows that differ in the highest bytes only get keys of their own too: the exact way is the exception."""
    i = torch.arange(2**12)
    words = torch.stack([(i % 64) << 56, torch.zeros_like(i), (i // 64) << 56], dim=1)
    assert len(row_counts._keys(words, row_counts._multipliers(3, 0)).unique()) == 2**12


@pytest.mark.parametrize(
    ("activations", "message"),
    [
        (torch.zeros(5), r"shape \(5,\): give \(n_samples, n_neurons\)"),
        (torch.zeros(5, 2, 2), r"shape \(5, 2, 2\): give \(n_samples, n_neurons\)"),
        (torch.zeros(5, 0), r"shape \(5, 0\): .* at least 1 neuron"),
        (torch.zeros(1, 3), r"1 sample\(s\): .* at least 2"),
        (np.zeros((0, 3)), r"0 sample\(s\): .* at least 2"),
        (torch.tensor([[0.0, 1.0], [0.0, math.nan]]), "hold nan at sample 1, neuron 1: .* leave such samples out"),
        (torch.tensor([[math.inf, 1.0], [0.0, 2.0]]), "hold inf at sample 0, neuron 0"),
        (np.array([[0.0, 1.0], [-math.inf, 2.0]]), "hold -inf at sample 1, neuron 0"),
        (np.array([[-1e308], [1e308]]), "span inf, too much .* scale them down"),
        (np.array([[0.0, 0.0], [1e308, 1e308]]), r"span 1e\+308, too much .* scale them down"),
    ],
)
def test_activations_without_an_entropy(activations, message):
    with pytest.raises(ValueError, match=message):
        binned_entropy(activations)


@pytest.mark.parametrize("bins", [0, -3, 2.5, 30.0, True, "30", None])
def test_bins_that_are_not_a_number_of_bins(bins):
    with pytest.raises(ValueError, match=f"bins is {bins!r}: give a whole number"):
        binned_entropy(torch.zeros(5, 2), bins=bins)


def test_bins_of_numpy():
    x = network(n=100)
    assert binned_entropy(x, bins=np.int64(30)) == binned_entropy(x)
