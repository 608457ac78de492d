"""Published runs: found beside the notebook, else fetched and checked; from a local server."""

import functools
import http.server
import json
import re
import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest

import pinnlib as pl
from pinnlib import records

CONFIG = pl.Config(width=4, depth=1, points=8, data_points=8, batches=2, steps=3, device="cpu")


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass


@pytest.fixture
def published(tmp_path, monkeypatch):
    """A server with one record, and a library that knows its digest."""
    folder = tmp_path / "server"
    path = pl.train(pl.problems.Helmholtz(), CONFIG, progress=False).save(folder / "tiny.npz")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("PINNLIB_RECORDS", f"http://127.0.0.1:{server.server_port}")
    digests = {"tiny": records.digest(path)}
    monkeypatch.setattr(records, "_digests", lambda: digests)
    yield path
    server.shutdown()
    server.server_close()


def assert_short(error):
    """One sentence, and nothing chained above it in a traceback."""
    assert "\n" not in str(error)
    assert error.__suppress_context__
    assert error.__cause__ is None


def test_fetched_once_then_found(published, tmp_path):
    here = tmp_path / "records"
    assert records.load("tiny", here).step == 3
    published.unlink()
    assert records.load("tiny", here).step == 3
    assert [p.name for p in here.iterdir()] == ["tiny.npz"]


def test_wrong_digest_is_one_sentence_and_keeps_nothing(published, tmp_path):
    published.write_bytes(published.read_bytes() + b"x")
    with pytest.raises(ValueError, match=r"the record tiny at http://127.* has another digest than was published") as caught:
        records.load("tiny", tmp_path / "records")
    assert_short(caught.value)
    assert not (tmp_path / "records").exists()


def test_no_network_is_one_sentence(published, tmp_path, monkeypatch):
    monkeypatch.setenv("PINNLIB_RECORDS", "http://127.0.0.1:9")
    with pytest.raises(
        ConnectionError, match=r"the record tiny is not in .* and could not be fetched from http://127.0.0.1:9"
    ) as caught:
        records.load("tiny", tmp_path / "new" / "records")
    assert_short(caught.value)
    assert not (tmp_path / "new").exists()


def test_a_folder_that_was_there_stays(published, tmp_path, monkeypatch):
    monkeypatch.setenv("PINNLIB_RECORDS", "http://127.0.0.1:9")
    (tmp_path / "old").mkdir()
    with pytest.raises(ConnectionError):
        records.load("tiny", tmp_path / "old" / "records")
    assert [p.name for p in tmp_path.iterdir() if p.name != "server"] == ["old"]
    assert not list((tmp_path / "old").iterdir())


@pytest.mark.parametrize("here", [".", "book", "tests", "tests/deep", "book/records"])
def test_found_from_anywhere_in_the_repository(published, tmp_path, monkeypatch, here):
    for folder in ("repository/book/records", "repository/tests/deep"):
        (tmp_path / folder).mkdir(parents=True)
    published.rename(tmp_path / "repository" / "book" / "records" / "tiny.npz")
    monkeypatch.chdir(tmp_path / "repository" / here)
    assert records.load("tiny").step == 3
    with pytest.raises(ConnectionError, match=r"is not in elsewhere/"):
        records.load("tiny", folder="elsewhere")


def test_what_is_fetched_goes_where_records_are(published, tmp_path, monkeypatch):
    alone, inside = tmp_path / "alone", tmp_path / "repository" / "tests"
    for folder in (alone, inside, inside.parent / "book" / "records"):
        folder.mkdir(parents=True)
    for here in (alone, inside):
        monkeypatch.chdir(here)
        assert records.load("tiny").step == 3
    assert [p.name for p in alone.rglob("*.npz")] == ["tiny.npz"]
    assert (alone / "records" / "tiny.npz").exists()
    assert (inside.parent / "book" / "records" / "tiny.npz").exists()
    assert not list(inside.iterdir())


def test_an_empty_folder_beside_hides_nothing(published, tmp_path, monkeypatch):
    (tmp_path / "records").mkdir()
    (tmp_path / "book" / "records").mkdir(parents=True)
    published.rename(tmp_path / "book" / "records" / "tiny.npz")
    monkeypatch.chdir(tmp_path)
    assert records.load("tiny").step == 3


def test_many_are_fetched_at_once(published, tmp_path, monkeypatch, capsys):
    """The server answers nobody before four have asked."""
    together = threading.Barrier(4, timeout=30)
    answer = Quiet.do_GET

    def late(self):
        together.wait()
        answer(self)

    monkeypatch.setattr(Quiet, "do_GET", late)
    digest = records.digest(published)
    for k in range(8):
        (published.parent / f"many_seed{k}.npz").write_bytes(published.read_bytes())
    digests = {f"many_seed{k}": digest for k in range(8)}
    monkeypatch.setattr(records, "_digests", lambda: digests)
    assert records.fetch("many_seed0", "many_seed1", "many_seed2", "many_seed3", folder=tmp_path / "records") == 4
    assert records.fetch(folder=tmp_path / "records") == 4
    assert records.fetch(folder=tmp_path / "records") == 0
    assert len(list((tmp_path / "records").iterdir())) == 8
    monkeypatch.chdir(tmp_path / "server")
    assert len(records.seeds("many", range(8))) == 8
    with pytest.raises(ValueError, match="no record's name begins with 'few': the published ones are many_seed0, "):
        records.fetch("few")


