// Keeps the page that is looked at as it is on the server: parts (elements of class "part" with an id) that have changed are replaced.
// Without this script every page works, and those that change reload themselves.
"use strict";
(() => {
  const main = document.querySelector("main[data-live]");
  if (!main) return;
  let source = null;
  // What a part was when it came: scripts may have drawn into it since.
  const came = new WeakMap();
  for (const part of document.querySelectorAll(".part[id]")) came.set(part, part.outerHTML);

  const replace = (html) => {
    const fresh = new DOMParser().parseFromString(html, "text/html");
    for (const part of document.querySelectorAll(".part[id]")) {
      const next = fresh.getElementById(part.id);
      if (!next || next.outerHTML === came.get(part)) continue;
      if (part.contains(document.activeElement) && document.activeElement !== document.body && part.querySelector("input, textarea, select")) continue; // somebody writes
      const focused = part.contains(document.activeElement) ? document.activeElement.id : "";
      const placed = document.importNode(next, true);
      came.set(placed, next.outerHTML);
      part.replaceWith(placed);
      if (focused) document.getElementById(focused)?.focus();
      placed.dispatchEvent(new CustomEvent("placed", { bubbles: true }));
    }
    document.body.dataset.live = "fresh";
  };

  const open = () => {
    if (source) return;
    source = new EventSource(location.href);
    source.addEventListener("page", (e) => replace(e.data));
    source.addEventListener("trouble", () => { document.body.dataset.live = "old"; });
    source.onerror = () => { document.body.dataset.live = "old"; }; // the browser tries again by itself
  };
  const close = () => { source?.close(); source = null; };

  // A browser has few connections to one server: a page that nobody sees gives its own back.
  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  addEventListener("pagehide", close);
  addEventListener("pageshow", () => { if (!document.hidden) open(); });
})();
