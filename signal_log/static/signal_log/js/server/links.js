// URLs of the other pages, wherever the app is mounted.

// What survives in a path: browsers resolve dot segments, proxies merge or decode the rest.
const PLAIN = /^(?!\.{1,2}$)[\w.~@+:-]+$/;

/** @param {string} home */
export function linksFrom(home) {
  const part = encodeURIComponent;
  return {
    /** @param {number} id */
    event: (id) => `${home}events/${part(id)}/`,
    /** @param {number} id */
    notes: (id) => `${home}events/${part(id)}/notes/`,
    /** @param {string} id */
    trace: (id) => `${home}traces/${part(id)}/`,
    /** @type {(label: string, pk: string) => string} */
    object: (label, pk) => `${home}objects/${part(label)}/${PLAIN.test(pk) ? `${part(pk)}/` : `?pk=${part(pk)}`}`,
    /** @param {string} pk */
    actor: (pk) => `${home}actors/${PLAIN.test(pk) ? `${part(pk)}/` : `?pk=${part(pk)}`}`,
    /** @param {number} [id] */
    shared: (id) => `${home}views/${id ? `${part(id)}/delete/` : ""}`,
    pastWrites: `${home}past-writes/`,
    /** @param {URLSearchParams | string} query */
    history: (query) => `${home}events/${String(query) ? `?${query}` : ""}`,
  };
}
