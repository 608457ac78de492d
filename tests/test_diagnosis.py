"""What a report says of runs whose state is known: five healthy, five sick, and synthetic series at the bounds of the rules."""

import dataclasses
import html
import math

import numpy as np
import pytest
import torch
from torch import nn

import pinnlib as pl
from pinnlib.runs.diagnosis import STATES, diagnose

SMALL = {"width": 16, "depth": 2, "points": 256, "data_points": 40, "batches": 8, "device": "cpu", "lr": 3e-3}


def trained(problem, until=None, **settings):
    return pl.train(problem, pl.Config(**SMALL | settings), until=until, progress=False)


def line(seed=0):
    """A network for u'' = -pi^2 sin(pi x), u(0) = u(1) = 0; its residual, its boundary term, and its error."""
    torch.manual_seed(seed)
    net = nn.Sequential(nn.Linear(1, 16), nn.Tanh(), nn.Linear(16, 16), nn.Tanh(), nn.Linear(16, 1))
    x, ends = torch.linspace(0, 1, 64)[:, None], torch.tensor([[0.0], [1.0]])

    def residual(points=x):
        z = points.clone().requires_grad_()
        du = torch.autograd.grad(net(z).sum(), z, create_graph=True)[0]
        ddu = torch.autograd.grad(du.sum(), z, create_graph=True)[0]
        return ddu + math.pi**2 * torch.sin(math.pi * z)

    def edge():
        return net(ends).square().mean()

    def error():
        exact = torch.sin(math.pi * x)
        return float((net(x).detach() - exact).norm() / exact.norm())

    return net, residual, edge, error


def test_before_the_first_probe_there_is_a_sentence():
    run = trained(pl.problems.Helmholtz(a=(1, 1)), steps=5, until=0)
    net, residual, edge, _ = line()
    monitor = pl.Monitor(net, residual=residual, terms={"edge": edge}, batches=8, every=1)
    for report in (run.report, monitor.report):
        with pytest.raises(ValueError, match="^there is no probe yet that a report could speak of: train on, or measure first$"):
            report()
    for find in (run.at, run.nearest):
        with pytest.raises(ValueError, match="^step 0 has no nearest probe, since there is no probe yet: train on$"):
            find(0)


# ---- five healthy ones: their error is known to be small, by published records and one training


@pytest.mark.parametrize(
    "name", ["helmholtz_a4-1_rba_seed0", "burgers_vanilla_seed0", "perivascular_tanh_rba_seed0", "allen_cahn_rba_seed1"]
)
def test_healthy_records_are_learning(name):
    run = pl.records.load(name)
    assert run.history["rel_l2"][-1] < 0.1
    report = run.report()
    assert report.state == "learning"
    assert not report.advice
    assert f"relative L2 {np.median(run.history['rel_l2'][run.history['step'] >= run.step / 10**0.2]):.2g}." in str(report)


def test_a_healthy_training_in_plain_torch():
    net, residual, edge, error = line()
    optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
    terms, fresh = {"edge": edge}, lambda: residual(torch.rand(50, 1))
    monitor = pl.Monitor(net, residual=residual, terms=terms, optimizer=optimizer, batches=8, steps=1500, fresh=fresh)
    for step in range(1501):
        monitor(step)
        optimizer.zero_grad()
        (residual().square().mean() + edge()).backward()
        optimizer.step()
    assert error() < 0.02
    report = monitor.report()
    assert report.state == "learning"
    assert "error: not known, there is no reference: loss and SNR cannot stand in for it." in str(report)


