// <seealso-block article="ID">links to show meanwhile, and where nothing comes</seealso-block>
//
// The page is never harmed: what a reader sees is not moved. Where the cards would move it, as many are shown as there is
// room for, and the rest, or all, once the block is out of view.

const NAME = "seealso-block";
const NEAR = "600px";
const HOST_STYLE = ":host{display:block}:host([hidden]){display:none!important}";
const ASKING = ["article", "placement", "mode", "limit", "endpoint"]; // what the cards depend on
const pinned = (height) => `:host{box-sizing:border-box!important;min-height:${height}!important}`;
let shared, near, away;

class SeealsoBlock extends HTMLElement {
  static observedAttributes = [...ASKING, "layout", "theme", "lang", "heading", "images", "no-count"];

  asked = null; // the request that it is part of
  article = ""; // of which the cards are
  cards = [];
  named = "";
  told = new Set();
  #key = "";
  #old = false;
  #answered = false;
  #held = false;
  #root = this.attachShadow({ mode: "open" });
  #style = new CSSStyleSheet();
  #rule = ""; // of the element itself
  #section = null;
  #drawn = null; // the cards that it was drawn of
  #frame = 0;

  constructor() {
    super();
    this.#root.adoptedStyleSheets = [shared, this.#style];
    this.#root.append(document.createElement("slot"));
    for (const kind of ["click", "auxclick"]) this.#root.addEventListener(kind, (event) => countClick(this, event));
    this.addEventListener("focusout", () => this.#held && this.#place());
  }

  connectedCallback() {
    blocks.add(this);
    if (this.#answered && this.#key === this.#wanted()) this.#place();
    else this.#begin();
  }

  disconnectedCallback() {
    blocks.delete(this);
    near.unobserve(this);
    away.unobserve(this);
    watch(this);
    if (!this.#answered) this.asked = null;
  }

  attributeChangedCallback(name) {
    if (name === "no-count") return watch(this);
    if (this.#old || !this.isConnected) return;
    this.#old = true;
    queueMicrotask(() => {
      this.#old = false;
      if (!this.isConnected) return;
      if (this.#key !== this.#wanted()) this.#begin();
      else this.#place();
    });
  }

  /** The ids of the cards that it shows. */
  get shownIds() {
    return this.cards.map((card) => card.id);
  }

  /** The cards in the page, none of those that it showed before. */
  get items() {
    return this.isConnected && this.#drawn === this.cards ? [...this.#section.querySelectorAll("li")] : [];
  }

  /** Come near the view: be asked for. */
  come() {
    near.unobserve(this);
    if (!subjectOf(this)) this.take([], "");
    else if (!this.asked) ask(this);
  }

  /** Be out of view: show what there was no room for. */
  leave() {
    this.#place();
  }

  /** Be on a page that is shown again: ask anew where nothing came. */
  again() {
    if (!this.cards.length) this.#begin();
  }

  /** Take the cards that came, none where none did. */
  take(cards, named) {
    this.article = this.getAttribute("article");
    this.cards = cards;
    this.named = named;
    this.#answered = true;
    this.#place();
  }

  #wanted() {
    return JSON.stringify(ASKING.map((name) => this.getAttribute(name)));
  }

  #begin() {
    this.#key = this.#wanted();
    this.asked = null;
    this.cards = [];
    this.told = new Set();
    this.#answered = false;
    away.unobserve(this);
    watch(this);
    // While the page is read, nothing stands below it yet.
    if (document.readyState === "loading") this.#reserve();
    else this.#place();
    if (this.hasAttribute("eager")) this.come();
    else near.observe(this);
  }

  /** Keep the space that an attribute asks for, if any, where nothing that may be seen already stands below it. */
  #reserve() {
    const given = this.getAttribute("min-height") ?? "";
    const height = /^\d+$/.test(given) ? `${given}px` : given;
    const rule = CSS.supports("min-height", height) ? pinned(height) : "";
    const was = this.#rule;
    if (this.#section || rule === was) return;
    const before = around(this);
    this.#restyle(rule);
    if (moved(before)) this.#restyle(was);
  }

  /** Show what came, in the frame that paints it: a reader who scrolls on sees what was measured. */
  #place() {
    if (isUnseen()) return this.#show();
    cancelAnimationFrame(this.#frame);
    this.#frame = requestAnimationFrame(() => this.#show());
  }

  /** What cannot be shown now without harm waits. */
  #show() {
    if (!this.isConnected) return;
    if (!this.#answered) return this.#reserve();
    this.#held = this.contains(this.getRootNode().activeElement);
    const whole = !this.#held && (this.cards.length ? this.#placeCards() : this.#placeNone());
    if (whole) away.unobserve(this);
    else away.observe(this);
    watch(this);
  }

  #placeCards() {
    const section = draw(this, this.cards);
    const box = this.getBoundingClientRect();
    return this.#tried(section, [
      () => this.#restyle(""),
      () => this.#restyle(pinned(`${box.height}px`)),
      () => trim(section, box.bottom),
    ]);
  }

  #placeNone() {
    const linked = this.childElementCount > 0 || this.textContent.trim() !== "";
    if (linked && !this.#section && !this.#rule) return true;
    return this.#tried(null, [() => this.#restyle(linked ? "" : ":host{display:none!important}")]);
  }

  /** Put a section in, take steps until it moves nothing; else put back what was. Return whether all of it is in. */
  #tried(section, steps) {
    const before = around(this);
    const was = [this.#section, this.#rule, ...this.#root.childNodes];
    this.#section = section;
    this.#root.replaceChildren(section ?? document.createElement("slot"));
    for (const [number, step] of steps.entries()) {
      const left = step();
      if ((moved(before) && (!carried(before) || moved(before))) || left === 0) continue;
      this.#drawn = section && this.cards;
      return number < 2 && (number === 0 || !section);
    }
    this.#section = was[0];
    this.#restyle(was[1]);
    this.#root.replaceChildren(...was.slice(2));
    carried(before);
    return false;
  }

  #restyle(rule) {
    this.#rule = rule;
    this.#style.replaceSync(rule);
  }
}

/** Define the element, once, in a browser that has all it needs; in others the links within it stay. */
function start() {
  if (!("adoptedStyleSheets" in Document.prototype) || customElements.get(NAME)) return;
  const each = (act, inside) => (entries) => {
    for (const entry of entries) if (entry.isIntersecting === inside) entry.target[act]();
  };
  near = new IntersectionObserver(each("come", true), { rootMargin: NEAR });
  away = new IntersectionObserver(each("leave", false));
  sight = new IntersectionObserver(look, { threshold: SEEN_SHARE });
  shared = new CSSStyleSheet();
  shared.replaceSync(HOST_STYLE + STYLE);
  customElements.define(NAME, SeealsoBlock);
  document.addEventListener("visibilitychange", turn);
  addEventListener("pagehide", tell);
  addEventListener("pageshow", (event) => event.persisted && blocks.forEach((block) => block.again()));
}

try {
  start();
} catch {
  // An element or an observer is not known here: the links within stay.
}
