// A comparison that takes seconds to make: the page is here already, this asks for the rest of it.
import { ask, localise } from "./desk.js";

const place = document.getElementById("differences");
try {
  const answer = await ask("GET", place.dataset.load);
  place.innerHTML = await answer.text(); // rendered, and escaped, by the service
  localise(place);
} catch (refused) {
  const told = document.createElement("p");
  told.className = "problem";
  told.setAttribute("role", "alert");
  told.textContent = refused.message;
  place.replaceChildren(told);
}
place.setAttribute("aria-busy", "false");
