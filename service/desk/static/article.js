// The block of an article: decisions are planned, the service shows what the block would be, and saving makes them all.
// One thing is done after the other: each is planned on what is shown by then, however quickly buttons are pressed.
import { ask, button, localise, problem, tell, told } from "./desk.js";

const seen = document.getElementById("seen");
const saving = document.getElementById("saving");
const { article, mode, placement } = seen?.dataset ?? {};
let plan = { make: [], undo: [] };
let last = Promise.resolve();

/** Do something once all that was begun before it is done. */
function afterwards(step) {
  last = last.then(step).catch(reportError);
}

const planned = () => plan.make.length + plan.undo.length;

/** A rule for this block, about another article. */
function wish(action, other, number) {
  const made = { action, under: { article }, about: { article: other } };
  return number === undefined ? made : { ...made, number };
}

/** Plan that an article stands at a place; what stood pinned there, or was planned to, gives way. */
function pin(other, slot, rule) {
  unplan("pin", other);
  if (rule) plan.undo.push(rule);
  plan.make = plan.make.filter((each) => !(each.action === "pin" && each.number === slot));
  plan.make.push(wish("pin", other, slot));
}

function unplan(action, other) {
  plan.make = plan.make.filter((each) => !(each.action === action && each.about?.article === other));
}

/** Plan that an article goes up or down: what was planned or saved of that before gives way. */
function weigh(action, other) {
  unplan("boost", other);
  unplan("bury", other);
  for (const rule of seen.querySelectorAll(`#rules [data-weighs="${CSS.escape(other)}"]`)) {
    const id = Number(rule.dataset.rule);
    if (id && !plan.undo.includes(id)) plan.undo.push(id);
  }
  plan.make.push(wish(action, other));
}

/** Plan that an article of the block stands at another place; a pinned one that stands there changes places with it. */
function move(item, slot) {
  const from = Number(item.dataset.slot);
  const there = seen.querySelector(`#block [data-slot="${slot}"]`);
  if (!there || slot === from) return;
  pin(item.dataset.article, slot, saved(item));
  if ("pinned" in there.dataset) pin(there.dataset.article, from, saved(there));
}

/** The number of the saved rule by which an article is pinned, unless it is to be undone already. */
function saved(item) {
  const rule = Number(item.dataset.rule ?? 0);
  return rule && !plan.undo.includes(rule) ? rule : 0;
}

const acts = {
  up: (item) => move(item, Number(item.dataset.slot) - 1),
  down: (item) => move(item, Number(item.dataset.slot) + 1),
  pin: (item) => pin(item.dataset.article, Number(item.dataset.slot ?? 1), saved(item)),
  unpin: (item) => {
    unplan("pin", item.dataset.article);
    if (saved(item)) plan.undo.push(saved(item));
  },
  exclude: (item) => {
    unplan("pin", item.dataset.article);
    if (saved(item)) plan.undo.push(saved(item));
    plan.make.push(wish("exclude", item.dataset.article));
  },
  boost: (item) => weigh("boost", item.dataset.article),
  bury: (item) => weigh("bury", item.dataset.article),
  undo: (item) => plan.undo.push(Number(item.dataset.rule)),
};

/** What is sent: each wish until the moment that is set, the reason if there is one. */
function body(whole) {
  const until = document.getElementById("until").value;
  const reason = document.getElementById("why").value.trim();
  const make = plan.make.map((each) => (until ? { ...each, until: new Date(until).toISOString() } : each));
  const told = { make, undo: plan.undo, mode, placement };
  return whole && reason ? { ...told, reason } : told;
}

/** Return the item of a list that has the focus: which it is, where it stands, and what is pressed there. */
function focusedItem() {
  const item = document.activeElement?.closest("#seen li");
  if (!item) return null;
  const { id, children } = item.parentElement;
  const act = document.activeElement.dataset.act;
  return { list: id, place: [...children].indexOf(item), article: item.dataset.article, act };
}

/** Give the focus back to an article, else to what stands in its place now, else to the block. */
function giveBack({ list, place, article, act }) {
  const items = [...seen.querySelectorAll(`#${list} > li`)];
  const again = article && seen.querySelector(`li[data-article="${CSS.escape(article)}"]`);
  const next = again || items[Math.min(place, items.length - 1)];
  const part = next?.querySelector(`[data-act="${act}"]:not(:disabled)`) ?? next?.querySelector("[data-act]:not(:disabled)");
  if (part) part.focus();
  else focusBlock();
}

