/**
 * What a server says to people, a line at a time: to standard error, and to a file once it runs in the background. Where
 * a line can't be written (the file's filesystem is full, the terminal gone) it is lost: a mount does not end for that.
 */
import { appendFileSync, writeSync } from 'node:fs';

export class ServerLog {
  /** Undefined: standard error. */
  path: string | undefined;

  /** One line, with the time. Never throws. */
  readonly write = (line: string): void => {
    const text = `${new Date().toISOString()} [${process.pid}] ${line}\n`;
    try {
      if (this.path === undefined) writeSync(2, text);
      else appendFileSync(this.path, text);
    } catch {
      // Nobody is left to be told.
    }
  };
}
