// What stands in for the socket where none opens: asks the history, and says so above the page.

import { needTimes, toWire } from "../events/filters.js";
import { noSocketWords } from "../parts/no_socket.js";
import { Polling } from "../server/polling.js";
import { activeFilters, ask, config } from "./state.js";

/** @import { Handlers } from "../server/polling.js" */

/** @param {Handlers} handlers */
export const polls = (handlers) =>
  new Polling({
    ask,
    query: () => toWire(activeFilters()),
    timed: () => needTimes(activeFilters()),
    backfill: config.backfill,
    handlers,
  });

export const why = () => noSocketWords(config.unopened, config.socket);
