// Follows one batch until it ends, across network failures, and never delivers an older event after a newer one.
//
//   onEvent(event)  every event that is not older than the last one
//   onState(state)  "connecting", "live", "reconnecting", "ended", "gone", "locked"

import { ladder } from "./live-transports.js";

const FIRST_RETRY_MS = 300;
const MAX_RETRY_MS = 8000;
const PING_MS = 10_000;
const SILENCE_MS = 25_000;
const STALE_MS = 2 * PING_MS;
const TERMINAL = new Set(["complete", "error", "cancelled"]);

export function isTerminal(event) {
  return TERMINAL.has(event.status);
}

// The first retry is almost immediate, spread so that clients do not reconnect together; then full jitter.
export function retryDelay(failures, random) {
  if (failures <= 1) return FIRST_RETRY_MS * random;
  return Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** failures) * random;
}

export function startLiveFeed({ urls, sequence = 0, onEvent, onState = () => {}, env = browser() }) {
  const rungs = ladder(env);
  let rung = 0;
  let failures = 0;
  let transport = null;
  let retryTimer = null;
  let silenceTimer = null;
  let generation = 0; // messages of an abandoned transport are ignored
  let state = "";
  let stopped = false;
  let last = sequence;
  let heardAt = env.now();

  const report = (next) => next !== state && onState((state = next));
  const pingTimer = env.setInterval(() => transport?.ping(), PING_MS);

  function drop() {
    generation += 1;
    transport?.close();
    transport = null;
    env.clearTimeout(silenceTimer);
    env.clearTimeout(retryTimer);
  }

  function stop(finalState) {
    if (stopped) return;
    stopped = true;
    drop();
    env.clearInterval(pingTimer);
    unwatch();
    if (finalState) report(finalState);
  }

  function watchForSilence() {
    env.clearTimeout(silenceTimer);
    // A browser hides the heartbeats of an EventSource: there, silence means a retry without a warning.
    silenceTimer = env.setTimeout(() => lost(transport?.silentHeartbeat), SILENCE_MS);
  }

  function heard(event) {
    failures = 0;
    heardAt = env.now();
    watchForSilence();
    if (event?.code === "NOT_FOUND") return stop("gone"); // deleted while we watched
    if (event?.code === "UNAUTHORIZED") return stop("locked"); // logged out while we watched
    report("live");
    if (!event || typeof event.sequence !== "number" || event.sequence < last) return;
    last = event.sequence;
    onEvent(event);
    // "connected" is only a snapshot; the terminal event with the results follows it.
    if (isTerminal(event) && event.type !== "connected") stop("ended");
  }

  function lost(quietly = false) {
    const wasLive = failures === 0 && state === "live";
    drop();
    if (stopped) return;
    failures += 1;
    rung = quietly || wasLive ? 0 : (rung + 1) % rungs.length;
    if (!quietly) report("reconnecting");
    retryTimer = env.setTimeout(connect, quietly ? 0 : retryDelay(failures, env.random()));
  }

  function connect() {
    drop();
    const mine = generation;
    const current = (hook) => (...args) => mine === generation && !stopped && hook(...args);
    const hooks = { heard: current(heard), lost: current(lost), gone: current(() => stop("gone")), locked: current(() => stop("locked")) };
    watchForSilence();
    try {
      const opened = rungs[rung](urls, hooks, env);
      if (mine === generation && !stopped) transport = opened;
      else opened.close();
    } catch {
      lost();
    }
  }

  // After a sleep, a dead connection may not have been noticed for hours.
  function wake(restored = false) {
    if (!stopped && (restored || state === "reconnecting" || env.now() - heardAt > STALE_MS)) connect();
  }

  const unwatch = env.onWake(wake);
  report("connecting");
  connect();
  return { stop: () => stop() };
}

// What the feed needs from the browser; tests replace it.
export function browser() {
  return {
    WebSocket: globalThis.WebSocket,
    EventSource: globalThis.EventSource,
    fetch: (...args) => fetch(...args),
    setTimeout: (...args) => setTimeout(...args),
    clearTimeout: (id) => clearTimeout(id),
    setInterval: (...args) => setInterval(...args),
    clearInterval: (id) => clearInterval(id),
    random: Math.random,
    now: () => Date.now(),
    isHidden: () => document.hidden,
    onVisibility(change) {
      const listening = new AbortController();
      document.addEventListener("visibilitychange", () => change(document.hidden), { signal: listening.signal });
      return () => listening.abort();
    },
    onWake(wake) {
      const listening = new AbortController();
      const { signal } = listening;
      window.addEventListener("online", () => wake(), { signal });
      window.addEventListener("pageshow", ({ persisted }) => persisted && wake(true), { signal });
      document.addEventListener("visibilitychange", () => document.hidden || wake(), { signal });
      return () => listening.abort();
    },
  };
}
