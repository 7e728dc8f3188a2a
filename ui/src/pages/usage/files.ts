// What the downloads hold. Their first lines are for programs, so that they are the same in every language. Pure.

import type { SessionsUsageResult, UsageTotals } from "../../protocol/types.ts";
import { csv, type Cell } from "./csv.ts";

export interface File {
  readonly name: string;
  readonly text: () => string;
}

const TOTALS = ["input", "output", "cache_read", "cache_write", "tokens", "cost_usd", "calls_without_price"];

export function daysFile(answer: SessionsUsageResult): File {
  const rows = () => answer.aggregates.costDaily.map((day) => [day.date, ...cells(day)]);
  return file(answer, "days", ["date", ...TOTALS], rows);
}

export function modelsFile(answer: SessionsUsageResult): File {
  const rows = () => answer.aggregates.byModel.map((one) => [one.provider, one.model, one.count, ...cells(one.totals)]);
  return file(answer, "models", ["provider", "model", "calls", ...TOTALS], rows);
}

export function sessionsFile(answer: SessionsUsageResult): File {
  const rows = () =>
    answer.sessions.flatMap(({ key, label, agentId, modelProvider, model, usage }) =>
      usage ? [[key, label, agentId, modelProvider, model, usage.messageCounts.assistant, new Date(usage.firstActivity).toISOString(), new Date(usage.lastActivity).toISOString(), ...cells(usage)]] : [],
    );
  return file(answer, "sessions", ["key", "label", "agent", "provider", "model", "calls", "first_call", "last_call", ...TOTALS], rows);
}

function file({ startDate, endDate }: SessionsUsageResult, what: string, header: readonly string[], rows: () => readonly (readonly Cell[])[]): File {
  return { name: `chela-usage-${what}-${startDate}-${endDate}.csv`, text: () => csv(header, rows()) };
}

/** Sums of fractions would show their dust; a millionth of a dollar is the smallest thing that is booked. */
function cells({ input, output, cacheRead, cacheWrite, totalTokens, totalCost, missingCostEntries }: UsageTotals): Cell[] {
  return [input, output, cacheRead, cacheWrite, totalTokens, Number(totalCost.toFixed(6)), missingCostEntries];
}
