"""The recorded step: no waiting for the device, and the same training as kernel by kernel; a GPU where there is one."""

import contextlib
import gc
import warnings
import weakref

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

import pinnlib as pl
from pinnlib.training import cuda_graph, probe
from pinnlib.training.loop import Trainer

PROBLEM = pl.problems.Helmholtz(a=(1, 1))
SMALL = {"width": 12, "depth": 2, "points": 64, "data_points": 16, "batches": 4, "compile": False, "lr_decay_every": 5}


class Waits(TorchDispatchMode):
    """Counts what makes the host wait for a device: reading one number of a tensor."""

    def __init__(self):
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if func is torch.ops.aten._local_scalar_dense.default:
            self.count += 1
        return func(*args, **(kwargs or {}))


class Tape:
    """Stands in for a CUDA graph: nothing runs while it records, and a replay does the recorded step."""

    wrong = False

    def replay(self):
        self.body()
        if self.wrong:
            self.trainer.state.theta.mul_(1.01)


def stand_in_for_streams(monkeypatch):
    """The current device and stream, without a GPU; returns what is current."""
    now = {"device": None, "stream": "the one before"}

    @contextlib.contextmanager
    def device(which):
        before, now["device"] = now["device"], which
        yield
        now["device"] = before

    monkeypatch.setattr(torch.cuda, "device", device)
    monkeypatch.setattr(torch.cuda, "Stream", lambda: ("a new stream on", now["device"]))
    monkeypatch.setattr(torch.cuda, "current_stream", lambda: now["stream"])
    monkeypatch.setattr(torch.cuda, "set_stream", lambda stream: now.update(stream=stream))
    return now


def trainer_with_tape(monkeypatch, config, wrong=False):
    trainer = Trainer(PROBLEM, config)
    trainer.adam.graph = cuda_graph.Captured(trainer.state.device)

    def body():
        trainer.adam.unseen_step(trainer.state, trainer.objective)

    class Graph(Tape):
        pass

    Graph.body, Graph.trainer, Graph.wrong = staticmethod(body), trainer, wrong
    recording, now = [], stand_in_for_streams(monkeypatch)

    class Recording:
        def __init__(self, graph, stream):
            assert stream == ("a new stream on", now["device"])

        def __enter__(self):
            recording.append(1)
            trainer.adam.step = lambda state, here: None

        def __exit__(self, *error):
            del trainer.adam.step

    monkeypatch.setattr(torch.cuda, "CUDAGraph", Graph)
    monkeypatch.setattr(torch.cuda, "graph", Recording)
    return trainer, recording


@pytest.mark.parametrize("weighting", [None, pl.RBA(), pl.RBA(normalization="min-max", first_rate=1.0)])
def test_a_step_never_waits(weighting):
    trainer = Trainer(PROBLEM, pl.Config(**SMALL, steps=5, weighting=weighting, device="cpu"))
    trainer.adam.unseen_step(trainer.state, trainer.objective)
    with Waits() as waits:
        trainer.adam.unseen_step(trainer.state, trainer.objective)
    assert waits.count == 0


@pytest.mark.parametrize("members", [1, 3])
def test_a_probe_reads_all_its_numbers_at_once(monkeypatch, members):
    configs = [pl.Config(**SMALL, steps=5, weighting=pl.RBA(), seed=seed, device="cpu") for seed in range(members)]
    trainer = Trainer(PROBLEM, configs[0], [c.seed for c in configs] if members > 1 else None)
    reads = []
    monkeypatch.setattr(probe, "_read", lambda parts, read=probe._read: reads.append(1) or read(parts))
    for _ in range(2):  # before Adam has moments, and after
        with Waits() as waits:
            assert trainer.measure() is None
        trainer.advance()
    assert waits.count == 0
    assert len(reads) == 2 * members


def test_a_state_that_went_wrong_between_probes_is_not_saved(monkeypatch, tmp_path):
    config = pl.Config(**SMALL, steps=400, probe_every=200, device="cpu")
    trainer, _ = trainer_with_tape(monkeypatch, config)
    advance = trainer.advance

    def spoiled():
        if trainer.state.step == 230:
            trainer.state.theta.fill_(torch.nan)
        return advance()

    monkeypatch.setattr(trainer, "advance", spoiled)
    with pytest.raises(pl.training.TrainingDiverged, match="not a finite number at step 23[0-9]: the state of step 226 is saved"):
        trainer.run([tmp_path / "run.npz"], 0.0, None, False)
    assert np.isfinite(pl.Run.load(tmp_path / "run.npz").state["parameters"]).all()


@pytest.mark.parametrize("weighting", [None, pl.RBA(first_rate=1.0)])
def test_recorded_steps_are_the_plain_ones(monkeypatch, weighting):
    config = pl.Config(**SMALL, steps=40, weighting=weighting, device="cpu")
    trainer, recording = trainer_with_tape(monkeypatch, config)
    (run,) = trainer.run([None], 60.0, None, False)
    plain = pl.train(PROBLEM, config, progress=False)
    assert recording == [1]
    assert trainer.adam.graph.recorded
    assert run.provenance["recorded"]
    for name in ("parameters", "rba", "exp_avg", "exp_avg_sq"):
        assert np.array_equal(run.state[name], plain.state[name]), name


