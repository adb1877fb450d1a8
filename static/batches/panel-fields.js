// The text of the panel for one event, without state. batches/web/panel_words.py writes the same on the server.

import * as format from "./format.js";
import { isTerminal } from "./live-feed.js";

// names: {parameters: {fast: {label, kind}}, metrics: {sharpe: {label, unit}}, sortBy, severalTimeframes, betaScaling, timeout, stalledAfterMs}
export function panelFields(event, names) {
  const best = event.bestSoFar;
  return {
    headline: format.headline(event, names.timeout),
    percentage: percentageText(event),
    beta: betaText(event, names),
    parameters: format.parameters(event.currentParameters, names.parameters),
    elapsed: isTerminal(event) ? format.took(event.elapsedTime) : format.duration(event.elapsedTime),
    remaining: remainingText(event),
    perTest: format.perTest(event.avgTimePerTest),
    perSecond: format.perSecond(event.avgTimePerTest),
    phase: phaseText(event),
    successful: format.count(event.successfulTests),
    failed: format.count(event.failedTests),
    bestLabel: isTerminal(event) ? "Best result" : "Current best result",
    best: best ? bestText(best, names) : "",
    bestParameters: best ? testText(best, names) : "",
    luck: luckText(event.luck),
    retry: retryText(event),
  };
}

// A retry takes over the finished tests and runs the others; that of a cancelled batch undoes the cancel.
export function retryText({ status, total, successfulTests }) {
  const left = total - successfulTests;
  if (left <= 0) return "Retry";
  return status === "cancelled" ? `Continue (${format.count(left)} left)` : `Run the remaining ${format.count(left)}`;
}

// 49.2 for 49.27, so that 100 means all.
export function roundedDown(event) {
  return Math.floor((event.percentage ?? 0) * 10) / 10;
}

// "49.2%", rounded down so that "100%" means all; "0%" means none.
export function percentageText(event) {
  const value = roundedDown(event);
  return value === 0 || value === 100 ? `${value}%` : format.percent(value / 100);
}

function betaText(event, names) {
  const { currentBeta, currentCoefficient } = event;
  if (!names.betaScaling || !Number.isFinite(currentBeta)) return "";
  return `Beta: ${format.fixed(currentBeta, 2)}, Coeff: ${format.fixed(currentCoefficient ?? 1, 2)}`;
}

function remainingText(event) {
  if (isTerminal(event)) return "";
  if (event.status === "paused") return "Paused";
  if (!Number.isFinite(event.estimatedTimeRemaining)) return "Estimating the time left";
  return `${format.remaining(event.estimatedTimeRemaining)} remaining`;
}

const PHASES = { loading: "Loading", compiling: "Compiling", testing: "Running", writing: "Writing" };

function phaseText(event) {
  if (event.status === "running") return PHASES[event.phase] ?? event.phase;
  if (event.status === "complete" && !event.successfulTests) return "Complete, all failed";
  const words = { queued: "Queued", paused: "Paused", complete: "Complete", cancelled: "Cancelled", error: "Failed" };
  return event.code === "TIMEOUT" ? "Timed out" : words[event.status];
}

// "TSLA - 48.7% annual return", with the ranking metric when that is another one.
function bestText(best, names) {
  const text = `${format.isolated(best.symbol)} - ${format.percent(best.annualizedReturn)} annual return`;
  if (names.sortBy === "annualizedReturn") return text;
  const { label, unit } = names.metrics[names.sortBy];
  return `${text}, ${format.midSentence(label)} ${format.metric(best[names.sortBy], unit)}`;
}

// "1h, Fast average 10, Slow average 50, coefficient 1.50": which test of its symbol it is.
function testText(row, names) {
  const parts = [format.parameters(row.parameters, names.parameters)];
  if (names.severalTimeframes && row.timeframe) parts.unshift(row.timeframe);
  if (names.betaScaling && Number.isFinite(row.coefficient)) parts.push(`coefficient ${format.fixed(row.coefficient, 2)}`);
  return parts.join(", ");
}

// "Sharpe ratio 1.21. The best of 3,412 without skill would show about 0.93."
function luckText(luck) {
  if (!luck || !Number.isFinite(luck.bestSharpe)) return "";
  const [sharpe, line] = [luck.bestSharpe, luck.sharpe].map((value) => format.metric(value, "ratio"));
  return `Sharpe ratio ${sharpe}. The best of ${format.count(luck.trialsEver)} without skill would show about ${line}.`;
}

// One cell of a row: the timeframe, a parameter, the coefficient, or a metric.
export function cellText(row, name, names) {
  if (name === "timeframe") return row.timeframe ?? format.MISSING;
  if (name in (row.parameters ?? {})) return format.parameter(row.parameters[name], names.parameters[name]?.kind);
  return format.metric(row[name], names.metrics[name]?.unit ?? "ratio");
}

// The event with its times advanced: the clock runs on between two events.
export function aged(event, passedMs) {
  if (event.status !== "running" && event.status !== "queued") return event;
  const seconds = Math.max(0, passedMs) / 1000;
  const left = event.estimatedTimeRemaining;
  return {
    ...event,
    elapsedTime: event.elapsedTime + seconds,
    estimatedTimeRemaining: Number.isFinite(left) ? Math.max(1, left - seconds) : null,
  };
}

// "Stalled: no worker seen for 12 s", by the server's clock; "" otherwise.
export function stalledText(event, passedMs, stalledAfterMs) {
  if (event.status !== "running" || !event.lastWorkerSeenAtMs) return "";
  const silentMs = event.sentAtMs + passedMs - event.lastWorkerSeenAtMs;
  return silentMs > stalledAfterMs ? `Stalled: no worker seen for ${Math.floor(silentMs / 1000)} s` : "";
}

export function tabTitle(event) {
  const end = { complete: "✓ Complete", error: "✗ Failed", cancelled: "Cancelled" }[event.status];
  const now = end ?? [`${Math.floor(event.percentage ?? 0)}%`, event.currentSymbol].filter(Boolean).join(" ");
  return `${now} · Backtester`;
}
