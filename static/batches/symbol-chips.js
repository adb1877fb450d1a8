// A page with a chip for each instrument: search and select them.

export function startChips(form, recount) {
  const search = form.querySelector("[data-chip-search]");
  const chips = [...form.querySelectorAll("[data-chips] .chip")];
  const groups = [...form.querySelectorAll("[data-chip-group]")];
  const box = (chip) => chip.querySelector("input");
  form.querySelector("[data-chip-tools]").hidden = chips.length === 0;
  for (const bar of form.querySelectorAll("[data-groups]")) bar.hidden = false;

  search.addEventListener("input", (event) => {
    event.stopPropagation(); // a search does not change the count
    const text = search.value.trim().toUpperCase();
    for (const chip of chips) chip.hidden = !`${chip.textContent} ${chip.title}`.toUpperCase().includes(text);
  });
  search.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault(); // Enter selects a single match instead of starting the batch
    const visible = visibleChips();
    if (visible.length === 1) box(visible[0]).click();
  });

  function check(selected, checked) {
    for (const chip of selected) box(chip).checked = checked;
    showGroups();
    recount();
  }
  const visibleChips = () => chips.filter((chip) => !chip.hidden);
  form.querySelector("[data-chip-all]").addEventListener("click", () => check(visibleChips(), true));
  form.querySelector("[data-chip-none]").addEventListener("click", () => check(visibleChips(), false));

  // A group is pressed while all its symbols are selected; a click selects or clears all of them.
  function membersOf(group) {
    const symbols = new Set(JSON.parse(group.dataset.chipGroup));
    return chips.filter((chip) => symbols.has(box(chip).value));
  }
  function showGroups() {
    for (const group of groups) {
      group.setAttribute("aria-pressed", String(membersOf(group).every((chip) => box(chip).checked)));
    }
  }
  for (const group of groups) {
    group.addEventListener("click", () => check(membersOf(group), group.getAttribute("aria-pressed") !== "true"));
  }
  form.querySelector("[data-chips]").addEventListener("input", showGroups);
  showGroups();
}
