// A page with too many instruments for chips: a match that is checked moves to the selected chips.

export function startSymbolSearch(form, recount) {
  const root = form.querySelector("[data-symbols]");
  const selected = root.querySelector("[data-chosen]");
  const matches = root.querySelector("#matches");
  const search = root.querySelector("[data-find]");

  search.addEventListener("input", (event) => event.stopPropagation()); // a search does not change the count
  search.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault(); // Enter selects the best match instead of starting the batch
    matches.querySelector("input")?.click();
    search.select();
  });
  matches.addEventListener("change", ({ target }) => select(target));
  form.querySelector("[data-chip-none]").addEventListener("click", (event) => {
    event.preventDefault();
    for (const box of root.querySelectorAll("input:checked")) box.checked = false;
    selected.replaceChildren();
    root.querySelector("textarea").value = "";
    recount();
  });

  function select(box) {
    const duplicate = [...selected.querySelectorAll("input")].find(({ value }) => value === box.value);
    const chip = box.closest(".chip");
    const next = chip.nextElementSibling?.querySelector("input");
    if (duplicate) duplicate.checked = true;
    duplicate ? chip.remove() : selected.append(chip);
    if (document.activeElement !== search) (next ?? search).focus();
  }
}
