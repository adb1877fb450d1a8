// Conveniences of the form. The count, the errors and the link come from the server (htmx); without this file
// everything still works.

const form = document.getElementById("sweep");
const recount = () => form.dispatchEvent(new CustomEvent("recount"));

// ---- symbols: search, all, none, groups ----

const tools = form.querySelector("[data-chip-tools]");
const search = form.querySelector("[data-chip-search]");
const chips = [...form.querySelectorAll("[data-chips] .chip")];
const groups = [...form.querySelectorAll("[data-chip-group]")];
const box = (chip) => chip.querySelector("input");
tools.hidden = chips.length === 0;
for (const bar of form.querySelectorAll("[data-groups]")) bar.hidden = false;

search.addEventListener("input", (event) => {
  event.stopPropagation(); // searching changes nothing that counts
  const wanted = search.value.trim().toUpperCase();
  for (const chip of chips) chip.hidden = !`${chip.textContent} ${chip.title}`.toUpperCase().includes(wanted);
});
search.addEventListener("keydown", (event) => {
  if (event.key !== "Enter") return;
  event.preventDefault(); // Enter picks the one that is left, it does not start the batch
  const shown = chips.filter((chip) => !chip.hidden);
  if (shown.length === 1) box(shown[0]).click();
});

function tick(chosen, checked) {
  for (const chip of chosen) box(chip).checked = checked;
  showGroups();
  recount();
}
const shownChips = () => chips.filter((chip) => !chip.hidden);
form.querySelector("[data-chip-all]").addEventListener("click", () => tick(shownChips(), true));
form.querySelector("[data-chip-none]").addEventListener("click", () => tick(shownChips(), false));

// A group is pressed while all of its symbols are chosen; a click chooses all of them, or lets them go.
function membersOf(group) {
  const symbols = new Set(group.dataset.chipGroup.split(","));
  return chips.filter((chip) => symbols.has(box(chip).value));
}
function showGroups() {
  for (const group of groups) group.setAttribute("aria-pressed", String(membersOf(group).every((chip) => box(chip).checked)));
}
for (const group of groups) {
  group.addEventListener("click", () => tick(membersOf(group), group.getAttribute("aria-pressed") !== "true"));
}
form.querySelector("[data-chips]").addEventListener("input", showGroups);
showGroups();

// ---- errors: the inputs that an error belongs to are marked for everyone ----

function markInvalid() {
  for (const input of form.querySelectorAll("[aria-describedby]")) {
    const errors = input.getAttribute("aria-describedby").split(" ").filter((id) => id.startsWith("error-"));
    const wrong = errors.some((id) => document.getElementById(id)?.textContent.trim());
    if (input.matches("input, select")) input.setAttribute("aria-invalid", String(wrong));
  }
}
markInvalid();
document.body.addEventListener("htmx:afterSettle", (event) => {
  markInvalid();
  if (event.detail.target?.id === "ranges") recount();
});

// ---- presets: their name is no part of the batch; Escape and a click elsewhere close the menu ----

document.getElementById("presetName").addEventListener("input", (event) => event.stopPropagation());
const menu = document.querySelector(".presets");
document.addEventListener("click", ({ target }) => menu.contains(target) || (menu.open = false));
menu.addEventListener("keydown", ({ key }) => {
  if (key !== "Escape") return;
  menu.open = false;
  menu.querySelector("summary").focus();
});

// ---- one click, one batch ----

const run = form.querySelector("[data-run]");
form.addEventListener("submit", () => {
  run.disabled = true;
  run.textContent = "Starting…";
});
window.addEventListener("pageshow", () => {
  run.disabled = false;
  run.textContent = "Run batch";
});
