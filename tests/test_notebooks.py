"""What holds for every notebook: it agrees with its .py, was run, and has something to compare."""

import re
from pathlib import Path

import jupytext
import nbformat
import pytest

from pinnlib import Run, __main__
from tests import strip

BOOK = Path(__file__).parent.parent / "book"
NOTEBOOKS = sorted(BOOK.glob("*.ipynb"))
IGNORED = {"nbval-ignore-output", "nbval-skip"}


def tags(cell):
    return set(cell.metadata.get("tags", []))


def code(path):
    return [c for c in nbformat.read(path, 4).cells if c.cell_type == "code" and c.source.strip()]


def shape(path):
    return [(c.cell_type, c.source, sorted(tags(c)), c.metadata.get("mystnb")) for c in jupytext.read(path).cells]


def test_there_are_notebooks():
    assert NOTEBOOKS
    assert {p.stem for p in NOTEBOOKS} == {p.stem for p in BOOK.glob("*.py")}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
class TestNotebook:
    def test_agrees_with_its_text(self, path):
        assert shape(path) == shape(path.with_suffix(".py")), "run: make sync"

    def test_was_run_from_start_to_end(self, path):
        cells = code(path)
        assert [c.execution_count for c in cells] == list(range(1, len(cells) + 1))
        assert not [o for c in cells for o in c.outputs if o.output_type == "error"]

    def test_has_compared_cells(self, path):
        compared = [
            c
            for c in code(path)
            if not tags(c) & IGNORED and any(o.get("name") == "stdout" or "text/markdown" in o.get("data", {}) for o in c.outputs)
        ]
        assert compared

    def test_keeps_no_progress_bars(self, path):
        assert not [o for c in code(path) for o in c.outputs if o.get("name") == "stderr"], "run: make execute"

    def test_is_small(self, path):
        assert path.stat().st_size < 1_500_000

    def test_cells_are_short(self, path):
        assert [c.source for c in code(path) if len(c.source.splitlines()) > 25] == []

    def test_figures_have_captions_and_alternative_text(self, path):
        for cell in code(path):
            data = [o.data for o in cell.outputs if "data" in o]
            if any("image/png" in d for d in data):
                meta = cell.metadata["mystnb"]
                assert meta["figure"]["caption"]
                assert meta["figure"]["name"].startswith("fig-")
                assert len(meta["image"]["alt"]) > 20
            for d in data:
                html = d.get("text/html", "")
                assert html.count("<img ") == html.count("<img alt=")

    def test_colab_gets_a_gpu(self, path):
        metadata = nbformat.read(path, 4).metadata
        assert metadata["accelerator"] == "GPU"
        assert metadata["kernelspec"]["name"] == "python3"

    def test_no_magics(self, path):
        assert not [c.source for c in code(path) if c.source.lstrip().startswith(("%", "!"))]


def test_the_welcome_page_quotes_the_chapters():
    """Numbers in bold on the welcome page stand in a chapter's stored output, letter by letter."""
    chapter = "\n".join(
        o.get("text", "") + o.get("data", {}).get("text/markdown", "")
        for path in NOTEBOOKS
        for c in code(path)
        for o in c.outputs
    )
    quoted = re.findall(r"\| [^|]*?\*\*([^*]+)\*\*", (BOOK / "welcome.md").read_text())
    assert len(quoted) >= 4
    assert [q for q in quoted if q not in chapter] == []


def test_the_welcome_page_shows_the_figure_of_the_scorecard():
    name, figure, kept = strip.SUMMARY
    assert kept.name in (BOOK / "welcome.md").read_text()
    assert (BOOK.parent / kept).read_bytes() == strip.image(nbformat.read(BOOK / name, 4), figure), "run: make execute"


def test_the_commands_on_the_pages_remake_the_records():
    """A command that a chapter gives for a record has exactly that record's settings."""
    found = 0
    for path in BOOK.glob("*.py"):
        text = path.read_text().replace("\\\n#", " ")
        for line in re.findall(r"^# python -m pinnlib (train .*)$", text, flags=re.MULTILINE):
            if ":" in line.split()[1]:  # a reader's own problem
                continue
            options = __main__._parser().parse_args(line.split())
            problem, config = __main__._settings(options)
            record = Run.load(BOOK / "records" / options.out.name)
            assert config == record.config
            assert repr(problem) == repr(record.problem)
            found += 1
    assert found >= 1
