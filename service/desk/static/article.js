// The block of an article: decisions are planned, the service shows what the block would be, and saving makes them all.
import { ask, button, problem, tell, told } from "./desk.js";

const seen = document.getElementById("seen");
const saving = document.getElementById("saving");
const { article, mode } = seen?.dataset ?? {};
let plan = { make: [], undo: [] };
let asked = 0;

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
  boost: (item) => plan.make.push(wish("boost", item.dataset.article)),
  bury: (item) => plan.make.push(wish("bury", item.dataset.article)),
  undo: (item) => plan.undo.push(Number(item.dataset.rule)),
};

/** What is sent: each wish until the moment that is set, the reason if there is one. */
function body(whole) {
  const until = document.getElementById("until").value;
  const reason = document.getElementById("why").value.trim();
  const make = plan.make.map((each) => (until ? { ...each, until: new Date(until).toISOString() } : each));
  const told = { make, undo: plan.undo, mode };
  return whole && reason ? { ...told, reason } : told;
}

function show(markup) {
  const focused = document.activeElement?.closest("[data-article]")?.dataset.article;
  const act = document.activeElement?.dataset?.act;
  seen.innerHTML = markup; // rendered, and escaped, by the service
  const again = focused && seen.querySelector(`[data-article="${CSS.escape(focused)}"]`);
  const next = again?.querySelector(`[data-act="${act}"]:not(:disabled)`) ?? again?.querySelector("[data-act]:not(:disabled)");
  next?.focus();
  const count = plan.make.length + plan.undo.length;
  saving.hidden = count === 0;
  document.body.classList.toggle("is-planning", count > 0);
  document.getElementById("planned").textContent = `${count} ${count === 1 ? "change is" : "changes are"} not saved yet.`;
}

/** Show what the block would be; where it cannot be shown, the plan is what it was before. */
async function preview(change) {
  const before = structuredClone(plan);
  change();
  const number = ++asked;
  try {
    const answer = await ask("POST", seen.dataset.preview, body(false));
    const markup = await answer.text();
    if (number === asked) show(markup);
    problem(saving, "");
  } catch (refused) {
    plan = before;
    tell(refused.message);
  }
}

async function save(event) {
  event.preventDefault();
  const pressed = saving.querySelector("button");
  pressed.disabled = true;
  try {
    const answer = await ask("POST", seen.dataset.save, body(true));
    const { changes, live, block } = await answer.json();
    plan = { make: [], undo: [] };
    saving.reset();
    problem(saving, "");
    show(block);
    const since = new Date(live).toLocaleTimeString();
    tell(told(`Live since ${since}.`, answer), button("Undo", () => undo(changes)));
  } catch (refused) {
    problem(saving, refused.message);
  }
  pressed.disabled = false;
}

async function undo(changes) {
  try {
    const answer = await ask("POST", seen.dataset.undo, { changes });
    show((await answer.json()).block);
    tell(told("Undone.", answer));
  } catch (refused) {
    tell(refused.message);
  }
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
    const moved = dragged;
    preview(() => move(moved, Number(over.dataset.slot)));
  });
}

if (seen && saving) {
  seen.addEventListener("click", (event) => {
    const pressed = event.target.closest("[data-act]");
    if (pressed) preview(() => acts[pressed.dataset.act](pressed.closest("li")));
  });
  saving.addEventListener("submit", save);
  document.getElementById("discard").addEventListener("click", () => preview(() => (plan = { make: [], undo: [] })));
  addEventListener("beforeunload", (event) => {
    if (plan.make.length + plan.undo.length) event.preventDefault();
  });
  drag();
}
