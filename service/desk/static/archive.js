// The page of the archive: the map is moved, points are named, areas are drawn, and what is chosen is listed beside it.
import { ask, localise, tell } from "./desk.js";
import { ArchiveMap, inside, undated, unpack, unsectioned } from "./map.js";

const SETTLED_MS = 250;
const TYPING_MS = 250;
const NAMED_WITHIN = 14;
const CORNERS_MAX = 60;
const KEY_STEP = 60;
const canvas = document.getElementById("map");
const form = document.getElementById("choose");
const list = document.getElementById("chosen");
const named = document.getElementById("named");
const area = document.getElementById("area");
const map = new ArchiveMap(canvas);
const titles = new Map();
let snapshot = "";
let whole = null;
let litRows = null;
let asked = 0;
let pointed = -1;
let settling;
let typing;
let drawing = false;

/** Draw once before the next picture, however often it is asked for. */
let due = false;
function draw() {
  if (due) return;
  due = true;
  requestAnimationFrame(() => ((due = false), map.draw()));
}

// What is chosen, and which points that is.

function corners() {
  const numbers = area.value ? area.value.split(",").map(Number) : [];
  return Array.from({ length: numbers.length / 2 }, (_, place) => [numbers[2 * place], numbers[2 * place + 1]]);
}

/** The months of '2025' or '2025-03', since 1970. */
function monthsOf(period) {
  const first = (Number(period.slice(0, 4)) - 1970) * 12;
  const month = Number(period.slice(5, 7));
  return month ? [first + month - 1, first + month - 1] : [first, first + 11];
}

function light() {
  const { points } = map;
  if (!points) return;
  const section = form.elements.section.selectedOptions[0]?.dataset.number;
  const period = form.elements.period.value;
  const without = form.elements.without?.value;
  map.drawn = corners();
  if (!section && !period && !without && !litRows && !map.drawn.length) {
    map.lit = null;
  } else {
    const [first, last] = period ? monthsOf(period) : [];
    map.lit = Uint8Array.from({ length: points.count }, (_, each) =>
      Number(
        (!section || points.sections[each] === Number(section)) &&
          (!period || (points.months[each] >= first && points.months[each] <= last)) &&
          (without !== "date" || undated(points.months[each])) &&
          (without !== "section" || unsectioned(points.sections[each])) &&
          (!litRows || litRows.has(points.rows[each])) &&
          (!map.drawn.length || inside(map.drawn, points.across[each], points.down[each])),
      ),
    );
  }
  draw();
}

function colour() {
  const { points } = map;
  if (!points) return;
  const byTime = document.querySelector("[name=colours]:checked").value === "time";
  document.getElementById("legend-section").hidden = byTime;
  document.getElementById("legend-time").hidden = !byTime;
  map.colours = byTime ? "when" : "map";
  const legend = [...document.querySelectorAll(`#legend-${byTime ? "time" : "section"} [data-kind]`)];
  const kinds = new Map(legend.map((row) => [Number(row.dataset.section), Number(row.dataset.kind)]));
  const shades = legend.map((row) => Number(row.dataset.until));
  map.kinds = Uint8Array.from({ length: points.count }, (_, each) => {
    if (!byTime) return kinds.get(points.sections[each]) ?? 0;
    return undated(points.months[each]) ? 0 : 1 + shades.findIndex((until) => points.months[each] <= until);
  });
  draw();
}

// The points: of the whole, and where they are too many for that, of what is seen.

async function fetchPoints(query = "") {
  const answer = await ask("GET", canvas.dataset.points + query);
  snapshot = answer.headers.get("X-Seealso-Snapshot");
  return unpack(await answer.arrayBuffer());
}

function show(points) {
  const row = map.named >= 0 ? map.points.rows[map.named] : -1;
  map.points = points;
  map.named = row < 0 ? -1 : points.rows.indexOf(row);
  const count = (number) => number.toLocaleString("en-GB");
  document.getElementById("drawn").textContent =
    points.count < points.total
      ? `Of the ${count(points.total)} articles in sight ${count(points.count)} are drawn, by lot. Zoom in to see all; lists are of all.`
      : `All ${count(points.total)} articles ${points === whole ? "of the night" : "in sight"} are drawn.`;
  colour();
  light();
}

