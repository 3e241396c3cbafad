// The page: reads the data, fills the two lists, and shows what is chosen of them.

const report = JSON.parse(document.getElementById("data").textContent);
const byId = (id) => document.getElementById(id);

for (const place of report.places) {
  place.words = `${place.call} ${place.at} ${place.function}`.toLowerCase();
}
for (const test of report.tests) {
  test.words = test.id.toLowerCase();
  test.lost = test.blocking.reduce(
    (sum, each) => sum + (report.places[each.place].allowed === null ? each.seconds : 0), 0);
  test.took = test.virtual === null ? test.wall : test.virtual;
}

// Whether it fails under a schedule; that breaks no promise.
const raced = (test) => test.schedules !== null && test.schedules.found_at !== null;

const LISTS = {
  places: {
    items: report.places,
    row: placeRow,
    detail: placeDetail,
    only: {
      "Not accepted": (place) => place.allowed === null,
      "Your code": (place) => place.allowed === null && place.whose === "yours",
      "Tests' own": (place) => place.allowed === null && place.whose === "test",
      "Libraries": (place) => place.allowed === null && place.whose === "library",
      "Accepted": (place) => place.allowed !== null,
      "All": () => true,
    },
    order: {
      "Most lost": (one, other) => other.seconds - one.seconds,
      "Most tests": (one, other) => other.tests.length - one.tests.length,
      "Name": (one, other) => (one.words < other.words ? -1 : 1),
    },
  },
  tests: {
    items: report.tests,
    row: testRow,
    detail: testDetail,
    only: {
      "All": () => true,
      "Broken": (test) => test.broken.length > 0,
      "Blocked": (test) => test.lost > 0,
      "With a budget": (test) => test.budget !== null,
      "Under schedules": (test) => test.schedules !== null,
      "Side by side": (test) => test.speedup !== null,
    },
    order: {
      "Broken first": (one, other) =>
        other.broken.length - one.broken.length || raced(other) - raced(one) ||
        other.lost - one.lost || other.took - one.took,
      "Slowest": (one, other) => other.took - one.took,
      "Least speedup": (one, other) => (one.speedup ?? Infinity) - (other.speedup ?? Infinity) || 0,
      "Most lost": (one, other) => other.lost - one.lost,
      "Name": (one, other) => (one.words < other.words ? -1 : 1),
    },
  },
};

let shown = null; // the name of the list
const chosen = { places: null, tests: null };
const list = new List(byId("list"), (item) => LISTS[shown].row(item), (item) => choose(item));

// What a row is, as a mark with a shape and a name: not everybody sees its colour.
const STATES = {
  failed: "failed", blocked: "blocked", met: "as promised", accepted: "accepted", none: "",
};

function dot(state) {
  return el("span.dot." + state, { role: "img", "aria-label": STATES[state], title: STATES[state] });
}

function placeRow(place) {
  return [
    dot(place.failed ? "failed" : place.allowed === null ? "blocked" : "accepted"),
    el("div", {}, el("b.mono", {}, place.call), el("small.mono", {}, `${place.at} in ${place.function}`)),
    el("div.end", {}, el("b", {}, seconds(place.seconds)), el("small", {}, many(place.tests.length, report.unit))),
  ];
}

function testRow(test) {
  const [file, name] = apart(test.id);
  const met = test.budget !== null && test.budget.met;
  const state = test.broken.length || raced(test) ? "failed" : test.lost ? "blocked" : met ? "met" : "none";
  const within = test.budget === null ? null : test.budget.within;
  const beside = [];
  if (within !== null) beside.push("of " + seconds(within));
  if (test.speedup !== null) beside.push("speedup " + test.speedup.toFixed(2));
  return [
    dot(state),
    el("div", {}, el("b", {}, name), el("small.mono", {}, file)),
    el("div.end", {}, el("b" + (test.broken.length ? ".bad" : ""), {}, seconds(test.took)),
      el("small", {}, beside.join(", ") || "\u00a0")),
  ];
}

function choose(item) {
  chosen[shown] = item;
  byId("detail").replaceChildren(...LISTS[shown].detail(item, report, open));
  byId("detail").scrollTop = 0;
}

