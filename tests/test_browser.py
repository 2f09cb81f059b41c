"""Is what people see on the pages right, in a real browser? Chromium against a service that runs as anybody's does.

Without Chromium these are skipped, and say so; `.ci/run` installs it. `python tests/test_browser.py` takes the pictures
of the README.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect, sync_playwright

from ledger import Assessment, ClaimRegistered, Denial, Ledger, Likelihood, Link, Retraction, Statement

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here (apt-get install chromium)")
WAIT_S = 60.0

PAGES = (
    "/",
    "/?search=missiles&status=disputed&order=acts",
    "/?search=nothing+is+like+this",
    "/?said_by=2024-10-09&as_of=60",
    "/claims/six-killed",
    "/claims/missiles-in-use?said_by=2024-10-09&as_of=62",
    "/claims/beyond-materiel",
    "/claims/six-killed/compare",
    "/claims/six-killed/compare?clock=recorded&from=nonsense",
    "/claims/no-such-claim",
    "/sources/kim-yong-hyun",
    "/sources/the-article",
    "/events/A10",
    "/append?claims=six-killed&type=assessment",
)


@contextmanager
def served(*options):
    """A service as a process of its own; gives its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-P", "-m", "ledger.cli", "serve", "--port", str(port), *options]
    process = subprocess.Popen(command, env=os.environ, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        url = f"http://127.0.0.1:{port}"
        _await(url, process)
        yield url
    finally:
        process.terminate()
        process.wait(WAIT_S)


def _await(url, process):
    until = time.monotonic() + WAIT_S
    while time.monotonic() < until:
        assert process.poll() is None, "the service ended before it answered"
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except urllib.error.HTTPError:  # it takes a token
            return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"{url} did not answer")


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def demo():
    """The seed article; nobody appends to it."""
    with served("--demo") as url:
        yield url


@pytest.fixture
def own():
    """The seed article in a service of one test alone."""
    with served("--demo") as url:
        yield url


@contextmanager
def opened(browser, url, **options):
    """A page of a browser of its own, in which nothing may go wrong."""
    context = browser.new_context(base_url=url, **{"viewport": {"width": 1280, "height": 900}, **options})
    page = context.new_page()
    page.set_default_timeout(WAIT_S * 1000 / 2)
    wrong = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda message: wrong.append(message.text) if is_wrong(message) else None)
    page.on("dialog", lambda dialog: wrong.append(dialog.message))
    yield page
    context.close()
    assert not wrong


def is_wrong(message):
    """Whether the console tells of something other than a page that is rightly answered with an error."""
    harmless = ("status of 4", "Password forms should have")
    return message.type in ("error", "warning") and not any(told in message.text for told in harmless)


# -- the walk ----------------------------------------------------------------------------------------------------------


def test_one_walks_from_the_board_to_a_claim_steps_back_compares_appends_and_sees_it_arrive(browser, own):
    with opened(browser, own) as page:
        page.goto("/")
        expect(page.get_by_role("navigation", name="By status")).to_contain_text("21 all")
        row = page.get_by_role("row", name=re.compile("^Six soldiers"))
        expect(row).to_contain_text("disputed [1,1]/[1,1]")
        expect(row).to_contain_text("assessed Kim Yong-hyun: probably correct")

        row.get_by_role("link", name=re.compile("Six soldiers")).click()
        expect(page.get_by_role("heading", level=1)).to_have_text(re.compile("Six soldiers of North Korea died"))
        expect(page.locator("header .stands")).to_contain_text(
            "disputed [1,1]/[1,1] · assessed probably correct .55–.80 (Kim Yong-hyun)"
        )

        slider = page.get_by_role("slider", name=re.compile("^Said"))
        slider.focus()
        page.keyboard.press("ArrowLeft")
        expect(page).to_have_url(re.compile(r"/claims/six-killed\?said_by=2024-10-08$"))
        expect(page.locator("header .stands")).to_contain_text("assessed [0,0] · probably correct .55–.80")
        expect(page.get_by_role("complementary", name="You look at the past")).to_contain_text("2024-10-08")
        expect(slider).to_be_focused()
        page.keyboard.press("ArrowRight")
        expect(page).to_have_url(re.compile(r"/claims/six-killed$"))
        expect(page.get_by_role("complementary", name="You look at the past")).to_have_count(0)
        page.keyboard.press("ArrowLeft")
        expect(page.locator("header .stands")).to_contain_text("assessed [0,0]")
        page.go_back()
        expect(page.locator("header .stands")).to_contain_text("disputed [1,1]/[1,1]")
        page.go_forward()
        expect(page.locator("header .stands")).to_contain_text("assessed [0,0]")
        page.get_by_role("link", name="Go to now").click()

        page.get_by_role("link", name="Compare two moments").click()
        changes = page.get_by_role("table")
        expect(changes.get_by_role("row", name="status assessed disputed")).to_be_visible()
        expect(changes.get_by_role("row", name=re.compile("^opposition: Russia"))).to_contain_text("A10")

        page.goto("/claims/six-killed")
        watcher = page.context.new_page()
        watcher.goto("/claims/six-killed")
        board = page.context.new_page()
        board.goto("/")
        _append_a_statement(page)
        expect(page.get_by_role("heading", level=2, name="As it was recorded")).to_be_visible()
        expect(page.locator("main")).to_contain_text("Maria Example")

        expect(watcher.locator("#news")).to_have_text("1 new event")
        expect(watcher.locator("header .stands")).to_contain_text("disputed [1,2]/[1,1]")
        expect(board.locator("#news")).to_have_text("1 new event")
        expect(board.get_by_role("row", name=re.compile("^Six soldiers"))).to_contain_text("[1,2]/[1,1]")
        expect(board.locator(".lately")).to_contain_text("Maria Example states six-killed")


