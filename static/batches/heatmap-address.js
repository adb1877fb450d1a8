// What the heatmap takes from the page and from its address.

// The filters of the table: one bar for everything.
export function filters() {
  const bar = document.getElementById("filters");
  const isFilter = ([name, value]) => value && /^(symbol$|timeframe$|min\.|max\.)/.test(name);
  return bar ? [...new FormData(bar)].filter(isFilter) : [];
}

// A copied link shows the same map.
export function keepInAddress(form) {
  const address = new URL(location);
  const selected = new FormData(form);
  for (const { name, type } of form.elements) {
    if (!name || type === "hidden") continue; // hidden: the filters, which the address has
    if (selected.get(name)) address.searchParams.set(`map.${name}`, selected.get(name));
    else address.searchParams.delete(`map.${name}`);
  }
  history.replaceState(history.state, "", address);
}
