// What is told of one test and of one place, beside the list.

const BROKEN = {
  wall: "took too long",
  speedup: "was not concurrent enough",
  setup: "its set-up took too long",
  teardown: "its teardown took too long",
  blocking: "blocked the event loop",
  background: "a background task of it died unseen",
  unmeasured: "was not measured",
  unawaited: "did not await what concurrently gave",
};

const OWNERS = { yours: "your code", test: "the tests' own", library: "a library's" };

function fact(name, value, beside, kind) {
  if (value === null || value === undefined) return null;
  return el("div", {}, el("dt", {}, name),
    el("dd" + (kind || ""), {}, value, beside ? el("small", {}, " " + beside) : null));
}

function testDetail(test, report, open) {
  const [file, name] = apart(test.id);
  const { budget } = test;
  const broke = (kind) => (test.broken.some((each) => each.kind === kind) ? ".bad" : "");
  const time = test.virtual === null ? test.wall : test.virtual;
  const parts = [
    el("h2", {}, name),
    el("p.path.mono", {}, file),
    el("dl.facts", {},
      fact(test.virtual === null ? "Wall" : "Virtual", seconds(time),
        budget && budget.within !== null ? "of " + seconds(budget.within) : null, broke("wall")),
      test.virtual === null ? null : fact("Real", seconds(test.wall)),
      fact("Together", test.together === null ? null : seconds(test.together)),
      fact("Serial", test.serial === null ? null : seconds(test.serial)),
      fact("Speedup", test.speedup === null ? null : test.speedup.toFixed(2),
        budget && budget.speedup !== null ? "of " + budget.speedup : null, broke("speedup")),
      fact("Starved", test.starved ? seconds(test.starved) : null),
      fact("Steps", test.steps.toLocaleString("en")),
      fact("Schedules", test.schedules && test.schedules.runs.toLocaleString("en"),
        !test.schedules ? null : test.schedules.seen_all ? "all there are"
          : test.schedules.out_of_time ? "then its time was over" : null),
      fact("Cancelled at", test.cancellations && many(test.cancellations.tried, "await"),
        test.cancellations && `of ${test.cancellations.points.toLocaleString("en")}`),
      fact("Did not hold", test.cancellations && test.cancellations.failed
        ? many(test.cancellations.failed, "time") : null, null, ".bad")),
    ...test.broken.map((each) => el("p.told", {}, brokenWords(each))),
    raced(test) ? el("p.told", {}, ...racedWords(test.schedules)) : null,
    ...test.problems.map((each) => el("p.told", {}, "A problem of asyncbench's own: " + each)),
  ];
  if (test.courses) {
    parts.push(el("h3", {}, "Under the schedule"),
      new Courses(test.courses, failsUnder(test.schedules)).box);
  }
  if (test.timeline) {
    const order = test.courses && test.courses.passing ? " in asyncio's own order" : "";
    parts.push(el("h3", {}, "Timeline" + order), new Timeline(test.timeline, test.path).box);
  }
  parts.push(...whatIf(test), ...criticalPath(test), ...blockedHere(test, report, open),
    ...leftBehind(test));
  if (parts.filter(Boolean).length === 3) parts.push(el("p.told.accepted", {}, "There is no more to tell of it."));
  return parts.filter(Boolean);
}

function failsUnder({ runs, found_at }) {
  return runs > 1 ? `under schedule ${found_at.toLocaleString("en")}` : "under the schedule that was asked for";
}

function racedWords(schedules) {
  return [
    `This test fails ${failsUnder(schedules)}`,
    schedules.runs > 1 ? ", and passes in asyncio's own order. Again: " : ". Again: ",
    el("code", {}, "pytest --asyncbench-schedule=" + schedules.replay),
  ];
}

function brokenWords(broken) {
  const told = BROKEN[broken.kind] || broken.kind;
  const ratio = broken.kind === "speedup";
  if (broken.actual === null) return "This test " + told + ".";
  const limit = broken.limit === null ? ""
    : `, and ${ratio ? broken.limit : seconds(broken.limit)} was promised`;
  return `This test ${told}: ${ratio ? broken.actual.toFixed(2) : seconds(broken.actual)}${limit}.`;
}

