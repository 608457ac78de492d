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
CHAPTERS = sorted(BOOK.glob("[0-9]*.ipynb"))
IGNORED = {"nbval-ignore-output", "nbval-skip"}
FOLDED = {"hide-input", "hide-cell", "remove-input", "remove-cell"}


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


def visible(path):
    """Code that a reader sees without unfolding it."""
    return [c for c in code(path) if not tags(c) & FOLDED]


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda p: p.stem)
class TestChapter:
    def test_opens_with_what_a_reader_will_be_able_to_do(self, path):
        first = next(c.source for c in nbformat.read(path, 4).cells if c.cell_type == "markdown")
        promises = re.search(r"\*\*You will be able to\*\*\n\n((?:- .+\n(?:  .+\n)*)+)", first)
        assert promises
        assert len(re.findall(r"^- ", promises[1], flags=re.MULTILINE)) == 3
        for lead in ("Question", "Before", "Time"):
            assert f"**{lead}.**" in first

    def test_closes_with_three_takeaways(self, path):
        text = "\n".join(c.source for c in nbformat.read(path, 4).cells if c.cell_type == "markdown")
        _, _, rest = text.partition("**Three takeaways**")
        assert re.findall(r"^(\d)\. ", rest, flags=re.MULTILINE)[:3] == ["1", "2", "3"]

    def test_every_exercise_has_a_solution_and_one_checks_itself(self, path):
        text = path.with_suffix(".py").read_text()
        labels = re.findall(r"^# :label: (ex-[\w-]+)$", text, flags=re.MULTILINE)
        assert labels
        assert sorted(labels) == sorted(re.findall(r"\{solution\} (ex-[\w-]+)$", text, flags=re.MULTILINE))
        assert "exercises.check(answer" in text

    def test_visible_code_fits_a_page(self, path):
        assert [line for c in visible(path) for line in c.source.splitlines() if len(line) > 88] == []

    def test_lines_for_tests_are_folded(self, path):
        seen = [o.get("text", "") for c in code(path) if not tags(c) & {"hide-cell", "hide-output"} for o in c.outputs]
        assert re.findall(r"^.*: (?:True|False)$", "\n".join(seen), flags=re.MULTILINE) == []

    def test_no_number_at_the_start_of_a_line_becomes_a_list(self, path):
        text = [c.source for c in nbformat.read(path, 4).cells if c.cell_type == "markdown"]
        assert [m for t in text for m in re.findall(r"(?m)^(?! *[-*|:>`#]| *\d+\. )(?=\S).*\n1\. .*", t)] == []

    def test_figures_name_no_files(self, path):
        folder = BOOK / "records"
        stamps = re.findall(r"figures\.stamp\(([^()]*)", "\n".join(c.source for c in code(path)))
        assert not [s for s in stamps if re.search(r"records? \w+_|\w+_\*", s) or any(p.stem in s for p in folder.glob("*.npz"))]


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