def test_a_training_with_a_small_weight_of_the_residual_is_not_diverging():
    """u'' + 4 pi^2 u = 0 and measured values: zero solves the equation, so the residual grows while the values are learnt."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(1, 16), nn.Tanh(), nn.Linear(16, 1))
    with torch.no_grad():
        net[2].weight.mul_(0.01)  # begin near zero
        net[2].bias.zero_()
    x = torch.linspace(0, 1, 64)[:, None]

    def residual():
        z = x.clone().requires_grad_()
        u = net(z)
        du = torch.autograd.grad(u.sum(), z, create_graph=True)[0]
        return torch.autograd.grad(du.sum(), z, create_graph=True)[0] + 4 * math.pi**2 * u

    def measured():
        return (net(x) - torch.sin(2 * math.pi * x)).square().mean()

    optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
    monitor = pl.Monitor(net, residual=residual, terms={"measured": measured}, weights=1e-5, batches=8, every=20)
    for step in range(601):
        monitor(step)
        optimizer.zero_grad()
        (1e-5 * residual().square().mean() + measured()).backward()
        optimizer.step()
    history = monitor.history
    assert history["loss"][-1] < history["loss"][0] / 10
    assert history["loss_residual"].max() > 10 * history["loss_residual"][0]
    report = monitor.report()
    assert report.state == "learning"
    assert report.why.startswith("The loss fell ")
    assert not {"setback", "bursts"} & {one.about for one in report.findings}


# ---- five sick ones


def test_dead():
    """A learning rate so large that all of tanh is at its bounds."""
    run = trained(pl.problems.Burgers(), steps=300, lr=1.0)
    assert run.predict(run.points).std() < 1e-6
    assert np.median(run.residual() ** 2) < 1e-6  # nothing is wrong by the residual
    report = run.report()
    assert report.state == "dead"
    assert "smaller learning rate" in report.advice[0]


def test_starved():
    run = trained(pl.problems.Helmholtz(a=(2, 1)), steps=1500, data_weight=1e-4)
    heavy = trained(pl.problems.Helmholtz(a=(2, 1)), steps=1500, data_weight=100.0)
    assert heavy.history["loss_data"][-1] < 0.1 * run.history["loss_data"][-1]  # it is the weight
    assert run.history["rel_l2"][-1] > 0.3
    report = run.report()
    assert report.state == "starved"
    assert report.why.startswith("data ")
    assert report.advice[0].startswith("Give data a weight of about 20 times")


def test_diverging():
    """Descent with a rate that fits at first, and then a larger one."""
    net, residual, edge, error = line()
    optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
    monitor = pl.Monitor(net, residual=residual, terms={"edge": edge}, error=error, batches=8, steps=1000)
    for step in range(1001):
        monitor(step)
        if step == 600:
            optimizer.param_groups[0]["lr"] = 0.3
        optimizer.zero_grad()
        (residual().square().mean() + edge()).backward()
        optimizer.step()
    assert monitor.history["loss"][-1] > 1000 * monitor.history["loss"].min()
    report = monitor.report()
    assert report.state == "diverging"
    assert "learning rate ten times smaller" in report.advice[0]


def test_plateau():
    """Allen-Cahn without attention stays where it is, see the chapter."""
    run = pl.records.load("allen_cahn_vanilla_seed2")
    assert run.history["rel_l2"][-1] > 0.9
    report = run.report()
    assert report.state == "plateau"
    assert "cheap" in report.advice[1]


def test_overfit():
    """Eight points, and an equation that oscillates."""
    problem = pl.problems.Helmholtz(a=(2, 2))
    run = trained(problem, steps=600, points=8, width=32, finish="lbfgs", finish_steps=200)
    assert np.median(run.residual() ** 2) < 1e-3
    assert run.history["rel_l2"][-1] > 0.5
    report = run.report()
    assert report.state == "overfit"
    assert report.advice[0] == "Train on more points."


# ---- never more than the numbers support


def history(total, snr=None, step=None, **more):
    step = np.unique(np.geomspace(1, 1000, 40).astype(int)) if step is None else step
    total = np.broadcast_to(np.asarray(total, dtype=float), step.shape).copy()
    return {"step": step, "loss_residual": total, "snr": np.full(len(step), 1.5) if snr is None else snr} | more


STEPS = np.unique(np.geomspace(1, 1000, 40).astype(int))
FALLING = 1.0 / STEPS**1.5


def weighted(residual, term, factor, spread=0.0, **more):
    """As a monitor has it, whose residual is weighted by ``factor``; ``term`` and ``more`` have their weights."""
    factor = np.broadcast_to(factor, STEPS.shape)
    parts = [value for name, value in more.items() if name.startswith("loss_")]
    series = {"loss_bc": term, "signal_bc": FALLING, "factor": factor, "factor_spread": np.full(len(STEPS), spread)}
    return history(residual, loss=factor * residual + term + sum(parts), **series | more)


@pytest.mark.parametrize(
    ("series", "state"),
    [
        (history(FALLING), "learning"),
        (history(FALLING[:6], step=STEPS[:6]), "too short"),
        (history(np.where(STEPS < 900, FALLING, math.nan)), "not finite"),
        (history(np.where(STEPS[-4] == STEPS, math.nan, FALLING)), "learning"),  # finite again
        (history(np.where(STEPS == 1, math.nan, FALLING), loss_bc=np.where(STEPS == 1, math.nan, FALLING)), "learning"),
        (history(np.zeros(len(STEPS))), "learning"),
        (history(np.where(STEPS < 5, 0.0, 1.0)), "plateau"),
        (history(FALLING, loss_nll=np.linspace(1, -9, len(STEPS)), signal_nll=FALLING), "learning"),
        (history(FALLING, loss_l2=np.full(len(STEPS), 1e-4), signal_l2=FALLING), "learning"),
        (history(np.maximum(FALLING, 0.5)[:30], step=STEPS[:30]), "too short"),  # before step 1,000 nothing is a plateau
        (history(np.where(STEPS < 1_000, 0.5, 1e-7)), "learning"),  # L-BFGS came last
        (history(np.where(STEPS < 500, FALLING, 1.0)), "diverging"),
        (history(np.where(STEPS < 500, FALLING, 0.09 * 1e-3)), "learning"),  # a setback is not a divergence
        (history(np.maximum(FALLING, 0.5)), "plateau"),
        (history(np.maximum(FALLING, 0.5), rel_l2=np.full(len(STEPS), 0.05)), "learning"),  # an error that is small is one
        (history(np.maximum(FALLING, 9e-5)), "learning"),  # it has fallen ten-thousandfold
        (history(FALLING, loss_bc=np.full(len(STEPS), 0.2), signal_bc=FALLING), "starved"),
        (history(FALLING, loss_bc=np.full(len(STEPS), 0.2), signal_bc=FALLING, output_spread=0 * FALLING + 50.0), "plateau"),
        (history(FALLING, loss_bc=0.2 * FALLING, signal_bc=FALLING), "learning"),
        (history(FALLING, loss_bc=np.full(len(STEPS), 0.2), signal_bc=FALLING, output_spread=FALLING), "dead"),
        (history(FALLING, output_spread=FALLING), "learning"),  # the solution may be constant, where all terms are met
        (history(FALLING, loss_fresh=FALLING, median_fresh=20 * FALLING, median_residual=FALLING), "overfit"),
        (history(FALLING, loss_fresh=1e3 * FALLING, median_fresh=2 * FALLING, median_residual=FALLING), "learning"),
        (weighted(STEPS**2.0, FALLING, 1e-12), "learning"),  # what is minimized falls, whatever the residual does
        (weighted(FALLING, np.where(STEPS < 500, 1e-9, 1e-3), 1e-9), "diverging"),
        (weighted(np.ones(len(STEPS)), FALLING, 1e-9), "learning"),
        (weighted(STEPS**2.0, np.maximum(FALLING, 0.5), 1e-12), "plateau"),
        # weights that grow from next to nothing, as those of attention do: the loss grows, and the training is none the worse
        (weighted(FALLING**0.5, 1e-6 * FALLING, np.linspace(1e-6, 1, len(STEPS))), "learning"),
        (weighted(STEPS**2.0, FALLING, np.linspace(1e-15, 1e-12, len(STEPS))), "learning"),
        (weighted(np.where(STEPS < 500, FALLING, 1.0), FALLING, np.linspace(1e-6, 1, len(STEPS))), "diverging"),
        (weighted(FALLING, FALLING, 1.0, loss_nll=np.linspace(1, -9, len(STEPS)), signal_nll=FALLING), "learning"),
    ],
)
def test_states_at_the_bounds_of_the_rules(series, state):
    report = diagnose(series)
    assert report.state == state, report.why
    assert str(report).startswith(f"State: {STATES[state]}.")
    assert html.escape(report.why) in report._repr_html_()


def said(series):
    return {one.about: one.text for one in diagnose(series).findings}


def test_findings_have_their_numbers():
    flat = np.ones(len(STEPS))
    found = said(
        history(
            FALLING,
            snr_residual=0.2 * flat,
            floor=0.18 * flat,
            alignment=0.31 * flat,
            signal=0.02 * flat,
            signal_residual=flat,
            signal_bc=0.9 * flat,
            loss_bc=FALLING,
            saturation_bounds=np.stack([10 * flat, 80 * flat], 1),
        )
    )
    assert found["batches"] == "SNR 1.5; two batches' gradients have a mean cosine of 0.31."
    assert found["floor"] == "The residual's own SNR is 0.2, and pure noise gives 0.18: its mean cannot be told from zero."
    assert found["balance"] == "They pull against each other: of all together 2% of the largest is left."
    assert found["layers"].startswith("80% of the activations of chosen layer 2")
    assert (
        "rules: its gradient is 5 times that of bc"
        in said(history(FALLING, signal_residual=5 * flat, signal_bc=flat, loss_bc=FALLING, signal=5 * flat))["terms"]
    )
    assert "bursts" not in said(history(np.where(STEPS == 1, 1e3, FALLING)))
    burst = FALLING.copy()
    burst[20] *= 100
    assert said(history(burst))["bursts"].startswith(f"At 1 of {len(STEPS)} probes")
    fresh = {"loss_fresh": 1e3 * FALLING, "median_fresh": 2 * FALLING, "median_residual": FALLING}
    assert "it is large in a few places" in said(history(FALLING, **fresh))["fresh"]
    assert "it is large in a few places" not in said(history(FALLING, **fresh | {"loss_fresh": 3 * FALLING}))["fresh"]
    assert "the answer zero everywhere has 1" in said(history(FALLING, rel_l2=2 * flat))["error"]


def test_bursts_and_setbacks_are_those_of_the_loss_that_is_minimized():
    burst = FALLING.copy()
    burst[20] *= 100
    assert "bursts" not in said(weighted(burst, FALLING, 1e-9))
    found = said(weighted(FALLING, burst, 1e-9))["bursts"]
    assert found.startswith(f"At 1 of {len(STEPS)} probes the loss is more than tenfold that of those around it")
    assert "setback" not in said(weighted(STEPS**2.0, FALLING, 1e-12))
    assert said(weighted(FALLING, np.where(STEPS < 500, FALLING, 9e-4), 1e-9))["setback"].startswith("The loss is ")


@pytest.mark.parametrize(
    ("residual", "term", "more", "state"),
    [
        (np.maximum(FALLING, 0.5), FALLING, {}, "plateau"),
        (FALLING, np.full(len(STEPS), 0.2), {}, "starved"),
        (FALLING, np.full(len(STEPS), 0.2), {"output_spread": FALLING}, "dead"),
    ],
)
def test_attention_is_not_advised_to_who_has_it(residual, term, more, state):
    """Nor a larger weight of a term beside it, see the page *What to do when*, rows 4 and 6."""
    plain, own = (diagnose(weighted(residual, term, 1.0, spread, **more)) for spread in (0.0, 0.5))
    assert plain.state == own.state == state
    assert not any("the points' weights" in one for one in plain.advice)
    (heavier,) = (one for one in own.advice if "a weight of about 20" in one)
    assert "rain without the points' weights, and give" in heavier
    assert not any("try residual-based attention" in one for one in own.advice)
    assert any("try residual-based attention" in one for one in plain.advice) == (state == "plateau")


def test_a_run_knows_its_weighting():
    plain, attentive, moved = (pl.records.load(f"allen_cahn_{kind}") for kind in ("vanilla_seed2", "permuted_seed3", "rad_seed2"))
    reports = [run.report() for run in (plain, attentive, moved)]
    assert [one.state for one in reports] == ["plateau"] * 3
    assert ["try residual-based attention" in " ".join(one.advice) for one in reports] == [True, False, True]
    assert reports[1].why.startswith("The loss, weighted as in the end, is ")
    assert reports[0].why.startswith("The loss is ")


def test_the_data_weight_of_a_run_counts():
    """The loss of a run is that of its config: with heavy data a residual that grows is no divergence."""
    run = pl.records.load("allen_cahn_vanilla_seed2")
    growing = np.geomspace(1e-6, 1e-2, len(run.history["step"]))
    falling = np.geomspace(1e-2, 1e-6, len(growing))
    run.state, run.config = run.state | {"parameters": np.zeros(0)}, dataclasses.replace(run.config, data_weight=1e4)
    run.history |= {
        "loss_residual": growing,
        "loss_data": falling,
        "loss": growing + 1e4 * falling,
        "rel_l2": 0.0 * growing + 0.5,
    }
    assert run.report().state == "learning"
    run.config = dataclasses.replace(run.config, weighting=pl.RBA())
    run.history |= {"rba_mean": np.linspace(1e-3, 0.2, len(growing))}
    assert run.report().state == "learning"


def test_no_finding_without_its_series():
    assert {one.about for one in diagnose(history(FALLING)).findings} == {"error", "output", "phase", "batches"}


def test_what_is_left_out_is_said():
    assert said(history(FALLING))["output"].startswith("not heard, so a dead network cannot be told")
    assert "output" not in said(history(FALLING, output_spread=1.0 + FALLING))
    negative = said(history(FALLING, loss_nll=-FALLING, signal_nll=FALLING))
    assert negative["left out"] == "nll can be negative, so it is in none of the sums and ratios."
    after = history(np.where(STEPS < 1_000, 0.5, 1e-7), rel_l2=np.where(STEPS < 1_000, 0.3, 0.001))
    assert said(after)["tail"].startswith("the last probe alone, step 1,000")
    assert said(after)["error"] == "relative L2 0.001."
    spoilt = diagnose(history(np.where(STEPS < 900, FALLING, math.nan)))
    assert spoilt.why == f"The loss is not finite from step 1,000 on, at 1 of {len(STEPS)} probes."


def test_a_collapse_is_said():
    steps = np.unique(np.geomspace(1, 10_000, 200).astype(int))
    found = said(history(np.where(steps < 1_000, 1.0, 0.01), snr=np.full(len(steps), 1.5), step=steps))["collapse"]
    assert found.startswith("the residual fell a decade from step 9")
    assert "collapse" not in said(history(1.0 / steps, snr=np.full(len(steps), 1.5), step=steps))


def test_a_phase_that_is_not_closed_is_no_reading_of_the_present():
    late = np.where(STEPS < 500, 10.0, 0.05)
    wanted = "fitting by the strict rule, which is not closed yet, though the SNR is 0.05 now."
    assert said(history(FALLING, snr=late))["phase"] == wanted
    assert said(history(FALLING, snr=np.full(len(STEPS), 10.0)))["phase"] == "fitting, and no other so far."


def test_a_run_knows_its_floor():
    run = trained(pl.problems.Burgers(), steps=60)
    history = dict(run.history)
    run.history["snr_residual"] = np.full(len(history["step"]), 1.2 / math.sqrt(7))
    assert "pure noise gives 0.38" in str(run.report())


def test_labels_cannot_write_html():
    report = diagnose(history(FALLING, **{"loss_<b>": np.full(len(STEPS), 0.2), "signal_<b>": FALLING}))
    assert "&lt;b&gt;" in report._repr_html_()
    assert "<b>" not in report._repr_html_()


def test_a_history_without_the_series_it_needs():
    with pytest.raises(ValueError, match="the history has no 'snr': give that of a run or a monitor"):
        diagnose({"step": STEPS, "loss_residual": FALLING})


def test_a_run_without_weights_has_a_report(tmp_path):
    run = pl.records.load("allen_cahn_vanilla_seed2")
    run.state = run.state | {"parameters": np.zeros(0)}
    assert run.report().state == "plateau"
    assert "fresh" not in {one.about for one in run.report().findings}


def test_where_nobody_says_how_points_are_weighted_the_loss_is_not_trusted():
    """RBA's weights begin at 0, so its loss grows with them."""
    run = pl.records.load("helmholtz_a4-1_rba_seed0")
    kept = run.history["step"] <= 60
    early = {name: values[kept] for name, values in run.history.items()}
    early["loss"] = np.geomspace(1e-6, 1.0, kept.sum())
    report = diagnose(early)
    assert report.state != "diverging"
    assert report.why.startswith("The sum of residual and terms")


def test_one_weight_for_all_points_leaves_attention_to_be_tried():
    run = pl.records.load("allen_cahn_permuted_seed3")
    advice = []
    for assignment in ("permuted", "mean"):
        run.config = dataclasses.replace(run.config, weighting=dataclasses.replace(run.config.weighting, assignment=assignment))
        report = run.report()
        assert report.state == "plateau"
        advice.append("try residual-based attention" in " ".join(report.advice))
    assert advice == [False, True]
