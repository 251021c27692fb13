// What a query is once it is parsed: a tree of terms, as plain objects.

/** @typedef {{ key: string, text: string, fields: string[], at: number, length: number }} Term */
/** @typedef {{ and: Node[] } | { or: Node[] } | { not: Node } | Term} Node and, or: of two at least */

/**
 * @param {"and" | "or"} operator
 * @param {Node[]} nodes
 * @returns {Node | null}
 */
export function joined(operator, nodes) {
  if (nodes.length < 2) return nodes[0] ?? null;
  return operator === "and" ? { and: nodes } : { or: nodes };
}

/** @type {(node: Node) => Node} */
export const negated = (node) => ("not" in node ? node.not : { not: node });

/** @type {(key: string, text: string) => Term} */
export const termOf = (key, text) => ({ key, text, fields: [], at: 0, length: 0 });

/**
 * Every term of a query, in the order of the text.
 * @param {Node | null} node
 * @returns {Term[]}
 */
export function termsOf(node) {
  if (!node) return [];
  if ("not" in node) return termsOf(node.not);
  if ("key" in node) return [node];
  return ("and" in node ? node.and : node.or).flatMap(termsOf);
}
