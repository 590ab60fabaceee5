/**
 * Records for the items that differ between two snapshots, or for all of one. Names go as names and not as keys: another
 * volume hashes them otherwise. Pages go as the extents that they are in, those of units as stored.
 */
import { InodeRecord, itemKind } from '../format/item.js';
import { StreamNames, StreamRange, StreamUnit, streamType } from '../format/stream.js';
import { writeU64 } from '../format/struct.js';
import { extentTransform, unitPlainBytes, unitPresent, unitSkip } from '../posix/inode/extent-value.js';
import { decodeXattr, placeOf as placeOfXattr, readValue } from '../posix/inode/xattr-item.js';
import { direntInode, direntName, direntType, findEntry } from '../posix/namespace/dirents.js';
import type { ItemDifference } from '../tree/difference.js';
import { type InodeNumber, type PageNumber, pageSize, volumeInode } from '../units.js';
import type { VolumeApi } from '../volume/api.js';
import { type ExtentChange, lostPages, newPages } from './extent-difference.js';
import { storedPages } from './stored-pages.js';
import { compressedUnit, plainUnit, presentRuns } from './unit-pages.js';

/** A record that is to be sent. `read`: more of its body, which must come from the log first. */
export interface PlannedRecord {
  readonly type: number;
  readonly body: Uint8Array;
  read?(): Promise<Uint8Array>;
}

const usageKinds: readonly number[] = [itemKind.userUsage, itemKind.groupUsage, itemKind.projectUsage];
const none = new Uint8Array(0);

export class ItemRecords {
  private inode: InodeNumber = volumeInode;
  private gone = false;
  /** Value of an attribute in pieces that was planned last. */
  private pieces = 0;

  /** `plain`: units are decoded before they are sent. */
  constructor(
    private readonly before: VolumeApi | undefined,
    private readonly after: VolumeApi,
    private readonly plain: boolean,
  ) {}

  /** The records of a difference. May throw Suspend. */
  plan(difference: ItemDifference): PlannedRecord[] {
    const { inode, kind, offset, before, after } = difference;
    if (inode === volumeInode) {
      // What each user uses is the sum over the inodes: the receiver has its own.
      return usageKinds.includes(kind) ? [] : [{ type: streamType.item, body: after ?? none }];
    }
    if (inode !== this.inode) {
      this.gone = after === undefined && this.after.get(inode, itemKind.inode, 0) === undefined;
      this.inode = inode;
      this.pieces = 0;
    }
    if (kind === itemKind.inode)
      return [after === undefined ? { type: streamType.gone, body: none } : inodeRecord(after)];
    if (this.gone) return [];
    switch (kind) {
      case itemKind.inline:
        return [
          after === undefined ? { type: streamType.noInline, body: none } : { type: streamType.inline, body: after },
        ];
      case itemKind.xattr:
        return [this.attribute(inode, offset, before, after)];
      case itemKind.xattrPiece:
        return this.piece(inode, Math.floor(offset / 256));
      case itemKind.dirent:
        return [this.entry(inode, before, after)];
      case itemKind.extent:
        return this.extent(difference);
      default:
        return [];
    }
  }

  private entry(directory: InodeNumber, before: Uint8Array | undefined, after: Uint8Array | undefined): PlannedRecord {
    const wasThere = before === undefined ? none : direntName(before);
    const stays = wasThere.length > 0 && findEntry(this.after, directory, wasThere) !== 0;
    const old = stays ? none : wasThere;
    if (after === undefined) return names(streamType.entry, 0, 0, old, none);
    return names(streamType.entry, direntInode(after), direntType(after), old, direntName(after));
  }

  private attribute(
    inode: InodeNumber,
    offset: number,
    before: Uint8Array | undefined,
    after: Uint8Array | undefined,
  ): PlannedRecord {
    const wasThere = before === undefined ? none : decodeXattr(inode, offset, before).name;
    const stays = wasThere.length > 0 && placeOfXattr(this.after, inode, wasThere).found !== undefined;
    const old = stays ? none : wasThere;
    if (after === undefined) return names(streamType.xattr, 0, 0, old, none);
    const item = decodeXattr(inode, offset, after);
    return names(streamType.xattr, 0, 1, old, item.name, readValue(this.after, inode, item));
  }

