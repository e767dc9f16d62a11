// What pages of the desk share: asking the service, telling what came of it, forms that send JSON, and copying.
//
// A form with data-send="METHOD ADDRESS" is sent as JSON, empty fields left out; names with dots nest. What goes well is
// told and the page loaded anew (or led to data-then); what fails is told in the form's own place, and nothing is lost.
// With data-query the fields are sent in the address. Words in braces in data-told are fields of the answer.

export class Refused extends Error {
  constructor(message, status = 0) {
    super(message);
    this.status = status;
  }
}

export const UNREACHED = "The service cannot be reached. Nothing on this page is lost; try again in a moment.";

/** Ask the service; return the answer. Throws Refused, with words for a person, whatever went wrong. */
export async function ask(method, address, body) {
  const headers = { Accept: "application/json" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let answer;
  try {
    answer = await fetch(address, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  } catch {
    throw new Refused(UNREACHED);
  }
  if (answer.ok) return answer;
  throw new Refused(why(answer.status, await answer.text().catch(() => "")), answer.status);
}

/** Return in words why something was refused; `said`: the text of the answer. */
export function why(status, said) {
  if (status === 401) return "You are signed out. Sign in again in another tab, then try here once more; nothing is lost.";
  let told = `The service answered ${status}.`;
  try {
    const { title, detail } = JSON.parse(said);
    if (title) told = `${title}: ${detail}`;
  } catch {
    // no problem of ours: from a proxy, say
  }
  return `${told.replace(/\.?$/, ".")} Nothing on this page is lost.`;
}

/** Tell something at the edge of the page. With a button beside it, it stays until somebody closes it. */
export function tell(text, beside) {
  const told = document.getElementById("told");
  const line = document.createElement("p");
  line.append(text);
  if (beside) line.append(" ", beside, " ", button("Close", () => line.remove()));
  else setTimeout(() => line.remove(), 20_000);
  told.replaceChildren(line);
}

/** Return a button. */
export function button(text, press, kind = "quiet small") {
  const made = document.createElement("button");
  made.type = "button";
  made.className = kind;
  made.textContent = text;
  made.addEventListener("click", press);
  return made;
}

/** Show what is wrong in a form's own place, or take it away. */
export function problem(form, text) {
  let place = form.querySelector(":scope > .problem");
  if (!place) {
    place = document.createElement("p");
    place.className = "problem";
    place.setAttribute("role", "alert");
    form.prepend(place);
  }
  place.textContent = text;
  place.hidden = !text;
}

/** Return a form's fields as JSON; moments by the clock of whoever fills it in, sent as UTC. */
export function fields(form) {
  const body = {};
  for (const element of form.elements) {
    if (!element.name || element.value === "" || (element.type === "checkbox" && !element.checked)) continue;
    if (element.type === "radio" && !element.checked) continue;
    const path = element.name.split(".");
    let place = body;
    for (const name of path.slice(0, -1)) place = place[name] ??= {};
    let value = element.value;
    if (element.type === "number") value = Number(value);
    if (element.type === "datetime-local") value = new Date(value).toISOString();
    place[path.at(-1)] = value;
  }
  return body;
}

async function send(form) {
  const [method, address] = form.dataset.send.split(" ");
  const pressed = form.querySelector("button:not([type=button])");
  pressed.disabled = true;
  problem(form, "");
  try {
    const body = fields(form);
    const bare = method === "DELETE" || method === "GET" || "query" in form.dataset;
    const query = bare ? `?${new URLSearchParams(body)}` : "";
    const answer = await ask(method, address + query, bare ? undefined : body);
    let text = form.dataset.told ?? "Done.";
    if (text.includes("{")) {
      const facts = await answer.json();
      text = text.replace(/\{(\w+)\}/g, (_, name) => facts[name] ?? "");
    }
    sessionStorage.setItem("told", told(text, answer));
    location.assign(form.dataset.then ?? location.href);
    if (!form.dataset.then || form.dataset.then.split("#")[0] === location.pathname) location.reload();
  } catch (refused) {
    problem(form, refused.message);
    pressed.disabled = false;
  }
}

/** Return what is told of a decision: on other machines it may not be known yet, which the answer says. */
export function told(text, answer) {
  const others = answer.headers.get("X-Seealso-Unconfirmed");
  return others ? `${text} Here; not yet known on: ${others}.` : text;
}

document.addEventListener("submit", (event) => {
  if (event.target.dataset.send) {
    event.preventDefault();
    send(event.target);
  }
});

document.addEventListener("click", async (event) => {
  const pressed = event.target.closest("[data-copy], [data-open], [data-close]");
  if (!pressed) return;
  if (pressed.dataset.open) document.getElementById(pressed.dataset.open).showModal();
  if ("close" in pressed.dataset) pressed.closest("dialog").close();
  if (pressed.dataset.copy) {
    const from = document.getElementById(pressed.dataset.copy);
    await navigator.clipboard.writeText(from.value ?? from.textContent);
    tell("Copied.");
  }
});

/** Show moments by the clock of whoever looks, as they are typed. */
export function localise(root) {
  for (const time of root.querySelectorAll("time[data-local]")) {
    time.textContent = new Date(time.dateTime).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
  }
}
localise(document);

try {
  const waiting = sessionStorage.getItem("told");
  sessionStorage.removeItem("told");
  if (waiting) tell(waiting);
} catch {
  // in a frame of another site, which may keep nothing: nothing is waiting there either
}
