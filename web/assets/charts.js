// Draws the charts of a page from the data beside them. A line never crosses a gap, an axis never begins anywhere but at 0.
"use strict";
(() => {
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const font = "12px system-ui, sans-serif";
  const heights = { bars: 220, trace: 96, line: 140 };

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

  // times are labels of the axis: the time of day, or the day where one begins or steps are days.
  const times = (zone) => {
    const day = new Intl.DateTimeFormat("en-GB", { timeZone: zone, day: "numeric", month: "short" });
    const clock = new Intl.DateTimeFormat("en-GB", { timeZone: zone, hour: "2-digit", minute: "2-digit" });
    return (u, splits, axis, space, step) => splits.map((at) => {
      const date = new Date(at * 1e3), text = clock.format(date);
      return step >= 86400 || (text === "00:00" && u.scales.x.max - u.scales.x.min > 90000) ? day.format(date) : text;
    });
  };

  const axes = (zone) => {
    const quiet = css("--quiet"), line = css("--line");
    return [
      { stroke: quiet, font, grid: { show: false }, ticks: { stroke: line, width: 1, size: 4 }, size: 28, values: times(zone) },
      { stroke: quiet, font, grid: { stroke: line, width: 1 }, ticks: { show: false }, size: 56, space: 28, values: (u, list) => list.map((v) => String(Math.abs(v) === 0 ? 0 : v).replace("-", "−")) },
    ];
  };

  // fromZero is the scale of values that are not to be cut.
  const fromZero = (u, min, max) => [Math.min(0, min ?? 0), Math.max(0, max ?? 0) || (min < 0 ? 0 : 1)];

  const base = (figure, data, series, more) => ({
    width: figure.clientWidth || 640,
    height: heights[data.kind],
    tzDate: (at) => uPlot.tzDate(new Date(at * 1e3), data.zone),
    padding: [8, 8, 0, 0],
    legend: { show: false },
    cursor: { y: false, points: { show: false }, drag: { x: true, y: false }, sync: data.kind === "line" ? undefined : { key: "half-hours", scales: ["x", null] } },
    axes: axes(data.zone),
    series: [{}, ...series],
    ...more,
  });

  const xScale = (data) => ({ time: true, range: (u, min, max) => (min === data.x[0] && max === data.x[data.x.length - 1]) || min == null ? [data.from, data.to] : [min, max] });

  const inView = (u, x) => x >= u.scales.x.min && x <= u.scales.x.max;

  const counted = (u, index) => u.data[index].reduce((n, v, i) => n + (v != null && inView(u, u.data[0][i]) ? 1 : 0), 0);

  const bars = (figure, data) => {
    const colours = { import: [css("--actual"), css("--derived")], export: [css("--back"), css("--backlight")] };
    const paths = uPlot.paths.bars({ size: [0.84, 40], align: 0 });
    const series = [], columns = [data.x];
    for (const direction of data.exports ? ["import", "export"] : ["import"]) {
      for (const quality of ["actual", "derived", "estimated"]) {
        const [actual, derived] = colours[direction];
        const fill = quality === "actual" ? actual : quality === "derived" ? derived : (u) => hatch(u.ctx, actual);
        series.push({ label: direction + " " + quality, paths, points: { show: false }, fill, stroke: quality === "estimated" ? actual : undefined, width: quality === "estimated" ? 1 : 0 });
        columns.push(data[direction][quality].map((v) => (v == null ? null : Number(v))));
      }
    }
    const marks = (u) => {
      const c = u.ctx, half = 3 * devicePixelRatio, zero = u.valToPos(0, "y", true);
      let gaps = 0;
      c.save();
      c.strokeStyle = css("--text");
      c.lineWidth = devicePixelRatio;
      c.beginPath();
      c.moveTo(u.bbox.left, zero);
      c.lineTo(u.bbox.left + u.bbox.width, zero);
      c.stroke();
      c.strokeStyle = css("--bad");
      c.lineWidth = 1.5 * devicePixelRatio;
      for (const gap of data.gaps) {
        if (!inView(u, gap.x)) continue;
        const x = u.valToPos(gap.x, "x", true), y = zero + (gap.down ? 2 : -2) * half;
        c.beginPath();
        c.moveTo(x - half, y - half);
        c.lineTo(x + half, y + half);
        c.moveTo(x + half, y - half);
        c.lineTo(x - half, y + half);
        c.stroke();
        gaps++;
      }
      c.restore();
      const of = (quality) => series.reduce((n, s, i) => n + (s.label.endsWith(quality) ? counted(u, i + 1) : 0), 0);
      figure.dataset.drawn = `actual:${of("actual")} derived:${of("derived")} estimated:${of("estimated")} gaps:${gaps}`;
    };
    return [base(figure, data, series, {
      scales: { x: xScale(data), y: { range: [data.exports ? -Number(data.down) : 0, Number(data.up)] } },
      hooks: { draw: [marks] },
    }), columns];
  };

  const trace = (figure, data) => {
    const ticks = (u) => {
      const c = u.ctx, half = 5 * devicePixelRatio;
      c.save();
      c.strokeStyle = css("--some");
      c.lineWidth = 1.5 * devicePixelRatio;
      data.x.forEach((at, i) => {
        if (data.reads[i] == null || !inView(u, at)) return;
        const x = u.valToPos(at, "x", true), y = u.valToPos(Number(data.reads[i]), "y", true);
        c.beginPath();
        c.moveTo(x, y - half);
        c.lineTo(x, y + half);
        c.stroke();
      });
      c.restore();
      figure.dataset.drawn = `log:${counted(u, 1)} reads:${counted(u, 2)}`;
    };
    const none = () => null, number = (v) => (v == null ? null : Number(v));
    return [base(figure, data, [
      { label: "log", paths: none, points: { show: true, size: 4, width: 0, fill: css("--actual") } },
      { label: "reads", paths: none, points: { show: false } },
    ], { scales: { x: xScale(data), y: { range: fromZero } }, hooks: { draw: [ticks] } }), [data.x, data.log.map(number), data.reads.map(number)]];
  };

  const line = (figure, data) => {
    const drawn = (u) => { figure.dataset.drawn = `points:${counted(u, 1)} gaps:${data.y.filter((v) => v == null).length}`; };
    return [base(figure, data, [{ label: data.unit, stroke: css("--actual"), width: 1.5, spanGaps: false, points: { show: (u, i) => data.x.length < 200 || undefined, size: 3, fill: css("--actual") } }],
      { scales: { x: xScale(data), y: { range: fromZero } }, hooks: { draw: [drawn] } }), [data.x, data.y.map((v) => (v == null ? null : Number(v)))]];
  };

  const kinds = { bars, trace, line };

  const draw = (figure) => {
    const block = figure.querySelector("script.chart-data");
    const data = JSON.parse(block.textContent);
    figure.uplot?.destroy();
    figure.uplot = null;
    if (!data.x || data.x.length === 0) { figure.dataset.drawn = "nothing"; return; }
    const [options, columns] = kinds[data.kind](figure, data);
    let said = figure.querySelector("output");
    if (!said) {
      said = document.createElement("output");
      figure.append(said);
    }
    options.hooks.setCursor = [(u) => { said.textContent = u.cursor.idx == null ? "\u00a0" : data.titles[u.cursor.idx]; }];
    said.textContent = "\u00a0";
    figure.uplot = new uPlot(options, columns, figure);
    figure.insertBefore(figure.uplot.root, said);
  };

  const sizes = new ResizeObserver((entries) => {
    for (const { target, contentRect } of entries) {
      const u = target.uplot;
      if (u && contentRect.width > 0 && Math.abs(u.width - contentRect.width) > 1) u.setSize({ width: Math.floor(contentRect.width), height: u.height });
    }
  });

  const figures = (root) => root.querySelectorAll("figure.chart");
  let tablesOpen = false;
  const begin = (root) => {
    for (const details of root.querySelectorAll("details.behind")) details.open = tablesOpen;
    for (const figure of figures(root)) {
      draw(figure);
      sizes.observe(figure);
    }
  };

  document.addEventListener("toggle", (e) => { if (e.target.matches?.("details.behind")) tablesOpen = e.target.open; }, true);
  document.addEventListener("placed", (e) => begin(e.target));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => figures(document).forEach(draw));
  document.addEventListener("keydown", (e) => {
    if (e.altKey || e.ctrlKey || e.metaKey || e.target.closest("input, select, textarea")) return;
    const way = { ArrowLeft: ".spans a[rel=prev]", ArrowRight: ".spans a[rel=next]" }[e.key];
    if (way) {
      const link = document.querySelector(way);
      if (link) { e.preventDefault(); link.click(); }
    } else if (e.key === "t") {
      const all = [...document.querySelectorAll("details.behind")];
      const open = !all.some((d) => d.open);
      for (const d of all) d.open = open;
    }
  });
  begin(document);
})();
