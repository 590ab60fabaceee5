/**
 * What a folder must hold after a crash, given the log of its load: every acknowledged operation in full, and of
 * the one that was under way any state that journalling mode `ordered` allows.
 *
 * Invariants
 * 1. A file that the operation under way does not name is exactly as acknowledged.
 * 2. Each page under an unacknowledged write is the old one or the new one; a page beyond the old end may also
 *    be zeros, as the kernel may push it later than its successors. Never anything else.
 * 3. rename and unlink have happened whole or not at all.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { patternBytes } from '../trial/random.js';
import type { LogLine, Operation } from './operation.js';

const pageSize = 4096;

/** Contents after a write, zeros in between if it lies beyond the end. */
function written(before: Buffer, offset: number, data: Buffer): Buffer {
  const after = Buffer.alloc(Math.max(before.length, offset + data.length));
  before.copy(after);
  data.copy(after, offset);
  return after;
}

function resized(before: Buffer, length: number): Buffer {
  const after = Buffer.alloc(length);
  before.copy(after, 0, 0, Math.min(length, before.length));
  return after;
}

/** True if every page of `found` is the page of `before` or of `after`, both continued by zeros. */
function mixed(found: Buffer, before: Buffer, after: Buffer): boolean {
  const old = resized(before, found.length);
  const late = resized(after, found.length);
  for (let at = 0; at < found.length; at += pageSize) {
    const page = found.subarray(at, at + pageSize);
    if (!page.equals(old.subarray(at, at + pageSize)) && !page.equals(late.subarray(at, at + pageSize))) return false;
  }
  return true;
}

export class ExpectedFolder {
  readonly #files = new Map<string, Buffer>();
  #underWay: Operation | undefined;
  /** Operations acknowledged so far. */
  acknowledged = 0;

  constructor(readonly path: string) {}

  /** Take in what the load logged. */
  log(line: LogLine): void {
    if ('begins' in line) {
      this.#underWay = line.begins;
    } else if (this.#underWay !== undefined) {
      this.#apply(this.#underWay);
      this.#underWay = undefined;
      this.acknowledged += 1;
    }
  }

  #contents(file: string): Buffer {
    return this.#files.get(file) ?? Buffer.alloc(0);
  }

  #after(operation: Operation): Buffer {
    const before = this.#contents(operation.file);
    if (operation.kind === 'create') return patternBytes(operation.fill, operation.length);
    if (operation.kind === 'write') {
      return written(before, operation.offset, patternBytes(operation.fill, operation.length));
    }
    return operation.kind === 'truncate' ? resized(before, operation.length) : before;
  }

  #apply(operation: Operation): void {
    const after = this.#after(operation);
    if (operation.kind === 'rename' || operation.kind === 'unlink') this.#files.delete(operation.file);
    if (operation.kind === 'rename') this.#files.set(operation.to, after);
    else if (operation.kind !== 'unlink') this.#files.set(operation.file, after);
  }

  /** Compare with what is there; each difference is one line. What was under way counts as found from now on. */
  async check(): Promise<string[]> {
    const found = new Map<string, Buffer>();
    for (const name of await readdir(this.path)) found.set(name, await readFile(join(this.path, name)));
    const operation = this.#underWay;
    this.#underWay = undefined;
    const problems = operation === undefined ? [] : this.#checkUnderWay(operation, found);
    for (const name of new Set([...this.#files.keys(), ...found.keys()])) {
      const want = this.#files.get(name);
      const have = found.get(name);
      if (want === undefined) problems.push(`${name}: is there but was removed`);
      else if (have === undefined) problems.push(`${name}: fsynced with ${want.length} bytes, is gone`);
      else if (!want.equals(have)) problems.push(`${name}: ${firstDifference(want, have)}`);
    }
    return problems.map((problem) => `${this.path}/${problem}`);
  }

  /** Settle the operation under way by what was found, so that the comparison of all files can follow. */
  #checkUnderWay(operation: Operation, found: Map<string, Buffer>): string[] {
    const before = this.#files.get(operation.file);
    const have = found.get(operation.file);
    if (operation.kind === 'rename') {
      if (have === undefined) this.#apply(operation);
      return [];
    }
    if (operation.kind === 'unlink') {
      if (have === undefined) this.#files.delete(operation.file);
      return [];
    }
    if (have === undefined) {
      return before === undefined ? [] : [`${operation.file}: gone during ${operation.kind}`];
    }
    const after = this.#after(operation);
    this.#files.set(operation.file, have);
    const old = before ?? Buffer.alloc(0);
    if (operation.kind === 'truncate') {
      return have.equals(old) || have.equals(after) ? [] : [`${operation.file}: neither before nor after truncate`];
    }
    const least = Math.min(old.length, after.length);
    if (have.length < least || have.length > Math.max(old.length, after.length)) {
      return [`${operation.file}: ${have.length} bytes during ${operation.kind} of ${old.length} to ${after.length}`];
    }
    return mixed(have, old, after) ? [] : [`${operation.file}: a page is neither old nor new after ${operation.kind}`];
  }
}

function firstDifference(want: Buffer, have: Buffer): string {
  if (want.length !== have.length) return `fsynced with ${want.length} bytes, has ${have.length}`;
  const at = want.findIndex((byte, index) => have[index] !== byte);
  const zeros = have.subarray(at, at + 64).every((byte) => byte === 0);
  return `differs from what was fsynced at byte ${at} of ${want.length}${zeros ? ' (zeros there)' : ''}`;
}
