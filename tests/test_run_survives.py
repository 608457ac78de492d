"""Nothing that was trained is lost: whatever a problem is made of, wherever a training stops, whatever else goes wrong."""

import functools
import math
import os
import pathlib
import re
import subprocess
import sys
import warnings

import numpy as np
import pytest
import torch

import pinnlib as pl
from pinnlib.training.loop import Trainer

ROOT = pathlib.Path(__file__).parent.parent
ENDS, ZEROS = np.array([[0.0], [1.0]]), np.zeros((2, 1))
SMALL = {
    **{"width": 4, "depth": 1, "points": 8, "data_points": 8, "batches": 2, "steps": 6},
    **{"probe_every": 3, "snapshots": 4, "compile": False, "device": "cpu"},
}
LBFGS = {"steps": 6, "finish": "lbfgs", "finish_steps": 12}


class Slab(pl.Problem):
    """u'' = u - 1 with u(0) = u(1) = 0."""

    coordinates, fields, domain, partials = ("x",), ("u",), ((0.0, 1.0),), ("u", "u_xx")

    def residual(self, points, d):
        return d.u_xx - d.u + 1.0

    def data(self, n, seed):
        return ENDS, ZEROS


class Kept(Slab):
    """Has its argument as an attribute."""

    def __init__(self, what, other=1):
        self.what, self.other = what, other


class Hidden(Slab):
    """Has it under another name."""

    def __init__(self, what, *, other=1):
        self._own = what


class Gone(Slab):
    """Does not keep it."""

    def __init__(self, what):
        pass


def config(**settings):
    return pl.Config(**SMALL | settings)


def train(problem=None, *, until=None, checkpoint=None, callback=None, **settings):
    own = {"until": until, "checkpoint": checkpoint, "checkpoint_every": 0.0, "callback": callback}
    return pl.train(problem or Slab(), config(**settings), progress=False, **own)


def same(one, other):
    assert np.array_equal(one.points, other.points)
    for part in ("history", "snapshots", "state"):
        a, b = getattr(one, part), getattr(other, part)
        assert set(a) == set(b), part
        for name in set(a) - {"wall_time"}:
            assert np.array_equal(a[name], b[name], equal_nan=True), f"{part}/{name}"


# what a problem is made of


class Thing:
    """JSON knows nothing of it."""


def loop():
    return 1.0


ARGUMENTS = {
    "number": 2.5,
    "none": None,
    "nan": float("nan"),
    "infinity": float("inf"),
    "large": 10**30,
    "text": "naïve, with / and \\",
    "float32": np.float32(0.1),
    "int64": np.int64(3),
    "bool_": np.bool_(True),
    "array": np.arange(6.0).reshape(2, 3),
    "ints": np.arange(3),
    "half": np.ones(2, dtype=np.float16),
    "empty": np.zeros((0, 3)),
    "scalar array": np.array(3.0),
    "tensor": torch.arange(3.0),
    "bfloat16": torch.ones(2, dtype=torch.bfloat16),
    "sparse": torch.eye(2).to_sparse(),
    "complex": 1j,
    "complex array": np.array([1j]),
    "array of words": np.array(["a", "b"]),
    "array of things": np.array([Thing()], dtype=object),
    "dates": np.array(["2020-01-01"], dtype="datetime64[D]"),
    "lambda": lambda x: x,
    "function": loop,
    "partial": functools.partial(np.add, 1.0),
    "ufunc": np.sin,
    "class": Thing,
    "thing": Thing(),
    "module": torch.nn.Linear(1, 1).requires_grad_(False),
    "path": pathlib.Path("/somewhere"),
    "generator": np.random.default_rng(0),
    "set": {1, 2},
    "bytes": b"a",
    "tuple": (1.0, (2, "three")),
    "list of arrays": [np.zeros(2), np.ones(3)],
    "nested": {"a": [1, (2.0, np.arange(2.0)), {"b": None, "c": torch.ones(1)}], "d": Thing()},
    "numbered": {1: 2.0, 3: np.ones(1)},
    "names like paths": {"a/b": np.ones(1), "a": {"b": np.zeros(1)}},
    "named like the file's own": {"array": "x", "sha256": "y"},
    "named like what is unsaved": {"unsaved": 1},
}


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        *((Kept, name) for name in ARGUMENTS),
        *((kind, name) for kind in (Hidden, Gone) for name in ("nan", "array", "nested", "thing")),
    ],
)
def test_whatever_a_problem_is_made_of_is_trained_saved_loaded_resumed_and_branched(kind, name, tmp_path):
    what, path = ARGUMENTS[name], tmp_path / "run.npz"
    whole = train(kind(what))
    half = train(kind(what), until=3, checkpoint=path)
    alone = pl.Run.load(path)
    assert alone.problem is None
    assert np.array_equal(alone.predict(ENDS), half.predict(ENDS))
    again = kind(what)
    assert pl.Run.load(path, again).problem is again
    assert np.array_equal(pl.Run.load(path, problem=again).residual(), half.residual())
    branched = pl.branch(path, problem=again, lr=1e-5, progress=False)
    assert branched.step == 6
    same(whole, pl.resume(path, problem=again, progress=False))
    same(whole, pl.Run.load(path, again))  # which the resumed training has renewed
    assert again.__class__.__name__ in repr(pl.Run.load(path, again))


