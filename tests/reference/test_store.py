"""Stored solutions: missing or damaged, one sentence; the command makes them."""

import numpy as np
import pytest

from pinnlib.reference import __main__ as command
from pinnlib.reference import store


def test_round_trip_leaves_no_temporary_file(tmp_path):
    path = store.save("a", {"x": np.arange(3.0)}, tmp_path)
    assert store.load("a", tmp_path)["x"].tolist() == [0.0, 1.0, 2.0]
    assert list(tmp_path.iterdir()) == [path]


def test_missing_and_damaged(tmp_path):
    with pytest.raises(
        ValueError, match=r"reference solution .*a.npz is missing: make it again with python -m pinnlib.reference a"
    ):
        store.load("a", tmp_path)
    path = store.save("a", {"x": np.arange(3.0)}, tmp_path)
    for content in (path.read_bytes()[:-40], b"", b"text"):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"a.npz is damaged .*: make it again") as caught:
            store.load.__wrapped__("a", tmp_path)
        assert "\n" not in str(caught.value)


def test_the_command(tmp_path, monkeypatch, capsys):
    assert command.main(["navier"]) == 1
    assert "no reference is called navier: the stored ones are allen_cahn" in capsys.readouterr().err
    monkeypatch.setattr(store, "save", lambda name, arrays: store.FOLDER / f"{name}.npz")
    assert command.main(["allen_cahn"]) == 0
    assert "kB" in capsys.readouterr().out
