// Two runs of a test, side by side: as it passes in asyncio's own order, and as it fails.
//
// Time goes downwards, a row for each step; a column is a task. In a column a bar leads
// to each step, from when it could have been taken on: a broad one where the schedule
// kept it back. Both panes have the same columns. One step is chosen, by pointer or by
// key, with the same wake-up in the other pane, and is told in words below; that line is
// what a screen reader reads.

const UNKNOWN = -1;
const OVER = -2;

class Courses {
  constructor(told, fails) {
    this.told = told;
    this.panes = [["Passes", "in asyncio's own order", told.passing], ["Fails", fails, told.failing]]
      .filter(([, , run]) => run !== null)
      .map(([word, order, run], at) => new Pane(word, order, run, told, (step) => this.choose(at, step)));
    this.chosen = null; // a pane, and a step of it
    this.said = el("p.said", { role: "status" }, this.opening());
    const views = el("div.panes", {
      tabindex: "0",
      role: "application",
      "aria-label": "Runs side by side. Up and down go from step to step, left and right to " +
        "the same wake-up in the other run, H to the one that was held.",
      keydown: (event) => this.key(event),
    }, ...this.panes.map((pane) => pane.box));
    this.box = el("div.courses", {}, el("div.bar", {},
      ...["step:ran, from line → to line", "ready:could have gone on", "held:was held"].map((each) => {
        const [kind, text] = each.split(":");
        return el("span.key", {}, el("i." + kind), text);
      })), views, this.said);
    requestAnimationFrame(() => this.panes.forEach((pane) => pane.reveal(pane.run.held[0] ?? 0)));
  }

  opening() {
    const cut = this.panes.filter(({ run }) => run.lanes.length < run.steps)
      .map(({ word, run }) => `${word}: ${run.lanes.length} of ${many(run.steps, "step")} are shown.`);
    const alone = this.panes.length < 2
      ? ["It was run by a given schedule alone, so there is no run in asyncio's own order beside it."] : [];
    return [...alone, ...cut, "Choose a step to see where it went on, and how long it waited for its turn."].join(" ");
  }

  key(event) {
    const { pane, step } = this.chosen || { pane: this.panes.length - 1, step: -1 };
    const { run } = this.panes[pane];
    const last = run.lanes.length - 1;
    const acts = {
      ArrowDown: () => this.choose(pane, Math.min(last, step + 1)),
      ArrowUp: () => this.choose(pane, Math.max(0, step - 1)),
      Home: () => this.choose(pane, 0),
      End: () => this.choose(pane, last),
      ArrowLeft: () => this.cross(pane, step, 0),
      ArrowRight: () => this.cross(pane, step, this.panes.length - 1),
      h: () => this.toHeld(pane, step),
      H: () => this.toHeld(pane, step),
    };
    const act = acts[event.key];
    if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    act();
  }

  // To another pane: to the same wake-up there, or to the same height.
  cross(from, step, to) {
    if (from === to) return;
    const { run } = this.panes[to];
    const same = this.panes[from].twin(step, run);
    this.choose(to, same ?? Math.max(0, Math.min(run.lanes.length - 1, step)));
  }

  toHeld(pane, step) {
    const { held } = this.panes[pane].run;
    const next = held.find((each) => each > step) ?? held[0];
    if (next !== undefined) this.choose(pane, next);
  }

  choose(pane, step) {
    this.chosen = { pane, step };
    const chosen = this.panes[pane];
    for (const each of this.panes) {
      const there = each === chosen ? step : chosen.twin(step, each.run);
      each.mark(there, each === chosen);
    }
    this.said.replaceChildren(...this.words(chosen, step));
  }

  words(pane, step) {
    const { told } = this;
    const { run } = pane;
    const line = (place) => el("code", {}, place === UNKNOWN ? "a line that is not known" : told.places[place]);
    const went = run.wakes[step] === 1 ? " began at " : " went on at ";
    const parts = [el("b", {}, told.lanes[run.lanes[step]]), went, line(run.resumed[step])];
    if (run.suspended[step] === OVER) parts.push(" and was over");
    else parts.push(" and waited next at ", line(run.suspended[step]));
    parts.push(`: step ${run.first + step} of ${run.steps}${pane.when(step)}. `, this.waited(pane, step));
    for (const other of this.panes) {
      const there = other === pane ? undefined : pane.twin(step, other.run);
      if (there !== undefined) parts.push(` Where it ${other.verb}, that is step ${other.run.first + there}.`);
    }
    return parts;
  }