def _append_a_statement(page):
    page.get_by_role("link", name="Append an act on this claim").click()
    page.get_by_role("button", name="Append it").click()
    expect(page.get_by_role("alert")).to_contain_text("It cannot be appended so")
    name = page.get_by_role("group", name="Who said it").get_by_label("Name, as printed")
    expect(name).to_have_attribute("aria-invalid", "true")
    name.fill("Maria Example")
    page.get_by_role("group", name="Who said it").get_by_label("Kind").select_option("person")
    page.get_by_label("Said at").fill("2024-10-12")
    page.get_by_role("button", name="Preview what it changes").click()
    preview = page.get_by_role("region", name="What it would change")
    expect(preview).to_contain_text("Now disputed [1,1]/[1,1]")
    expect(preview).to_contain_text("Then disputed [1,2]/[1,1]")
    expect(preview).to_contain_text("Nothing is appended yet")
    page.get_by_role("button", name="Append it").click()


def test_the_slider_steps_on_either_clock_and_the_address_carries_both_cuts(browser, demo):
    with opened(browser, demo) as page:
        page.goto("/claims/operating-in-occupied-areas")
        page.get_by_role("slider", name=re.compile("^Recorded")).focus()
        page.keyboard.press("ArrowLeft")
        expect(page).to_have_url(re.compile(r"\?as_of=\d+$"))
        page.get_by_role("slider", name=re.compile("^Said")).focus()
        page.keyboard.press("Home")
        expect(page).to_have_url(re.compile(r"\?as_of=\d+&said_by=2024-10-05$"))
        expect(page.locator("header .stands")).to_contain_text("asserted [1,1]")
        page.get_by_role("link", name="Go to now").click()
        expect(page.locator("header .stands")).to_contain_text("disputed [1,3]/[1,1]")


def test_from_before_the_first_moment_one_steps_to_the_first(browser, demo):
    with opened(browser, demo) as page:
        page.goto("/claims/six-killed?said_by=2020-01-01")
        slider = page.get_by_role("slider", name=re.compile("^Said"))
        expect(slider).to_have_attribute("aria-valuetext", "before the first of 2: nothing yet")
        slider.focus()
        page.keyboard.press("ArrowRight")
        expect(page).to_have_url(re.compile(r"/claims/six-killed\?said_by=2024-10-08$"))


def test_who_steps_faster_than_pages_come_still_goes_back_to_where_it_began(browser, demo):
    with opened(browser, demo) as page:
        page.goto("/")
        page.goto("/claims/six-killed")
        page.get_by_role("slider", name=re.compile("^Recorded")).evaluate(
            """slider => {
                for (const stop of [5, 4, 3]) {
                    slider.value = stop;
                    slider.dispatchEvent(new Event("change", { bubbles: true }));
                }
            }"""
        )
        expect(page).to_have_url(re.compile(r"/claims/six-killed\?as_of=47$"))
        page.go_back()
        expect(page).to_have_url(re.compile(r"/claims/six-killed$"))
        expect(page.get_by_role("complementary", name="You look at the past")).to_have_count(0)


