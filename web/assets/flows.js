// Keeps the page that is looked at as it is on the server: parts (elements of class "part" with an id) that have changed are replaced.
// Without this script every page works, and those that change reload themselves.
"use strict";
(() => {
  const main = document.querySelector("main[data-live]");
  if (!main) return;
  let source = null, over = false;
  // What a part was when it came: scripts may have drawn into it since.
  const came = new WeakMap();
  for (const part of document.querySelectorAll(".part[id]")) came.set(part, part.outerHTML);

  const same = (a, b) => (b.id ? a.id === b.id : b.hasAttribute("href") && a.getAttribute("href") === b.getAttribute("href"));

  const replace = (html) => {
    const made = new DOMParser().parseFromString(html, "text/html");
    for (const part of document.querySelectorAll(".part[id]")) {
      const next = made.getElementById(part.id);
      if (!next || next.outerHTML === came.get(part)) continue;
      if (part.contains(document.activeElement) && document.activeElement !== document.body && part.querySelector("input, textarea, select")) continue; // somebody writes
      const focused = part.contains(document.activeElement) ? document.activeElement : null;
      const placed = document.importNode(next, true);
      came.set(placed, next.outerHTML);
      const ways = [...part.querySelectorAll(".wide")].map((wide) => wide.scrollLeft); // a part that is in no page has none
      part.replaceWith(placed);
      placed.querySelectorAll(".wide").forEach((wide, i) => { wide.scrollLeft = ways[i] ?? 0; });
      if (focused) [...placed.querySelectorAll("[id], [href]")].find((is) => same(is, focused))?.focus({ preventScroll: true });
      placed.dispatchEvent(new CustomEvent("placed", { bubbles: true }));
    }
    fresh();
  };

  // A connection that is lost for a moment is nobody's trouble; a page that stays old says so.
  let late = 0, notice = null;
  const fresh = () => {
    clearTimeout(late);
    notice?.remove();
    late = 0;
    notice = null;
  };
  const old = () => {
    if (late) return;
    const since = new Date().toLocaleTimeString("en-GB");
    late = setTimeout(() => {
      notice = document.createElement("p");
      notice.className = "old";
      notice.setAttribute("role", "status");
      notice.textContent = `▲ No new page has come since ${since}, so this one is as it was then. When the server and its database answer again, it goes on by itself.`;
      main.prepend(notice);
    }, 5000);
  };

  const open = () => {
    if (source || over) return;
    source = new EventSource(location.href);
    source.addEventListener("page", (e) => replace(e.data));
    source.addEventListener("trouble", old);
    source.addEventListener("end", () => { over = true; close(); });
    source.onerror = old; // the browser tries again by itself
  };
  const close = () => { source?.close(); source = null; };

  // A browser has few connections to one server: a page that nobody sees gives its own back.
  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  addEventListener("pagehide", close);
  addEventListener("pageshow", () => { if (!document.hidden) open(); });
})();