def test_a_recording_that_differs_is_not_used(monkeypatch):
    config = pl.Config(**SMALL, steps=30, device="cpu")
    trainer, _ = trainer_with_tape(monkeypatch, config, wrong=True)
    with pytest.warns(UserWarning, match="could not be recorded .a replayed step differs .* times more than rounding does"):
        (run,) = trainer.run([None], 60.0, None, False)
    assert np.array_equal(run.state["parameters"], pl.train(PROBLEM, config, progress=False).state["parameters"])


def test_a_recording_that_fails_is_not_used(monkeypatch):
    config = pl.Config(**SMALL, steps=30, device="cpu")
    trainer, _ = trainer_with_tape(monkeypatch, config)

    def fail():
        raise RuntimeError("operation not permitted\nwhen stream is capturing")

    monkeypatch.setattr(torch.cuda, "CUDAGraph", fail)
    with pytest.warns(UserWarning, match="could not be recorded .operation not permitted.: training goes on without"):
        (run,) = trainer.run([None], 60.0, None, False)
    assert np.array_equal(run.state["parameters"], pl.train(PROBLEM, config, progress=False).state["parameters"])


def test_a_recording_that_fails_leaves_the_stream_and_the_device(monkeypatch):
    """torch's own context leaves its stream behind where the end of a failed recording fails too."""
    now = stand_in_for_streams(monkeypatch)
    seen = []

    class Recording:
        def __init__(self, graph, stream):
            assert stream == ("a new stream on", now["device"])

        def __enter__(self):
            seen.append(now["device"])
            now["stream"] = "a side stream"

        def __exit__(self, *error):
            raise RuntimeError("capture was invalidated")

    monkeypatch.setattr(torch.cuda, "CUDAGraph", object)
    monkeypatch.setattr(torch.cuda, "graph", Recording)
    captured = cuda_graph.Captured(torch.device("cuda:1"))
    number = torch.zeros(1)
    for _ in range(cuda_graph.WARM_UP):
        captured(lambda: number.add_(1.0), lambda: [number])
    with pytest.warns(UserWarning, match="capture was invalidated"):
        captured(lambda: number.add_(1.0), lambda: [number])
    captured(lambda: number.add_(1.0), lambda: [number])
    assert (number.item(), now["stream"], seen) == (5.0, "the one before", [torch.device("cuda:1")])


def test_a_recorded_training_is_let_go(monkeypatch):
    """Nothing refers back to the trainer, whose memory would wait for the garbage collector."""
    monkeypatch.setattr(cuda_graph.Captured, "_record", lambda *_: None)
    trainer = Trainer(PROBLEM, pl.Config(**SMALL, steps=10, device="cpu"))
    trainer.adam.graph = cuda_graph.Captured(trainer.state.device)
    trainer.run([None], 60.0, None, False)
    gone = weakref.ref(trainer)
    gc.disable()
    try:
        del trainer
        assert gone() is None
    finally:
        gc.enable()


class Copies(TorchDispatchMode):
    """Names the operations that bring a number from the host in every step."""

    def __init__(self):
        super().__init__()
        self.names = set()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if func in (torch.ops.aten.lift_fresh.default, torch.ops.aten._to_copy.default, torch.ops.aten.item.default):
            self.names.add(str(func))
        return func(*args, **(kwargs or {}))


EVERY = [pl.problems.Helmholtz(), pl.problems.AllenCahn(), pl.problems.AllenCahn(modes=3), pl.problems.Burgers()]
EVERY += [pl.problems.Cavity(100), pl.problems.Perivascular()]


@pytest.mark.parametrize("problem", EVERY, ids=repr)
@pytest.mark.parametrize("activation", ["tanh", "sine", "softplus"])
def test_a_step_copies_nothing_from_the_host(problem, activation):
    """A copy from the host waits for it, and cannot be recorded."""
    trainer = Trainer(problem, pl.Config(**SMALL, steps=5, weighting=pl.RBA(), activation=activation, device="cpu"))
    trainer.adam.unseen_step(trainer.state, trainer.objective)
    with Copies() as copies:
        trainer.adam.unseen_step(trainer.state, trainer.objective)
    assert copies.names == set()


@pytest.mark.parametrize("weighting", list(pl.weightings.NAMED.values()), ids=list(pl.weightings.NAMED))
def test_no_weighting_copies_from_the_host(weighting):
    trainer = Trainer(PROBLEM, pl.Config(**SMALL, steps=5, weighting=weighting, device="cpu"))
    trainer.adam.unseen_step(trainer.state, trainer.objective)
    with Copies() as copies:
        trainer.adam.unseen_step(trainer.state, trainer.objective)
    assert copies.names == set()


def test_points_drawn_anew_stay_where_a_recorded_step_reads_them(monkeypatch):
    config = pl.Config(**SMALL, steps=30, weighting=pl.weightings.RAD(every=10), device="cpu")
    trainer, recording = trainer_with_tape(monkeypatch, config)
    (run,) = trainer.run([None], 60.0, None, False)
    plain = pl.train(PROBLEM, config, progress=False)
    assert recording == [1]
    assert np.array_equal(run.points, plain.points)
    assert np.array_equal(run.state["parameters"], plain.state["parameters"])


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("weighting", [None, pl.RBA()])
def test_on_a_gpu(weighting, tmp_path):
    config = pl.Config(**SMALL, steps=60, weighting=weighting, device="cuda")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run = pl.train(PROBLEM, config, progress=False)
    plain = pl.train(PROBLEM, pl.Config(**config.as_dict() | {"device": "cpu", "weighting": weighting}), progress=False)
    assert run.history["loss"] == pytest.approx(plain.history["loss"], rel=1e-3)
