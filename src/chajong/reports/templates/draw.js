const narrow = window.matchMedia("(max-width: 560px)").matches;
for (const chart of document.querySelectorAll(".chart")) {
  const figure = JSON.parse(chart.querySelector("script").textContent);
  figure.layout.font.family = getComputedStyle(document.body).fontFamily;
  if (narrow) figure.layout.font.size = 11;
  Plotly.newPlot(chart.querySelector(".plot"), figure.data, figure.layout,
    { responsive: true, displayModeBar: false });
}