  waited(pane, step) {
    const { run } = pane;
    const others = run.first + step - 1 - run.ready[step];
    const held = run.held.includes(step);
    if (held && pane.fails) {
      return `It was held: it could have gone on after step ${run.ready[step]}, and ${many(others, "step")} of others came first.`;
    }
    const also = held ? " The failing run holds it." : "";
    if (others <= 0) return "It went on at once." + also;
    return `It had its turn after ${many(others, "step")} of others.` + also;
  }
}

// One of the runs.
class Pane {
  constructor(word, order, run, told, choose) {
    this.word = word;
    this.fails = word === "Fails";
    this.verb = word.toLowerCase();
    this.run = run;
    const columns = told.lanes.map((name, lane) => {
      const head = el("div.lane", { title: name }, el("span", {}, name));
      head.style.gridColumn = lane + 2;
      return head;
    });
    this.cells = run.lanes.map((_, at) => this.cell(at, told, choose));
    const grid = el("div.grid", {}, el("div.lane.axis", {}, "step"), ...columns,
      ...run.lanes.flatMap((_, at) => [this.tick(at), ...this.bar(at)]), ...this.cells);
    grid.style.gridTemplateColumns = `auto repeat(${told.lanes.length}, minmax(92px, 1fr))`;
    grid.style.minWidth = `${90 + 98 * told.lanes.length}px`;
    this.view = el("div.view", {}, grid);
    this.box = el("section.pane", { "aria-label": `${word} ${order}` },
      el("h4" + (this.fails ? ".bad" : ".good"), {}, word, el("small", {}, " " + order)), this.view);
  }

  cell(at, told, choose) {
    const { run } = this;
    const number = (place) => (place === UNKNOWN ? "…" : told.places[place].match(/:(\d+) in /)[1]);
    const to = run.suspended[at] === OVER ? "over" : number(run.suspended[at]);
    const cell = el("div.step" + (run.held.includes(at) ? ".held" : ""), { click: () => choose(at) },
      `${number(run.resumed[at])} → ${to}`);
    cell.style.gridRow = at + 2;
    cell.style.gridColumn = run.lanes[at] + 2;
    return cell;
  }

  // The number of a step, and the time where that has gone on.
  tick(at) {
    const { run } = this;
    const moved = at > 0 && run.began[at] > run.began[at - 1];
    const mark = el("div.tick" + (moved ? ".moved" : ""), {}, String(run.first + at),
      moved ? el("small", {}, " " + seconds(run.began[at] / 1e6)) : null);
    mark.style.gridRow = at + 2;
    return mark;
  }

  // From when on a step could have been taken, to where it was.
  bar(at) {
    const { run } = this;
    const from = Math.max(0, run.ready[at] - run.first + 1);
    if (from >= at) return [];
    const kept = this.fails && run.held.includes(at);
    const bar = el("div.wait" + (kept ? ".kept" : ""), { title: kept ? "held" : "could have gone on" });
    bar.style.gridRow = `${from + 2} / ${at + 2}`;
    bar.style.gridColumn = run.lanes[at] + 2;
    return [bar];
  }

  // The place of the same wake-up in another run.
  twin(step, run) {
    if (step === undefined || step < 0 || run === this.run) return undefined;
    const wake = [this.run.lanes[step], this.run.wakes[step]];
    const at = run.lanes.findIndex((lane, each) => lane === wake[0] && run.wakes[each] === wake[1]);
    return at < 0 ? undefined : at;
  }

  when(step) {
    const at = this.run.began[step];
    return at > 0 ? `, at ${seconds(at / 1e6)}` : "";
  }

  mark(step, isChosen) {
    this.marked?.classList.remove("chosen", "twin");
    this.marked = step === undefined ? null : this.cells[step];
    this.marked?.classList.add(isChosen ? "chosen" : "twin");
    if (step !== undefined) this.reveal(step);
  }

  reveal(step) {
    const cell = this.cells[step];
    if (!cell) return;
    // Not `scrollIntoView`: that would move the page as well.
    const { view } = this;
    const head = cell.offsetHeight * 1.5;
    if (cell.offsetTop - head < view.scrollTop) view.scrollTop = cell.offsetTop - head;
    else if (cell.offsetTop + head > view.scrollTop + view.clientHeight) {
      view.scrollTop = cell.offsetTop + head - view.clientHeight;
    }
    const right = cell.offsetLeft + cell.offsetWidth;
    if (cell.offsetLeft < view.scrollLeft || right > view.scrollLeft + view.clientWidth) {
      view.scrollLeft = cell.offsetLeft - view.clientWidth / 3;
    }
  }
}
