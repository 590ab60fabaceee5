/**
 * The report as a picture (SVG) that a person understands at first look: a square for each segment, coloured by what
 * it holds and the darker the fuller it is, a legend, and three charts. Squares and bars have titles, which browsers
 * show under the pointer.
 */
import {
  type CellKind,
  type Classes,
  cellKinds,
  type FragmentationReport,
  type MapCell,
} from './fragmentation-report.js';

/** Colours that differ in brightness as well, for who can't tell red from green. */
const colours: Readonly<Record<CellKind, string>> = {
  free: '#ffffff',
  data: '#1f6fb4',
  cold: '#2f9e77',
  nodes: '#d9730d',
  journal: '#7d4cc2',
};
const words: Readonly<Record<CellKind, string>> = {
  free: 'free',
  data: 'files',
  cold: 'files, moved by the cleaner',
  nodes: 'metadata',
  journal: 'journal',
};

const width = 1040;
const margin = 24;
const inner = width - 2 * margin;

/** `name`: of the volume; `size`: how to write a number of bytes. */
export function picture(report: FragmentationReport, name: string, size: (bytes: number) => string): string {
  const parts: string[] = [];
  const text = (x: number, y: number, css: string, words: string): number =>
    parts.push(`<text x="${x}" y="${y}" class="${css}">${escaped(words)}</text>`);
  const { files, cost, segments } = report;
  text(margin, 40, 'title', `${name}${report.path === '/' ? '' : `, ${report.path}`}: ${verdict(report.score)}`);
  text(
    margin,
    62,
    'small',
    `Score ${report.score.toFixed(1)} of 100 (0: every file in one piece). ${count(files.count, 'file')}, ${size(files.bytes)}; ` +
      `${count(files.scattered, 'file')} in more pieces than needed, ${count(cost.jumps, 'jump')} too many.`,
  );
  const mapTop = 108;
  text(margin, mapTop - 14, 'head', mapTitle(report, size));
  const mapHeight = drawMap(report, parts, mapTop);
  const legendTop = mapTop + mapHeight + 26;
  drawLegend(parts, legendTop);
  const chartTop = legendTop + 58;
  const chart = (inner - 2 * margin) / 3;
  const utilisation = segments.utilisation.map(({ data, cold, nodes }, at) => ({
    label: at % 2 === 0 ? `${at * 10}` : '',
    value: data + cold + nodes,
    title: `${at * 10} to ${at * 10 + 10} % live: ${count(data + cold + nodes, 'segment')}`,
  }));
  bars(parts, margin, chartTop, chart, 'Full segments by live share, %', utilisation, colours.data);
  bars(
    parts,
    margin + chart + margin,
    chartTop,
    chart,
    'Bytes by length of piece',
    byLength(report.piecesByBytes, size),
    colours.cold,
  );
  bars(
    parts,
    margin + 2 * (chart + margin),
    chartTop,
    chart,
    'Files by number of pieces',
    byPieces(report.filesByPieces),
    colours.nodes,
  );
  const height = chartTop + 190;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">`,
    `<title>${escaped(`Fragmentation of ${name}`)}</title>`,
    '<style>text{font-family:system-ui,sans-serif;fill:#222}.title{font-size:22px;font-weight:600}.head{font-size:14px;font-weight:600}',
    '.small{font-size:13px}.tiny{font-size:11px;fill:#555}.cell{stroke:#c9ccd1;stroke-width:.5}.open{stroke:#111;stroke-width:1.5}</style>',
    `<rect width="${width}" height="${height}" fill="#fbfbfa"/>`,
    ...parts,
    '</svg>\n',
  ].join('\n');
}

export function verdict(score: number): string {
  if (score < 1) return 'not fragmented';
  if (score < 10) return 'little fragmented';
  return score < 40 ? 'fragmented' : 'badly fragmented';
}

function mapTitle({ segments, map }: FragmentationReport, size: (bytes: number) => string): string {
  const each = map.placesPerCell === 1 ? 'one' : `${map.placesPerCell}`;
  return (
    `Segments in the order of the image: ${each} of ${size(segments.segmentBytes)} a square; ` +
    `${count(segments.free, 'free segment')} of ${segments.places.toLocaleString('en-US')}, at most ${segments.longestFreeRun.toLocaleString('en-US')} in a row`
  );
}

