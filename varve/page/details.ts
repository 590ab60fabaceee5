/** The panel of what lies where: the contents of a segment, the places of a file, and what a search found. */
import { formatSize } from '../../fs/cli/size.js';
import type { FilePlaces } from '../../fs/report/file-places.js';
import type { SegmentContents } from '../../fs/report/segment-contents.js';
import { ask } from './ask.js';
import { kindWords } from './colours.js';
import { bar, byId, type Child, element, percent, plain } from './elements.js';

interface Found {
  readonly found: readonly { readonly inode: number; readonly path: string }[];
  readonly complete: boolean;
}

const pageSize = 4096;
const size = (pages: number): string => formatSize(pages * pageSize);

export class Details {
  private readonly panel = byId('details');
  /** Of the last question: its answer is nobody's once there is a later one. */
  private asking = new AbortController();

  constructor(
    /** Let the cells of a file stand out; undefined: of none. */
    private readonly light: (cells: ReadonlySet<number> | undefined) => void,
  ) {
    this.say(
      'Click a square, or go there with Tab and the arrow keys: here is whose pages it holds. Find a file, and its segments light up.',
    );
    byId<HTMLFormElement>('find').addEventListener('submit', (event) => {
      event.preventDefault();
      this.find(byId<HTMLInputElement>('wanted').value.trim());
    });
  }

  private say(words: string): void {
    this.panel.replaceChildren(element('p', 'note', words));
  }

  private show<T>(file: string, given: Readonly<Record<string, string>>, words: (found: T) => Child[]): void {
    this.asking.abort();
    this.asking = new AbortController();
    const { signal } = this.asking;
    this.say('Looking…');
    ask<T>(file, given, signal).then(
      (found) => signal.aborted || this.panel.replaceChildren(...words(found)),
      (e: unknown) => signal.aborted || this.say(e instanceof Error ? e.message : String(e)),
    );
  }

  /** The cell's segment; of a cell that is many, the first. */
  segment(place: number, places: number): void {
    this.light(undefined);
    this.show<SegmentContents>('segment', { place: String(place) }, (found) => [
      ...(places > 1 ? [element('p', 'note', `The first of ${plain(places)} segments in this square.`)] : []),
      ...this.contents(found),
    ]);
  }

  private contents(of: SegmentContents): Child[] {
    const { place, serial, kind, open, pages, live, generation, files, moreFiles } = of;
    const title = element('h3', '', `Segment at place ${plain(place)}`);
    if (kind === 'free') return [title, element('p', '', 'Free: it can be written, from its start to its end.')];
    const state = `Number ${plain(serial)} in the order of writing, ${open ? 'being filled' : 'full'}; ${kindWords[kind]}; last written in generation ${plain(generation)}.`;
    const list = element('ul');
    for (const { inode, path, pages: own, heldPages } of files) {
      const name = path ?? `inode ${inode}, which has no name any more`;
      const held = heldPages > 0 ? `, ${size(heldPages)} of it older states that snapshots hold` : '';
      const words = element('span', 'note', `${size(own)}${held}`);
      const share = bar('share', ['has', (own - heldPages) / pages], ['held', heldPages / pages]);
      list.append(element('li', '', path === undefined ? name : this.button(inode, name), share, words));
    }
    const rest: [number, string][] = [
      [of.nodePages, 'nodes of the tree of all files: names, attributes, where pages lie'],
      [of.systemPages, "nodes of the volume's own tree: snapshots, and what the cleaner moved where"],
      [of.undescribed, 'pages that no summary tells of yet'],
    ];
    for (const [count, words] of rest)
      if (count > 0) list.append(element('li', '', `${size(count)}: ${words}`, bar('share', ['has', count / pages])));
    if (moreFiles > 0) list.append(element('li', 'note', `and ${plain(moreFiles)} more files`));
    const use =
      kind === 'journal'
        ? 'Records of what was asked to be durable since the last checkpoint; a later checkpoint frees it.'
        : `${size(live)} of ${size(pages)} live (${percent(live, pages)}):`;
    return [title, element('p', 'note', state), element('p', '', use), list];
  }

  private button(inode: number, path: string): HTMLElement {
    const made = element('button', 'file', path);
    made.type = 'button';
    made.addEventListener('click', () => this.file({ inode: String(inode) }, path));
    return made;
  }

  /** Where a file lies. */
  file(which: Readonly<Record<string, string>>, path: string): void {
    this.show<FilePlaces>('file', which, (found) => {
      this.light(new Set(found.cells.map(([cell]) => cell)));
      return this.places(found, path);
    });
  }

  private places({ size: bytes, pages, pieces, cells, complete }: FilePlaces, path: string): Child[] {
    const clear = element('button', '', 'Show all segments alike');
    clear.type = 'button';
    clear.addEventListener('click', () => this.light(undefined));
    const stored =
      pages === 0
        ? 'It has no pages of its own: it is empty, all holes, or small enough to lie in the metadata.'
        : `${formatSize(bytes)}, stored in ${size(pages)}: ${plain(pieces)} ${pieces === 1 ? 'piece' : 'pieces'} in ${plain(cells.length)} ${cells.length === 1 ? 'square' : 'squares'}, framed on the map.`;
    const most = [...cells].sort(([, a], [, b]) => b - a).slice(0, 12);
    const list = element('ul');
    for (const [cell, count] of most)
      list.append(element('li', '', `Square ${plain(cell)}: ${size(count)}`, bar('share', ['has', count / pages])));
    return [
      element('h3', '', path),
      element('p', '', stored),
      ...(complete ? [] : [element('p', 'note', 'That is how it begins: it is too large to be gone through.')]),
      list,
      clear,
    ];
  }

  private find(wanted: string): void {
    if (wanted === '') return;
    if (wanted.startsWith('/')) this.file({ path: wanted }, wanted);
    else this.search(wanted);
  }

  private search(wanted: string): void {
    this.show<Found>('find', { name: wanted }, ({ found, complete }) => {
      const list = element('ul');
      for (const { inode, path } of found) list.append(element('li', '', this.button(inode, path)));
      const none = found.length === 0 ? 'No name has that in it' : `${plain(found.length)} with that in the name`;
      return [element('p', 'note', `${none}${complete ? '.' : '; there may be more.'}`), list];
    });
  }
}
