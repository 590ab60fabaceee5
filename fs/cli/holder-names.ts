/**
 * Names of users, groups and projects, as /etc/passwd, /etc/group and /etc/projid have them (projid(5) of xfsprogs). Whom
 * they do not know goes by number.
 */
import { readFileSync } from 'node:fs';
import { VolumeError } from '../errors.js';
import type { Holder } from '../volume/usage.js';

/** Where names are, and in which column of a line the id stands. */
const sources: Readonly<Record<Holder, readonly [file: string, column: number]>> = {
  user: ['/etc/passwd', 2],
  group: ['/etc/group', 2],
  project: ['/etc/projid', 1],
};

export class HolderNames {
  private readonly names = new Map<number, string>();
  private readonly ids = new Map<string, number>();

  constructor(private readonly holder: Holder) {
    const [file, column] = sources[holder];
    for (const line of textOf(file).split('\n')) {
      const fields = line.split(':');
      const id = Number(fields[column]);
      if (fields[0] === '' || fields[column] === undefined || !isId(id)) continue;
      if (!this.names.has(id)) this.names.set(id, fields[0]);
      if (!this.ids.has(fields[0])) this.ids.set(fields[0], id);
    }
  }

  /** The name, or # and the number, as repquota(8) writes it. */
  nameOf(id: number): string {
    return this.names.get(id) ?? `#${id}`;
  }

  /** Throws VolumeError 'usage' for a name that nobody has. */
  idOf(text: string): number {
    const known = this.ids.get(text);
    if (known !== undefined) return known;
    const id = Number(text.replace(/^#/, ''));
    if (text !== '' && isId(id)) return id;
    throw new VolumeError('usage', `there is no ${this.holder} '${text}'`);
  }
}

const isId = (id: number): boolean => Number.isInteger(id) && id >= 0 && id < 2 ** 32;

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (e) {
    if ((e as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw e;
  }
}
