// The best result so far against the tests done, as a step line. The server draws the first one
// (batches/web/charts/best_curve.py); each event with a better result adds a point.

import * as format from "./format.js";

const WIDTH = 1000;
const HEIGHT = 160;
const MOST_POINTS = 200;

// points: [[active seconds, tests done, best value, luck line], ...], the oldest first; newest: the luck line now
export function stepPath(points, current, total, newest = null) {
  return steps(points.map(([, tests, value]) => [tests, value]), drawnValues(points, newest), current, total);
}

export function luckPath(points, current, total, newest) {
  const lines = points.filter((point) => Number.isFinite(point[3])).map(([, tests, , luck]) => [tests, luck]);
  if (Number.isFinite(newest)) lines.push([current, newest]);
  return steps(lines, drawnValues(points, newest), current, total);
}

export function drawnValues(points, newest) {
  return [...points.flatMap((point) => point.slice(2)), points.length ? newest : null].filter(Number.isFinite);
}

function steps(all, drawn, current, total) {
  if (!all.length || !drawn.length) return "";
  const low = Math.min(...drawn);
  const high = Math.max(...drawn);
  const tenths = (value) => Math.round(value * 10) / 10;
  const x = (tests) => tenths((WIDTH * Math.min(tests, total)) / Math.max(total, 1));
  const y = (value) => tenths(high > low ? HEIGHT * (1 - (value - low) / (high - low)) : HEIGHT / 2);
  const [[firstTests, first], ...rest] = all;
  const line = rest.map(([tests, value]) => `H${x(tests)}V${y(value)}`).join("");
  return `M${x(firstTests)} ${y(first)}${line}H${Math.max(x(current), x(all.at(-1)[0]))}`;
}

export function curveWords(points, unit) {
  if (!points.length) return "";
  const [, firstTests, first] = points[0];
  const [seconds, tests, last] = points.at(-1);
  if (points.length === 1) return `${format.metric(last, unit)} since the first results.`;
  const from = `From ${format.metric(first, unit)} after ${format.count(firstTests)} tests`;
  return `${from} to ${format.metric(last, unit)} after ${format.count(tests)} tests and ${format.duration(seconds)}.`;
}

// Returns the points with that of an event; the same array when the event is no improvement.
export function improved(points, event, sortBy) {
  const value = event.bestSoFar?.[sortBy];
  if (!Number.isFinite(value) || points.at(-1)?.[2] === value || points.at(-1)?.[1] > event.current) return points;
  const kept = points.length < MOST_POINTS ? points : points.filter((_, i) => i % 2 === 0);
  return [...kept, [event.elapsedTime, event.current, value, luckOf(event, sortBy)]];
}

function luckOf(event, sortBy) {
  return sortBy === "sharpe" ? (event.luck?.sharpe ?? null) : null;
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
    const luck = luckOf(event, names.sortBy);
    const values = drawnValues(points, luck);
    find("[data-best]").setAttribute("d", stepPath(points, event.current, event.total, luck));
    find("[data-luck]").setAttribute("d", luckPath(points, event.current, event.total, luck));
    write(find("[data-high]"), format.metric(Math.max(...values), unit));
    write(find("[data-low]"), format.metric(Math.min(...values), unit));
    write(find("[data-curve-words]"), curveWords(points, unit));
  };
}
