import assert from "node:assert/strict";
import test from "node:test";

import { retryDelay, startLiveFeed } from "../../static/batches/live-feed.js";
import { event, fakeEnv, settled } from "./fake-env.mjs";

const urls = { websocket: "ws://host/ws/1/", stream: "/stream", snapshot: "/snapshot" };

function watch(env = fakeEnv(), sequence = 0) {
  const seen = [];
  const states = [];
  const feed = startLiveFeed({ urls, sequence, onEvent: (e) => seen.push(e.sequence), onState: (s) => states.push(s), env });
  return { env, feed, seen, states };
}

const last = (list) => list[list.length - 1];

test("events of the websocket are handed on in order", () => {
  const { env, seen, states } = watch();
  env.sockets[0].say(event(1, { type: "connected" }));
  env.sockets[0].say(event(2));
  assert.deepEqual(seen, [1, 2]);
  assert.deepEqual(states, ["connecting", "live"]);
});

test("an older sequence is never shown", () => {
  const { env, seen } = watch(fakeEnv(), 5);
  env.sockets[0].say(event(4));
  env.sockets[0].say(event(7));
  env.sockets[0].say(event(6));
  assert.deepEqual(seen, [7]);
});

test("a terminal event ends the feed: nothing stays open and nothing is shown after it", () => {
  const { env, seen, states } = watch();
  env.sockets[0].say(event(3, { type: "complete", status: "complete" }));
  env.sockets[0].say(event(4));
  env.advance(120_000);
  assert.deepEqual(seen, [3]);
  assert.equal(last(states), "ended");
  assert.equal(env.sockets.length, 1);
  assert.ok(env.sockets[0].closed);
  assert.equal(env.timers.size, 0);
  assert.equal(env.wakers.size, 0);
});

test("the connected event of an ended batch waits for the terminal one", () => {
  const { env, seen, states } = watch();
  env.sockets[0].say(event(8, { type: "connected", status: "complete" }));
  assert.equal(last(states), "live");
  env.sockets[0].say(event(9, { type: "complete", status: "complete" }));
  assert.deepEqual(seen, [8, 9]);
  assert.equal(last(states), "ended");
});

test("after a break it says reconnecting and is back within 300 ms", () => {
  const { env, seen, states } = watch();
  env.sockets[0].say(event(1));
  env.sockets[0].break();
  assert.equal(last(states), "reconnecting");
  env.advance(300);
  assert.equal(env.sockets.length, 2);
  env.sockets[1].say(event(9, { type: "connected" }));
  assert.deepEqual(seen, [1, 9]);
  assert.equal(last(states), "live");
});

test("delays grow with full jitter and stop at eight seconds", () => {
  assert.equal(retryDelay(1, 1), 300);
  assert.equal(retryDelay(2, 1), 1200);
  assert.equal(retryDelay(2, 0.5), 600);
  assert.equal(retryDelay(20, 1), 8000);
});

test("a websocket that never opens gives way to an event source, and that to polling", async () => {
  const { env, seen } = watch();
  env.sockets[0].break();
  env.advance(300);
  env.sockets[1].break();
  env.advance(1200);
  assert.equal(env.sources.length, 1);
  env.sources[0].onerror({});
  env.answer = { status: 200, body: event(5) };
  env.advance(2400);
  await settled();
  assert.deepEqual(env.requests, ["/snapshot"]);
  assert.deepEqual(seen, [5]);
});

test("an event source that the server ends after a long life comes back without a word", () => {
  const env = fakeEnv();
  env.WebSocket = undefined;
  const { states } = watch(env);
  env.sources[0].say(event(1, { type: "connected" }));
  for (let quiet = 0; quiet < 7; quiet += 1) {
    env.advance(10_000);
    env.sources[0].say(event(2 + quiet));
  }
  env.sources[0].onerror({});
  env.advance(0);
  assert.equal(env.sources.length, 2);
  assert.ok(!states.includes("reconnecting"));
});

test("an event source hands on every type and ends at the server's error event", () => {
  const env = fakeEnv();
  env.WebSocket = undefined;
  const { seen, states } = watch(env);
  env.sources[0].say(event(1, { type: "connected" }));
  env.sources[0].say(event(2));
  env.sources[0].say(event(3, { type: "error", status: "error", code: "TIMEOUT" }));
  assert.deepEqual(seen, [1, 2, 3]);
  assert.equal(last(states), "ended");
});

test("polling goes on each second until the end", async () => {
  const env = fakeEnv();
  env.WebSocket = env.EventSource = undefined;
  env.answer = { status: 200, body: event(1) };
  const { seen, states } = watch(env);
  await settled();
  env.answer = { status: 200, body: event(2, { type: "complete", status: "complete" }) };
  env.advance(1000);
  await settled();
  env.advance(10_000);
  await settled();
  assert.deepEqual(seen, [1, 2]);
  assert.equal(env.requests.length, 2);
  assert.equal(last(states), "ended");
});

test("polling that cannot reach the server tries again", async () => {
  const env = fakeEnv();
  env.WebSocket = env.EventSource = undefined;
  env.answer = "unreachable";
  const { seen, states } = watch(env);
  await settled();
  assert.equal(last(states), "reconnecting");
  env.answer = { status: 200, body: event(1) };
  env.advance(300);
  await settled();
  assert.deepEqual(seen, [1]);
});

