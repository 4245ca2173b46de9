"""``/library`` and ``/library/person/{user_id}`` as people use them: on a phone, by keyboard, many captures at once."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.conftest import RunningStack, axe_in_light_and_dark
from tests.e2e.library.conftest import A_SESSION, CAPTURES, Generated
from tests.support.waiting import wait_until

pytestmark = pytest.mark.xdist_group("library")

REVIEWER = "bea"
BOTH = pytest.mark.parametrize("width", [360, 1440])
DRAWN_IN = "figure => figure.getBBox().width > 0"
COVERED = """cell => {
  const { left, bottom } = cell.getBoundingClientRect();
  return !cell.contains(document.elementFromPoint(left + 20, bottom - 10));
}"""


def open_library(page: Page, query: str = "", of: int = CAPTURES, path: str = "/library") -> None:
    page.goto(path + query)
    expect(total(page)).to_have_text(f"{of} captures")
    expect(cell(page, 0)).to_be_visible()


def total(page: Page) -> Locator:
    return page.locator(".library-head").get_by_role("status")


def cell(page: Page, place: int) -> Locator:
    return page.locator(f'[data-place="{place}"]')


def bar(page: Page) -> Locator:
    return page.get_by_role("region", name="Selected captures")


def said(page: Page, text: str) -> None:
    expect(bar(page).get_by_role("status")).to_contain_text(text)


def name_reviewer(page: Page) -> None:
    """Say who judges; the page asks once."""
    bar(page).get_by_label("You (performer_id)").fill(REVIEWER)
    bar(page).get_by_role("button", name="Continue").click()


def looks(page: Page, width: int) -> None:
    """axe finds nothing in light and dark, and nothing is wider than the window."""
    page.emulate_media(reduced_motion="reduce")
    assert axe_in_light_and_dark(page) == []
    assert page.evaluate("() => document.documentElement.scrollWidth") <= width


@BOTH
def test_the_page_fits_and_axe_finds_nothing(page: Page, width: int, stack: RunningStack) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    open_library(page)
    figure = cell(page, 0).locator(".figure")
    wait_until(lambda: figure.count() and figure.evaluate(DRAWN_IN), "the figure is drawn")
    looks(page, width)
    filters = page.locator("details.library-filters")
    if width < 900:
        filters.locator("summary").click()
    page.get_by_label("Verdict").select_option("none")
    expect(page.get_by_role("list", name="Active filters")).to_contain_text("not reviewed")
    cell(page, 0).get_by_role("checkbox").check()
    name_reviewer(page)
    looks(page, width)
    for name in ("Withdraw …", "Label …"):
        bar(page).get_by_role("button", name=name).click()
        looks(page, width)
        page.keyboard.press("Escape")
    page.goto("/library?search=no-such-word")
    expect(page.get_by_role("heading", name="No capture matches")).to_be_visible()
    looks(page, width)


@BOTH
def test_with_nothing_recorded_the_page_leads_to_what_records(page: Page, width: int) -> None:
    """The page's side: the server's answers are a stand-in here, because the stack has captures."""
    page.set_viewport_size({"width": width, "height": 900})
    page.route("**/library/captures?*", lambda route: route.fulfill(json={"captures": [], "next": None, "total": 0}))
    page.route("**/library/summary", lambda route: route.fulfill(json={"total": 0, "sessions": 0}))
    page.goto("/library")
    expect(page.get_by_role("heading", name="Nothing is recorded yet")).to_be_visible()
    looks(page, width)
    page.get_by_role("main").get_by_role("link", name="Record a gesture").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Capture a gesture")


def test_filters_narrow_the_list_and_the_address_keeps_them(page: Page) -> None:
    open_library(page)
    person = page.get_by_role("region", name="People").get_by_role("button", name="person-002")
    name, count = person.inner_text().split()
    person.click()
    expect(total(page)).to_have_text(f"{count} captures")
    page.get_by_label("Quality").select_option("good")
    page.get_by_label("Verdict").select_option("none")
    page.get_by_label("Consent").select_option("given")
    expect(page).to_have_url(re.compile(rf"participant={name}&quality=good&review=none&consent=given$"))
    expect(cell(page, 0)).to_have_accessible_name(
        re.compile(rf"^sign-\d+ {name} .* consent yes, kept, quality good not reviewed ")
    )
    narrowed = total(page).inner_text()
    page.reload()
    expect(total(page)).to_have_text(narrowed)
    page.go_back()
    expect(page).to_have_url(re.compile("review=none$"))
    page.get_by_role("button", name="Remove all filters").click()
    expect(total(page)).to_have_text(f"{CAPTURES} captures")
    page.get_by_label("Search").fill("person-002 SIGN-1")
    expect(page).to_have_url(re.compile(r"\?search=person-002\+SIGN-1$"))
    expect(cell(page, 0)).to_have_accessible_name(re.compile(r"^sign-1\d? "))
    page.get_by_label("From").fill("2026-01-05")
    page.get_by_label("To").fill("2026-01-04")
    expect(page.get_by_role("heading", name="No capture matches")).to_be_visible()


def labels(page: Page) -> list[str]:
    return page.locator(".take-label").all_inner_texts()


def verdicts(session: Generated) -> list[dict[str, Any]]:
    """What the reviewer of these tests said."""
    return [event for event in session.events if event.get("performer_id") == REVIEWER]


def test_a_verdict_on_many_is_one_event_each_and_so_is_its_undo(page: Page, stack: RunningStack) -> None:
    session = Generated(stack, 3)
    page.set_viewport_size({"width": 1440, "height": 2400})  # all of them are in sight
    open_library(page, f"?session_id={session.session_id}", of=A_SESSION)
    before = labels(page)
    page.get_by_role("button", name="Select all", exact=True).click()
    name_reviewer(page)
    bar(page).get_by_role("button", name="Keep").click()
    said(page, "keep.")
    kept = verdicts(session)
    assert kept
    assert {(event["event"], event["verdict"]) for event in kept} == {("capture.reviewed", "keep")}
    assert len({event["capture_id"] for event in kept}) == len(kept)
    page.reload()
    expect(cell(page, 0)).to_have_accessible_name(re.compile(" keep Select|, withdrawn, "))

    page.get_by_role("button", name="Select all", exact=True).click()
    bar(page).get_by_role("button", name="Label …").click()
    page.get_by_label("Label", exact=True).fill("wave")
    page.keyboard.press("Enter")
    said(page, "label “wave”.")
    bar(page).get_by_role("button", name="Undo").click()
    said(page, "Undone for ")
    expect(bar(page).get_by_role("button", name="Undo")).to_have_count(0)
    expect(page.locator(".take-label", has_text="wave")).to_have_count(0)
    events = Counter(event["event"] for event in verdicts(session))
    assert events["capture.relabelled"] % 2 == 0
    page.reload()
    expect(cell(page, 0)).to_be_visible()
    assert labels(page) == before


def test_the_whole_page_is_used_with_the_keyboard(page: Page, stack: RunningStack) -> None:
    session = Generated(stack, 4)
    page.set_viewport_size({"width": 1000, "height": 700})
    open_library(page, f"?session_id={session.session_id}", of=A_SESSION)
    page.get_by_role("button", name="Reload").focus()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name=re.compile("^Select these 20 of "))).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name=re.compile("^Only this session"))).to_be_focused()
    page.keyboard.press("Tab")
    expect(cell(page, 0)).to_be_focused()
    page.keyboard.press("Space")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+Space")
    expect(bar(page)).to_contain_text("2 captures")
    for place in range(2, A_SESSION):  # whatever has the focus is above what can be done with it
        page.keyboard.press("ArrowRight")
        expect(cell(page, place)).to_be_focused()
        assert not cell(page, place).evaluate(COVERED)
    page.keyboard.press("Control+Home")
    expect(cell(page, 0)).to_be_focused()
    page.keyboard.press("Tab")
    expect(bar(page).get_by_role("button", name="Clear")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.type(REVIEWER)
    page.keyboard.press("Enter")
    expect(bar(page)).to_be_focused()
    for name in ("Clear", "Keep", "Record again"):
        page.keyboard.press("Tab")
        expect(bar(page).get_by_role("button", name=name)).to_be_focused()
    page.keyboard.press("Enter")
    said(page, "record again.")
    assert {event["verdict"] for event in verdicts(session)} == {"redo"}
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Shift+Tab")
    expect(bar(page).get_by_role("button", name="Clear")).to_be_focused()
    page.keyboard.press("Enter")
    expect(cell(page, 0)).to_be_focused()
    page.keyboard.press("ArrowDown")
    place = page.evaluate("() => document.activeElement.dataset.place")
    page.keyboard.press("Enter")
    expect(page.get_by_role("navigation", name="Captures of the list")).to_contain_text(
        f"{int(place) + 1} of {A_SESSION}"
    )
    page.get_by_role("link", name="Back to the list").focus()
    page.keyboard.press("Enter")
    expect(total(page)).to_have_text(f"{A_SESSION} captures")


def test_a_long_list_has_only_what_is_near_the_window_in_the_document(page: Page) -> None:
    open_library(page)
    cell(page, 0).focus()
    page.keyboard.press("Control+a")
    expect(bar(page)).to_contain_text(f"{CAPTURES} captures")
    page.keyboard.press("Control+End")
    expect(cell(page, CAPTURES - 1)).to_be_focused()
    expect(cell(page, CAPTURES - 1)).to_be_in_viewport()
    assert page.locator("[data-place]").count() < CAPTURES / 2
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text(re.compile("^sign-"))
    page.go_back()
    expect(cell(page, CAPTURES - 1)).to_be_in_viewport()  # where the person left the list


@BOTH
def test_a_person_sees_what_is_kept_of_them_and_withdraws_it(page: Page, stack: RunningStack, width: int) -> None:
    session = Generated(stack, 10 if width == 360 else 11)  # two of those with artifacts
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(f"/library?participant={session.user_id}")
    page.get_by_role("link", name=f"Page for {session.user_id}").click()
    expect(page.get_by_role("heading", level=1)).to_be_focused()
    expect(page.get_by_text(re.compile(r"^Of \d+ captures, \d+ are kept"))).to_be_visible()
    looks(page, width)
    first = page.get_by_role("button", name=re.compile("^Withdraw sign-")).first
    first.click()
    looks(page, width)
    page.get_by_role("button", name="Withdraw 1 capture").click()
    expect(page.get_by_text("Done: 1 capture withdrawn.")).to_be_visible()
    said_once = [event for event in session.events if event.get("performer_id") == session.user_id]
    assert [event["event"] for event in said_once][-1] == "consent.withdrawn"

    assert session.artifacts
    page.get_by_role("button", name="Withdraw everything").click()
    page.get_by_label("Erase the files too").check()
    page.get_by_role("button", name="Withdraw and erase everything").click()
    expect(page.get_by_text("Done: withdrawn, and the files are erased.")).to_be_visible()
    assert session.artifacts == []
    expect(page.get_by_role("button", name=re.compile("^Withdraw sign-"))).to_have_count(0)
    looks(page, width)
