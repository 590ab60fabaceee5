/**
 * Work as a mount's users do it, done once before they come, on a filesystem that nobody will miss.
 *
 * V8 interprets code that is new to it, at a fifth of the speed of what it makes of it after some thousand calls; and
 * memory that a process touches for the first time is dear as well, most of all in a virtual machine. A mount is
 * often used hardest in its first seconds: the first 3,000 files took 330 us of the server's time each, later ones 70
 * (Node 20, 2026).
 *
 * A rehearsal is a row of short acts, 0.2 to 5 ms each. Whoever holds it decides when, and how many. What it has left
 * behind is read again, after the volume was opened anew, by a `Recollection`: then nothing is in memory.
 */
import { pageSize } from '../../units.js';
import { type NodeId, type PracticeKernel, rootNode } from './practice-kernel.js';

const folders = 4;
const smallFile = new Uint8Array(2048).fill(1);
const piece = new Uint8Array(128 * 1024).fill(2);
const page = new Uint8Array(pageSize).fill(3);
const pagesOfPiece = piece.length / pageSize;
const databasePages = 2048;
/** Of the database, in one transaction. */
const pagesChanged = 64;
/** Odd, so that steps of it visit all pages. */
const stride = 797;
/** In a small transaction, and bytes of its journal at least. */
const pagesOfSmall = 2;
const journalBytes = 8 * 1024;
const piecesOfLarge = 4;
/** To a log, bytes at a time. */
const appended = [100, 600, 2000, 8000, 5000];
/** Of so many files one is large; and a transaction comes between so many. */
const each = 16;
const fileOfSync = 4;

/** Names are looked at one way or another by their lengths. */
const firstNames = ['x', 'of', 'ten-letter'];
const firstName = (act: number): string => (act % 4 === 3 ? firstNames[(act >> 2) % firstNames.length] : `file ${act}`);
/** Names that a rehearsal leaves behind: of its folders, and of the file of each even act. */
const folderName = (number: number): string => `folder ${number}`;
const keptName = (act: number): string => `moved ${act}`;
const databaseName = 'db';

export class Rehearsal {
  private readonly folder: NodeId[] = [];
  private acts = 0;
  private database: NodeId | undefined;
  private visited = 0;

  constructor(private readonly kernel: PracticeKernel) {}

  /** One file's life: made, written, closed, looked at, moved, read; every other one removed. And what else goes on. */
  async act(): Promise<void> {
    const { kernel } = this;
    const i = this.acts++;
    if (i < folders) this.folder.push(await kernel.mkdir(rootNode, folderName(i)));
    const [from, to] = [this.folder[i % this.folder.length], this.folder[(i * 3 + 1) % this.folder.length]];
    const [name, newName] = [firstName(i), keptName(i)];
    const large = i % each === each - 1;

    if ((await kernel.lookup(from, name)) !== undefined) throw new Error('the rehearsal meets a file of its own');
    const file = await kernel.create(from, name);
    await kernel.capabilities(file);
    if (large) for (let at = 0; at < piecesOfLarge; at++) await kernel.write(file, at * piece.length, piece);
    else await kernel.write(file, 0, smallFile);
    if (i % fileOfSync === 0) await kernel.fsync(file);
    await kernel.times(file, 1_700_000_000 + i, 999_999_999 - i);
    await kernel.release(file, true);

    await kernel.getattr(from);
    await kernel.lookup(to, newName);
    await kernel.rename(from, name, to, newName);
    await kernel.lookup(to, newName);
    await kernel.open(file);
    if (large) for (let at = 0; at < piecesOfLarge; at++) await kernel.read(file, at * piece.length, piece.length);
    else await kernel.read(file, 0, pageSize);
    await kernel.release(file, false);
    if (i % 2 === 1) await kernel.unlink(to, newName);
    await kernel.forget(file, 2);
    if (i % each === each / 2) await this.transact();
    if (i % 2 === 0) await this.journal(i);
    if (i % each === 1) await this.grow(to, i);
    if (i % (2 * each) === 0) {
      await kernel.getattr(rootNode);
      await kernel.lookup(rootNode, 'nobody');
      await kernel.readdir(from, true, pageSize);
      await kernel.readdir(to, false, pageSize);
    }
  }

