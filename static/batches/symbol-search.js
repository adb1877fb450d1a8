// Many instruments: a search offers some, and what is ticked among them joins the chosen ones.

export function startSymbolSearch(form, recount) {
  const root = form.querySelector("[data-symbols]");
  const chosen = root.querySelector("[data-chosen]");
  const hits = root.querySelector("#hits");
  const search = root.querySelector("[data-find]");

  search.addEventListener("input", (event) => event.stopPropagation()); // searching changes nothing that counts
  search.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault(); // Enter picks the likeliest one, it does not start the batch
    hits.querySelector("input")?.click();
    search.select();
  });
  hits.addEventListener("change", ({ target }) => take(target));
  form.querySelector("[data-chip-none]").addEventListener("click", (event) => {
    event.preventDefault();
    for (const box of root.querySelectorAll("input:checked")) box.checked = false;
    chosen.replaceChildren();
    root.querySelector("textarea").value = "";
    recount();
  });

  function take(box) {
    const known = [...chosen.querySelectorAll("input")].find(({ value }) => value === box.value);
    const chip = box.closest(".chip");
    const next = chip.nextElementSibling?.querySelector("input");
    if (known) known.checked = true;
    known ? chip.remove() : chosen.append(chip);
    if (document.activeElement !== search) (next ?? search).focus();
  }
}
