// The timeline of a test: a row for each loop and each task, on one canvas.
//
// Only what lies in view is drawn, so a long test is as quick as a short one. Times are
// microseconds from the begin of the call. Each kind of span has a height of its own, so
// that it can be told without its colour. One span is chosen, by pointer or by key, and
// is told in words below; that line is what a screen reader reads.

const BAND = 22; // the height of a row
const AXIS = 26;
const DID = {
  r: "ran", w: "waited", q: "stood in the loop's queue", b: "blocked the loop",
  f: "many short spans, folded",
};
const HEIGHTS = { r: 14, w: 3, q: 7, b: 14, f: 14 };
const COLOURS = { r: "--run", w: "--wait", q: "--queue", b: "--block", f: "--fold" };
const MOST_ARROWS = 300; // of more than that, only those of the chosen task are drawn

class Timeline {
  constructor(told, path) {
    this.told = told;
    this.rows = told.tracks.map((track) => new Spans(track, told.texts));
    this.path = pathSpans(path, told.seconds * 1e6);
    if (this.path) this.rows.unshift(this.path);
    this.shift = this.path ? 1 : 0; // between a row and its place among the tracks
    this.whole = Math.max(1, told.seconds * 1e6);
    this.from = 0;
    this.to = this.whole;
    this.chosen = null; // a row, and a span of it
    this.build();
  }

  build() {
    this.canvas = el("canvas", {
      tabindex: "0",
      role: "application",
      "aria-label": "Timeline. Arrow keys go from span to span and from row to row, plus " +
        "and minus zoom, 0 shows all, W goes to who woke this task.",
      keydown: (event) => this.key(event),
      wheel: (event) => this.wheel(event),
      pointerdown: (event) => this.grab(event),
      pointermove: (event) => this.hover(event),
      pointerleave: () => this.tell(null),
      dblclick: () => this.zoomToChosen(),
    });
    this.space = el("div", {}, this.canvas);
    this.view = el("div.view", { scroll: () => this.draw() }, this.space);
    this.said = el("p.said", { role: "status" }, this.opening());
    this.tip = el("div.tip", { hidden: "" });
    const zoom = (label, text, factor) =>
      el("button", { "aria-label": label, title: label, click: () => this.zoom(factor) }, text);
    this.box = el("div.timeline", {},
      el("div.bar", {},
        ...["r:running", "w:waiting", "q:queued", "b:blocked", "f:folded"].map((each) =>
          el("span.key", {}, el("i." + each[0]), each.slice(2))),
        el("span.zoom", {}, zoom("Zoom out", "−", 2), zoom("Zoom in", "+", 0.5),
          el("button", { click: () => this.all() }, "All"))),
      this.view, this.said, this.tip);
    this.space.style.height = AXIS + this.rows.length * BAND + 6 + "px";
    new ResizeObserver(() => this.draw()).observe(this.view);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
  }

  opening() {
    const { told } = this;
    const parts = [many(told.tracks.filter((each) => each.kind === "task").length, "task")];
    if (told.left_out) parts.push(many(told.left_out, "shorter one") + " left out");
    if (told.clock === "virtual") parts.push("in virtual time");
    if (told.cut) parts.push("cut short: the test took more steps than are kept");
    return parts.join(", ") + ". Choose a span to see what it was, and who woke whom.";
  }

  // ------------------------------------------------------------------ drawing

  draw() {
    const { canvas, view } = this;
    const width = view.clientWidth;
    const height = Math.min(view.clientHeight || 1e4, this.space.offsetHeight);
    if (!width || !height) return;
    const scale = window.devicePixelRatio || 1;
    canvas.width = width * scale;
    canvas.height = height * scale;
    canvas.style.height = height + "px";
    const pen = this.pen = canvas.getContext("2d");
    pen.scale(scale, scale);
    this.style = getComputedStyle(document.documentElement);
    this.names = Math.min(210, Math.max(90, width * 0.22));
    this.width = width;
    this.height = height;
    this.font = (weight) => { pen.font = weight + " 12px " + this.style.getPropertyValue("--sans"); };
    pen.save();
    pen.beginPath();
    pen.rect(0, AXIS, width, height - AXIS);
    pen.clip();
    const ticks = this.ticks();
    this.drawGrid(ticks);
    const first = Math.max(0, Math.floor(view.scrollTop / BAND));
    const after = Math.min(this.rows.length, Math.ceil((view.scrollTop + height) / BAND));
    for (let at = first; at < after; at++) this.drawRow(at);
    this.drawArrows();
    this.drawChosen();
    pen.restore();
    this.drawAxis(ticks);
  }

