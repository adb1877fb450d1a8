// Few instruments: each is a chip; they are searched and chosen together here.

export function startChips(form, recount) {
  const search = form.querySelector("[data-chip-search]");
  const chips = [...form.querySelectorAll("[data-chips] .chip")];
  const groups = [...form.querySelectorAll("[data-chip-group]")];
  const box = (chip) => chip.querySelector("input");
  form.querySelector("[data-chip-tools]").hidden = chips.length === 0;
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
    for (const group of groups) {
      group.setAttribute("aria-pressed", String(membersOf(group).every((chip) => box(chip).checked)));
    }
  }
  for (const group of groups) {
    group.addEventListener("click", () => tick(membersOf(group), group.getAttribute("aria-pressed") !== "true"));
  }
  form.querySelector("[data-chips]").addEventListener("input", showGroups);
  showGroups();
}
