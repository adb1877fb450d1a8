// The chart of prices: a cursor with values, drag to zoom, trades linked with their rows. The server draws every range
// (batches/web/charts/price_chart.py); here is only what follows the pointer. Without scripts the links and the form of
// the chart do the same.

import * as format from "./format.js";

const DRAG_FROM = 0.015; // of the width; less is a click
const KEY_STEPS = 120;
const SHOWN = { price: format.price, currency: format.count, fraction: format.percent };

// The place of a fraction of the width among n points.
export function pointAt(fraction, n) {
  return Math.min(n - 1, Math.max(0, Math.round(fraction * (n - 1))));
}

// [number, start, end] of the trade at a percentage of the width, the one that began last; null between trades
export function tradeAt(percent, trades) {
  return trades.findLast(([, start, end]) => start <= percent && percent <= end) ?? null;
}

// `2022-12-30T20:59:00Z` as pages write it; a day stays as it is.
export function moment(text) {
  return text.replace("T", " ").replace(/(:00)?Z$/, " UTC");
}

// What stands above the chart: [text, whether it is emphasized] parts.
export function readOut(points, i) {
  const parts = [[moment(points.dates[i]), false]];
  for (const { label, kind, values } of points.series) parts.push([` · ${label} `, false], [SHOWN[kind](values[i]), true]);
  return parts;
}

// The ends of a range `factor` times as long around the point i, in the form of the dates.
export function zoomed(dates, i, factor) {
  const [first, at, last] = [dates[0], dates[i], dates.at(-1)].map((text) => Date.parse(text));
  const isDay = dates[0].length === 10;
  const text = (time) => (isDay ? new Date(time).toISOString().slice(0, 10) : `${new Date(time).toISOString().slice(0, 19)}Z`);
  return [text(at - (at - first) * factor), text(at + (last - at) * factor)];
}

function bind(section) {
  section.dataset.started = "";
  const points = JSON.parse(document.getElementById("points").textContent);
  const find = (name) => section.querySelector(`[data-${name}]`);
  const [lanes, over, cursor, lasso, lit, readout, form] =
    ["chart", "over", "cursor", "lasso", "lit", "readout", "range"].map(find);
  const atRest = [...readout.childNodes];
  const last = points.dates.length - 1;
  let at = last;
  let from = null;

  const fraction = (event) => {
    const box = over.getBoundingClientRect();
    return Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
  };
  const stretch = (rect, a, b) => {
    rect.setAttribute("x", `${a}%`);
    rect.setAttribute("width", `${Math.max(0.15, b - a)}%`);
    rect.setAttribute("visibility", "visible");
  };

  function point(i) {
    at = i;
    for (const end of ["x1", "x2"]) cursor.setAttribute(end, `${(100 * i) / Math.max(1, last)}%`);
    cursor.setAttribute("visibility", "visible");
    readout.replaceChildren(
      ...readOut(points, i).map(([text, strong]) => {
        const part = document.createElement(strong ? "strong" : "span");
        part.textContent = text;
        return part;
      }),
    );
  }

  function rest() {
    cursor.setAttribute("visibility", "hidden");
    lasso.setAttribute("visibility", "hidden");
    readout.replaceChildren(...atRest);
    light(null);
  }

  function light(number) {
    const trade = number === null ? null : points.trades.find(([other]) => other === number);
    if (trade) stretch(lit, trade[1], trade[2]);
    else lit.setAttribute("visibility", "hidden");
    for (const mark of section.querySelectorAll(".mark.is-lit")) mark.classList.remove("is-lit");
    if (trade) for (const mark of section.querySelectorAll(`[data-mark="${number}"]`)) mark.classList.add("is-lit");
  }

  function showRange(start, end) {
    form.elements.namedItem("from").value = start;
    form.elements.namedItem("to").value = end;
    form.requestSubmit();
  }
  const whole = () => section.querySelector(".segments a:last-of-type").click();

  lanes.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    from = fraction(event);
    lanes.setPointerCapture(event.pointerId);
  });
  lanes.addEventListener("pointermove", (event) => {
    const here = fraction(event);
    point(pointAt(here, last + 1));
    if (from === null) {
      const trade = tradeAt(100 * here, points.trades);
      light(trade?.[0] ?? null);
      showRow(trade?.[0] ?? null);
    } else if (Math.abs(here - from) > DRAG_FROM) stretch(lasso, 100 * Math.min(here, from), 100 * Math.max(here, from));
  });
  lanes.addEventListener("pointerup", (event) => {
    const ends = from === null ? [] : [from, fraction(event)].sort((a, b) => a - b);
    from = null;
    lasso.setAttribute("visibility", "hidden");
    if (ends.length && ends[1] - ends[0] > DRAG_FROM) showRange(...ends.map((end) => points.dates[pointAt(end, last + 1)]));
  });
  lanes.addEventListener("pointercancel", () => {
    from = null;
    rest();
  });
  lanes.addEventListener("pointerleave", () => {
    if (from !== null) return;
    rest();
    showRow(null);
  });
  lanes.addEventListener("dblclick", whole);
  lanes.addEventListener("blur", rest);
  lanes.addEventListener("keydown", (event) => {
    const move = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (move) {
      point(Math.min(last, Math.max(0, at + move * Math.max(1, Math.round(last / KEY_STEPS)))));
      readout.setAttribute("aria-live", "polite");
    } else if (event.key === "+" || event.key === "=") showRange(...zoomed(points.dates, at, 0.5));
    else if (event.key === "-") showRange(...zoomed(points.dates, at, 2));
    else if (event.key === "Escape") whole();
    else return;
    event.preventDefault();
  });
  return light;
}

let light = () => {};

function showRow(number) {
  for (const row of document.querySelectorAll("tr.is-lit")) row.classList.remove("is-lit");
  const row = number === null ? null : document.querySelector(`[data-trade="${number}"]`);
  if (!row) return;
  row.classList.add("is-lit");
  const box = row.closest(".table-scroll");
  const top = row.offsetTop;
  if (top < box.scrollTop + row.offsetHeight || top + row.offsetHeight > box.scrollTop + box.clientHeight) {
    box.scrollTop = top - box.clientHeight / 2;
  }
}

function start() {
  const section = document.getElementById("chart");
  if (!section || "started" in section.dataset) return;
  light = bind(section);
  const row = document.querySelector("[data-trade]:hover"); // the pointer stays where it was when a range is drawn
  if (row) light(Number(row.dataset.trade));
}

if (globalThis.document) {
  start();
  document.addEventListener("htmx:afterSettle", start);
  const numberOf = (event) => event.target.closest?.("[data-trade]")?.dataset.trade;
  for (const [name, leaves] of [["pointerover"], ["focusin"], ["pointerout", true], ["focusout", true]]) {
    document.addEventListener(name, (event) => {
      const number = numberOf(event);
      if (number === undefined) return;
      light(leaves ? null : Number(number));
      showRow(null);
      if (!leaves) event.target.closest("[data-trade]").classList.add("is-lit");
    });
  }
}
