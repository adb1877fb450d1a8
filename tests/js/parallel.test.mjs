import assert from "node:assert/strict";
import test from "node:test";

import { range } from "../../static/batches/parallel.js";

const fast = { low: 2, high: 20, percent: false };

test("a stroke in either direction is the same range", () => {
  assert.deepEqual(range(0.25, 0.75, fast), ["6.5", "15.5"]);
  assert.deepEqual(range(0.75, 0.25, fast), ["6.5", "15.5"]);
});

test("an end of the axis is open: tests may lie beyond it", () => {
  assert.deepEqual(range(0, 0.5, fast), ["", "11"]);
  assert.deepEqual(range(0.5, 1, fast), ["11", ""]);
});

test("a click lets go of the range", () => assert.deepEqual(range(0.5, 0.505, fast), ["", ""]));

test("fractions are typed in percent", () => {
  assert.deepEqual(range(0.25, 0.5, { low: -0.8, high: 0, percent: true }), ["-60%", "-40%"]);
});
