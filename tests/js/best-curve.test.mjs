import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

import { curveWords, improved, luckPath, stepPath } from "../../static/batches/best-curve.js";

const cases = JSON.parse(readFileSync(new URL("./curve-cases.json", import.meta.url)));
const event = (current, sharpe) => ({ current, elapsedTime: current / 10, bestSoFar: sharpe === null ? null : { sharpe } });

test("the line is the server's", () => {
  for (const { points, current, total, path, newest = null, luck = "" } of cases.paths) {
    assert.equal(stepPath(points, current, total, newest), path);
    assert.equal(luckPath(points, current, total, newest), luck);
  }
});

test("the words are the server's", () => {
  for (const { points, unit, words } of cases.words) assert.equal(curveWords(points, unit), words);
});

test("only a better best adds a point", () => {
  const points = improved([], event(10, 0.5), "sharpe");
  assert.deepEqual(points, [[1, 10, 0.5, null]]);
  assert.equal(improved(points, event(20, 0.5), "sharpe"), points);
  assert.equal(improved(points, event(20, null), "sharpe"), points);
  assert.deepEqual(improved(points, event(20, 0.7), "sharpe"), [[1, 10, 0.5, null], [2, 20, 0.7, null]]);
});

test("a point holds the luck line where the batch is ranked by the Sharpe ratio", () => {
  const lucky = { ...event(10, 0.5), luck: { sharpe: 0.2 } };
  assert.deepEqual(improved([], lucky, "sharpe"), [[1, 10, 0.5, 0.2]]);
  const other = { ...lucky, bestSoFar: { calmar: 2 } };
  assert.deepEqual(improved([], other, "calmar"), [[1, 10, 2, null]]);
});

test("an event from before the last point adds nothing", () => {
  const points = [[1, 10, 0.5]];
  assert.equal(improved(points, event(5, 0.4), "sharpe"), points);
});

test("there are never more than two hundred points, and the first and the newest stay", () => {
  let points = [];
  for (let i = 1; i <= 5000; i += 1) points = improved(points, event(i, i / 1000), "sharpe");
  assert.ok(points.length <= 200);
  assert.equal(points[0][1], 1);
  assert.equal(points.at(-1)[1], 5000);
});
