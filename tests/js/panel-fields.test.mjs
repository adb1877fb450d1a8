import assert from "node:assert/strict";
import test from "node:test";

import { aged, panelFields, percentageText, stalledText, tabTitle } from "../../static/batches/panel-fields.js";

const names = {
  parameters: { fast: { label: "fast", kind: "int" }, slow: { label: "slow", kind: "int" } },
  metrics: { annualizedReturn: { label: "Annual return", unit: "fraction" }, sharpe: { label: "Sharpe ratio", unit: "ratio" } },
  sortBy: "annualizedReturn",
  betaScaling: true,
  timeout: "15 minutes",
};
const running = {
  status: "running", phase: "testing", current: 2458, total: 5000, percentage: 49.1, currentSymbol: "NVDA",
  currentBeta: 2.1, currentCoefficient: 1.5, currentParameters: { fast: 10, slow: 50 }, elapsedTime: 332,
  estimatedTimeRemaining: 383, avgTimePerTest: 0.149, successfulTests: 2457, failedTests: 1, sentAtMs: 1_000_000,
  bestSoFar: { index: 4, symbol: "TSLA", annualizedReturn: 0.487, sharpe: 1.256, parameters: { fast: 5, slow: 20 } },
};

test("a running batch reads as the wish has it", () => {
  const fields = panelFields(running, names);
  assert.equal(fields.headline, "Testing NVDA (2,458 of 5,000)");
  assert.equal(fields.percentage, "49.1%");
  assert.equal(fields.beta, "Beta: 2.10, Coeff: 1.50");
  assert.equal(fields.parameters, "fast 10, slow 50");
  assert.equal(fields.elapsed, "5m 32s");
  assert.equal(fields.remaining, "~6m 23s remaining");
  assert.equal(fields.perTest, "149 ms");
  assert.equal(fields.successful, "2,457");
  assert.equal(fields.failed, "1");
  assert.equal(fields.best, "TSLA - 48.7% annual return");
  assert.equal(fields.bestParameters, "fast 5, slow 20");
});

test("beta is not shown without beta scaling or before it is known", () => {
  assert.equal(panelFields(running, { ...names, betaScaling: false }).beta, "");
  assert.equal(panelFields({ ...running, currentBeta: null }, names).beta, "");
});

test("the best names the figure it was chosen by", () => {
  assert.equal(panelFields(running, { ...names, sortBy: "sharpe" }).best, "TSLA - 48.7% annual return, sharpe ratio 1.26");
});

test("an unknown estimate is said to be unknown, and an ended batch has none", () => {
  assert.equal(panelFields({ ...running, estimatedTimeRemaining: null }, names).remaining, "Estimating the time left");
  assert.equal(panelFields({ ...running, status: "complete", percentage: 100 }, names).remaining, "");
});

test("percentages show tenths except at the ends", () => {
  assert.deepEqual([0, 0.1, 49.2, 99.9, 100].map((percentage) => percentageText({ percentage })), ["0%", "0.1%", "49.2%", "99.9%", "100%"]);
});

test("between two events the clock goes on, but not in a paused batch", () => {
  assert.equal(aged(running, 3000).elapsedTime, 335);
  assert.equal(aged(running, 3000).estimatedTimeRemaining, 380);
  assert.equal(aged(running, 9e6).estimatedTimeRemaining, 1);
  assert.equal(aged({ ...running, status: "paused" }, 3000).elapsedTime, 332);
});

test("a batch without a working worker is stalled, by the server's clock", () => {
  const event = { ...running, lastWorkerSeenAtMs: running.sentAtMs - 2000 };
  assert.equal(stalledText(event, 5000, 10_000), "");
  assert.equal(stalledText(event, 10_400, 10_000), "Stalled: no worker seen for 12 s");
  assert.equal(stalledText({ ...event, status: "paused" }, 99_000, 10_000), "");
});

test("the tab's title follows the batch", () => {
  assert.equal(tabTitle(running), "49% NVDA · Backtester");
  assert.equal(tabTitle({ status: "complete", percentage: 100 }), "✓ Complete · Backtester");
  assert.equal(tabTitle({ status: "queued" }), "0% · Backtester");
});
