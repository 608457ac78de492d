"""One headless Chromium for all tests, which opens the built pages from the disk."""

import os
import shutil
from pathlib import Path

import pytest

HTML = Path(__file__).parent.parent.parent / "_build" / "html"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def pytest_collection_modifyitems(items):
    if not (CHROMIUM and (HTML / "index.html").exists()) and os.environ.get("PINNLIB_BROWSER") != "required":
        skip = pytest.mark.skip(reason="needs chromium and the built book: run make book")
        for item in items:
            if Path(__file__).parent in item.path.parents:
                item.add_marker(skip)


@pytest.fixture(scope="session")
def browser():
    from playwright.sync_api import sync_playwright

    quiet = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=quiet)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def open_page(browser):
    """Open a page from disk, by its name or path; every request and error it causes is kept."""
    contexts = []

    def opener(name, **settings):
        contexts.append(browser.new_context(**settings))
        page = contexts[-1].new_page()
        page.requests_made, page.errors = [], []
        page.on("request", lambda r: page.requests_made.append(r.url))
        page.on("pageerror", lambda e: page.errors.append(str(e)))
        page.goto((name if isinstance(name, Path) else HTML / f"{name}.html").as_uri())
        page.wait_for_load_state("load")
        if page.evaluate("() => Boolean(window.MathJax)"):
            page.evaluate("() => MathJax.startup.promise")
        return page

    yield opener
    for context in contexts:
        context.close()
