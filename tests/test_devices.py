"""What a GPU would find wrong, without one: a default device that holds no numbers stands in for it."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

import pinnlib as pl
from pinnlib import information
from pinnlib.book import authors
from pinnlib.problems import terms
from pinnlib.taylor import activations, eager, layers
from pinnlib.training import adam, checkpoint, distributed, loop

SMALL = {"width": 8, "depth": 2, "points": 64, "data_points": 16, "batches": 4, "steps": 6, "device": "cpu"}
PROBLEM = pl.problems.Helmholtz(a=(1, 1))


@pytest.fixture
def elsewhere():
    """Torch makes new tensors elsewhere, as DeepXDE has it do on a machine with a GPU."""
    torch.set_default_device("meta")
    yield
    torch.set_default_device(None)


@pytest.mark.parametrize("compile", [False, True])
def test_a_training_does_not_ask_for_the_default_device(elsewhere, compile):
    config = pl.Config(**SMALL, weighting=pl.RBA(), snapshots=3, probe_sharpness=3, compile=compile)
    run = pl.train(PROBLEM, config, progress=False)
    assert np.isfinite(run.history["rel_l2"]).all()
    assert np.isfinite(run.predict(np.zeros((3, 2)))).all()
    curvature = pl.curvature.Curvature(run)
    assert np.isfinite(curvature.preconditioned_sharpness(tolerance=0.1).value)
    torch.set_default_device(None)
    again = pl.train(PROBLEM, config, progress=False)
    assert np.array_equal(run.state["parameters"], again.state["parameters"])


def test_nor_do_several_at_once_a_finish_or_the_authors_start(elsewhere):
    pl.training.train_ensemble(PROBLEM, pl.Config(**SMALL), [0, 1], progress=False)
    pl.train(PROBLEM, pl.Config(**SMALL, finish="lbfgs", finish_steps=2), progress=False)
    problem, config = authors.start("helmholtz", steps=2, points=100, batches=4, width=8, depth=2, device="cpu")
    run = pl.train(problem, config, progress=False)
    torch.set_default_device(None)
    assert np.array_equal(run.points, pl.train(problem, config, progress=False).points)


class Keeping(pl.Problem):
    """It keeps a number on the CPU, and reads it in its equation and in what it observes."""

    coordinates, fields, partials, observed, normalize = ("x",), ("u",), ("u", "u_x"), ("twice",), True
    domain = ((0.0, 1.0),)

    def __init__(self):
        self.k = torch.ones(1, device="cpu")

    def residual(self, points, d):
        return d.u - self.k

    def observe(self, d):
        return d.u * (2.0 * self.k)

    def reference(self, points):
        return 2.0 * np.ones((len(points), 1))

    def conditions(self, n, seed):
        return [pl.Condition("start", [0.0], "u", 1.0)]


def test_nor_is_the_unit_of_an_equation_another_one(elsewhere):
    far = Keeping().residual_outputs.scale
    torch.set_default_device(None)
    assert far == Keeping().residual_outputs.scale


def test_nor_does_a_monitor(elsewhere):
    net = pl.models.MLP(2, 1, width=8, depth=2)
    points = torch.rand(32, 2, device="cpu", generator=torch.Generator().manual_seed(0))
    optimizer = torch.optim.Adam(net.parameters())
    monitor = pl.Monitor(
        net,
        residual=lambda: net(points)[:, 0],
        terms={"one": lambda: net(points).square().mean()},
        optimizer=optimizer,
        batches=4,
        shuffle=0,
        every=1,
        error=lambda: 0.3,
    )
    for step in range(3):
        assert monitor(step)["snr"] > 0.0
        optimizer.zero_grad()
        net(points).square().mean().backward()
        optimizer.step()
    assert monitor.sharpness() > 0.0
    assert monitor.report()


def test_nor_do_estimators_of_information(elsewhere):
    x = torch.rand(64, 5, device="cpu", generator=torch.Generator().manual_seed(0)) * 2.0 - 1.0
    y = torch.arange(64, device="cpu") % 4
    for rule in (information.FixedWidth(), information.Quantile(), information.FixedRange(), information.Paper()):
        assert information.mutual_information(x, y, rule=rule).ceiling == 6.0
    assert information.binned_entropy(x, bins=30) > 0.0
    assert information.noisy_information(x, sigma=0.1, draws=4)
    assert information.controls.shuffle_neurons(x, seed=0).device.type == "cpu"
    assert information.controls.shuffle_labels(y, seed=0).device.type == "cpu"


def test_a_process_has_its_gpu_before_anything_is_put_on_it(monkeypatch):
    order, start, state = [], distributed.start, loop.State
    monkeypatch.setattr(distributed, "start", lambda *a, **k: order.append("device") or start(*a, **k))
    monkeypatch.setattr(loop, "State", lambda *a: order.append("state") or state(*a))
    loop.Trainer(PROBLEM, pl.Config(**SMALL))
    assert order == ["device", "state"]


def test_the_rate_on_a_gpu_is_what_its_adam_reads():
    from torch._subclasses.fake_tensor import FakeTensorMode

    torch.set_default_dtype(torch.float64)
    try:
        with FakeTensorMode():
            state = SimpleNamespace(
                device=torch.device("cuda"), config=SimpleNamespace(lr=1e-3), theta=torch.empty(3, device="cuda")
            )
            assert adam.Adam(state, recorded=False).rate.dtype == torch.float32
    finally:
        torch.set_default_dtype(torch.float32)


class OnGPU(torch.Tensor):
    """Says that it is on a GPU."""

    is_cuda = True


@pytest.mark.parametrize("gigabytes", [15, 80])
def test_chunks_fit_the_card(monkeypatch, gigabytes):
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: SimpleNamespace(total_memory=gigabytes * 2**30))
    points = torch.empty(3_200_000, 2, device="meta").as_subclass(OnGPU)
    sizes, tanh, problem = [2, *[128] * 6, 1], activations.get("tanh"), pl.problems.AllenCahn()
    term = terms.ResidualTerm(problem, points, batches=100, sizes=sizes, activation=tanh)
    each = problem.plan.n_streams * 4 * 2 * sum(sizes)  # bytes a point
    largest = max(c.stop - c.start for c in term.chunks)
    assert largest * each <= gigabytes * 2**30 / 4
    assert term.kept * largest * each <= gigabytes * 2**30 / 4
    few = terms.ResidualTerm(problem, points[:25_600], batches=100, sizes=sizes, activation=tanh)
    assert (len(few.chunks), few.kept) == (1, 1)  # and not done twice


def test_no_memory_is_let_go_that_a_recorded_step_writes_into():
    scratch, shared = layers.Scratch(), eager.Shared()
    kept = []
    for n in (30, 30, 10, 30, 10):
        like = torch.empty(n, 4)
        scratch.begin(like)
        kept.append((n, scratch().data_ptr(), shared.gradients(like)[0].data_ptr()))
    assert len(set(kept)) == 2


def test_what_was_trained_outlives_a_gpu_that_fails(monkeypatch, tmp_path):
    path, states = tmp_path / "run.npz", checkpoint.Checkpoint._states

    def lost(step, *_):
        def copied(self, copies):
            raise RuntimeError("CUDA error: device-side assert triggered")

        monkeypatch.setattr(checkpoint.Checkpoint, "_states", copied)
        raise RuntimeError("CUDA error: device-side assert triggered")

    trainer = loop.Trainer(PROBLEM, pl.Config(**SMALL | {"steps": 40}))
    trainer.run([path], 1e9, 20, False)
    monkeypatch.setattr(trainer, "advance", lambda: lost(trainer.state.step))
    with pytest.raises(RuntimeError, match="device-side assert") as caught:
        trainer.run([path], 1e9, None, False)
    monkeypatch.setattr(checkpoint.Checkpoint, "_states", states)
    assert caught.value.run.step == 20
    assert pl.Run.load(path).step == 20


def test_a_gpu_that_is_not_there(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert pl.Config(device="cuda:0").torch_device().index == 0
    with pytest.raises(ValueError, match=r"device 'cuda:1' is not there: this machine has 1, numbered from 0"):
        pl.Config(device="cuda:1").torch_device()


def test_constants_of_a_problem_on_another_device():
    class Kept(pl.problems.Helmholtz):
        def residual(self, points, d):
            raise RuntimeError("Expected all tensors to be on the same device, but found at least two devices, cuda:0 and cpu!")

    with pytest.raises(ValueError, match=r"points are on cpu, so move what the problem keeps there, by kept\.to\(points\)"):
        pl.train(Kept(a=(1, 1)), pl.Config(**SMALL), progress=False)


def test_a_net_on_apples_gpu_is_not_watched(monkeypatch):
    net = nn.Linear(2, 1)
    monkeypatch.setattr(nn.Parameter, "device", property(lambda self: torch.device("mps")), raising=False)
    with pytest.raises(ValueError, match="net is on Apple's GPU"):
        pl.Monitor(net, residual=lambda: net(torch.rand(8, 2))[:, 0], batches=4)
