// A heatmap of two parameters: one canvas pixel for each cell, scaled by CSS, so that a hundred thousand cells cost no more
// than a hundred. The pointer and the arrow keys select a cell, which is described in text.

import * as format from "./format.js";
import { filters, keepInAddress } from "./heatmap-address.js";
import { startRegion, valuesOf } from "./heatmap-region.js";
import { color, diverging, drawScale, extent, paint, palette, plateau, tickPlaces } from "./heatmap-scale.js";

const CELLS = 25_000; // more are smaller than a pixel: the server joins neighbors
const REFRESH_MS = 3000; // while the batch runs; more when the response is slow
const PATIENCE = 10; // at most a tenth of the time is spent on requests
const PALE = 110; // opacity of a cell with fewer tests than others: without its weakest symbol it looks better than it is
const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
const AHEAD = "aheadOfHolding"; // its colors diverge around zero

function testsText(count, most) {
  const all = format.counted(most, "test");
  return count === most ? all : `${format.count(count)} of ${all}`;
}

export function startHeatmap(card, names) {
  const form = card.querySelector("form");
  const canvas = card.querySelector("canvas");
  const smooth = card.querySelector("[data-smooth]");
  const words = card.querySelector("[data-words]");
  const axes = { x: card.querySelector("[data-axis=x]"), y: card.querySelector("[data-axis=y]") };
  let newest = 0;
  let answered = null;
  let data = null;
  let at = null;
  let changed = location.search.includes("map.");

  const label = (axis) => names.parameters[axis.name].label;
  const valueText = (axis, value) => format.parameter(value, names.parameters[axis.name].kind);
  const cellText = (axis, i) => spanText(axis, valuesOf(axis, i));
  const spanText = (axis, values) => [...new Set([values[0], values.at(-1)])].map((value) => valueText(axis, value)).join(" to ");

  async function load() {
    const mine = (newest += 1);
    const requestedAt = performance.now();
    const query = new URLSearchParams(new FormData(form));
    query.delete("near"); // smoothing is done here
    query.set("cells", CELLS);
    for (const [name, value] of filters()) query.set(name, value);
    try {
      const response = await fetch(`${card.dataset.heatmap}?${query}`);
      if (response.status === 401) return location.reload(); // after a logout: the login leads back here
      const answer = await response.json();
      if (mine !== newest) return; // a later request is pending
      if (response.ok) draw(answer);
      else words.textContent = answer.error;
    } catch {
      words.textContent = "The server is not responding."; // a live map retries
    }
    if ("live" in card.dataset) setTimeout(again, Math.max(REFRESH_MS, PATIENCE * (performance.now() - requestedAt)), mine);
  }

  function again(mine) {
    if (mine === newest && card.isConnected) load();
  }

  const keep = () => changed && card.isConnected && keepInAddress(form);

  function draw(answer) {
    answered = answer;
    const values = smooth.checked ? plateau(answer.values) : answer.values;
    const tests = answer.counts.flat().reduce((sum, count) => sum + count, 0); // those with a value
    data = { ...answer, tests, values, ...extent(values), most: extent(answer.counts).high };
    const [rows, columns] = [data.y.values.length, data.x.values.length];
    canvas.width = columns;
    canvas.height = rows;
    const context = canvas.getContext("2d");
    const pixels = context.createImageData(columns, rows);
    const widest = Math.max(Math.abs(data.low), Math.abs(data.high)) || 1;
    const around = data.metric === AHEAD ? diverging(card) : null;
    const place = around ? (value) => (value / widest + 1) / 2 : (value) => (value - data.low) / (data.high - data.low || 1);
    const shades = palette(around ? (share) => around(share * 2 - 1) : color);
    paint(pixels.data, data, { place, shades, pale: PALE });
    context.putImageData(pixels, 0, 0);
    ticks(axes.x, data.x, "left");
    ticks(axes.y, data.y, "bottom");
    const ends = around ? [widest, 0, -widest] : [data.high, data.low];
    drawScale(card.querySelector("[data-bar]"), data.count ? ends : [], around, names.metrics[data.metric].unit);
    at ? describe(at) : summarize();
  }

  function ticks(strip, axis, side) {
    const places = tickPlaces(axis.values.length);
    strip.replaceChildren(
      ...places.map((i) => {
        const tick = document.createElement("span");
        tick.textContent = valueText(axis, axis.values[i]);
        tick.style[side] = `${((i + 0.5) / axis.values.length) * 100}%`;
        return tick;
      }),
    );
  }

  function summarize() {
    const { unit, label: metric } = names.metrics[data.metric];
    words.textContent = data.count
      ? `${metric}, ${data.aggregate} of ${format.counted(data.tests, "test")} in ${format.counted(data.count, "cell")}: ${format.metric(data.low, unit)} to ${format.metric(data.high, unit)}.${someArePale() ? " Pale cells have fewer tests." : ""}`
      : "No finished test has a value here.";
  }

  function someArePale() {
    return data.counts.some((line) => line.some((count) => count > 0 && count < data.most));
  }

  function describe([column, row]) {
    const value = data.values[row]?.[column];
    if (value === undefined) return;
    const text = format.metric(value, names.metrics[data.metric].unit);
    words.textContent = `${label(data.x)} ${cellText(data.x, column)}, ${label(data.y)} ${cellText(data.y, row)}: ${text} (${testsText(data.counts[row][column], data.most)})`;
  }

  function place(event) {
    const box = canvas.getBoundingClientRect();
    const within = (share, n) => Math.min(n - 1, Math.max(0, Math.floor(share * n)));
    const [across, up] = [(event.clientX - box.left) / box.width, (box.bottom - event.clientY) / box.height];
    return [within(across, canvas.width), within(up, canvas.height)];
  }

  function describeRegion(region) {
    words.textContent = ["y", "x"].map((axis) => `${label(data[axis])} ${spanText(data[axis], region[axis])}`).join(", ");
  }

  const region = startRegion(card, { place, describe: describeRegion, getData: () => data });
  canvas.addEventListener("pointermove", (event) => {
    if (!data || event.buttons) return;
    at = place(event);
    describe(at);
  });
  canvas.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && data && at) return region.pin(at);
    if (event.key === "Escape") return region.clear();
    const step = STEPS[event.key];
    if (!step || !data) return;
    event.preventDefault();
    const [column, row] = at ?? [-step[0], -step[1]];
    const clamp = (i, n) => Math.min(n - 1, Math.max(0, i));
    at = [clamp(column + step[0], canvas.width), clamp(row + step[1], canvas.height)];
    describe(at);
  });
  for (const leaving of ["pointerleave", "blur"]) {
    canvas.addEventListener(leaving, () => {
      at = null;
      if (data) summarize();
    });
  }
  form.addEventListener("change", (event) => {
    changed = true;
    keep();
    event.target === smooth ? answered && draw(answered) : load();
  });
  form.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !event.target.matches("input[name=symbol]")) return;
    event.preventDefault(); // draw the map; do not submit to the table's page
    event.target.dispatchEvent(new Event("change", { bubbles: true }));
  });
  document.body.addEventListener("htmx:pushedIntoHistory", keep); // the table's links lack the map
  let shown = JSON.stringify(filters());
  document.body.addEventListener("htmx:afterSettle", () => {
    const now = JSON.stringify(filters());
    if (!card.isConnected || now === shown) return;
    shown = now;
    region.clear();
    load();
  });
  load();
}
