// The page of one combination: a cursor over the chart that shows the values of a day, and copy buttons.

import * as format from "./format.js";

const chartData = document.getElementById("points");
if (chartData) {
  followPointer(document.querySelector("[data-chart]"), JSON.parse(chartData.textContent));
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
    const rest = ` (buy and hold ${format.count(points.hold[i])}), drawdown ${format.percent(points.drawdown[i])}`;
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
  if (!navigator.clipboard) return; // not available on plain http, except on localhost
  const [label] = button.childNodes;
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(button.parentElement.querySelector("pre").textContent);
    label.textContent = "Copied";
    setTimeout(() => (label.textContent = "Copy"), 1500);
  });
}
