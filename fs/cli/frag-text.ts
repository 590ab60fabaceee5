/** The report of fragmentation for a terminal: figures, bars, the worst files, and a map of the volume. */
import type { CellKind, Classes, FragmentationReport, MapCell, SpaceMap } from '../report/fragmentation-report.js';
import { verdict } from '../report/picture.js';
import { type Output, type Paint, paint, pairs, table } from './output.js';
import { counted, formatSize } from './size.js';

export function fragmentationText(output: Output, name: string, report: FragmentationReport): string {
  const how: Paint = report.score < 10 ? 'green' : report.score < 40 ? 'yellow' : 'red';
  const where = report.path === '/' ? name : `${name}, ${report.path}`;
  return [
    `${where}: ${paint(output, how, `${verdict(report.score)}, score ${report.score.toFixed(1)}`)} (0: every file in one piece)`,
    pairs(figures(report)),
    bars(output, 'Files by number of pieces', report.filesByPieces, 'count', plain),
    bars(output, 'Bytes by length of piece', report.piecesByBytes, 'bytes', formatSize),
    utilisation(output, report),
    worst(output, report),
    mapText(output, report.map),
  ]
    .filter((part) => part !== '')
    .join('\n\n');
}

const plain = (n: number): string => n.toLocaleString('en-US');
const percent = (part: number, whole: number): string => `${whole === 0 ? 0 : ((100 * part) / whole).toFixed(1)} %`;

function figures({ files, cost, distances, segments, metadata }: FragmentationReport): [string, string][] {
  const own = files.count - files.withoutPages;
  const steps = [...distances.forward, ...distances.backward];
  const [gaps, far] = [sum(steps, 'count'), sum(steps, 'bytes')];
  const list: [string, string][] = [
    ['files', `${counted(files.count, 'file')}, ${plain(own)} with pages of their own: ${formatSize(files.bytes)}`],
    ['extents', `${plain(files.extents)}, at least ${plain(files.idealExtents)} are needed`],
    ['pieces', `${plain(files.pieces)}, at least ${plain(files.idealPieces)} are needed`],
    ['scattered', `${counted(files.scattered, 'file')} in more pieces than needed (${percent(files.scattered, own)})`],
    [
      'to read all once',
      `${counted(cost.jumps, 'jump')} too many, at the price of ${formatSize(cost.jumps * cost.jumpBytes)}; ` +
        `${formatSize(cost.shortPieceBytes)} in pieces shorter than the read-ahead (${formatSize(cost.jumpBytes)})`,
    ],
  ];
  if (gaps > 0)
    list.push([
      'between pieces',
      `${formatSize(Math.round(far / gaps))} on average, ${percent(sum(distances.backward, 'count'), gaps)} backwards`,
    ]);
  list.push([
    'segments',
    `${plain(segments.places)} of ${formatSize(segments.segmentBytes)}: ${plain(segments.sealed)} full, ${plain(segments.open)} being filled, ` +
      `${plain(segments.journal)} journal, ${plain(segments.free)} free (at most ${plain(segments.longestFreeRun)} in a row)`,
  ]);
  if (metadata !== undefined) {
    const { leaves, inner, bytes, fill, jumps, score, damaged } = metadata;
    list.push([
      'metadata',
      `${counted(leaves, 'leaf', 'leaves')} (${formatSize(bytes)}, ${percent(fill, 1)} in use), ${plain(inner)} above; ` +
        `a walk jumps ${counted(jumps, 'time')}, score ${score.toFixed(1)}`,
    ]);
    if (damaged > 0) list.push(['damaged', `${counted(damaged, 'node')}: run fsck.varve`]);
  }
  return list;
}

const sum = (classes: Classes, of: 'count' | 'bytes'): number => classes.reduce((all, one) => all + one[of], 0);

const barWidth = 40;
const bar = (part: number, most: number): string =>
  '█'.repeat(most === 0 || part === 0 ? 0 : Math.max(1, Math.round((barWidth * part) / most)));

