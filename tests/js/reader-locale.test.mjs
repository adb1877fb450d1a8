import assert from "node:assert/strict";
import test from "node:test";

import { localMoment, rewritten, separators } from "../../static/batches/reader-locale.js";

const german = { group: ".", decimal: "," };

test("the separators are those of the reader", () => {
  assert.deepEqual(separators("de-DE"), german);
  assert.deepEqual(separators("en-US"), { group: ",", decimal: "." });
  assert.equal(separators("ar-EG").decimal, ".");
});

test("numbers are rewritten, and nothing else", () => {
  const cases = [
    ["1,234.5% of 12,000 tests in 0.1s", "1.234,5% of 12.000 tests in 0,1s"],
    ["AAPL - 48.7% a year, beta 1.15", "AAPL - 48,7% a year, beta 1,15"],
    ["-3.2%, +0.5%", "-3,2%, +0,5%"],
    ["10 values: 2, 4, 6, … 20", "10 values: 2, 4, 6, … 20"],
    ["2022-12-28 10:15 UTC", "2022-12-28 10:15 UTC"],
    ["Version 5.2.19, BRK.B, 0700.HK, a1.5", "Version 5.2.19, BRK.B, 0700.HK, a1.5"],
    ["From 1 to 5000.", "From 1 to 5000."],
    ["It was 4.5, then 1,000.", "It was 4,5, then 1.000."],
  ];
  for (const [text, wanted] of cases) assert.equal(rewritten(text, german), wanted);
});

test("a moment is ISO 8601 by the clock of the reader, in every locale", () => {
  const zone = process.env.TZ;
  const seen = ["Europe/Berlin", "America/New_York", "Asia/Kolkata"].map((name) => {
    process.env.TZ = name;
    return localMoment(new Date("2026-03-01T00:05:09Z"));
  });
  if (zone === undefined) delete process.env.TZ;
  else process.env.TZ = zone;
  assert.deepEqual(seen, ["2026-03-01 01:05", "2026-02-28 19:05", "2026-03-01 05:35"]);
});
