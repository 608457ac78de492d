"""Records: what is saved is what is loaded, and a bad file is named."""

import json
import os
import pickle
import zipfile
from dataclasses import replace

import numpy as np
import pytest

import pinnlib as pl

CONFIG = pl.Config(width=8, depth=1, points=32, data_points=8, batches=4, steps=12, snapshots=4, weighting=pl.RBA(), device="cpu")


@pytest.fixture(scope="module")
def run():
    return pl.train(pl.problems.Helmholtz(a=(1, 2), k=0.5), CONFIG, progress=False)


def test_round_trip(run, tmp_path):
    loaded = pl.Run.load(run.save(tmp_path / "folder" / "run.npz"))
    assert loaded.config == run.config
    assert loaded.provenance == run.provenance
    assert repr(loaded.problem) == repr(run.problem) == "Helmholtz(a=(1.0, 2.0), k=0.5)"
    for part in ("history", "snapshots", "state"):
        for name, values in getattr(run, part).items():
            assert np.array_equal(getattr(loaded, part)[name], values, equal_nan=True)
            assert getattr(loaded, part)[name].dtype == values.dtype
    assert repr(loaded) == repr(run)
    assert loaded.complete
    assert os.listdir(tmp_path / "folder") == ["run.npz"]  # no temporary file is left


class Decay(pl.Problem):
    """One coordinate."""

    coordinates, fields, domain, partials = ("t",), ("u",), ((0.0, 1.0),), ("u", "u_t")

    def residual(self, points, d):
        return d.u_t + d.u

    def data(self, n, seed):
        return np.zeros((1, 1)), np.ones((1, 1))


def test_of_one_coordinate_a_list_of_numbers_is_a_list_of_points():
    run, at = pl.train(Decay(), replace(CONFIG, data_points=1, weighting=None), progress=False), np.array([0.5, 0.6])
    for look in (run.predict, run.observe, lambda points: run.residual(points=points)):
        assert np.array_equal(look(at), look(at[:, None]))
        with pytest.raises(ValueError, match=r"points have shape \(2, 3\): give \(n_points, 1\), a column for each of t"):
            look(np.zeros((2, 3)))


def test_points_of_a_wrong_shape_are_one_sentence(run):
    for wrong in (np.zeros(2), np.zeros((4, 3)), 0.5):
        with pytest.raises(ValueError, match=r"points have shape .*: give \(n_points, 2\), a column for each of x, y"):
            run.predict(wrong)


def test_what_a_killed_process_left_goes_with_the_next_file(run, tmp_path):
    old, new, other = (tmp_path / name for name in (".run.npz.abc.part", ".run.npz.def.part", ".run.npz2.abc.part"))
    for left in (old, new, other):
        left.write_bytes(b"")
    for left in (old, other):
        os.utime(left, (0, 0))
    run.save(tmp_path / "run.npz")
    assert sorted(os.listdir(tmp_path)) == [new.name, other.name, "run.npz"]  # the second may be being written


@pytest.mark.parametrize("mask", [0o077, 0o022, 0o002])
def test_a_file_may_be_read_by_whom_the_umask_lets(run, tmp_path, mask):
    before = os.umask(mask)
    try:
        path = run.save(tmp_path / "run.npz")
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o666 & ~mask


def test_a_link_stays_a_link(run, tmp_path):
    link = tmp_path / "run.npz"
    link.symlink_to(tmp_path / "elsewhere" / "own.npz")
    for _ in range(2):  # the first makes the file
        assert run.save(link) == link
        assert link.is_symlink()
        assert pl.Run.load(tmp_path / "elsewhere" / "own.npz").step == run.step
    assert os.listdir(tmp_path / "elsewhere") == ["own.npz"]


def test_repr_says_what_it_is(run):
    text = repr(run)
    for word in (
        "Helmholtz(a=(1.0, 2.0), k=0.5)",
        "RBA 0.999/0.001",
        "8 x 1 tanh",
        "seed 0",
        "complete",
        "float32",
        "relative L2",
        "SNR",
    ):
        assert word in text


def test_provenance(run):
    assert run.provenance["pinnlib"] == pl.__version__
    assert "threads" in run.provenance["device"]
    assert run.provenance["wall_time"] > 0


def test_snapshots_are_the_networks_of_their_steps(run):
    first = run.model(0)
    fresh = pl.models.MLP(2, 1, width=8, depth=1, seed=0)
    assert all((a == b).all() for a, b in zip(first.parameters(), fresh.parameters(), strict=True))
    assert run.snapshots["step"][run.snapshot_at(10**6)] == 12
    assert np.array_equal(run.snapshots["parameters"][-1], run.state["parameters"])
    assert run.snapshots["rba"][0].tolist() == [0.0] * 32


