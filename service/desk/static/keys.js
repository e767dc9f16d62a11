// Making a key: its text comes in the answer, is shown once, and stands nowhere else: in no address and in no storage.
import { ask, fields, problem } from "./desk.js";

const form = document.getElementById("make");
const made = document.getElementById("made");

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const pressed = form.querySelector("button");
  pressed.disabled = true;
  problem(form, "");
  try {
    const answer = await ask("POST", form.dataset.make, fields(form));
    const { key, text } = await answer.json();
    document.getElementById("made-name").textContent = `${key.name} (${key.id}, ${key.scope})`;
    document.getElementById("made-text").value = text;
    made.hidden = false;
    form.reset();
    document.getElementById("made-heading").focus();
  } catch (refused) {
    problem(form, refused.message);
  }
  pressed.disabled = false;
});

document.getElementById("made-kept").addEventListener("click", () => {
  document.getElementById("made-text").value = "";
  location.reload();
});
