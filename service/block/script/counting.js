// What a reader saw of a block, and clicked: counted once each, and told in one message when the page is left.
//
// Seen is a card of which half was in view for a second. Nobody is told apart: nothing is kept, and nothing is sent of the
// reader. Nothing is counted where the block says `no-count`, or the browser that its reader wants none of it.

const SEEN_MS = 1_000;
const SEEN_SHARE = 0.5;
const watched = new Map(); // card in the page -> its block, its slot, and the timer of its second
const untold = new Map(); // what was told of some cards -> their block, the message of them, and whom it is for
let sight;

function counts(block) {
  return !block.hasAttribute("no-count") && navigator.globalPrivacyControl !== true;
}

/** Watch the cards of a block that have not been seen; and no more those that it showed before. */
function watch(block) {
  for (const [item, spot] of watched) if (spot.block === block) unwatch(item);
  if (!counts(block)) return;
  for (const [index, item] of block.items.entries()) {
    if (block.told.has(`seen ${index + 1}`)) continue;
    watched.set(item, { block, slot: index + 1 });
    sight.observe(item);
  }
}

function unwatch(item) {
  clearTimeout(watched.get(item).timer);
  watched.delete(item);
  sight.unobserve(item);
}

function look(entries) {
  for (const { target, intersectionRatio } of entries) {
    const spot = watched.get(target);
    if (!spot) continue;
    clearTimeout(spot.timer);
    if (intersectionRatio < SEEN_SHARE || document.hidden) continue;
    spot.timer = setTimeout(() => {
      unwatch(target);
      count(spot.block, "seen", spot.slot);
    }, SEEN_MS);
  }
}

/** Count something of a block, unless it has been. */
function count(block, kind, slot) {
  const { told } = block;
  const fact = `${kind} ${slot}`;
  if (told.has(fact) || !counts(block)) return;
  told.add(fact);
  if (!untold.has(told)) {
    const message = { article: block.article, block: block.named, shown: [], slots: [], teams: [], clicked: [] };
    untold.set(told, { block, message, endpoint: endpointOf(block) });
  }
  const { message } = untold.get(told);
  const { id, team = "" } = block.cards[slot - 1];
  if (kind === "clicked") message.clicked.push({ item: id, slot, team });
  else {
    message.shown.push(id);
    message.slots.push(slot);
    message.teams.push(team);
  }
}

/** Count a click on a card's link, which proves that it was seen too; what opens a menu is none. */
function countClick(block, event) {
  if (!event.isTrusted || event.button > 1) return;
  const [target] = event.composedPath();
  const slot = block.items.findIndex((item) => item.contains(target)) + 1;
  if (!slot || !target.closest("a")) return;
  count(block, "seen", slot);
  count(block, "clicked", slot);
  tell(); // the page may be gone in a moment
}

/** Tell each service what was counted of its blocks. */
function tell() {
  for (const [told, { block }] of untold) if (!counts(block)) untold.delete(told);
  while (untold.size) {
    const [[, { endpoint }]] = untold;
    const batch = [...untold].filter(([, each]) => each.endpoint === endpoint).slice(0, BLOCKS_MAX);
    const body = JSON.stringify({ blocks: batch.map(([, { message }]) => message) });
    if (navigator.sendBeacon?.(`${endpoint}v1/events`, body) === false) return; // too much to send: with the next
    for (const [told] of batch) untold.delete(told);
  }
}

/** The page went to the background: no second goes on there. It came back: it begins anew. */
function turn() {
  if (document.hidden) tell();
  for (const [item, spot] of watched) {
    clearTimeout(spot.timer);
    sight.unobserve(item);
    if (!document.hidden) sight.observe(item);
  }
}
