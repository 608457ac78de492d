"""Controls and rivals of residual-based attention: what each keeps, against slow twins, and through a training."""

import dataclasses

import numpy as np
import pytest
import torch

import pinnlib as pl
from pinnlib import weightings
from pinnlib.training import loop, manifest
from pinnlib.training.loop import Trainer
from pinnlib.training.objective import resample
from pinnlib.weightings import RAD, SelfAdaptive

PROBLEM = pl.problems.Helmholtz(a=(1, 1))
SMALL = {"width": 10, "depth": 2, "points": 48, "data_points": 16, "batches": 4, "device": "cpu", "probe_every": 5}
RULES = [rule for rule in weightings.NAMED.values() if rule is not None] + [RAD(every=4), RAD(every=3, power=2.0, floor=0.1)]


def small(**given):
    return pl.Config(**SMALL | {"steps": 20} | given)


@pytest.mark.parametrize("power", [1, 2])
def test_controls_keep_the_size_of_the_weights(power):
    weights = torch.rand(3, 200, dtype=torch.float64)
    order = torch.stack([weightings.permutation(200, seed) for seed in range(3)])
    own, mean, permuted = (pl.RBA(assignment=a, power=power).factor(weights, order) for a in ("own", "mean", "permuted"))
    assert torch.equal(own, weights**power)
    assert mean == pytest.approx((weights**power).mean(-1, keepdim=True).expand(3, 200).numpy(), rel=1e-12)
    assert torch.equal(permuted.sort(-1).values, own.sort(-1).values)
    assert not torch.equal(permuted, own)
    for k in range(3):
        assert torch.equal(permuted[k], own[k, order[k]])


def test_self_adaptive_weights_climb_the_loss():
    """Their step is the gradient of the mean of (lambda r)^2 over its largest value, by autograd."""
    weights = (torch.rand(50, dtype=torch.float64) + 0.5).requires_grad_()
    residual = torch.randn(50, dtype=torch.float64)
    (slope,) = torch.autograd.grad((weights * residual).square().mean(), weights)
    found = SelfAdaptive(rate=0.3).updated(weights.detach(), residual, 0)
    assert found.numpy() == pytest.approx((weights + 0.3 * slope / slope.max()).detach().numpy(), rel=1e-12)


def test_rad_draws_where_the_residual_is_large():
    rng = np.random.default_rng(0)
    residual = np.where(np.arange(4000) < 1000, 4.0, 0.0)  # mean 1: densities 5 and 1
    chosen = RAD().draw(residual, 400, rng)
    assert len(set(chosen.tolist())) == 400
    share = (chosen < 1000).mean()
    assert abs(share - 5 / 8) < 4 * np.sqrt(5 / 8 * 3 / 8 / 400)
    everywhere = RAD().draw(np.zeros(4000), 400, rng)
    assert abs((everywhere < 1000).mean() - 0.25) < 4 * np.sqrt(0.25 * 0.75 / 400)


@pytest.mark.parametrize("rule", RULES, ids=lambda r: r.describe())
def test_trainings_resume_bit_for_bit(rule, tmp_path):
    config = small(weighting=rule)
    whole = pl.train(PROBLEM, config, progress=False)
    half = pl.train(PROBLEM, config, until=9, progress=False)
    path = half.save(tmp_path / "half.npz")
    again = pl.resume(pl.Run.load(path), progress=False)
    assert pl.Run.load(path).config == config
    for name in ("parameters", "rba"):
        assert np.array_equal(whole.state[name], again.state[name]), name
    assert np.array_equal(whole.points, again.points)
    assert np.array_equal(whole.history["loss"], again.history["loss"])