function bars(
  output: Output,
  title: string,
  classes: Classes,
  of: 'count' | 'bytes',
  format: (n: number) => string,
): string {
  if (classes.length === 0) return '';
  const most = Math.max(...classes.map((one) => one[of]));
  const rows = classes.map((one) => [
    one.from === one.to
      ? format === formatSize
        ? formatSize(one.from)
        : plain(one.from)
      : `${(of === 'bytes' ? formatSize : plain)(one.from)} and more`,
    format(one[of]),
    paint(output, 'blue', bar(one[of], most)),
  ]);
  return `${paint(output, 'bold', title)}\n${table(output, ['', '', ''], rows, []).split('\n').slice(1).join('\n')}`;
}

function utilisation(output: Output, { segments }: FragmentationReport): string {
  if (segments.sealed === 0) return '';
  const all = segments.utilisation.map(({ data, cold, nodes }) => data + cold + nodes);
  const most = Math.max(...all);
  const rows = all.map((n, at) => [`${at * 10} to ${at * 10 + 10} %`, plain(n), paint(output, 'blue', bar(n, most))]);
  return `${paint(output, 'bold', 'Full segments by live share')}\n${table(output, ['', '', ''], rows, []).split('\n').slice(1).join('\n')}`;
}

function worst(output: Output, { worst: list }: FragmentationReport): string {
  if (list.length === 0) return '';
  const head = ['pieces', 'needed', 'size', 'inode', 'path'];
  const rows = list.map(({ pieces, idealPieces, bytes, inode, path }) => [
    plain(pieces),
    plain(idealPieces),
    formatSize(bytes),
    String(inode),
    path ?? '(no name)',
  ]);
  return `${paint(output, 'bold', 'The most scattered files')}\n${table(output, head, rows, head.slice(0, 4))}`;
}

const kinds: Readonly<Record<CellKind, { readonly colour: Paint; readonly letter: string; readonly words: string }>> = {
  free: { colour: 'dim', letter: '.', words: 'free' },
  data: { colour: 'blue', letter: 'd', words: 'files' },
  cold: { colour: 'cyan', letter: 'c', words: 'files that the cleaner moved' },
  nodes: { colour: 'yellow', letter: 'n', words: 'metadata' },
  journal: { colour: 'magenta', letter: 'j', words: 'journal' },
};
const shades = '░▒▓█';
const perLine = 96;

/** The map alone: in colours a shade says how full, without colours a letter says what. */
export function mapText(output: Output, { cells, placesPerCell }: SpaceMap): string {
  const drawn = (cell: MapCell): string => {
    const { colour, letter } = kinds[cell.kind];
    if (!output.colours) return cell.live / cell.pages >= 0.5 ? letter.toUpperCase() : letter;
    if (cell.kind === 'free') return paint(output, colour, '·');
    return paint(output, colour, shades[Math.min(3, Math.floor((4 * cell.live) / cell.pages))]);
  };
  const lines: string[] = [];
  const digits = String(cells.at(-1)?.place ?? 0).length;
  for (let from = 0; from < cells.length; from += perLine) {
    const line = cells.slice(from, from + perLine);
    lines.push(`${String(line[0].place).padStart(digits)} ${line.map(drawn).join('')}`);
  }
  const legend = Object.values(kinds).map(({ colour, letter, words }) =>
    output.colours ? `${paint(output, colour, letter === '.' ? '·' : '█')} ${words}` : `${letter} ${words}`,
  );
  const fill = output.colours ? `${shades} a quarter to all of it live` : 'capital letter: at least half of it live';
  const title = `Map, ${placesPerCell === 1 ? 'a segment' : counted(placesPerCell, 'segment')} a cell`;
  return `${paint(output, 'bold', title)}\n${lines.join('\n')}\n${legend.join('   ')}   ${fill}`;
}
