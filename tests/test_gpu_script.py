"""The one command for a GPU, rehearsed at tiny size: it must not be found broken when there is one."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import pinnlib as pl

ROOT = Path(__file__).parent.parent


def script(*words):
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.gpu", *words], cwd=ROOT, capture_output=True, text=True, check=False, timeout=280
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def test_check_writes_what_the_page_reads(tmp_path):
    script("check", "--tiny", "--out", str(tmp_path))
    made, published = (json.loads(path.read_text()) for path in (tmp_path / "gpu.json", ROOT / "book" / "gpu.json"))
    assert set(made) == set(published)
    assert all(set(row) == set(published["rows"][0]) for row in made["rows"])
    assert max(row["difference"] for row in made["rows"]) < 1e-6


def test_campaign_makes_all_its_runs_and_goes_on(tmp_path):
    said = script("campaign", "--tiny", "--out", str(tmp_path), "--seconds", "200")
    assert "Traceback" not in said
    steps = {path.stem: pl.Run.load(path).step for path in tmp_path.glob("*.npz")}
    assert steps == {
        "authors_allen_cahn_rba": 300,  # first to 100, and after the others from there
        "authors_allen_cahn_rba_at8": 8,
        "authors_allen_cahn_rba_at14": 14,
        "authors_allen_cahn_vanilla": 120,
        "authors_helmholtz_rba": 40,
        "authors_helmholtz_vanilla": 40,
    }


@pytest.mark.parametrize("name", ["allen_cahn", "helmholtz"])
def test_the_published_timings_are_of_the_authors_size(name):
    _, config = pl.book.authors.start(name)
    size = f"{config.width} x {config.depth}, {config.points:,} points"
    rows = json.loads((ROOT / "book" / "gpu.json").read_text())["rows"]
    assert {(row["path"], row["recorded"]) for row in rows if (row["benchmark"], row["size"]) == (name, size)} == {
        (path, recorded) for path in ("eager", "triton") for recorded in (False, True)
    }
