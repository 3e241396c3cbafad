// How figures are written, as the terminal has them, and how elements are made.
// Whatever comes from a test becomes text here: nothing in this page is made of markup.

function seconds(value) {
  if (value >= 100) return value.toFixed(1) + " s";
  if (value >= 0.1) return value.toFixed(3) + " s";
  if (value >= 0.001) return (value * 1e3).toFixed(1) + " ms";
  return Math.round(value * 1e6) + " µs";
}

function many(number, noun) {
  return number.toLocaleString("en") + " " + noun + (number === 1 ? "" : "s");
}

// Make an element: of its name and classes ("b.mono"), attributes, and what is in it.
function el(kind, attributes, ...inside) {
  const [name, ...classes] = kind.split(".");
  const made = document.createElement(name);
  made.classList.add(...classes);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (typeof value === "function") made.addEventListener(key, value);
    else if (value !== null && value !== false) made.setAttribute(key, value);
  }
  made.append(...inside.filter((each) => each !== null && each !== undefined));
  return made;
}

// Take the name of a test off its file: "a.py::TestX::test_y[1]" is shown as both.
function apart(nodeid) {
  const at = nodeid.indexOf("::");
  return at < 0 ? ["", nodeid] : [nodeid.slice(0, at), nodeid.slice(at + 2)];
}
