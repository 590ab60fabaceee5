/** Snapshots as layers of sediment, the newest on top, and the files as they are now above them all. */

import { formatSize } from '../../fs/cli/size.js';
import type { BranchFacts, SnapshotFacts } from '../../fs/cli/snapshot-service.js';
import { bar, byId, element, plain } from './elements.js';

export interface Layers {
  readonly live: BranchFacts;
  readonly snapshots: readonly SnapshotFacts[];
}

/** More are not drawn. */
const mostShown = 200;

export function showLayers({ live, snapshots }: Layers): void {
  const most = Math.max(1, live.referenced, ...snapshots.map(({ referenced }) => referenced));
  const newest = [...snapshots].sort((a, b) => b.id - a.id);
  const rows = newest
    .slice(0, mostShown)
    .map(({ name, created, referenced, unique }) => row(name, when(created), referenced, unique, most));
  const now = row(live.name === '' ? 'now' : `now, branch ${live.name}`, 'as the files are', live.referenced, 0, most);
  now.classList.add('live');
  const rest =
    newest.length === 0
      ? 'There are none. varve snapshot create makes one, in no time.'
      : newest.length > mostShown
        ? `and ${plain(newest.length - mostShown)} older ones`
        : '';
  byId('layers').replaceChildren(now, ...rows, element('p', 'note', rest));
}

function row(name: string, time: string, referenced: number, unique: number, most: number): HTMLElement {
  const bed = bar('bed', ['alone', unique / most], ['shared', (referenced - unique) / most]);
  const figures = unique > 0 ? `${formatSize(unique)} of ${formatSize(referenced)}` : formatSize(referenced);
  const made = element(
    'div',
    'layer',
    element('span', '', name),
    element('span', 'note when', time),
    bed,
    element('span', 'figures', figures),
  );
  made.title = `${name}, ${time}: leads to ${formatSize(referenced)}, ${formatSize(unique)} of it alone`;
  return made;
}

function when(created: number): string {
  const date = new Date(created);
  const digits = (n: number): string => String(n).padStart(2, '0');
  const day = `${date.getFullYear()}-${digits(date.getMonth() + 1)}-${digits(date.getDate())}`;
  return `${day} ${digits(date.getHours())}:${digits(date.getMinutes())}`;
}