@pytest.mark.parametrize(
    ("url", "answer"),
    [
        ("/claims/six-killed?said_by=2024-10-09&as_of=60", "/v1/claims/six-killed?said_by=2024-10-09&as_of=60"),
        ("/claims/six-killed/compare?from=2024-10-08", "/v1/claims/six-killed/diff?from=2024-10-08&to=2024-10-10"),
        ("/sources/dmitry-peskov", "/v1/sources/dmitry-peskov"),
        ("/events/A10", "/v1/events/A10"),
        ("/?status=disputed&order=acts", "/v1/claims?status=disputed&order=acts"),
    ],
)
def test_the_line_of_a_page_gives_the_same_answer_wherever_it_is_run(browser, demo, tmp_path, url, answer):
    with opened(browser, demo) as page:
        page.goto(url)
        claims, *line = shlex.split(page.locator("code.line").inner_text())
        assert claims == "claims"
        command = [sys.executable, "-P", "-m", "ledger.cli", *(word for word in line if word != "--json"), "--json"]
        env = {name: value for name, value in os.environ.items() if not name.startswith("CLAIMS_")}
        told = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=True).stdout
        assert told.strip() == page.request.get(answer).text().strip()


def test_the_line_still_names_the_service_where_the_page_was_swapped(browser, demo):
    with opened(browser, demo) as page:
        page.goto("/claims/six-killed")
        page.get_by_role("slider", name=re.compile("^Said")).focus()
        page.keyboard.press("ArrowLeft")
        expect(page.locator("code.line")).to_have_text(
            f"claims --db {demo} status six-killed --why --said-by 2024-10-08"
        )


# -- without JavaScript ------------------------------------------------------------------------------------------------


def test_everything_works_without_javascript(browser, own):
    with opened(browser, own, java_script_enabled=False) as page:
        page.goto("/")
        page.get_by_label("Search claims, quotes and sources").fill("soldiers")
        page.get_by_role("button", name="Show").click()
        expect(page.get_by_role("heading", level=2, name="Claims that have “soldiers”")).to_be_visible()
        page.get_by_role("link", name=re.compile("Six soldiers")).click()
        page.get_by_role("slider", name=re.compile("^Said")).focus()
        page.keyboard.press("ArrowLeft")
        page.get_by_role("button", name="Go").first.click()
        expect(page).to_have_url(re.compile(r"/claims/six-killed\?said_by=2024-10-08$"))
        expect(page.locator("header .stands")).to_contain_text("assessed [0,0]")
        page.get_by_role("link", name="Later").first.click()
        expect(page).to_have_url(re.compile(r"/claims/six-killed$"))
        _append_a_statement(page)
        expect(page.locator("main")).to_contain_text("Maria Example")
        page.goto("/claims/six-killed")
        expect(page.locator("header .stands")).to_contain_text("disputed [1,2]/[1,1]")


# -- for everybody -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_wrong_with_any_page(browser, demo, scheme):
    with opened(browser, demo, color_scheme=scheme, reduced_motion="reduce") as page:
        for path in PAGES:
            page.goto(path)
            page.evaluate("document.querySelectorAll('details').forEach((one) => (one.open = true))")
            found = Axe().run(page)
            assert not found.response["violations"], (path, found.generate_snapshot(), _nodes(found))


def _nodes(found):
    return [node["html"][:200] for one in found.response["violations"] for node in one["nodes"]]


@pytest.mark.parametrize("width", [320, 390, 768])
def test_no_page_is_wider_than_the_screen(browser, demo, width):
    with opened(browser, demo, viewport={"width": width, "height": 800}) as page:
        for path in PAGES:
            page.goto(path)
            wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert wider <= 0, path


def test_dark_is_dark_and_light_is_light(browser, demo):
    def brightness(scheme):
        with opened(browser, demo, color_scheme=scheme) as page:
            page.goto("/")
            colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
            return sum(map(int, re.findall(r"\d+", colour)[:3]))

    assert brightness("dark") < 150 < 600 < brightness("light")


