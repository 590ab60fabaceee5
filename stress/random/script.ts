/**
 * A run of random operations as a script: what a failure is kept as, and replayed from. A step is the name of an
 * operation and the seed of its parameters, which are chosen to fit what the model holds by then; so any part of a script
 * is a script as well.
 */
import { type JournalMode, journalModes } from '../../fs/volume/journal-mode.js';
import { type OperationName, operations, type Step } from './operations.js';
import { notOnMount } from './steps.js';

export interface Script {
  readonly journal: JournalMode;
  /** Of what is chance besides the operations: which writes a cut takes, when answers come. */
  readonly seed: number;
  /** Bytes of the disk. */
  readonly size: number;
  /** For a folder on a mount; else for a volume in memory. */
  readonly mount: boolean;
  readonly steps: readonly Step[];
}

const kind = 'varve-stress-script';

/** One line, JSON. */
export function scriptText({ journal, seed, size, mount, steps }: Script): string {
  return JSON.stringify({ kind, journal, seed, size, mount, steps: steps.map((step) => [step.name, step.seed]) });
}

/** The script of a text. Throws RangeError, which says what is wrong with it. */
export function parseScript(text: string): Script {
  const found = parsed(text);
  if (found.kind !== kind) throw new RangeError('this is no script of varve stress');
  const journal = journalModes.find((mode) => mode === found.journal);
  if (journal === undefined) throw new RangeError(`there is no journalling mode '${String(found.journal)}'`);
  if (!Array.isArray(found.steps)) throw new RangeError('the script has no steps');
  const mount = found.mount === true;
  const steps = found.steps.map(stepOf);
  const wrong = mount ? steps.find(({ name }) => notOnMount.includes(name)) : undefined;
  if (wrong !== undefined) throw new RangeError(`'${wrong.name}' can't be done on a mount`);
  return { journal, seed: whole(found.seed), size: whole(found.size), mount, steps };
}

function parsed(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : {};
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return {};
  }
}

function stepOf(value: unknown): Step {
  const [name, seed] = Array.isArray(value) ? value : [];
  if (typeof name !== 'string' || !Object.hasOwn(operations, name)) {
    throw new RangeError(`there is no operation '${String(name)}'`);
  }
  return { name: name as OperationName, seed: whole(seed) };
}

function whole(value: unknown): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw new RangeError(`'${String(value)}' is not a whole number`);
}