  /** A database: pages of one file changed here and there, made durable, and read singly and in a sequence. */
  private async transact(): Promise<void> {
    const { kernel } = this;
    if (this.database === undefined) {
      this.database = await kernel.create(rootNode, databaseName);
      for (let at = 0; at < databasePages; at += pagesOfPiece) await kernel.write(this.database, at * pageSize, piece);
    }
    const file = this.database;
    for (let i = 0; i < pagesChanged; i++) await kernel.write(file, this.next() * pageSize, page);
    await kernel.fsync(file);
    for (let i = 0; i < pagesChanged; i++) await kernel.read(file, this.next() * pageSize, pageSize);
    const part = this.next();
    const start = (part - (part % pagesOfPiece)) * pageSize;
    await kernel.read(file, start, piece.length);
    await kernel.write(file, start, piece);
  }

  /** A small transaction: what it changes is saved in a journal first, which is removed at its end (sqlite does so). */
  private async journal(act: number): Promise<void> {
    const { kernel } = this;
    if (this.database === undefined) return;
    const name = `${databaseName}-journal`;
    await kernel.lookup(rootNode, name);
    const journal = await kernel.create(rootNode, name);
    await kernel.capabilities(journal);
    await kernel.owner(journal);
    await kernel.write(journal, 0, piece.subarray(0, journalBytes + (act % pageSize)));
    await kernel.fsync(journal);
    await kernel.write(journal, 0, page);
    await kernel.fsync(journal);
    await kernel.fsync(journal);
    for (let i = 0; i < pagesOfSmall; i++) await kernel.write(this.database, this.next() * pageSize, page);
    await kernel.fsync(this.database);
    if (act % each === 0) await kernel.truncate(journal, 0);
    await kernel.release(journal, true);
    await kernel.unlink(rootNode, name);
    await kernel.forget(journal, 1);
  }

  /** A log: it grows by little at a time, and is cut. */
  private async grow(folder: NodeId, act: number): Promise<void> {
    const { kernel } = this;
    const name = `log ${act}`;
    const file = await kernel.create(folder, name);
    let size = 0;
    for (const bytes of appended) {
      await kernel.write(file, size, piece.subarray(0, bytes));
      await kernel.fsync(file);
      size += bytes;
    }
    await kernel.truncate(file, appended[0]);
    await kernel.release(file, true);
    await kernel.unlink(folder, name);
    await kernel.forget(file, 1);
  }

  /** A page of the database, in an order that visits all. */
  private next(): number {
    this.visited = (this.visited + stride) % databasePages;
    return this.visited;
  }
}

const readAhead = 1 << 20;
const pagesPerAct = 4;

/** Reads what a rehearsal has left on a volume, as far as it is there. */
export class Recollection {
  private acts = 0;
  private visited = 0;

  constructor(private readonly kernel: PracticeKernel) {}

  /** Look for one file, read it if there is such a one, and read here and there and in a sequence in the database. */
  async act(): Promise<void> {
    const { kernel } = this;
    const i = this.acts++;
    for (let folder = 0; folder < folders; folder++) {
      const parent = await kernel.lookup(rootNode, folderName(folder));
      if (parent === undefined) return;
      if (i % each === 0) await kernel.readdir(parent, i % (2 * each) === 0, 8 * pageSize);
      const file = await kernel.lookup(parent, keptName(2 * i));
      if (file !== undefined) await this.readAll(file, 1);
      await kernel.forget(parent, 1);
    }
    const database = await kernel.lookup(rootNode, databaseName);
    if (database !== undefined) await this.readAll(database, i);
  }

  /** From the front, or a part that depends on `turn`; and single pages. */
  private async readAll(file: NodeId, turn: number): Promise<void> {
    const { kernel } = this;
    await kernel.getattr(file);
    await kernel.open(file);
    await kernel.read(file, (turn % 8) * readAhead, readAhead);
    for (let i = 0; i < pagesPerAct; i++) {
      this.visited = (this.visited + stride) % databasePages;
      await kernel.read(file, this.visited * pageSize, pageSize);
    }
    await kernel.release(file, false);
    await kernel.forget(file, 1);
  }
}
