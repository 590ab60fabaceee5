/** What `varve top` shows of a sample: a page for a terminal, or one line for a log. */
import { formatMs } from './activity.js';
import type { Sample } from './activity-sample.js';
import type { Paint } from './output.js';
import { formatSize } from './size.js';

/** A piece of a line, and its colour or weight if it has one. */
export type Span = readonly [text: string, paint?: Paint];
export type Line = readonly Span[];

const labelWidth = 10;
const kindWidth = 18;
const barWidth = 40;
const processesShown = 8;

const number = (value: number): string =>
  value < 10 && value > 0 ? value.toFixed(1) : Math.round(value).toLocaleString('en-US');
const speed = (bytes: number): string => `${formatSize(Math.round(bytes))}/s`;
const percent = (share: number): string => {
  const shown = 100 * share;
  // 99.96 is not all.
  return `${shown > 99.9 && shown < 100 ? '99.9' : shown.toFixed(shown < 99.95 ? 1 : 0)} %`;
};

const labelled = (label: string, text: string, paint?: Paint): Line => [
  [label.padEnd(labelWidth), 'cyan'],
  paint === undefined ? [text] : [text, paint],
];

/** Causes of `varve df --by-cause` with the mark of each in the bar. */
const causes: readonly (readonly [name: string, shown: string, mark: string, paint: Paint])[] = [
  ['data', 'files', '#', 'green'],
  ['metadata', 'metadata', '%', 'yellow'],
  ['snapshots', 'snapshots', '+', 'magenta'],
  ['history', 'history', '-', 'blue'],
  ['promised', 'promised', '=', 'cyan'],
  ['copies', 'set aside', ':', 'dim'],
];

/** `3 d 4 h`, `2 h 5 min`, `12 s`. */
function upText(seconds: number): string {
  const [minutes, hours, days] = [60, 3600, 86_400].map((unit) => Math.floor(seconds / unit));
  if (days > 0) return `${days} d ${hours % 24} h`;
  if (hours > 0) return `${hours} h ${minutes % 60} min`;
  return minutes > 0 ? `${minutes} min` : `${Math.floor(seconds)} s`;
}

/** As many lines as fit into `rows`, none longer than `columns`. */
export function topScreen(sample: Sample, columns: number, rows: number): Line[] {
  const lines = [...header(sample), [], ...operations(sample)];
  const processes = callers(sample);
  // The list of processes is short, that of operations may be cut.
  const room = Math.max(0, rows - processes.length);
  return [...lines.slice(0, room), ...processes].slice(0, rows).map((line) => cut(line, columns));
}

function header(sample: Sample): Line[] {
  const { server, requests, latency, store, memory, cleaner } = sample;
  const fromMemory = requests.fromMemory === null ? '' : `, ${percent(requests.fromMemory)} from memory`;
  return [
    [
      [`varve top ${sample.mount}`, 'bold'],
      [` (${sample.image})  ${sample.time.slice(11, 19)} UTC, mounted for ${upText(sample.upSeconds)}`],
    ],
    labelled(
      'server',
      `process ${server.pid}, ${percent(server.cpu)} of a core, ${formatSize(server.memoryBytes)}, journal ${server.journal}`,
    ),
    ...(server.failure === null ? [] : [labelled('state', `read-only: ${server.failure}`, 'red')]),
    labelled('requests', `${number(requests.perSecond)}/s${fromMemory}, ${number(requests.waiting)} waiting`),
    labelled(
      'latency',
      sample.operations.length === 0
        ? 'no requests'
        : `half within ${formatMs(latency.p50Ms)}, 99 % within ${formatMs(latency.p99Ms)}, longest ${formatMs(latency.longestMs)}`,
    ),
    ...(sample.away === null
      ? []
      : [labelled('away', `from requests for at most ${formatMs(sample.away.longestMs)} at a time`)]),
    labelled('files', `read ${speed(requests.bytesRead)}, written ${speed(requests.bytesWritten)}`),
    labelled(
      'image',
      `read ${speed(store.bytesRead)}, written ${speed(store.bytesWritten)}; a second: ${number(store.checkpoints)} commits, ` +
        `${number(store.records)} records, ${number(store.barriers)} barriers${store.committing ? '; committing' : ''}`,
    ),
    labelled(
      'cache',
      `pages ${formatSize(memory.pageBytes)} of ${formatSize(memory.mostPageBytes)}, ${formatSize(memory.dirtyBytes)} dirty; ` +
        `nodes ${number(memory.nodes)} of ${number(memory.mostNodes)}, ${number(memory.dirtyNodes)} dirty, ` +
        `${number(memory.nodeMisses)} misses/s`,
    ),
    labelled(
      'cleaner',
      `moved ${speed(cleaner.movedBytes)}, ${number(cleaner.cleanings)} segments/s` +
        `${cleaner.urgent > 0 ? ` (${number(cleaner.urgent)} waited for)` : ''}; ` +
        `${number(cleaner.freeSegments)} of ${number(cleaner.segments)} segments free`,
      cleaner.urgent > 0 ? 'yellow' : undefined,
    ),
    ...spaceLines(sample.space),
  ];
}

