// One dialog for many rows: a button with data-ask names it, and says to whom its form is sent (data-to) and about what
// (data-what), which stands in the dialog wherever an element has the class "asked".
document.addEventListener("click", (event) => {
  const pressed = event.target.closest("[data-ask]");
  if (!pressed) return;
  const dialog = document.getElementById(pressed.dataset.ask);
  const form = dialog.querySelector("form");
  form.reset();
  form.dataset.send = pressed.dataset.to;
  const problem = form.querySelector(":scope > .problem");
  if (problem) problem.hidden = true;
  for (const place of dialog.querySelectorAll(".asked")) place.textContent = pressed.dataset.what;
  for (const place of dialog.querySelectorAll("[data-when]")) {
    const wanted = place.dataset.when in pressed.dataset;
    place.hidden = !wanted;
    for (const field of place.querySelectorAll("input")) field.disabled = !wanted;
  }
  dialog.showModal();
});
