// Results while one types: the same address as the form's, its list alone; the address bar follows.
import { ask, tell } from "./desk.js";

const TYPING_MS = 180;
const BUSY_MS = 700;
const DRAFT_CHARACTERS_MIN = 600;
const form = document.getElementById("find");
const box = document.getElementById("q");
const results = document.getElementById("results");
let waiting;
let wanted = null; // what is asked for and not shown yet
let asking = false;

function query() {
  const said = [...new FormData(form)].filter(([name, value]) => value !== "" && !(name === "by" && value === "meaning"));
  return new URLSearchParams(said);
}

/** Ask for what is wanted, one question at a time: what was typed meanwhile is asked next. */
async function refresh() {
  wanted = query();
  results.setAttribute("aria-busy", "true");
  if (asking) return;
  asking = true;
  while (wanted) {
    const now = wanted;
    try {
      const answer = await ask("GET", `${form.action}?${now}${now.size ? "&" : ""}part=results`);
      results.innerHTML = await answer.text(); // rendered, and escaped, by the service
      history.replaceState(null, "", now.size ? `?${now}` : form.action);
      if (wanted === now) wanted = null;
    } catch (refused) {
      if (refused.status === 503) {
        await new Promise((done) => setTimeout(done, BUSY_MS)); // the first text waits for the model
      } else if (wanted === now) {
        tell(refused.message);
        wanted = null;
      }
    }
  }
  asking = false;
  results.setAttribute("aria-busy", "false");
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