  colour(name) { return this.style.getPropertyValue(name); }

  x(moment) {
    return this.names + (moment - this.from) / (this.to - this.from) * (this.width - this.names - 10);
  }

  y(row) { return AXIS + row * BAND + BAND / 2 - this.view.scrollTop; }

  // The moments that the axis names: where each is, and how it is written.
  ticks() {
    const step = niceStep((this.to - this.from) / Math.max(2, (this.width - this.names) / 110));
    const found = [];
    for (let at = Math.ceil(this.from / step) * step; at <= this.to; at += step) {
      found.push([this.x(at), tick(at, step)]);
    }
    return found;
  }

  drawGrid(ticks) {
    const { pen } = this;
    pen.fillStyle = this.colour("--line");
    for (const [x] of ticks) pen.fillRect(Math.round(x), AXIS, 1, this.height);
  }

  drawAxis(ticks) {
    const { pen } = this;
    pen.fillStyle = this.colour("--panel");
    pen.fillRect(0, 0, this.width, AXIS);
    pen.fillStyle = this.colour("--soft");
    this.font(400);
    pen.textBaseline = "middle";
    pen.textAlign = "center";
    for (const [x, text] of ticks) {
      if (x < this.width - 20) pen.fillText(text, Math.max(x, this.names + 6), AXIS / 2);
    }
  }

  drawRow(at) {
    const { pen } = this;
    const row = this.rows[at];
    const y = this.y(at);
    const isChosen = this.chosen && this.chosen.row === at;
    if (isChosen) {
      pen.fillStyle = this.colour("--chosen");
      pen.fillRect(0, y - BAND / 2, this.width, BAND);
    }
    this.drawSpans(row, y);
    // The names last, and on their own ground: what is dragged goes behind them.
    pen.fillStyle = this.colour(isChosen ? "--chosen" : "--panel");
    pen.fillRect(0, y - BAND / 2, this.names - 4, BAND);
    pen.fillStyle = this.colour(row.kind === "task" ? "--ink" : "--soft");
    this.font(row.kind === "task" ? 400 : 600);
    pen.textAlign = "left";
    pen.textBaseline = "middle";
    pen.fillText(fitting(pen, row.name, this.names - 24), 12, y);
  }

  drawSpans(row, y) {
    const { pen } = this;
    let drawnTo = -1;
    for (let at = row.at(this.from); at < row.length && row.begin(at) < this.to; at++) {
      const left = Math.max(this.x(row.begin(at)), this.names - 4);
      const right = Math.min(this.x(row.end(at)), this.width - 8);
      const did = row.did[at];
      // Of many within one dot the first is drawn, but what blocked is always.
      if (right <= drawnTo && did !== "b") continue;
      const wide = Math.max(right - left, 1);
      drawnTo = left + wide;
      pen.fillStyle = this.colour(COLOURS[did]);
      const high = HEIGHTS[did];
      if (did === "f") this.hatch(left, y - high / 2, wide, high);
      else pen.fillRect(left, y - high / 2, wide, high);
      const note = row.label(at);
      if (note && wide > 60 && did !== "q") this.write(note, left, right, y, did);
    }
  }

  hatch(left, top, wide, high) {
    for (let x = left; x < left + wide; x += 5) {
      this.pen.fillRect(x, top, Math.min(3, left + wide - x), high);
    }
  }

  write(note, left, right, y, did) {
    const { pen } = this;
    this.font(400);
    pen.textAlign = "left";
    pen.textBaseline = "middle";
    const text = fitting(pen, note, right - left - 14);
    if (text.length < 4) return;
    if (did === "w") { // on the thin line, with a gap in it
      pen.fillStyle = this.colour(this.chosen && this.y(this.chosen.row) === y ? "--chosen" : "--panel");
      pen.fillRect(left + 5, y - 7, pen.measureText(text).width + 6, 14);
      pen.fillStyle = this.colour("--soft");
    } else {
      pen.fillStyle = this.colour("--panel");
    }
    pen.fillText(text, left + 8, y + 0.5);
  }

