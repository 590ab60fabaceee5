/** Which prefixes of the metadata operations give the facts that were found. */
import type { History } from '../model/history.js';
import { applyChanges, differences, type Facts, inodeKey } from '../model/state.js';

/** Facts without the files that have no name: recovery reclaims them. */
function withoutOrphans(facts: Facts): Facts {
  const orphans = new Set<string>();
  for (const [key, value] of facts) if (key.startsWith('i ') && / links 0 /.test(value)) orphans.add(key.slice(2));
  if (orphans.size === 0) return facts;
  const rest: Facts = new Map();
  for (const [key, value] of facts) if (!orphans.has(key.slice(2).split('/', 1)[0])) rest.set(key, value);
  return rest;
}

export function matchingPrefixes(history: History, found: Facts): { prefixes: number[]; why: string[] } {
  const facts: Facts = new Map(history.base);
  const prefixes: number[] = [];
  let nearest = { count: 0, wrong: Number.POSITIVE_INFINITY };
  // The number of differing facts is kept up to date from effect to effect; orphans are compared at the end only.
  const differs = (key: string): boolean => !isOrphan(facts, key) && facts.get(key) !== found.get(key);
  let wrong = 0;
  for (const key of new Set([...facts.keys(), ...found.keys()])) if (differs(key)) wrong++;
  for (let count = 0; ; count++) {
    if (wrong === 0) prefixes.push(count);
    if (wrong < nearest.wrong) nearest = { count, wrong };
    if (count === history.effects.length) break;
    const { changes } = history.effects[count];
    const touched = new Set(changes.keys());
    // An inode that gains or loses its last name takes its attributes along.
    for (const key of changes.keys()) {
      if (!key.startsWith('i ')) continue;
      for (const other of xattrsOf(facts, found, key.slice(2))) touched.add(other);
    }
    for (const key of touched) if (differs(key)) wrong--;
    applyChanges(facts, changes);
    for (const key of touched) if (differs(key)) wrong++;
  }
  if (prefixes.length > 0) return { prefixes, why: [] };
  const closest: Facts = new Map(history.base);
  for (const { changes } of history.effects.slice(0, nearest.count)) applyChanges(closest, changes);
  const why = [
    `no prefix of the ${history.effects.length} metadata operations gives what was found; nearest are the first ` +
      `${nearest.count}, which differ in ${nearest.wrong} facts`,
    ...differences(withoutOrphans(closest), found),
  ];
  return { prefixes, why };
}

function isOrphan(facts: Facts, key: string): boolean {
  if (key.startsWith('d ')) return false;
  const fact = facts.get(inodeKey(Number(key.slice(2).split('/', 1)[0])));
  return fact !== undefined && / links 0 /.test(fact);
}

function* xattrsOf(facts: Facts, found: Facts, inode: string): Iterable<string> {
  const prefix = `x ${inode}/`;
  for (const map of [facts, found]) for (const key of map.keys()) if (key.startsWith(prefix)) yield key;
}