@pytest.mark.parametrize("name", ["array", "tensor", "nested", "names like paths", "int64"])
def test_what_was_saved_of_a_problem_is_what_it_was_made_of(name, tmp_path):
    def plain(value):
        if isinstance(value, dict):
            return {str(key): plain(one) for key, one in value.items()}
        if isinstance(value, list | tuple):
            return [plain(one) for one in value]
        return np.asarray(value).tolist() if isinstance(value, np.ndarray | np.generic | torch.Tensor) else value

    what = {key: one for key, one in ARGUMENTS[name].items() if key != "d"} if name == "nested" else ARGUMENTS[name]
    path = train(Kept(what)).save(tmp_path / "run.npz")
    found = pl.Run.load(path).problem_spec["settings"]
    assert plain(found["what"]) == plain(what)
    assert found["other"] == 1


# files that cannot be written


def test_a_folder_that_is_a_file_is_a_warning(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.warns(UserWarning, match=r"could not save the run to .*file.*run\.npz.*"):
        run = train(checkpoint=tmp_path / "file" / "run.npz")
    assert run.complete
    run.save(tmp_path / "elsewhere" / "run.npz")


def test_a_file_that_is_a_folder_is_a_warning(tmp_path):
    (tmp_path / "run.npz").mkdir()
    with pytest.warns(UserWarning, match="could not save the run to .*the run is still in memory, save it elsewhere"):
        run = train(checkpoint=tmp_path / "run.npz")
    assert run.complete
    assert os.listdir(tmp_path) == ["run.npz"]


def test_something_that_cannot_be_described_is_a_warning(tmp_path):
    class Stubborn(dict):
        def items(self):
            raise RuntimeError("no items")

    with pytest.warns(UserWarning, match="could not save the run to .*: RuntimeError: no items"):
        run = train(Kept(Stubborn(a=1)), checkpoint=tmp_path / "run.npz")
    assert run.complete
    assert not os.listdir(tmp_path)


def test_a_failed_checkpoint_keeps_the_one_before(tmp_path, monkeypatch):
    path = tmp_path / "run.npz"
    train(until=3, checkpoint=path)
    before = path.read_bytes()

    def full(*arguments, **settings):
        raise MemoryError("not enough")

    monkeypatch.setattr(np, "savez_compressed", full)
    with pytest.warns(UserWarning, match="could not save the run to .*MemoryError: not enough"):
        assert pl.resume(path, problem=Slab(), progress=False).complete
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["run.npz"]


@pytest.mark.parametrize("begin", ["train", "train_ensemble", "branch"])
def test_a_file_that_is_there_is_not_overwritten(begin, tmp_path):
    path, settings = tmp_path / "run.npz", {"checkpoint_every": 0.0, "progress": False}
    run = train(until=4, checkpoint=path)
    begun = {
        "train": lambda path: pl.train(Slab(), config(), checkpoint=path, **settings),
        "train_ensemble": lambda path: pl.train_ensemble(
            Slab(), config(), [7, 8], checkpoint=str(path).replace("run", "{seed}"), **settings
        ),
        "branch": lambda path: pl.branch(run, lr=1e-4, checkpoint=path, **settings),
    }[begin]
    if begin == "train_ensemble":
        path = path.rename(tmp_path / "8.npz")
    before = path.read_bytes()
    with pytest.raises(FileExistsError, match=rf"{path.name} exists already, with a run of step 4: pl\.resume goes on with"):
        begun(tmp_path / "run.npz")
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == [path.name]
    path.write_text("my notes")
    with pytest.raises(FileExistsError, match="exists already, and is no run: .*give the checkpoint another name"):
        begun(tmp_path / "run.npz")
    path.unlink()
    begun(tmp_path / "run.npz")
    assert path.is_file()


# errors in the midst of a training


class Flaky(Slab):
    """Out of memory at one of its calls, and never again."""

    calls, at = 0, math.inf

    def residual(self, points, d):
        type(self).calls += 1
        if self.calls == self.at:
            raise RuntimeError("out of memory")
        return super().residual(points, d)


@pytest.mark.parametrize("saved", [False, True])
def test_an_error_in_the_midst_keeps_the_last_good_state(saved, tmp_path, monkeypatch):
    """That of the last probe, or of a file that was renewed after it."""
    path, settings = tmp_path / "run.npz" if saved else None, {"steps": 60, "probe_every": 20, "snapshots": 2}
    monkeypatch.setattr(Flaky, "calls", 0)
    whole = train(Flaky(), **settings)
    monkeypatch.setattr(Flaky, "at", 2 * Flaky.calls - 5)
    with pytest.raises(RuntimeError, match="^out of memory\nthe training ended at step") as caught:
        train(Flaky(), checkpoint=path, **settings)
    run, (note,) = caught.value.run, caught.value.__notes__
    ended = int(re.search(r"ended at step (\d+)", note)[1])
    assert caught.value.runs == [run]
    assert run.step == (ended if saved else max(step for step in whole.history["step"] if step < ended)) > 40
    where = f"saved to {path}" if saved else "in the error's .run"
    assert note.endswith(f": the state of step {run.step} is {where}")
    same(whole, pl.resume(path if saved else run, problem=Flaky(), progress=False))


def test_an_error_before_the_first_probe_leaves_nothing(tmp_path, monkeypatch):
    def broken(self):
        raise RuntimeError("out of memory")

    monkeypatch.setattr(Trainer, "measure", broken)
    with pytest.raises(RuntimeError, match="out of memory"):
        train(checkpoint=tmp_path / "run.npz")
    assert not os.listdir(tmp_path)


# callbacks


def test_a_callback_that_fails_is_a_warning_and_changes_nothing():
    with pytest.warns(UserWarning, match=r"the callback failed at step \d+ \(ZeroDivisionError: .*\): training goes on"):
        run = train(callback=lambda row, run: 1 / 0)
    assert run.complete
    same(run, train())


def test_a_callback_cannot_spoil_a_run():
    def spoil(row, run):
        row.clear()
        run.points[:] = 0.0
        for part in (run.history, run.snapshots, run.state):
            for values in part.values():
                values[...] = 0
            part.clear()

    same(train(callback=spoil, steps=20), train(steps=20))


@pytest.mark.parametrize("said", [None, False, 1, 0, "stop", [True], 2.5, torch.tensor(True)], ids=repr)
def test_only_true_stops(said):
    assert train(callback=lambda row, run: said).complete


def test_true_stops_and_resuming_goes_on(tmp_path):
    path, seen = tmp_path / "run.npz", []

    def stop(row, run):
        seen.append((int(row["step"]), run.step))
        return row["step"] >= 3

    run = train(callback=stop, checkpoint=path)
    assert run.step == 3
    assert not run.complete
    assert seen == [(0, 0), (1, 1), (2, 2), (3, 3)]
    same(train(), pl.resume(path, problem=Slab(), progress=False))


def test_stop_when_the_loss_is_small():
    stop = pl.StopWhen(loss=0.2)
    run = train(steps=500, lr=1e-2, probe_every=10, callback=stop)
    assert run.history["loss"][-1] < 0.2 <= run.history["loss"][:-1].min()
    assert stop.reason.startswith("loss = ")
    assert f"below 0.2 at step {run.step:,}" in stop.reason


def test_stop_when_the_error_is_small():
    class Known(Slab):
        resolution = 11

        def reference(self, points):
            return 1.0 - np.cosh(points - 0.5) / np.cosh(0.5)

    run = train(Known(), steps=500, callback=pl.StopWhen(rel_l2=1e9))
    assert run.step == 0
    assert run.history["rel_l2"].shape == (1,)


def falling(steps, snr):
    """A run of these probes, for the rule alone."""
    return type("Past", (), {"history": {"step": np.asarray(steps), "snr": np.asarray(snr)}})()


@pytest.mark.parametrize("phase", ["diffusion", "total diffusion"])
def test_stop_when_a_phase_is_reached(phase):
    steps = np.unique(np.round(np.geomspace(1, 1e5, 200)).astype(int))
    snr = np.where(steps < 300, 8.0, np.where(steps < 5000, 0.02, 3.0)) * (1.0 + 0.01 * np.cos(steps))
    detector, stop, expected, found = pl.phases.Detector(), pl.StopWhen(phase=phase), None, None
    for k, (step, value) in enumerate(zip(steps, snr, strict=True), start=1):
        detector.update(int(step), float(value))
        phases = detector.phases
        reached = phases.total_diffusion if phase == "total diffusion" else (phases.fitting_end or phases.total_diffusion)
        expected = int(step) if expected is None and reached is not None else expected
        if stop({"step": step}, falling(steps[:k], snr[:k])):
            found = int(step)
            break
    assert found == expected is not None
    assert stop.reason == f"{phase} was reached by step {found:,}"


def test_stop_when_never():
    assert train(callback=pl.StopWhen(loss=-1.0)).complete
    assert train(callback=pl.StopWhen(phase="total diffusion")).complete


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({}, r"StopWhen\(\) would never stop"),
        ({"phase": "fitting"}, r"phase = 'fitting': choose one of \('diffusion', 'total diffusion'\)"),
        ({"phase": 3}, "phase = 3: choose one of"),
        ({"rel_l2": float("nan")}, "rel_l2 = nan: give a number"),
        ({"loss": "small"}, "loss = 'small': give a number"),
        ({"loss": None}, "loss = None: give a number"),
    ],
)
def test_stop_when_of_nothing(settings, match):
    with pytest.raises(ValueError, match=match):
        pl.StopWhen(**settings)


