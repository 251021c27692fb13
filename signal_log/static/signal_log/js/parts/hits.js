// A text with what the query asked for marked in it.

import { html } from "../../vendor/htm-preact.js";
import { pieces } from "../query/hits.js";

/** @param {{ text: string, hits: RegExp | null }} of */
export const Hits = ({ text, hits }) =>
  pieces(text, hits).map(([isMarked, piece]) => (isMarked ? html`<mark class="hit">${piece}</mark>` : piece));

/**
 * Writes such a text into an element; only what differs is written.
 * @param {HTMLElement & { said?: string, hits?: RegExp | null }} node
 * @param {string} text
 * @param {RegExp | null} hits
 */
export function setHits(node, text, hits) {
  if (node.said === text && (node.hits ?? null) === hits) return;
  node.said = text;
  node.hits = hits;
  const all = hits ? pieces(text, hits) : [];
  if (!all.some(([isMarked]) => isMarked)) node.textContent = text;
  else node.replaceChildren(...all.map(([isMarked, piece]) => (isMarked ? hit(piece) : piece)));
}

/** @param {string} text */
function hit(text) {
  const mark = document.createElement("mark");
  mark.className = "hit";
  mark.textContent = text;
  return mark;
}