  drawArrows() {
    const { wakes } = this.told;
    const inView = wakes.filter((each) => each.at >= this.from && each.at <= this.to);
    const few = inView.length <= MOST_ARROWS;
    for (const each of inView) {
      const by = each.by + this.shift;
      const woken = each.woken + this.shift;
      const related = this.chosen && (this.chosen.row === by || this.chosen.row === woken);
      if (!few && !related) continue;
      this.arrow(this.x(each.at), this.y(by), this.y(woken), related);
    }
  }

  arrow(x, from, to, strong) {
    const { pen } = this;
    const down = Math.sign(to - from);
    pen.strokeStyle = pen.fillStyle = this.colour(strong ? "--accent" : "--soft");
    pen.globalAlpha = strong ? 1 : 0.35;
    pen.lineWidth = strong ? 1.5 : 1;
    pen.beginPath();
    pen.moveTo(x, from + down * 7);
    pen.lineTo(x, to - down * 7);
    pen.stroke();
    pen.beginPath();
    pen.moveTo(x, to - down * 3);
    pen.lineTo(x - 3.5, to - down * 9);
    pen.lineTo(x + 3.5, to - down * 9);
    pen.fill();
    pen.globalAlpha = 1;
    pen.lineWidth = 1;
  }

  drawChosen() {
    if (!this.chosen) return;
    const { row, span } = this.chosen;
    const spans = this.rows[row];
    if (!spans.length) return;
    const left = Math.max(this.x(spans.begin(span)), this.names - 2);
    const right = Math.min(this.x(spans.end(span)), this.width - 4);
    if (right < this.names || left > this.width) return;
    this.pen.strokeStyle = this.colour("--ink");
    this.pen.lineWidth = 1.5;
    this.pen.strokeRect(left - 1, this.y(row) - 9, Math.max(right - left, 1) + 2, 18);
    this.pen.lineWidth = 1;
  }

  // ------------------------------------------------------------------ zooming

  show(from, to) {
    const shortest = Math.min(this.whole, 10);
    const length = Math.max(shortest, Math.min(this.whole, to - from));
    this.from = Math.max(0, Math.min(this.whole - length, from));
    this.to = this.from + length;
    this.draw();
  }

  zoom(factor, about = this.middle()) {
    const from = about - (about - this.from) * factor;
    this.show(from, from + (this.to - this.from) * factor);
  }

  middle() {
    if (this.chosen && this.rows[this.chosen.row].length) {
      const { row, span } = this.chosen;
      const at = (this.rows[row].begin(span) + this.rows[row].end(span)) / 2;
      if (at >= this.from && at <= this.to) return at;
    }
    return (this.from + this.to) / 2;
  }

  all() { this.show(0, this.whole); }

  zoomToChosen() {
    if (!this.chosen) return;
    const row = this.rows[this.chosen.row];
    const length = row.end(this.chosen.span) - row.begin(this.chosen.span);
    this.show(row.begin(this.chosen.span) - length * 0.25, row.end(this.chosen.span) + length * 0.25);
  }

  wheel(event) {
    if (event.ctrlKey || event.metaKey) {
      event.preventDefault();
      this.zoom(Math.exp(event.deltaY * 0.003), this.moment(event.offsetX));
    } else if (event.deltaX || event.shiftKey) {
      event.preventDefault();
      const by = (event.deltaX || event.deltaY) / (this.width - this.names);
      this.show(this.from + by * (this.to - this.from), this.to + by * (this.to - this.from));
    }
  }

  moment(x) {
    return this.from + (x - this.names) / (this.width - this.names - 10) * (this.to - this.from);
  }

  // ----------------------------------------------------------------- choosing

  under(event) {
    const row = Math.floor((event.offsetY + this.view.scrollTop - AXIS) / BAND);
    if (event.offsetY < AXIS || row < 0 || row >= this.rows.length) return null;
    const spans = this.rows[row];
    const moment = this.moment(event.offsetX);
    const slack = 3 * (this.to - this.from) / this.width; // a span may be one dot wide
    if (event.offsetX < this.names) return { row, span: spans.at(this.from) };
    if (!spans.length || moment < spans.begin(0) - slack || moment > spans.last + slack) return null;
    return { row, span: spans.at(moment) };
  }

