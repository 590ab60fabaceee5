/** All items of a volume that can be read, by key: to compare a volume before and after. */
import { VolumeError } from '../../fs/errors.js';
import type { Store } from '../../fs/store/store.js';
import { survey } from '../../fsck/check.js';
import type { NodeFrame } from '../../fsck/node.js';
import { again } from '../../fsck/paths.js';
import { Findings } from '../../fsck/problem.js';
import { TreeWalk, tree } from '../../fsck/tree.js';

/** `inode kind offset` -> value as hexadecimal; nothing if there is no checkpoint to start from. `snapshot`: of that one. */
export async function itemsOf(store: Store, snapshot?: string): Promise<Map<string, string>> {
  const items = new Map<string, string>();
  const visitor = {
    item(frame: NodeFrame, index: number) {
      const key = `${frame.inode(index)} ${frame.kind(index)} ${frame.offset(index)}`;
      items.set(key, Buffer.from(frame.value(index)).toString('hex'));
    },
  };
  try {
    const { image, checkpoint, roots } = await survey(store);
    const live = { pointer: checkpoint.mainRoot, height: checkpoint.mainHeight };
    const root = snapshot === undefined ? live : roots.roots.find(({ name }) => name === snapshot);
    if (root === undefined) return items;
    await new TreeWalk(again(image), tree.files, new Findings()).walk(root.pointer, root.height, visitor);
  } catch (e) {
    if (!(e instanceof VolumeError)) throw e;
  }
  return items;
}

export const inodeOfKey = (key: string): number => Number(key.split(' ')[0]);
