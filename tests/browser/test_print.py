"""Two pages of the book on paper."""

from pathlib import Path

from conftest import HTML
from pinnlib.book import print_pdf


def test_two_chapters_make_a_pdf(tmp_path):
    out = tmp_path / "book.pdf"
    count = print_pdf.print_book(HTML, out, ["notation", "status"])
    sheets, places = print_pdf.pages_of(out.read_bytes())
    assert sheets == count >= 4
    assert out.read_bytes().startswith(b"%PDF")
    assert 2 < places["notation"] < places["status"] <= count
    assert not (Path(HTML) / "print.html").exists()