  /** A piece of a value is another one: its attribute goes, unless it went with its own item. */
  private piece(inode: InodeNumber, id: number): PlannedRecord[] {
    if (id === this.pieces) return [];
    const records = this.ownerOfPieces(inode, id);
    this.pieces = id;
    return records;
  }

  private ownerOfPieces(inode: InodeNumber, id: number): PlannedRecord[] {
    const items = this.after.seek(inode, itemKind.xattr, 0);
    for (; items.valid && items.inode === inode && items.kind === itemKind.xattr; items.next()) {
      const { offset } = items;
      const value = items.value.slice();
      if (decodeXattr(inode, offset, value).pieces !== id) continue;
      const old = this.before?.get(inode, itemKind.xattr, offset);
      if (old === undefined || Buffer.compare(old, value) !== 0) return [];
      return [this.attribute(inode, offset, undefined, value)];
    }
    return [];
  }

  private extent({ inode, offset, before, after }: ItemDifference): PlannedRecord[] {
    const changes: ExtentChange[] = before === undefined ? [] : lostPages(this.after, inode, offset, before);
    if (after !== undefined) changes.push(...newPages(this.before, inode, offset, after));
    return changes.flatMap((change) => {
      const value = after as Uint8Array;
      if (change.type === 'unit') return this.unit(inode, offset, value);
      if (change.type !== 'pages') return [range(streamType[change.type], change.first, change.pages)];
      const { first, from, pages } = change;
      const read = () => storedPages(this.after, inode, first, value, from, pages);
      return [{ ...range(streamType.pages, first, pages), read }];
    });
  }

  private unit(inode: InodeNumber, first: PageNumber, value: Uint8Array): PlannedRecord[] {
    const chain = extentTransform(value);
    if (this.plain || this.after.transforms.chains.at(chain)?.compression === undefined)
      return this.decoded(inode, first, value);
    const body = new Uint8Array(StreamUnit.size);
    StreamUnit.write(new DataView(body.buffer), 0, {
      first,
      chain,
      skip: unitSkip(value),
      present: unitPresent(value),
      plainPages: unitPlainBytes(value) / pageSize,
    });
    return [{ type: streamType.unit, body, read: () => compressedUnit(this.after, inode, first, value) }];
  }

  /** The pages that the file has of a unit, as they are when decoded. */
  private decoded(inode: InodeNumber, first: PageNumber, value: Uint8Array): PlannedRecord[] {
    let plain: Promise<Uint8Array> | undefined;
    return presentRuns(first, value).map((one) => {
      const read = async (): Promise<Uint8Array> => {
        plain ??= plainUnit(this.after, inode, first, value);
        return (await plain).subarray(one.at, one.at + one.pages * pageSize);
      };
      return { ...range(streamType.pages, one.first, one.pages), read };
    });
  }
}

/** What the receiver counts itself is left out. */
function inodeRecord(value: Uint8Array): PlannedRecord {
  const body = value.slice();
  writeU64(new DataView(body.buffer), InodeRecord.offsetOf.pages, 0);
  return { type: streamType.inode, body };
}

function range(type: number, first: PageNumber, pages: number): PlannedRecord {
  const body = new Uint8Array(StreamRange.size);
  StreamRange.write(new DataView(body.buffer), 0, { first, pages });
  return { type, body };
}

function names(
  type: number,
  target: InodeNumber,
  kind: number,
  old: Uint8Array,
  name: Uint8Array,
  value: Uint8Array = none,
): PlannedRecord {
  const header = new Uint8Array(StreamNames.size);
  StreamNames.write(new DataView(header.buffer), 0, { target, type: kind, old: old.length, name: name.length });
  return { type, body: Buffer.concat([header, old, name, value]) };
}
