// Times of day in time zones, with what every browser has: `Intl` knows the clocks of all zones, but turns only moments into times of day.

const FIELDS = { year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" } as const;

/** Of the browser. */
export function ownZone(): string {
  return new Intl.DateTimeFormat().resolvedOptions().timeZone;
}

export function isZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat("en", { timeZone: name }) !== undefined;
  } catch {
    return false;
  }
}

/** What clocks of the zone show then, as a field of a form takes it: `2027-01-31T09:00`. */
export function localTime(ms: number, zone: string): string {
  const parts = new Intl.DateTimeFormat("en", { ...FIELDS, timeZone: zone }).formatToParts(ms);
  const part = (type: Intl.DateTimeFormatPartTypes) => parts.find((one) => one.type === type)?.value ?? "";
  return `${part("year")}-${part("month")}-${part("day")}T${part("hour")}:${part("minute")}`;
}

/** When clocks of the zone show this; a time that they skip is the one as long after the gap. `null` for what is no time. */
export function instant(local: string, zone: string): number | null {
  const wall = Date.parse(`${local}Z`);
  if (Number.isNaN(wall) || !isZone(zone)) return null;
  const first = wall - offset(wall, zone);
  return wall - offset(first, zone);
}

/** By how much the clocks of the zone are before UTC then. */
function offset(ms: number, zone: string): number {
  return Date.parse(`${localTime(ms, zone)}Z`) - Math.floor(ms / 60_000) * 60_000;
}