def test_stop_when_takes_numbers_of_numpy():
    assert train(callback=pl.StopWhen(loss=np.float32(1e9))).step == 0


def test_stop_when_of_a_name_that_no_probe_has():
    with pytest.warns(UserWarning, match=r"measures no 'los': choose among .*loss"):
        assert train(callback=pl.StopWhen(los=1.0)).complete


def test_stop_when_of_an_error_that_nobody_knows():
    """Without a reference the error is nan, which is never below anything."""
    with pytest.warns(UserWarning, match="rel_l2"):
        assert train(callback=pl.StopWhen(rel_l2=0.1)).complete


def test_stop_when_begins_anew_with_each_training():
    class Large(Slab):
        def residual(self, points, d):
            return d.u_xx + 1e3

    stop = pl.StopWhen(loss=10.0)
    assert train(callback=stop).step == 0
    assert train(Large(), callback=stop).complete
    assert not stop.reason


# where a training stops


@pytest.mark.parametrize("until", [0, 1, 2, 4, 5])
def test_a_prediction_after_an_interruption_is_that_of_the_state(until, tmp_path):
    path = tmp_path / "run.npz"
    whole, run = (
        train(steps=9, probe_every=100, snapshots=2),
        train(steps=9, probe_every=100, snapshots=2, until=until, checkpoint=path),
    )
    network = pl.evaluation.predict(run.final_model(), ENDS)
    assert run.step == until
    assert not run.complete
    for one in (run, pl.Run.load(path, Slab())):
        assert np.array_equal(one.predict(ENDS), network)
        assert np.array_equal(one.observe(ENDS), network)
        parameters = torch.nn.utils.parameters_to_vector(one.model().parameters()).detach().numpy()
        assert np.array_equal(parameters, one.state["parameters"])
    if until > 1:
        assert not np.array_equal(run.predict(ENDS), run.predict(ENDS, snapshot=-1))
    same(whole, pl.resume(path, problem=Slab(), progress=False))