test("a login that has ended ends the feed on every transport", async () => {
  const closed = watch();
  closed.env.sockets[0].break(4401);
  assert.equal(last(closed.states), "locked");
  const feed = watch();
  feed.env.sockets[0].say({ type: "error", success: false, code: "UNAUTHORIZED" });
  assert.deepEqual([feed.seen, last(feed.states)], [[], "locked"]);
  const env = fakeEnv();
  env.WebSocket = env.EventSource = undefined;
  env.answer = { status: 401, body: {} };
  const polled = watch(env);
  await settled();
  assert.equal(last(polled.states), "locked");
  env.advance(60_000);
  assert.equal(env.requests.length, 1);
});

test("an unknown batch ends the feed, over the websocket and over polling, and so does one that is deleted", async () => {
  const overSocket = watch();
  overSocket.env.sockets[0].break(4404);
  assert.equal(last(overSocket.states), "gone");
  const deleted = watch();
  deleted.env.sockets[0].say(event(3));
  deleted.env.sockets[0].say({ type: "error", success: false, code: "NOT_FOUND" });
  assert.deepEqual([deleted.seen, last(deleted.states)], [[3], "gone"]);
  const env = fakeEnv();
  env.WebSocket = env.EventSource = undefined;
  env.answer = { status: 404, body: {} };
  const overPolling = watch(env);
  await settled();
  assert.equal(last(overPolling.states), "gone");
  env.advance(60_000);
  assert.equal(env.requests.length, 1);
});

test("a hidden tab holds no event stream: it asks instead, and streams again when it is seen", async () => {
  const env = fakeEnv();
  env.WebSocket = undefined;
  env.answer = { status: 200, body: event(2) };
  const { feed, seen, states } = watch(env);
  env.sources[0].say(event(1));
  env.hide(true);
  assert.ok(env.sources[0].closed);
  await settled();
  assert.deepEqual(seen, [1, 2]);
  env.hide(false);
  env.advance(10_000);
  assert.deepEqual([env.sources.length, env.requests.length], [2, 1]);
  env.sources[1].say(event(3));
  assert.deepEqual(seen, [1, 2, 3]);
  assert.deepEqual(states, ["connecting", "live"]);
  feed.stop();
  assert.ok(env.sources[1].closed);
  assert.equal(env.visibility.size, 0);
});

test("a tab that is hidden from the start opens no event stream", async () => {
  const env = fakeEnv();
  env.WebSocket = undefined;
  env.hidden = true;
  env.answer = { status: 200, body: event(1) };
  const { seen } = watch(env);
  await settled();
  assert.deepEqual([seen, env.sources.length], [[1], 0]);
});

test("after a sleep, and out of the back/forward cache, it connects anew without waiting for silence", () => {
  const { env, states } = watch();
  const [wake] = env.wakers;
  env.sockets[0].say(event(1));
  env.advance(15_000);
  wake(); // the tab was hidden for a moment: all is well
  assert.equal(env.sockets.length, 1);
  wake(true);
  assert.equal(env.sockets.length, 2);
  env.sockets[1].say(event(2));
  env.advance(21_000);
  wake();
  assert.equal(env.sockets.length, 3);
  assert.deepEqual(states, ["connecting", "live"]);
});

test("it pings every ten seconds, and a pong keeps a quiet socket alive", () => {
  const { env } = watch();
  env.sockets[0].say(event(1));
  for (let i = 0; i < 6; i += 1) {
    env.advance(10_000);
    env.sockets[0].say({ type: "pong" });
  }
  assert.equal(env.sockets.length, 1);
  assert.deepEqual(env.sockets[0].sent[0], { type: "ping" });
  assert.equal(env.sockets[0].sent.length, 6);
});

test("25 seconds without a sign of life break the connection", () => {
  const { env, states } = watch();
  env.sockets[0].say(event(1));
  env.advance(24_999);
  assert.equal(last(states), "live");
  env.advance(1);
  assert.equal(last(states), "reconnecting");
  assert.ok(env.sockets[0].closed);
});

test("a quiet event source is asked again without alarm", () => {
  const env = fakeEnv();
  env.WebSocket = undefined;
  const { states } = watch(env);
  env.sources[0].say(event(1));
  env.advance(25_001);
  assert.equal(env.sources.length, 2);
  assert.equal(last(states), "live");
});

test("coming back online reconnects at once", () => {
  const { env } = watch();
  for (let i = 0; i < 6; i += 1) {
    last(env.sockets).break();
    if (env.sources.length) last(env.sources).onerror({});
    env.answer = "unreachable";
  }
  const before = env.sockets.length + env.sources.length + env.requests.length;
  for (const wake of env.wakers) wake();
  assert.equal(env.sockets.length + env.sources.length + env.requests.length, before + 1);
});

test("an abandoned socket that still speaks is not heard", () => {
  const { env, seen } = watch();
  const old = env.sockets[0];
  const { onmessage } = old;
  old.break();
  env.advance(300);
  onmessage({ data: JSON.stringify(event(50)) });
  assert.deepEqual(seen, []);
});

test("stopping leaves no timer, socket or listener behind", () => {
  const { env, feed } = watch();
  feed.stop();
  env.advance(60_000);
  assert.ok(env.sockets[0].closed);
  assert.equal(env.timers.size, 0);
  assert.equal(env.wakers.size, 0);
});
