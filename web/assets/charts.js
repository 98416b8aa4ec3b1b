// Draws the charts of a page from the data beside them. Null is not known: nothing is drawn there, and no line crosses it. An axis never
// begins anywhere but at 0. What was drawn is counted in the figure's data-drawn.
"use strict";
(() => {
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const font = "12px system-ui, sans-serif";
  const heights = { trace: 84, line: 140 };
  const plot = 180, foot = 28, head = 8; // of bars, when they go both ways
  const number = (v) => (v == null ? null : Number(v));

  // Numbers and times are written as the server writes them.
  const grouped = (text) => {
    const [whole, rest] = text.replace("-", "").split(".");
    return (text.startsWith("-") ? "−" : "") + whole.replace(/\B(?=(\d{3})+$)/g, "\u202f") + (rest ? "." + rest : "");
  };
  const kwh = (v) => grouped(Math.abs(v).toFixed(4).replace(/0$/, "")) + "\u202fkWh";
  const clocks = new Map();
  const clockOf = (zone) => {
    if (!clocks.has(zone)) {
      const format = (options) => new Intl.DateTimeFormat("en-GB", { timeZone: zone, ...options });
      const hour = { hour: "2-digit", minute: "2-digit" }, day = { day: "numeric", month: "short" };
      clocks.set(zone, { hour: format(hour), day: format(day), exact: format({ weekday: "short", ...day, year: "numeric", ...hour, timeZoneName: "short" }) });
    }
    return clocks.get(zone);
  };
  const when = (data, at) => {
    const date = new Date(at * 1e3);
    return clockOf(data.zone).exact.format(date).replaceAll(",", "") + " = " + date.toISOString().slice(0, 16).replace("T", " ") + " UTC";
  };

  // hatch is a fill for what is estimated: to be told apart without colour too.
  const hatch = (ctx, colour) => {
    const size = Math.round(6 * devicePixelRatio);
    const tile = Object.assign(document.createElement("canvas"), { width: size, height: size });
    const c = tile.getContext("2d");
    c.strokeStyle = colour;
    c.lineWidth = size / 3;
    for (const shift of [-size, 0, size]) {
      c.beginPath();
      c.moveTo(shift, size);
      c.lineTo(shift + size, 0);
      c.stroke();
    }
    return ctx.createPattern(tile, "repeat");
  };

  // strokes draws lines from and to points of the canvas.
  const strokes = (u, colour, width, lines) => {
    const c = u.ctx;
    c.save();
    c.strokeStyle = colour;
    c.lineWidth = width * devicePixelRatio;
    c.beginPath();
    for (const [x, y, toX, toY] of lines) {
      c.moveTo(x, y);
      c.lineTo(toX, toY);
    }
    c.stroke();
    c.restore();
  };

  const dots = (u, colour, places) => {
    const c = u.ctx;
    c.save();
    c.fillStyle = colour;
    for (const [x, y] of places) {
      c.beginPath();
      c.arc(x, y, 2 * devicePixelRatio, 0, 2 * Math.PI);
      c.fill();
    }
    c.restore();
  };

  // inView are the places on the canvas of a column's values that the zoom shows.
  const inView = (u, column) => u.data[0].flatMap((at, i) => (column[i] == null || at < u.scales.x.min || at > u.scales.x.max ? []
    : [[u.valToPos(at, "x", true), u.valToPos(column[i], "y", true)]]));

  // times are labels of the axis: the time of day, or the day where one begins or steps are days.
  const times = (data) => (u, splits, axis, space, step) => splits.map((at) => {
    const date = new Date(at * 1e3), { hour, day } = clockOf(data.zone), text = hour.format(date);
    return step >= 86400 || (text === "00:00" && u.scales.x.max - u.scales.x.min > 90000) ? day.format(date) : text;
  });

  const axes = (data) => {
    const quiet = css("--quiet"), line = css("--line");
    const x = data.kind === "trace" ? { size: 8, values: (u, splits) => splits.map(() => "") } : { size: foot, values: times(data) };
    return [
      { stroke: quiet, font, grid: { show: data.kind === "trace", stroke: line, width: 1 }, ticks: { show: data.kind !== "trace", stroke: line, width: 1, size: 4 }, ...x },
      { stroke: quiet, font, grid: { stroke: line, width: 1 }, ticks: { show: false }, size: 56, space: 28, values: (u, list) => list.map((v) => grouped(String(v === 0 ? 0 : v))) },
    ];
  };

  // fromZero is the scale of values that are not to be cut.
  const fromZero = (u, min, max) => [Math.min(0, min ?? 0), Math.max(0, max ?? 0) || (min < 0 ? 0 : 1)];

  const base = (figure, data, series, y, drawn) => ({
    width: figure.clientWidth || 640,
    height: heights[data.kind],
    tzDate: (at) => uPlot.tzDate(new Date(at * 1e3), data.zone),
    padding: [head, 20, 0, 0],
    legend: { show: false },
    cursor: { y: false, points: { show: false }, drag: { x: true, y: false }, sync: data.kind === "line" ? undefined : { key: "half-hours", scales: ["x", null] } },
    axes: axes(data),
    series: [{}, ...series],
    scales: {
      x: { time: true, range: (u, min, max) => (min == null || data.x.length === 1 || (min === data.x[0] && max === data.x.at(-1)) ? [data.from, data.to] : [min, max]) },
      y: { range: y },
    },
    hooks: { draw: [(u) => { figure.dataset.drawn = Object.entries(drawn(u)).map(([what, n]) => `${what}:${n}`).join(" "); }] },
  });

  const bars = (figure, data) => {
    const columns = [data.x], series = [], drawn = [];
    const build = uPlot.paths.bars({ size: [0.84, 40], align: 0, each: (u, at, i, left, top, width) => {
      if (left + width > u.bbox.left && left < u.bbox.left + u.bbox.width) drawn[at]++;
    } });
    const paths = (u, at, from, to) => {
      drawn[at] = 0;
      return build(u, at, from, to);
    };
    for (const direction of data.exports ? ["import", "export"] : ["import"]) {
      const [full, light] = direction === "import" ? [css("--actual"), css("--derived")] : [css("--back"), css("--backlight")];
      for (const [quality, fill] of [["actual", full], ["derived", light], ["estimated", (u) => hatch(u.ctx, full)]]) {
        const outline = quality === "estimated" ? { stroke: full, width: 1 } : { width: 0 };
        series.push({ label: quality, paths, points: { show: false }, fill, ...outline });
        columns.push(data[direction][quality].map(number));
      }
    }
    const up = number(data.up), down = number(data.down);
    const marks = (u) => {
      const zero = u.valToPos(0, "y", true), half = 3 * devicePixelRatio;
      strokes(u, css("--text"), 1, [[u.bbox.left, zero, u.bbox.left + u.bbox.width, zero]]);
      const gaps = data.gaps.filter(({ x }) => x >= u.scales.x.min && x <= u.scales.x.max);
      strokes(u, css("--bad"), 1.5, gaps.flatMap((gap) => {
        const x = u.valToPos(gap.x, "x", true), y = zero + (gap.down ? 2 : -2) * half;
        return [[x - half, y - half, x + half, y + half], [x + half, y - half, x - half, y + half]];
      }));
      const of = (quality) => series.reduce((n, s, i) => n + (!quality || s.label === quality ? drawn[i + 1] : 0), 0);
      return { bars: of(), actual: of("actual"), derived: of("derived"), estimated: of("estimated"), gaps: gaps.length };
    };
    const options = base(figure, data, series, [data.exports ? -down : 0, up], marks);
    // A kWh is as high in every lane.
    options.height = head + foot + Math.max(48, Math.round(data.exports ? plot : (plot * up) / (up + down)));
    return [options, columns, (i) => {
      const side = (direction) => {
        for (const quality of ["actual", "derived", "estimated"]) {
          const v = data[direction][quality][i];
          if (v != null) return `${direction} ${kwh(v)}, ${quality}`;
        }
        return data.why[direction][i] ? `${direction} ${data.why[direction][i]}` : "";
      };
      return `${when(data, data.x[i] - 900)}: ` + [side("import"), side("export")].filter(Boolean).join("; ");
    }];
  };

  const trace = (figure, data) => {
    const above = (v) => (v == null ? null : v - data.base);
    const log = data.log.map(above), reads = data.reads.map(above), none = () => null;
    const marks = (u) => {
      const half = 5 * devicePixelRatio, records = inView(u, log), ticks = inView(u, reads);
      strokes(u, css("--some"), 1.5, ticks.map(([x, y]) => [x, y - half, x, y + half]));
      dots(u, css("--actual"), records);
      return { log: records.length, reads: ticks.length };
    };
    const hidden = { paths: none, points: { show: false } };
    return [base(figure, data, [{ label: "log", ...hidden }, { label: "reads", ...hidden }], fromZero, marks), [data.x, log, reads],
      (i) => `${when(data, data.x[i])}: ${kwh(data.log[i] ?? data.reads[i])}, ${data.log[i] == null ? "read" : "the meter's log"}`];
  };

  const line = (figure, data) => {
    const y = data.y.map(number);
    const alone = y.map((v, i) => (v != null && (data.x.length < 100 || (y[i - 1] == null && y[i + 1] == null)) ? v : null));
    const marks = (u) => {
      dots(u, css("--actual"), inView(u, alone));
      return { points: inView(u, y).length, gaps: inView(u, y.map((v) => (v == null ? 0 : null))).length };
    };
    const one = { label: data.unit, stroke: css("--actual"), width: 1.5, spanGaps: false, points: { show: false } };
    return [base(figure, data, [one], fromZero, marks), [data.x, y], (i) => `${when(data, data.x[i])}: ${y[i] == null ? "not given" : grouped(String(y[i])) + "\u202f" + data.unit}`];
  };

  const kinds = { bars, trace, line };
  const plots = new Set();
  const zooms = new Map(); // by figure: a part that is replaced stays zoomed
  const nameOf = (figure) => `${figure.closest(".part")?.id} ${figure.dataset.name}`;

  const draw = (figure) => {
    const data = JSON.parse(figure.querySelector("script.chart-data").textContent);
    const name = nameOf(figure), zoom = zooms.get(name);
    plots.delete(figure.uplot);
    figure.uplot?.destroy();
    figure.uplot = null;
    if (data.x.length === 0) {
      figure.dataset.drawn = "nothing";
      return;
    }
    const [options, columns, title] = kinds[data.kind](figure, data);
    let said = figure.querySelector("output");
    if (!said) {
      said = document.createElement("output");
      figure.append(said);
    }
    said.textContent = "\u00a0";
    options.hooks.setCursor = [(u) => { said.textContent = u.cursor.idx == null ? "\u00a0" : title(u.cursor.idx); }];
    options.hooks.setScale = [(u, key) => {
      const { min, max } = u.scales.x;
      if (key === "x" && min === data.from && max === data.to) zooms.delete(name);
      else if (key === "x") zooms.set(name, { min, max });
    }];
    figure.uplot = new uPlot(options, columns, figure);
    figure.insertBefore(figure.uplot.root, said);
    plots.add(figure.uplot);
    if (zoom) figure.uplot.setScale("x", zoom);
  };

  const sizes = new ResizeObserver((entries) => {
    for (const { target, contentRect } of entries) {
      const u = target.uplot;
      if (u && contentRect.width > 0 && Math.abs(u.width - contentRect.width) >= 1) u.setSize({ width: Math.floor(contentRect.width), height: u.height });
    }
  });

  const figures = (root) => root.querySelectorAll("figure.chart");
  const opened = new Set(); // parts whose table is open
  const begin = (root) => {
    for (const u of plots) {
      if (u.root.isConnected) continue;
      u.destroy(); // else it would stay with those that it moves along with
      plots.delete(u);
    }
    for (const details of root.querySelectorAll("details.behind")) details.open = opened.has(details.closest(".part")?.id);
    for (const figure of figures(root)) {
      draw(figure);
      sizes.observe(figure);
    }
  };

  document.addEventListener("toggle", (e) => {
    if (e.target.matches?.("details.behind")) opened[e.target.open ? "add" : "delete"](e.target.closest(".part")?.id);
  }, true);
  document.addEventListener("placed", (e) => begin(e.target));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => figures(document).forEach(draw));
  document.addEventListener("keydown", (e) => {
    if (e.altKey || e.ctrlKey || e.metaKey || e.target.closest?.("input, select, textarea")) return;
    const way = { ArrowLeft: ".spans a[rel=prev]", ArrowRight: ".spans a[rel=next]" }[e.key];
    if (way) {
      const link = document.querySelector(way);
      if (!link) return;
      e.preventDefault();
      link.click();
    } else if (e.key === "t") {
      const all = [...document.querySelectorAll("details.behind")];
      const open = !all.some((d) => d.open);
      for (const d of all) d.open = open;
    }
  });
  begin(document);
})();