  grab(event) {
    const { offsetX } = event;
    const { from, to } = this;
    const found = this.under(event);
    let moved = false;
    const move = (later) => {
      const by = (later.offsetX - offsetX) / (this.width - this.names) * (to - from);
      moved = moved || Math.abs(later.offsetX - offsetX) > 3;
      if (moved && to - from < this.whole) this.show(from - by, to - by);
    };
    const end = () => {
      this.canvas.removeEventListener("pointermove", move);
      if (!moved && found) this.choose(found);
    };
    this.canvas.setPointerCapture(event.pointerId);
    this.canvas.addEventListener("pointermove", move);
    this.canvas.addEventListener("pointerup", end, { once: true });
  }

  choose(found) {
    const spans = this.rows[found.row];
    const span = Math.max(0, Math.min(spans.length - 1, found.span));
    this.chosen = { row: found.row, span };
    this.said.replaceChildren(...this.words(this.chosen));
    this.reveal();
    this.draw();
  }

  reveal() {
    const { row, span } = this.chosen;
    const top = row * BAND;
    const room = this.view.clientHeight - AXIS - 8;
    if (top < this.view.scrollTop) this.view.scrollTop = top;
    else if (top + BAND > this.view.scrollTop + room) this.view.scrollTop = top + BAND - room;
    const spans = this.rows[row];
    if (!spans.length) return;
    const [begin, end] = [spans.begin(span), spans.end(span)];
    if (end < this.from || begin > this.to) {
      const length = this.to - this.from;
      this.show(begin - length / 3, begin - length / 3 + length);
    }
  }

  key(event) {
    const chosen = this.chosen || { row: 0, span: -1 };
    const row = this.rows[chosen.row];
    const goto = (at) => {
      const to = Math.max(0, Math.min(this.rows.length - 1, at));
      const moment = row.length && chosen.span >= 0 ? row.begin(chosen.span) : this.from;
      return { row: to, span: this.rows[to].at(moment) };
    };
    const acts = {
      ArrowRight: () => this.choose({ row: chosen.row, span: chosen.span + 1 }),
      ArrowLeft: () => this.choose({ row: chosen.row, span: chosen.span - 1 }),
      ArrowDown: () => this.choose(this.chosen ? goto(chosen.row + 1) : goto(0)),
      ArrowUp: () => this.choose(goto(chosen.row - 1)),
      Home: () => this.choose({ row: chosen.row, span: 0 }),
      End: () => this.choose({ row: chosen.row, span: row.length - 1 }),
      "+": () => this.zoom(0.5),
      "=": () => this.zoom(0.5),
      "-": () => this.zoom(2),
      0: () => this.all(),
      Enter: () => this.zoomToChosen(),
      w: () => this.toWaker(),
      W: () => this.toWaker(),
    };
    const act = acts[event.key];
    if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    act();
  }

  // The wake that ended the wait that a span is, or that came right before it.
  waker({ row, span }) {
    const spans = this.rows[row];
    if (!spans.length) return null;
    const track = row - this.shift;
    const waits = spans.did[span] === "w";
    let first = span;
    while (!waits && first > 0 && spans.did[first - 1] !== "w") first--;
    const since = waits ? spans.end(span) : spans.begin(first);
    const until = waits ? since : spans.begin(span);
    return this.told.wakes.findLast(
      (each) => each.woken === track && each.at >= since - 1 && each.at <= until + 1);
  }

  toWaker() {
    const wake = this.chosen && this.waker(this.chosen);
    if (!wake) return;
    const row = wake.by + this.shift;
    const spans = this.rows[row];
    let span = spans.at(wake.at);
    while (span > 0 && !"rbf".includes(spans.did[span])) span--;
    this.choose({ row, span });
  }

  words({ row, span }) {
    const spans = this.rows[row];
    if (!spans.length) return [el("b", {}, spans.name), " has no span of a microsecond or more."];
    const did = spans.kind === "path" ? spans.words(span) : DID[spans.did[span]];
    const begin = spans.begin(span) / 1e6;
    const length = (spans.end(span) - spans.begin(span)) / 1e6;
    const parts = [el("b", {}, spans.name), ` ${this.verb(spans, span, did)} for ${seconds(length)}, from ${seconds(begin)} on. `];
    const note = spans.note(span);
    if (note) parts.push(el("code", {}, note), " ");
    const wake = this.waker({ row, span });
    if (wake) {
      parts.push(el("button.link", { click: () => this.toWaker() },
        `${spans.did[span] === "w" ? "Ended" : "Set off"} by ${this.told.tracks[wake.by].name}.`));
    }
    if (spans.kind !== "path") {
      parts.push(el("span.soft", {}, ` In all it ran ${seconds(spans.track.running)}, waited ${seconds(spans.track.waiting)}, was queued ${seconds(spans.track.queued)}.`));
    }
    return parts;
  }

