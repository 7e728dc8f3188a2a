// Our own signs: strokes on a grid of 24, drawn in the colour of the words around them. Signs say nothing by themselves to those who
// listen; what holds one has words.

import { html, svg, type SVGTemplateResult, type TemplateResult } from "lit";

const STROKES = {
  agent: svg`<circle cx="12" cy="8" r="4"/><path d="M4.5 20a7.5 7.5 0 0 1 15 0"/>`,
  alert: svg`<path d="M12 4 2.8 19.5h18.4z"/><path d="M12 10v4M12 17v.01"/>`,
  archive: svg`<path d="M4 8v11a1 1 0 0 0 1 1h14a1 1 0 0 0 1-1V8"/><path d="M3 4h18v4H3zM10 12h4"/>`,
  arrowDown: svg`<path d="M12 5v14M6 13l6 6 6-6"/>`,
  arrowUp: svg`<path d="M12 19V5M6 11l6-6 6 6"/>`,
  attach: svg`<path d="m20 11-8.5 8.5a5 5 0 0 1-7-7L13 4a3.3 3.3 0 0 1 4.7 4.7l-8.500 8.500a1.700 1.700 0 0 1-2.400-2.400L14.500 7.200"/>`,
  brain: svg`<path d="M9.500 4A3 3 0 0 0 6.500 7a3.300 3.300 0 0 0-2 5.500A3.500 3.500 0 0 0 7 18a2.700 2.700 0 0 0 5 1V6.500A2.500 2.500 0 0 0 9.500 4z"/><path d="M14.500 4a3 3 0 0 1 3 3 3.300 3.300 0 0 1 2 5.500A3.500 3.500 0 0 1 17 18a2.700 2.700 0 0 1-5 1"/>`,
  channel: svg`<path d="M4 6a2 2 0 0 1 2-2h12a2 2 0 0 1 2 2v8a2 2 0 0 1-2 2h-7l-5 4v-4a2 2 0 0 1-2-2z"/><path d="M8 9h8M8 12h5"/>`,
  chat: svg`<path d="M21 12a8 8 0 0 1-8 8H4l1.800-3A8 8 0 1 1 21 12z"/>`,
  check: svg`<path d="m5 12.500 4.500 4.500L19 7.500"/>`,
  chevron: svg`<path d="m9 6 6 6-6 6"/>`,
  clock: svg`<circle cx="12" cy="12" r="8.500"/><path d="M12 7v5l3.500 2"/>`,
  close: svg`<path d="M6 6l12 12M18 6 6 18"/>`,
  config: svg`<path d="M4 7h9M17 7h3M4 17h3M11 17h9"/><circle cx="15" cy="7" r="2"/><circle cx="9" cy="17" r="2"/>`,
  copy: svg`<rect x="8" y="8" width="12" height="12" rx="2"/><path d="M16 8V6a2 2 0 0 0-2-2H6a2 2 0 0 0-2 2v8a2 2 0 0 0 2 2h2"/>`,
  device: svg`<rect x="3" y="4" width="18" height="12" rx="2"/><path d="M8 20h8M12 16v4"/>`,
  download: svg`<path d="M12 4v11M7 11l5 5 5-5M4 20h16"/>`,
  edit: svg`<path d="M4 20h4L19.500 8.500a2.100 2.100 0 0 0-4-4L4 16z"/>`,
  file: svg`<path d="M6 3h8l4 4v14H6z"/><path d="M14 3v4h4"/>`,
  health: svg`<path d="M3 12h4l2.500-7 4.500 14 2.500-7H21"/>`,
  info: svg`<circle cx="12" cy="12" r="8.500"/><path d="M12 11v5M12 8v.01"/>`,
  key: svg`<circle cx="8" cy="15" r="4"/><path d="m11 12 9-9M16 7l3 3"/>`,
  link: svg`<path d="M10 14a4 4 0 0 0 5.700 0l3-3a4 4 0 0 0-5.700-5.700l-1 1"/><path d="M14 10a4 4 0 0 0-5.700 0l-3 3a4 4 0 0 0 5.700 5.700l1-1"/>`,
  logs: svg`<path d="M4 6h16M4 12h16M4 18h10"/>`,
  menu: svg`<path d="M4 7h16M4 12h16M4 17h16"/>`,
  minus: svg`<path d="M5 12h14"/>`,
  moon: svg`<path d="M20 14.500A8.500 8.500 0 0 1 9.500 4a8.500 8.500 0 1 0 10.500 10.500z"/>`,
  more: svg`<path d="M12 6v.01M12 12v.01M12 18v.01" stroke-width="2.500"/>`,
  pause: svg`<path d="M9 5v14M15 5v14"/>`,
  pin: svg`<path d="M9 4h6l-1 6 3 3H7l3-3zM12 13v7"/>`,
  play: svg`<path d="M7 5v14l12-7z"/>`,
  plug: svg`<path d="M9 3v5M15 3v5M6 8h12v3a6 6 0 0 1-12 0zM12 17v4"/>`,
  plus: svg`<path d="M12 5v14M5 12h14"/>`,
  refresh: svg`<path d="M20 11a8 8 0 0 0-14.500-3.500L3.500 10M4 13a8 8 0 0 0 14.500 3.500l2-2.500M3.500 5v5h5M20.500 19v-5h-5"/>`,
  search: svg`<circle cx="11" cy="11" r="6.500"/><path d="m16 16 4.500 4.500"/>`,
  send: svg`<path d="M12 19V5M5.500 11.500 12 5l6.500 6.500"/>`,
  shield: svg`<path d="M12 3 4.500 6v6c0 4.500 3.200 7.500 7.500 9 4.300-1.500 7.500-4.500 7.500-9V6z"/><path d="m9 12 2.200 2.200L15.500 10"/>`,
  skill: svg`<path d="M12 3l2.500 5.500 6 .8-4.400 4.100 1.100 6L12 16.500l-5.200 2.900 1.100-6L3.500 9.300l6-.8z"/>`,
  stop: svg`<rect x="6.500" y="6.500" width="11" height="11" rx="1.500"/>`,
  sun: svg`<circle cx="12" cy="12" r="4"/><path d="M12 3v1.500M12 19.500V21M3 12h1.500M19.500 12H21M5.600 5.600l1.100 1.100M17.300 17.300l1.100 1.100M5.600 18.400l1.100-1.100M17.300 6.700l1.100-1.100"/>`,
  tool: svg`<path d="M14.500 6.500a4 4 0 0 1 5-2.500l-2.700 2.700 2.500 2.500L22 6.500a4 4 0 0 1-5.500 4.800L8 19.800a2 2 0 0 1-3-3l8.700-8.500a4 4 0 0 1 .8-1.800z" transform="translate(-1 .5)"/>`,
  trash: svg`<path d="M4 7h16M10 11v6M14 11v6M6 7l1 13h10l1-13M9 7V4h6v3"/>`,
  usage: svg`<path d="M4 20h16M7 16v-5M12 16V6M17 16v-8"/>`,
} satisfies Record<string, SVGTemplateResult>;

export type IconName = keyof typeof STROKES;

export function icon(name: IconName): TemplateResult {
  return html`<svg class="icon-sign" viewBox="0 0 24 24" aria-hidden="true">${STROKES[name]}</svg>`;
}
