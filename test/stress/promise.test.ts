/** What the judge of mode `data` takes for the state after an operation. */
import { expect, test } from 'vitest';
import { Contents } from '../../stress/model/contents.js';
import type { Dump } from '../../stress/model/dump.js';
import { History } from '../../stress/model/history.js';
import { type Facts, inodeKey } from '../../stress/model/state.js';
import { checkData } from '../../stress/promise/data.js';

const file = 7;
const before = Contents.empty.write(0, Buffer.from('before'));
const after = before.write(6, Buffer.from(' and after'));
const facts = (mode: string): Facts => new Map([[inodeKey(file), ` ${mode} links 1 `]]);

const dump = (mode: string, contents: Contents): Dump => ({
  facts: facts(mode),
  attributes: new Map(),
  entries: new Map(),
  parents: new Map(),
  targets: new Map(),
  xattrs: new Map(),
  files: new Map([[file, contents]]),
});

/** A write is under way that takes the file's setuid away first. */
function writing(apart: boolean): History {
  const history = new History();
  history.restart(facts('setuid'), new Map([[file, before]]));
  history.effect('setattr', facts('plain'), [], apart);
  history.version(file, after);
  return history;
}

const keeps = (history: History, found: Dump): boolean =>
  checkData(history, { found, generation: 1, processOnly: true }).kept;

test('a write may be there, or not, or have taken setuid away alone', () => {
  const history = writing(true);
  expect(keeps(history, dump('setuid', before))).toBe(true);
  expect(keeps(history, dump('plain', before))).toBe(true);
  expect(keeps(history, dump('plain', after))).toBe(true);
  expect(keeps(history, dump('setuid', after))).toBe(false);
});

test('the parts of any other operation are there together', () => {
  expect(keeps(writing(false), dump('plain', before))).toBe(false);
});
