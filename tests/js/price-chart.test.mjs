import assert from "node:assert/strict";
import test from "node:test";

import { moment, pointAt, readOut, tradeAt, zoomed } from "../../static/batches/price-chart.js";

test("the cursor stops at the nearest point, and at the ends", () => {
  assert.equal(pointAt(0.5, 101), 50);
  assert.equal(pointAt(0.504, 101), 50);
  assert.equal(pointAt(-1, 101), 0);
  assert.equal(pointAt(2, 101), 100);
  assert.equal(pointAt(0.7, 1), 0);
});

test("of trades that overlap, the one that began last lights up", () => {
  const trades = [[7, 10, 40], [8, 20, 30], [9, 50, 60]];
  assert.equal(tradeAt(15, trades)[0], 7);
  assert.equal(tradeAt(25, trades)[0], 8);
  assert.equal(tradeAt(45, trades), null);
});

test("values are read out in their units", () => {
  const points = {
    dates: ["2020-01-02", "2020-01-03"],
    series: [
      { label: "Close", kind: "price", values: [1, 0.01234] },
      { label: "equity", kind: "currency", values: [1, 123456.7] },
      { label: "drawdown", kind: "fraction", values: [0, -0.123] },
    ],
  };
  assert.equal(readOut(points, 1).map(([text]) => text).join(""), "2020-01-03 · Close 0.01234 · equity 123,457 · drawdown −12.3%");
});

test("moments are written as on the page, days stay", () => {
  assert.equal(moment("2022-12-30T20:00:00Z"), "2022-12-30 20:00 UTC");
  assert.equal(moment("2022-12-30T20:59:30Z"), "2022-12-30 20:59:30 UTC");
  assert.equal(moment("2022-12-30"), "2022-12-30");
});

test("keys zoom in and out around the cursor, in the form of the dates", () => {
  const days = ["2020-01-01", "2020-01-11", "2020-01-21"];
  assert.deepEqual(zoomed(days, 1, 0.5), ["2020-01-06", "2020-01-16"]);
  assert.deepEqual(zoomed(days, 2, 2), ["2019-12-12", "2020-01-21"]);
  const moments = ["2020-01-01T10:00:00Z", "2020-01-01T11:00:00Z"];
  assert.deepEqual(zoomed(moments, 0, 0.5), ["2020-01-01T10:00:00Z", "2020-01-01T10:30:00Z"]);
});
