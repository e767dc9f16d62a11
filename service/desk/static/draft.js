// A draft: sent without leaving the page, so that nothing is lost; links chosen; the whole copied, or one link.
import { UNREACHED, localise, problem, tell, why } from "./desk.js";

/** Return the draft as "html" or "markdown", with the links that are chosen. */
function composed(form) {
  const place = form === "html" ? 0 : 1;
  const chosen = new Set([...document.querySelectorAll("[data-link]:checked")].map((box) => Number(box.dataset.link)));
  // A piece is [html, markdown], or of a link [html, markdown, its number, html and markdown with the link].
  const pieces = JSON.parse(document.getElementById("pieces").dataset.pieces);
  return pieces.map((piece) => (piece.length > 2 && chosen.has(piece[2]) ? piece[place + 3] : piece[place])).join("").trim();
}

/** Copy a text; as HTML both for what shows it and for what takes its source. Where that is barred, show it to be copied by hand. */
async function copy(text, form, told) {
  const shown = document.getElementById("composed");
  shown.value = text;
  document.getElementById("copied").hidden = false;
  try {
    const plain = new Blob([text], { type: "text/plain" });
    const kinds = form === "html" ? { "text/plain": plain, "text/html": new Blob([text], { type: "text/html" }) } : { "text/plain": plain };
    await navigator.clipboard.write([new ClipboardItem(kinds)]);
    tell(told);
  } catch {
    shown.focus();
    shown.select();
    tell("The browser does not let it be copied from here: it is selected below; press Ctrl or Command and C.");
  }
}

function count() {
  const boxes = [...document.querySelectorAll("[data-link]")];
  const place = document.getElementById("chosen");
  if (place) place.textContent = boxes.length ? `${boxes.filter((box) => box.checked).length} of ${boxes.length} chosen` : "";
}

function choose() {
  const chosen = document.querySelector("#modes :checked")?.value;
  for (const block of document.querySelectorAll("[data-mode]")) block.hidden = block.dataset.mode !== chosen;
}

function prepare() {
  document.querySelector("#modes")?.classList.add("works");
  for (const heading of document.querySelectorAll(".mode")) heading.classList.add("visually-hidden");
  count();
  choose();
}

/** Send the draft; put the answer in the page's place, or say what is wrong and leave all as it is. */
async function send(form) {
  const pressed = form.querySelector("button");
  pressed.disabled = true;
  pressed.textContent = "Reading …";
  problem(form, "");
  try {
    const answer = await fetch(form.action, { method: "POST", body: new FormData(form), headers: { Accept: "application/json" } });
    const said = await answer.text();
    if (!answer.headers.get("Content-Type")?.startsWith("text/html")) throw new Error(why(answer.status, said));
    const page = new DOMParser().parseFromString(said, "text/html");
    const wrong = page.querySelector("#draft > .problem");
    if (wrong || !answer.ok) throw new Error(wrong?.textContent ?? why(answer.status, ""));
    document.title = page.title;
    document.getElementById("main").replaceWith(page.getElementById("main"));
    localise(document);
    prepare();
    document.getElementById("answer").focus();
    scrollTo(0, 0);
  } catch (error) {
    const lost = error instanceof TypeError;
    problem(form, lost ? UNREACHED : error.message);
    form.querySelector(".problem").scrollIntoView({ block: "nearest" });
  } finally {
    pressed.disabled = false;
    pressed.textContent = "Read the draft";
  }
}

document.addEventListener("submit", (event) => {
  if (event.target.id !== "draft") return;
  event.preventDefault();
  send(event.target);
});
document.addEventListener("change", (event) => {
  if (event.target.matches("[data-link]")) count();
  if (event.target.matches("#modes input")) choose();
});
document.addEventListener("click", (event) => {
  const pressed = event.target.closest("[data-copies], [data-act=one]");
  if (!pressed) return;
  if (pressed.dataset.copies) {
    copy(composed(pressed.dataset.copies), pressed.dataset.copies, "Copied: the draft, with the links that are chosen.");
  } else {
    const form = pressed.dataset.form;
    copy(pressed.closest(".link").querySelector("[data-link]").dataset[form], form, "Copied: this link.");
  }
});
prepare();
