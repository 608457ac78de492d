"""The built pages as a reader sees them, offline, in a headless Chromium."""

import os
import shutil
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent.parent
HTML = ROOT / "_build" / "html"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
READY = CHROMIUM and (HTML / "index.html").exists()
TOC = yaml.safe_load((ROOT / "_toc.yml").read_text())
PAGES = [TOC["root"], *(c["file"] for part in TOC["parts"] for c in part["chapters"])]
WITH_MATHEMATICS = [
    "book/05_burgers",
    "book/02_signal_and_noise",
    "book/07_allen_cahn",
    "book/08_cavity",
    "book/notation",
    "book/api",
]

if not READY and os.environ.get("PINNLIB_BROWSER") != "required":
    pytest.skip("needs chromium and the built book: run make book", allow_module_level=True)

CONTRAST = """() => {
  const light = c => { const [r, g, b] = c.match(/[\\d.]+/g).map(v => v / 255).map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
                       return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const text = light(getComputedStyle(document.querySelector("article p")).color);
  const page = light(getComputedStyle(document.body).backgroundColor);
  return (Math.max(text, page) + 0.05) / (Math.min(text, page) + 0.05);
}"""


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    quiet = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=quiet)
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser):
    """Open a page from disk; every request and error it causes is kept."""
    contexts = []

    def opener(name, **settings):
        context = browser.new_context(**settings)
        contexts.append(context)
        page = context.new_page()
        page.requests_made, page.errors = [], []
        page.on("request", lambda r: page.requests_made.append(r.url))
        page.on("pageerror", lambda e: page.errors.append(str(e)))
        page.goto((HTML / f"{name}.html").as_uri())
        page.wait_for_load_state("load")
        if page.evaluate("() => Boolean(window.MathJax)"):
            page.evaluate("() => MathJax.startup.promise")
        return page

    yield opener
    for context in contexts:
        context.close()


@pytest.mark.parametrize("name", PAGES)
def test_no_request_leaves_the_machine(open_page, name):
    page = open_page(name)
    page.wait_for_timeout(300)
    away = [u for u in page.requests_made if not u.startswith(("file:", "data:", "blob:"))]
    assert away == []
    # the theme and its live-code extension, which the book does not use, declare one constant twice
    assert [e for e in page.errors if "THEBE_JS_URL" not in e] == []


@pytest.mark.parametrize("name", PAGES)
def test_every_image_has_alternative_text(open_page, name):
    page = open_page(name)
    missing = page.evaluate("() => [...document.images].filter(i => !i.alt.trim()).map(i => i.outerHTML.slice(0, 200))")
    assert missing == []
    broken = page.evaluate(
        "() => [...document.images].filter(i => i.getAttribute('src') && !i.naturalWidth && !i.src.endsWith('.svg')).map(i => i.src.slice(0, 90))"
    )
    assert broken == []


@pytest.mark.parametrize("name", WITH_MATHEMATICS)
def test_mathematics_is_drawn(open_page, name):
    page = open_page(name)
    assert page.locator("mjx-container").count() >= 3
    assert page.locator("mjx-merror, [data-mjx-error]").count() == 0
    widths = page.evaluate(
        "() => [...document.querySelectorAll('article p mjx-container')].map(e => e.getBoundingClientRect().width)"
    )
    assert min(widths) > 3
    text = page.locator("article").inner_text()
    assert "\\frac" not in text
    assert "$$" not in text


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_readable_in_light_and_dark(open_page, name, scheme):
    page = open_page(name, color_scheme=scheme)
    assert page.evaluate("() => document.documentElement.dataset.theme") == scheme
    if page.locator("article p").count():
        assert page.evaluate(CONTRAST) >= 7.0
    backgrounds = page.evaluate(
        "() => [...document.querySelectorAll('div.cell_output img')].filter(i => i.src.endsWith('.png')).map(i => [getComputedStyle(i).backgroundColor, getComputedStyle(i).filter])"
    )
    if scheme == "dark":
        assert all(b == ["rgb(255, 255, 255)", "none"] for b in backgrounds)


@pytest.mark.parametrize("name", PAGES)
def test_fits_a_phone(open_page, name):
    page = open_page(name, viewport={"width": 390, "height": 844})
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 391


def test_search_finds_the_chapter(open_page):
    page = open_page("search")
    page.goto((HTML / "search.html").as_uri() + "?q=helmholtz")
    page.wait_for_selector("#search-results li a", timeout=10_000)
    titles = page.locator("#search-results li a").all_inner_texts()
    assert any("Helmholtz" in t for t in titles)


def test_animation_moves(open_page):
    page = open_page("book/02_signal_and_noise")
    image = page.locator(".animation img").first
    before = image.get_attribute("src")
    page.locator(".animation button[title='Last frame']").click()
    page.wait_for_timeout(200)
    assert image.get_attribute("src") != before


def test_tables_and_figures_are_there(open_page):
    page = open_page("book/02_signal_and_noise")
    assert page.locator("figure img").count() >= 8
    assert page.locator("article table").count() >= 1
    assert "reproduced" in page.locator("article").inner_text()
