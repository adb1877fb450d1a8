// Numbers and durations as text, without DOM or clock. batches/formatting.py writes the same on the server;
// tests/js/format-cases.json tests both.

export const MISSING = "–";
const TIMES_FROM = 100; // a return of 152,844.6% reads better as ×1,529

// The user's separators with Latin digits; in Node.js, where the tests run, the server's separators.
const LOCALE = globalThis.document ? undefined : "en-US";
// A hyphen is no sign, and a line may break after it: "-3.5" -> "−3.5", whose sign some locales write themselves.
const formatter = (style) => {
  const number = new Intl.NumberFormat(LOCALE, { numberingSystem: "latn", ...style });
  return (value) => number.format(value).replace("-", "−");
};
const whole = formatter({ maximumFractionDigits: 0, signDisplay: "negative" });
// A number as a user types it: at most six decimals, no trailing zeros.
const short = formatter({ maximumFractionDigits: 6, useGrouping: false });
// "negative": no sign on what rounds to zero. Creating a formatter costs more than a hundred uses.
const exactly = [0, 1, 2].map((digits) =>
  formatter({ minimumFractionDigits: digits, maximumFractionDigits: digits, signDisplay: "negative" }),
);

export function fixed(value, digits) {
  return exactly[digits](value);
}

function missing(value) {
  return value === null || value === undefined || !Number.isFinite(value);
}

export function count(value) {
  return missing(value) ? MISSING : whole(value);
}

// Keeps a symbol that is written from right to left from turning the numbers beside it around.
export function isolated(symbol) {
  return /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]/.test(symbol) ? `\u2068${symbol}\u2069` : symbol;
}

// "1 test", "2,458 tests"
export function counted(n, noun) {
  return `${count(n)} ${noun}${n === 1 ? "" : "s"}`;
}

// "Annual return" -> "annual return", but "Sharpe ratio"
export function midSentence(label) {
  return /^(Sharpe|Sortino|Calmar)/.test(label) ? label : label.slice(0, 1).toLowerCase() + label.slice(1);
}

// 0.487 -> "48.7%"
export function percent(value, digits = 1) {
  return missing(value) ? MISSING : `${fixed(value * 100, digits)}%`;
}

// Two decimals; below 1 four significant digits.
export function price(value) {
  if (missing(value)) return MISSING;
  if (value === 0 || Math.abs(value) >= 1) return fixed(value, 2);
  const digits = 3 - Math.floor(Math.log10(Math.abs(value)));
  return formatter({ minimumFractionDigits: 2, maximumFractionDigits: Math.min(digits, 20) })(value);
}

export function parameter(value, kind) {
  if (missing(value)) return MISSING;
  return kind === "percent" ? `${short(value * 100)}%` : short(value);
}

// {fast: 10, slow: 50} -> "fast 10, slow 50"
export function parameters(values, kinds) {
  return Object.entries(values ?? {})
    .map(([name, value]) => `${kinds[name]?.label ?? name} ${parameter(value, kinds[name]?.kind)}`)
    .join(", ");
}

export function metric(value, unit) {
  if (missing(value)) return MISSING;
  if (unit === "fraction") return value < TIMES_FROM ? percent(value) : `×${whole(value + 1)}`;
  if (["count", "currency", "days"].includes(unit)) return whole(value);
  return fixed(value, 2);
}

// Whole seconds, as "5m 32s"; hours without seconds.
export function duration(seconds) {
  if (missing(seconds)) return MISSING;
  const s = Math.max(0, Math.floor(seconds));
  if (s < 60) return `${s}s`;
  if (s < 3600) return `${Math.floor(s / 60)}m ${s % 60}s`;
  return `${Math.floor(s / 3600)}h ${Math.floor((s % 3600) / 60)}m`;
}

export function remaining(seconds) {
  return missing(seconds) ? MISSING : `~${duration(Math.ceil(seconds))}`;
}

// The duration of an ended batch, in tenths when it was short.
export function took(seconds) {
  if (missing(seconds)) return MISSING;
  return seconds < 10 ? `${fixed(seconds, 1)}s` : duration(seconds);
}

export function perTest(seconds) {
  if (missing(seconds)) return MISSING;
  if (seconds >= 1) return `${fixed(seconds, 2)} s`;
  if (seconds >= 0.01) return `${fixed(seconds * 1e3, 0)} ms`;
  if (seconds >= 0.001) return `${fixed(seconds * 1e3, 1)} ms`;
  return `${fixed(seconds * 1e6, seconds >= 1e-5 ? 0 : 1)} µs`;
}

export function perSecond(secondsPerTest) {
  if (missing(secondsPerTest) || secondsPerTest <= 0) return MISSING;
  const rate = 1 / secondsPerTest;
  return rate < 10 ? fixed(rate, 1) : whole(rate);
}

// The state of a batch in one line.
export function headline(event, timeout = "15 minutes") {
  const done = `${count(event.current)} of ${count(event.total)}`;
  switch (event.status) {
    case "queued":
      return "Waiting for a worker";
    case "paused":
      return `Paused at ${done}`;
    case "complete":
      return `Complete: ${counted(event.total, "test")} in ${took(event.elapsedTime)}`;
    case "cancelled":
      return `Cancelled after ${count(event.current)} of ${counted(event.total, "test")}`;
    case "error":
      if (event.code === "TIMEOUT") return `Operation timed out after ${timeout}`;
      return event.error ? `Failed: ${event.error}` : "Failed";
    default:
      return working(event, done);
  }
}

function working(event, done) {
  if (event.phase === "writing") return `Writing the results (${done})`;
  if (event.loading) {
    const { symbol, number, total } = event.loading;
    return `Loading ${isolated(symbol)}${total > 1 ? `, ${count(number)} of ${count(total)}` : ""}`;
  }
  if (event.currentSymbol) return `Testing ${isolated(event.currentSymbol)} (${done})`;
  if (event.phase === "compiling") return "Compiling the strategy";
  return event.phase === "loading" ? "Loading prices" : `Testing (${done})`;
}

// The text for screen readers.
export function announcement(event, timeout) {
  const parts = [headline(event, timeout)];
  if (event.status === "running") {
    parts.push(`${Math.floor(event.percentage)} percent`);
    if (!missing(event.estimatedTimeRemaining)) parts.push(`${remaining(event.estimatedTimeRemaining)} remaining`.slice(1));
  }
  return `${parts.join(", ")}.`;
}
