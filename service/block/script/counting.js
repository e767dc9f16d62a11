// What a reader saw of a block, and clicked: counted once each, and told in one message when the page is left.
//
// Seen is a card of which half was in view for a second. Nobody is told apart: nothing is kept, and nothing is sent of the
// reader. Nothing is counted where the block says `no-count`, or the browser that its reader wants none of it.

const SEEN_MS = 1_000;
const SEEN_SHARE = 0.5;
const watched = new Map(); // card in the page -> its block, its slot, and the timer of its second
let sight;

function counts(block) {
  return !block.hasAttribute("no-count") && navigator.globalPrivacyControl !== true;
}

/** Watch the cards of a block that have not been seen; and no more those that it showed before. */
function watch(block, items) {
  for (const [item, spot] of watched) if (spot.block === block) unwatch(item);
  if (!counts(block)) return;
  for (const [index, item] of items.entries()) {
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
  for (const { target, isIntersecting, intersectionRatio } of entries) {
    const spot = watched.get(target);
    if (!spot) continue;
    clearTimeout(spot.timer);
    if (!isIntersecting || intersectionRatio < SEEN_SHARE || document.hidden) continue;
    spot.timer = setTimeout(() => {
      unwatch(target);
      count(spot.block, "seen", spot.slot);
    }, SEEN_MS);
  }
}

/** Count something of a block, unless it has been. */
function count(block, kind, slot) {
  const fact = `${kind} ${slot}`;
  if (block.told.has(fact) || !counts(block)) return;
  block.told.add(fact);
  block.untold.push({ kind, slot });
}

/** Count a click on a card's link, which proves that it was seen too; what opens a menu is none. */
function countClick(block, event) {
  if (!event.isTrusted || event.button > 1) return;
  const path = event.composedPath();
  const within = path.slice(0, path.indexOf(block));
  const item = within.find((node) => node.localName === "li");
  if (!item || !within.some((node) => node.localName === "a")) return;
  const slot = [...item.parentNode.children].indexOf(item) + 1;
  if (!block.cards[slot - 1]) return; // of an article that it was about before
  count(block, "seen", slot);
  count(block, "clicked", slot);
  tell(block);
}

/** Tell the service what was counted of a block. */
function tell(block) {
  const told = block.untold.splice(0);
  if (!told.length || !counts(block)) return;
  const of = (kind) => told.filter((each) => each.kind === kind).map(({ slot }) => ({ slot, card: block.cards[slot - 1] }));
  const shown = of("seen");
  const message = {
    article: block.article,
    block: block.named,
    shown: shown.map(({ card }) => card.id),
    slots: shown.map(({ slot }) => slot),
    teams: shown.map(({ card }) => card.team ?? ""),
    clicked: of("clicked").map(({ slot, card }) => ({ item: card.id, slot, team: card.team ?? "" })),
  };
  navigator.sendBeacon?.(`${endpointOf(block)}v1/events`, JSON.stringify(message));
}

function tellAll() {
  for (const block of blocks) tell(block);
}

/** The page went to the background: no second goes on there. It came back: it begins anew. */
function turn() {
  if (document.hidden) tellAll();
  for (const [item, spot] of watched) {
    clearTimeout(spot.timer);
    sight.unobserve(item);
    if (!document.hidden) sight.observe(item);
  }
}
