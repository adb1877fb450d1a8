// Conveniences of the form. The count, the errors and the link come from the server (htmx); the form works without
// this script.

import { startChips } from "./symbol-chips.js";
import { startSymbolSearch } from "./symbol-search.js";

const form = document.getElementById("sweep");
const recount = () => form.dispatchEvent(new CustomEvent("recount"));

// ---- symbols: chips or a search, as in the page ----

if (form.querySelector("[data-chips]")) startChips(form, recount);
else startSymbolSearch(form, recount);

// ---- what was typed before the scripts were here, or brought back by the browser ----

function isChanged(input) {
  if (input.matches("input, textarea")) {
    return input.value !== input.defaultValue || input.checked !== input.defaultChecked;
  }
  if (!input.matches("select") || !input.querySelector("[selected]")) return false;
  return !input.selectedOptions[0]?.defaultSelected;
}
window.addEventListener("load", () => {
  for (const input of [...form.elements].filter(isChanged)) {
    for (const name of ["input", "change"]) input.dispatchEvent(new Event(name, { bubbles: true }));
  }
});

// ---- errors: mark the inputs they describe, also for screen readers ----

function markInvalid() {
  for (const input of form.querySelectorAll("[aria-describedby]")) {
    const errors = input.getAttribute("aria-describedby").split(" ").filter((id) => id.startsWith("error-"));
    const wrong = errors.some((id) => document.getElementById(id)?.textContent.trim());
    if (input.matches("input, select, textarea")) input.setAttribute("aria-invalid", String(wrong));
  }
}
markInvalid();
// After a refused click on Run, and not when a link is opened.
if (performance.getEntriesByType("navigation")[0]?.responseStatus === 422) {
  form.querySelector("[aria-invalid=true]")?.focus();
}
document.body.addEventListener("htmx:afterSettle", (event) => {
  markInvalid();
  if (event.detail.target?.id === "ranges") recount();
});

// ---- presets: the name is not part of the batch; Escape and a click elsewhere close the menu ----

document.getElementById("presetName").addEventListener("input", (event) => event.stopPropagation());
const menu = document.querySelector(".presets");
document.addEventListener("click", ({ target }) => menu.contains(target) || (menu.open = false));
menu.addEventListener("keydown", ({ key }) => {
  if (key !== "Escape") return;
  menu.open = false;
  menu.querySelector("summary").focus();
});

// ---- one click starts one batch ----

const run = form.querySelector("[data-run]");
form.addEventListener("submit", () => {
  run.disabled = true;
  run.textContent = "Starting…";
});
window.addEventListener("pageshow", () => {
  run.disabled = false;
  run.textContent = "Run batch";
});
