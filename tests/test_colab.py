"""A chapter as Colab opens it: the notebook alone in an empty folder, pinnlib from a wheel, records fetched."""

import functools
import http.server
import os
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).parent.parent
# without those whose numbers cannot be made small (the cavity's network dies at its own size), or that need what Colab has
# not; `make notebooks` runs them all
WHOLE = {"03_authors_runs", "08_cavity", "14_transition", "15_bursts", "19_your_pinn", "20_your_equation"}
CHAPTERS = sorted(p for p in (ROOT / "book").glob("*.ipynb") if p.stem not in {*WHOLE, "speed", "published"})
#: What the book is made with, and Colab has not.  `WHOLE` has the one chapter that tries other libraries.
ABSENT = (
    "jupyter_book",
    "jupytext",
    "nbval",
    "sphinx_book_theme",
    "sphinx_exercise",
    "playwright",
    "deepxde",
    "pina",
    "hypothesis",
)
HIDE = """
import importlib.metadata, sys
ABSENT = {absent}
named = importlib.metadata.Distribution.from_name.__func__
def from_name(cls, name):
    if name.replace("-", "_").lower() in ABSENT:
        raise importlib.metadata.PackageNotFoundError(name)
    return named(cls, name)
importlib.metadata.Distribution.from_name = classmethod(from_name)
sys.modules.update(dict.fromkeys(ABSENT))
"""


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass


def build(folder):
    pip = [sys.executable, "-m", "pip", "-q"]
    subprocess.run([*pip, "wheel", "--no-deps", "--no-build-isolation", "-w", folder, ROOT], check=True)
    (built,) = folder.glob("pinnlib-*.whl")
    subprocess.run([*pip, "install", "--no-deps", "--target", folder / "site", built], check=True)


@pytest.fixture(scope="module")
def wheel(once):
    """pinnlib built and installed apart, without the checkout."""
    return once("wheel", build) / "site"


@pytest.fixture
def server():
    handler = functools.partial(Quiet, directory=ROOT / "book" / "records")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


# What else a reader in a hurry would make small: every cell still runs, and `make notebooks` runs them as they are.
FEWER = {
    "06_helmholtz": {r'(?<=snapshots\["step"\]\)), 2\)$': ", 8)"},
    "10_adams_view": {r"12_200, 12_400": "12_020, 12_040", r"\(1, STEPS, 36\)": "(1, STEPS, 9)"},
    "18_compression": {
        r"^SAMPLES = 4_096": "SAMPLES = 512",
        r"^BINS = \(.*\)": "BINS = (2, 5, 30, 500)",
        r"^for name in AUTHORS": "for name in AUTHORS[:1]",
    },
    "13_phases": {
        r"^later = np\.flatnonzero\(step >= 50\)": "later = np.flatnonzero(step >= 50)[::4]",
        r"range\(200\)": "range(20)",
    },
}
# Allen-Cahn goes on from step 12,000
STEPS = {
    "02_signal_and_noise": "600",
    "04_attention": "600",
    "12_chance": "500",
    "10_adams_view": "60",
    "07_allen_cahn": "12_030",
    "17_binning": "60",
}
SIZES = {r"\bwidth=(64|32)\b": "width=16", r"\bpoints=(4_096|2_048|1_024)\b": "points=512"}


def hurried(source, fewer):
    """A cell with smaller numbers, and how often each was found."""
    found = {}
    for pattern, small in fewer.items():
        source, found[pattern] = re.subn(pattern, small, source, flags=re.MULTILINE)
    return source, found


@pytest.mark.slow
@pytest.mark.parametrize("path", CHAPTERS, ids=lambda p: p.stem)
@pytest.mark.filterwarnings("ignore")  # of the kernel's client
def test_notebook_alone(path, wheel, server, tmp_path, monkeypatch):
    shutil.copy(path, tmp_path)
    notebook = nbformat.read(tmp_path / path.name, 4)
    fewer = FEWER.get(path.stem, {})
    changed = dict.fromkeys(fewer, 0)
    for cell in (c for c in notebook.cells if c.cell_type == "code"):
        cell.source, found = hurried(cell.source, fewer)
        changed = {pattern: n + found[pattern] for pattern, n in changed.items()}
        if '"quick": dict(' in cell.source or "small = settings" in cell.source:
            cell.source, _ = hurried(cell.source, SIZES)
        if "parameters" in cell.metadata.get("tags", []):
            (steps,) = re.findall(r'"quick": ([\d_]+)', cell.source)
            few = STEPS.get(path.stem, "30")
            cell.source = cell.source.replace(steps, few)  # as a reader in a hurry would
    assert all(changed.values()), f"name the numbers to make small anew: {changed}"
    notebook.cells.append(nbformat.v4.new_code_cell("print(pl.__file__)"))
    (tmp_path / "hide").mkdir()
    (tmp_path / "hide" / "sitecustomize.py").write_text(HIDE.format(absent=ABSENT))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path / "hide"), str(wheel)]))
    monkeypatch.setenv("PINNLIB_RECORDS", server)
    NotebookClient(notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": tmp_path}}).execute()
    assert str(wheel) in notebook.cells[-1].outputs[0].text
    if any(re.search(r"pl\.records\.(load|kinds|seeds)", c.source) for c in notebook.cells):
        fetched = {p.name for p in (tmp_path / "records").iterdir()}
        assert fetched
        assert fetched <= {p.name for p in (ROOT / "book" / "records").glob("*.npz")}
    else:
        assert not (tmp_path / "records").exists()
    assert not os.path.exists(tmp_path / "pinnlib")
