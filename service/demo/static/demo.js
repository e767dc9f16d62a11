// The block's switches take effect as soon as they are changed; without this, by their button.

const form = document.querySelector("form.switches");
form?.addEventListener("change", () => form.requestSubmit());
