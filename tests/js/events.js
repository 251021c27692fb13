// Short ways to make events as the websocket sends them.

let id = 0;

export const reset = () => (id = 0);

export function event(fields = {}) {
  id += 1;
  return {
    id,
    signal: "post_save",
    sender: "auth.User",
    object_pk: "1",
    object_repr: "ada",
    created: false,
    raw: false,
    update_fields: null,
    origin: null,
    changes: { first_name: ["Ada", "Augusta"] },
    trace_id: "00000000-0000-4000-8000-000000000001",
    position: 1,
    parent_position: null,
    operation: 1,
    caused_by: "",
    outcome: "committed",
    error: "",
    actor_pk: "7",
    actor_repr: "grace",
    source: "http",
    occurred_at: "2026-11-22T09:42:17.950112Z",
    ...fields,
  };
}

/** A registration: a saved User whose receiver saves a Profile. */
export function registration(trace = "00000000-0000-4000-8000-000000000001") {
  const at = { trace_id: trace };
  return [
    event({
      ...at,
      signal: "pre_save",
      created: null,
      position: 1,
      operation: 1,
      changes: { username: [null, "ada"] },
    }),
    event({ ...at, created: true, position: 2, operation: 1, changes: { username: [null, "ada"] } }),
    event({
      ...at,
      signal: "pre_save",
      created: null,
      sender: "users.Profile",
      position: 3,
      operation: 3,
      parent_position: 2,
      caused_by: "users.signals.create_profile",
      changes: { name: [null, "Ada"] },
    }),
    event({
      ...at,
      created: true,
      sender: "users.Profile",
      position: 4,
      operation: 3,
      parent_position: 2,
      caused_by: "users.signals.create_profile",
      changes: { name: [null, "Ada"] },
    }),
  ];
}