def damaged(run, tmp_path):
    path = run.save(tmp_path / "run.npz")
    whole = path.read_bytes()
    flipped = bytearray(whole)
    with zipfile.ZipFile(path) as archive:  # in the data of an array: elsewhere a bit may mean nothing, such as a date
        (member,) = (m for m in archive.infolist() if m.filename == "state/parameters.npy")
    flipped[member.header_offset + 100 + member.compress_size // 2] ^= 0xFF
    np.savez(tmp_path / "foreign.npz", a=np.arange(3))
    foreign = (tmp_path / "foreign.npz").read_bytes()
    np.savez(tmp_path / "pickled.npz", header=np.array([{"a": 1}], dtype=object), allow_pickle=True)
    return {
        "truncated": whole[: len(whole) // 2],
        "empty": b"",
        "one bit": bytes(flipped),
        "foreign": foreign,
        "text": b"not a run at all",
        "pickle": pickle.dumps({"a": 1}),
        "pickled npz": (tmp_path / "pickled.npz").read_bytes(),
        "bare array": b"\x93NUMPY",
    }


@pytest.mark.parametrize("kind", ["truncated", "empty", "one bit", "foreign", "text", "pickle", "pickled npz", "bare array"])
def test_a_bad_file_is_named_in_one_sentence(run, tmp_path, kind):
    path = tmp_path / "bad.npz"
    path.write_bytes(damaged(run, tmp_path)[kind])
    with pytest.raises(ValueError, match=r"bad\.npz is not a pinnlib run or is damaged .*: make or fetch it again") as caught:
        pl.Run.load(path)
    assert "\n" not in str(caught.value)


def test_missing_file_and_another_format(run, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no run at .*nowhere.npz"):
        pl.Run.load(tmp_path / "nowhere.npz")
    path = run.save(tmp_path / "run.npz")
    with np.load(path) as file:
        arrays = dict(file)
    header = json.loads(str(arrays["header"])) | {"format": "pinnlib run, version 99"}
    np.savez(path, **{**arrays, "header": np.array(json.dumps(header))})
    with pytest.raises(ValueError, match="has version 99 of the format, since pinnlib"):
        pl.Run.load(path)


def test_a_failed_save_keeps_the_old_file(run, tmp_path, monkeypatch):
    path = run.save(tmp_path / "run.npz")
    before = path.read_bytes()

    def full(*arguments, **settings):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez_compressed", full)
    with pytest.raises(OSError, match=r"could not save the run to .*run.npz: No space left on device"):
        run.save(path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["run.npz"]


class Mine(pl.problems.Helmholtz):
    """A user's problem."""


def test_a_users_problem_is_given_on_load(tmp_path):
    path = pl.train(Mine(a=(1, 1)), CONFIG, progress=False).save(tmp_path / "mine.npz")
    alone = pl.Run.load(path)
    assert alone.problem is None
    assert alone.predict(np.zeros((1, 2))).shape == (1, 1)
    with pytest.raises(ValueError, match=r"the run's problem mine is not one of pinnlib's: give it to Run.load"):
        alone.residual()
    with pytest.raises(ValueError, match=r"give it to Run.load"):
        pl.resume(path)
    assert pl.Run.load(path, Mine(a=(1, 1))).residual().shape == (32,)


def rewritten(run, path, change):
    """The run's file with another header."""
    with np.load(run.save(path), allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    header = json.loads(str(arrays["header"]))
    change(header)
    np.savez_compressed(path, **arrays | {"header": np.array(json.dumps(header))})
    return path


def test_what_a_newer_version_wrote_is_refused_by_name(run, tmp_path):
    path = rewritten(run, tmp_path / "a.npz", lambda h: h.update(format="pinnlib run, version 99"))
    with pytest.raises(ValueError, match=r"a\.npz has version 99 of the format, since pinnlib .* wrote it: use that version"):
        pl.Run.load(path)
    path = rewritten(run, tmp_path / "b.npz", lambda h: h["config"].update(warmth=3))
    with pytest.raises(ValueError, match=r"b\.npz has settings that are not known here \(warmth\), since pinnlib"):
        pl.Run.load(path)


def test_settings_that_were_changed_are_noticed(run, tmp_path):
    path = rewritten(run, tmp_path / "a.npz", lambda h: h["config"].update(seed=7))
    with pytest.raises(ValueError, match=r"a\.npz has settings that were changed after it was written"):
        pl.Run.load(path)


def test_version_1_is_read(run, tmp_path):
    def older(header):
        header["format"] = "pinnlib run, version 1"
        del header["settings_hash"]

    assert pl.Run.load(rewritten(run, tmp_path / "a.npz", older)).config == run.config
