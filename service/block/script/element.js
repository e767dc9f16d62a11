// <seealso-block article="ID">links to show meanwhile, and where nothing comes</seealso-block>
//
// The page is never harmed: what a reader sees is not moved. Where the cards would move it, as many are shown as there is
// room for, and the rest, or all, once the block is out of view.

const NAME = "seealso-block";
const NEAR = "600px";
const HOST_STYLE = ":host{display:block}:host([hidden]){display:none!important}";
const ATTRIBUTES = {
  asking: ["article", "placement", "mode", "limit", "endpoint"],
  drawing: ["layout", "theme", "lang", "heading", "images"],
};
let shared, near, away;

class SeealsoBlock extends HTMLElement {
  static observedAttributes = Object.values(ATTRIBUTES).flat();

  asked = null; // the request that it is part of
  article = ""; // of which the cards are
  cards = [];
  named = "";
  told = new Set();
  untold = [];
  #key = "";
  #old = false;
  #answered = false;
  #held = false;
  #root = this.attachShadow({ mode: "open" });
  #style = new CSSStyleSheet();
  #section = null;

  constructor() {
    super();
    this.#root.adoptedStyleSheets = [shared, this.#style];
    this.#root.append(document.createElement("slot"));
    for (const kind of ["click", "auxclick"]) this.#root.addEventListener(kind, (event) => countClick(this, event));
    this.addEventListener("focusout", () => this.#held && setTimeout(() => this.#place()));
  }

  connectedCallback() {
    blocks.add(this);
    if (this.#answered && this.#key === this.#wanted()) this.#place();
    else this.#begin();
  }

  disconnectedCallback() {
    tell(this);
    blocks.delete(this);
    near.unobserve(this);
    away.unobserve(this);
    watch(this, []);
    if (!this.#answered) this.asked = null;
  }

  attributeChangedCallback() {
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
    if (this.#answered && !this.cards.length) this.#begin();
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
    return JSON.stringify(ATTRIBUTES.asking.map((name) => this.getAttribute(name)));
  }

  #begin() {
    tell(this);
    this.#key = this.#wanted();
    this.asked = null;
    this.cards = [];
    this.told = new Set();
    this.#answered = false;
    away.unobserve(this);
    watch(this, []);
    if (!this.#section) this.#reserve();
    if (this.hasAttribute("eager")) this.come();
    else near.observe(this);
  }

  /** Keep the space that an attribute asks for, where nothing that may be seen already stands below it. */
  #reserve() {
    this.#pin("");
    const given = this.getAttribute("min-height") ?? "";
    const height = /^\d+$/.test(given) ? `${given}px` : given;
    if (!height || !CSS.supports("min-height", height)) return;
    const before = around(this);
    this.#pin(height);
    if (moved(before)) this.#pin("");
  }

  /** Show the cards, or what stands there without any. What cannot be shown now without harm waits. */
  #place() {
    if (!this.isConnected || !this.#answered) return;
    this.#held = this.contains(this.getRootNode().activeElement);
    const whole = !this.#held && (this.cards.length ? this.#placeCards() : this.#placeNone());
    if (whole) away.unobserve(this);
    else away.observe(this);
    watch(this, this.#section ? [...this.#section.querySelectorAll("li")] : []);
  }

  #placeCards() {
    const section = draw(this, this.cards);
    const box = this.getBoundingClientRect();
    return this.#tried(section, [
      () => this.#pin(""),
      () => this.#pin(`${box.height}px`),
      () => trim(section, box.bottom),
    ]);
  }

  #placeNone() {
    const fallback = this.childElementCount > 0 || this.textContent.trim() !== "";
    if (fallback) return !this.#section || this.#tried(null, [() => {}]);
    return this.#tried(null, [() => this.#style.replaceSync(":host{display:none!important}")]);
  }

  /** Put a section in, take steps until it moves nothing; else put back what was. Return whether all of it is in. */
  #tried(section, steps) {
    const before = around(this);
    const was = [this.#section, this.#style.cssRules[0]?.cssText ?? "", ...this.#root.childNodes];
    this.#section = section;
    this.#root.replaceChildren(section ?? document.createElement("slot"));
    for (const [number, step] of steps.entries()) {
      const left = step();
      if (!moved(before) && left !== 0) return number < 2 && (number === 0 || !section);
    }
    this.#section = was[0];
    this.#style.replaceSync(was[1]);
    this.#root.replaceChildren(...was.slice(2));
    return false;
  }

  #pin(height) {
    this.#style.replaceSync(height && `:host{box-sizing:border-box!important;min-height:${height}!important}`);
  }
}

/** Define the element, once, in a browser that has all it needs; in others the links within it stay. */
function start() {
  const able = window.customElements && window.IntersectionObserver && "adoptedStyleSheets" in Document.prototype;
  if (!able || customElements.get(NAME)) return;
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
  addEventListener("pagehide", tellAll);
  addEventListener("pageshow", (event) => event.persisted && blocks.forEach((block) => block.again()));
}

start();
