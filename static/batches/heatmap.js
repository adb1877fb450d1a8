// A heatmap of two parameters, as SVG. Every cell has its words for pointer, keyboard and screen reader.

import * as format from "./format.js";

const SVG = "http://www.w3.org/2000/svg";
const LEFT = 52;
const BOTTOM = 22;
const WIDTH = 560;
const MOST_LABELS = 12;

// From low to high: blue-grey to green on both themes, readable without telling red from green.
const STOPS = [[68, 60, 128], [48, 103, 141], [34, 144, 140], [92, 200, 99], [246, 222, 72]];

export function colour(share) {
  const at = Math.min(Math.max(share, 0), 1) * (STOPS.length - 1);
  const i = Math.min(Math.floor(at), STOPS.length - 2);
  const mix = STOPS[i].map((from, channel) => Math.round(from + (STOPS[i + 1][channel] - from) * (at - i)));
  return `rgb(${mix.join(" ")})`;
}

export function range(values) {
  const known = values.flat().filter((value) => value !== null);
  return known.length ? { low: Math.min(...known), high: Math.max(...known), count: known.length } : null;
}

function node(name, attributes, text) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text !== undefined) element.textContent = text;
  return element;
}

export function startHeatmap(card, names) {
  const form = card.querySelector("form");
  const svg = card.querySelector("svg");
  const words = card.querySelector("[data-words]");
  let newest = 0;

  async function load() {
    const mine = (newest += 1);
    const query = new URLSearchParams(new FormData(form));
    const response = await fetch(`${card.dataset.heatmap}?${query}`);
    const data = await response.json();
    if (mine !== newest) return; // a later choice is on its way
    if (response.ok) draw(data);
    else words.textContent = data.error;
  }

  function draw(data) {
    const found = range(data.values);
    svg.replaceChildren();
    if (!found) {
      words.textContent = "No finished test has a value here.";
      return;
    }
    const { unit, label } = names.metrics[data.metric];
    const shown = (axis, value) => format.parameter(value, names.parameters[axis.name].kind);
    const size = Math.max(4, Math.min(34, (WIDTH - LEFT) / data.x.values.length));
    const high = Math.max(4, Math.min(size, 420 / data.y.values.length));
    const rows = data.y.values.length;
    svg.setAttribute("viewBox", `0 0 ${LEFT + size * data.x.values.length} ${rows * high + BOTTOM}`);
    svg.setAttribute("width", LEFT + size * data.x.values.length);
    data.values.forEach((line, i) => {
      line.forEach((value, j) => {
        if (value === null) return;
        const share = found.high > found.low ? (value - found.low) / (found.high - found.low) : 1;
        const text = `${names.parameters[data.x.name].label} ${shown(data.x, data.x.values[j])}, ${names.parameters[data.y.name].label} ${shown(data.y, data.y.values[i])}: ${format.metric(value, unit)}`;
        const cell = node("rect", { class: "cell", x: LEFT + j * size, y: i * high, width: size, height: high, fill: colour(share) });
        cell.append(node("title", {}, text));
        cell.addEventListener("pointerenter", () => (words.textContent = text));
        svg.append(cell);
      });
    });
    labels(data, shown, size, high);
    words.textContent = `${label}, ${data.aggregate} of ${format.count(data.tests)} tests in ${format.count(found.count)} cells: ${format.metric(found.low, unit)} (dark) to ${format.metric(found.high, unit)} (bright).`;
  }

  function labels(data, shown, size, high) {
    const every = (axis) => Math.ceil(axis.values.length / MOST_LABELS);
    data.y.values.forEach((value, i) => {
      if (i % every(data.y) === 0) {
        svg.append(node("text", { x: LEFT - 6, y: i * high + high / 2 + 4, "text-anchor": "end" }, shown(data.y, value)));
      }
    });
    const bottom = data.y.values.length * high + 15;
    data.x.values.forEach((value, j) => {
      if (j % every(data.x) === 0) {
        svg.append(node("text", { x: LEFT + j * size + size / 2, y: bottom, "text-anchor": "middle" }, shown(data.x, value)));
      }
    });
  }

  form.addEventListener("change", load);
  form.addEventListener("submit", (event) => event.preventDefault());
  load();
}
