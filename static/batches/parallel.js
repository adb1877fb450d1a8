// Parallel coordinates: dragging along an axis fills in its range in the form below and submits it.

const CLICK = 0.02; // of an axis: a shorter drag clears the range

export function startBrushing(root) {
  let drag = null;

  root.addEventListener("pointerdown", (event) => {
    const grip = event.target.closest("[data-brush]");
    if (!grip || event.button) return;
    event.preventDefault();
    grip.setPointerCapture(event.pointerId);
    drag = { grip, from: share(grip, event), to: share(grip, event) };
  });
  root.addEventListener("pointermove", (event) => {
    if (!drag) return;
    drag.to = share(drag.grip, event);
    show(drag);
  });
  root.addEventListener("pointerup", () => {
    if (drag) apply(drag);
    drag = null;
  });
  root.addEventListener("pointercancel", () => (drag = null));
}

// The position on the axis, 0 (bottom) to 1.
function share(grip, event) {
  const box = grip.getBoundingClientRect();
  return Math.min(1, Math.max(0, (box.bottom - event.clientY) / box.height));
}

function show({ grip, from, to }) {
  const brush = grip.previousElementSibling;
  const [top, length] = [Number(grip.getAttribute("y")), Number(grip.getAttribute("height"))];
  brush.setAttribute("y", top + length * (1 - Math.max(from, to)));
  brush.setAttribute("height", length * Math.abs(to - from));
}

function apply({ grip, from, to }) {
  const { brush: name, low, high, percent } = grip.dataset;
  const form = grip.closest("section").querySelector("form");
  const [least, most] = range(from, to, { low: Number(low), high: Number(high), percent: percent !== undefined });
  form.elements[`min.${name}`].value = least;
  form.elements[`max.${name}`].value = most;
  form.requestSubmit();
}

// Two positions on an axis as text for the form. An end of the axis is left open: tests may lie beyond it.
export function range(from, to, axis) {
  const [lower, upper] = [Math.min(from, to), Math.max(from, to)];
  if (upper - lower < CLICK) return ["", ""];
  return [lower > 0 ? typed(lower, axis) : "", upper < 1 ? typed(upper, axis) : ""];
}

function typed(place, { low, high, percent }) {
  const value = (low + place * (high - low)) * (percent ? 100 : 1);
  return `${Number(value.toPrecision(4))}${percent ? "%" : ""}`;
}
