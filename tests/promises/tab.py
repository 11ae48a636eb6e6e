"""A browser tab that can be hidden. Playwright's own pages always act as visible."""

import itertools
import json

from support.browser import NETWORK_CHANGED
from support.waiting import wait_until


class Tab:
    """An empty tab that is opened and controlled through the browser's DevTools session.

    browser: Playwright's `Browser`, which must be Chromium.
    """

    def __init__(self, browser):
        self.devtools = browser.new_browser_cdp_session()
        self.devtools.on("Target.receivedMessageFromTarget", self.receive)
        self.results = {}
        self.numbers = itertools.count(1)
        self.context = self.devtools.send("Target.createBrowserContext")["browserContextId"]
        where = {"url": "about:blank", "browserContextId": self.context}
        target = self.devtools.send("Target.createTarget", where)
        attached = self.devtools.send("Target.attachToTarget", {**target, "flatten": False})
        self.session = attached["sessionId"]
        self.window = self.devtools.send("Browser.getWindowForTarget", target)["windowId"]

    def receive(self, event):
        """Store a result until `call` needs it, and note whether a request was cut off."""
        message = json.loads(event["message"])
        if "id" in message:
            self.results[message["id"]] = message["result"]
        elif message["method"] == "Network.loadingFailed":
            self.cut_off |= message["params"]["errorText"] == NETWORK_CHANGED

    def call(self, method, **params):
        """Call a method of the DevTools protocol in the tab, and return its result: a dict."""
        number = next(self.numbers)
        message = json.dumps({"id": number, "method": method, "params": params})
        self.devtools.send(
            "Target.sendMessageToTarget", {"sessionId": self.session, "message": message}
        )

        def has_result():
            # This call makes Playwright deliver the messages that it has received.
            self.devtools.send("Browser.getVersion")
            return number in self.results

        wait_until(has_result, 10, f"the tab to respond to {method} {params}")
        return self.results.pop(number)

    def evaluate(self, expression):
        """Return the value of a JavaScript expression in the tab: a number, text, bool or None."""
        done = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        return done["result"].get("value")

    def load(self, url):
        """Load a URL, again if a network change cut off the page: see `support.browser.load`."""
        self.call("Network.enable")
        self.cut_off = True
        while self.cut_off:
            self.cut_off = False
            self.call("Page.navigate", url=url)
            wait_until(
                lambda: self.evaluate("document.readyState") == "complete", 10, f"{url} to load"
            )

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
