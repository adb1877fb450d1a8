// Colors and tick positions of a heatmap.

import * as format from "./format.js";

const MOST_TICKS = 9;

// From dark violet to yellow in even steps of lightness: readable in both themes and with red-green color blindness.
const STOPS = [[68, 60, 128], [48, 103, 141], [34, 144, 140], [92, 200, 99], [246, 222, 72]];

export function color(share) {
  return between(STOPS, share);
}

// The page's own colors of ahead and behind, for -1 to 1. The middle is near the surface, so that noise looks flat.
export function diverging(card) {
  const style = getComputedStyle(card);
  const read = (name) => style.getPropertyValue(`--shade-${name}`).trim().slice(1).match(/../g).map((hex) => parseInt(hex, 16));
  const [mid, up, upEnd, down, downEnd] = ["mid", "up", "up-end", "down", "down-end"].map(read);
  return (share) => (share < 0 ? between([mid, down, downEnd], -share) : between([mid, up, upEnd], share));
}

export function between(stops, share) {
  const at = Math.min(Math.max(share, 0), 1) * (stops.length - 1);
  const i = Math.min(Math.floor(at), stops.length - 2);
  return stops[i].map((from, channel) => Math.round(from + (stops[i + 1][channel] - from) * (at - i)));
}

const SHADES = 256;

// The colors of 0 to 1 in so many steps, red, green and blue one after the other.
export function palette(shade) {
  return Uint8Array.from(Array.from({ length: SHADES }, (_, i) => shade(i / (SHADES - 1))).flat());
}

// Fills the pixels of a canvas, the first row of values at the bottom. A cell without a value stays transparent, one with
// fewer tests than others is pale. No array is made for a cell: a map may have a hundred thousand.
export function paint(pixels, { values, counts, most }, { place, shades, pale }) {
  values.forEach((line, row) => {
    const start = (values.length - 1 - row) * line.length;
    for (let column = 0; column < line.length; column += 1) {
      if (line[column] === null) continue;
      const from = Math.round(place(line[column]) * (SHADES - 1)) * 3;
      const to = (start + column) * 4;
      for (let channel = 0; channel < 3; channel += 1) pixels[to + channel] = shades[from + channel];
      pixels[to + 3] = counts[row][column] < most ? pale : 255;
    }
  });
}

// The bar of colors beside the map, with its ends in words.
export function drawScale(bar, ends, around, unit) {
  bar.dataset.scale = around ? "around" : "along";
  const texts = ends.map((end) => (around && end === 0 ? "hold" : format.metric(end, unit)));
  bar.replaceChildren(
    ...texts.map((text) => {
      const node = document.createElement("span");
      node.textContent = text;
      return node;
    }),
  );
}

// No spread of arguments here, and no copy: a grid may have a hundred thousand cells.
export function extent(values) {
  let [low, high, count] = [Infinity, -Infinity, 0];
  for (const line of values) {
    for (const value of line) {
      if (value === null) continue;
      count += 1;
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  return { low, high, count };
}

// Every first, second, fifth, tenth, ... value, so that no more than a few are labelled.
export function tickPlaces(length) {
  let every = 1;
  for (const factor of [2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000]) {
    if (length / every <= MOST_TICKS) break;
    every = factor;
  }
  return Array.from({ length: Math.ceil(length / every) }, (_, i) => i * every);
}

// Each cell as the median of itself and its neighbors: a plateau stays bright, a lucky spike does not.
export function plateau(values) {
  const near = new Float64Array(9); // sorted; one for all cells, since making arrays would take most of the time
  return values.map((line, row) =>
    line.map((value, column) => {
      if (value === null) return null;
      let n = 0;
      for (let y = Math.max(0, row - 1); y <= row + 1 && y < values.length; y += 1) {
        for (let x = Math.max(0, column - 1); x <= column + 1 && x < line.length; x += 1) {
          if (values[y][x] !== null) n = insert(near, n, values[y][x]);
        }
      }
      return (near[(n - 1) >> 1] + near[n >> 1]) / 2;
    }),
  );
}

function insert(sorted, n, value) {
  let at = n;
  for (; at > 0 && sorted[at - 1] > value; at -= 1) sorted[at] = sorted[at - 1];
  sorted[at] = value;
  return n + 1;
}
