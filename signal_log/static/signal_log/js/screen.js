// What is shown, and how often: every part of the page follows from its state and its events.

import { Chart } from "./chart.js";
import { renderDetail } from "./detail.js";
import { renderFacets } from "./facets_view.js";
import { add, invert, remove, toQuery, toggle } from "./filters.js";
import { renderFoot } from "./foot.js";
import { openHelp } from "./help.js";
import { renderOver } from "./over.js";
import { SETTLE, $, absent, announcer, config, fresh, inForce, links, now, operationOf, perSecond, rate, recovery, shownRows, state, status, store } from "./page.js";
import { renderPills } from "./pills.js";
import { Table } from "./table.js";
import { count, plural } from "./text.js";
import { zone } from "./time.js";

const FRAME = 100; // ms between renderings of arriving rows: ten a second is as much as can be read
const SIDE = 500; // ms between renderings of the facets, the chart and the foot
const MOST_FLASHES = 4; // a second; above that the whole list would blink

/** What the controls shown here do; live.js puts the deeds of reader.js in. */
export const deeds = {};

const titled = document.title;
export const table = new Table($("grid"), $("rows"), { pick: (row) => deeds.pick(row), scrolled: (atEdge) => deeds.scrolled(atEdge) });
const chart = new Chart($("rate"), rate, (said) => {
  $("rate-now").textContent = said ? said[0] : perSecond();
  $("rate-note").textContent = said ? said[1] : "last 10 minutes";
});

export function showDetail() {
  state.detailStale = false;
  const panel = $("detail");
  panel.hidden = !state.picked;
  renderDetail(panel, state.picked && operationOf(state.picked), {
    store, links, act: { pick: deeds.pickEvent, only: (filter) => deeds.change(add(state.filters, filter)), copy: deeds.take, close: deeds.unpick },
  });
}

function rows() {
  state.rowsAt = performance.now();
  table.calm = rate.perSecond(now(), 3) < MOST_FLASHES;
  table.show(shownRows());
  const more = fresh();
  $("new").hidden = !more;
  if (more) $("new").textContent = `${plural(more, "new event")}`;
}

function side() {
  state.sideAt = performance.now();
  chart.draw(now());
  if (chart.over === undefined) $("rate-now").textContent = perSecond();
  renderFacets($("facets"), {
    facets: store.facets, filters: inForce(), toggle: (filter) => deeds.change(toggle(state.filters, filter)), close: () => deeds.facetsDrawer(false),
  });
  renderFoot($("foot"), {
    size: store.size, rows: store.operations.length, unfolded: state.unfolded, since: state.since, recovered: recovery.said(now()),
    older: links.history(toQuery(inForce())), absent: absent(),
    lost: state.lost, notes: state.notes, mode: state.mode, help: () => openHelp($("keys")),
  });
  if (state.detailStale) showDetail();
}

function frame() {
  renderPills($("pills"), {
    filters: state.filters, invert: (one) => deeds.change(invert(state.filters, one)), drop: (one) => deeds.change(remove(state.filters, one)), clear: () => deeds.change([]),
  });
  renderOver($("over"), {
    connection: state.connection.name, answered: state.answered, settled: now() - state.answered > SETTLE, refusal: state.refusal,
    rows: shownRows().length, filters: inForce(), models: config.models, drop: deeds.drop, clear: deeds.clear,
    login: `${config.login}?next=${encodeURIComponent(location.pathname + location.search)}`,
  });
  const [tone, said] = status();
  $("state").dataset.tone = tone;
  if ($("state-words").textContent !== said) $("state-words").textContent = said;
  const { following } = state;
  $("follow").setAttribute("aria-pressed", String(following));
  $("follow").classList.toggle("on", following);
  $("follow-word").textContent = following ? "Following" : "Follow";
  $("fold").setAttribute("aria-pressed", String(!state.unfolded));
  $("unfold").setAttribute("aria-pressed", String(state.unfolded));
  $("clock").textContent = state.mode === "relative" ? "Age" : `Time ${zone(state.mode)}`;
}

export function all() {
  if (document.hidden) return;
  frame();
  rows();
  side();
}

/** Render what arrived, but not more often than can be read, and not at all in a hidden tab. */
export function soon() {
  if (document.hidden || state.scheduled) return;
  state.scheduled = true;
  const wait = Math.max(0, FRAME - (performance.now() - (state.rowsAt ?? 0)));
  setTimeout(() => requestAnimationFrame(() => {
    state.scheduled = false;
    frame();
    rows();
    if (performance.now() - (state.sideAt ?? 0) > SIDE) side();
  }), wait);
}

export function tick() {
  recovery.tick(now());
  announcer.tick();
  const missed = document.hidden ? store.taken - state.takenAtHide : 0;
  document.title = missed ? `(${count(missed)}) ${titled}` : titled;
  if (document.hidden) return;
  $("rate").setAttribute("aria-label", chart.sums ? chart.words() : "");
  if (state.mode === "relative") table.retime();
  frame();
  side();
}
