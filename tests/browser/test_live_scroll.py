"""What a step of scrolling may touch on the live page, counted by the browser: no time is measured."""

import pytest
from playwright.sync_api import expect

from tests.browser import frames

HELD = 2_000
STEPS = 40
ROW = 28
SCROLL = """async ([steps, by]) => {
    const [grid, body] = [document.getElementById("grid"), document.getElementById("rows")];
    const frame = () => new Promise(requestAnimationFrame);
    const told = { made: 0, most: 0, unfilled: 0 };
    let seen = [];
    const watch = new MutationObserver((records) => seen.push(...records));
    watch.observe(body, { subtree: true, childList: true, characterData: true });
    for (let step = 0; step < steps; step += 1) {
        grid.scrollTop += by;
        await frame();
        told.made += seen.filter(({ target }) => target === body).flatMap(({ addedNodes }) => [...addedNodes]).length;
        const elements = seen.map(({ target }) => (target.closest ? target : target.parentElement));
        const rows = new Set(elements.map((one) => one?.closest(".row")));
        told.most = Math.max(told.most, rows.size);
        seen = [];
        told.unfilled = Math.max(told.unfilled, body.querySelectorAll(UNFILLED).length);
    }
    watch.disconnect();
    await frame();
    told.unfilled_after = body.querySelectorAll(UNFILLED).length;
    return told;
}"""
UNFILLED = ".row:not([hidden]) .actor > span:last-child:empty"


@pytest.fixture
def scroll(visit, site):
    """A page that holds many operations, scrolled by so many pixels a frame for so many frames."""
    live = visit(site)

    def answers(socket, nth):
        socket.send(frames.ready())
        for first in range(1, HELD, 200):
            socket.send(frames.events(range(first, first + 200)))

    live.page.route_web_socket("**/ws/events/", frames.answering(answers))
    frames.history(live.page)
    live.open()
    expect(live.page.locator("#status-bar")).to_contain_text(f"{HELD:,}")
    live.press("p")
    debugger = live.page.context.new_cdp_session(live.page)
    debugger.send("Performance.enable")

    def layouts() -> float:
        told = debugger.send("Performance.getMetrics")["metrics"]
        return next(one["value"] for one in told if one["name"] == "LayoutCount")

    def scrolled(steps, by):
        before = layouts()
        told = live.page.evaluate(SCROLL.replace("UNFILLED", repr(UNFILLED)), [steps, by])
        return told | {"layouts": layouts() - before}

    scrolled.live = live
    return scrolled


def test_a_step_makes_no_row_fills_only_new_ones_and_lays_out_once(scroll):
    """Rows that stay are left alone, elements are used again, and nothing measures what was just written."""
    scroll(5, 20 * ROW)
    expect(scroll.live.page.locator("#rows " + UNFILLED)).to_have_count(0)
    told = scroll(STEPS, 3 * ROW)
    assert (told["made"], told["unfilled"]) == (0, 0)
    assert 1 <= told["most"] <= 4
    assert told["layouts"] <= STEPS + 8, told


def test_rows_that_fly_past_are_filled_when_they_can_be_read(scroll):
    """Two frames that pass most of what is in view each: who did what through what comes once it is slower."""
    assert scroll(1, 40 * ROW)["unfilled_after"] == 0
    assert scroll(STEPS, 15 * ROW)["unfilled"] > 0
    expect(scroll.live.page.locator("#rows " + UNFILLED)).to_have_count(0)
