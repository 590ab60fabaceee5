/**
 * The operations that the harness does, each with parameters drawn from a seed and the state of the model, so that
 * a list of steps (what, seed) can be done again, and made shorter when it fails.
 */
import { below, seededRandom } from '../../fs/store/random.js';
import { isRegular } from '../model/nodes.js';
import { attributeOperations } from './attribute-operations.js';
import { Choose } from './choose.js';
import { fileOperations } from './file-operations.js';
import type { Harness } from './harness.js';
import { nameOperations } from './name-operations.js';
import type { Operation } from './operation.js';
import { rootOperations } from './root-operations.js';

export const operations = {
  ...nameOperations,
  ...attributeOperations,
  ...fileOperations,
  ...rootOperations,

  async fsync(h, choose) {
    const inode = choose.file();
    if (inode !== undefined) await h.sync(inode);
  },

  async fsyncInBackground(h, choose) {
    const inode = choose.file();
    if (h.waiting >= 4) await h.settle();
    else if (inode !== undefined) h.syncInBackground(inode);
  },

  async sync(h) {
    await h.sync();
  },

  async settle(h) {
    await h.settle();
  },

  async commit(h) {
    await h.commit();
  },

  async resettle(h) {
    await h.resettle();
  },

  async compare(h) {
    await h.compare();
  },

  async remount(h) {
    await h.remount();
  },

  async cut(h) {
    await h.cut();
  },

  async kill(h) {
    await h.kill();
  },

  async planCut(h, choose) {
    h.machine.planCut(1 + below(choose.random, 80));
  },
} satisfies Record<string, Operation>;

export type OperationName = keyof typeof operations;

/** What to do, and the seed of its parameters. */
export interface Step {
  readonly name: OperationName;
  readonly seed: number;
}

export async function perform(harness: Harness, step: Step): Promise<void> {
  const operation: Operation = operations[step.name];
  await operation(harness, new Choose(harness, seededRandom(step.seed)));
}

/** Files among the targets, for callers that need at least one. */
export const hasFiles = (harness: Harness): boolean => [...harness.model.nodes.values()].some(isRegular);
