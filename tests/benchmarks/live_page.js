// Replaces the websocket: fills the page with events, then sends a number of them per second, and counts frames.

(() => {
  let id = 0;
  const BIO = "x".repeat(120);
  const pad = (number) => String(number).padStart(12, "0");

  // A created user and its profile, pre and post of each: four events of one request, about 700 bytes each.
  const event = (at) => {
    id += 1;
    const [request, position] = [Math.ceil(id / 4), ((id - 1) % 4) + 1];
    const [pre, child] = [position % 2 === 1, position > 2];
    const texts = {
      caused_by: child ? "users.signals.create_profile" : "",
      error: "",
      request_id: "",
      remote_addr: "",
      call_site: "",
    };
    return {
      id,
      signal: pre ? "pre_save" : "post_save",
      sender: child ? "users.Profile" : "auth.User",
      object_pk: String(request),
      object_repr: `user${request}`,
      created: pre ? null : true,
      raw: false,
      using: "default",
      update_fields: null,
      origin: null,
      changes: { username: [null, `user${request}`], bio: [null, BIO] },
      trace_id: `00000000-0000-4000-8000-${pad(request)}`,
      position,
      parent_position: child ? 2 : null,
      operation: child ? 3 : 1,
      outcome: "committed",
      actor_pk: "1",
      actor_repr: `actor${request % 40}`,
      source: "http",
      method: "POST",
      path: "/accounts/register/",
      occurred_at: new Date(at).toISOString(),
      process: "p:1",
      salt: "00",
      digest: "00",
      redacted_at: null,
      ...texts,
    };
  };
  window.bench = { held: 0, wanted: 0, perSecond: 0, long: 0, own: 0 };
  /** Does something that a page with a real server would not have to, and counts its milliseconds. */
  const ours = (act) => {
    const begun = performance.now();
    const made = act();
    bench.own += performance.now() - begun;
    return made;
  };
  const frame = (number, at) =>
    ours(() =>
      JSON.stringify({ type: "events", cursor: "c", events: Array.from({ length: number }, () => event(at)) }),
    );

  new PerformanceObserver((found) => {
    bench.long += found.getEntries().length;
  }).observe({ type: "longtask" }); // of more than 50 ms
  window.WebSocket = class {
    readyState = 1;
    constructor() {
      setTimeout(() => this.onopen());
    }
    send(text) {
      if (JSON.parse(text).type !== "subscribe" || this.begun) return;
      this.begun = true;
      this.onmessage({
        data: JSON.stringify({
          type: "ready",
          cursor: "c",
          server_time: new Date().toISOString(),
          layer: "ok",
          database: "ok",
        }),
      });
      setInterval(() => {
        for (let n = 0; n < 5 && bench.held < bench.wanted; n += 1, bench.held += 200)
          this.onmessage({ data: frame(200, Date.now() - 3_600_000) });
        if (bench.perSecond && bench.held >= bench.wanted)
          this.onmessage({ data: frame(bench.perSecond / 20, Date.now()) });
      }, 50);
    }
    close() {}
  };

  /** Times the frames of some seconds, in sorted milliseconds; with `scroll`, 24,000 pixels per second pass by. */
  bench.frames = (seconds, scroll) =>
    new Promise((done) => {
      const found = [];
      const grid = document.querySelector("#grid");
      let [last, down] = [performance.now(), 400];
      const end = last + seconds * 1000;
      const step = (now) => {
        found.push(now - last);
        last = now;
        if (scroll) grid.scrollTop += down;
        if (scroll && (grid.scrollTop > 400_000 || grid.scrollTop < 400)) down = -down;
        if (now < end) requestAnimationFrame(step);
        else done(found.sort((a, b) => a - b));
      };
      requestAnimationFrame(step);
    });
})();
