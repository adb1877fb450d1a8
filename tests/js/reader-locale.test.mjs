import assert from "node:assert/strict";
import test from "node:test";

import { rewritten, separators } from "../../static/batches/reader-locale.js";

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