/** Returns its height. */
function drawMap({ map }: FragmentationReport, parts: string[], top: number): number {
  const columns = Math.min(128, Math.max(32, Math.ceil(Math.sqrt(map.cells.length * 2.5))));
  const side = inner / columns;
  const gap = side > 6 ? 1 : 0.4;
  for (const [at, cell] of map.cells.entries()) {
    const x = margin + (at % columns) * side;
    const y = top + Math.floor(at / columns) * side;
    parts.push(
      `<rect x="${round(x)}" y="${round(y)}" width="${round(side - gap)}" height="${round(side - gap)}" ` +
        `class="${cell.open ? 'open' : 'cell'}" fill="${shade(cell)}"><title>${cellTitle(cell)}</title></rect>`,
    );
  }
  return Math.ceil(map.cells.length / columns) * side;
}

function cellTitle(cell: MapCell): string {
  const { place, places, kind, live, pages, open, generation } = cell;
  const where = places === 1 ? `segment at place ${place}` : `places ${place} to ${place + places - 1}`;
  if (kind === 'free') return `${where}: free`;
  const use = kind === 'journal' && live === 0 ? '' : `, ${Math.round((100 * live) / pages)} % live`;
  return `${where}: ${words[kind]}${open ? ', being filled' : ''}${use}, last written in generation ${generation}`;
}

/** White for nothing live, the full colour for all. */
function shade({ kind, live, pages, places }: MapCell): string {
  if (kind === 'free') return colours.free;
  const share = kind === 'journal' && places === 1 ? 1 : live / pages;
  return mixed(colours[kind], 0.15 + 0.85 * share);
}

function mixed(colour: string, share: number): string {
  const parts = [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16));
  return `#${parts
    .map((part) =>
      Math.round(255 + (part - 255) * share)
        .toString(16)
        .padStart(2, '0'),
    )
    .join('')}`;
}

function drawLegend(parts: string[], top: number): void {
  let x = margin;
  for (const kind of cellKinds) {
    parts.push(
      `<rect x="${x}" y="${top - 11}" width="13" height="13" class="cell" fill="${colours[kind]}"/>`,
      `<text x="${x + 19}" y="${top}" class="small">${words[kind]}</text>`,
    );
    x += 40 + words[kind].length * 7;
  }
  parts.push(
    `<rect x="${x}" y="${top - 11}" width="13" height="13" class="open" fill="#ffffff"/>`,
    `<text x="${x + 19}" y="${top}" class="small">being filled</text>`,
  );
  x += 130;
  for (let step = 0; step <= 4; step++)
    parts.push(
      `<rect x="${x + step * 14}" y="${top - 11}" width="14" height="13" fill="${mixed(colours.data, 0.15 + (0.85 * step) / 4)}"/>`,
    );
  parts.push(`<text x="${x + 76}" y="${top}" class="small">0 to 100 % live</text>`);
}

interface Bar {
  readonly label: string;
  readonly value: number;
  readonly title: string;
}

const byLength = (classes: Classes, size: (bytes: number) => string): Bar[] =>
  classes.map(({ from, count: pieces, bytes }, at) => ({
    label: at % 3 === 0 ? size(from) : '',
    value: bytes,
    title: `from ${size(from)}: ${size(bytes)} in ${count(pieces, 'piece')}`,
  }));

const byPieces = (classes: Classes): Bar[] =>
  classes.map(({ from, to, count: files, bytes }, at) => ({
    label: classes.length <= 8 || at % 2 === 0 ? String(from) : '',
    value: files,
    title: `${from === to ? from : `${from} to ${to}`} pieces: ${count(files, 'file')}, ${bytes.toLocaleString('en-US')} bytes`,
  }));

function bars(
  parts: string[],
  x: number,
  top: number,
  wide: number,
  title: string,
  list: readonly Bar[],
  fill: string,
): void {
  const height = 120;
  const most = Math.max(1, ...list.map(({ value }) => value));
  const step = wide / Math.max(1, list.length);
  parts.push(`<text x="${round(x)}" y="${top}" class="head">${escaped(title)}</text>`);
  parts.push(`<path d="M${round(x)} ${top + 14 + height}h${round(wide)}" stroke="#999"/>`);
  for (const [at, { label, value, title: words }] of list.entries()) {
    const tall = value === 0 ? 0 : Math.max(1, (height * value) / most);
    const left = x + at * step;
    parts.push(
      `<rect x="${round(left + step * 0.1)}" y="${round(top + 14 + height - tall)}" width="${round(step * 0.8)}" ` +
        `height="${round(tall)}" fill="${fill}"><title>${escaped(words)}</title></rect>`,
    );
    if (label !== '')
      parts.push(
        `<text x="${round(left + step * 0.1)}" y="${top + 30 + height}" class="tiny">${escaped(label)}</text>`,
      );
  }
}

const count = (n: number, noun: string): string => `${n.toLocaleString('en-US')} ${noun}${n === 1 ? '' : 's'}`;
const round = (n: number): number => Math.round(n * 100) / 100;
const escaped = (text: string): string =>
  text.replace(/[&<>"]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[c] as string);
