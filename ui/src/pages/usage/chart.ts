// Bars over days, stacked by model: a picture of our own, with the same in words above it and as a table behind it.

import { html, nothing, svg, type SVGTemplateResult, type TemplateResult } from "lit";
import { table, type Column } from "../../design/parts.ts";
import { cost, count, short } from "../../i18n/format.ts";
import { language } from "../../i18n/language.ts";
import { Signal } from "../../state/signal.ts";
import { View } from "../../state/view.ts";
import { ticks, type Bar, type Chart, type Metric, type Step } from "./series.ts";
import { words } from "./words.ts";

const HEIGHT = 240;
const TOP = 8;
const BOTTOM = 24;
/** Room for one date below. */
const LABEL = 64;
const BAR_MAX = 40;
const GAP = 0.28;
/** Width of a letter, and of a Chinese character, in the size of the scale. */
const LETTER = 7.2;
const CHARACTER = 12;

class UsageChart extends View {
  static override properties = { chart: { attribute: false }, metric: { attribute: false } };
  declare chart: Chart;
  declare metric: Metric;
  #width = new Signal(0);
  #pointed = new Signal<number | null>(null);

  protected override entered(): (() => void)[] {
    const observer = new ResizeObserver(([entry]) => (this.#width.value = Math.floor(entry?.contentRect.width ?? 0)));
    observer.observe(this);
    return [() => observer.disconnect()];
  }

  protected override render(): TemplateResult {
    const { chart, metric } = this;
    const bar = chart.bars[this.#pointed.value ?? -1];
    return html`<figure class="usage-chart">
      <p class="usage-readout small" aria-hidden="true">${bar ? readout(chart, bar, metric) : html`<span class="faint">${words().pointHere}</span>`}</p>
      ${this.#width.value > 0 ? this.#picture(chart, metric, this.#width.value) : html`<div class="usage-room"></div>`}
      ${chart.series.length > 1 ? legend(chart) : nothing}
      <details>
        <summary>${words().asTable}</summary>
        ${dayTable(chart, metric)}
      </details>
    </figure>`;
  }

  #picture(chart: Chart, metric: Metric, width: number): TemplateResult {
    const scale = ticks(chart.max);
    const top = scale.at(-1) || 1;
    const left = 12 + Math.max(...scale.map((tick) => textWidth(axis(tick, metric))));
    const room = { width: width - left, height: HEIGHT - TOP - BOTTOM };
    const slot = room.width / Math.max(1, chart.bars.length);
    const y = (value: number) => TOP + room.height * (1 - value / top);
    const each = Math.max(1, Math.ceil(LABEL / slot));
    // The last day is the one that is looked for.
    const isLabelled = (index: number) => (chart.bars.length - 1 - index) % each === 0;
    const point = (event: PointerEvent) => {
      const box = (event.currentTarget as Element).getBoundingClientRect();
      const index = Math.floor((event.clientX - box.left - left) / slot);
      this.#pointed.value = index >= 0 && index < chart.bars.length ? index : null;
    };
    return html`<svg
      width=${width}
      height=${HEIGHT}
      role="img"
      aria-label=${words().chartLabel(words().metrics[metric], String(chart.bars.length), value(chart.max, metric))}
      @pointermove=${point}
      @pointerdown=${point}
      @pointerleave=${() => (this.#pointed.value = null)}
    >
      ${scale.map((tick) => svg`<line class="grid" x1=${left} x2=${width} y1=${y(tick)} y2=${y(tick)} /><text x=${left - 8} y=${y(tick) + 4} text-anchor="end">${axis(tick, metric)}</text>`)}
      ${chart.bars.map((bar, index) => {
        const x = left + index * slot;
        const isPointed = this.#pointed.value === index;
        return svg`${isPointed ? svg`<rect class="pointed" x=${x} y=${TOP} width=${slot} height=${room.height} />` : nothing}
          ${stack(chart, bar, x, slot, y)}
          ${isLabelled(index) ? svg`<text x=${middle(x + slot / 2, width)} y=${HEIGHT - 6} text-anchor="middle">${dateText(bar.date, chart.step)}</text>` : nothing}`;
      })}
    </svg>`;
  }
}

function stack(chart: Chart, bar: Bar, x: number, slot: number, y: (value: number) => number): SVGTemplateResult[] {
  const width = Math.min(BAR_MAX, slot * (1 - GAP));
  let below = 0;
  return bar.parts.map((part, index) => {
    const [from, to] = [below, below + part];
    below = to;
    return svg`<rect class=${colour(chart, index)} x=${x + (slot - width) / 2} y=${y(to)} width=${width} height=${y(from) - y(to)} />`;
  });
}

/** Words stay within the picture. */
function middle(x: number, width: number): number {
  return Math.min(x, width - LABEL / 2 + 8);
}

function colour(chart: Chart, index: number): string {
  return chart.series[index] === null ? "rest" : `colour-${index}`;
}

function legend(chart: Chart): TemplateResult {
  return html`<ul class="usage-legend small">
    ${chart.series.map((name, index) => html`<li><i class=${colour(chart, index)}></i>${name ?? words().others}</li>`)}
  </ul>`;
}

function readout(chart: Chart, bar: Bar, metric: Metric): TemplateResult {
  const parts = bar.parts.flatMap((part, index) => (part > 0 ? [`${chart.series[index] ?? words().others} ${value(part, metric)}`] : []));
  const date = dateText(bar.date, chart.step);
  return html`<b>${chart.step === "week" ? words().weekOf(date) : date}</b> ${value(bar.sum, metric)} ${parts.length > 1 ? html`<span class="faint">${parts.join(" · ")}</span>` : nothing}`;
}

function dayTable(chart: Chart, metric: Metric): TemplateResult {
  const columns: Column<Bar>[] = [
    { title: words().steps[chart.step], show: ({ date }) => dateText(date, chart.step) },
    ...chart.series.map((name, index) => ({ title: name ?? words().others, side: "end" as const, show: ({ parts }: Bar) => value(parts[index] ?? 0, metric) })),
    { title: words().sum, side: "end", show: ({ sum }) => value(sum, metric) },
  ];
  return html`<div class="usage-wide" tabindex="0" role="region" aria-label=${words().asTable}>${table(words().asTable, columns, chart.bars.filter(({ sum }) => sum > 0))}</div>`;
}

export function value(amount: number, metric: Metric): string {
  return metric === "cost" ? cost(amount) : count(amount);
}

function axis(amount: number, metric: Metric): string {
  return metric === "cost" ? cost(amount) : short(amount);
}

function textWidth(text: string): number {
  return [...text].reduce((width, sign) => width + (sign > "\u2e80" ? CHARACTER : LETTER), 0);
}

function dateText(date: string, step: Step): string {
  const options = step === "month" ? ({ month: "short", year: "numeric" } as const) : ({ month: "short", day: "numeric" } as const);
  return new Intl.DateTimeFormat(language.value, { ...options, timeZone: "UTC" }).format(Date.parse(date));
}

customElements.define("usage-chart", UsageChart);
