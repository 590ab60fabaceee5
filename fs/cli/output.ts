/**
 * What commands print: lines, tables, JSON. Results go to standard output, everything else to standard error. Colours only on a terminal and never with NO_COLOR (no-color.org).
 */
import Table from 'cli-table3';

/** Where a command writes; tests pass their own. */
export interface Output {
  /** One line to standard output. */
  line(text: string): void;
  /** One line to standard error. */
  error(text: string): void;
  readonly colours: boolean;
  /** A person watches standard error. */
  readonly terminal: boolean;
}

/** Standard output and standard error. */
export function standardOutput(): Output {
  // `varve dump ... | head` ends here, quietly, as other commands do.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });
  const to = (stream: NodeJS.WriteStream) => (text: string) =>
    void stream.write(`${stream.isTTY ? forTerminal(text) : text}\n`);
  return {
    line: to(process.stdout),
    error: to(process.stderr),
    colours: process.stdout.isTTY === true && !process.env.NO_COLOR,
    terminal: process.stderr.isTTY === true,
  };
}

const codes = { red: 31, green: 32, yellow: 33, blue: 34, magenta: 35, cyan: 36, bold: 1, dim: 2 } as const;
export type Paint = keyof typeof codes;

/** `text` in a colour or weight, if colours are wanted. */
export function paint(output: Output, how: Paint, text: string): string {
  return output.colours ? `\u001b[${codes[how]}m${text}\u001b[0m` : text;
}

/**
 * As a terminal may get it: names in an image are as whoever made it wants them, and control characters could say anything to
 * the terminal. They become `?`, as in ls(1); lines, tabs and the colours of `paint` stay.
 */
export const forTerminal = (text: string): string =>
  text.replace(/\p{Cc}(\[\d{1,2}m)?/gu, (one, colour = '') => {
    const [control] = one;
    const stays = control === '\n' || control === '\t' || (control === '\u001b' && colour !== '');
    return stays ? one : `?${colour}`;
  });

/** A table with a header row, without borders: columns of numbers (named in `right`) stand to the right. */
export function table(
  output: Output,
  head: readonly string[],
  rows: readonly (readonly string[])[],
  right: readonly string[] = [],
): string {
  const none = Object.fromEntries(
    ['top', 'top-mid', 'top-left', 'top-right', 'bottom', 'bottom-mid', 'bottom-left', 'bottom-right']
      .concat(['left', 'left-mid', 'mid', 'mid-mid', 'right', 'right-mid'])
      .map((part) => [part, '']),
  );
  const made = new Table({
    head: head.map((name) => paint(output, 'bold', name)),
    colAligns: head.map((name) => (right.includes(name) ? 'right' : 'left')),
    chars: { ...none, middle: '  ' },
    style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [] },
  });
  for (const row of rows) made.push([...row]);
  return made
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
}

/** `name: value` lines with the values in one column. */
export function pairs(list: readonly (readonly [string, string])[]): string {
  const width = Math.max(...list.map(([name]) => name.length)) + 1;
  return list.map(([name, value]) => `${`${name}:`.padEnd(width + 1)} ${value}`).join('\n');
}

/** JSON for a program: numbers as they are, bytes as hexadecimal. */
export function json(value: unknown): string {
  return JSON.stringify(value, (_, part) => (part instanceof Uint8Array ? Buffer.from(part).toString('hex') : part), 2);
}
