"""Damaged and made-up files: each is refused in a sentence, or harmless; none is unpickled, and none takes much memory."""

import functools
import random

import numpy as np
import pytest

import pinnlib as pl
from tests import hostile

pytestmark = pytest.mark.filterwarnings("ignore:Duplicate name")  # of the files that are made here


@pytest.fixture(scope="module")
def whole():
    return hostile.whole()


def test_damaged_and_made_up_runs(whole):
    files = functools.partial(hostile.hostile, whole=whole)
    told = hostile.read(0, 1_500, files, hostile.look, "hostile.npz")
    assert told["refused"] > 1_000
    assert told["read"] > 100  # what changes a number or a word does no harm


def test_lists_with_something_wrong(whole):
    told = hostile.read(0, 500, hostile.list_changed, hostile.look_at_list, "list.toml")
    assert told["refused"] > 300
    assert told["read"] > 20


BOMBS = {
    "zeros": lambda rng: [("bomb.npy", bytes(2**28))],
    "a promise": lambda rng: [("header.npy", hostile.lying((10**15,), rng))],
    "twice": lambda rng: [("a.npy", np.zeros(3))] * 2,
}


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("zeros", "bytes would unpack to 268,435,456"),
        ("a promise", "has another size than its shape|neither numbers nor text"),
        ("twice", "two of its arrays have the same name"),
    ],
)
def test_a_bomb_is_refused_before_it_grows(name, says, tmp_path):
    data = hostile.packed(BOMBS[name](random.Random(0)))
    told = hostile.read(0, 1, lambda _: data, hostile.look, "bomb.npz", measured=True)
    assert told["largest"] < 20e6
    path = tmp_path / "bomb.npz"
    path.write_bytes(data)
    with pytest.raises(ValueError, match=says):
        pl.Run.load(path)
