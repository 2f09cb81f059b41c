// What saves clicks: the slider steps as it is moved, pages follow the ledger, and a line for a shell says where it is
// asked. Without it everything works, too.

document.documentElement.classList.add("js");
const parser = new DOMParser();
let asked = 0;

/** The page at an address, as a document; null where something newer was asked for meanwhile, or nothing came. */
async function fetched(url) {
  const mine = ++asked;
  try {
    const answer = await fetch(url, { headers: { Accept: "text/html" } });
    const text = await answer.text();
    return mine === asked && answer.ok ? parser.parseFromString(text, "text/html") : null;
  } catch {
    return null;
  }
}

/** Puts a part of a page in place of its like; what was open stays open, what had the focus has it again. */
function swap(selector, page) {
  const old = document.querySelector(selector);
  const fresh = page.querySelector(selector);
  if (!old || !fresh) return;
  const focused = document.activeElement?.id;
  for (const open of old.querySelectorAll("details[id]")) {
    const same = fresh.querySelector(`#${CSS.escape(open.id)}`);
    if (same) same.open = open.open;
  }
  old.replaceWith(fresh);
  address();
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
}

/** Has each line for a shell name this service, so that it gives the same answer wherever it is run. */
function address() {
  const here = /[[\]]/.test(location.origin) ? `'${location.origin}'` : location.origin;
  for (const line of document.querySelectorAll("[data-typed]")) {
    line.removeAttribute("data-typed");
    for (const word of [here, "--db"]) {
      const typed = document.createElement("span");
      typed.textContent = word;
      line.firstElementChild.after(" ", typed);
    }
  }
}

/** Shows the page at an address in place of this one; whether it did. */
async function go(url, remember) {
  const page = await fetched(url);
  if (!page) return false;
  swap("main", page);
  swap(".top", page);
  swap(".foot", page);
  document.title = page.title;
  if (remember) history[remember](null, "", url);
  follow();
  return true;
}

const stopsOf = (input) => {
  const clock = input.form.dataset.clock;
  return [...document.querySelectorAll(`[data-stops="${CSS.escape(clock)}"] > li > a`)];
};

// While it is dragged the slider tells where it is; where it is left, the page goes.
let stepping = false;
document.addEventListener("input", ({ target }) => {
  if (!target.matches?.(".clock input[type=range]")) return;
  const stop = stopsOf(target)[target.value - 1];
  if (!stop) return;
  const told = stop.parentElement.querySelector(".told")?.textContent ?? "";
  target.setAttribute("aria-valuetext", `${stop.textContent}: ${told}`);
  target.form.querySelector("output").textContent = `${stop.textContent} · ${told}`;
});
document.addEventListener("change", async ({ target }) => {
  if (!target.matches?.(".clock input[type=range]")) return;
  const stop = stopsOf(target)[target.value - 1];
  if (!stop) return;
  // Where one begins to step stays in the history; a page that came too late to be shown began nothing.
  if (await go(stop.href, stepping ? "replaceState" : "pushState")) stepping = true;
});
document.addEventListener("submit", (event) => {
  const input = event.target.querySelector?.("input[type=range]");
  const stop = input && stopsOf(input)[input.value - 1];
  if (!stop) return;
  event.preventDefault();
  go(stop.href, "pushState");
});
addEventListener("popstate", () => {
  stepping = false;
  go(location.href);
});

// What is new is counted quietly, and shown where nobody is typing.
let stream = null;
let news = 0;
let waiting = 0;
let latest = "";

function follow() {
  stream?.close();
  stream = null;
  const live = document.querySelector("[data-live]");
  if (!live) return;
  stream = new EventSource(live.dataset.live);
  stream.addEventListener("record", ({ lastEventId }) => {
    news += 1;
    latest = lastEventId.split(":").pop();
    clearTimeout(waiting);
    waiting = setTimeout(refresh, 250);
  });
}

async function refresh() {
  const selector = document.querySelector("#live") ? "#live" : "#claim";
  const busy = document.activeElement?.matches("#claim input, #claim textarea");
  const url = new URL(location.href);
  if (/^\d+$/.test(latest)) url.searchParams.set("wait_for", latest);
  const page = busy ? null : await fetched(url);
  if (page) {
    swap(selector, page);
    document.querySelector(selector)?.classList.add("fresh");
  }
  const line = document.querySelector("#news");
  line.textContent = `${news} new event${news === 1 ? "" : "s"}`;
  if (!page) {
    const link = document.createElement("a");
    link.href = location.href;
    link.textContent = "Show";
    line.append(". ", link);
  }
}

addEventListener("pagehide", () => stream?.close());
addEventListener("pageshow", ({ persisted }) => persisted && follow());
address();
follow();
