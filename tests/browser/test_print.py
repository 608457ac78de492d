"""Two pages of the book on paper."""

import subprocess
import sys

from conftest import HTML
from pinnlib.book import print_pdf


def test_two_chapters_make_a_pdf(tmp_path):
    out = tmp_path / "book.pdf"
    command = [sys.executable, "-m", "pinnlib.book.print_pdf", str(HTML), str(out), "notation", "status"]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    count, places = print_pdf.pages_of(out.read_bytes())
    assert count >= 4
    assert f"{count} pages" in said
    assert 2 < places["notation"] < places["status"] <= count
    assert not (HTML / "print.html").exists()
