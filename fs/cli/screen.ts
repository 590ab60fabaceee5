/**
 * A page on a terminal that is drawn again and again: on the alternate screen, so that what was there comes back, with
 * keys read one by one. `close` leaves the terminal as it was found; it must be called on every way out.
 */
import { type Output, paint } from './output.js';
import type { Line } from './top-screen.js';

const enter = '\u001b[?1049h\u001b[?25l';
const leave = '\u001b[?25h\u001b[?1049l';
const [home, clearLine, clearBelow] = ['\u001b[H', '\u001b[K', '\u001b[J'];
/** Ctrl-C, which raw mode makes a key. */
const interruptKey = '\u0003';

export class Screen {
  private constructor(private readonly output: Output) {
    process.stdout.write(enter);
  }

  /** Undefined: standard output is no terminal. */
  static open(output: Output, quit: () => void): Screen | undefined {
    if (process.stdout.isTTY !== true) return undefined;
    const screen = new Screen(output);
    if (process.stdin.isTTY) {
      process.stdin.setRawMode(true);
      process.stdin.setEncoding('utf8');
      process.stdin.on('data', (keys) => {
        if (String(keys).includes('q') || String(keys).includes(interruptKey)) quit();
      });
      process.stdin.resume();
    }
    return screen;
  }

  get columns(): number {
    return process.stdout.columns;
  }

  get rows(): number {
    return process.stdout.rows;
  }

  onResize(draw: () => void): void {
    process.stdout.on('resize', draw);
  }

  draw(lines: readonly Line[]): void {
    const text = lines.map((line) =>
      line.map(([part, how]) => (how === undefined ? part : paint(this.output, how, part))).join(''),
    );
    process.stdout.write(`${home}${text.join(`${clearLine}\n`)}${clearLine}${clearBelow}`);
  }

  close(): void {
    process.stdout.write(leave);
    process.stdout.removeAllListeners('resize');
    if (!process.stdin.isTTY) return;
    process.stdin.setRawMode(false);
    process.stdin.removeAllListeners('data');
    process.stdin.pause();
  }
}
