// A list of any length, of which those rows are there that are looked at.
// It is a listbox: one row is chosen, by pointer or by key.

const ROW = 48;
const BESIDE = 8; // so many rows are drawn above and below, for whoever scrolls

class List {
  // `draw` gives what a row is made of; `choose` is told of the item that is chosen.
  constructor(box, draw, choose) {
    this.box = box;
    this.draw = draw;
    this.choose = choose;
    this.items = [];
    this.at = -1;
    this.space = el("div", { role: "presentation" });
    box.append(this.space);
    box.addEventListener("scroll", () => this.render());
    box.addEventListener("keydown", (event) => this.key(event));
    new ResizeObserver(() => this.render()).observe(box);
  }

  show(items, chosen) {
    this.items = items;
    this.at = items.indexOf(chosen);
    this.space.style.height = items.length * ROW + "px";
    this.box.scrollTop = 0;
    if (this.at >= 0) this.reveal();
    this.render();
  }

  render() {
    const { scrollTop, clientHeight } = this.box;
    const first = Math.max(0, Math.floor(scrollTop / ROW) - BESIDE);
    const after = Math.min(
      this.items.length, Math.ceil((scrollTop + clientHeight) / ROW) + BESIDE);
    const rows = [];
    for (let at = first; at < after; at++) rows.push(this.row(at));
    this.space.replaceChildren(...rows);
    const chosen = this.at >= first && this.at < after;
    if (chosen) this.box.setAttribute("aria-activedescendant", "row-" + this.at);
    else this.box.removeAttribute("aria-activedescendant");
  }

  row(at) {
    const row = el("div.row", {
      role: "option",
      id: "row-" + at,
      "aria-selected": String(at === this.at),
      "aria-setsize": this.items.length,
      "aria-posinset": at + 1,
      click: () => this.go(at),
    }, ...this.draw(this.items[at]));
    row.style.top = at * ROW + "px";
    row.style.height = ROW + "px";
    return row;
  }

  go(at) {
    if (!this.items.length) return;
    this.at = Math.max(0, Math.min(this.items.length - 1, at));
    this.reveal();
    this.render();
    this.choose(this.items[this.at]);
  }

  reveal() {
    const top = this.at * ROW;
    const room = this.box.clientHeight;
    if (top < this.box.scrollTop) this.box.scrollTop = top;
    else if (top + ROW > this.box.scrollTop + room) this.box.scrollTop = top + ROW - room;
  }

  key(event) {
    const page = Math.max(1, Math.floor(this.box.clientHeight / ROW) - 1);
    const to = {
      ArrowDown: this.at + 1,
      ArrowUp: this.at - 1,
      PageDown: this.at + page,
      PageUp: this.at - page,
      Home: 0,
      End: this.items.length - 1,
    }[event.key];
    if (to === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    this.go(to);
  }
}
