// Colours and tick places of a heatmap. Pure.

const MOST_TICKS = 9;

// From dark violet to yellow: even steps of lightness, readable in both themes and without telling red from green.
const STOPS = [[68, 60, 128], [48, 103, 141], [34, 144, 140], [92, 200, 99], [246, 222, 72]];

export function colour(share) {
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
