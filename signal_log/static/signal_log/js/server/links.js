// URLs of the other pages, wherever the app is mounted.

// What survives in a path: browsers resolve dot segments, proxies merge or decode the rest.
const PLAIN = /^(?!\.{1,2}$)[\w.~@+:-]+$/;

export function linksFrom(home) {
  const part = encodeURIComponent;
  return {
    event: (id) => `${home}events/${part(id)}/`,
    trace: (id) => `${home}traces/${part(id)}/`,
    object: (label, pk) => `${home}objects/${part(label)}/${PLAIN.test(pk) ? `${part(pk)}/` : `?pk=${part(pk)}`}`,
    shared: (id) => `${home}views/${id ? `${part(id)}/delete/` : ""}`,
    history: (query) => `${home}events/${String(query) ? `?${query}` : ""}`,
  };
}
