// Draws the report's plots from the JSON in the page, moves the slider, sorts the table.
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("report-data").textContent);
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const coarse = matchMedia("(pointer: coarse)");
  const narrow = matchMedia("(max-width: 44rem)");
  const table = document.getElementById("table");
  const headers = [...table.tHead.rows[0].cells];
  const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  // No button of plotly's: some upload, and none can be reached with the keyboard.
  const config = { displayModeBar: false, displaylogo: false, plotlyServerURL: "", responsive: true };

  function theme() {
    const axis = {
      gridcolor: color("--grid"), linecolor: color("--line"), zerolinecolor: color("--line"), automargin: true,
    };
    return {
      layout: {
        font: { family: "system-ui, sans-serif", size: 12, color: color("--text") },
        paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
        hoverlabel: { bgcolor: color("--card"), bordercolor: color("--soft"), font: { color: color("--text") }, align: "left" },
        hovermode: "closest", dragmode: coarse.matches ? false : "zoom",
        xaxis: axis, yaxis: axis,
      },
    };
  }

  // Plotly takes markup in its texts.
  const escaped = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
  const cut = (text, most) => (text.length > most ? text.slice(0, most - 1) + "…" : text);

  function describe(id) {
    const row = document.getElementById(`trial-${id}`);
    if (!row) return `trial ${id}`;
    const lines = [...row.cells].map((cell, k) => cut(`${headers[k].textContent}: ${cell.textContent.trim()}`, 60));
    return lines.filter((_, k) => headers[k].querySelector("button")).slice(0, 14).map(escaped).join("<br>");
  }

  function draw(name, traces, layout) {
    const told = traces.map((trace) => (trace.customdata && !trace.hovertemplate
      ? { ...trace, hovertext: trace.customdata.map(describe), hoverinfo: "text" } : trace));
    // Names side by side need more room than a phone has.
    const names = layout.xaxis?.ticktext ?? [];
    const upright = narrow.matches && layout.xaxis?.side !== "top" && names.join("").length > 14;
    const axes = upright ? { xaxis: { ...layout.xaxis, tickangle: -90 } } : {};
    // When the window changes, plotly asks the element for its height.
    document.getElementById(name).style.height = `${layout.height}px`;
    return Plotly.react(name, told, { ...layout, ...axes, template: theme() }, config);
  }

  const drawPlots = () => Object.entries(data.plots).map(([name, plot]) => draw(name, plot.data, plot.layout));

  // The posterior ------------------------------------------------------------------------------------------

  const posterior = data.posterior;
  const slider = document.getElementById("seen");

  function seenBy(position) {
    return posterior.points.slice(0, position.count);
  }

  // A point on a map has a rim, since it lies on any colour.
  function points(position, place, onMap) {
    const groups = {};
    for (const point of seenBy(position)) {
      (groups[point.id === position.best ? "BEST" : point.kind] ??= []).push(point);
    }
    return Object.entries(groups).map(([kind, group]) => ({
      type: "scatter", mode: "markers", name: data.looks[kind].label,
      x: group.map((point) => point.place[0]), y: group.map(place), customdata: group.map((point) => point.id),
      marker: {
        symbol: data.looks[kind].symbol, size: kind === "BEST" ? 14 : 8,
        color: onMap ? "#ffffff" : data.looks[kind].color,
        line: onMap ? { color: "#000000", width: 1.2 } : { width: 0 },
      },
    }));
  }

  function nextPoint(position, y) {
    if (!position.next) return [];
    const id = position.nextTrial;
    return [{
      type: "scatter", mode: "markers", name: "tried next", x: [position.next.place[0]], y: [y],
      marker: { symbol: "diamond-open", size: 17, color: color("--next"), line: { width: 3 } },
      hovertemplate: `tried next${id ? `: trial ${id}` : ""}<extra></extra>`,
    }];
  }

  function drawCurve(position) {
    const [across] = posterior.parameters;
    const { median, low, high } = position.curve;
    const floor = posterior.range[0] + 0.03 * (posterior.range[1] - posterior.range[0]);
    const bounds = { type: "scatter", mode: "lines", line: { width: 1, dash: "dot", color: "#2f7ed8" }, hoverinfo: "skip" };
    const band = across.choices
      ? [{
        type: "scatter", mode: "markers", name: "expected", x: across.curve, y: median,
        marker: { symbol: "line-ew-open", size: 22, color: "#2f7ed8" },
        error_y: {
          type: "data", symmetric: false, color: "#2f7ed8",
          array: high.map((each, k) => each - median[k]), arrayminus: median.map((each, k) => each - low[k]),
        },
        hovertemplate: "expected %{y:.4g}<extra></extra>",
      }]
      : [
        { ...bounds, x: across.curve, y: low },
        { ...bounds, x: across.curve, y: high, fill: "tonexty", fillcolor: "rgba(47,126,216,0.18)" },
        {
          type: "scatter", mode: "lines", name: "expected", x: across.curve, y: median,
          line: { color: "#2f7ed8", width: 2.5 }, hovertemplate: "expected %{y:.4g}<extra></extra>",
        },
      ];
    const seen = points(position, (point) => point.value ?? floor, false);
    const next = nextPoint(position, position.next ? Number(position.expected[0]) : floor);
    return draw("posterior-curve", [...band, ...seen, ...next], {
      height: 320, showlegend: false, margin: { t: 8, r: 12, b: 32, l: 56 },
      xaxis: across.axis, yaxis: { range: posterior.range, nticks: 6 },
    });
  }

  function drawMap(name, position, z, limits, scale) {
    const [across, up] = posterior.parameters;
    const [start, end] = limits;
    const flat = across.choices || up.choices;
    const shared = {
      x: across.map, y: up.map, z, colorscale: scale, reversescale: name === "posterior-mean" && !posterior.highestIsBest,
      colorbar: {
        thickness: 10, len: 1, outlinewidth: 0, tickvals: [start, (start + end) / 2, end], tickformat: ".3~g",
      },
      hovertemplate: "%{z:.4g}<extra></extra>",
    };
    const surface = flat
      ? { ...shared, type: "heatmap", zmin: start, zmax: end, xgap: 1, ygap: 1 }
      : {
        ...shared, type: "contour", zmin: start, zmax: end, line: { width: 0.6, color: "rgba(255,255,255,0.55)" },
        contours: { coloring: "heatmap", start, end, size: (end - start) / 12 || 1 },
      };
    const seen = points(position, (point) => point.place[1], true);
    const next = nextPoint(position, position.next?.place[1]);
    return draw(name, [surface, ...seen, ...next], {
      height: 320, showlegend: false, margin: { t: 8, r: 8, b: 32, l: 56 },
      xaxis: { ...across.axis, showgrid: false, title: { text: escaped(cut(across.name, 32)) } },
      yaxis: { ...up.axis, showgrid: false, title: { text: escaped(cut(up.name, 32)) } },
    });
  }

  function words(position) {
    if (!position.next) return `After ${position.count} trials.`;
    const where = posterior.parameters.map((each, k) => `${each.name} ${position.next.values[k]}`).join(", ");
    const who = position.nextTrial ? `Tried next, by trial ${position.nextTrial}` : "It would try next";
    const [median, low, high] = position.expected;
    return `${who}: ${where}. Expected there: ${median}, likely between ${low} and ${high}.`;
  }

  function drawPosterior() {
    if (!posterior) return [];
    const position = posterior.positions[slider.valueAsNumber];
    const total = posterior.points.length;
    document.getElementById("seen-count").textContent = `${position.count} of ${total}`;
    slider.setAttribute("aria-valuetext", `${position.count} of ${total} trials`);
    document.getElementById("posterior-words").textContent = words(position);
    const drawn = [drawCurve(position)];
    if (posterior.parameters.length > 1) {
      drawn.push(drawMap("posterior-mean", position, position.mean, posterior.limits, "Viridis"));
      drawn.push(drawMap("posterior-deviation", position, position.deviation, [0, posterior.deviationLimit], "Cividis"));
    }
    return drawn;
  }

  function listenToSlider() {
    if (!posterior) return;
    const play = document.getElementById("play");
    let timer = 0;
    const stop = () => {
      clearInterval(timer);
      timer = 0;
      play.textContent = "Play";
      play.setAttribute("aria-pressed", "false");
    };
    const step = () => {
      if (slider.valueAsNumber >= Number(slider.max)) return stop();
      slider.value = slider.valueAsNumber + 1;
      return drawPosterior();
    };
    slider.addEventListener("input", () => { stop(); drawPosterior(); });
    play.addEventListener("click", () => {
      if (timer) return stop();
      if (slider.valueAsNumber >= Number(slider.max)) slider.value = 0;
      drawPosterior();
      timer = setInterval(step, 900);
      play.textContent = "Pause";
      return play.setAttribute("aria-pressed", "true");
    });
  }

  // The table ----------------------------------------------------------------------------------------------

  const body = table.tBodies[0];
  const unfold = document.getElementById("unfold");
  let folded = Number(unfold?.dataset.folded ?? Infinity);

  const fold = () => [...body.rows].forEach((row, k) => { row.hidden = k >= folded; });

  // Numbers before texts, and what is missing last, whichever way.
  function order(cell) {
    const text = cell.textContent.trim();
    const number = Number(cell.dataset.order ?? text);
    if (text === "-" || text === "") return { rank: 2, value: 0 };
    return Number.isNaN(number) ? { rank: 1, value: text } : { rank: 0, value: number };
  }

  function sortBy(column) {
    const header = headers[column];
    const way = header.getAttribute("aria-sort") === "ascending" ? -1 : 1;
    headers.forEach((each) => each.removeAttribute("aria-sort"));
    header.setAttribute("aria-sort", way > 0 ? "ascending" : "descending");
    const rows = [...body.rows].map((row) => ({ row, key: order(row.cells[column]) }));
    rows.sort((a, b) => a.key.rank - b.key.rank
      || way * (a.key.rank === 1 ? a.key.value.localeCompare(b.key.value) : a.key.value - b.key.value)
      || a.row.dataset.id - b.row.dataset.id);
    body.append(...rows.map(({ row }) => row));
    fold();
  }

  // A link leads to a row, folded or not.
  function show() {
    const row = location.hash.startsWith("#trial-") && document.getElementById(location.hash.slice(1));
    if (row) {
      row.hidden = false;
      row.scrollIntoView({ block: "center" });
    }
  }

  function listenToTable() {
    headers.forEach((header, column) => {
      header.querySelector("button")?.addEventListener("click", () => sortBy(column));
    });
    unfold?.addEventListener("click", () => {
      folded = folded === Infinity ? Number(unfold.dataset.folded) : Infinity;
      unfold.setAttribute("aria-expanded", String(folded === Infinity));
      unfold.textContent = folded === Infinity ? "Fold" : `Show all ${body.rows.length}`;
      fold();
    });
    addEventListener("hashchange", show);
    fold();
    show();
  }

  listenToTable();
  listenToSlider();
  const drawAll = () => Promise.all([...drawPlots(), ...drawPosterior()]);
  for (const query of [dark, narrow]) query.addEventListener("change", drawAll);
  drawAll().then(() => { document.documentElement.dataset.drawn = "true"; });
})();
