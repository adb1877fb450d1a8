// Draws the whole panel from one event. Drawing the same event twice changes nothing. Nodes are changed in place, so that
// focus, selection and scroll position stay.

import { createCurve } from "./best-curve.js";
import * as format from "./format.js";
import { isTerminal } from "./live-feed.js";
import { aged, cellText, panelFields, percentageText, roundedDown, stalledText, tabTitle } from "./panel-fields.js";

const ANNOUNCE_EVERY_MS = 15_000;
const CONNECTION_WORDS = { reconnecting: "Reconnecting…" };
const GONE = "This batch was deleted";

export function createPanel(root, names, now = () => Date.now()) {
  const fields = new Map([...root.querySelectorAll("[data-field]")].map((node) => [node.dataset.field, node]));
  const find = (selector) => root.querySelector(selector);
  const bar = find("[role=progressbar]");
  const fill = find("[data-fill]");
  const errors = find("[data-errors]");
  const leaders = find("[data-leaders]");
  const curve = find("[data-curve]"); // it, the errors and the leaders are there until the results come
  const drawCurve = curve ? createCurve(curve, names) : () => {};
  const announcer = find("[data-announcer]");
  const actions = [...document.querySelectorAll("[data-when]")];
  let event = null;
  let receivedAt = 0;
  let announcedAt = -Infinity;
  let announcedStatus = "";

  const write = (name, text) => setText(fields.get(name), text);

  function render(next) {
    event = next;
    receivedAt = now();
    root.dataset.status = event.status;
    for (const [name, text] of Object.entries(panelFields(event, names))) write(name, text);
    drawBar();
    if (errors) drawErrors();
    drawCurve(event);
    drawWinner(event.bestSoFar);
    if (leaders) drawLeaders(leaders, event.leaders ?? [], names);
    for (const action of actions) action.hidden = !action.dataset.when.split(" ").includes(event.status);
    find("[data-has-successes]")?.toggleAttribute("data-some", event.successfulTests > 0);
    find("[data-has-failures]")?.toggleAttribute("data-some", event.failedTests > 0);
    document.title = tabTitle(event);
    announce();
    tick();
  }

  function drawBar() {
    const value = roundedDown(event);
    fill.setAttribute("width", `${value}%`);
    bar.setAttribute("aria-valuenow", value);
    bar.setAttribute("aria-valuetext", `${percentageText(event)}, ${format.headline(event, names.timeout)}`);
  }

  function drawErrors() {
    const messages = event.recentErrors ?? [];
    errors.hidden = messages.length === 0;
    const list = errors.querySelector("ul");
    while (list.children.length > messages.length) list.lastElementChild.remove();
    messages.forEach((message, i) => {
      setText(list.children[i] ?? list.appendChild(document.createElement("li")), message);
    });
  }

  function drawWinner(best) {
    if (!best) return;
    for (const node of root.querySelectorAll("[data-winner]")) setText(node, cellText(best, node.dataset.winner, names));
    find("[data-winner-link]")?.setAttribute("href", `${names.resultsUrl}${best.index}/`);
  }

  function announce() {
    const changed = event.status !== announcedStatus;
    if (!changed && now() - announcedAt < ANNOUNCE_EVERY_MS) return;
    announcedAt = now();
    announcedStatus = event.status;
    announcer.textContent = format.announcement(event, names.timeout);
  }

  // The clock runs on between two events.
  function tick() {
    if (!event || isTerminal(event)) return write("stalled", "");
    const passed = now() - receivedAt;
    const current = panelFields(aged(event, passed), names);
    write("elapsed", current.elapsed);
    write("remaining", current.remaining);
    write("stalled", stalledText(event, passed, names.stalledAfterMs));
  }

  function connection(state) {
    root.dataset.connection = state;
    write("connection", CONNECTION_WORDS[state] ?? "");
    if (state === "gone") showDeleted();
  }

  // No more events follow and no action is possible; the last values stay visible.
  function showDeleted() {
    event = null;
    root.dataset.status = "gone";
    for (const name of ["phase", "remaining", "beta", "parameters", "stalled"]) write(name, "");
    write("headline", GONE);
    for (const action of actions) action.hidden = true;
    bar.setAttribute("aria-valuetext", GONE);
    announcer.textContent = `${GONE}.`;
    document.title = `${GONE} · Backtester`;
  }

  return { render, tick, connection };
}

function setText(node, text) {
  if (node && node.textContent !== text) node.textContent = text;
}

function drawLeaders(table, rows, names) {
  const body = table.tBodies[0];
  const columns = [...table.tHead.querySelectorAll("[data-column]")].map((head) => head.dataset.column);
  while (body.rows.length > rows.length) body.lastElementChild.remove();
  rows.forEach((row, i) => drawLeader(body.rows[i] ?? newLeader(body, columns.length), row, columns, names));
}

function newLeader(body, columnCount) {
  const line = body.insertRow();
  line.insertCell().className = "rank";
  line.insertCell().append(document.createElement("a"));
  for (let i = 0; i < columnCount; i += 1) line.insertCell().className = "number";
  return line;
}

function drawLeader(line, row, columns, names) {
  const key = String(row.index);
  const [rank, symbol, ...numbers] = line.cells;
  // Highlight a new row for a moment, except when the page is first drawn.
  line.classList.toggle("is-new", Boolean(line.dataset.index) && line.dataset.index !== key);
  line.dataset.index = key;
  const link = symbol.querySelector("a");
  const texts = [
    [rank, String(line.sectionRowIndex + 1)],
    [link, row.symbol],
    ...columns.map((name, i) => [numbers[i], cellText(row, name, names)]),
  ];
  for (const [node, text] of texts) setText(node, text);
  link.setAttribute("href", `${names.resultsUrl}${row.index}/`);
}
