import { expect, test } from "vitest";
import { Computed, effect, Reader, Signal, untracked } from "./signal.ts";

/** Lets effects run. */
const settle = () => new Promise<void>((resolve) => queueMicrotask(resolve));

test("a reader hears of a change once, and of what it read last only", () => {
  const [a, b] = [new Signal(1), new Signal(2)];
  let heard = 0;
  const reader = new Reader(() => (heard += 1));
  reader.track(() => a.value + a.value);
  b.value = 3;
  a.value = 1;
  expect(heard).toBe(0);
  a.value = 2;
  expect(heard).toBe(1);
  reader.track(() => b.value);
  a.value = 3;
  expect(heard).toBe(1);
  reader.forget();
  b.value = 4;
  expect(heard).toBe(1);
});

test("what follows is worked out when asked, and kept until its source changes", () => {
  const source = new Signal(2);
  let works = 0;
  const double = new Computed(() => {
    works += 1;
    return source.value * 2;
  });
  expect([double.value, double.value, works]).toEqual([4, 4, 1]);
  source.value = 3;
  expect([double.value, works]).toEqual([6, 2]);
});

test("an effect sees several changes as one, and its end", async () => {
  const [a, b] = [new Signal(1), new Signal(1)];
  const seen: number[] = [];
  const sum = new Computed(() => a.value + b.value);
  const end = effect(() => void seen.push(sum.value));
  a.value = 2;
  b.value = 2;
  await settle();
  expect(seen).toEqual([2, 4]);
  a.value = 3;
  end();
  await settle();
  expect(seen).toEqual([2, 4]);
});

test("what is read untracked is nobody's", async () => {
  const a = new Signal(1);
  let runs = 0;
  effect(() => {
    runs += 1;
    untracked(() => a.value);
  });
  a.value = 2;
  await settle();
  expect(runs).toBe(1);
});
