"""Estimators that do not bin, controls, and the analysis of a run."""

import functools
import math

import numpy as np
import pytest
import torch
from test_information import network

import pinnlib as pl
from pinnlib import information
from pinnlib.information import (
    Discrete,
    FixedWidth,
    Paper,
    Quantile,
    counts,
    discrete_entropy,
    mutual_information,
    noisy_information,
    quantize,
    quantized_activity,
    row_counts,
)
from pinnlib.models import MLP


def entropy(codes):
    return discrete_entropy(counts(codes))


class TestNoise:
    def slow(self, t, sigma, draws, seed):
        """The formula written out, with loops and without products, for at most 256 draws."""
        t = np.asarray(t, dtype=float)
        n, d = t.shape
        generator = torch.Generator().manual_seed(seed)
        turns = torch.cat([torch.randperm(n, generator=generator) for _ in range(-(-draws // n))])[:draws].tolist()
        z = torch.randn(draws, d, generator=generator, dtype=torch.float64).numpy()
        bits = []
        for i, noise in zip(turns, z, strict=True):
            s = t[i] + sigma * noise
            mixture = sum(math.exp(-sum((s - other) ** 2) / (2 * sigma**2)) for other in t) / n
            alone = math.exp(-sum(noise**2) / 2)
            bits.append(math.log2(alone / mixture))
        return np.mean(bits), np.std(bits, ddof=1) / math.sqrt(draws)

    @pytest.mark.parametrize("sigma", [0.05, 0.5])
    def test_against_the_twin(self, sigma, monkeypatch):
        x = network(n=60, neurons=5)
        found = noisy_information(x, sigma, draws=150, seed=3)
        assert (found.bits, found.error) == pytest.approx(self.slow(x, sigma, 150, 3), abs=1e-9)
        monkeypatch.setattr(row_counts, "_CHUNK", 500)
        again = noisy_information(x, sigma, draws=150, seed=3)
        assert again.bits == pytest.approx(found.bits, abs=1e-12)

    def test_one_place(self):
        """All samples alike say nothing, without any scatter."""
        found = noisy_information(torch.full((50, 3), 0.3), 0.1)
        assert found.bits == pytest.approx(0.0, abs=1e-9)
        assert found.error < 1e-9

    @pytest.mark.parametrize("places", [2, 5, 50])
    def test_places_far_apart(self, places):
        """K places of equally many samples, a hundred sigma apart: log2 K."""
        x = (torch.arange(100) % places)[:, None] * torch.ones(3)
        found = noisy_information(x, 0.01)
        assert found.bits == pytest.approx(math.log2(places), abs=1e-9)
        assert found.saturated == (places == 100)
        assert noisy_information(torch.arange(100.0)[:, None], 0.01).saturated

    @pytest.mark.parametrize("sigma", [0.3, 1.0])
    def test_gaussian(self, sigma):
        """A channel with Gaussian input and noise: 1/2 log2 (1 + var / sigma^2).

        The samples are the Gaussian's quantiles, so that only the draws scatter.
        """
        p = (torch.arange(4000, dtype=torch.float64) + 0.5) / 4000
        t = 2.0 * math.sqrt(2.0) * torch.erfinv(2 * p - 1)[:, None]
        found = noisy_information(t, sigma, draws=4000)
        exact = 0.5 * math.log2(1 + float(t.var(correction=0)) / sigma**2)
        assert abs(found.bits - exact) < 4 * found.error + 1e-3
        assert found.error < 0.03

    def test_more_noise_less_information(self):
        x = network(n=300, neurons=10)
        found = [float(noisy_information(x, s, draws=300)) for s in (0.002, 0.1, 1.0, 10.0)]
        assert found == sorted(found, reverse=True)
        assert found[0] == pytest.approx(math.log2(300), abs=0.05)
        assert 0 <= found[-1] < 0.2
        assert "+-" in str(noisy_information(x, 1.0, draws=10))

    @pytest.mark.parametrize(
        ("sigma", "draws", "message"),
        [
            (0.0, 10, "sigma is 0.0: give a finite number above 0"),
            (math.nan, 10, "sigma is nan"),
            (True, 10, "sigma is True"),
            ("1", 10, "sigma is '1'"),
            (1.0, 1, "draws is 1: give a whole number .* of at least 2"),
            (1.0, 2.5, "draws is 2.5"),
        ],
    )
    def test_settings_that_are_none(self, sigma, draws, message):
        with pytest.raises(ValueError, match=message):
            noisy_information(torch.rand(5, 2), sigma, draws=draws)

    def test_activations_that_are_none(self):
        with pytest.raises(ValueError, match="hold nan at sample 1, neuron 0"):
            noisy_information(torch.tensor([[0.0], [math.nan]]), 1.0)


class TestQuantized:
    def dyadic(self):
        """A network whose products are exact in float64, so that a loop over samples rounds like a matrix product."""
        model = MLP(2, 1, width=6, depth=3, dtype=torch.float64, seed=1)
        with torch.no_grad():
            for p in model.parameters():
                p.copy_(torch.round(p * 32) / 8)
        return model, torch.randint(-8, 9, (200, 2), generator=torch.Generator().manual_seed(0)).double() / 8

    @torch.no_grad()
    def test_against_the_twin(self):
        model, points = self.dyadic()
        found = quantized_activity(model, points, 4, bounds="tanh")
        h = points
        for weight, bias, codes in zip(model.weights[:-1], model.biases[:-1], found[:-1], strict=True):
            z = torch.stack([torch.stack([(weight[j] * row).sum() + bias[j] for j in range(6)]) for row in h])
            expected = [[min(math.floor((float(v) + 1.0) / 0.125), 15) for v in row] for row in torch.tanh(z)]
            assert codes.tolist() == expected
            h = -1.0 + (codes.double() + 0.5) * 0.125
        assert found[-1].shape == (200, 1)
        assert (int(found[-1].min()), int(found[-1].max())) == (0, 15)

    @pytest.mark.parametrize("bits", [1, 2, 4, 8])
    @pytest.mark.parametrize("activation", ["tanh", "sine", "softplus"])
    def test_data_processing_inequality(self, bits, activation):
        """Each layer's codes are a function of those of the layer before, so nothing is gained on the way."""
        model = MLP(2, 1, width=9, depth=4, activation=activation, seed=bits)
        points = 2.0 * torch.rand(700, 2, generator=torch.Generator().manual_seed(0)) - 1.0
        y = (points[:, 0] * points[:, 1] > 0).int()
        layers = quantized_activity(model, points, bits)
        assert [tuple(c.shape) for c in layers] == [(700, 9)] * 4 + [(700, 1)]
        for before, after in zip(layers, layers[1:], strict=False):
            kinds = len(counts(before))
            assert len(counts(torch.cat([before, after], dim=1))) == kinds  # a function, exactly
            for targets in (None, y):
                first, second = (mutual_information(c, targets, rule=Discrete()).bits for c in (before, after))
                assert second <= first + 1e-12
            assert mutual_information(before, after, rule=Discrete()).bits == pytest.approx(entropy(after), abs=1e-12)
        assert entropy(layers[0]) <= math.log2(700)

    def test_bins_of_a_network_need_not_obey_it(self):
        """The contrast: with the paper's bins, a deeper layer may show more than the one before."""
        x = torch.rand(2000, 2, generator=torch.Generator().manual_seed(0)) * 2 - 1
        layers = [
            information.binned_entropy(h)
            for h in information.activations(MLP(2, 1, width=2, depth=3, seed=5, bias_init="zero"), x)
        ]
        assert any(b > a for a, b in zip(layers, layers[1:], strict=False))

    def test_one_place_only(self):
        codes = quantized_activity(MLP(2, 1, width=4, depth=2), torch.ones(5, 2), 8)
        assert [entropy(c) for c in codes] == [0.0, 0.0, 0.0]

    def test_an_embedding(self):
        embedding = pl.problems.AllenCahn(modes=3).embedding
        model = MLP(embedding.n_features, 1, width=5, depth=2, embedding=embedding)
        points = torch.rand(40, 2, generator=torch.Generator().manual_seed(0))
        assert [c.shape[1] for c in quantized_activity(model, points, 8)] == [5, 5, 1]
        assert torch.equal(list(information.activations(model, points))[1], model.activity(points)[1])

    def test_levels(self):
        codes, values = quantize(torch.tensor([[-1.0, -0.51], [0.0, 1.0]]), 2)
        assert codes.tolist() == [[0, 0], [2, 3]]
        assert values.tolist() == [[-0.75, -0.75], [0.25, 0.75]]
        assert quantize(torch.ones(3, 2), 8)[0].tolist() == [[0, 0]] * 3
        x = network(n=200)
        codes, values = quantize(x, 8, bounds="tanh")
        assert float((values - x).abs().max()) <= 1 / 256 + 1e-7
        assert torch.equal(quantize(values, 8, bounds="tanh")[0], codes)

    @pytest.mark.parametrize(
        ("bits", "bounds", "message"),
        [
            (0, None, "bits is 0: give a whole number .* from 1 to 16"),
            (17, None, "bits is 17"),
            (True, None, "bits is True"),
            (2.0, None, "bits is 2.0"),
            (8, "softplus", r"bounds 'softplus' are \(0, inf\): give two finite ones, or None"),
            (8, (0.0, 0.5), "activations reach 1, outside the bounds"),
        ],
    )
    def test_levels_that_are_none(self, bits, bounds, message):
        with pytest.raises(ValueError, match=message):
            quantize(torch.tensor([[0.0], [1.0]]), bits, bounds=bounds)


class TestDistinct:
    @pytest.mark.parametrize("collide", [False, True])
    def test_rows_and_their_places(self, monkeypatch, collide):
        if collide:
            monkeypatch.setattr(row_counts, "_multipliers", lambda n, seed: torch.zeros(2, n, dtype=torch.int64))
        rows = torch.randint(0, 3, (200, 3), generator=torch.Generator().manual_seed(0))
        words = row_counts.pack(rows)
        first, inverse = row_counts.distinct(words)
        assert torch.equal(words[first[inverse]], words)
        assert len(first) == len(rows.unique(dim=0)) == len(row_counts.tally(words))


class TestControls:
    def test_shuffled_neurons_keep_their_values(self, monkeypatch):
        x = network(n=3000, neurons=6)
        mixed = information.shuffle_neurons(x, seed=1)
        assert torch.equal(mixed.sort(dim=0).values, x.sort(dim=0).values)
        assert not torch.equal(mixed, x)
        assert torch.equal(information.shuffle_neurons(x.numpy(), seed=1), mixed)
        assert not torch.equal(information.shuffle_neurons(x, seed=2), mixed)
        assert np.array_equal(information.neuron_entropy(mixed), information.neuron_entropy(x))
        assert information.saturation(mixed) == information.saturation(x)
        assert information.binned_entropy(mixed, bins=4) > information.binned_entropy(x, bins=4)
        monkeypatch.setattr(row_counts, "_CHUNK", 3000)
        assert torch.equal(information.shuffle_neurons(x, seed=1), mixed)

    def test_shuffled_labels(self):
        x = torch.rand(5000, 1, generator=torch.Generator().manual_seed(0))
        y = (x[:, 0] > 0.5).int()
        mixed = information.shuffle_labels(y, seed=0)
        assert mixed.sum() == y.sum()
        assert np.array_equal(information.shuffle_labels(y.numpy(), seed=0), mixed.numpy())
        assert mutual_information(x, y, rule=FixedWidth(0.25)).bits == pytest.approx(1.0, abs=1e-3)
        assert mutual_information(x, mixed, rule=FixedWidth(0.25)).bits < 0.01
        assert mutual_information(x, mixed, rule=Quantile(5000)).bits == pytest.approx(1.0, abs=1e-3)  # where all are told apart

    def test_untrained(self):
        model = MLP(2, 3, width=7, depth=2, activation="sine", seed=0, dtype=torch.float64)
        new = information.untrained(model, seed=4)
        assert (new.sizes, new.activation, new.weights[0].dtype) == (model.sizes, model.activation, torch.float64)
        same = MLP(2, 3, width=7, depth=2, activation="sine", seed=4, dtype=torch.float64)
        assert all(torch.equal(a, b) for a, b in zip(new.parameters(), same.parameters(), strict=True))


@pytest.fixture(scope="module")
def run():
    config = pl.Config(width=9, depth=3, points=64, data_points=8, batches=4, steps=20, snapshots=4, device="cpu")
    return pl.train(pl.problems.Helmholtz(a=(1, 1)), config, progress=False)


@pytest.fixture(scope="module")
def points(run):
    return pl.sampling.interior(run.problem.domain, 300, seed=0)


class TestAnalysis:
    @pytest.mark.parametrize("rule", [None, Quantile(5), FixedWidth(0.5)])
    def test_it_is_the_estimators_layer_by_layer(self, run, points, rule):
        y = run.problem.solution(points)
        found = information.analyse(run, points, y, rule=rule, target_rule=Paper(4), bins=10, threshold=0.5)
        assert np.array_equal(found.step, run.snapshots["step"])
        for k in range(len(found.step)):
            layers = run.model(k).activity(torch.as_tensor(points, dtype=torch.float32))[:-1]
            for j, t in enumerate(layers):
                both = mutual_information(t, y, rule=rule, target_rule=Paper(4))
                assert found.input_information[k, j] == both.entropy
                assert found.target_information[k, j] == both.bits
                assert found.alone[k, j] == both.alone
                assert found.saturated[k, j] == both.saturated
                assert found.dimension_wise_entropy[k, j] == pytest.approx(information.dimension_wise_entropy(t, rule=rule))
                assert found.saturation_range[k, j] == information.saturation(t, bins=10)
                assert found.saturation_bounds[k, j] == information.saturation(t, by="bounds", threshold=0.5)
        assert found.input_information.shape == (len(found.step), 3)
        assert found.ceiling == math.log2(300)
        assert found.target_entropy == both.target_entropy

    def test_chosen_snapshots_and_a_control(self, run, points):
        whole = information.analyse(run, points)
        assert np.isnan(whole.target_information).all()
        assert math.isnan(whole.target_entropy)
        last = information.analyse(run, torch.as_tensor(points), snapshots=[-1])
        assert np.array_equal(last.input_information, whole.input_information[-1:])
        assert last.step == run.snapshots["step"][-1]
        mixed = information.analyse(run, points, transform=functools.partial(information.shuffle_neurons, seed=0))
        assert np.array_equal(mixed.saturation_range, whole.saturation_range)
        assert (mixed.input_information >= whole.input_information - 0.1).all()

    def test_what_cannot_be_analysed(self, run, points):
        with pytest.raises(ValueError, match="no snapshots to analyse"):
            information.analyse(run, points, snapshots=[])
        with pytest.raises(ValueError, match=r"shape \(2,\)"):
            information.analyse(run, points[0])
        with pytest.raises(ValueError, match=r"targets have shape \(3,\) for 300 samples"):
            information.analyse(run, points, [1, 2, 3])
        with pytest.raises(ValueError, match="rule is 'paper'"):
            information.analyse(run, points, rule="paper")