def test_ctrl_c_does_not_wait_for_the_queue(published, tmp_path, monkeypatch):
    asked = []

    def interrupted(name, folder):
        asked.append(name)
        time.sleep(0.05)
        raise KeyboardInterrupt

    monkeypatch.setattr(records, "_fetch", interrupted)
    with pytest.raises(KeyboardInterrupt):
        records._bring([f"many_seed{k}" for k in range(200)], tmp_path / "records")
    assert len(asked) < 200


def test_missing_on_the_server(published, tmp_path):
    published.unlink()
    with pytest.raises(ConnectionError, match="could not be fetched"):
        records.load("tiny", tmp_path / "records")


def test_unknown_name_lists_the_known_ones(published):
    with pytest.raises(ValueError, match="no record is called 'huge': the published ones are tiny"):
        records.load("huge")


def test_address_and_registry(tmp_path, monkeypatch):
    monkeypatch.delenv("PINNLIB_RECORDS", raising=False)
    raw = "https://raw.githubusercontent.com/learning-in-pinns/learning-in-pinns"
    for version, place in (("1.2.0", "v1.2.0"), ("1.3.0.dev0", "main")):
        monkeypatch.setattr(records, "__version__", version)
        assert records.url("a") == f"{raw}/{place}/book/records/a.npz"
    (tmp_path / "a.npz").write_bytes(b"abc")
    found = records.register(tmp_path, tmp_path / "r.json")
    assert found == {"a": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"}
    assert json.loads((tmp_path / "r.json").read_text()) == found


@pytest.fixture
def five(monkeypatch):
    """Records that name themselves in place of published ones."""
    monkeypatch.setattr(records, "load", lambda name: name)


def test_seeds_and_kinds_by_their_names(five):
    assert records.seeds("burgers_rba", (0, 3)) == ["burgers_rba_seed0", "burgers_rba_seed3"]
    assert len(records.seeds("burgers_rba")) == 5
    assert records.kinds("a", seeds=iter((0, 1))) == {
        "vanilla": ["a_vanilla_seed0", "a_vanilla_seed1"],
        "RBA": ["a_rba_seed0", "a_rba_seed1"],
    }
    assert records.kinds("a", ("ramp",), (2,)) == {"ramp": ["a_ramp_seed2"]}


def test_runs_whose_whole_name_matches(five, monkeypatch):
    every = ("a_rba_seed1", "a_rba_seed0", "a_rba_seed0_lr0.1", "b_rba_seed0")
    monkeypatch.setattr(records, "_digests", lambda: dict.fromkeys(every, "?"))
    monkeypatch.setattr(records, "_have", lambda wanted: None)
    assert records.matching(r"a_rba_seed\d") == ["a_rba_seed0", "a_rba_seed1"]
    with pytest.raises(ValueError, match=r"no record's whole name matches 'a_rba': the published ones are a_rba_seed0, "):
        records.matching("a_rba")
    with pytest.raises(ValueError, match=r"'\(a' is no regular expression: missing \)"):
        records.matching("(a")


def test_an_unpublished_seed_is_refused(published):
    with pytest.raises(ValueError, match="no record is called 'tiny_seed0'"):
        records.seeds("tiny")


def test_over_seeds_has_a_row_a_run():
    runs = [SimpleNamespace(history={"snr": np.array(series)}) for series in ([1.0, 9.0, 2.0, 3.0], [4.0, 4.0, 0.0, 4.0])]
    assert records.over_seeds(runs, "snr").tolist() == [[1.0, 9.0, 2.0, 3.0], [4.0, 4.0, 0.0, 4.0]]
    assert records.over_seeds(runs, "snr", window=3).tolist() == [[5.0, 2.0, 3.0, 2.5], [4.0, 4.0, 4.0, 2.0]]
    with pytest.raises(ValueError, match="odd number"):
        records.over_seeds(runs, "snr", window=2)
    with pytest.raises(KeyError):
        records.over_seeds(runs, "rel_l2")


def test_the_kinds_of_the_plan_have_the_runs_that_it_names():
    """Ten from the authors' start, seven of other starts and seven of Allen-Cahn; five seeds of each small kind."""
    names = records.names()
    counts = {kind: sum(bool(re.fullmatch(pattern, name)) for name in names) for kind, pattern in records.STUDIED.items()}
    assert list(counts.values()) == [10, 7, 7, *[5] * 10]
