// A world in which time passes when the test says so, and sockets do what the test makes them do.

export function fakeEnv({ random = 1 } = {}) {
  let now = 0;
  let nextId = 1;
  const timers = new Map();
  const env = {
    sockets: [],
    sources: [],
    requests: [],
    wakers: new Set(),
    random: () => random,
    setTimeout: (run, ms) => add(run, ms, null),
    setInterval: (run, ms) => add(run, ms, ms),
    clearTimeout: (id) => timers.delete(id),
    clearInterval: (id) => timers.delete(id),
    hidden: false,
    isHidden: () => env.hidden,
    onVisibility: (change) => listen(env.visibility, change),
    onWake: (wake) => listen(env.wakers, wake),
    hide(hidden) {
      env.hidden = hidden;
      for (const change of env.visibility) change(hidden);
    },
    visibility: new Set(),
    timers,
    now: () => now,
    advance(ms) {
      const until = now + ms;
      for (;;) {
        const due = [...timers.values()].filter((timer) => timer.at <= until).sort((a, b) => a.at - b.at)[0];
        if (!due) break;
        now = due.at;
        if (due.every === null) timers.delete(due.id);
        else due.at += due.every;
        due.run();
      }
      now = until;
    },
  };
  function listen(listeners, listener) {
    listeners.add(listener);
    return () => listeners.delete(listener);
  }
  function add(run, ms, every) {
    const timer = { id: nextId++, at: now + ms, every, run };
    timers.set(timer.id, timer);
    return timer.id;
  }

  env.WebSocket = class {
    readyState = 1;
    sent = [];
    closed = false;
    constructor(url) {
      this.url = url;
      env.sockets.push(this);
    }
    send(text) {
      this.sent.push(JSON.parse(text));
    }
    close() {
      this.closed = true;
    }
    say(event) {
      this.onmessage?.({ data: JSON.stringify(event) });
    }
    break(code = 1006) {
      this.onclose?.({ code });
    }
  };
  env.EventSource = class {
    listeners = {};
    closed = false;
    constructor(url) {
      this.url = url;
      env.sources.push(this);
    }
    addEventListener(type, listener) {
      this.listeners[type] = listener;
    }
    close() {
      this.closed = true;
    }
    say(event) {
      const message = { data: JSON.stringify(event) };
      this.listeners[event.type](message);
      if (event.type === "error") this.onerror?.(message);
    }
  };
  env.answer = { status: 200, body: null };
  env.fetch = async (url) => {
    env.requests.push(url);
    if (env.answer === "unreachable") throw new TypeError("network");
    const { status, body } = env.answer;
    return { status, ok: status < 400, json: async () => body };
  };
  return env;
}

export const event = (sequence, more = {}) => ({ type: "progress", status: "running", sequence, ...more });
export const settled = () => new Promise((resolve) => setImmediate(resolve));