# loading


def test_a_class_in_place_of_a_problem_is_not_a_damaged_file(tmp_path):
    path = train().save(tmp_path / "run.npz")
    with pytest.raises(ValueError, match=r"^problem = <class '.*Slab'>: give an instance of the problem's class"):
        pl.Run.load(path, Slab)


def test_a_foreign_file_whose_name_begins_what_is_wrong_with_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pathlib.Path("F").write_text("junk")
    with pytest.raises(ValueError, match=r"^F is not a pinnlib run or is damaged \(BadZipFile: File is not a zip file\)"):
        pl.Run.load("F")


def test_another_problem_is_refused(tmp_path):
    path = train(Kept(2.0)).save(tmp_path / "run.npz")

    class Two(Slab):
        fields = ("u", "v")

        def data(self, n, seed):
            return ENDS, np.zeros((2, 2))

    class Time(Slab):
        coordinates, partials = ("t",), ("u", "u_tt")

    with pytest.raises(ValueError, match=r"is of a problem with name = 'kept', and Slab\(\) has 'slab': give the problem"):
        pl.Run.load(path, Slab())
    for other, what in ((Two, r"fields = \['u'\].*\['u', 'v'\]"), (Time, r"coordinates = \['x'\].*\['t'\]")):
        named = type("Kept", (other,), {"__init__": Kept.__init__})
        with pytest.raises(ValueError, match=what):
            pl.Run.load(path, named(2.0))
    with pytest.raises(ValueError, match=r"run\.npz was trained with what = 2\.0, and Kept\(what=3\.0, other=1\) has others"):
        pl.Run.load(path, Kept(3.0))
    with pytest.raises(ValueError, match="was trained with other = 1, and"):
        pl.Run.load(path, Kept(2.0, other=2))
    for problem in (Slab(), Kept(3.0)):
        with pytest.raises(ValueError, match="give the problem that it was trained on"):
            pl.resume(path, problem=problem, steps=9, progress=False)
    assert pl.Run.load(path, Kept(2.0)).complete