/** When the map has come to rest, fetch what is in sight, if not all of it is there. */
function settle() {
  canvas.classList.toggle("is-held", map.zoom > 1 || drawing);
  draw();
  clearTimeout(settling);
  settling = setTimeout(async () => {
    if (!whole || whole.count === whole.total) return;
    if (map.zoom < 1.2) return void show(whole);
    const [left, top, right, bottom] = map.seen().map((each) => each.toFixed(6));
    try {
      show(await fetchPoints(`?${new URLSearchParams({ left, top, right, bottom })}`));
    } catch (refused) {
      tell(refused.message);
    }
  }, SETTLED_MS);
}

// Which article is pointed at.

async function name(which) {
  map.named = which;
  draw();
  if (which < 0) return;
  const row = map.points.rows[which];
  pointed = row;
  if (!titles.has(row)) {
    await new Promise((resolve) => setTimeout(resolve, 60));
    if (pointed !== row) return; // it went on
    try {
      const answer = await ask("GET", `${canvas.dataset.titles}?${new URLSearchParams({ snapshot, rows: row })}`);
      const told = await answer.json();
      if (told.snapshot !== snapshot) return void tell("Another night has come. Load the page anew to see its map.");
      for (const each of told.articles) titles.set(each.row, each);
    } catch (refused) {
      return void tell(refused.message);
    }
  }
  if (pointed !== row) return;
  const { id, title, section, day, states } = titles.get(row);
  const link = document.createElement("a");
  link.href = canvas.dataset.article.replace("ID", () => encodeURIComponent(id).replaceAll("%2F", "/"));
  link.textContent = title;
  const more = document.createElement("span");
  more.className = "meta";
  more.textContent = [section, day, ...states].filter(Boolean).join(" · ");
  named.replaceChildren(link, " ", more);
}

let naming = Promise.resolve();
const point = (which) => (naming = name(which));
const pointMiddle = () => point(map.nearest(canvas.clientWidth / 2, canvas.clientHeight / 2, 200));
async function open() {
  await naming;
  if (map.named >= 0) named.querySelector("a")?.click();
}

// The list.

async function refresh() {
  const number = ++asked;
  const wanted = new URLSearchParams([...new FormData(form)].filter(([, value]) => value !== ""));
  list.setAttribute("aria-busy", "true");
  document.getElementById("nothing").hidden = !wanted.size;
  document.getElementById("area-said").hidden = !area.value;
  light();
  try {
    const answer = await ask("GET", `${location.pathname}?${wanted}${wanted.size ? "&" : ""}part=list`);
    const found = await answer.text();
    if (number !== asked) return;
    list.innerHTML = found; // rendered, and escaped, by the service
    localise(list);
    readLit();
    history.replaceState(null, "", wanted.size ? `?${wanted}` : location.pathname);
  } catch (refused) {
    if (number === asked) tell(refused.message);
  } finally {
    if (number === asked) list.setAttribute("aria-busy", "false");
  }
}

function readLit() {
  const lit = list.querySelector("[data-snapshot]")?.dataset.lit;
  litRows = lit === undefined ? null : new Set(lit ? lit.split(",").map(Number) : []);
  light();
}

function choose(drawn) {
  const step = Math.max(1, Math.ceil(drawn.length / CORNERS_MAX));
  const within = (each) => Math.min(1, Math.max(0, each)).toFixed(4);
  area.value = drawn.filter((_, place) => place % step === 0).flatMap((corner) => corner.map(within)).join(",");
  refresh();
}

// Hands on the map.

const held = new Map();
const placeOf = (event) => [event.offsetX, event.offsetY];

function hold(on) {
  drawing = on;
  document.getElementById("lasso").setAttribute("aria-pressed", String(on));
  canvas.classList.toggle("is-drawing", on);
  settle();
}

