/** Figures that the acceptance checks find, and how they are shown: as they come, and in one table at the end. */
export interface Figure {
  readonly volume: string;
  readonly check: string;
  readonly what: string;
  readonly value: string;
}

/** A check found something wrong. */
export class CheckFailed extends Error {
  constructor(what: string) {
    super(what);
    this.name = 'CheckFailed';
  }
}

/** Throws CheckFailed unless it holds. */
export function expectThat(holds: boolean, what: string): void {
  if (!holds) throw new CheckFailed(what);
}

export class Figures {
  readonly all: Figure[] = [];

  constructor(
    readonly volume: string,
    readonly check: string,
  ) {}

  /** Note a figure and print it. */
  note(what: string, value: string | number): void {
    this.all.push({ volume: this.volume, check: this.check, what, value: String(value) });
    process.stdout.write(`  ${what}: ${value}\n`);
  }

  seconds(what: string, seconds: number): void {
    this.note(what, `${seconds.toFixed(2)} s`);
  }
}

export const mib = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(0)} MiB`;
export const percent = (part: number, whole: number): string => `${((100 * part) / whole).toFixed(1)} %`;
