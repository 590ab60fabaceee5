/** The change itself: items of the map, pages that become live, pages that die. The same for new batches and recovered ones. */
import type { LoggedBatch, LoggedPages } from '../log/batch-codec.js';
import type { Delete, Put } from '../tree/batch.js';
import type { VolumeState } from './state.js';

type Items = readonly (Put | Delete)[];

/** Bring in what the items need. Throws Suspend. */
export function prepareChanges(state: VolumeState, items: LoggedBatch['items']): void {
  state.main.prepare(items as Items);
}

/** Do it all; can't fail after `prepareChanges` in the same synchronous stretch. Claims come before releases. */
export function applyChanges(state: VolumeState, batch: LoggedBatch): void {
  const { log, space } = state;
  state.main.change(batch.items as Items);
  for (const claim of batch.claims) {
    if (claim.address === 0) space.promised += claim.pages;
    else log.claim(claim.address, claim.pages);
  }
  for (const run of batch.releases) releasePages(state, run);
  state.changed = true;
}

/** Pages that a snapshot still holds stay: it was taken in or after the generation that wrote them. */
export function releasePages(state: VolumeState, run: Pick<LoggedPages, 'address' | 'pages' | 'birth'>): void {
  const { log, space } = state;
  if (run.address === 0) {
    space.promised -= run.pages;
    return;
  }
  if (run.birth <= state.newestSnapshot) return;
  const before = log.deferred.length;
  log.release(run.address, run.pages);
  if (log.deferred.length > before) space.deferred += run.pages;
}