  verb(spans, span, did) {
    return spans.kind === "loop" && spans.did[span] === "w" ? "had nothing to do" : did;
  }

  hover(event) {
    if (event.buttons) return this.tell(null);
    this.tell(this.under(event), event);
  }

  tell(found, event) {
    this.tip.hidden = !found || !this.rows[found.row].length;
    if (this.tip.hidden) return;
    this.tip.replaceChildren(...this.words(found));
    const left = Math.min(event.clientX + 14, innerWidth - this.tip.offsetWidth - 10);
    const below = event.clientY + 18;
    const fits = below + this.tip.offsetHeight < innerHeight;
    this.tip.style.left = Math.max(6, left) + "px";
    this.tip.style.top = (fits ? below : event.clientY - this.tip.offsetHeight - 12) + "px";
  }
}

// The spans of a row, each found by its place, and by a moment.
class Spans {
  constructor(track, texts) {
    this.track = track;
    this.name = track.kind === "loop" ? "event loop" : track.name;
    this.kind = track.kind;
    this.did = track.did;
    this.length = track.did.length;
    this.ends = new Float64Array(this.length);
    this.notes = new Array(this.length);
    let [end, noted] = [track.began, 0];
    this.first = end;
    for (let at = 0; at < this.length; at++) {
      end += track.lasted[at];
      this.ends[at] = end;
      const note = this.did[at] === "w" || this.did[at] === "b" ? track.notes[noted++] : -1;
      this.notes[at] = note < 0 ? "" : texts[note];
    }
    this.last = end;
  }

  begin(at) { return at > 0 ? this.ends[at - 1] : this.first; }

  end(at) { return this.ends[at]; }

  note(at) { return this.notes[at]; }

  label(at) { return this.notes[at]; }

  // The span that a moment lies in; the first or last one where it lies in none.
  at(moment) {
    let [low, high] = [0, this.length - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.ends[middle] <= moment) low = middle + 1;
      else high = middle;
    }
    return Math.max(0, low);
  }
}

// The critical path as a row: its links follow each other, and end as the test does.
function pathSpans(path, whole) {
  if (!path.length) return null;
  const letters = { running: "r", waiting: "w", queued: "q" };
  const lasted = path.map((link) => link.seconds * 1e6);
  const row = new Spans({
    name: "critical path",
    kind: "path",
    did: path.map((link) => letters[link.did]).join(""),
    lasted,
    notes: [],
    began: Math.max(0, whole - lasted.reduce((sum, each) => sum + each, 0)),
  }, []);
  row.label = (at) => path[at].task;
  row.note = (at) => [path[at].awaited, path[at].at].filter(Boolean).join(", ");
  row.words = (at) => `stood on ${path[at].task || "the loop"}, which ${DID[letters[path[at].did]]}`;
  return row;
}

function niceStep(least) {
  const power = 10 ** Math.floor(Math.log10(Math.max(least, 1)));
  return [1, 2, 5, 10].find((each) => each * power >= least) * power;
}

function tick(at, step) {
  if (at === 0) return "0";
  if (step >= 1e6) return Math.round(at / 1e6) + " s";
  if (step >= 1e5) return (at / 1e6).toFixed(1) + " s";
  if (step >= 1e3) return Math.round(at / 1e3) + " ms";
  if (step >= 1e2) return (at / 1e3).toFixed(1) + " ms";
  return Math.round(at) + " µs";
}

// As much of a text as there is room for.
function fitting(pen, text, room) {
  if (pen.measureText(text).width <= room) return text;
  let [low, high] = [0, text.length];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (pen.measureText(text.slice(0, middle) + "…").width <= room) low = middle;
    else high = middle - 1;
  }
  return low ? text.slice(0, low) + "…" : "";
}
