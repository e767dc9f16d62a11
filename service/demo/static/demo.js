// The block's switches take effect as soon as they are pressed. By keyboard, where an arrow changes them on the way to
// another, and without this, they do by their button.

const form = document.querySelector("form.switches");
let byPointer = false;
form?.addEventListener("pointerdown", () => (byPointer = true));
form?.addEventListener("keydown", () => (byPointer = false));
form?.addEventListener("change", () => byPointer && form.requestSubmit());
