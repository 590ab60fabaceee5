/** What the scale benchmark finds: a line each, whether it is within its limit, and all of it as JSON at the end. */
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';

export interface Figure {
  readonly of: string;
  readonly what: string;
  readonly value: number;
  readonly unit: 'ms' | 's' | 'MiB' | 'per s' | 'times';
  /** It must not be above that. */
  readonly most?: number | undefined;
}

export const median = (list: readonly number[]): number => list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)];

export class Figures {
  readonly all: Figure[] = [];

  note(of: string, what: string, value: number, unit: Figure['unit'], most?: number): number {
    const figure = { of, what, value, unit, most };
    this.all.push(figure);
    const limit = most === undefined ? '' : `  (${isBeyond(figure) ? 'BEYOND' : 'within'} ${most})`;
    process.stdout.write(`${of.padEnd(18)} ${what.padEnd(36)} ${shown(value).padStart(10)} ${unit}${limit}\n`);
    return value;
  }

  /** The last one must not be much more than the first: `times` as much, and `slack` besides for what is tiny. */
  flat(what: string, values: readonly number[], unit: Figure['unit'], times: number, slack: number): void {
    if (values.length < 2) return;
    const most = Math.round(times * values[0] + slack);
    this.note('growth', `${what}, the largest volume's`, Math.max(...values), unit, most);
  }

  /** The closing line; true if all is within its limits. */
  summary(json: string | undefined): boolean {
    const beyond = this.all.filter(isBeyond);
    if (json !== undefined) {
      const machine = {
        node: process.version,
        cpu: cpus()[0]?.model,
        cores: cpus().length,
        date: new Date().toISOString(),
      };
      writeFileSync(json, `${JSON.stringify({ machine, figures: this.all }, null, 2)}\n`);
    }
    process.stdout.write(`scale: ${this.all.length} figures, ${beyond.length} beyond their limits\n`);
    return beyond.length === 0;
  }
}

const isBeyond = ({ value, most }: Figure): boolean => most !== undefined && value > most;
const shown = (value: number): string => (value < 10 ? value.toFixed(2) : value.toFixed(value < 100 ? 1 : 0));
