// Reads events and durations as JSON from standard input, and writes the live page's words for each.

import { readFileSync } from "node:fs";
import { ofDuration, ofEvent } from "./saying.js";

const { events, durations } = JSON.parse(readFileSync(0, "utf8"));
process.stdout.write(JSON.stringify({ events: events.map(ofEvent), durations: durations.map(ofDuration) }));
