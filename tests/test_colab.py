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
CHAPTERS = sorted((ROOT / "book").glob("[0-9]*.ipynb"))


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """pinnlib built and installed apart, without the checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "-q"]
    subprocess.run([*pip, "wheel", "--no-deps", "--no-build-isolation", "-w", folder, ROOT], check=True)
    (built,) = folder.glob("pinnlib-*.whl")
    subprocess.run([*pip, "install", "--no-deps", "--target", folder / "site", built], check=True)
    return folder / "site"


@pytest.fixture
def server():
    handler = functools.partial(Quiet, directory=ROOT / "book" / "records")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda p: p.stem)
@pytest.mark.filterwarnings("ignore")  # of the kernel's client
def test_notebook_alone(path, wheel, server, tmp_path, monkeypatch):
    shutil.copy(path, tmp_path)
    notebook = nbformat.read(tmp_path / path.name, 4)
    for cell in notebook.cells:
        if "parameters" in cell.metadata.get("tags", []):
            (steps,) = re.findall(r'"quick": ([\d_]+)', cell.source)
            few = "12_060" if path.stem == "05_allen_cahn" else "60"  # which goes on from a checkpoint at 12,000
            cell.source = cell.source.replace(steps, few)  # as a reader in a hurry would
    notebook.cells.append(nbformat.v4.new_code_cell("print(pl.__file__)"))
    monkeypatch.setenv("PYTHONPATH", str(wheel))
    monkeypatch.setenv("PINNLIB_RECORDS", server)
    NotebookClient(notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": tmp_path}}).execute()
    assert str(wheel) in notebook.cells[-1].outputs[0].text
    if any("pl.records." in c.source for c in notebook.cells):
        fetched = {p.name for p in (tmp_path / "records").iterdir()}
        assert len(fetched) >= 10
        assert fetched <= {p.name for p in (ROOT / "book" / "records").glob("*.npz")}
    else:
        assert not (tmp_path / "records").exists()
    assert not os.path.exists(tmp_path / "pinnlib")
