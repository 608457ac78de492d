"""The whole book as one PDF, from its built pages: ``python -m pinnlib.book.print_pdf _build/html _build/book.pdf``.

The articles of the pages stand one after the other in a single page, with the links between them led to each other, and a
headless Chromium prints it: twice, since only the first print knows on which page a chapter begins.  Folded code is left out,
and so are the pages below another one, which are for looking things up; of what moves one picture stays.  Nothing is fetched.
"""

from __future__ import annotations

import html
import posixpath
import re
import shutil
import sys
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote, urldefrag, urljoin

if TYPE_CHECKING:
    from bs4 import BeautifulSoup, Tag

__all__ = ["Chapter", "article", "assemble", "contents", "pages_of", "print_book"]

#: What paper cannot do, or has no use for.
SPARE = "script, style, noscript, input, button, a.headerlink, .viewcode-link, .toctree-wrapper, .anim-controls"
SPARE += ", section#references"  # it leads to the bibliography, which is a part of the same book

#: The width of the text on paper in pixels of the browser, 96 to an inch: A4 less the margins of ``print.css``.
WIDTH = 650

# Formulas and tables that are wider than the text are made smaller until they fit.
FIT = """(width) => {
  for (const wide of document.querySelectorAll("table, mjx-container[display='true']")) {
    const room = Math.min(width, wide.parentElement.clientWidth || width);
    if (wide.scrollWidth > room) wide.style.zoom = Math.max(0.5, room / wide.scrollWidth);
  }
}"""

_BOOK = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<link rel="stylesheet" href="_static/pygments.css"><link rel="stylesheet" href="_static/print.css">
<style>{heads}</style>
<script>window.MathJax = {{options: {{processHtmlClass: "math|output_area", ignoreHtmlClass: "tex2jax_ignore",
  menuOptions: {{settings: {{assistiveMml: false}}}}}}}}</script>
