// Three transports with one interface: open(urls, hooks, env) starts one and returns {close, ping}.
// hooks: heard(event|null) for each message or heartbeat, lost(quietly) once when the connection ends, gone() when the
// batch does not exist, locked() when the login has expired.

const POLL_MS = 1000;
const POLLS_BEFORE_TRYING_BETTER = 120;

export function websocket(urls, hooks, env) {
  const socket = new env.WebSocket(urls.websocket);
  socket.onmessage = ({ data }) => {
    const message = JSON.parse(data);
    hooks.heard(message.type === "pong" ? null : message);
  };
  const ends = { 4401: hooks.locked, 4404: hooks.gone };
  socket.onclose = ({ code }) => (ends[code] ?? hooks.lost)();
  return {
    ping: () => socket.readyState === 1 && socket.send('{"type":"ping"}'),
    close() {
      socket.onmessage = socket.onclose = null;
      socket.close();
    },
  };
}

// The server ends every stream after about two minutes: reconnecting then is no failure.
const LONG_LIFE_MS = 60_000;

// A browser opens six connections to a server for all of its tabs: only visible tabs use an event stream. Hidden ones
// poll, so that their titles stay current.
export function eventSource(urls, hooks, env) {
  const open = (hidden) => (hidden ? polling : openStream)(urls, hooks, env);
  let current = open(env.isHidden());
  const unwatch = env.onVisibility((hidden) => {
    current.close();
    current = open(hidden);
  });
  return {
    ping() {},
    close() {
      unwatch();
      current.close();
    },
    silentHeartbeat: true,
  };
}

function openStream(urls, hooks, env) {
  let quietly = false;
  const timer = env.setTimeout(() => (quietly = true), LONG_LIFE_MS);
  const source = new env.EventSource(urls.stream, { withCredentials: true });
  const hear = ({ data }) => data && hooks.heard(JSON.parse(data));
  for (const type of ["connected", "progress", "complete", "error"]) source.addEventListener(type, hear);
  // Do not use the browser's own retry: it has no jitter and no fallback. A server's "error" event also arrives here,
  // but the feed has ended by then.
  source.onerror = () => {
    close();
    hooks.lost(quietly);
  };
  function close() {
    env.clearTimeout(timer);
    source.close();
  }
  return { close };
}

export function polling(urls, hooks, env) {
  let open = true;
  let timer = null;
  let polls = 0;
  async function poll() {
    try {
      const response = await env.fetch(urls.snapshot, { headers: { Accept: "application/json" } });
      if (!open) return;
      if (response.status === 404) return hooks.gone();
      if (response.status === 401) return hooks.locked();
      if (!response.ok) return hooks.lost();
      hooks.heard(await response.json());
    } catch {
      if (open) hooks.lost();
      return;
    }
    polls += 1;
    if (open && polls >= POLLS_BEFORE_TRYING_BETTER) hooks.lost(true);
    else if (open) timer = env.setTimeout(poll, POLL_MS);
  }
  poll();
  return {
    ping() {},
    close() {
      open = false;
      env.clearTimeout(timer);
    },
  };
}

// Best first. The websocket is tried twice, because a restart of the server breaks one attempt of any kind.
export function ladder(env) {
  const rungs = [];
  if (env.WebSocket) rungs.push(websocket, websocket);
  if (env.EventSource) rungs.push(eventSource);
  return [...rungs, polling];
}
