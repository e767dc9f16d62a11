// Results while one types: the same address as the form's, its list alone; the address bar follows.
import { ask, tell } from "./desk.js";

const TYPING_MS = 180;
const DRAFT_CHARACTERS_MIN = 600;
const form = document.getElementById("find");
const box = document.getElementById("q");
const results = document.getElementById("results");
let waiting;
let asked = 0;

function query() {
  const said = [...new FormData(form)].filter(([name, value]) => value !== "" && !(name === "by" && value === "meaning"));
  return new URLSearchParams(said);
}

async function refresh() {
  const number = ++asked;
  const wanted = query();
  results.setAttribute("aria-busy", "true");
  try {
    const answer = await ask("GET", `${form.action}?${wanted}${wanted.size ? "&" : ""}part=results`);
    const found = await answer.text();
    if (number !== asked) return; // more was typed meanwhile
    results.innerHTML = found; // rendered, and escaped, by the service
    history.replaceState(null, "", wanted.size ? `?${wanted}` : form.action);
  } catch (refused) {
    if (number === asked) tell(refused.message);
  } finally {
    if (number === asked) results.setAttribute("aria-busy", "false");
  }
}

function soon() {
  clearTimeout(waiting);
  waiting = setTimeout(refresh, TYPING_MS);
}

// What is pasted and long is no search but a draft, and is read as one.
box.addEventListener("paste", (event) => {
  const pasted = event.clipboardData.getData("text");
  if (pasted.length < DRAFT_CHARACTERS_MIN || !form.dataset.draft) return;
  event.preventDefault();
  const draft = document.createElement("form");
  draft.method = "post";
  draft.action = form.dataset.draft;
  const text = document.createElement("textarea");
  text.name = "text";
  text.value = pasted;
  draft.append(text);
  draft.hidden = true;
  document.body.append(draft);
  draft.submit();
});
form.addEventListener("input", soon);
form.addEventListener("change", soon);
