import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

import * as format from "../../static/batches/format.js";

const cases = JSON.parse(readFileSync(new URL("format-cases.json", import.meta.url)));

for (const [name, examples] of Object.entries(cases)) {
  for (const [args, want] of examples) {
    test(`${name}(${JSON.stringify(args).slice(1, -1)}) is ${want}`, () => assert.equal(format[name](...args), want));
  }
}

test("an announcement is one sentence with the percentage and the time left", () => {
  const event = { status: "running", currentSymbol: "AAPL", current: 2458, total: 5000, percentage: 49.1, estimatedTimeRemaining: 383 };
  assert.equal(format.announcement(event), "Testing AAPL (2,458 of 5,000), 49 percent, 6m 23s remaining.");
});