@pytest.mark.parametrize("rule", RULES, ids=lambda r: r.describe())
def test_seeds_at_once_are_single_runs(rule):
    config = small(weighting=rule, dtype="float64", compile=False)
    together = pl.train_ensemble(PROBLEM, config, [3, 4], progress=False)
    for seed, run in zip((3, 4), together, strict=True):
        alone = pl.train(PROBLEM, dataclasses.replace(config, seed=seed), progress=False)
        assert run.history["loss"] == pytest.approx(alone.history["loss"], rel=1e-9)
        assert run.points == pytest.approx(alone.points, abs=1e-12)


def test_the_ramp_is_a_vanilla_run_with_a_moving_weight():
    """Its gradient is the vanilla one times the mean of lambda^2."""
    ramp, plain = (Trainer(PROBLEM, small(weighting=rule, dtype="float64")) for rule in (weightings.NAMED["ramp"], None))
    a, b = ramp.objective(ramp.state), plain.objective(plain.state)
    scale = a.attention.square().mean()
    assert a.grads.numpy() == pytest.approx((scale * b.grads).numpy(), rel=1e-9, abs=1e-15)
    assert float(a.loss) == pytest.approx(float(scale * b.residual.square().mean() + b.losses_data.sum()), rel=1e-12)


def test_points_move_and_stay_inside():
    run = pl.train(PROBLEM, small(weighting=RAD(every=4)), progress=False)
    first = Trainer(PROBLEM, small()).objective.collocation.places[0]
    assert run.points.shape == first.shape
    assert not np.allclose(run.points, first)
    assert (np.abs(run.points) <= 1.0).all()


def test_a_divergence_after_a_draw_keeps_the_points_of_the_last_good_state(monkeypatch):
    """Step 7 is probed, step 8 draws points, and then the loss is no number: what is kept goes on as if nothing had been."""
    config = small(weighting=RAD(every=8))

    def poison(objective, state, rule, *, in_place):
        resample(objective, state, rule, in_place=in_place)
        state.theta.fill_(float("nan"))

    monkeypatch.setattr(loop, "resample", poison)
    with pytest.raises(pl.TrainingDiverged) as caught:
        pl.train(PROBLEM, config, progress=False)
    monkeypatch.undo()
    assert caught.value.run.step == 7
    on, whole = pl.resume(caught.value.run, progress=False), pl.train(PROBLEM, config, progress=False)
    assert np.array_equal(on.points, whole.points)
    assert np.array_equal(on.state["parameters"], whole.state["parameters"])


def test_lists_know_the_names(tmp_path):
    names = list(weightings.NAMED)
    text = f'[[sweep]]\nname = "x_{{weighting}}"\nproblem = "helmholtz"\nweightings = {names}\nrba = {{ power = 1 }}\n'
    (tmp_path / "list.toml").write_text(text)
    found = {entry.name[2:]: entry.config.weighting for entry in manifest.read(tmp_path / "list.toml")}
    assert list(found) == names
    assert found["permuted"] == pl.RBA(power=1, assignment="permuted")
    assert found["rad"] == RAD()
    assert found["vanilla"] is None
    for rule in found.values():
        assert weightings.from_dict(None if rule is None else dataclasses.asdict(rule)) == rule


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: pl.RBA(assignment="other"), "assignment 'other' is unknown: choose one of"),
        (lambda: SelfAdaptive(rate=-1.0), "rate = -1.0: it must not be negative"),
        (lambda: SelfAdaptive(initial=0.0), "initial = 0.0: give a positive weight"),
        (lambda: RAD(every=0), "every = 0: give a whole number of steps"),
        (lambda: RAD(power=-1.0), "power = -1.0: it must not be negative"),
        (lambda: RAD(floor=0.0), "floor = 0.0: give a positive number"),
        (lambda: RAD(pool=1), "pool = 1: give a whole number of at least 2"),
        (lambda: weightings.made("rbb", {}), "weighting 'rbb' is unknown, use one of vanilla, rba"),
        (lambda: pl.Config(weighting="rba"), r"weighting = 'rba': give pl.RBA"),
    ],
)
def test_settings_that_make_no_sense(make, message):
    with pytest.raises(ValueError, match=message):
        make()
