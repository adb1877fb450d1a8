// A heatmap of two parameters: one canvas pixel for each cell, scaled by CSS, so that a hundred thousand cells cost no more
// than a hundred. The pointer and the arrow keys select a cell, which is described in text.

import * as format from "./format.js";
import { color, extent, plateau, tickPlaces } from "./heatmap-scale.js";

const REFRESH_MS = 3000; // while the batch runs; more when the response is slow
const PATIENCE = 10; // at most a tenth of the time is spent on requests
const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

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

  async function load() {
    const mine = (newest += 1);
    const requestedAt = performance.now();
    const query = new URLSearchParams(new FormData(form));
    query.delete("near"); // smoothing is done here
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

  // A copied link shows the same map.
  function keepInAddress() {
    if (!changed || !card.isConnected) return;
    const address = new URL(location);
    const selected = new FormData(form);
    for (const { name } of form.elements) {
      if (selected.get(name)) address.searchParams.set(`map.${name}`, selected.get(name));
      else address.searchParams.delete(`map.${name}`);
    }
    history.replaceState(history.state, "", address);
  }

  function draw(answer) {
    answered = answer;
    const values = smooth.checked ? plateau(answer.values) : answer.values;
    data = { ...answer, values, ...extent(values) };
    const [rows, columns] = [data.y.values.length, data.x.values.length];
    canvas.width = columns;
    canvas.height = rows;
    canvas.style.aspectRatio = `${Math.max(columns, rows / 2)} / ${Math.max(rows, columns / 4)}`;
    const context = canvas.getContext("2d");
    const pixels = context.createImageData(columns, rows);
    data.values.flat().forEach((value, i) => {
      if (value === null) return; // stays transparent
      const share = data.high > data.low ? (value - data.low) / (data.high - data.low) : 1;
      pixels.data.set([...color(share), 255], i * 4);
    });
    context.putImageData(pixels, 0, 0);
    ticks(axes.x, data.x, "left");
    ticks(axes.y, data.y, "top");
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
      ? `${metric}, ${data.aggregate} of ${format.count(data.tests)} tests in ${format.count(data.count)} cells: ${format.metric(data.low, unit)} (dark) to ${format.metric(data.high, unit)} (bright).`
      : "No finished test has a value here yet.";
  }

  function describe([column, row]) {
    const value = data.values[row]?.[column];
    if (value === undefined) return;
    const text = format.metric(value, names.metrics[data.metric].unit);
    words.textContent = `${label(data.x)} ${valueText(data.x, data.x.values[column])}, ${label(data.y)} ${valueText(data.y, data.y.values[row])}: ${text}`;
  }

  canvas.addEventListener("pointermove", (event) => {
    if (!data) return;
    const box = canvas.getBoundingClientRect();
    const place = (from, start, size, n) => Math.min(n - 1, Math.max(0, Math.floor(((from - start) / size) * n)));
    at = [place(event.clientX, box.left, box.width, canvas.width), place(event.clientY, box.top, box.height, canvas.height)];
    describe(at);
  });
  canvas.addEventListener("keydown", (event) => {
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
    keepInAddress();
    event.target === smooth ? answered && draw(answered) : load();
  });
  form.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !event.target.matches("input[name=symbol]")) return;
    event.preventDefault(); // draw the map; do not submit to the table's page
    event.target.dispatchEvent(new Event("change", { bubbles: true }));
  });
  document.body.addEventListener("htmx:pushedIntoHistory", keepInAddress); // the table's links lack the map
  load();
}
