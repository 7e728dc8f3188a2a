// Values that know who read them, and tell when they change. The whole state of the page is made of these.

/** Somebody who reads signals and wants to hear when one of them changes. */
export class Reader {
  #sources = new Set<Source>();

  /** `stale` is called once for each change of what was read last. */
  constructor(readonly stale: () => void) {}

  /** Runs `read` and remembers every signal that it reads, instead of the ones before. */
  track<T>(read: () => T): T {
    this.forget();
    const outer = current;
    current = this;
    try {
      return read();
    } finally {
      current = outer;
    }
  }

  /** Hears no more. */
  forget(): void {
    for (const source of this.#sources) source.readers.delete(this);
    this.#sources.clear();
  }

  /** Called by what is read. */
  add(source: Source): void {
    source.readers.add(this);
    this.#sources.add(source);
  }
}

interface Source {
  readonly readers: Set<Reader>;
}

let current: Reader | null = null;

/** A value that can be set. */
export class Signal<T> implements Source {
  readonly readers = new Set<Reader>();
  #value: T;

  constructor(value: T) {
    this.#value = value;
  }

  get value(): T {
    current?.add(this);
    return this.#value;
  }

  set value(next: T) {
    if (Object.is(next, this.#value)) return;
    this.#value = next;
    tell(this);
  }

  /** The value, for somebody who doesn't want to hear of changes. */
  peek(): T {
    return this.#value;
  }
}

/** A value that follows from others; worked out when somebody asks, and kept until one of them changes. */
export class Computed<T> implements Source {
  readonly readers = new Set<Reader>();
  #kept: { value: T } | null = null;
  #reader = new Reader(() => {
    if (this.#kept === null) return;
    this.#kept = null;
    tell(this);
  });

  constructor(private readonly work: () => T) {}

  get value(): T {
    current?.add(this);
    this.#kept ??= { value: this.#reader.track(this.work) };
    return this.#kept.value;
  }
}

/** Runs `act` now, and again after each change of what it read. Returns what ends that. */
export function effect(act: () => void): () => void {
  let due = false;
  const reader = new Reader(() => {
    if (due) return;
    due = true;
    queueMicrotask(() => {
      if (due) run();
    });
  });
  const run = () => {
    due = false;
    reader.track(act);
  };
  run();
  return () => {
    due = false;
    reader.forget();
  };
}

/** Runs `read` without anybody hearing of what it reads. */
export function untracked<T>(read: () => T): T {
  const outer = current;
  current = null;
  try {
    return read();
  } finally {
    current = outer;
  }
}

function tell(source: Source): void {
  for (const reader of [...source.readers]) reader.stale();
}
