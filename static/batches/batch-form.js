// Conveniences of the form. The count, the errors and the link come from the server (htmx); without this file
// everything still works.

const form = document.getElementById("sweep");
const recount = () => form.dispatchEvent(new CustomEvent("recount"));

// ---- symbols: search, all, none ----

const tools = form.querySelector("[data-chip-tools]");
const search = form.querySelector("[data-chip-search]");
const chips = [...form.querySelectorAll("[data-chips] .chip")];
tools.hidden = chips.length === 0;

search.addEventListener("input", (event) => {
  event.stopPropagation(); // searching changes nothing that counts
  const wanted = search.value.trim().toUpperCase();
  for (const chip of chips) {
    chip.hidden = !`${chip.textContent} ${chip.title}`.toUpperCase().includes(wanted);
  }
});
search.addEventListener("keydown", (event) => {
  if (event.key !== "Enter") return;
  event.preventDefault(); // Enter picks the one that is left, it does not start the batch
  const shown = chips.filter((chip) => !chip.hidden);
  if (shown.length === 1) shown[0].querySelector("input").click();
});

function tickShown(checked) {
  for (const chip of chips) if (!chip.hidden) chip.querySelector("input").checked = checked;
  recount();
}
form.querySelector("[data-chip-all]").addEventListener("click", () => tickShown(true));
form.querySelector("[data-chip-none]").addEventListener("click", () => tickShown(false));

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
