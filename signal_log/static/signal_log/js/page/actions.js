// All that a user can do, for the keys and the controls.

import { during } from "./following.js";
import { facetsDrawer } from "./looks.js";
import { unpick } from "./selecting.js";
import { $, state } from "./state.js";
import { leaveContext } from "./unfolding.js";

export * from "./asking.js";
export * from "./following.js";
export * from "./looks.js";
export * from "./selecting.js";
export * from "./toast.js";
export * from "./unfolding.js";

/** Esc: closes the innermost open thing. */
export function leave() {
  if ($("facets").classList.contains("open")) return facetsDrawer(false);
  if (state.picked) return unpick();
  if (state.context) return leaveContext();
  if (state.range) return during(null);
}
