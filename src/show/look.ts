/**
 * Colours and type of every chart.
 *
 * The hues are those of Okabe and Ito, "Color Universal Design" (2008): told apart with any colour vision. Charts have a
 * white ground of their own, so they read the same on a dark page, on GitHub and on paper.
 */
export const colours = {
  training: '#0072B2',
  evaluation: '#D55E00',
  right: '#0072B2',
  wrong: '#D55E00',
  /** The same hue as text: 5.2 : 1 on white. */
  wrongText: '#B84A00',
  adjustment: '#7A3E65',
  gradient: '#009E73',
  rate: '#A8518A',
  ink: '#24292f',
  quiet: '#656d76',
  line: '#d8dee4',
  ground: '#ffffff',
} as const

/** For several series of one kind: runs, branches, classes. In this order neighbours differ in lightness too. */
export const series = ['#0072B2', '#D55E00', '#009E73', '#CC79A7', '#E69F00', '#56B4E9', '#5b5b5b', '#8a6d00']

export const font = "Inter, system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif"

/** Width of a chart's plot in pixels: fits a notebook column and a GitHub page. */
export const width = 640

export const look = {
  background: colours.ground,
  font,
  padding: 12,
  view: { stroke: null },
  title: {
    anchor: 'start',
    frame: 'group',
    fontSize: 14,
    fontWeight: 600,
    color: colours.ink,
    subtitleColor: colours.quiet,
    subtitleFontSize: 12,
    subtitlePadding: 5,
    offset: 12,
  },
  axis: {
    labelColor: colours.quiet,
    labelFontSize: 11,
    titleColor: colours.ink,
    titleFontSize: 12,
    titleFontWeight: 400,
    titlePadding: 8,
    gridColor: '#eaeef2',
    domainColor: colours.line,
    tickColor: colours.line,
    tickSize: 4,
    labelPadding: 4,
    labelLimit: 160,
  },
  legend: {
    labelColor: colours.ink,
    labelFontSize: 12,
    titleColor: colours.quiet,
    titleFontSize: 12,
    titleFontWeight: 400,
    symbolSize: 90,
    labelLimit: 220,
  },
  header: { labelColor: colours.ink, labelFontSize: 12, titleFontSize: 12 },
  text: { color: colours.ink, fontSize: 11 },
  range: { category: series, heatmap: { scheme: 'blues' } },
} as const
