// Addresses of the other pages, wherever the host has mounted the app.

export function linksFrom(home) {
  const part = encodeURIComponent;
  return {
    event: (id) => `${home}events/${part(id)}/`,
    trace: (id) => `${home}traces/${part(id)}/`,
    object: (label, pk) => `${home}objects/${part(label)}/${part(pk)}/`,
    history: (query) => `${home}events/${String(query) ? `?${query}` : ""}`,
  };
}
