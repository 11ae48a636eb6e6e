"""What a visitor sees on the pages of task3 to task6."""

import re

from playwright.sync_api import expect

#: A container's hostname is by default the start of its ID.
A_HOSTNAME = re.compile(r"[0-9a-f]{12}")


def the_page_keeps_up(page, freeze, thaw, stop, start):
    """Assert that the open page shows the API's response, and follows the API through an outage.

    freeze, thaw, stop, start: functions that do this to every container of the API.
    The page waits up to 12 seconds for a response, so it shows "waiting" while the API is frozen.
    """
    content = page.locator("#dynamic-content")
    expect(content).to_have_text("Hello, World!")
    expect(page.locator("#served-by")).to_have_text(A_HOSTNAME)

    freeze()
    page.reload()
    expect(content).to_have_attribute("data-state", "waiting")
    expect(content).not_to_be_empty()
    thaw()
    expect(content).to_have_text("Hello, World!", timeout=15_000)

    stop()
    page.reload()
    expect(content).to_contain_text("cannot be reached", timeout=15_000)
    expect(page.get_by_role("button", name="Try again")).to_be_visible()

    start()
    expect(content).to_have_text("Hello, World!", timeout=15_000)
    expect(page.get_by_role("button", name="Try again")).to_be_hidden()


def lit(page):
    """Return which arrows of the picture are highlighted, as a set of names."""
    return {
        arrow.get_attribute("id").removeprefix("arrow-")
        for arrow in page.locator(".arrow.lit").all()
    }