@pytest.mark.parametrize(
    "members",
    [
        {"normalize": True, "domain": ((0.0, 4.0),)},
        {"magnitudes": {"u": 3.0}},
        {"transform": lambda self, points, network: points * network},
        {"unknowns": {"k": 2.0}, "residual": lambda self, points, d: d.u_xx - d.k},
        {"periodic": ("x",)},
    ],
    ids=["normalize", "magnitudes", "transform", "unknowns", "periodic"],
)
def test_a_class_that_has_changed_what_its_network_means_is_refused(members, tmp_path):
    plain, changed = type("Mine", (Slab,), {"domain": ((0.0, 4.0),)}), type("Mine", (Slab,), members)
    for had, has in ((plain, changed), (changed, plain)):
        path = train(had()).save(tmp_path / "run.npz")
        assert pl.Run.load(path, had()).complete
        with pytest.raises(ValueError, match="give the problem that it was trained on"):
            pl.Run.load(path, has())


def test_a_class_named_like_ours_is_not_ours(tmp_path):
    class Helmholtz(Slab):
        def __init__(self, a=(4.0, 1.0), k=1.0):
            self.a, self.k = a, k

    path = train(Helmholtz(), until=3).save(tmp_path / "run.npz")
    alone = pl.Run.load(path)
    assert alone.problem is None
    with pytest.raises(ValueError, match=r"helmholtz is not one of pinnlib's: give it to Run\.load\(path, problem=\.\.\.\)"):
        alone.residual()
    with pytest.raises(ValueError, match="coordinates"):
        pl.Run.load(path, pl.problems.Helmholtz())
    mine = Helmholtz()
    assert pl.Run.load(path, mine).problem is mine
    same(train(Helmholtz()), pl.resume(path, problem=mine, progress=False))


