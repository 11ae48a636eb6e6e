"""A browser tab that can be hidden. Playwright's own pages always act as visible."""

import itertools
import json

from support.waiting import wait_until


class Tab:
    """A tab that is opened and controlled through the browser's DevTools session.

    browser: Playwright's `Browser`, which must be Chromium. url: the URL to open.
    """

    def __init__(self, browser, url):
        self.devtools = browser.new_browser_cdp_session()
        self.devtools.on("Target.receivedMessageFromTarget", self.receive)
        self.results = {}
        self.numbers = itertools.count(1)
        self.context = self.devtools.send("Target.createBrowserContext")["browserContextId"]
        where = {"url": url, "browserContextId": self.context}
        target = self.devtools.send("Target.createTarget", where)
        attached = self.devtools.send("Target.attachToTarget", {**target, "flatten": False})
        self.session = attached["sessionId"]
        self.window = self.devtools.send("Browser.getWindowForTarget", target)["windowId"]

    def receive(self, event):
        """Store a message from the tab until `evaluate` needs it."""
        message = json.loads(event["message"])
        if "id" in message:
            self.results[message["id"]] = message["result"]

    def evaluate(self, expression):
        """Return the value of a JavaScript expression in the tab: a number, text, bool or None."""
        number = next(self.numbers)
        call = {"expression": expression, "returnByValue": True}
        message = json.dumps({"id": number, "method": "Runtime.evaluate", "params": call})
        self.devtools.send(
            "Target.sendMessageToTarget", {"sessionId": self.session, "message": message}
        )

        def has_result():
            # This call makes Playwright deliver the messages that it has received.
            self.devtools.send("Browser.getVersion")
            return number in self.results

        wait_until(has_result, 10, f"the tab to evaluate {expression}")
        return self.results.pop(number)["result"].get("value")

    def set_hidden(self, hidden):
        """Minimise or restore the tab's window, and wait until the page has noticed."""
        bounds = {"windowState": "minimized" if hidden else "normal"}
        self.devtools.send("Browser.setWindowBounds", {"windowId": self.window, "bounds": bounds})
        wait_until(
            lambda: self.evaluate("document.hidden") == hidden,
            10,
            f"document.hidden to be {hidden}",
        )

    def close(self):
        """Close the tab, and delete its cookies and cache."""
        self.devtools.send("Target.disposeBrowserContext", {"browserContextId": self.context})
        self.devtools.detach()
