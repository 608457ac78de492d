"""The book on one page, before it is printed: order, anchors, links, and what is left out."""

import re
import subprocess
import sys

import pytest

from pinnlib.book import print_pdf

NAV = """<nav class="bd-links"><ul class="nav"><li><a href="{home}">My book</a></li></ul>
<p class="caption">Part one</p><ul class="nav"><li><a href="{b}">1. Second
 page</a></li><li><a href="{c}">The library</a><details><ul><li><a href="{d}">Inside</a></li></ul></details></li></ul></nav>
<p class="component-author">By nobody</p>"""
PAGES = {
    "welcome": """<section id="top"><h1>My book<a class="headerlink" href="#top">#</a></h1>
      <p>See <a href="b.html#top">there</a>, <a href="b.html">all of it</a>, <a href="#top">here</a>,
      <a href="../_modules/m.html#f">source</a>, <a href="https://example.org/b.html#top">elsewhere</a>.</p>
      <img src="../_images/one.png" alt="one"></section>""",
    "b": """<section id="top"><h1>1. Second page</h1>
      <div class="cell"><details class="hide"><summary>Show code</summary><pre>plot()</pre></details></div>
      <details class="hide"><summary>Show output</summary><table id="long"><tr><td>folded</td></tr></table></details>
      <details class="dropdown"><summary>More</summary><p>on paper, too</p></details>
      <div class="cell"><pre>visible()</pre></div>
      <div><div class="animation"><img id="_anim_img0" alt="it moves"><input type="range"></div>
      <script>frames[0] = "data:image/png;base64,AA\\
AA"
frames[1] = "data:image/png;base64,BB\\
BB"</script></div>
      <figure class="play"><svg><g id="play-1"></g><use xlink:href="#play-1"></use></svg><input type="range"></figure>
      </section>""",
    "c": """<h1>The library</h1><section id="references"><p>All works</p></section>
      <div class="toctree-wrapper"><a href="d.html">Inside</a></div>""",
    "d": "<h1>Inside</h1>",
}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "book").mkdir()
    (tmp_path / "index.html").write_text('<meta http-equiv="Refresh" content="0; url=book/welcome.html" />')
    for name, text in PAGES.items():
        links = {"home": "welcome.html", "b": "b.html", "c": "c.html", "d": "d.html"}
        nav = NAV.format(**links | ({"home": "#"} if name == "welcome" else {name: "#"}))
        (tmp_path / "book" / f"{name}.html").write_text(f'{nav}<article class="bd-article">{text}</article>')
    return tmp_path


def test_order_parts_and_depth(folder):
    assert print_pdf.contents(folder) == [
        ("book/welcome.html", "My book", "", 0),
        ("book/b.html", "1. Second page", "Part one", 0),
        ("book/c.html", "The library", "", 0),
        ("book/d.html", "Inside", "", 1),
    ]


def test_anchors_are_unique_and_links_lead_to_them(folder):
    page = print_pdf.assemble(folder)
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert {"welcome", "welcome--top", "b", "b--top"} <= set(ids)
    links = re.findall(r'<a href="([^"]+)">', page)
    assert links == ["#welcome", "#b", "#c", "#b--top", "#b", "#welcome--top", "https://example.org/b.html#top"]
    assert all(link[1:] in ids for link in links if link.startswith("#"))
    assert "source" in page  # text stays where a link has lost its page
    assert 'src="_images/one.png"' in page


def test_what_paper_cannot_do_is_left_out(folder):
    page = print_pdf.assemble(folder)
    body = page[page.index("<body>") :]
    assert "visible()" in body
    assert "plot()" not in body
    assert "Show output" not in body
    assert '<details class="dropdown" open="">' in body
    assert '<table id="b--long">' in body
    assert body.count('class="cell"') == 1
    assert not re.findall(r"<(?:script|input|button)", body)
    assert '<img alt="it moves" src="data:image/png;base64,BBBB"/>' in body
    assert '<g id="play-1">' in body
    assert "toctree-wrapper" not in body
    assert "All works" not in body


def test_pages_for_looking_things_up_are_printed_when_asked_for(folder):
    assert 'id="d"' not in print_pdf.assemble(folder)
    assert 'id="d"' in print_pdf.assemble(folder, ["c", "d"])


def test_some_chapters_and_their_pages(folder):
    page = print_pdf.assemble(folder, ["b", "d"], {"b": 3, "d": 5})
    assert re.findall(r'<a href="#(\w+)">[^<]*</a><span class="page">(\d*)<', page) == [("b", "3"), ("d", "5")]
    assert page.index('<p class="part">Part one</p>', page.index("<section")) < page.index("<h1>1. Second page")
    assert page.count('class="chapter"') == 2
    with pytest.raises(ValueError, match="there is no chapter x; there are welcome, b, c, d"):
        print_pdf.assemble(folder, ["x"])


def test_there_is_no_book(tmp_path):
    with pytest.raises(FileNotFoundError, match="build the book first"):
        print_pdf.contents(tmp_path)


def test_a_page_without_an_article(folder):
    (folder / "book" / "d.html").write_text("nothing")
    with pytest.raises(ValueError, match=r"book/d\.html has no article"):
        print_pdf.assemble(folder, ["d"])


def test_pages_of_a_pdf():
    pdf = b"""%PDF-1.4
3 0 obj
<</Type /Page
/Parent 9 0 R>>
endobj
5 0 obj
<</Type /Page
/Parent 9 0 R>>
endobj
9 0 obj
<</Type /Pages
/Count 2
/Kids [5 0 R 3 0 R]>>
endobj
10 0 obj
<</a#2d#2db [3 0 R /XYZ 0 800 0]
/c [5 0 R /XYZ 0 700 0]>>
endobj
"""
    assert print_pdf.pages_of(pdf) == (2, {"a--b": 2, "c": 1})


def test_a_fault_is_one_sentence(tmp_path):
    command = [sys.executable, "-m", "pinnlib.book.print_pdf", str(tmp_path), str(tmp_path / "book.pdf")]
    said = subprocess.run(command, check=False, capture_output=True, text=True)
    assert said.returncode == 1
    assert len(said.stderr.splitlines()) == 1
    assert not list(tmp_path.iterdir())
