// The form for any rule: it shows the fields that fit the action that is chosen, and says which article is meant by what
// was typed, its id or its address.
import { ask } from "./desk.js";

const form = document.getElementById("make");
const forms = JSON.parse(form.dataset.forms);
const at = (id) => document.getElementById(id);
const ASKED = {
  article: "Its id or address",
  section: "The section",
  tag: "The tag",
  word: "The word, or some in a row",
};
const KINDS = ["about", "under"];
let naming = {};

/** Show those options of a select that may be chosen, and choose one of them. */
function offer(select, allowed) {
  for (const option of select.options) option.hidden = option.disabled = !allowed.includes(option.value);
  if (!allowed.includes(select.value)) select.value = allowed[0];
}

/** Have a field be what its kind says; where nothing is to be typed, it is hidden and not sent. */
function settle(part) {
  const kind = at(`${part}-kind`).value;
  const value = at(`${part}-value`);
  const typed = !at(part).hidden && kind !== "all";
  value.closest("div").hidden = !typed;
  value.required = typed;
  value.name = typed ? `${part}.${kind}` : "";
  form.querySelector(`label[for="${value.id}"]`).textContent = ASKED[kind] ?? "";
  if (kind === "section") value.setAttribute("list", "sections");
  else value.removeAttribute("list");
  if (kind !== "article" || !typed) at(`${part}-found`).textContent = "";
}

function fit() {
  const { about, under, number } = forms[at("action").value];
  at("action-hint").textContent = at("action").selectedOptions[0].dataset.says;
  at("about").hidden = about.length === 0;
  if (about.length) offer(at("about-kind"), about);
  offer(at("under-kind"), under);
  at("under").hidden = under.length === 1;
  at("number-row").hidden = !number;
  at("number").name = number ? "number" : "";
  at("number").required = number;
  form.querySelector('label[for="number"]').textContent = about.length ? "At which place" : "How many at least";
  KINDS.forEach(settle);
}

/** Say which article is meant; an address becomes its id. */
async function name(part) {
  const value = at(`${part}-value`);
  const found = at(`${part}-found`);
  value.setCustomValidity("");
  if (!value.name.endsWith(".article") || !value.value.trim()) {
    found.textContent = "";
    return;
  }
  const typed = value.value.trim();
  const address = /^https?:\/\//i.test(typed);
  try {
    const answer = await ask("GET", `${form.dataset.named}?${new URLSearchParams({ q: typed })}`);
    const { id, title } = await answer.json();
    value.value = id;
    found.textContent = `“${title}”`;
  } catch (refused) {
    const missing = refused.status === 404;
    const unknown = address
      ? "No article here has this address. Name it by its id."
      : "No article here has this id. The rule holds once one with this id comes.";
    found.textContent = missing ? unknown : refused.message;
    // An address that leads to no article is no id, and what is not known yet is not sent as one.
    if (address) value.setCustomValidity(found.textContent);
  }
}

for (const part of KINDS) {
  at(`${part}-kind`).addEventListener("change", () => {
    at(`${part}-value`).value = "";
    at(`${part}-value`).setCustomValidity("");
    settle(part);
  });
  at(`${part}-value`).addEventListener("change", () => {
    naming[part] = name(part).finally(() => delete naming[part]);
  });
}
at("action").addEventListener("change", fit);
// What is sent is an article's id, also where its address was typed a moment ago.
form.addEventListener("submit", async (event) => {
  const waited = Object.values(naming);
  if (!waited.length) return;
  event.preventDefault();
  event.stopPropagation();
  await Promise.allSettled(waited);
  form.requestSubmit();
});
fit();
