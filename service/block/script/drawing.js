// Cards -> the block as elements, as the fragment has them. What comes from an article is set as text, never as markup.

const RIGHT_TO_LEFT = /^(ar|ckb|dv|fa|he|ps|sd|ug|ur|yi)\b/i;
const LAYOUTS = ["list", "grid", "compact", "carousel"];
const THEMES = ["light", "dark"];

/** Return a block's section of some cards. */
function draw(block, cards) {
  const language = languageOf(block);
  const level = Math.min(Math.max(Number(block.getAttribute("heading")) || 2, 2), 6);
  const pictured = block.getAttribute("images") !== "0" && cards.some((card) => webAddress(card.image));
  const section = made("section", "");
  section.className = [
    "seealso",
    ...LAYOUTS.filter((layout) => layout === (block.getAttribute("layout") ?? "list")).map((it) => `seealso-${it}`),
    ...THEMES.filter((theme) => theme === block.getAttribute("theme")).map((it) => `seealso-${it}`),
  ].join(" ");
  section.lang = language;
  section.dir = RIGHT_TO_LEFT.test(language) ? "rtl" : "ltr";
  const heading = made(`h${level}`, "heading", LABELS[primary(language)]);
  section.append(heading, made("ul", "cards", ...cards.map((card) => drawCard(card, level, pictured, language))));
  return section;
}

function drawCard(card, level, pictured, language) {
  const address = webAddress(card.url);
  const title = made(address ? "a" : "span", "link", textOf(card.title));
  if (address) title.href = address;
  const item = made(
    "li",
    "card",
    pictured && drawPicture(card),
    drawText("p", "section", card.section),
    made(`h${Math.min(level + 1, 6)}`, "title", title),
    drawText("p", "summary", card.summary),
    made("p", "facts", ...facts(card, language)),
  );
  const own = textOf(card.language);
  if (own && own !== language) {
    item.lang = own;
    item.dir = RIGHT_TO_LEFT.test(own) ? "rtl" : "ltr";
  }
  return item;
}

/** Return who wrote it, when, and how long it takes to read, as far as that is known. */
function facts(card, language) {
  const date = new Date(textOf(card.published));
  const day = !isNaN(date) && made("time", "date", date.toLocaleDateString(language, { dateStyle: "long", timeZone: "UTC" }));
  if (day) day.dateTime = card.published;
  const minutes = { style: "unit", unit: "minute", unitDisplay: "short" };
  const long = card.reading_minutes > 0 && card.reading_minutes.toLocaleString(language, minutes);
  return [drawText("span", "author", card.author), day, long && made("span", "reading", long)].filter(Boolean);
}

/** Return a card's picture in a box that keeps its place, whether the picture comes or not. */
function drawPicture(card) {
  const box = made("div", "picture");
  const address = webAddress(card.image);
  if (!address) return box;
  const picture = document.createElement("img");
  picture.loading = "lazy";
  picture.decoding = "async";
  picture.alt = textOf(card.image_alt);
  if (card.image_width > 0 && card.image_height > 0) {
    picture.width = card.image_width;
    picture.height = card.image_height;
  }
  const widths = textOf(card.image_srcset);
  if (widths && widths.split(/,\s+/).every((each) => webAddress(each.split(" ")[0]))) {
    picture.sizes = "(min-width: 40rem) 20rem, 100vw";
    picture.srcset = widths;
  }
  picture.addEventListener("error", () => picture.remove());
  picture.src = address;
  box.append(picture);
  return box;
}

function drawText(tag, name, value) {
  const text = textOf(value);
  return text && made(tag, name, text);
}

/** Return an element of the block; `part` is how a page's own style sheet reaches it. */
function made(tag, name, ...within) {
  const element = document.createElement(tag);
  if (name) {
    element.className = `seealso-${name}`;
    element.setAttribute("part", name);
  }
  element.append(...within.filter(Boolean));
  return element;
}

/** Return the language of a block: its own, else of where it stands, else English, as all that are not known here. */
function languageOf(block) {
  const language = block.closest("[lang]")?.lang ?? "";
  try {
    return Object.hasOwn(LABELS, primary(language)) ? Intl.getCanonicalLocales(language)[0] : "en";
  } catch {
    return "en"; // no tag of any language
  }
}

function primary(language) {
  return language.toLowerCase().split("-")[0];
}