function focusBlock() {
  document.getElementById("block-heading").focus({ preventScroll: true });
}

/** Return whether nothing has the focus, or what is about to lose it. */
function focusIsLost() {
  const { activeElement } = document;
  return !activeElement || activeElement === document.body || activeElement.closest("[hidden]") !== null;
}

function show(markup) {
  const focused = focusedItem();
  seen.innerHTML = markup; // rendered, and escaped, by the service
  localise(seen);
  const count = planned();
  saving.hidden = count === 0;
  document.body.classList.toggle("is-planning", count > 0);
  const left = count ? `${count} ${count === 1 ? "change is" : "changes are"} not saved yet.` : "Nothing is left to be saved.";
  for (const id of ["planned", "planned-told"]) document.getElementById(id).textContent = left;
  if (focused) giveBack(focused);
  else if (focusIsLost()) focusBlock();
}

/** Show what the block would be; where it cannot be shown, the plan is what it was before. */
async function preview(change) {
  const before = structuredClone(plan);
  change();
  try {
    const answer = await ask("POST", seen.dataset.preview, body(false));
    show(await answer.text());
    problem(saving, "");
  } catch (refused) {
    plan = before;
    tell(refused.message);
  }
}

/** Show the block and its history as they are from now on. */
function showDecided({ block, history }) {
  const place = document.getElementById("history");
  place.innerHTML = history; // rendered, and escaped, by the service
  localise(place);
  show(block);
}

async function save() {
  const pressed = saving.querySelector("button");
  try {
    const answer = await ask("POST", seen.dataset.save, body(true));
    const decided = await answer.json();
    plan = { make: [], undo: [] };
    saving.reset();
    problem(saving, "");
    showDecided(decided);
    const since = new Date(decided.live).toLocaleTimeString();
    tell(told(`Live since ${since}.`, answer), button("Undo", () => afterwards(() => undo(decided.changes))));
  } catch (refused) {
    problem(saving, refused.message);
  }
  pressed.disabled = false;
  if (focusIsLost()) pressed.focus(); // while it was disabled it could not have it
}

async function undo(changes) {
  try {
    const answer = await ask("POST", seen.dataset.undo, { changes });
    const decided = await answer.json();
    tell(told("Undone.", answer)); // first: the button that was pressed goes with what was told
    showDecided(decided);
    if (planned()) await preview(() => {});
  } catch (refused) {
    tell(refused.message);
  }
}

/** Plan something with an article, or a rule, of a part of the page; nothing if it stands there no more by then. */
function plans(part, { article: other, rule }, act) {
  afterwards(async () => {
    const named = other === undefined ? `[data-rule="${rule}"]` : `[data-article="${CSS.escape(other)}"]`;
    const item = seen.querySelector(`${part} ${named}`);
    if (item) await preview(() => act(item));
  });
}

function drag() {
  let dragged;
  seen.addEventListener("dragstart", (event) => {
    dragged = event.target.closest?.("#block > li");
    event.dataTransfer.effectAllowed = "move";
    dragged?.classList.add("dragged");
  });
  seen.addEventListener("dragend", () => dragged?.classList.remove("dragged"));
  seen.addEventListener("dragover", (event) => {
    const over = event.target.closest("#block > li");
    if (dragged && over) event.preventDefault();
    for (const each of seen.querySelectorAll("#block > li")) each.classList.toggle("target", each === over && over !== dragged);
  });
  seen.addEventListener("drop", (event) => {
    const over = event.target.closest("#block > li");
    if (!dragged || !over) return;
    event.preventDefault();
    const moved = dragged.dataset.article;
    const slot = Number(over.dataset.slot);
    plans("#block", { article: moved }, (item) => move(item, slot));
  });
}

if (seen && saving) {
  seen.addEventListener("click", (event) => {
    const pressed = event.target.closest("[data-act]");
    if (pressed) plans(`#${pressed.closest("[id]").id}`, pressed.closest("li").dataset, acts[pressed.dataset.act]);
  });
  saving.addEventListener("submit", (event) => {
    event.preventDefault();
    saving.querySelector("button").disabled = true;
    afterwards(save);
  });
  const discard = () => preview(() => (plan = { make: [], undo: [] }));
  document.getElementById("discard").addEventListener("click", () => afterwards(discard));
  addEventListener("beforeunload", (event) => {
    if (planned()) event.preventDefault();
  });
  drag();
}
