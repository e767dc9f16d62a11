// Whether a change of a block moves anything that a reader sees: measured before the browser paints it, so that it can
// be taken back.

const MOVED_PIXELS = 1; // a browser that keeps in place what is seen does so by whole pixels

/** Return what stands around an element, up to the page, and where; and where the reader is. */
function around(element) {
  const found = [];
  const range = document.createRange();
  for (let node = element; node; node = node.assignedSlot ?? node.parentNode ?? node.host) {
    for (const each of node.parentNode?.childNodes ?? []) {
      if (each !== node && each.nodeType !== Node.COMMENT_NODE) found.push([each, boxOf(each, range)]);
    }
  }
  return { found, left: scrollX, top: scrollY };
}

/** Return whether something that is seen, or was, stands elsewhere now. */
function moved({ found }) {
  if (isUnseen()) return false;
  const range = document.createRange();
  return found.some(([node, old]) => {
    const box = boxOf(node, range);
    const shift = Math.max(Math.abs(box.top - old.top), Math.abs(box.left - old.left), Math.abs(box.right - old.right));
    return shift > MOVED_PIXELS && (isSeen(box) || isSeen(old));
  });
}

/** Take a reader back who was carried along as the page became shorter for a moment; return whether that was so. */
function carried({ left, top }) {
  if (scrollX === left && scrollY === top) return false;
  scrollTo({ left, top, behavior: "instant" });
  return true;
}

/** Return whether the page is in the background, and was never painted. */
function isUnseen() {
  return document.hidden && performance.getEntriesByType("paint").length === 0;
}

function boxOf(node, range) {
  range.selectNode(node);
  return range.getBoundingClientRect();
}

function isSeen(box) {
  return box.width > 0 && box.height > 0 && box.bottom > 0 && box.right > 0 && box.top < innerHeight && box.left < innerWidth;
}

/** Take away the cards of a section from the first that reaches below a line; return how many are left. */
function trim(section, line) {
  const cards = [...section.querySelectorAll("li")];
  let left = cards.findIndex((card) => card.getBoundingClientRect().bottom > line + MOVED_PIXELS);
  if (left < 0) left = cards.length;
  for (const card of cards.slice(left)) card.remove();
  return left;
}