def test_a_page_is_walked_by_keyboard_and_what_has_the_focus_is_seen(browser, demo):
    with opened(browser, demo) as page:
        page.goto("/")
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="To the content")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.locator("main")).to_be_focused()
        page.keyboard.press("Tab")
        field = page.get_by_label("Search claims, quotes and sources")
        expect(field).to_be_focused()
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


# -- what means harm ---------------------------------------------------------------------------------------------------

HOSTILE = (
    "<script>alert(1)</script>",
    "</script><script>alert(2)</script>",
    '"><img src=x onerror=alert(3)>',
    "' onmouseover='alert(4)",
    "<svg onload=alert(5)>",
    "{{ 7 * 7 }}",
    "\u202egnp.exe",
    "]]><!-- x",
)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """A ledger in which everything that may be free text means harm."""
    path = tmp_path_factory.mktemp("hostile") / "hostile.db"
    with Ledger.open(str(path)) as ledger:
        for place, text in enumerate(HOSTILE):
            claim, act = f"claim-{place}", text if text.isprintable() else f"act {place}"
            chain = (
                Link(name=text, role=text, kind="person", medium=text, cue=text, url=f"javascript:alert('{text}')"),
                Link(name="carrier " + text, kind="outlet", url='https://example.org/"><script>alert(6)</script>'),
                Link(name="document", kind="outlet"),
            )
            ledger.append(ClaimRegistered(claim=claim, text=text), id=f"registered {act}")
            ledger.append(
                Statement(claims=(claim,), chain=chain, quote=text, note=text, url="javascript:alert(7)"), id=act
            )
            ledger.append(Denial(claims=(claim,), chain=chain[1:], denied_part=text), id=f"denied {act}")
            weighed = Likelihood(term=text, scale="inferred", low=0.2, high=0.4, mapped_by=text)
            ledger.append(Assessment(claims=(claim,), chain=chain, likelihood=weighed, label=text, verdict="other"))
            ledger.append(Retraction(act=act, chain=chain, reason=text))
    with served("--db", str(path)) as url:
        yield url


def test_what_means_harm_is_shown_and_does_nothing(browser, hostile):
    with opened(browser, hostile) as page:
        page.goto("/")
        paths = {link.get_attribute("href") for link in page.locator("main a[href]").all()}
        assert sum(path.startswith("/claims/") for path in paths) == len(HOSTILE)
        for path in sorted(path for path in paths if path.startswith(("/claims/", "/events"))):
            page.goto(path)
            _is_inert(page)
            paths |= {link.get_attribute("href") for link in page.locator("main a[href]").all()}
        for path in sorted(path for path in paths if path.startswith("/sources/")):
            page.goto(path)
            _is_inert(page)
        page.goto("/claims/claim-0")
        expect(page.get_by_role("heading", level=1)).to_have_text("<script>alert(1)</script>")
        page.goto("/claims/claim-6")
        expect(page.get_by_role("heading", level=1)).to_have_text("\\u{202e}gnp.exe")
        assert "\u202e" not in page.content()


def test_what_means_harm_in_an_address_or_a_form_does_nothing(browser, hostile):
    with opened(browser, hostile) as page:
        for text in HOSTILE:
            page.goto("/")
            page.get_by_label("Search claims, quotes and sources").fill(text)
            with page.expect_navigation():
                page.get_by_role("button", name="Show").click()
            _is_inert(page)
            expect(page.get_by_label("Search claims, quotes and sources")).to_have_value(text)
            page.goto("/append")
            page.get_by_role("textbox", name="Claims", exact=True).fill(text)
            page.get_by_label("The words, verbatim").fill(text)
            with page.expect_navigation():
                page.get_by_role("button", name="Append it").click()
            _is_inert(page)
            expect(page.get_by_label("The words, verbatim")).to_have_value(text)


_HARM = """[...document.querySelectorAll('*')]
    .flatMap((one) => [...one.attributes].map((it) => [it.name, it.value]))
    .filter(([name, value]) => /^on/i.test(name)
        || (/^(href|src|action|xlink:href)$/.test(name) && !/^(\\/|#|https?:)/.test(value)))"""


