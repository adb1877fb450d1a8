// Colors and tick positions of a heatmap.

const MOST_TICKS = 9;

// From dark violet to yellow in even steps of lightness: readable in both themes and with red-green color blindness.
const STOPS = [[68, 60, 128], [48, 103, 141], [34, 144, 140], [92, 200, 99], [246, 222, 72]];

export function color(share) {
  const at = Math.min(Math.max(share, 0), 1) * (STOPS.length - 1);
  const i = Math.min(Math.floor(at), STOPS.length - 2);
  return STOPS[i].map((from, channel) => Math.round(from + (STOPS[i + 1][channel] - from) * (at - i)));
}

// No spread of arguments here: a large grid would overflow the stack.
export function extent(values) {
  let [low, high, count] = [Infinity, -Infinity, 0];
  for (const value of values.flat()) {
    if (value === null) continue;
    count += 1;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return { low, high, count };
}

// Every first, second, fifth, tenth, ... value, so that no more than a few are labelled.
export function tickPlaces(length) {
  let every = 1;
  for (const factor of [2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000]) {
    if (length / every <= MOST_TICKS) break;
    every = factor;
  }
  return Array.from({ length: Math.ceil(length / every) }, (_, i) => i * every);
}

// Each cell as the median of itself and its neighbors: a plateau stays bright, a lucky spike does not.
export function plateau(values) {
  const near = new Float64Array(9); // sorted; one for all cells, since making arrays would take most of the time
  return values.map((line, row) =>
    line.map((value, column) => {
      if (value === null) return null;
      let n = 0;
      for (let y = Math.max(0, row - 1); y <= row + 1 && y < values.length; y += 1) {
        for (let x = Math.max(0, column - 1); x <= column + 1 && x < line.length; x += 1) {
          if (values[y][x] !== null) n = insert(near, n, values[y][x]);
        }
      }
      return (near[(n - 1) >> 1] + near[n >> 1]) / 2;
    }),
  );
}

function insert(sorted, n, value) {
  let at = n;
  for (; at > 0 && sorted[at - 1] > value; at -= 1) sorted[at] = sorted[at - 1];
  sorted[at] = value;
  return n + 1;
}