canvas.addEventListener("pointerdown", (event) => {
  canvas.setPointerCapture(event.pointerId);
  held.set(event.pointerId, placeOf(event));
  map.crosshair = false;
  if (drawing) map.drawn = [map.toMap(...placeOf(event))];
});
canvas.addEventListener("pointermove", (event) => {
  const before = held.get(event.pointerId);
  const now = placeOf(event);
  if (!before) {
    if (!drawing) point(map.nearest(...now, NAMED_WITHIN));
    return;
  }
  if (drawing) {
    map.drawn.push(map.toMap(...now));
    draw();
  } else if (held.size === 2) {
    const other = [...held].find(([id]) => id !== event.pointerId)[1];
    const apart = ([x, y]) => Math.hypot(x - other[0], y - other[1]);
    map.zoomBy(apart(now) / Math.max(apart(before), 1), ...other);
    settle();
  } else if (map.zoom > 1) {
    map.move(before[0] - now[0], before[1] - now[1]);
    settle();
  }
  held.set(event.pointerId, now);
});
for (const ending of ["pointerup", "pointercancel"]) {
  canvas.addEventListener(ending, (event) => {
    held.delete(event.pointerId);
    if (drawing && ending === "pointerup") {
      const { drawn } = map;
      hold(false);
      if (drawn.length > 2) choose(drawn);
      else light();
    } else if (event.pointerType === "touch") {
      point(map.nearest(...placeOf(event), 2 * NAMED_WITHIN));
    }
  });
}
canvas.addEventListener("dblclick", open);
canvas.addEventListener(
  "wheel",
  (event) => {
    if (document.activeElement !== canvas && !event.ctrlKey) return; // the page is scrolled
    event.preventDefault();
    map.zoomBy(Math.exp(-event.deltaY / 300), ...placeOf(event));
    settle();
  },
  { passive: false },
);

const keys = {
  ArrowLeft: () => map.move(-KEY_STEP, 0),
  ArrowRight: () => map.move(KEY_STEP, 0),
  ArrowUp: () => map.move(0, -KEY_STEP),
  ArrowDown: () => map.move(0, KEY_STEP),
  "+": () => map.zoomBy(1.5),
  "=": () => map.zoomBy(1.5),
  "-": () => map.zoomBy(1 / 1.5),
  0: () => map.see(),
};
canvas.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Enter") return void open();
  if (event.key === "Escape" && drawing) return void hold(false);
  if (!keys[event.key]) return;
  event.preventDefault();
  keys[event.key]();
  map.crosshair = true;
  settle();
  pointMiddle();
});
canvas.addEventListener("blur", () => ((map.crosshair = false), draw()));

const press = (id, act) => document.getElementById(id).addEventListener("click", act);
press("closer", () => (map.zoomBy(1.6), settle()));
press("farther", () => (map.zoomBy(1 / 1.6), settle()));
press("whole", () => (map.see(), settle()));
press("lasso", () => hold(!drawing));
press("sight", () => {
  const [left, top, right, bottom] = map.seen();
  choose([[left, top], [right, top], [right, bottom], [left, bottom]]);
});
press("nothing", (event) => {
  event.preventDefault();
  for (const each of form.elements) if (each.name) each.value = "";
  refresh();
});

for (const each of document.querySelectorAll("[name=colours]")) each.addEventListener("change", colour);
form.addEventListener("submit", (event) => (event.preventDefault(), refresh()));
form.addEventListener("change", refresh);
form.addEventListener("input", (event) => {
  if (event.target.name !== "q") return;
  clearTimeout(typing);
  typing = setTimeout(refresh, TYPING_MS);
});
document.getElementById("legend").addEventListener("click", (event) => {
  const section = event.target.closest("tr")?.dataset.section;
  if (section === undefined || !event.target.closest("a")) return;
  event.preventDefault();
  const option = form.elements.section.querySelector(`[data-number="${section}"]`);
  form.elements.section.value = option.value;
  refresh();
});
new ResizeObserver(draw).observe(canvas);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);

try {
  whole = await fetchPoints();
  readLit();
  show(whole);
  const listed = list.querySelector("[data-snapshot]");
  if (listed && listed.dataset.snapshot !== snapshot) tell("Another night has come. Load the page anew.");
} catch (refused) {
  document.getElementById("drawn").textContent = refused.message;
}
