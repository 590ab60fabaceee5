/**
 * What a repair may do: each kind of finding is asked about once, and what the steps need is derived from the answers.
 * Structure and recount go whole or not at all: a volume half of whose table is right can't be written safely.
 */
import type { ProblemCode } from '../problem.js';
import type { Case, Remedy, Step } from './remedies.js';

/** A question that whoever asked for the repair answers. */
export interface Question {
  readonly code: ProblemCode;
  readonly count: number;
  readonly remedy: Remedy;
}

/** Whether this kind of finding may be repaired. */
export type Allow = (question: Question) => boolean | Promise<boolean>;

/** `-y`: everything. */
export const allowAll: Allow = () => true;
/** `-p`: what can lose nothing. */
export const allowSafe: Allow = ({ remedy }) => remedy.safe;

export class Permissions {
  private readonly answers = new Map<string, boolean>();
  /** Something was repaired: what only has to be counted again because of that is not asked about. */
  begun = false;

  constructor(private readonly allow: Allow) {}

  async may({ code, count, remedy }: Case): Promise<boolean> {
    if (remedy === undefined) return false;
    if (this.begun && remedy.safe) return true;
    const key = `${code} ${remedy.step}`;
    const known = this.answers.get(key);
    if (known !== undefined) return known;
    const answer = await this.allow({ code, count, remedy });
    this.answers.set(key, answer);
    return answer;
  }

  /** The cases that may be repaired. */
  async allowed(cases: readonly Case[]): Promise<Case[]> {
    const list: Case[] = [];
    for (const one of cases) if (await this.may(one)) list.push(one);
    return list;
  }
}

export const ofStep = (cases: readonly Case[], step: Step): Case[] =>
  cases.filter(({ remedy }) => remedy?.step === step);

/** Inodes of the allowed cases of a step, without those about which something else of that step may not be done. */
export function inodesOf(cases: readonly Case[], allowed: readonly Case[], step: Step): Set<number> {
  const concerned = new Set<number>();
  const add = (list: readonly Case[], put: (inode: number) => void) => {
    for (const { tally } of ofStep(list, step)) {
      for (let i = 0; i < tally.inodes.length; i++) put(tally.inodes.values[i]);
    }
  };
  add(allowed, (inode) => concerned.add(inode));
  add(
    cases.filter((one) => !allowed.includes(one)),
    (inode) => concerned.delete(inode),
  );
  return concerned;
}
