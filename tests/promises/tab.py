"""A browser's tab that can be hidden. Playwright keeps its own pages in focus, whatever is on top."""

import itertools
import json

from support.waiting import wait_until


class Tab:
    """A tab opened past Playwright, over the browser's own DevTools session.

    browser: Playwright's `Browser`, a Chromium. url: the page to open.
    """

    def __init__(self, browser, url):
        self.devtools = browser.new_browser_cdp_session()
        self.devtools.on("Target.receivedMessageFromTarget", self.receive)
        self.answers = {}
        self.numbers = itertools.count(1)
        self.context = self.devtools.send("Target.createBrowserContext")["browserContextId"]
        where = {"url": url, "browserContextId": self.context}
        target = self.devtools.send("Target.createTarget", where)
        attached = self.devtools.send("Target.attachToTarget", {**target, "flatten": False})
        self.session = attached["sessionId"]
        self.window = self.devtools.send("Browser.getWindowForTarget", target)["windowId"]

    def receive(self, event):
        """Keep an answer of the tab until `evaluate` asks for it."""
        message = json.loads(event["message"])
        if "id" in message:
            self.answers[message["id"]] = message["result"]

    def evaluate(self, expression):
        """Return the value of a JavaScript expression in the tab."""
        number = next(self.numbers)
        call = {"expression": expression, "returnByValue": True}
        message = json.dumps({"id": number, "method": "Runtime.evaluate", "params": call})
        self.devtools.send(
            "Target.sendMessageToTarget", {"sessionId": self.session, "message": message}
        )

        def answered():
            self.devtools.send("Browser.getVersion")  # lets Playwright deliver what has come in
            return number in self.answers

        wait_until(answered, 10, f"the tab to say what {expression} is")
        return self.answers.pop(number)["result"].get("value")

    def set_hidden(self, hidden):
        """Minimise the tab's window, or bring it back, and wait until the page has noticed."""
        bounds = {"windowState": "minimized" if hidden else "normal"}
        self.devtools.send("Browser.setWindowBounds", {"windowId": self.window, "bounds": bounds})
        wait_until(lambda: self.evaluate("document.hidden") == hidden, 10, f"hidden: {hidden}")

    def close(self):
        """Close the tab and forget everything it had."""
        self.devtools.send("Target.disposeBrowserContext", {"browserContextId": self.context})
        self.devtools.detach()
