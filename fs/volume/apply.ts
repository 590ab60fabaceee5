/** The change itself: items of the map, pages that become live, pages that die. The same for new batches and recovered ones. */
import type { LoggedBatch, LoggedPages } from '../log/batch-codec.js';
import type { Delete, Put } from '../tree/batch.js';
import type { Address, Generation } from '../units.js';
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
    else {
      log.claim(claim.address, claim.pages);
      state.mainPages += claim.pages;
    }
  }
  for (const run of batch.releases) releasePages(state, run);
  state.changed = true;
}

/** The live tree gives up pages of a file. */
function releasePages(state: VolumeState, run: Pick<LoggedPages, 'address' | 'pages' | 'birth'>): void {
  if (run.address === 0) {
    state.space.promised -= run.pages;
    return;
  }
  state.mainPages -= run.pages;
  dropPages(state, run.address, run.pages, run.birth);
}

/** The live tree gives up a node. */
export function releaseNode(state: VolumeState, address: Address, pages: number, birth: Generation): void {
  if (birth <= state.newestSnapshot && state.space.held > 0) state.space.held--;
  dropPages(state, address, pages, birth);
}

/** What a snapshot still holds stays: it was taken in or after the generation that wrote the pages. */
function dropPages(state: VolumeState, address: Address, pages: number, birth: Generation): void {
  if (birth <= state.newestSnapshot) state.dropped.add(address, pages, birth);
  else giveBack(state, address, pages);
}

/** No root holds the pages any more. */
export function giveBack(state: VolumeState, address: Address, pages: number): void {
  const { log, space } = state;
  const before = log.deferred.length;
  log.release(address, pages);
  if (log.deferred.length > before) space.deferred += pages;
}
