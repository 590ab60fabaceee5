/** What `varve quota` asks for, answered by the server of a mount or, for an image, by the command itself. */
import { VolumeError } from '../errors.js';
import type { Limits } from '../format/item.js';
import { everyone, noLimits, type QuotaEntry, QuotaTable } from '../posix/quota/quota-table.js';
import { run } from '../suspend.js';
import type { VolumeApi } from '../volume/api.js';
import { type Holder, holders } from '../volume/usage.js';
import type { Arguments, CommandHandler } from './control.js';

/** Answer to `quota-list`: all ids that use something or have limits. `everyone`: what is for those who have none. */
export interface QuotaList {
  readonly entries: readonly QuotaEntry[];
  readonly everyone: Limits;
}

/** `changed`: limits were set. */
export function quotaCommands(
  volume: VolumeApi,
  changed: () => void = () => undefined,
): Record<string, CommandHandler> {
  const table = new QuotaTable(volume);
  return {
    'quota-list': async (given): Promise<QuotaList> => {
      const holder = holderOf(given);
      const entries = await table.list(holder);
      return { entries, everyone: await run(() => table.own(holder, everyone)) };
    },
    'quota-get': async (given): Promise<QuotaEntry> => {
      const [holder, id] = [holderOf(given), idOf(given)];
      // What is dirty counts as it is stored.
      await volume.commit();
      return run(() => table.entry(holder, id));
    },
    'quota-set': async (given): Promise<void> => {
      const [holder, id, limits] = [holderOf(given), idOf(given), changesOf(given)];
      const endsGiven = limits.pagesUntil !== undefined || limits.inodesUntil !== undefined;
      await run(() => table.set(holder, id, { ...table.own(holder, id), ...limits }, endsGiven));
      changed();
      await volume.commit();
    },
  };
}

function holderOf({ holder }: Arguments): Holder {
  const known = holders.find((one) => one === holder);
  if (known === undefined) throw new VolumeError('usage', `quotas are of ${holders.join(', ')}, not ${String(holder)}`);
  return known;
}

function idOf({ id }: Arguments): number {
  if (isCount(id) && id <= everyone) return id;
  throw new VolumeError('usage', `${String(id)} is no id`);
}

function changesOf({ limits }: Arguments): Partial<Limits> {
  const changes = Object.entries((limits ?? {}) as object);
  for (const [name, value] of changes)
    if (!(name in noLimits) || !isCount(value)) throw new VolumeError('usage', `limits: ${name} is ${String(value)}`);
  for (const [name, value] of changes)
    if (name.endsWith('Grace') && value >= 2 ** 32)
      throw new VolumeError('usage', 'a grace time has at most 136 years');
  return Object.fromEntries(changes);
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
