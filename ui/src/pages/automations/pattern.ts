// What the most usual cron expressions mean. Others are shown as they are.

/** `days` counts from Sunday, which is 0. */
export type Pattern =
  | { readonly every: "minutes"; readonly step: number }
  | { readonly every: "hour"; readonly minute: number }
  | { readonly every: "day"; readonly at: string }
  | { readonly every: "week"; readonly days: readonly number[]; readonly at: string }
  | { readonly every: "month"; readonly day: number; readonly at: string };

const DAY_NAMES = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

export function patternOf(expr: string): Pattern | null {
  const fields = expr.trim().toLowerCase().split(/\s+/);
  if (fields.length === 6 && fields[0] === "0") fields.shift();
  if (fields.length !== 5) return null;
  const [minute, hour, day, month, weekday] = fields as [string, string, string, string, string];
  if (month !== "*") return null;
  const isAnyDay = day === "*" && weekday === "*";
  const step = /^\*\/(\d{1,2})$/.exec(minute);
  if (isAnyDay && hour === "*" && (step || minute === "*")) return { every: "minutes", step: step ? Number(step[1]) : 1 };
  const at = number(minute, 59);
  if (at === null) return null;
  if (isAnyDay && hour === "*") return { every: "hour", minute: at };
  const clock = number(hour, 23);
  if (clock === null) return null;
  const time = `${two(clock)}:${two(at)}`;
  if (isAnyDay) return { every: "day", at: time };
  if (day === "*") {
    const days = weekdays(weekday);
    return days && { every: "week", days, at: time };
  }
  const date = number(day, 31);
  return date !== null && date > 0 && weekday === "*" ? { every: "month", day: date, at: time } : null;
}

/** `1-5`, `mon,wed`, `0`, `7`. */
function weekdays(field: string): number[] | null {
  const days = new Set<number>();
  for (const part of field.split(",")) {
    const [from, to = from] = part.split("-").map(weekday);
    if (from === undefined || to === undefined || from === null || to === null || to < from) return null;
    for (let day = from; day <= to; day += 1) days.add(day % 7);
  }
  return [...days].sort((one, other) => one - other);
}

function weekday(word: string): number | null {
  const named = DAY_NAMES.indexOf(word);
  return named >= 0 ? named : number(word, 7);
}

function number(field: string, max: number): number | null {
  const value = /^\d{1,2}$/.test(field) ? Number(field) : NaN;
  return value <= max ? value : null;
}

function two(value: number): string {
  return String(value).padStart(2, "0");
}
