"""A page on 127.0.0.1 that hosts the console as a CloudWatch dashboard does.

It calls the console function with a `widgetContext`, removes scripts and what else CloudWatch does not allow from the answer,
and does what its `<cwdb-action>` elements say: call a function or show HTML, in place of the widget or in a popup, after a
confirmation if they have one. It can switch the theme. The protocol is described in the documentation of CloudWatch:
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/add_custom_widget_dashboard_interactivity.html
"""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from local_aws import ACCOUNT, LocalAws

PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>ECS Task Patching: console</title>
<style>
  body { font-family: "Amazon Ember", "Helvetica Neue", Roboto, Arial, sans-serif; margin: 0; }
  body.light { background: #f2f3f3; color: #16191f; } body.dark { background: #0f1b2a; color: #d1d5db; }
  #bar { display: flex; gap: 12px; align-items: center; padding: 8px 16px; }
  #widget, dialog { margin: 8px 16px; padding: 16px; border: 1px solid #8886; border-radius: 8px; }
  .light #widget, .light dialog { background: #fff; color: #16191f; } .dark #widget, .dark dialog { background: #161d26; color: #d1d5db; }
  #widget.busy { opacity: .5; }
  a, .btn { color: #0972d3; } .dark a, .dark .btn { color: #89bdee; } a:not(.btn) { text-decoration: underline; }
  .btn { display: inline-block; padding: 4px 14px; border: 2px solid; border-radius: 16px; font-weight: bold; text-decoration: none; }
  .btn-primary, .dark .btn-primary { background: #0972d3; border-color: #0972d3; color: #fff; }
  input, select { color: inherit; background: transparent; border: 1px solid #8889; border-radius: 6px; }
  .dark select option { background: #161d26; }
</style></head>
<body class="light">
<div id="bar"><strong>Dashboard</strong><button id="theme">Dark theme</button><button id="refresh">Refresh</button></div>
<div id="widget"></div>
<dialog id="popup"><div id="popup-content"></div><button id="popup-close">Close</button></dialog>
<script>
const own = ENDPOINT, widget = document.getElementById("widget"), popup = document.getElementById("popup");
let theme = "light", last = { endpoint: own, event: {} };

// What CloudWatch removes: scripts, frames, event handlers and links that run scripts.
function clean(html) {
  const parsed = new DOMParser().parseFromString(html, "text/html");
  parsed.querySelectorAll("script, iframe, frame, object, embed, meta, base, link").forEach(found => found.remove());
  for (const found of parsed.querySelectorAll("*"))
    for (const { name, value } of [...found.attributes])
      if (name.startsWith("on") || /^\\s*javascript:/i.test(value)) found.removeAttribute(name);
  return [...parsed.head.querySelectorAll("style"), ...parsed.body.childNodes];
}

function forms() {
  const all = {};
  for (const field of widget.querySelectorAll("input[name], select[name], textarea[name]"))
    all[field.name] = field.type === "checkbox" ? field.checked : field.value;
  return { all };
}

function context() {
  return { dashboardName: "local", widgetId: "widget-1", accountId: ACCOUNT_ID, locale: "en",
    timezone: { label: "UTC", offsetISO: "+00:00", offsetInMinutes: 0 }, period: 300, theme, title: "Console",
    forms: forms(), params: {}, width: widget.clientWidth, height: widget.clientHeight };
}

function show(target, html) {
  target.replaceChildren(...clean(html));
  for (const action of target.querySelectorAll("cwdb-action")) {
    action.style.display = "none";
    const element = action.previousElementSibling;
    if (element) element.addEventListener(action.getAttribute("event") || "click", event => { event.preventDefault(); act(action); });
  }
}

async function act(action) {
  const message = action.getAttribute("confirmation");
  if (message && !confirm(message)) return;
  const in_popup = action.getAttribute("display") === "popup";
  if (action.getAttribute("action") !== "call") return answer(action.innerHTML, in_popup);
  await call(action.getAttribute("endpoint"), JSON.parse(action.textContent || "{}"), in_popup);
}

function answer(html, in_popup) {
  show(in_popup ? document.getElementById("popup-content") : widget, html);
  if (in_popup) popup.showModal();
}

async function call(endpoint, event, in_popup = false) {
  if (!in_popup) last = { endpoint, event };
  widget.classList.add("busy");
  const body = JSON.stringify({ endpoint, event: { ...event, widgetContext: context() } });
  const response = await fetch("/call", { method: "POST", headers: { "content-type": "application/json" }, body });
  const given = await response.json();
  answer(typeof given === "string" ? given : `<pre>${JSON.stringify(given, null, 1).replaceAll("<", "&lt;")}</pre>`, in_popup);
  widget.classList.remove("busy");
  widget.dataset.calls = Number(widget.dataset.calls || 0) + 1;
}

document.getElementById("theme").onclick = event => {
  theme = theme === "light" ? "dark" : "light";
  document.body.className = theme;
  event.target.textContent = theme === "light" ? "Dark theme" : "Light theme";
  call(own, last.endpoint === own ? last.event : {});
};
document.getElementById("refresh").onclick = () => call(own, {});
document.getElementById("popup-close").onclick = () => popup.close();
call(own, {});
</script></body></html>
"""


class ConsolePage:
    """The page, served for the length of a `with` block."""

    def __init__(self, aws: LocalAws, outputs: dict[str, str], port: int = 0) -> None:
        functions = aws.client("lambda")
        # A dashboard calls whatever function its viewer may invoke. This page calls these two.
        names = [outputs["ConsoleFunctionName"], outputs["OperateFunctionName"]]
        arns = [functions.get_function_configuration(FunctionName=name)["FunctionArn"] for name in names]
        page = PAGE.replace("ENDPOINT", json.dumps(arns[0])).replace("ACCOUNT_ID", json.dumps(ACCOUNT)).encode()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer(200 if self.path == "/" else 404, "text/html; charset=utf-8", page if self.path == "/" else b"")

            def do_POST(self) -> None:
                asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
                # A page of another site can send such a request only if this server agrees, which it does not.
                if self.headers.get("content-type") != "application/json" or asked["endpoint"] not in arns:
                    return self._answer(403, "application/json", b'"This page does not call that function."')
                payload = json.dumps(asked["event"]).encode()
                answer = functions.invoke(FunctionName=asked["endpoint"], Payload=payload)["Payload"].read()
                self._answer(200, "application/json", answer)

            def _answer(self, status: int, kind: str, body: bytes) -> None:
                self.send_response(status)
                self.send_header("content-type", kind)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Nobody needs a line for each request."""

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/"

    def __enter__(self) -> ConsolePage:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
