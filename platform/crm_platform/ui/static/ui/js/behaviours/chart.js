import { init } from "echarts";

// A figure drawn by ECharts from the data beside it; the table under it says the same to everyone.
export const chart = (element) => {
  const style = getComputedStyle(element);
  const colour = (name) => style.getPropertyValue(name).trim();
  const drawn = init(element, null, { renderer: "svg" });
  const given = JSON.parse(document.getElementById(element.dataset.from).textContent);
  // Chromium says that it knows Uzbek and writes its figures the English way; they look as Russian ones do.
  const language = document.documentElement.lang;
  const figure = new Intl.NumberFormat(language.startsWith("uz") ? "ru" : language);
  drawn.setOption({
    grid: { left: 8, right: 8, top: 8, bottom: 8, containLabel: true },
    textStyle: { fontFamily: style.fontFamily, color: colour("--ink-2") },
    xAxis: { type: "category", data: given.labels, axisLine: { lineStyle: { color: colour("--line-2") } }, axisTick: { show: false }, axisLabel: { color: colour("--ink-3") } },
    yAxis: { type: "value", axisLabel: { color: colour("--ink-3"), formatter: (value) => figure.format(value) }, splitLine: { lineStyle: { color: colour("--line") } } },
    series: [{ type: "bar", data: given.values, itemStyle: { color: colour("--accent"), borderRadius: [3, 3, 0, 0] }, barMaxWidth: 48 }],
    tooltip: { trigger: "axis", valueFormatter: (value) => figure.format(value) },
  });
  drawn.on("click", (event) => given.links?.[event.dataIndex] && location.assign(given.links[event.dataIndex]));
  new ResizeObserver(() => drawn.resize()).observe(element);
};
