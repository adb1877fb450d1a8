// The best result so far against the tests done, as a step line. The server draws the first one
// (batches/web/charts/best_curve.py); each event with a better result adds a point.

import * as format from "./format.js";

const WIDTH = 1000;
const HEIGHT = 160;
const MOST_POINTS = 200;

// points: [[active seconds, tests done, best value], ...], the oldest first
export function stepPath(points, current, total) {
  if (!points.length) return "";
  const values = points.map(([, , value]) => value);
  const low = Math.min(...values);
  const high = Math.max(...values);
  const tenths = (value) => Math.round(value * 10) / 10;
  const x = (tests) => tenths((WIDTH * Math.min(tests, total)) / Math.max(total, 1));
  const y = (value) => tenths(high > low ? HEIGHT * (1 - (value - low) / (high - low)) : HEIGHT / 2);
  const [[, firstTests, first], ...rest] = points;
  const steps = rest.map(([, tests, value]) => `H${x(tests)}V${y(value)}`).join("");
  return `M${x(firstTests)} ${y(first)}${steps}H${Math.max(x(current), x(points.at(-1)[1]))}`;
}

export function curveWords(points, unit) {
  if (!points.length) return "";
  const [, firstTests, first] = points[0];
  const [seconds, tests, last] = points.at(-1);
  if (points.length === 1) return `${format.metric(last, unit)} from the first results on.`;
  const from = `From ${format.metric(first, unit)} after ${format.count(firstTests)} tests`;
  return `${from} to ${format.metric(last, unit)} after ${format.count(tests)} tests and ${format.duration(seconds)}.`;
}

// Returns the points with that of an event; the same array when the event is no improvement.
export function improved(points, event, sortBy) {
  const value = event.bestSoFar?.[sortBy];
  if (!Number.isFinite(value) || points.at(-1)?.[2] === value || points.at(-1)?.[1] > event.current) return points;
  const kept = points.length < MOST_POINTS ? points : points.filter((_, i) => i % 2 === 0);
  return [...kept, [event.elapsedTime, event.current, value]];
}

export function createCurve(root, names) {
  let points = JSON.parse(root.dataset.points);
  const unit = names.metrics[names.sortBy]?.unit;
  const find = (selector) => root.querySelector(selector);
  const write = (node, text) => node.textContent !== text && (node.textContent = text);

  return function render(event) {
    points = improved(points, event, names.sortBy);
    root.hidden = points.length === 0;
    if (root.hidden) return;
    const values = points.map(([, , value]) => value);
    find("path").setAttribute("d", stepPath(points, event.current, event.total));
    write(find("[data-high]"), format.metric(Math.max(...values), unit));
    write(find("[data-low]"), format.metric(Math.min(...values), unit));
    write(find("[data-curve-words]"), curveWords(points, unit));
  };
}
