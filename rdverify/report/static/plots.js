// Plots of Table 1 and of R_t, by plotly, which is started only when one of them comes near.
"use strict";
(() => {
  const role = (name) => document.querySelector(`[data-role="${name}"]`);
  const PAPER = 660; // pixels across a printed page
  const printing = () => document.documentElement.classList.contains("printing");
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const LINES = [
    ["#0072b2", "#5aaee0"], ["#b86b00", "#e69f00"], ["#00795a", "#2cc295"], ["#c44e00", "#ff8a4c"],
    ["#b0487f", "#e39bc4"], ["#2f86b5", "#7cc4ee"], ["#7a3e9d", "#c49ae0"], ["#666666", "#b5b5b5"],
  ];
  const DASHES = ["solid", "dash", "dot", "dashdot", "longdash", "longdashdot"];
  const BUTTONS = { displaylogo: false, responsive: true, modeBarButtonsToRemove: ["toImage", "select2d", "lasso2d", "autoScale2d"] };
  const drawn = new Set();
  let data = null, ready = null;

  // the library lies in the page packed, since it is larger than all the rest
  const unpack = async () => {
    data = JSON.parse(role("plotted").textContent);
    const bytes = Uint8Array.from(atob(role("library").textContent), (letter) => letter.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    const script = document.createElement("script");
    script.textContent = await new Response(stream).text();
    document.head.append(script);
  };

  const ink = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  // plotly reads a few tags and formulas in labels: what is recorded is text, and no label fills the plot
  const LONGEST = 48;
  const ESCAPED = { "&": "&amp;", "<": "&lt;", ">": "&gt;", $: "&#36;" };
  const plain = (text) => {
    const short = text.length > LONGEST ? `${text.slice(0, LONGEST - 1)}…` : text;
    return short.replace(/[&<>$]/g, (sign) => ESCAPED[sign]);
  };

  const layout = (more) => ({
    paper_bgcolor: "transparent",
    plot_bgcolor: "transparent",
    font: { family: "inherit", size: 13, color: ink("--ink") },
    margin: { l: 10, r: 10, t: 10, b: 40 },
    hoverlabel: { bgcolor: ink("--surface"), bordercolor: ink("--line"), font: { color: ink("--ink") } },
    legend: { orientation: "h", xref: "container", x: 0, yref: "container", y: 1, yanchor: "top", font: { size: 12 } },
    modebar: { bgcolor: "transparent", color: ink("--muted"), activecolor: ink("--link") },
    ...more,
  });
  const axis = (more) => ({ gridcolor: ink("--line"), zerolinecolor: ink("--muted"), automargin: true, ...more });

  const forest = () => {
    const known = data.cells.filter((cell) => cell.measured !== null && Number(cell.printed));
    const label = (cell) => plain(cell.label);
    const off = (cell, value) => 100 * (value / Number(cell.printed) - 1);
    const part = (cells, name, colour, symbol, more = {}) => ({
      type: "scatter", mode: "markers", name, y: cells.map(label), marker: { color: colour, symbol, size: 9 },
      x: cells.map((cell) => off(cell, cell.measured)),
      customdata: cells.map((cell) => [plain(cell.printed), cell.measured, cell.low, cell.high, cell.verdict]),
      hovertemplate: "%{y}<br>printed %{customdata[0]}, measured %{customdata[1]:.5g}<br>one run, 95 %: [%{customdata[2]:.5g}, %{customdata[3]:.5g}]<br>%{customdata[4]}, %{x:+.3g} %<extra></extra>",
      ...more,
    });
    const corrected = known.filter((cell) => cell.form === "corrected");
    const verdicts = [...new Set(corrected.map((cell) => cell.verdict))];
    const symbols = { CONFIRMED: "circle", COMPATIBLE: "square", REACHED: "triangle-up", REFUTED: "x", UNDECIDED: "hexagon" };
    const traces = verdicts.map((verdict) => {
      const cells = corrected.filter((cell) => cell.verdict === verdict);
      return part(cells, verdict, ink(`--${verdict}`), symbols[verdict] || "cross", {
        error_x: {
          type: "data", symmetric: false, thickness: 1.5, width: 3,
          array: cells.map((cell) => off(cell, cell.high) - off(cell, cell.measured)),
          arrayminus: cells.map((cell) => off(cell, cell.measured) - off(cell, cell.low)),
        },
      });
    });
    const controls = corrected.filter((cell) => cell.control !== null);
    traces.push(part(controls, "control", ink("--muted"), "diamond-open", {
      x: controls.map((cell) => off(cell, cell.control)),
      customdata: controls.map((cell) => [plain(cell.printed), cell.control]),
      hovertemplate: "%{y}<br>printed %{customdata[0]}, control %{customdata[1]:.5g}<br>%{x:+.3g} %<extra></extra>",
    }));
    const printed = known.filter((cell) => cell.form === "printed");
    if (printed.length) traces.push(part(printed, "as printed", ink("--REFUTED"), "x-thin-open", { visible: "legendonly" }));
    const ends = corrected.flatMap((cell) => [off(cell, cell.low), off(cell, cell.high)]);
    const reach = 1.1 * Math.max(1, ...ends.map(Math.abs).filter(Number.isFinite));
    return [traces, layout({
      height: 120 + 22 * corrected.length,
      xaxis: axis({ title: { text: "distance from print, %", font: { size: 13 } }, range: [-reach, reach], zeroline: true, zerolinewidth: 2 }),
      yaxis: axis({ autorange: "reversed", categoryorder: "array", categoryarray: [...new Set(known.map(label))], tickfont: { size: 12 } }),
    })];
  };

  const curves = () => {
    const shade = dark.matches && !printing() ? 1 : 0;
    const traces = data.curves.map((curve, place) => ({
      type: "scatter", mode: "lines", name: plain(curve.name), x: curve.x, y: curve.y,
      line: { color: LINES[place % LINES.length][shade], width: 2, dash: DASHES[place % DASHES.length] },
      hovertemplate: "%{y:.4g}",
    }));
    return [traces, layout({
      height: 480,
      hovermode: "x unified",
      xaxis: axis({ title: { text: "normalised time", font: { size: 13 } }, range: [0, 1], hoverformat: ".3f" }),
      yaxis: axis({ title: { text: "ratio at one step", font: { size: 13 } }, range: [0, 2] }),
      shapes: [{ type: "line", xref: "paper", x0: 0, x1: 1, y0: 1, y1: 1, line: { color: ink("--muted"), width: 1 } }],
    })];
  };

  const PLOTS = { forest, curves };
  const draw = (figure) => {
    const [traces, shape] = PLOTS[figure.dataset.plot]();
    if (printing()) shape.width = PAPER;
    Plotly.react(figure.querySelector(".canvas"), traces, shape, BUTTONS);
    figure.classList.add("drawn");
    drawn.add(figure);
  };
  const watch = new IntersectionObserver((seen) => {
    for (const { isIntersecting, target } of seen) {
      if (!isIntersecting) continue;
      watch.unobserve(target);
      ready = ready || unpack();
      ready.then(() => draw(target));
    }
  }, { rootMargin: "300px" });
  for (const figure of document.querySelectorAll("[data-plot]")) watch.observe(figure);
  const again = () => { for (const figure of drawn) draw(figure); };
  dark.addEventListener("change", again);
  // report.js has said before that it prints: on paper in its width and colours
  addEventListener("beforeprint", again);
  addEventListener("afterprint", again);
})();
