// Blocks that wait -> their cards, from the service, within 800 ms or not at all.
//
// One block of an article: GET, which caches keep. Several, or one more beside what the page shows already: one POST of
// /v1/page, so that nothing stands on the page twice.

const LIMIT_MS = 800;
const BLOCKS_MAX = 20;
const SHOWN_MAX = 200;
const CARDS_MAX = 50;
const FOLLOWING = 4; // Node.DOCUMENT_POSITION_FOLLOWING
const MODES = ["background", "latest", "evergreen"];
const SERVICE = folderOf(document.currentScript ?? document.querySelector('script[src*="/related.js"]'));

const blocks = new Set(); // those that stand in the page
const waiting = new Set(); // those of them that shall be asked for
const flights = new Map(); // subjects -> the end of what was last asked of each
const parsed = new Promise((resolve) => {
  if (document.readyState !== "loading") resolve();
  else document.addEventListener("DOMContentLoaded", resolve, { once: true });
});

function folderOf(script) {
  return script?.src ? new URL(".", script.src).href : "";
}

/** Ask for a block together with all that are asked for in this moment, once it is known what the page holds. */
function ask(block) {
  waiting.add(block);
  if (waiting.size === 1) parsed.then(askAll).catch(() => {});
}

function askAll() {
  const subjects = new Set([...waiting].filter((block) => block.isConnected && !block.asked).map(subjectOf));
  waiting.clear();
  subjects.delete("");
  // What one answer brings, the next must not repeat.
  for (const subject of subjects) {
    const before = flights.get(subject) ?? Promise.resolve();
    flights.set(subject, before.then(() => fill(subject)).catch(() => {}));
  }
}

/** Return what blocks of one request have in common, '' where nothing can be asked for. */
function subjectOf(block) {
  const endpoint = endpointOf(block);
  const article = block.getAttribute("article");
  return endpoint && article ? `${endpoint} ${article}` : "";
}

/** Return the address under which a block finds the service, '' for none. */
function endpointOf(block) {
  const given = block.getAttribute("endpoint") ?? SERVICE;
  const found = given && webAddress(given, document.baseURI);
  return !found || found.endsWith("/") ? found : `${found}/`;
}

/** Fill those of a subject's blocks that have not been asked for. */
async function fill(subject) {
  const all = [...blocks].filter((block) => subjectOf(block) === subject);
  all.sort((one, other) => (one.compareDocumentPosition(other) & FOLLOWING ? -1 : 1));
  const shown = all.flatMap((block) => block.shownIds).slice(0, SHOWN_MAX);
  const group = all.filter((block) => !block.asked).slice(0, BLOCKS_MAX);
  if (!group.length) return;
  const names = namesOf(group, all);
  const turn = {};
  for (const block of group) block.asked = turn;
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), LIMIT_MS);
  let lists = [];
  try {
    const alone = all.length === 1 && !shown.length;
    lists = alone ? [await askOne(group[0], stop.signal)] : await askPage(group, names, shown, stop.signal);
  } catch {
    // The page stays as it is without us; the browser has said in its console what it could not load.
  }
  clearTimeout(timer);
  group.forEach((block, number) => {
    if (block.asked === turn) block.take(cardsIn(lists[number]), names[number]);
  });
}

/** Return what blocks are called, here and in the counts: by their name, else their placement, else their number. */
function namesOf(group, all) {
  const names = [];
  for (const block of group) {
    // By whole letters: half of one is no text.
    let name = [...(block.getAttribute("name") || block.getAttribute("placement") || "").trim()].slice(0, 64).join("");
    let number = all.indexOf(block) + 1;
    while (all.length > 1 && (!name || names.includes(name))) name = `block-${number++}`;
    names.push(name);
  }
  return names;
}

async function askOne(block, signal) {
  const query = new URLSearchParams(wishesOf(block)).toString();
  const article = encodeURIComponent(block.getAttribute("article"));
  const answer = await read(`${endpointOf(block)}v1/articles/${article}/related${query && `?${query}`}`, { signal });
  return answer.related;
}

async function askPage(group, names, shown, signal) {
  const body = {
    article: group[0].getAttribute("article"),
    shown,
    blocks: group.map((block, number) => ({ name: names[number], ...wishesOf(block) })),
  };
  const headers = { "Content-Type": "application/json" };
  const told = { method: "POST", headers, body: JSON.stringify(body), signal };
  const answer = await read(`${endpointOf(group[0])}v1/page`, told);
  return answer.blocks.map((each) => each.related);
}

/** Return an answer as JSON. No cookie goes along, and not where the reader is. */
async function read(address, options) {
  const answer = await fetch(address, { credentials: "omit", referrerPolicy: "no-referrer", ...options });
  if (!answer.ok) throw new Error(answer.status);
  return answer.json();
}

/** Return what a block's attributes say of what it may hold; what cannot be meant is left out. */
function wishesOf(block) {
  const wishes = {};
  const limit = Number(block.getAttribute("limit"));
  if (Number.isInteger(limit) && limit > 0) wishes.limit = Math.min(limit, CARDS_MAX);
  const mode = block.getAttribute("mode");
  if (MODES.includes(mode)) wishes.mode = mode;
  const placement = block.getAttribute("placement");
  if (placement && Object.hasOwn(SITE.looks, placement)) wishes.placement = placement;
  return wishes;
}

function cardsIn(list) {
  if (!Array.isArray(list)) return [];
  return list.filter((card) => textOf(card?.id) && textOf(card.title)).slice(0, CARDS_MAX);
}

function textOf(value) {
  return typeof value === "string" ? value.trim() : "";
}

/** Return an address of the web whole, '' for all others: no script, no data, nothing of the browser's own. */
function webAddress(text, base) {
  try {
    const address = new URL(text, base);
    return /^https?:$/.test(address.protocol) ? address.href : "";
  } catch {
    return "";
  }
}
