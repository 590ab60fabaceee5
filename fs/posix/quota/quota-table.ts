/**
 * Usage and limits as the map has them: what `varve quota` shows and sets, on a mounted volume and on an image, and what
 * enforcement goes by.
 *
 * A limit of 0 is as the default of its kind of holder has it, and none where that has none either; `noLimit` is none
 * whatever the default says. The default is not for id 0: the superuser, its group, and files of no project.
 */
import { itemKind, Limits, type Usage } from '../../format/item.js';
import { run } from '../../suspend.js';
import { Batch } from '../../tree/batch.js';
import { volumeInode } from '../../units.js';
import type { VolumeApi } from '../../volume/api.js';
import { type Holder, usageKinds } from '../../volume/usage.js';

/** Under this number lies what is for all who have no limits of their own. */
export const everyone = 2 ** 32;
/** No limit, though the default has one. */
export const noLimit = Number.MAX_SAFE_INTEGER;
/** Seven days, as Linux has it (MAX_IQ_TIME and MAX_DQ_TIME in linux/quota.h). */
export const usualGrace = 7 * 24 * 3600;

const limitKinds: Readonly<Record<Holder, number>> = {
  user: itemKind.userLimits,
  group: itemKind.groupLimits,
  project: itemKind.projectLimits,
};

export const noLimits: Limits = {
  softPages: 0,
  hardPages: 0,
  softInodes: 0,
  hardInodes: 0,
  pagesUntil: 0,
  inodesUntil: 0,
  pageGrace: 0,
  inodeGrace: 0,
};

/** What one id uses and may use. */
export interface QuotaEntry {
  readonly id: number;
  readonly usage: Usage;
  /** As recorded; a project, user or group without any has zeros. */
  readonly own: Limits;
  /** With the default's where there are none of its own. */
  readonly limits: Limits;
}

export class QuotaTable {
  constructor(private readonly volume: VolumeApi) {}

  /** Limits as recorded for an id, or for everyone. May throw Suspend. */
  own(holder: Holder, id: number): Limits {
    const value = this.volume.get(volumeInode, limitKinds[holder], id);
    if (value === undefined || value.length !== Limits.size) return noLimits;
    return Limits.read(new DataView(value.buffer, value.byteOffset, value.length), 0);
  }

  /** May throw Suspend. */
  entry(holder: Holder, id: number): QuotaEntry {
    const own = this.own(holder, id);
    const limits = withDefaults(own, this.defaultFor(holder, id));
    return { id, usage: this.volume.usageOf(holder, id), own, limits };
  }

  /**
   * Record limits. As Linux has it, a grace time begins anew for whoever is beyond a soft limit, unless the end of it is
   * given. May throw Suspend; EROFS, ENOSPC, EIO.
   */
  set(holder: Holder, id: number, own: Limits, endsGiven = false): void {
    let limits = own;
    if (id !== everyone && !endsGiven) {
      const usage = this.volume.usageOf(holder, id);
      const inForce = withDefaults(own, this.defaultFor(holder, id));
      const { seconds } = this.volume.now();
      const end = (used: number, most: number, grace: number): number =>
        most > 0 && used > most ? seconds + grace : 0;
      limits = {
        ...own,
        pagesUntil: end(usage.pages, inForce.softPages, inForce.pageGrace),
        inodesUntil: end(usage.inodes, inForce.softInodes, inForce.inodeGrace),
      };
    }
    this.put(holder, id, limits);
  }

  /** Record limits just as given. */
  put(holder: Holder, id: number, limits: Limits): void {
    const batch = new Batch();
    // A few bytes in a leaf that each commit writes: limits can be set on a full volume.
    batch.frees = true;
    const kind = limitKinds[holder];
    if (Object.values(limits).every((value) => value === 0)) batch.delete(volumeInode, kind, id);
    else {
      const value = new Uint8Array(Limits.size);
      Limits.write(new DataView(value.buffer), 0, limits);
      batch.put(volumeInode, kind, id, value);
    }
    this.volume.apply(batch);
  }

  /** All ids that use something or have limits, ascending; everything so far is counted. */
  async list(holder: Holder): Promise<QuotaEntry[]> {
    await this.volume.commit();
    const ids = new Set<number>();
    for (const kind of [usageKinds[holder], limitKinds[holder]]) {
      for (let next = 0; next >= 0; ) {
        const some = await run(() => this.idsFrom(kind, next));
        for (const id of some) if (id < everyone) ids.add(id);
        next = some.length < idsAtOnce ? -1 : some[some.length - 1] + 1;
      }
    }
    const entries: QuotaEntry[] = [];
    for (const id of [...ids].sort((a, b) => a - b)) entries.push(await run(() => this.entry(holder, id)));
    return entries;
  }

  private defaultFor(holder: Holder, id: number): Limits {
    const all = this.own(holder, everyone);
    return id === 0 ? onlyGrace(all) : all;
  }

  private idsFrom(kind: number, from: number): number[] {
    const ids: number[] = [];
    const items = this.volume.seek(volumeInode, kind, from);
    for (; items.valid && items.inode === volumeInode && items.kind === kind; items.next()) {
      if (ids.push(items.offset) === idsAtOnce) break;
    }
    return ids;
  }
}

const idsAtOnce = 256;

/** Of everyone's limits, what is also for id 0. */
const onlyGrace = ({ pageGrace, inodeGrace }: Limits): Limits => ({ ...noLimits, pageGrace, inodeGrace });

const withDefaults = (own: Limits, all: Limits): Limits => ({
  softPages: own.softPages || all.softPages,
  hardPages: own.hardPages || all.hardPages,
  softInodes: own.softInodes || all.softInodes,
  hardInodes: own.hardInodes || all.hardInodes,
  pagesUntil: own.pagesUntil,
  inodesUntil: own.inodesUntil,
  pageGrace: own.pageGrace || all.pageGrace || usualGrace,
  inodeGrace: own.inodeGrace || all.inodeGrace || usualGrace,
});
