// The tab's icon: a ring that fills while the batch runs, then a mark of its outcome.

const STEP = 5; // percent; a browser redraws the tab for each new icon
const RADIUS = 12;
const AROUND = 2 * Math.PI * RADIUS;
const FILES = { complete: "icon-complete.svg", error: "icon-error.svg" };

// A separate image, to which the page's styles do not apply.
export function ring(percentage, status) {
  const done = (AROUND * percentage) / 100;
  const color = status === "paused" ? "#b8791a" : "#2468dd";
  const circle = `cx="16" cy="16" r="${RADIUS}" fill="none" stroke-width="7"`;
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><circle ${circle} stroke="#c6cdd8"/>` +
    `<circle ${circle} stroke="${color}" stroke-dasharray="${done.toFixed(1)} 99" transform="rotate(-90 16 16)"/></svg>`
  );
}

export function createIcon(link) {
  const folder = link.href.replace(/[^/]+$/, "");
  let current = "";

  return function show({ status, percentage }) {
    const step = Math.floor((percentage ?? 0) / STEP) * STEP;
    const next = FILES[status] ? folder + FILES[status] : `data:image/svg+xml,${encodeURIComponent(ring(step, status))}`;
    if (next === current) return;
    current = next;
    link.href = next;
  };
}
