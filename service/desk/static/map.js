// The map of the archive on a canvas: points, what part of it is seen, marks by colour and shape. What is done with it,
// archive.js knows.

const NO_SECTION = 65535;
const NO_MONTH = -32768;
const ZOOM_MAX = 400;
const MARGIN = 0.95;
const RING = 9;

/** Read what the service sends of the map; see `service.map.pack`. */
export function unpack(bytes) {
  const [count, total] = new Uint32Array(bytes, 0, 2);
  const rows = new Uint32Array(bytes, 8, count);
  let place = 8 + 4 * count;
  const next = (Kind) => {
    const numbers = new Kind(bytes, place, count);
    place += 2 * count;
    return numbers;
  };
  const across = Float32Array.from(next(Uint16Array), (each) => each / 65535);
  const down = Float32Array.from(next(Uint16Array), (each) => each / 65535);
  return { count, total, rows, across, down, sections: next(Uint16Array), months: next(Int16Array) };
}

export const undated = (month) => month === NO_MONTH;
export const unsectioned = (section) => section === NO_SECTION;

/** Whether a place is inside an area; edges that cross make parts (even-odd rule). */
export function inside(corners, across, down) {
  let odd = false;
  for (let here = 0, last = corners.length - 1; here < corners.length; last = here++) {
    const [x, y] = corners[here];
    const [otherX, otherY] = corners[last];
    if (y > down !== otherY > down && across < x + ((down - y) * (otherX - x)) / (otherY - y)) odd = !odd;
  }
  return odd;
}

const shapes = [
  (to, r) => to.arc(0, 0, r, 0, 7),
  (to, r) => to.rect(-r * 0.92, -r * 0.92, r * 1.84, r * 1.84),
  (to, r) => (to.moveTo(0, -r * 1.15), to.lineTo(r * 1.1, r * 0.88), to.lineTo(-r * 1.1, r * 0.88)),
  (to, r) => (to.moveTo(0, -r * 1.25), to.lineTo(r * 1.25, 0), to.lineTo(0, r * 1.25), to.lineTo(-r * 1.25, 0)),
];

export class ArchiveMap {
  constructor(canvas) {
    this.canvas = canvas;
    this.points = null;
    this.kinds = null; // by point: 0 for none, else the number of its colour
    this.lit = null; // by point: 1 where it is chosen; null where nothing is
    this.colours = "map";
    this.named = -1;
    this.drawn = []; // corners of the area
    this.crosshair = false;
    this.see();
  }

  /** See the whole map. */
  see() {
    [this.middleX, this.middleY, this.zoom] = [0.5, 0.5, 1];
  }

  get scale() {
    return Math.min(this.canvas.clientWidth, this.canvas.clientHeight) * MARGIN * this.zoom;
  }

  /** Where a place of the map is on the canvas, and the other way round. */
  toCanvas(across, down) {
    const { clientWidth, clientHeight } = this.canvas;
    return [clientWidth / 2 + (across - this.middleX) * this.scale, clientHeight / 2 + (down - this.middleY) * this.scale];
  }

  toMap(x, y) {
    const { clientWidth, clientHeight } = this.canvas;
    return [this.middleX + (x - clientWidth / 2) / this.scale, this.middleY + (y - clientHeight / 2) / this.scale];
  }

  move(x, y) {
    this.middleX = Math.min(1, Math.max(0, this.middleX + x / this.scale));
    this.middleY = Math.min(1, Math.max(0, this.middleY + y / this.scale));
  }

  /** Zoom so that what is at a place of the canvas stays there; the middle where none is given. */
  zoomBy(factor, x = this.canvas.clientWidth / 2, y = this.canvas.clientHeight / 2) {
    const [across, down] = this.toMap(x, y);
    this.zoom = Math.min(ZOOM_MAX, Math.max(1, this.zoom * factor));
    const [nowX, nowY] = this.toCanvas(across, down);
    this.move(nowX - x, nowY - y);
    if (this.zoom === 1) this.see();
  }

