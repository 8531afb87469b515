"""Opens a page in headless Chromium, makes screenshots, and says what is wrong with it.

browser.py PAGE [--shots DIR] [--width PIXELS]... [--mode light|dark|print]...

Wrong are: anything wider than the window, outside of a box that scrolls; an image that does not
load; a word of a drawing that is cut off at its edge; a request to anywhere but the page's own
file; an error of a script. Prints each case; exit 1 when there is one, 77 where there is no
Chromium. The browser is spoken to by Chrome's DevTools protocol, over a pipe, so no package is
needed."""

import argparse
import base64
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

TIMEOUT_S = 60
FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-extensions",
    "--disable-background-networking",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
]

LOOK = (Path(__file__).parent / "look.js").read_text(encoding="utf-8")


class Browser:
    """A Chromium, and one tab of it."""

    def __init__(self, folder):
        program = (
            shutil.which("chromium")
            or shutil.which("chromium-browser")
            or shutil.which("google-chrome")
        )
        if not program:
            print("SKIP: chromium is not installed")
            sys.exit(77)
        to_it, self._write = os.pipe()
        self._read, from_it = os.pipe()
        # It reads from descriptor 3 and writes to 4; both pipes are moved out of the way first.
        high = [os.dup2(fd, place) for fd, place in ((to_it, 103), (from_it, 104))]
        command = ["bash", "-c", 'exec "$@" 3<&103 4>&104 103<&- 104>&-', "bash", program, *FLAGS]
        self._process = subprocess.Popen(
            [*command, f"--user-data-dir={folder}", "about:blank"],
            pass_fds=high,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "HOME": folder},
        )
        for fd in (to_it, from_it, *high):
            os.close(fd)
        self._buffer, self._next, self._session = b"", 0, None
        self.events = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)[
            "sessionId"
        ]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")

    def _message(self):
        while b"\0" not in self._buffer:
            data = os.read(self._read, 1 << 20)
            if not data:
                raise SystemExit("the browser ended")
            self._buffer += data
        text, self._buffer = self._buffer.split(b"\0", 1)
        return json.loads(text)

    def call(self, method, **params):
        self._next += 1
        request = {"id": self._next, "method": method, "params": params}
        if self._session:
            request["sessionId"] = self._session
        os.write(self._write, json.dumps(request).encode() + b"\0")
        while True:
            message = self._message()
            if message.get("id") != self._next:
                self.events.append(message)
            elif "error" in message:
                raise SystemExit(f"{method}: {message['error']['message']}")
            else:
                return message["result"]

    def until(self, event):
        while not any(e.get("method") == event for e in self.events):
            self.events.append(self._message())

    def close(self):
        os.write(self._write, json.dumps({"id": 0, "method": "Browser.close"}).encode() + b"\0")
        self._process.wait(TIMEOUT_S)


def open_page(browser, page, width, mode):
    """What is wrong with the page in a window of this width."""
    browser.call(
        "Emulation.setDeviceMetricsOverride",
        width=width,
        height=900,
        deviceScaleFactor=1,
        mobile=width < 600,
    )
    media, scheme = ("print", "light") if mode == "print" else ("screen", mode)
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.call("Emulation.setEmulatedMedia", media=media, features=features)
    browser.events.clear()
    browser.call("Page.navigate", url=page)
    browser.until("Page.loadEventFired")
    found = browser.call("Runtime.evaluate", expression=LOOK, awaitPromise=True, returnByValue=True)
    wrong = list(
        found["result"].get("value")
        or ["the page could not be looked at"] * ("exceptionDetails" in found)
    )
    for event in browser.events:
        params = event.get("params", {})
        if event.get("method") == "Network.requestWillBeSent":
            url = params["request"]["url"]
            if not url.startswith("data:") and url.split("#")[0] != page:
                wrong.append(f"asks for {url[:80]}")
        elif event.get("method") == "Runtime.exceptionThrown":
            wrong.append(f"script: {params['exceptionDetails']['text']}")
        elif event.get("method") == "Log.entryAdded" and params["entry"]["level"] == "error":
            wrong.append(f"log: {params['entry']['text']}")
    return wrong


def shoot(browser, path):
    size = browser.call("Page.getLayoutMetrics")["cssContentSize"]
    clip = {
        "x": 0,
        "y": 0,
        "width": size["width"],
        "height": min(size["height"], 16000),
        "scale": 1,
    }
    shot = browser.call(
        "Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip
    )
    path.write_bytes(base64.b64decode(shot["data"]))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("page", type=Path)
    parser.add_argument("--shots", type=Path)
    parser.add_argument("--width", type=int, action="append")
    parser.add_argument("--mode", choices=("light", "dark", "print"), action="append")
    given = parser.parse_args()
    count = 0
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        browser = Browser(folder)
        try:
            for width in given.width or [1280, 390]:
                for mode in given.mode or ["light", "dark"]:
                    wrong = open_page(browser, given.page.resolve().as_uri(), width, mode)
                    for what in wrong:
                        print(f"{width} {mode}: {what}")
                    count += len(wrong)
                    if given.shots:
                        shoot(browser, given.shots / f"{given.page.stem}-{width}-{mode}.png")
        finally:
            browser.close()
    return 1 if count else 0


sys.exit(main())
