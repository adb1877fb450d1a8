// A region of the heatmap: drag over cells, click one, or press Enter, then sweep it or filter by it.

// The values of the cells from one to another: several share a cell where a map has more than the screen can show.
export function valuesOf(axis, first, last = first) {
  const cells = axis.cellValues ?? axis.values.map((value) => [value]);
  return cells.slice(Math.min(first, last), Math.max(first, last) + 1).flat();
}

// from, to: [column, row] of two corners. Returns the values of both axes inside.
export function inside(data, from, to) {
  return { x: valuesOf(data.x, from[0], to[0]), y: valuesOf(data.y, from[1], to[1]) };
}

// The address of the form with the region in place of the batch's ranges.
export function sweepAddress(form, data, region, origin) {
  const url = new URL(form, origin);
  url.searchParams.set(data.x.name, region.x.join(","));
  url.searchParams.set(data.y.name, region.y.join(","));
  return url.href;
}

// The address of the page with everything filtered to the region.
export function filterAddress(page, data, region) {
  const url = new URL(page);
  for (const axis of ["x", "y"]) {
    url.searchParams.set(`min.${data[axis].name}`, Math.min(...region[axis]));
    url.searchParams.set(`max.${data[axis].name}`, Math.max(...region[axis]));
  }
  url.searchParams.delete("page");
  return url.href;
}

export function startRegion(card, { place, describe, getData }) {
  const canvas = card.querySelector("canvas");
  const box = card.querySelector("[data-region]");
  const actions = card.querySelector("[data-region-actions]");
  let from = null;

  function draw(to) {
    const [columns, rows] = [canvas.width, canvas.height];
    const [left, right] = [Math.min(from[0], to[0]), Math.max(from[0], to[0]) + 1];
    const [low, high] = [Math.min(from[1], to[1]), Math.max(from[1], to[1]) + 1];
    box.hidden = false;
    box.style.left = `${(100 * left) / columns}%`;
    box.style.width = `${(100 * (right - left)) / columns}%`;
    box.style.bottom = `${(100 * low) / rows}%`;
    box.style.height = `${(100 * (high - low)) / rows}%`;
  }

  function finish(to) {
    const data = getData();
    const region = inside(data, from, to);
    const [sweep, show] = actions.querySelectorAll("a");
    sweep.href = sweepAddress(card.dataset.form, data, region, location.origin);
    show.href = filterAddress(location.href, data, region);
    actions.hidden = false;
    describe(region);
    from = null;
  }

  canvas.addEventListener("pointerdown", (event) => {
    if (!getData() || event.button) return;
    from = place(event);
    if (event.pointerType === "mouse") canvas.setPointerCapture(event.pointerId);
    draw(from);
  });
  canvas.addEventListener("pointermove", (event) => from && draw(place(event)));
  canvas.addEventListener("pointerup", (event) => from && finish(place(event)));
  canvas.addEventListener("pointercancel", () => (from = null));

  return {
    pin(at) {
      from = at;
      draw(at);
      finish(at);
    },
    clear() {
      from = null;
      box.hidden = true;
      actions.hidden = true;
    },
  };
}