class Rate(Slab):
    """An unknown rate and an unknown source."""

    unknowns = {"k": 2.0, "source": pl.Unknown(1.0, positive=True)}

    def residual(self, points, d):
        return d.u_xx - d.k * d.u + d.source


class Exact(Slab):
    """Both ends hold exactly."""

    def data(self, n, seed):
        return np.array([[0.5]]), np.array([[0.1]])

    def transform(self, points, network):
        return points * (1.0 - points) * network


class Units(Slab):
    """Millimetres and kelvins."""

    domain, normalize, magnitudes = ((0.0, 1000.0),), True, {"u": 300.0}


class Ring(Slab):
    """Periodic."""

    periodic = ("x",)


class All(Rate):
    """All of them."""

    domain, normalize, magnitudes, periodic = ((0.0, 4.0),), True, {"u": 3.0}, {"x": 2}

    def transform(self, points, network):
        return torch.sin(points) * network + 1.0


@pytest.mark.parametrize("kind", [Rate, Exact, Units, Ring, All])
def test_records_of_more_than_a_network(kind, tmp_path):
    path, whole = tmp_path / "run.npz", train(kind())
    where = np.linspace(0.0, 1.0, 5)[:, None]
    half = train(kind(), until=4, checkpoint=path)
    loaded, alone = pl.Run.load(path, kind()), pl.Run.load(path)
    assert np.array_equal(loaded.predict(where), half.predict(where))
    assert np.array_equal(loaded.residual(), half.residual())
    assert loaded.unknowns == half.unknowns
    if kind is Rate:
        assert np.array_equal(alone.predict(where), half.predict(where))
    else:
        with pytest.raises(ValueError, match=r"is not one of pinnlib's: give it to Run\.load\(path, problem=\.\.\.\)"):
            alone.predict(where)
    same(whole, pl.resume(path, problem=kind(), progress=False))
    assert pl.branch(path, problem=kind(), steps=8, progress=False).step == 8
    small = pl.Run.load(half.compacted().save(tmp_path / "small.npz"), kind())
    assert small.predict(where) == pytest.approx(half.predict(where), rel=1e-3)


def test_unknowns_are_those_of_the_last_step(tmp_path):
    run = train(Rate(), steps=40, lr=1e-2)
    assert set(run.unknowns) == {"k", "source"}
    for name, value in run.unknowns.items():
        assert value == pytest.approx(run.history[name][-1], rel=1e-6)
        assert value != pytest.approx(run.history[name][0], rel=1e-3)
    path = train(Rate(), steps=40, lr=1e-2, until=33).save(tmp_path / "run.npz")
    assert pl.Run.load(path, Rate()).unknowns != {name: float(run.history[name][0]) for name in run.unknowns}
    with pytest.raises(ValueError, match=r"unknowns = \['k', 'source'\]"):
        pl.Run.load(path, type("Rate", (Rate,), {"unknowns": {"k": 2.0}})())


# the last steps by L-BFGS


