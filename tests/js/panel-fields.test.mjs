import assert from "node:assert/strict";
import test from "node:test";

import { isWorthAsking } from "../../static/batches/cancel-question.js";
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

test("the best says its timeframe and coefficient where tests differ in them", () => {
  const bestSoFar = { ...running.bestSoFar, timeframe: "1h", coefficient: 1.5 };
  assert.equal(panelFields({ ...running, bestSoFar }, names).bestParameters, "fast 5, slow 20, coefficient 1.50");
  const several = { ...names, betaScaling: false, severalTimeframes: true };
  assert.equal(panelFields({ ...running, bestSoFar }, several).bestParameters, "1h, fast 5, slow 20");
});

test("a best symbol from right to left does not turn its return around", () => {
  const bestSoFar = { ...running.bestSoFar, symbol: "שלום", annualizedReturn: -0.047 };
  assert.equal(panelFields({ ...running, bestSoFar }, names).best, "\u2068שלום\u2069 - −4.7% annual return");
});

test("a batch whose tests all failed is not just complete", () => {
  const ended = { ...running, status: "complete", successfulTests: 0, failedTests: 5000 };
  assert.equal(panelFields(ended, names).phase, "Complete, all failed");
  assert.equal(panelFields({ ...ended, successfulTests: 1 }, names).phase, "Complete");
});

test("beta is not shown without beta scaling or before it is known", () => {
  assert.equal(panelFields(running, { ...names, betaScaling: false }).beta, "");
  assert.equal(panelFields({ ...running, currentBeta: null }, names).beta, "");
});

test("the best names the figure it was chosen by", () => {
  assert.equal(panelFields(running, { ...names, sortBy: "sharpe" }).best, "TSLA - 48.7% annual return, Sharpe ratio 1.26");
});

test("an unknown estimate is said to be unknown, and an ended batch has none", () => {
  assert.equal(panelFields({ ...running, estimatedTimeRemaining: null }, names).remaining, "Estimating the time left");
  assert.equal(panelFields({ ...running, status: "complete", percentage: 100 }, names).remaining, "");
});

test("percentages show tenths except at the ends", () => {
  assert.deepEqual([0, 0.1, 49.2, 49.29, 99.9, 99.9999, 100].map((percentage) => percentageText({ percentage })), ["0%", "0.1%", "49.2%", "49.2%", "99.9%", "99.9%", "100%"]);
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

test("the luck line names both Sharpe ratios, and is empty without them", () => {
  const luck = { trials: 3000, trialsEver: 3412, sharpe: 0.93, bestSharpe: 1.21, deflatedSharpe: 0.8 };
  const words = "Sharpe ratio 1.21. The best of 3,412 without skill would show about 0.93.";
  assert.equal(panelFields({ ...running, luck }, names).luck, words);
  assert.equal(panelFields({ ...running, luck: { ...luck, bestSharpe: null } }, names).luck, "");
  assert.equal(panelFields({ ...running, luck: null }, names).luck, "");
  assert.equal(panelFields(running, names).luck, "");
});

test("a retry says how many tests it runs, and a cancel asks when something was computed for a while", () => {
  assert.equal(panelFields(running, names).retry, "Run the remaining 2,543");
  assert.equal(panelFields({ ...running, status: "cancelled" }, names).retry, "Continue (2,543 left)");
  assert.equal(panelFields({ ...running, successfulTests: 5000 }, names).retry, "Retry");
  assert.equal(isWorthAsking(running, 10), true);
  assert.equal(isWorthAsking({ ...running, elapsedTime: 9 }, 10), false);
  assert.equal(isWorthAsking({ ...running, current: 0 }, 10), false);
});