// Go to a test or a place from elsewhere, whatever hides it in its list now.
function open(item) {
  const name = item.words && report.places.includes(item) ? "places" : "tests";
  byId("filter").value = "";
  chosen[name] = item;
  switchTo(name, "All");
  choose(item);
  byId("detail").focus();
}

function fill() {
  const { items, only, order } = LISTS[shown];
  const words = byId("filter").value.toLowerCase().split(/\s+/).filter(Boolean);
  const wanted = only[byId("only").value];
  const found = items.filter((item) => wanted(item) && words.every((word) => item.words.includes(word)));
  found.sort(order[byId("order").value]);
  byId("none").hidden = found.length > 0;
  byId("list").hidden = found.length === 0;
  list.show(found, chosen[shown]);
}

function switchTo(name, only) {
  if (shown !== name || only) {
    shown = name;
    const options = (box, names) => box.replaceChildren(...names.map((each) => el("option", {}, each)));
    options(byId("only"), Object.keys(LISTS[name].only));
    options(byId("order"), Object.keys(LISTS[name].order));
    if (only) byId("only").value = only;
  }
  for (const each of ["places", "tests"]) {
    const tab = byId("tab-" + each);
    tab.setAttribute("aria-selected", String(each === name));
    tab.tabIndex = each === name ? 0 : -1;
  }
  byId("list").setAttribute("aria-labelledby", "tab-" + name);
  fill();
}

function showFirst() {
  if (list.items.length) list.go(Math.max(0, list.at));
  else byId("detail").replaceChildren(el("p.soft", {}, nothing()));
}

function nothing() {
  if (!report.tests.length) return "Nothing was watched in this run.";
  if (shown === "places" && !report.looked) return "What blocks was not looked for: asyncbench_blocking is off.";
  return shown === "places" ? "Nothing blocked the event loop that is not accepted." : "None is like that.";
}

for (const name of ["places", "tests"]) {
  const tab = byId("tab-" + name);
  tab.querySelector("span").textContent = LISTS[name].items.length.toLocaleString("en");
  tab.addEventListener("click", () => { switchTo(name); showFirst(); });
  tab.addEventListener("keydown", (event) => {
    if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
    const other = name === "places" ? "tests" : "places";
    switchTo(other);
    showFirst();
    byId("tab-" + other).focus();
  });
}
byId("filter").addEventListener("input", fill);
byId("only").addEventListener("change", () => { fill(); showFirst(); });
byId("order").addEventListener("change", fill);
byId("filter").addEventListener("keydown", (event) => {
  if (event.key !== "ArrowDown" && event.key !== "Enter") return;
  event.preventDefault();
  byId("list").focus();
  showFirst();
});
document.addEventListener("keydown", (event) => {
  const typing = ["INPUT", "SELECT"].includes(document.activeElement.tagName);
  if (event.key === "/" && !typing) {
    event.preventDefault();
    byId("filter").focus();
  }
});

function opening() {
  const { run, tests, places } = report;
  byId("run").textContent = [
    "Python " + run.python, run.pytest ? "pytest " + run.pytest : null, run.system,
    run.partial ? "partial: " + run.partial : null,
  ].filter(Boolean).join("  ·  ");
  const broken = tests.filter((test) => test.broken.length).length;
  const lost = places.reduce((sum, place) => sum + (place.allowed === null ? place.seconds : 0), 0);
  // Outside pytest it is blocks of code that were watched.
  const units = report.unit === "test" ? "Tests" : "Blocks";
  byId("tab-tests").querySelector("b").textContent = units;
  const figure = (name, value, kind) => el("div", {}, el("dt", {}, name), el("dd" + kind, {}, value));
  byId("figures").append(
    figure(units + " watched", tests.length.toLocaleString("en"), ""),
    figure("Broke a promise", broken.toLocaleString("en"), broken ? ".bad" : ".good"),
    lost || report.looked
      ? figure("Loop blocked for", seconds(lost), lost ? "" : ".good")
      : figure("Loop blocked", "not looked for", ""));
  const failed = broken || tests.some(raced);
  switchTo(places.some((place) => place.allowed === null) && !failed ? "places" : "tests");
  showFirst();
}

opening();
