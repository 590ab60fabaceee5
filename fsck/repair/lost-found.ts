/**
 * The directory /lost+found, where what has no name gets one: `#` and its inode number. Made if it is not there,
 * for root alone.
 */
import { InodeRecord, itemKind } from '../../fs/format/item.js';
import { decodeInode, encodeInode } from '../../fs/posix/inode/inode-record.js';
import { direntBytes, direntInode, direntName, encodeDirent } from '../../fs/posix/namespace/dirents.js';
import { Batch } from '../../fs/tree/batch.js';
import { endOfInodes, type InodeNumber, rootInode } from '../../fs/units.js';
import { fileType } from '../inode-table.js';
import { freeOffset } from './dirents.js';
import type { Workshop } from './workshop.js';

const directoryName = 'lost+found';
/** Names that are tried with `~1`, `~2` ... behind them. */
const mostTries = 1000;

export class LostFound {
  private directory: InodeNumber | undefined;

  constructor(
    private readonly shop: Workshop,
    private readonly seconds: number,
  ) {}

  /** Give an inode a name. Returns its path, or undefined if that can't be done. */
  async take(inode: InodeNumber): Promise<string | undefined> {
    const value = await this.shop.get(inode, itemKind.inode, 0);
    if (value === undefined) return undefined;
    this.directory ??= await this.find();
    if (this.directory === undefined) return undefined;
    const record = decodeInode(inode, value);
    const type = record.mode >>> 12;
    const name = await this.enter(this.directory, `#${inode}`, inode, type);
    if (name === undefined) return undefined;
    record.links = 1;
    if (type === fileType.directory) record.parent = this.directory;
    await this.shop.change(new Batch().put(inode, itemKind.inode, 0, encodeInode(record, record.size)));
    return `/${directoryName}/${name}`;
  }

  private async find(): Promise<InodeNumber | undefined> {
    for await (const { value } of this.shop.items(rootInode, itemKind.dirent)) {
      if (Buffer.from(direntName(value)).toString() !== directoryName) continue;
      const inode = direntInode(value);
      const record = await this.shop.get(inode, itemKind.inode, 0);
      if (record !== undefined && decodeInode(inode, record).mode >>> 12 === fileType.directory) return inode;
    }
    return this.make();
  }

  private async make(): Promise<InodeNumber | undefined> {
    const { state } = this.shop;
    const inode = await this.freeNumber();
    if (inode === undefined) return undefined;
    const name = await this.enter(rootInode, directoryName, inode, fileType.directory);
    if (name === undefined) return undefined;
    state.nextInode = Math.max(state.nextInode, inode + 1);
    state.inodes++;
    const record = InodeRecord.read(new DataView(new ArrayBuffer(InodeRecord.size)));
    record.mode = (fileType.directory << 12) | 0o700;
    record.links = 1;
    record.parent = rootInode;
    for (const time of ['atimeSeconds', 'mtimeSeconds', 'ctimeSeconds', 'btimeSeconds'] as const) {
      record[time] = this.seconds;
    }
    await this.shop.change(new Batch().put(inode, itemKind.inode, 0, encodeInode(record, 0)));
    return inode;
  }

  /** The next number; where a record used the last one, the highest that is not in use. */
  private async freeNumber(): Promise<InodeNumber | undefined> {
    let inode = Math.min(this.shop.state.nextInode, endOfInodes - 1);
    while (inode > rootInode && (await this.shop.has(inode))) inode--;
    return inode > rootInode ? inode : undefined;
  }

  /** Add an entry and what it adds to its directory. Returns the name that was free. */
  private async enter(
    directory: InodeNumber,
    wanted: string,
    inode: InodeNumber,
    type: number,
  ): Promise<string | undefined> {
    const value = await this.shop.get(directory, itemKind.inode, 0);
    if (value === undefined) return undefined;
    for (let i = 0; i < mostTries; i++) {
      const name = i === 0 ? wanted : `${wanted}~${i}`;
      const bytes = Buffer.from(name);
      const offset = await freeOffset(this.shop, directory, bytes);
      if (offset < 0) continue;
      const record = decodeInode(directory, value);
      record.size += direntBytes(bytes.length);
      if (type === fileType.directory) record.subdirectories++;
      const batch = new Batch().put(directory, itemKind.dirent, offset, encodeDirent(inode, type, bytes));
      await this.shop.change(batch.put(directory, itemKind.inode, 0, encodeInode(record, record.size)));
      return name;
    }
    return undefined;
  }
}
