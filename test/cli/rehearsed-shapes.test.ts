/**
 * V8 knows objects by their shapes, and throws code away that meets a new one. What a mount is made of before its rehearsal
 * must have the shapes that the rehearsal, and work after it, give such objects: a member that was a small integer first and a
 * large number later changes the shape of all objects of its class.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { afterAll, expect, it } from 'vitest';
import { rehearse } from '../../fs/cli/rehearse.js';
import { servedBy } from '../../fs/cli/served.js';
import { PracticeKernel } from '../../fs/fuse/kernel/practice-kernel.js';
import { Rehearsal } from '../../fs/fuse/kernel/rehearsal.js';
import { FileSystem } from '../../fs/posix/filesystem.js';
import { Roots } from '../../fs/posix/snapshots/roots.js';
import { openImageFile } from '../../fs/store/image-file.js';
import { Volume } from '../../fs/volume/volume.js';
import { varve } from '../support/programs.js';

setFlagsFromString('--allow-natives-syntax');
const alike = new Function('a', 'b', 'return %HaveSameMap(a, b)') as (a: object, b: object) => boolean;
setFlagsFromString('--no-allow-natives-syntax');

const directory = mkdtempSync(join(tmpdir(), 'varve-shapes-'));
afterAll(() => rmSync(directory, { recursive: true }));

/** What went wrong. */
const said: string[] = [];
const log = (line: string): void => void said.push(line);

interface Used {
  /** All that belongs to it. */
  readonly parts: object;
  close(): Promise<void>;
}

/** A volume as a mount has it, after so many acts of a rehearsal. */
async function volumeAfter(acts: number): Promise<Used> {
  const image = join(directory, `after ${acts}`);
  // By a process of its own, as this one is to open it as the first thing it does with a volume.
  expect((await varve('mkfs.varve', '-q', '--size', '256M', image)).code).toBe(0);
  const store = await openImageFile(image, {});
  const volume = await Volume.open(store);
  const filesystem = new FileSystem(volume, { onCorruption: (error) => log(error.message), groupsOf: () => [] });
  const roots = new Roots(volume, filesystem, {
    owner: { uid: 0, gid: 0 },
    onCorruption: (error) => log(error.message),
    pull: async () => undefined,
  });
  const kernel = new PracticeKernel(servedBy(volume, roots), log);
  const actor = new Rehearsal(kernel);
  for (let i = 0; i < acts; i++) await actor.act();
  // A loop that goes on looking has V8 mend the shapes of its objects.
  kernel.end();
  const close = async (): Promise<void> => {
    for (const part of [filesystem, volume, store]) await part.close();
  };
  return { parts: { volume, filesystem, roots, loop: kernel.loop }, close };
}

/** What can be reached from an object by members, array elements, keys and values, by class. */
function reachable(root: object): Map<string, object[]> {
  const classes = new Map<string, object[]>();
  const seen = new Set<object>();
  const waiting: unknown[] = [root];
  while (waiting.length > 0) {
    const o = waiting.pop();
    if (typeof o !== 'object' || o === null || seen.has(o)) continue;
    if (ArrayBuffer.isView(o) || o instanceof ArrayBuffer || o instanceof Promise) continue;
    seen.add(o);
    if (o instanceof Map) waiting.push(...o.keys(), ...o.values());
    else if (o instanceof Set || Array.isArray(o)) waiting.push(...o);
    else {
      const { name } = o.constructor;
      if (name !== 'Object') classes.set(name, [...(classes.get(name) ?? []), o]);
    }
    for (const { value } of Object.values(Object.getOwnPropertyDescriptors(o))) waiting.push(value);
  }
  return classes;
}

it('what a mount is made of has the shape that it has later', async () => {
  const fresh = await volumeAfter(0);
  const before = reachable(fresh.parts);
  const idle = { traffic: () => ({ requests: 0, waiting: 0, idleMs: 1000, ended: false }) };
  await rehearse(idle, log, [
    { acts: 50, recollections: 10 },
    { acts: 100, recollections: 10 },
  ]);
  const worn = await volumeAfter(60);
  const after = reachable(worn.parts);
  const odd = [...before]
    .filter(([name, objects]) => objects.some((one) => after.get(name)?.every((other) => !alike(one, other)) ?? false))
    .map(([name]) => name);
  for (const one of [fresh, worn]) await one.close();
  expect(said).toEqual([]);
  expect(before.size).toBeGreaterThan(40);
  expect(odd).toEqual([]);
});
