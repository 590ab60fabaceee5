/**
 * Work on a file that takes several batches: fallocate, and copying a hole. Written down once as steps, each of which is
 * restartable; how they are done depends on the journalling mode.
 *
 * Elsewhere each step is done by itself and requests are served in between. In mode `data` an operation is there after
 * a crash or it is not, so all steps are done in one stretch, and end in one record. A stretch in which a step suspends
 * is begun again from its first step: steps that were done already must do no harm when they are done again.
 */
import { run } from '../../suspend.js';
import type { PageNumber } from '../../units.js';
import type { Context } from './context.js';
import { FlushSweep, flushStep } from './flush.js';
import type { Inode } from './inode.js';

/** What a step returns (a page to go on with, or nothing) is handed to the one who yielded it. */
export type Step = () => unknown;
export type Steps = Generator<Step, void, PageNumber>;

/** Do the steps that `make` gives. Throws what a step throws, but for Suspend. */
export async function doSteps(context: Context, make: () => Steps): Promise<void> {
  if (context.volume.journal === 'data') {
    await run(() => inOneStretch(make()));
    return;
  }
  const steps = make();
  for (let step = steps.next(); !step.done; ) {
    step = steps.next((await run(step.value)) as PageNumber);
    await context.breathe();
  }
}

function inOneStretch(steps: Steps): void {
  for (let step = steps.next(); !step.done; ) step = steps.next(step.value() as PageNumber);
}

/** A step that brings all that is dirty of the file into the tree. */
export const flushing =
  (context: Context, inode: Inode): Step =>
  () =>
    context.volume.journal === 'data' ? flushNow(context, inode) : context.writeback.flush(inode);

/** Bring all that is dirty of the file into the tree before anything else happens. Throws Suspend. */
export function flushNow(context: Context, inode: Inode): void {
  const sweep = new FlushSweep(inode, true);
  while (flushStep(context, inode, sweep));
}
