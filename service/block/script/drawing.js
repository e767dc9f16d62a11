// Cards -> the block as elements, the same that the fragment has. What comes from an article is set as text, never as
// markup, and leads to the web only.

const RIGHT_TO_LEFT = /Arab|Hebr|Thaa|Syrc|Nkoo|Adlm/; // scripts
const LEVEL_MAX = 6;
const kept = {};

/** Return a block's section of some cards. */
function draw(block, cards) {
  const wanted = lookOf(block, "lang") ?? languageAt(block);
  const language = labelled(wanted) ? wanted : "en";
  const layout = layoutOf(block);
  const theme = lookOf(block, "theme");
  const level = Number(lookOf(block, "heading")) || 2;
  const images = lookOf(block, "images");
  const pictured = images == null ? cards.some(pictureOf) : `${images}` !== "0" && images !== false;
  const section = made("section", "", made(`h${levelOf(level)}`, "heading", LABELS[labelled(language)][0]));
  section.className = `seealso seealso-${layout}${theme === "light" || theme === "dark" ? ` seealso-${theme}` : ""}`;
  speak(section, language);
  const list = made("ul", "cards", ...cards.map((card) => drawCard(card, { language, layout, level, pictured })));
  list.setAttribute("role", "list");
  section.append(list);
  return section;
}

function drawCard(card, { language, layout, level, pictured }) {
  const brief = layout === "compact";
  const address = linkTo(card.url);
  const title = made(`h${levelOf(level + 1)}`, "title", address ? madeOf("a", "", card.title) : textOf(card.title));
  if (address) {
    title.firstChild.href = address;
    if (SITE.rel) title.firstChild.rel = SITE.rel;
  }
  const own = textOf(card.language);
  const other = own && own !== language;
  const facts = [
    dayOf(card, language),
    !brief && textOf(card.author) && made("span", "author", madeOf("bdi", "", card.author)),
    minutesOf(card, language),
  ].filter(Boolean);
  if (other) for (const fact of facts) if (!fact.matches(".seealso-author")) speak(fact, language);
  const text = made(
    "div",
    "text",
    madeOf("p", "section", card.section),
    title,
    !brief && madeOf("p", "summary", card.summary),
    facts.length > 0 && made("p", "facts", ...facts),
  );
  const item = made("li", "card", pictured && drawPicture(card, layout), text);
  if (other) speak(item, own);
  return item;
}

function dayOf(card, language) {
  const form = { dateStyle: "long", timeZone: SITE.timezone, calendar: "gregory", numberingSystem: "latn" };
  try {
    const moment = new Date(textOf(card.published));
    const day = made("time", "date", local(Intl.DateTimeFormat, language, form).format(moment));
    day.dateTime = card.published;
    return day;
  } catch {
    return null; // there is no moment, or the browser does not know the time zone
  }
}

function minutesOf(card, language) {
  if (!Number.isInteger(card.reading_minutes)) return null;
  const [, reading, unitDisplay] = LABELS[labelled(language)];
  const form = { style: "unit", unit: "minute", unitDisplay: unitDisplay ?? "short", numberingSystem: "latn" };
  // British English would have '5 mins read'.
  const locale = labelled(language) === "en" ? "en" : language;
  const minutes = local(Intl.NumberFormat, locale, form).format(card.reading_minutes);
  return made("span", "reading", reading.replace("{}", minutes));
}

/** Return the address of a card's picture: its own, else its section's, else the site's; '' for none. */
function pictureOf(card) {
  return webAddress(card.image) || webAddress(SITE.section_images?.[card.section] ?? SITE.default_image);
}

/** Return a card's picture in a box that keeps its place, or what the style sheet draws there. */
function drawPicture(card, layout) {
  const address = pictureOf(card);
  if (!address) return drawNone(card);
  const picture = made("img", "");
  const box = made("div", "picture", picture);
  picture.loading = "lazy";
  picture.decoding = "async";
  picture.alt = "";
  if (address === webAddress(card.image)) {
    picture.alt = textOf(card.image_alt);
    if (card.image_width > 0 && card.image_height > 0) {
      picture.width = card.image_width;
      picture.height = card.image_height;
    }
    const widths = textOf(card.image_srcset).split(/,\s+/);
    if (widths.every((each) => /^\S+ \d+(\.\d+)?[wx]$/.test(each) && webAddress(each.split(" ")[0]))) {
      picture.sizes = SITE.widths[layout];
      picture.srcset = widths.join(", ");
    }
  }
  picture.addEventListener("error", () => box.replaceWith(drawNone(card)));
  picture.src = address;
  return box;
}

function drawNone(card) {
  const section = textOf(card.section);
  const box = made("div", "picture");
  const number = [...section].reduce((sum, letter) => sum + letter.codePointAt(), 0);
  box.className += ` seealso-drawn seealso-drawn-${1 + (number % SITE.drawn)}`;
  box.dataset.letter = section.slice(0, 1).toUpperCase();
  box.setAttribute("aria-hidden", "true");
  return box;
}

/** Return where a link leads, with the site's campaign, whose parameters it may have already; '' for nowhere. */
function linkTo(text) {
  const address = webAddress(text);
  if (!address) return "";
  const url = new URL(address);
  const added = SITE.campaign.filter((pair) => !url.searchParams.has(pair.split("=")[0]));
  if (added.length) url.search += (url.search.length > 1 ? "&" : "?") + added.join("&");
  return url.href;
}

/** Return what is said of a block's look: by itself, else of its placement, else of all. */
function lookOf(block, name) {
  return block.getAttribute(name) ?? SITE.looks[block.getAttribute("placement")]?.[name] ?? SITE.looks[""][name];
}

function layoutOf(block) {
  const layout = lookOf(block, "layout");
  return Object.hasOwn(SITE.widths, layout) ? layout : "list";
}

function levelOf(level) {
  return Math.min(Math.max(Math.round(level), 2), LEVEL_MAX);
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

/** Return an element of a text, '' where there is none. */
function madeOf(tag, name, value) {
  const text = textOf(value);
  return text && made(tag, name, text);
}

function speak(element, language) {
  element.lang = language;
  element.dir = RIGHT_TO_LEFT.test(localeOf(language).script) ? "rtl" : "ltr";
}

/** Return what is said to be the language where an element stands, be it in a component. */
function languageAt(element) {
  return element && (element.closest("[lang]")?.lang ?? languageAt(element.getRootNode().host));
}

/** Return under what our labels in a language stand; undefined for none. */
function labelled(language) {
  const { language: primary, script } = localeOf(language);
  return [`${primary}-${script}`, primary].find((each) => Object.hasOwn(LABELS, each));
}

/** Return a language and its script, neither for what is no language's tag. */
function localeOf(tag) {
  try {
    return (kept[tag] ??= new Intl.Locale(tag).maximize());
  } catch {
    return {};
  }
}

/** Return what knows how things are said in a language, made once: to make one takes longer than to draw a block. */
function local(Kind, language, form) {
  return (kept[Kind.name + language] ??= new Kind(language, form));
}
