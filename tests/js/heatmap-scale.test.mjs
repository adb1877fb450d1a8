import assert from "node:assert/strict";
import test from "node:test";

import { between, color, extent, paint, palette, plateau, tickPlaces } from "../../static/batches/heatmap-scale.js";

const lightness = ([red, green, blue]) => 0.2126 * red + 0.7152 * green + 0.0722 * blue;

test("a higher share is always brighter", () => {
  const shades = Array.from({ length: 101 }, (_, i) => lightness(color(i / 100)));
  shades.slice(1).forEach((shade, i) => assert.ok(shade > shades[i]));
});

test("shares outside of the range have the colors of its ends", () => {
  assert.deepEqual(color(-1), color(0));
  assert.deepEqual(color(7), color(1));
});

test("the extent leaves out what is undefined", () => {
  assert.deepEqual(extent([[null, -2], [3, null]]), { low: -2, high: 3, count: 2 });
  assert.equal(extent([[null]]).count, 0);
});

test("the extent of a million cells is found", () => {
  const row = Array.from({ length: 1000 }, (_, i) => i);
  assert.deepEqual(extent(Array.from({ length: 1000 }, () => row)), { low: 0, high: 999, count: 1_000_000 });
});

test("few ticks are placed however long the axis", () => {
  assert.deepEqual(tickPlaces(5), [0, 1, 2, 3, 4]);
  assert.deepEqual(tickPlaces(25), [0, 5, 10, 15, 20]);
  for (const length of [1, 10, 99, 250, 4321, 10_000]) assert.ok(tickPlaces(length).length <= 10, String(length));
});

test("a spike does not survive among its neighbors, a plateau does", () => {
  assert.deepEqual(plateau([[1, 1, 1], [1, 9, 1], [1, 1, 1]])[1][1], 1);
  assert.deepEqual(plateau([[5, 5], [5, 5]]), [[5, 5], [5, 5]]);
});

test("undefined cells stay undefined and are not counted", () => {
  assert.deepEqual(plateau([[null, 2], [4, null]]), [[null, 3], [3, null]]);
});

test("the first row of values is painted at the bottom, fewer tests pale, no value not at all", () => {
  const pixels = new Uint8ClampedArray(16);
  const data = { values: [[0, 1], [null, 0.5]], counts: [[2, 1], [0, 2]], most: 2 };
  paint(pixels, data, { place: (value) => value, shades: palette((share) => [share * 255, 0, 0]), pale: 110 });
  assert.deepEqual([...pixels], [0, 0, 0, 0, 128, 0, 0, 255, 0, 0, 0, 255, 255, 0, 0, 110]);
});

test("the middle of a diverging scale is its own color", () => {
  assert.deepEqual(between([[0, 0, 0], [10, 10, 10], [20, 20, 20]], 0.5), [10, 10, 10]);
});
