"""What a visitor sees on the pages of task3 to task6."""

import re

from playwright.sync_api import expect

from support.browser import load

#: A container's default hostname: the first 12 characters of its ID.
HOSTNAME = re.compile(r"[0-9a-f]{12}")


def assert_the_page_survives_an_outage(page, freeze, thaw, stop, start):
    """Assert that an open page shows the API's response, and recovers after the API was down.

    page: a Playwright page. freeze, thaw, stop, start: functions without arguments that do this
    to all containers of the API.
    The page waits up to 12 seconds for a response, so it shows "waiting" while the API is frozen.
    """
    content = page.locator("#dynamic-content")
    expect(content).to_have_text("Hello, World!")
    expect(page.locator("#served-by")).to_have_text(HOSTNAME)

    url = page.url
    freeze()
    load(page, url)
    expect(content).to_have_attribute("data-state", "waiting")
    expect(content).not_to_be_empty()
    thaw()
    expect(content).to_have_text("Hello, World!", timeout=15_000)

    stop()
    load(page, url)
    expect(content).to_contain_text("cannot be reached", timeout=15_000)
    expect(page.get_by_role("button", name="Try again")).to_be_visible()

    start()
    expect(content).to_have_text("Hello, World!", timeout=15_000)
    expect(page.get_by_role("button", name="Try again")).to_be_hidden()


def highlighted_arrows(page):
    """Return the names of the picture's highlighted arrows, such as {"proxy", "back-end"}."""
    return {
        arrow.get_attribute("id").removeprefix("arrow-")
        for arrow in page.locator(".arrow.lit").all()
    }
