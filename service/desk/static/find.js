// Results while one types: the same address as the form's, its list alone; the address bar follows.
import { ask, localise, tell } from "./desk.js";

const TYPING_MS = 180;
// The first text waits for the model: what is busy is asked again, for so long, and whoever waits is told after a second.
const BUSY_MS = 700;
const SLOW_MS = 1_000;
const WAITED_MS = 20_000;
const DRAFT_CHARACTERS_MIN = 600;
const form = document.getElementById("find");
const box = document.getElementById("q");
const results = document.getElementById("results");
const waits = document.getElementById("waits");
const counted = document.getElementById("counted");
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
  let since = performance.now();
  while (wanted) {
    const now = wanted;
    const slow = setTimeout(() => (waits.hidden = false), SLOW_MS);
    try {
      const answer = await ask("GET", `${form.action}?${now}${now.size ? "&" : ""}part=results`);
      results.innerHTML = await answer.text(); // rendered, and escaped, by the service
      localise(results);
      // For who does not see them: how many they are, or that there are none, or why not yet.
      counted.textContent = [...results.querySelectorAll(".count, .count + p, .hint")].map((each) => each.textContent).join(" ");
      history.replaceState(null, "", now.size ? `?${now}` : form.action);
      if (wanted === now) wanted = null;
      since = performance.now();
    } catch (refused) {
      if (refused.status === 503 && performance.now() - since < WAITED_MS) {
        waits.hidden = false;
        await new Promise((done) => setTimeout(done, BUSY_MS));
      } else if (wanted === now) {
        tell(refused.message);
        wanted = null;
      }
    } finally {
      clearTimeout(slow);
    }
  }
  waits.hidden = true;
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
// A tag or an author is looked for in every article: once it is typed, not with each letter of it.
form.addEventListener("input", (event) => {
  if (!["tag", "author"].includes(event.target.name)) soon();
});
form.addEventListener("change", soon);