@pytest.mark.parametrize(("dtype", "weighting"), [("float32", None), ("float64", pl.RBA())], ids=["float32", "float64 with rba"])
def test_a_finish_resumes_bit_for_bit_from_everywhere(dtype, weighting, tmp_path):
    path, settings = tmp_path / "run.npz", LBFGS | {"dtype": dtype, "weighting": weighting}
    whole = train(**settings)
    assert whole.step == 18
    assert whole.complete
    assert whole.history["loss"][-1] < 0.5 * whole.history["loss"][0]
    wrong = []
    for until in (3, 5, 6, 7, 8, 9, 13, 17, 18):
        path.unlink(missing_ok=True)
        assert train(**settings, until=until, checkpoint=path).step == until
        try:
            same(whole, pl.resume(path, problem=Slab(), progress=False))
        except AssertionError:
            wrong.append(until)
    assert not wrong


def test_a_finish_is_interrupted_again_and_again(tmp_path):
    path = tmp_path / "run.npz"
    train(**LBFGS, until=1, checkpoint=path)
    for until in range(2, 19, 2):
        pl.resume(path, problem=Slab(), until=until, progress=False)
    run = pl.resume(path, problem=Slab(), progress=False)
    assert run.complete
    same(train(**LBFGS), run)


@pytest.fixture(scope="module")
def exhausted():
    """A finish that came to its end before its last step."""

    class Flat(Slab):
        def residual(self, points, d):
            return d.u

    return Flat, pl.train(Flat(), config(finish="lbfgs", finish_steps=5000, steps=3, probe_every=1000), progress=False)


def test_a_finish_ends_where_nothing_is_gained(exhausted):
    _, run = exhausted
    assert 3 < run.step < 5003
    assert run.complete
    assert "complete" in repr(run)
    assert run.history["step"][-1] == run.snapshots["step"][-1] == run.step
    assert np.array_equal(run.snapshots["parameters"][-1], run.state["parameters"])


def test_a_finish_that_has_ended_is_complete_when_loaded_and_resumed(exhausted, tmp_path):
    kind, run = exhausted
    loaded = pl.Run.load(run.save(tmp_path / "run.npz"), kind())
    assert loaded.complete
    again = pl.resume(loaded, progress=False)
    assert again.complete
    same(run, again)
    with pytest.raises(ValueError, match=r"steps = \d+: the run has gone on from Adam's step 3 by L-BFGS"):
        pl.resume(run, steps=run.step + 1, progress=False)
    with pytest.raises(ValueError, match="the run is already at step"):
        pl.resume(run, steps=1, progress=False)


def test_a_finish_goes_with_one_seed():
    with pytest.raises(ValueError, match="finish = 'lbfgs' with several seeds at once: train them one by one"):
        pl.train_ensemble(Slab(), config(**LBFGS), [0, 1], progress=False)


def test_a_finish_after_an_ensemble_and_in_a_branch():
    members = pl.train_ensemble(Slab(), config(steps=6), [0, 1], progress=False)
    for member in members:
        run = pl.branch(member, **LBFGS | {"steps": 8}, progress=False)
        assert run.complete
        assert run.history["loss"][-1] < member.history["loss"][-1]


def test_a_finish_keeps_its_unknowns(tmp_path):
    whole = train(Rate(), **LBFGS)
    path = train(Rate(), **LBFGS, until=11).save(tmp_path / "run.npz")
    same(whole, pl.resume(path, problem=Rate(), progress=False))


def test_a_finish_with_a_callback_that_stops(tmp_path):
    path = tmp_path / "run.npz"
    run = train(**LBFGS, checkpoint=path, callback=lambda row, run: bool(row["step"] >= 9))
    assert run.step == 9
    same(train(**LBFGS), pl.resume(path, problem=Slab(), progress=False))


def test_nothing_is_said_without_a_reason(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert train(**LBFGS, checkpoint=tmp_path / "run.npz").complete


@pytest.mark.slow
def test_killed_at_random_moments():
    command = [sys.executable, "-m", "tests.kill", "12"]
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | {"OMP_NUM_THREADS": "1"}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "6 trainings killed: the same bits at the end" in done.stdout
    assert "3 saves killed: always a whole file" in done.stdout
