import assert from "node:assert/strict";
import { test } from "node:test";

import { filterAddress, inside, sweepAddress } from "../../static/batches/heatmap-region.js";

const data = { x: { name: "slow", values: [20, 30, 40, 50] }, y: { name: "fast", values: [2, 4, 6] } };

test("a region holds the values between two corners, in whatever order they were dragged", () => {
  const region = { x: [30, 40], y: [4, 6] };
  assert.deepEqual(inside(data, [1, 1], [2, 2]), region);
  assert.deepEqual(inside(data, [2, 2], [1, 1]), region);
  assert.deepEqual(inside(data, [0, 0], [0, 0]), { x: [20], y: [2] });
});

test("a region has all values of cells that hold several", () => {
  const coarse = { x: { name: "slow", values: [20, 40], cellValues: [[20, 30], [40, 50]] }, y: data.y };
  assert.deepEqual(inside(coarse, [0, 1], [1, 1]), { x: [20, 30, 40, 50], y: [4] });
  assert.deepEqual(inside(coarse, [1, 1], [1, 1]), { x: [40, 50], y: [4] });
});

test("a sweep of a region keeps what the form had otherwise", () => {
  const href = sweepAddress("/?strategy=sma_cross&fast=2:6:2&slow=20:50:10&fees=0.001", data, { x: [30, 40], y: [4] }, "http://a");
  const query = new URL(href).searchParams;
  assert.deepEqual([query.get("slow"), query.get("fast"), query.get("fees")], ["30,40", "4", "0.001"]);
});

test("a region as a filter replaces those of its axes and begins at the first page", () => {
  const href = filterAddress("http://a/b/?min.slow=1&min.trades=5&page=3", data, { x: [30, 40], y: [4] });
  assert.equal(new URL(href).search, "?min.slow=30&min.trades=5&max.slow=40&min.fast=4&max.fast=4");
});
