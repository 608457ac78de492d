"""Operations against torch's own counter."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

import pinnlib as pl
from pinnlib.training import costs
from pinnlib.training.loop import Trainer


def test_a_step_against_torchs_counter():
    problem = pl.problems.Helmholtz()
    config = pl.Config(width=64, depth=4, points=256, data_points=40, batches=4, steps=1000, compile=False, device="cpu")
    trainer = Trainer(problem, config)
    with FlopCounterMode(display=False) as counter:
        trainer.advance()
    found = costs.cost(problem, config)
    # torch's count leaves out the product that would carry gradients into the coordinates
    assert found.step == pytest.approx(counter.get_total_flops(), rel=0.05)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        trainer.state.models[0](torch.as_tensor(problem.test_grid(), dtype=torch.float32))
    assert found.probe == pytest.approx(counter.get_total_flops(), rel=1e-12)
    assert found.total == 1000 * found.step + len(config.probe_steps()) * found.probe
    assert found.seconds(2e9, share=0.25) == pytest.approx(found.total / 5e8)


def test_twice_the_points_cost_twice_as_much():
    problem, settings = pl.problems.Burgers(), {"width": 32, "depth": 3, "data_points": 8, "batches": 8, "device": "cpu"}
    one, two = (costs.cost(problem, pl.Config(points=n, **settings)).step for n in (4096, 8192))
    assert two / one == pytest.approx(2.0, rel=1e-3)
