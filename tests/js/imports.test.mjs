// A module imported while the page runs is cut off when the reader leaves, which Firefox reports as an error.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";

const folder = new URL("../../static/batches/", import.meta.url);

for (const name of readdirSync(folder).filter((file) => file.endsWith(".js"))) {
  test(`${name} imports its modules before it runs`, () => {
    assert.doesNotMatch(readFileSync(new URL(name, folder), "utf8"), /\bimport\s*\(/);
  });
}