<script defer src="_static/mathjax/tex-mml-chtml.js"></script></head>
<body><header class="title"><h1>{title}</h1><p>{author}</p><p class="how">Printed from the book's pages.
Code that draws or checks is left out here, and so is the reference of the library; the pages have both.</p></header>
<nav><h2>Contents</h2>{toc}</nav>
{body}</body></html>"""


class Chapter(NamedTuple):
    """A page of the book in its order."""

    #: where it lies, below the folder of all pages
    path: str
    title: str
    #: the part of the book that begins with it, or nothing
    part: str = ""
    #: 0 for a page of the table of contents, 1 for one below such a page
    depth: int = 0

    @property
    def name(self) -> str:
        """What its anchors begin with."""
        return posixpath.basename(self.path).removesuffix(".html")


def _soup(path: Path) -> BeautifulSoup:
    from bs4 import BeautifulSoup

    return BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")


def contents(folder: Path) -> list[Chapter]:
    """All pages in the order of the sidebar.

    Args:
        folder: of the built pages, with ``index.html``.

    Raises:
        FileNotFoundError: there is no built book.
    """
    index = folder / "index.html"
    if not index.is_file():
        raise FileNotFoundError(f"{index} is not there: build the book first, with make book")
    root = re.search(r"url=([^\"]+)", index.read_text(encoding="utf-8"))
    first = root[1].strip() if root else "index.html"
    found, part = [], ""
    for item in _soup(folder / first).select("nav.bd-links p.caption, nav.bd-links li > a"):
        if item.name == "p":
            part = item.get_text(strip=True)
            continue
        path = posixpath.normpath(urldefrag(urljoin(first, str(item["href"])))[0])
        depth = len(item.find_parents("ul")) - 1
        found.append(Chapter(path, " ".join(item.get_text().split()), part, depth))
        part = ""
    return found


def article(soup: BeautifulSoup, chapter: Chapter, book: Mapping[str, str]) -> Tag:
    """The article of a page, ready to stand among others.

    Every anchor begins with the chapter's name; links to pages of the book lead to the anchors of those, links to other files
    become plain text, pictures are found from the folder of all pages.

    Args:
        soup: the built page.
        chapter: which one it is.
        book: the chapters' names by their paths.

    Raises:
        ValueError: the page has no article.
    """
    text = soup.select_one("article.bd-article")
    if text is None:
        raise ValueError(f"{chapter.path} has no article")
    _lighten(soup, text)
    for tag in text.find_all(True):
        if tag.find_parent("svg") is not None:
            continue  # its names are unique, and parts of it use each other
        if "id" in tag.attrs:
            tag["id"] = f"{chapter.name}--{tag['id']}"
        for reference in ("for", "aria-labelledby", "aria-describedby"):
            tag.attrs.pop(reference, None)
        if tag.name == "img" and not str(tag.get("src", "")).startswith("data:"):
            tag["src"] = posixpath.normpath(urljoin(chapter.path, str(tag.get("src", ""))))
        if tag.name == "a" and "href" in tag.attrs:
            _relink(tag, chapter.path, book)
    text.name = "section"
    text["class"] = "chapter"
    text["id"] = chapter.name
    if chapter.part:
        part = soup.new_tag("p", attrs={"class": "part"})
        part.string = chapter.part
        text.insert(0, part)
    return text


def _lighten(soup: BeautifulSoup, text: Tag) -> None:
    """Take out of an article what paper cannot do, or has no use for."""
    for movie in text.select("div.animation"):
        _still(soup, movie)
    for spare in text.select(SPARE):
        spare.decompose()
    for folded in text.select("details.hide"):  # code goes; tables that are long on a screen are not too long for paper
        folded.replace_with(*folded.select("table"))
    for dropdown in text.select("details"):
        dropdown["open"] = ""
    for cell in text.select("div.cell"):
        if not cell.get_text(strip=True) and cell.find(["img", "svg"]) is None:
            cell.decompose()


def _relink(link: Tag, path: str, book: Mapping[str, str]) -> None:
    href = str(link["href"])
    if re.match(r"[a-z]+:", href):
        return
    target, anchor = urldefrag(urljoin(path, href))
    target = posixpath.normpath(target)
    if target in book:
        link["href"] = f"#{book[target]}--{unquote(anchor)}" if anchor else f"#{book[target]}"
    else:
        link.unwrap()


def _still(soup: BeautifulSoup, movie: Tag) -> None:
    """The last frame in the place of an animation; its frames stand in the script beside it."""
    around = movie.parent or movie
    frames = re.findall(r'frames\[\d+\] = "(data:image/[^"]+)"', around.decode().replace("\\\n", ""))
    image = movie.find("img")
    if not frames or image is None:
        movie.decompose()
        return
    movie.replace_with(soup.new_tag("img", attrs={"src": frames[-1], "alt": str(image.get("alt", ""))}))


def assemble(folder: Path, only: Collection[str] | None = None, pages: Mapping[str, int] | None = None) -> str:
    """The book as one page.

    Args:
        folder: of the built pages.
        only: names of chapters; None for all but the pages below another page.
        pages: on which sheet each chapter begins, for the table of contents.

    Raises:
        ValueError: there is no such chapter.
    """
    chapters = contents(folder)
    title = chapters[0].title
    author = _soup(folder / chapters[0].path).select_one(".component-author")
    if only is not None and (lost := set(only) - {c.name for c in chapters}):
        raise ValueError(f"there is no chapter {sorted(lost)[0]}; there are {', '.join(c.name for c in chapters)}")
    chapters = [c for c in chapters if (c.depth == 0 if only is None else c.name in only)]
    book = {c.path: c.name for c in chapters}
    return _BOOK.format(
        title=html.escape(title),
        author=html.escape(" ".join(author.get_text().split())) if author else "",
        heads="".join(_head(c) for c in chapters),
        toc=_table(chapters, pages or {}),
        body="\n".join(article(_soup(folder / c.path), c, book).decode() for c in chapters),
    )


def _head(chapter: Chapter) -> str:
    """The title of a chapter at the top of its sheets."""
    name = f"c-{chapter.name}".replace("_", "-")
    title = chapter.title.replace("\\", "").replace('"', "\\22 ").replace("<", "\\3c ")
    return f'#{_escaped(chapter.name)} {{page: {name}}} @page {name} {{@top-left {{content: "{title}"}}}}\n'


def _escaped(name: str) -> str:
    """A name as a selector has it: no digit at its beginning."""
    return f"\\3{name[0]} {name[1:]}" if name[0].isdigit() else name


def _table(chapters: Sequence[Chapter], pages: Mapping[str, int]) -> str:
    rows = []
    for c in chapters:
        if c.part:
            rows.append(f'<p class="part">{html.escape(c.part)}</p>')
        number = f'<span class="page">{pages[c.name]}</span>' if c.name in pages else '<span class="page"></span>'
        rows.append(f'<p class="entry depth-{c.depth}"><a href="#{c.name}">{html.escape(c.title)}</a>{number}</p>')
    return "\n".join(rows)


def pages_of(pdf: bytes) -> tuple[int, dict[str, int]]:
    """How many sheets a PDF of Chromium has, and on which its anchors lie, from 1."""
    trees = re.findall(rb"/Type /Pages\s*/Count \d+\s*/Kids \[([^\]]*)\]", pdf)
    sheets = [int(n) for kids in trees for n in re.findall(rb"(\d+) 0 R", kids)]
    leaves = {int(n) for n in re.findall(rb"(?m)^(\d+) 0 obj\s*<</Type /Page\b(?!s)", pdf)}
    order = {n: k for k, n in enumerate((n for n in sheets if n in leaves), start=1)}
    places = re.findall(rb"/([^\s/\[\]]+) \[(\d+) 0 R /XYZ", pdf)
    names = {re.sub(r"#([0-9A-Fa-f]{2})", lambda m: chr(int(m[1], 16)), name.decode()): int(n) for name, n in places}
    return len(order), {name: order[n] for name, n in names.items() if n in order}


def print_book(folder: Path, out: Path, only: Collection[str] | None = None) -> int:
    """Print the book, or some of its chapters.

    Args:
        folder: of the built pages; one page is written there for the time of printing.
        out: the PDF.
        only: names of chapters; None for all but the pages below another page.

    Returns:
        The number of its pages.

    Raises:
        FileNotFoundError: there is no built book, or no Chromium.
        ValueError: there is no such chapter.
    """
    from playwright.sync_api import sync_playwright

    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if browser is None:
        raise FileNotFoundError("there is no Chromium to print with: install chromium, and run make pdf again")
    whole, part = folder / "print.html", out.with_suffix(".part")
    pages: dict[str, int] = {}
    try:
        with sync_playwright() as playwright:
            chromium = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox", "--disable-gpu"])
            page = chromium.new_page(viewport={"width": WIDTH, "height": 900})
            page.set_default_timeout(600_000)
            page.emulate_media(media="print")
            for _ in range(2):
                whole.write_text(assemble(folder, only, pages), encoding="utf-8")
                page.goto(whole.absolute().as_uri())
                page.evaluate("() => MathJax.startup.promise")
                page.evaluate(FIT, WIDTH)
                page.pdf(path=part, prefer_css_page_size=True, print_background=True, tagged=True, outline=True)
                count, pages = pages_of(part.read_bytes())
            chromium.close()
        part.replace(out)
    finally:
        whole.unlink(missing_ok=True)
        part.unlink(missing_ok=True)
    return count


if __name__ == "__main__":
    pages, target = map(Path, sys.argv[1:3])
    try:
        n_pages = print_book(pages, target, sys.argv[3:] or None)
    except (FileNotFoundError, ValueError) as fault:
        sys.exit(str(fault))
    print(f"{target}: {n_pages} pages, {target.stat().st_size / 1e6:.1f} MB")
