/** Questions to the person at the terminal: one for each kind of finding, answered with a key and Enter. */
import { createInterface } from 'node:readline/promises';
import type { Output } from '../fs/cli/output.js';
import { counted } from '../fs/cli/size.js';
import { invariants } from './problem.js';
import type { Allow } from './repair/permission.js';

/** The person wants no more of it (end of input, Ctrl-C): fsck ends with the bit for that. */
export class Cancelled extends Error {
  constructor() {
    super('cancelled; nothing is half done');
    this.name = 'Cancelled';
  }
}

/** Asks one question; undefined at the end of input. */
export type Asker = (question: string) => Promise<string | undefined>;

/** Asks on the terminal. */
export async function askTerminal(question: string): Promise<string | undefined> {
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return await new Promise((resolve) => {
      lines.once('close', () => resolve(undefined));
      lines.question(question).then(resolve, () => resolve(undefined));
    });
  } finally {
    lines.close();
  }
}

/** Permission by asking; `a` answers yes to all that follow. */
export function asking(ask: Asker, output: Output): Allow {
  let all = false;
  return async ({ code, count, remedy }) => {
    if (all) return true;
    output.error(`${invariants[code][0]} ${code}: ${counted(count, 'problem')}. ${invariants[code][1]}`);
    for (;;) {
      const answer = await ask(`Repair (${remedy.text})? [y]es, [n]o, [a]ll: `);
      if (answer === undefined) throw new Cancelled();
      const key = answer.trim().toLowerCase().slice(0, 1);
      if (key === 'n') return false;
      all = key === 'a';
      if (all || key === 'y') return true;
    }
  };
}