function whatIf(test) {
  if (!test.whatIf.length) return [];
  return [el("h3", {}, "What if it were awaited"), el("ol.lines", {},
    ...test.whatIf.map((each) => el("li", {},
      el("b", {}, seconds(each.wall)),
      el("div", {}, each.at === null ? "all of them" : el("span.mono", {}, each.at),
        each.speedup === null ? null : el("small", {}, "speedup " + each.speedup.toFixed(1))))))];
}

const WORTH_A_LINE = 0.02; // of the whole path

function criticalPath(test) {
  if (!test.path.length) return [];
  const whole = test.path.reduce((sum, link) => sum + link.seconds, 0);
  const worth = test.path.filter((link) => link.seconds >= WORTH_A_LINE * whole);
  return [el("h3", {}, "What the end stood on"), el("ol.lines", {},
    ...worth.map((link) => el("li", {},
      el("b", {}, seconds(link.seconds)),
      el("div", {},
        `${link.task || "the loop"} ${DID[{ running: "r", waiting: "w", queued: "q" }[link.did]]}`,
        link.awaited || link.at ? el("small.mono", {}, [link.awaited, link.at].filter(Boolean).join(", ")) : null,
        link.kept ? el("small", {}, "while " + link.kept + " kept the loop")
          : link.by ? el("small", {}, "until " + link.by + " was done with it") : null))))];
}

function blockedHere(test, report, open) {
  if (!test.blocking.length) return [];
  return [el("h3", {}, "What blocked the loop"), el("ol.lines", {},
    ...test.blocking.map((each) => {
      const place = report.places[each.place];
      return el("li", {},
        el("b", {}, seconds(each.seconds)),
        el("div", {},
          el("button.link.mono", { click: () => open(place) }, place.call),
          el("small.mono", {}, `${place.at} in ${place.function}`),
          el("small", {}, many(each.count, "time") + (place.allowed === null ? "" : ", accepted: " + place.allowed))));
    }))];
}

function leftBehind(test) {
  if (!test.leaks.length) return [];
  return [el("h3", {}, "What its runs left"), el("ol.lines", {},
    ...test.leaks.map((each) => el("li", {},
      el("b", {}, `${each.runs.toLocaleString("en")} of ${each.of.toLocaleString("en")}`),
      el("div", {}, each.what, each.place ? el("small.mono", {}, each.place) : null))))];
}

function placeDetail(place, report, open) {
  return [
    el("h2.mono", {}, place.call),
    el("p.path.mono", {}, `${place.at} in ${place.function}`),
    el("dl.facts", {},
      fact("Lost", seconds(place.seconds)),
      fact("Times", place.count.toLocaleString("en")),
      fact(report.unit === "test" ? "Tests" : "Blocks", place.tests.length.toLocaleString("en")),
      fact("In", OWNERS[place.whose])),
    place.allowed === null ? null : el("p.told.accepted", {}, "Accepted: " + place.allowed),
    place.advice ? el("h3", {}, "Use instead") : null,
    place.advice ? el("p", {}, ...advice(place.advice)) : null,
    el("h3", {}, "What it held up"),
    ...testsOf(place, report, open),
  ].filter(Boolean);
}

// Advice is code, or a sentence with code between backticks.
function advice(text) {
  const parts = text.split("`");
  return parts.map((part, at) => (at % 2 || parts.length === 1 ? el("code", {}, part) : part));
}

const MOST_TESTS = 200;

function testsOf(place, report, open) {
  const held = place.tests.map((number) => {
    const test = report.tests[number];
    const here = test.blocking.filter((each) => report.places[each.place] === place);
    return [here.reduce((sum, each) => sum + each.seconds, 0), test];
  }).sort((one, other) => other[0] - one[0]);
  const lines = held.slice(0, MOST_TESTS).map(([lost, test]) => el("li", {},
    el("b", {}, seconds(lost)),
    el("div", {}, el("button.link", { click: () => open(test) }, apart(test.id)[1]),
      el("small.mono", {}, apart(test.id)[0]))));
  const more = held.length - lines.length;
  return [el("ol.lines", {}, ...lines), more > 0 ? el("p.soft", {}, `… and ${more.toLocaleString("en")} more`) : null];
}
