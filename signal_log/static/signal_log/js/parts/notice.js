// The notice above the page that the connection of this page needs somebody's attention.

/**
 * Shows the words among the messages above the page, or removes them where there are none.
 * @param {string} words
 */
export function renderNoSocket(words) {
  const shown = document.getElementById("no-socket");
  if (!words) {
    const box = shown?.parentElement;
    shown?.remove();
    if (box && !box.childElementCount) box.remove();
  } else if (!shown) {
    const message = document.createElement("div");
    message.id = "no-socket";
    message.className = "message warning";
    message.textContent = words;
    place().append(message);
  }
}

/** The messages that the server put there, or a place like theirs. */
function place() {
  const there = document.querySelector(".messages");
  if (there) return there;
  const box = document.createElement("div");
  box.className = "messages";
  box.role = "status";
  document.getElementById("main")?.before(box);
  return box;
}
