// One combination: a cursor over the chart that reads out a day, and buttons that copy.

import * as format from "./format.js";

const readPoints = document.getElementById("points");
if (readPoints) {
  followPointer(document.querySelector("[data-chart]"), JSON.parse(readPoints.textContent));
  for (const button of document.querySelectorAll("[data-copy]")) offerCopy(button);
}

function followPointer(svg, points) {
  const cursor = svg.querySelector("[data-cursor]");
  const readout = document.querySelector("[data-readout]");
  const atRest = [...readout.childNodes];

  svg.addEventListener("pointermove", (event) => {
    const box = svg.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * svg.viewBox.baseVal.width;
    const i = nearest(points.x, x);
    cursor.setAttribute("x1", points.x[i]);
    cursor.setAttribute("x2", points.x[i]);
    cursor.setAttribute("visibility", "visible");
    const figure = document.createElement("strong");
    figure.textContent = format.count(points.equity[i]);
    const rest = ` against ${format.count(points.hold[i])} held, drawdown ${format.percent(points.drawdown[i])}`;
    readout.replaceChildren(`${points.dates[i]}: `, figure, rest);
  });
  svg.addEventListener("pointerleave", () => {
    cursor.setAttribute("visibility", "hidden");
    readout.replaceChildren(...atRest);
  });
}

function nearest(xs, x) {
  let low = 0;
  let high = xs.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (xs[middle] < x) low = middle;
    else high = middle;
  }
  return x - xs[low] < xs[high] - x ? low : high;
}

function offerCopy(button) {
  if (!navigator.clipboard) return; // plain http away from localhost has none
  const [word] = button.childNodes;
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(button.parentElement.querySelector("pre").textContent);
    word.textContent = "Copied";
    setTimeout(() => (word.textContent = "Copy"), 1500);
  });
}
