/** What the log is doing: its heads, the image with the newest checkpoint, and what was written between two samples. */
import { counted, formatSize } from '../../fs/cli/size.js';
import type { HeadFigures, ImageFacts, LiveMap } from '../../fs/report/live-map.js';
import { bar, byId, element, percent, plain } from './elements.js';

const headWords: Readonly<Record<HeadFigures['name'], string>> = {
  data: 'New data',
  cold: 'The cleaner',
  nodes: 'Metadata',
  journal: 'Journal (fsync)',
};

export function showHeads({ heads, pagesPerSegment }: LiveMap): void {
  byId('heads').replaceChildren(
    ...heads.map(({ name, place, page }) => {
      const where = place < 0 ? 'none open' : `${plain(place)}, ${percent(page, pagesPerSegment)} full`;
      const share = place < 0 ? 0 : page / pagesPerSegment;
      return element('div', '', `${headWords[name]}: ${where}`, bar('meter', [name, share]));
    }),
  );
}

export function showImage({ parts }: ImageFacts, { slot, generation, places, pagesPerSegment }: LiveMap): void {
  const newest = slot === 0 ? 'checkpoint A' : 'checkpoint B';
  byId('image').replaceChildren(
    ...parts.map(({ name, bytes }) => {
      const wide = name === 'segments';
      const words = wide
        ? `${plain(places)} of ${formatSize(pagesPerSegment * 4096)}`
        : name === newest
          ? `generation ${plain(generation - 1)}`
          : formatSize(bytes);
      const made = element('div', `part${wide ? ' wide' : ''}${name === newest ? ' now' : ''}`);
      made.append(element('b', '', wide ? 'segments: the log' : name), element('span', '', words));
      made.title = `${name}: ${words}`;
      return made;
    }),
  );
}

const pageSize = 4096;

/** `seconds`: between the two. */
export function showRates(before: LiveMap, after: LiveMap, seconds: number): void {
  const rate = (of: keyof LiveMap['counts']): number => Math.max(0, after.counts[of] - before.counts[of]) / seconds;
  const bytes = (n: number): string => `${formatSize(Math.round(n))}/s`;
  byId('rates').textContent =
    `In the last second: ${bytes(rate('filePages') * pageSize)} of files, ${bytes(rate('movedPages') * pageSize)} moved by the cleaner, ` +
    `${bytes(rate('bytesWritten'))} written in all; ${counted(Math.round(rate('freedSegments')), 'segment')} freed, ` +
    `${counted(Math.round(rate('checkpoints')), 'checkpoint')}.`;
}
