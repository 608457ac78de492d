"""Small records: groups by hand, bounds of the fixed point, figures that stay."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import pinnlib as pl
from pinnlib.__main__ import main
from pinnlib.runs import archive
from pinnlib.training import manifest, sweep

CONFIG = pl.Config(
    width=8, depth=2, points=64, data_points=8, batches=4, steps=300, probe_every=2, snapshots=9, weighting=pl.RBA(), device="cpu"
)


@pytest.fixture(scope="module")
def run():
    problem = pl.problems.Helmholtz(a=(1, 2), k=0.5)
    problem.resolution = 21
    return pl.train(problem, CONFIG, progress=False)


def test_groups_by_hand():
    assert archive.groups(5, 8).tolist() == [0, 1, 2, 3, 4]
    # four alone, then the probes 4 to 12 by three, then the last
    assert archive.groups(14, 8).tolist() == [0, 1, 2, 3, 4, 7, 10, 13]
    with pytest.raises(ValueError, match="rows = 3: give a whole number of at least 4"):
        archive.groups(9, 3)


@given(st.integers(1, 500), st.integers(4, 60))
def test_groups_cover_everything_and_are_few_enough(n, rows):
    first = archive.groups(n, rows)
    assert len(first) <= rows
    assert first[0] == 0
    assert first[-1] == n - 1
    assert (np.diff(first) > 0).all()


@given(st.integers(5, 200), st.integers(4, 40), st.integers(0, 2**31))
def test_no_extreme_is_lost_and_every_row_was_measured(n, rows, seed):
    rng = np.random.default_rng(seed)
    history = {"step": np.arange(n), "snr": rng.lognormal(size=n), "layers": rng.normal(size=(n, 3))}
    history["snr"][rng.random(n) < 0.1] = np.nan
    kept, extremes = archive.thin(history, rows)
    assert len(kept["step"]) == min(len(archive.groups(n, rows)), n)
    if n <= rows:
        assert not extremes
        return
    for name, values in history.items():
        assert np.array_equal(kept[name], values[kept["step"]], equal_nan=True)
        if not np.isnan(values).all():
            assert np.nanmin(extremes[name]) == np.nanmin(values)
            assert np.nanmax(extremes[name]) == np.nanmax(values)
    assert kept["step"][-1] == n - 1
    # against a loop over the groups
    first = archive.groups(n, rows)
    for row, (a, b) in enumerate(zip(first, [*first[1:], n], strict=True)):
        own = history["snr"][a:b]
        if not np.isnan(own).any() and row < len(first) - 1:
            assert kept["snr"][row] == sorted(own)[(b - a - 1) // 2]
        assert a <= kept["step"][row] < b


FINITE = st.floats(-1e6, 1e6, width=32)


@given(hnp.arrays(np.float32, st.tuples(st.integers(1, 3), st.integers(1, 600)), elements=FINITE), st.sampled_from([8, 16]))
def test_fixed_point_errs_by_half_a_step(values, bits):
    coded = archive.encode(values, bits)
    back = archive.decode(coded)
    assert back.dtype == values.dtype
    assert coded["codes"].dtype.itemsize * 8 == bits
    for k in range(0, values.shape[1], archive.BLOCK):
        own, found = values[:, k : k + archive.BLOCK].astype(float), back[:, k : k + archive.BLOCK]
        half = (own.max(1) - own.min(1)) / (2**bits - 1) / 2
        slack = 4 * np.finfo(np.float32).eps * np.abs(own).max()
        assert (np.abs(found - own).max(1) <= half + slack).all()


@pytest.mark.parametrize("values", [[1.0, np.nan], [1.0, np.inf], [-3e38, 3e38]])
def test_fixed_point_wants_numbers(values):
    with pytest.raises(ValueError, match="some values are not finite numbers, or too far apart: keep this run as it is"):
        archive.encode(np.array(values, dtype=np.float32), 8)


def test_a_compact_run_is_what_is_loaded(run, tmp_path):
    small = run.compacted(rows=60, snapshots=4)
    loaded = pl.Run.load(small.save(tmp_path / "small.npz"))
    assert loaded.compact
    assert loaded.complete
    assert len(loaded.history["step"]) <= 60 < len(run.history["step"])
    assert len(loaded.snapshots["step"]) == 4
    assert loaded.snapshots["step"][[0, -1]].tolist() == [0, 300]
    for part in ("history", "extremes", "snapshots", "state"):
        ours, theirs = getattr(small, part), getattr(loaded, part)
        assert ours.keys() == theirs.keys()
        for name in ours:
            assert np.array_equal(ours[name], theirs[name], equal_nan=True), name
    again = pl.Run.load(loaded.save(tmp_path / "again.npz"))
    assert np.abs(again.snapshots["parameters"] - loaded.snapshots["parameters"]).max() < 1e-6
    low, high = loaded.range("snr")
    assert (low <= loaded.history["snr"]).all()
    assert (loaded.history["snr"] <= high).all()
    assert low.min() == np.float32(run.history["snr"].min())
    assert high.max() == np.float32(run.history["snr"].max())
    for name, values in run.compacted().history.items():
        assert values.dtype == run.history[name].dtype, name
        assert values == pytest.approx(run.history[name], rel=6e-8, nan_ok=True), name
    assert np.array_equal(*run.range("loss"))


def test_what_was_thinned_twice_keeps_its_range(run):
    once = run.compacted(rows=60)
    for twice in (once.compacted(rows=20), once.compacted(rows=60)):
        for name in ("snr", "signal_layers"):
            low, high = twice.range(name)
            assert np.array_equal(low.min(0), np.float32(run.history[name]).min(0))
            assert np.array_equal(high.max(0), np.float32(run.history[name]).max(0))


def test_the_last_snapshot_is_the_state_and_is_kept_once(run, tmp_path, monkeypatch):
    assert run.compacted(snapshots=1).snapshots["step"].tolist() == [300]
    small = run.compacted(snapshots=2)
    for name in archive.BITS:
        assert np.array_equal(small.snapshots[name][-1], run.state[name]), name
        assert not np.array_equal(run.snapshots[name][1], run.state[name]), name
    with np.load(small.save(tmp_path / "small.npz")) as file:
        assert file["snapshots/step"].tolist() == [0, 300]
        assert file["coded/parameters/codes"].shape == (1, run.state["parameters"].size)
    alone = dataclasses.replace(run, snapshots={name: values[-1:] for name, values in run.snapshots.items()}).compacted()
    assert np.array_equal(pl.Run.load(alone.save(tmp_path / "alone.npz")).snapshots["rba"], run.state["rba"][None])
    early = dataclasses.replace(run, snapshots={name: values[:-1] for name, values in run.snapshots.items()}).compacted()
    assert len(pl.Run.load(early.save(tmp_path / "early.npz")).snapshots["rba"]) == len(run.snapshots["step"]) - 1
    monkeypatch.setattr(archive, "ends_with_its_state", lambda run: False)  # as version 3 wrote it
    older = pl.Run.load(run.compacted(snapshots=2).save(tmp_path / "older.npz"))
    assert older.snapshots["parameters"] == pytest.approx(small.snapshots["parameters"], abs=1e-4)


def test_of_no_snapshot_the_history_alone_is_kept(run, tmp_path):
    small = run.compacted(snapshots=0)
    loaded = pl.Run.load(small.save(tmp_path / "small.npz"))
    assert (loaded.complete, loaded.step) == (True, 300)
    assert loaded.history["snr"] == pytest.approx(run.history["snr"], rel=6e-8)
    with np.load(tmp_path / "small.npz") as file:
        assert not any(file[name].size for name in file.files if "parameters" in name or "rba" in name.split("/")[1:])
    assert "0 snapshots" in repr(loaded)
    for look in (loaded.model, loaded.final_model, loaded.residual, lambda: loaded.predict(run.points)):
        with pytest.raises(ValueError, match="only the history of this run was kept, without its weights: train it anew"):
            look()
    early = dataclasses.replace(run, snapshots={name: values[:0] for name, values in run.snapshots.items()})
    assert early.final_model().sizes == run.final_model().sizes  # no snapshot yet, and whole all the same
    with pytest.raises(ValueError, match="snapshots = -1: give a whole number of at least 0"):
        run.compacted(snapshots=-1)


def test_a_compact_run_shows_the_same(run):
    small = run.compacted(rows=60)
    for k in range(len(run.snapshots["step"])):
        whole, part = run.residual(k), small.residual(k)
        assert np.linalg.norm(whole - part) < 1e-3 * np.linalg.norm(whole)
    a, b = (pl.phases.detect(one.history["step"], one.history["snr"]) for one in (run, small))
    assert a.sequence == b.sequence


def test_a_compact_run_is_not_trained_further(run):
    with pytest.raises(ValueError, match="the run of step 300 was made compact and has lost Adam's moments"):
        pl.resume(run.compacted(), steps=400, progress=False)


def test_a_list_makes_its_records_small(tmp_path):
    (tmp_path / "list.toml").write_text(
        "[[sweep]]\nname = 'a'\nproblem = 'helmholtz'\ncompact = { rows = 40 }\nconfig = { width = 8, depth = 1, points = 32, "
        "data_points = 8, batches = 4, steps = 200, probe_every = 1, device = 'cpu' }\n"
    )
    (entry,) = manifest.read(tmp_path / "list.toml")
    assert manifest.Entry.from_json(entry.to_json()) == entry
    assert sweep.work(entry, str(tmp_path / "a.npz"), 60.0)
    assert manifest.state(entry, tmp_path).kind == "done"
    made = pl.Run.load(tmp_path / "a.npz")
    assert made.compact
    assert len(made.history["step"]) <= 40
    unfinished = dataclasses.replace(made, compact=False, state=made.state | {"step": np.array(3)})
    assert entry.finished(unfinished) is unfinished
    (tmp_path / "list.toml").write_text("[[sweep]]\nname = 'a'\nproblem = 'burgers'\ncompact = { row = 40 }")
    with pytest.raises(ValueError, match="unexpected keyword argument 'row'"):
        manifest.read(tmp_path / "list.toml")


def test_a_record_that_could_not_be_made_small_is_made_small_by_the_next_sweep(tmp_path):
    (tmp_path / "list.toml").write_text(
        "[[sweep]]\nname = 'a'\nproblem = 'helmholtz'\ncompact = { rows = 40 }\nconfig = { width = 8, depth = 1, points = 32, "
        "data_points = 8, batches = 4, steps = 200, probe_every = 1, device = 'cpu' }\n"
    )
    (entry,) = manifest.read(tmp_path / "list.toml")
    whole = pl.train(entry.build(), entry.config, checkpoint=tmp_path / "a.npz", progress=False)
    found = manifest.state(entry, tmp_path)
    assert (found.kind, found.step, found.why) == ("partial", 200, "not made small yet")
    assert manifest.state(dataclasses.replace(entry, compact=None), tmp_path).kind == "done"
    outcome = sweep.sweep([entry], tmp_path, progress=False)
    assert (outcome.done, outcome.failed) == (["a"], {})
    made = pl.Run.load(tmp_path / "a.npz")
    assert made.compact
    assert np.array_equal(made.state["parameters"], whole.state["parameters"])
    assert sweep.sweep([entry], tmp_path, progress=False).skipped == ["a"]


def test_the_command(run, tmp_path, capsys):
    run.save(tmp_path / "a.npz")
    assert main(["compact", str(tmp_path / "a.npz"), "--folder", str(tmp_path / "small"), "--rows", "50"]) == 0
    assert "kB before" in capsys.readouterr().out
    assert pl.Run.load(tmp_path / "small" / "a.npz").compact


def test_the_command_overwrites_nothing(run, tmp_path, capsys):
    one, two = (str(run.save(tmp_path / folder / "a.npz")) for folder in ("one", "two"))
    assert main(["compact", one, "--folder", str(tmp_path / "one")]) == 1
    assert f"{one} exists already: move it away, or choose another --folder" in capsys.readouterr().err
    assert not pl.Run.load(one).compact
    assert main(["compact", one, two, "--folder", str(tmp_path / "small")]) == 1
    assert f"two records would become {tmp_path / 'small' / 'a.npz'}: make them small one at a time" in capsys.readouterr().err
    assert not (tmp_path / "small").exists()
