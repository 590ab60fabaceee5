/** The three ways to colour a cell of the map, and what each means. Colours are those of the style sheet, light or dark. */
import type { CellKind } from '../../fs/report/fragmentation-report.js';
import type { LiveMap } from '../../fs/report/live-map.js';
import { type Child, element } from './elements.js';

export const colourings = ['kind', 'utilisation', 'age'] as const;
export type Colouring = (typeof colourings)[number];

/** In the order of the digits of `LiveMap.kinds`. */
export const kinds: readonly CellKind[] = ['free', 'data', 'cold', 'nodes', 'journal'];

export const kindWords: Readonly<Record<CellKind, string>> = {
  free: 'free',
  data: 'new data of files',
  cold: 'what lasted, packed by the cleaner',
  nodes: 'metadata',
  journal: 'journal',
};

export const explanations: Readonly<Record<Colouring, string>> = {
  kind: 'A square is a segment. Data, metadata and what has lasted go to segments of their own, as pages that die together leave nothing to clean. The paler, the less of it still lives.',
  utilisation:
    'A square is a segment, and the darker the more of it still lives. The cleaner looks for pale ones: little to move, much to win.',
  age: 'A square is a segment, coloured by how many generations ago it was last written. New pages replace old ones elsewhere: an old segment that is still full holds what hardly changes.',
};

type Rgb = readonly [number, number, number];

export class Palette {
  private readonly known = new Map<string, Rgb>();
  private readonly style = getComputedStyle(document.documentElement);

  /** A colour of the style sheet. */
  css(name: string): string {
    return this.style.getPropertyValue(`--${name}`).trim();
  }

  private rgb(name: string): Rgb {
    let found = this.known.get(name);
    if (found === undefined) {
      const hex = this.css(name);
      found = [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16)) as unknown as Rgb;
      this.known.set(name, found);
    }
    return found;
  }

  /** `share` of the way from one colour to another. */
  between(from: string, to: string, share: number): string {
    const [a, b] = [this.rgb(from), this.rgb(to)];
    return `rgb(${a.map((part, i) => Math.round(part + (b[i] - part) * share)).join(' ')})`;
  }

  cell(map: LiveMap, at: number, how: Colouring): string {
    const kind = kinds[Number(map.kinds[at])];
    if (kind === 'free') return this.css('free');
    const share = liveShare(map, at);
    if (how === 'kind') return this.between('free', kind, kind === 'journal' ? 1 : 0.2 + 0.8 * share);
    if (how === 'utilisation')
      return kind === 'journal' ? this.between('free', 'journal', 0.35) : this.between('none', 'full', share);
    const age = ageShare(map, at);
    return age < 0.5 ? this.between('young', 'middle', 2 * age) : this.between('middle', 'old', 2 * age - 1);
  }
}

const pagesOf = ({ places, placesPerCell, pagesPerSegment }: LiveMap, at: number): number =>
  Math.min(placesPerCell, places - at * placesPerCell) * pagesPerSegment;

/** Of the pages of a cell, 0 to 1. */
export const liveShare = (map: LiveMap, at: number): number => map.live[at] / pagesOf(map, at);

/** Generations since the last write of a cell. */
export const ageOf = (map: LiveMap, at: number): number => Math.max(0, map.generation - map.written[at]);

/** 0: just written; 1: as old as the volume. By the logarithm, as most things die young. */
const ageShare = (map: LiveMap, at: number): number =>
  Math.log2(1 + ageOf(map, at)) / Math.log2(1 + Math.max(1, map.generation));

const key = (chip: string, words: string): HTMLElement => element('span', 'key', element('i', `chip ${chip}`), words);

export function legendOf(how: Colouring): Child[] {
  const always = [
    key('open', 'being filled'),
    key('dot', 'changed in the last second'),
    key('ring', 'freed in the last second'),
  ];
  if (how === 'kind') return [...kinds.map((kind) => key(kind, kindWords[kind])), ...always];
  const ramp = element('i', `chip ramp ${how}`);
  const [from, to] = how === 'age' ? ['just written', 'as old as the volume'] : ['all dead', 'all live'];
  return [element('span', 'key', from, ramp, to), key('free', 'free'), ...always];
}
