// A question that several ask at about the same time goes out once.

/** @import { Ask } from "./older.js" */

const SAME = 1_500; // ms within which a question is the same one

/**
 * @param {Ask} ask
 * @returns {Ask}
 */
export function once(ask) {
  let [last, at] = ["", 0];
  /** @type {ReturnType<Ask> | null} */
  let answer = null;
  return (query) => {
    const name = JSON.stringify(Object.entries(query).sort());
    if (!answer || name !== last || performance.now() - at > SAME) {
      [last, at] = [name, performance.now()];
      answer = ask(query);
      answer.catch(() => {
        answer = null; // may be asked again at once
      });
    }
    return answer;
  };
}
