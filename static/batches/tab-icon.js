// The tab's icon: a ring that fills while the batch runs, and a mark of how it ended.

const STEP = 5; // percent; a browser redraws the tab for each new icon
const RADIUS = 12;
const AROUND = 2 * Math.PI * RADIUS;
const FILES = { complete: "icon-complete.svg", error: "icon-error.svg" };

// An image of its own: it has no part in the page's colours and styles.
export function ring(percentage, status) {
  const done = (AROUND * percentage) / 100;
  const colour = status === "paused" ? "#b8791a" : "#2468dd";
  const circle = `cx="16" cy="16" r="${RADIUS}" fill="none" stroke-width="7"`;
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><circle ${circle} stroke="#c6cdd8"/>` +
    `<circle ${circle} stroke="${colour}" stroke-dasharray="${done.toFixed(1)} 99" transform="rotate(-90 16 16)"/></svg>`
  );
}

export function createIcon(link) {
  const folder = link.href.replace(/[^/]+$/, "");
  let shown = "";

  return function show({ status, percentage }) {
    const step = Math.floor((percentage ?? 0) / STEP) * STEP;
    const next = FILES[status] ? folder + FILES[status] : `data:image/svg+xml,${encodeURIComponent(ring(step, status))}`;
    if (next === shown) return;
    shown = next;
    link.href = next;
  };
}
