"""The browser of the tests: a real Chromium, without a window."""

import shutil
import subprocess
import sys
from pathlib import Path

#: What distributions and vendors call it.
NAMES = ("chromium", "google-chrome-stable", "google-chrome", "chromium-browser")
MACOS = Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")

#: As root and in a container there is no sandbox; the rest keeps it from calling home.
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


def find_playwrights_own():
    """Return the path of the browser that Playwright has fetched, or None."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = Path(playwright.chromium.executable_path)
    return str(path) if path.exists() else None


if __name__ == "__main__":
    path = find() or find_playwrights_own()
    if path is None:
        sys.exit("There is no browser here.")
    # One whose libraries are missing is none.
    sys.exit(subprocess.run([path, "--version"], check=False).returncode)
