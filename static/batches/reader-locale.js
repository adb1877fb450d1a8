// Numbers in the user's locale, moments in their time zone. The server writes 1,234.5 and UTC; text drawn by scripts uses
// format.js, which is localized already. Dates are ISO 8601 for everyone, as those of the market.

const NUMBER = /(?<![\w.,]|\w-)\d{1,3}(?:,\d{3})+(?:\.\d+)?(?![\w,]|\.\d)|(?<![\w.,]|\w-)\d+\.\d+(?!\d|[.,]\d)/g;
const VERBATIM = "code, pre, script, style, textarea, [data-verbatim]";

export function separators(locale) {
  const parts = new Intl.NumberFormat(locale, { numberingSystem: "latn" }).formatToParts(12345.6);
  const find = (type, neutral) => parts.find((part) => part.type === type)?.value ?? neutral;
  return { group: find("group", ""), decimal: find("decimal", ".") };
}

// "1,234.5%" -> "1.234,5%"
export function rewritten(text, { group, decimal }) {
  return text.replace(NUMBER, (number) => number.replace(/[,.]/g, (mark) => (mark === "," ? group : decimal)));
}

const done = new WeakSet(); // rewritten text is no longer in the server's form

function localize(root, marks) {
  const skip = (node) => (node.parentElement?.closest(VERBATIM) ? NodeFilter.FILTER_REJECT : NodeFilter.FILTER_ACCEPT);
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT, skip);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    if (done.has(node)) continue;
    done.add(node);
    const text = rewritten(node.data, marks);
    if (text !== node.data) node.data = text;
  }
}

// "2026-11-29 11:15", by the clock of the reader
export function localMoment(date) {
  const two = (number) => String(number).padStart(2, "0");
  const day = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join("-");
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}`;
}

function showTimes(root) {
  for (const time of root.querySelectorAll("time")) {
    const local = localMoment(new Date(time.dateTime));
    time.title = "local" in time.dataset ? time.title : local;
    if ("local" in time.dataset) time.textContent = local;
  }
}

if (globalThis.document) {
  const marks = separators();
  const neutral = marks.group === "," && marks.decimal === ".";
  const show = (root) => {
    if (!neutral) localize(root, marks);
    showTimes(root);
  };
  show(document.getElementById("main"));
  document.body.addEventListener("htmx:afterSwap", ({ detail }) => show(detail.elt));
  document.body.addEventListener("htmx:oobAfterSwap", ({ detail }) => show(detail.target));
}
