"""The browser of the tests: Chromium or Chrome, without a window.

`python -m support.browser` prints the browser's version. Its exit status isn't 0 if there is no
browser, or if the browser doesn't start.
"""

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


if __name__ == "__main__":
    path = find() or find_downloaded()
    if path is None:
        sys.exit("Expected Chromium or Chrome, found no browser.")
    # A browser whose libraries are missing doesn't start.
    sys.exit(subprocess.run([path, "--version"], check=False).returncode)