function spaceLines({ capacity, used, available, byCause }: Sample['space']): Line[] {
  const share = percent(used / capacity);
  const first = `${formatSize(used)} of ${formatSize(capacity)} (${share}), ${formatSize(available)} available`;
  if (byCause === null) return [labelled('space', first)];
  const parts = causes.map(([name, shown, mark, paint]) => ({ bytes: byCause[name] ?? 0, shown, mark, paint }));
  const bar: Span[] = [];
  let [sum, width] = [0, 0];
  for (const { bytes, mark, paint } of parts) {
    sum += bytes;
    const end = Math.min(barWidth, Math.round((barWidth * sum) / capacity));
    if (end > width) bar.push([mark.repeat(end - width), paint]);
    width = Math.max(width, end);
  }
  const shown = parts.filter(({ bytes }) => bytes > 0);
  return [
    [...labelled('space', '['), ...bar, [' '.repeat(barWidth - width)], [`] ${share}`]],
    labelled('', shown.map((one) => `${one.mark} ${one.shown} ${formatSize(one.bytes)}`).join('   ')),
    labelled('', first),
  ];
}

function operations({ operations: all }: Sample): Line[] {
  const row = (kind: string, ...cells: readonly string[]): string =>
    kind.padEnd(kindWidth) + cells.map((cell) => cell.padStart(11)).join('');
  return [
    [[row('OPERATION', 'PER SECOND', 'HALF IN', '99 % IN', 'LONGEST'), 'bold']],
    ...all.map(
      ({ kind, perSecond, p50Ms, p99Ms, longestMs }): Line => [
        [row(kind, number(perSecond), formatMs(p50Ms), formatMs(p99Ms), formatMs(longestMs))],
      ],
    ),
  ];
}

function callers({ processes }: Sample): Line[] {
  if (processes.length === 0) return [];
  return [
    [],
    [[`${'PROCESS'.padEnd(kindWidth)}${'NUMBER'.padStart(11)}${'REQUESTS'.padStart(11)}`, 'bold']],
    ...processes
      .slice(0, processesShown)
      .map(
        ({ pid, name, share }): Line => [
          [
            `${name.slice(0, kindWidth - 1).padEnd(kindWidth)}${(pid === 0 ? '' : String(pid)).padStart(11)}${percent(share).padStart(11)}`,
          ],
        ],
      ),
  ];
}

/** Paths and names of processes are as whoever chose them wants: nothing of them is for the terminal. */
function cut(line: Line, columns: number): Line {
  let left = columns;
  return line.map(([text, ...paint]): Span => {
    const shown = text.slice(0, left).replace(/\p{Cc}/gu, '?');
    left -= shown.length;
    return [shown, ...paint];
  });
}

const kindsInLine = 4;

/** For a log, or a pipe. */
export function topLine(sample: Sample): string {
  const { requests, latency, store, memory, operations } = sample;
  return [
    sample.time.slice(0, 19).concat('Z'),
    `${number(requests.perSecond)} requests/s`,
    ...(operations.length === 0 ? [] : [`p50 ${formatMs(latency.p50Ms)}`, `p99 ${formatMs(latency.p99Ms)}`]),
    `read ${speed(requests.bytesRead)}`,
    `written ${speed(requests.bytesWritten)}`,
    `to the image ${speed(store.bytesWritten)}`,
    `dirty ${formatSize(memory.dirtyBytes)}`,
    ...operations.slice(0, kindsInLine).map((one) => `${one.kind} ${number(one.perSecond)}/s`),
  ].join('  ');
}
