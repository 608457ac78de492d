"""Damaged and made-up files: each is refused in a sentence, or harmless; none is unpickled, and none takes much memory."""

import json
import random
import tracemalloc
import zipfile

import numpy as np
import pytest

import pinnlib as pl
from pinnlib.runs import file_format
from tests import hostile

pytestmark = pytest.mark.filterwarnings("ignore:Duplicate name")  # of the files that are made here


@pytest.fixture(scope="module")
def run():
    return hostile.small_run()


def test_damaged_and_made_up_runs():
    told = hostile.read(0, 1_500, hostile.maker(), hostile.look, "hostile.npz")
    assert told["refused"] > 1_000
    assert told["read"] > 100  # what changes a number or a word does no harm


def test_lists_with_something_wrong():
    told = hostile.read(0, 500, hostile.list_changed, hostile.look_at_list, "list.toml")
    assert told["refused"] > 300
    assert told["read"] > 20


def refused_at_once(path, load, most):
    """Load a file that is refused, in at most so many bytes."""
    tracemalloc.start()
    try:
        load(path)
    finally:
        largest = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert largest < most


BOMBS = {
    "zeros": (lambda rng: [("bomb.npy", bytes(2**28))], "bytes would unpack to 268,435,456"),
    "a promise": (
        lambda rng: [("header.npy", hostile.lying((10**15,), rng))],
        "another size than its shape|neither numbers nor text",
    ),
    "twice": (lambda rng: [("a.npy", np.zeros(3))] * 2, "two of its arrays have the same name"),
}


@pytest.mark.parametrize("load", [pl.Run.load, pl.Monitor.load_history])
@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_before_it_grows(name, load, tmp_path):
    parts, says = BOMBS[name]
    path = tmp_path / "bomb.npz"
    path.write_bytes(hostile.packed(parts(random.Random(0))))
    with pytest.raises(ValueError, match=says):
        refused_at_once(path, load, 20e6)


@pytest.mark.parametrize("load", [pl.Run.load, pl.Monitor.load_history])
@pytest.mark.parametrize("packing", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_what_numpy_would_not_pack_is_not_unpacked(packing, load, tmp_path):
    """The unpackers of these fail as a disk does, and one takes as much memory as a file tells it to."""
    path = tmp_path / "odd.npz"
    with zipfile.ZipFile(path, "w", packing) as file:
        file.writestr("header.npy", bytes(2_000))
    path.write_bytes(path.read_bytes().replace(bytes(20), b"damaged" * 3))
    with pytest.raises(ValueError, match=r"odd\.npz is not .*header\.npy is packed in another way than numpy's"):
        refused_at_once(path, load, 20e6)


def deep(parts):
    """A billion layers, with a digest that fits: they are not listed to be counted."""
    header = json.loads(str(parts["header"]))
    header["config"]["depth"] = 10**9
    header["settings_hash"] = file_format._settings_hash(header["problem"], header["config"])
    return {"header": np.array(json.dumps(header))}


def blocks(parts):
    """Each block of a compact run would become 256 numbers."""
    return {f"coded/rba/{part}": np.zeros(2**19) for part in ("low", "span")}


@pytest.mark.parametrize(("crafted", "says"), [(deep, "parameters has the shape"), (blocks, "blocks of shape")])
def test_what_would_grow_after_it_was_unpacked_is_refused(run, crafted, says, tmp_path):
    path = run.compacted(rows=8).save(tmp_path / "run.npz")
    with np.load(path) as file:
        parts = dict(file)
    np.savez(path, **parts | crafted(parts))
    with pytest.raises(ValueError, match=says):
        refused_at_once(path, pl.Run.load, 60e6)


def test_a_file_that_may_not_be_read_is_not_called_damaged(tmp_path, monkeypatch):
    path = tmp_path / "run.npz"
    path.write_bytes(b"")

    def refused(self):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(type(path), "read_bytes", refused)
    for load in (pl.Run.load, pl.Monitor.load_history):
        with pytest.raises(PermissionError):
            load(path)
