/**
 * What a server says to people, a line at a time: to standard error, and to a file once it runs in the background. Where
 * a line can't be written (the file's filesystem is full, the terminal gone) it is lost: a mount does not end for that.
 *
 * The file lies in memory (/run) unless told otherwise, and a program that reads a bad page again and again makes a line
 * each time: so it stays small. What is full becomes the old one, and the one before that goes.
 */
import { appendFileSync, renameSync, statSync, writeSync } from 'node:fs';

/** A file of so many bytes is full. */
const mostBytes = 4 * 2 ** 20;

export class ServerLog {
  /** Undefined: standard error. */
  private path: string | undefined;
  /** Bytes in the file. */
  private length = 0;

  /** From now on to the file, which is there. */
  goTo(path: string): void {
    this.path = path;
    this.length = statSync(path).size;
  }

  /** One line, with the time. Never throws. */
  readonly write = (line: string): void => {
    const text = `${new Date().toISOString()} [${process.pid}] ${line}\n`;
    try {
      if (this.path === undefined) writeSync(2, text);
      else this.append(this.path, text);
    } catch {
      // Nobody is left to be told.
    }
  };

  private append(path: string, text: string): void {
    if (this.length > mostBytes) {
      renameSync(path, `${path}.old`);
      this.length = 0;
    }
    appendFileSync(path, text, { mode: 0o600 });
    this.length += Buffer.byteLength(text);
  }
}