  /** The part that is seen: left, top, right, bottom, within the map. */
  seen() {
    const within = (each) => Math.min(1, Math.max(0, each));
    const { clientWidth, clientHeight } = this.canvas;
    return [...this.toMap(0, 0), ...this.toMap(clientWidth, clientHeight)].map(within);
  }

  /** The point nearest to a place of the canvas, -1 if none is as near as `most` pixels. */
  nearest(x, y, most) {
    const [across, down] = this.toMap(x, y);
    const { points, lit } = this;
    let [best, least] = [-1, (most / this.scale) ** 2];
    for (let each = 0; each < (points?.count ?? 0); each++) {
      if (lit && !lit[each]) continue;
      const apart = (points.across[each] - across) ** 2 + (points.down[each] - down) ** 2;
      if (apart < least) [best, least] = [each, apart];
    }
    return best;
  }

  draw() {
    const { canvas, points } = this;
    const ratio = devicePixelRatio || 1;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    if (canvas.width !== Math.round(width * ratio)) canvas.width = Math.round(width * ratio);
    if (canvas.height !== Math.round(height * ratio)) canvas.height = Math.round(height * ratio);
    const to = canvas.getContext("2d");
    const style = getComputedStyle(canvas);
    to.setTransform(ratio, 0, 0, ratio, 0, 0);
    to.clearRect(0, 0, width, height);
    if (!points) return;
    const crowd = Math.min(1, 2000 / Math.max(points.count, 1));
    const radius = Math.min(5, (1.7 + 2.3 * crowd) * this.zoom ** 0.25);
    const marks = this.marks(style, radius, ratio);
    const side = marks[0].width / ratio;
    const { scale } = this;
    const [left, top] = this.toCanvas(0, 0).map((each) => each - side / 2);
    for (const wanted of this.lit ? [0, 1] : [1]) {
      to.globalAlpha = wanted ? 0.9 : 0.14;
      for (let each = 0; each < points.count; each++) {
        if (this.lit && this.lit[each] !== wanted) continue;
        const x = left + points.across[each] * scale;
        const y = top + points.down[each] * scale;
        if (x < -side || y < -side || x > width || y > height) continue;
        to.drawImage(marks[this.kinds[each]], x, y, side, side);
      }
    }
    to.globalAlpha = 1;
    this.drawAround(to, style);
  }

  drawAround(to, style) {
    [to.strokeStyle, to.lineWidth] = [style.color, 2];
    if (this.drawn.length > 1) {
      to.setLineDash([6, 4]);
      to.beginPath();
      for (const corner of this.drawn) to.lineTo(...this.toCanvas(...corner));
      to.closePath();
      to.stroke();
      to.setLineDash([]);
    }
    if (this.named >= 0) {
      const place = this.toCanvas(this.points.across[this.named], this.points.down[this.named]);
      to.beginPath();
      to.arc(...place, RING, 0, 7);
      to.stroke();
    }
    if (this.crosshair) {
      const [x, y] = [this.canvas.clientWidth / 2, this.canvas.clientHeight / 2];
      to.lineWidth = 1;
      to.beginPath();
      for (const [far, near] of [[-14, -5], [5, 14]]) {
        to.moveTo(x + far, y);
        to.lineTo(x + near, y);
        to.moveTo(x, y + far);
        to.lineTo(x, y + near);
      }
      to.stroke();
    }
  }

  /** One small picture for each colour and shape: many are put down faster than they are drawn. */
  marks(style, radius, ratio) {
    const side = Math.ceil((2 * radius * 1.3 + 2) * ratio);
    return Array.from({ length: 9 }, (_, kind) => {
      const mark = document.createElement("canvas");
      mark.width = mark.height = side;
      const to = mark.getContext("2d");
      to.setTransform(ratio, 0, 0, ratio, side / 2, side / 2);
      const name = kind ? `--${this.colours}-${kind}` : "--map-0";
      to.fillStyle = style.getPropertyValue(name) || style.color;
      to.beginPath();
      const shape = kind && this.colours === "map" ? shapes[(kind - 1) % 4] : shapes[0];
      shape(to, kind ? radius : radius * 0.8);
      to.closePath();
      to.fill();
      return mark;
    });
  }
}
