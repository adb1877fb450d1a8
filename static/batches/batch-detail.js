// The batch page: the feed draws the panel; when the batch ends, the results are fetched once, without scrolling.

import { askBeforeCancel } from "./cancel-question.js";
import { startHeatmap } from "./heatmap.js";
import { isTerminal, startLiveFeed } from "./live-feed.js";
import { watchNear } from "./near.js";
import { offerNotification } from "./notify.js";
import { startBrushing } from "./parallel.js";
import { createPanel } from "./progress-panel.js";
import { createIcon } from "./tab-icon.js";

const TICK_MS = 1000;
const root = document.querySelector("[data-panel]");
const results = document.getElementById("results");
const read = (id) => JSON.parse(document.getElementById(id).textContent);

const first = read("first-event");
const names = read("names");
const panel = createPanel(root, names);
const showIcon = createIcon(document.querySelector("link[rel=icon]"));
panel.render(first);
showIcon(first);

if (!isTerminal(first)) follow();
startHeatmaps();

function follow() {
  const { stream, snapshot, websocket } = root.dataset;
  const question = document.querySelector("[data-question]");
  let newest = first;
  askBeforeCancel(question, () => newest);
  const socketUrl = new URL(websocket, location.href);
  socketUrl.protocol = socketUrl.protocol.replace("http", "ws");
  const title = document.querySelector("h1").textContent;
  const notifyOfEnd = offerNotification(document.querySelector("[data-notify]"), title, names.timeout);
  const ticking = setInterval(panel.tick, TICK_MS);
  const feed = startLiveFeed({
    urls: { websocket: socketUrl.href, stream, snapshot },
    sequence: first.sequence,
    // After a logout the page redirects to the login, which leads back here.
    onState: (state) => (state === "locked" ? location.reload() : panel.connection(state)),
    onEvent(event) {
      newest = event;
      panel.render(event);
      showIcon(event);
      if (isTerminal(event)) question.close();
      if (!isTerminal(event) || event.type === "connected") return;
      clearInterval(ticking);
      notifyOfEnd(event);
      showResults();
    },
  });
  window.addEventListener("pagehide", feed.stop, { once: true });
  // A page restored from the browser's cache is stale.
  window.addEventListener("pageshow", ({ persisted }) => persisted && location.reload());
}

async function showResults() {
  if ("loaded" in results.dataset) return;
  results.dataset.loaded = "";
  for (const card of document.querySelectorAll("[data-ended]")) card.hidden = false;
  await window.htmx.ajax("GET", location.pathname + location.search, { target: "#results", swap: "innerHTML" });
  if (!results.firstElementChild) location.reload(); // without the fragment, load the whole page
}

function startHeatmaps() {
  for (const card of document.querySelectorAll("[data-heatmap]:not([data-started])")) {
    card.dataset.started = "";
    startHeatmap(card, names);
  }
}

// New filters change the picture. It is loaded when one comes near it: fetching it before would discard what is typed
// into its ranges meanwhile.
function refreshParallel() {
  const card = document.getElementById("parallel");
  if (card?.matches(".htmx-request") || card?.querySelector("form")) window.htmx.trigger(card, "refresh");
}

document.body.addEventListener("htmx:afterSettle", ({ detail }) => {
  startHeatmaps();
  watchNear();
  if (detail.target === results) refreshParallel();
});

// Leave empty fields out of the address.
document.body.addEventListener("htmx:configRequest", ({ detail: { verb, formData } }) => {
  if (verb !== "get") return;
  for (const [name, value] of [...formData]) if (value === "") formData.delete(name);
});
startBrushing(document.body);
document.addEventListener("DOMContentLoaded", watchNear); // after htmx, which has to know the parts
