"""The browser of the tests: Chromium or Chrome, without a window.

`python -m support.browser` prints the browser's version. Its exit status isn't 0 if there is no
browser, or if the browser doesn't start.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

#: The names of the command in the packages of distributions and vendors. The first is Chromium
#: without its window: it starts in a third of the time.
NAMES = (
    *("chromium-headless-shell", "chromium", "chromium-browser"),
    *("google-chrome-stable", "google-chrome"),
)
MACOS = Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")

#: Chromium's sandbox works neither as root nor in a container. The other options switch off the
#: browser's own requests to the internet, and what a test doesn't need.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

#: What Chromium says about a request that it ended because a network came or went.
NETWORK_CHANGED = "net::ERR_NETWORK_CHANGED"


def find():
    """Return the path of an installed Chromium or Chrome, or None."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None and MACOS.exists():
        found = str(MACOS)
    return found


def find_downloaded():
    """Return the path of the browser that Playwright has downloaded, or None."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = Path(playwright.chromium.executable_path)
    return str(path) if path.exists() else None


def load(page, url):
    """Load a URL in a Playwright page.

    When a network of this machine comes or goes, Chromium ends the requests that are connecting,
    and no option prevents that (crbug.com/41465264). Other tests create Docker networks at the
    same time, so a page that was cut off is loaded again.
    """
    from playwright.sync_api import Error

    failures = []

    def note(request):
        failures.append(request.failure)

    page.on("requestfailed", note)
    while True:
        failures.clear()
        try:
            page.goto(url)
        except Error:
            if NETWORK_CHANGED not in failures:
                raise
            # Chromium's page about this error would interrupt the next navigation.
            page.wait_for_url(re.compile("chrome-error:"))
        if NETWORK_CHANGED not in failures:
            break
    page.remove_listener("requestfailed", note)


if __name__ == "__main__":
    path = find() or find_downloaded()
    if path is None:
        sys.exit("Expected Chromium or Chrome, found no browser.")
    # A browser whose libraries are missing doesn't start.
    sys.exit(subprocess.run([path, "--version"], check=False).returncode)
