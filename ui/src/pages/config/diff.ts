// Which lines differ between two texts, with a few lines around them.

export interface Line {
  readonly kind: "same" | "added" | "removed" | "skipped";
  readonly text: string;
}

const AROUND = 3;

/** Above this many comparisons the middle is shown as replaced: a page must not stand still. */
const CELLS_MAX = 4_000_000;

export function diff(before: string, after: string): Line[] {
  return shortened(lines(before.split("\n"), after.split("\n")));
}

function lines(before: readonly string[], after: readonly string[]): Line[] {
  let head = 0;
  while (head < before.length && head < after.length && before[head] === after[head]) head += 1;
  let tail = 0;
  const most = Math.min(before.length, after.length) - head;
  while (tail < most && before.at(-1 - tail) === after.at(-1 - tail)) tail += 1;
  const same = (text: string): Line => ({ kind: "same", text });
  const middle = compared(before.slice(head, before.length - tail), after.slice(head, after.length - tail));
  return [...before.slice(0, head).map(same), ...middle, ...before.slice(before.length - tail).map(same)];
}

/** By the longest common subsequence. */
function compared(before: readonly string[], after: readonly string[]): Line[] {
  const removed = (text: string): Line => ({ kind: "removed", text });
  const added = (text: string): Line => ({ kind: "added", text });
  if (before.length * after.length > CELLS_MAX) return [...before.map(removed), ...after.map(added)];
  const width = after.length + 1;
  const longest = new Uint32Array((before.length + 1) * width);
  for (let i = before.length - 1; i >= 0; i -= 1) {
    for (let j = after.length - 1; j >= 0; j -= 1) {
      longest[i * width + j] =
        before[i] === after[j] ? longest[(i + 1) * width + j + 1]! + 1 : Math.max(longest[(i + 1) * width + j]!, longest[i * width + j + 1]!);
    }
  }
  const result: Line[] = [];
  let [i, j] = [0, 0];
  while (i < before.length && j < after.length) {
    if (before[i] === after[j]) {
      result.push({ kind: "same", text: before[i]! });
      [i, j] = [i + 1, j + 1];
    } else if (longest[(i + 1) * width + j]! >= longest[i * width + j + 1]!) result.push(removed(before[i++]!));
    else result.push(added(after[j++]!));
  }
  return [...result, ...before.slice(i).map(removed), ...after.slice(j).map(added)];
}

/** Long stretches that are the same become one line that says so. */
function shortened(all: readonly Line[]): Line[] {
  const isNear = (at: number) => all.slice(Math.max(0, at - AROUND), at + AROUND + 1).some(({ kind }) => kind !== "same");
  const result: Line[] = [];
  all.forEach((line, at) => {
    if (isNear(at)) result.push(line);
    else if (result.at(-1)?.kind !== "skipped") result.push({ kind: "skipped", text: "" });
  });
  return result;
}