def _is_inert(page):
    """Nothing on the page runs or leads anywhere but to the web or this service."""
    ours = page.evaluate("document.querySelectorAll('script').length")
    assert ours == 1
    found = page.evaluate(_HARM)
    assert found == []
    assert page.locator("img, iframe, object, embed").count() == 0


def test_another_site_cannot_have_a_browser_append(browser, own):
    body = f'<form method="post" action="{own}/append"><input name="type" value="statement"></form>'
    with served("--demo") as other, opened(browser, other) as page:
        page.route("**/evil", lambda route: route.fulfill(body=body, content_type="text/html"))
        page.goto("/evil")
        with page.expect_navigation() as navigation:
            page.evaluate("document.forms[0].submit()")
        assert navigation.value.status == 403
        assert "another origin" in page.content()


def test_whoever_has_a_token_signs_in_with_it_and_may_do_what_it_allows(browser, tmp_path):
    path = str(tmp_path / "desk.db")
    with Ledger.open(path) as ledger:
        ledger.append(ClaimRegistered(claim="c", text="It was so."))
    reader, writer = (_token(path, *scopes) for scopes in (["read"], ["read", "append"]))
    with served("--db", path) as url, opened(browser, url) as page:
        page.goto("/claims/c?as_of=1")
        expect(page.get_by_role("heading", level=1)).to_have_text("This takes a token")
        assert not Axe().run(page).response["violations"]
        _sign_in(page, reader)
        expect(page).to_have_url(re.compile(r"/claims/c\?as_of=1$"))
        expect(page.get_by_role("heading", level=1)).to_have_text("It was so.")
        page.goto("/append?claims=c")
        expect(page.locator("main")).to_contain_text("the scope 'append'")
        _sign_in(page, writer)
        page.get_by_role("group", name="Who said it").get_by_label("Name, as printed").fill("Ann")
        page.get_by_role("button", name="Append it").click()
        expect(page.locator("main")).to_contain_text("by append of read")
        page.goto("/append")
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("This takes a token")


def _token(path, *scopes):
    """The secret of a new token, which is named for its scopes, the last first."""
    wanted = [word for scope in scopes for word in ("--scope", scope)]
    name = " of ".join(reversed(scopes))
    command = [sys.executable, "-P", "-m", "ledger.cli", "--db", path, "token", "create", name, *wanted]
    return subprocess.run(command, env=os.environ, capture_output=True, check=True, text=True).stdout.strip()


def _sign_in(page, token):
    page.get_by_label("Token").fill(token)
    page.get_by_role("button", name="Sign in").click()


def test_a_page_may_load_nothing_from_elsewhere(browser, demo):
    with opened(browser, demo) as page:
        asked = []
        page.on("request", lambda request: asked.append(request.url))
        for path in PAGES:
            page.goto(path)
        assert asked
        assert all(url.startswith(demo) for url in asked)


# -- the pictures of the README ----------------------------------------------------------------------------------------

PICTURES = Path(__file__).parent.parent / ".github" / "screenshots"
TAKEN = (
    ("board-light", "/", "light", (1280, 860)),
    ("board-dark", "/", "dark", (1280, 860)),
    ("board-phone", "/", "light", (390, 844)),
    ("claim-light", "/claims/six-killed", "light", (1280, 1240)),
    ("claim-dark", "/claims/operating-in-occupied-areas?said_by=2024-10-09", "dark", (1280, 1240)),
    ("claim-drawings", "/claims/operating-in-occupied-areas#timeline-title", "light", (1280, 900)),
    ("claim-phone", "/claims/six-killed", "light", (390, 844)),
)


def test_the_pictures_of_the_readme_are_there_and_small():
    readme = (PICTURES.parent.parent / "README.md").read_text(encoding="utf-8")
    for name, *_ in TAKEN:
        assert f".github/screenshots/{name}.png" in readme
        assert 5_000 < (PICTURES / f"{name}.png").stat().st_size < 200_000


def _take_pictures():
    PICTURES.mkdir(parents=True, exist_ok=True)
    with served("--demo") as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-lcd-text"])
        for name, path, scheme, (width, height) in TAKEN:
            page = browser.new_page(base_url=url, color_scheme=scheme, viewport={"width": width, "height": height})
            page.goto(path)
            page.screenshot(path=PICTURES / f"{name}.png")
        browser.close()


if __name__ == "__main__":
    _take_pictures()
