// The bookmark is there to be dragged: pressed here, it would open the panel of this very page, which is no article.
import { tell } from "./desk.js";

document.getElementById("bookmark").addEventListener("click", (event) => {
  event.preventDefault();
  tell("Drag it to your bookmarks bar, and press it there, on the page of an article. Or make a bookmark by hand, below.");
});
