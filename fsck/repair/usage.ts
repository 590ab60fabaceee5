/** The part of the recount that sets usage items to what was counted, and removes limits that make no sense. */
import { volumeInode } from '../../fs/units.js';
import { usageItem } from '../../fs/volume/usage.js';
import type { UsageCheck } from '../usage.js';
import { Changes } from './changes.js';
import type { Workshop } from './workshop.js';

export async function mendUsage(shop: Workshop, check: UsageCheck): Promise<void> {
  const changes = new Changes(shop);
  for (const { kind, id, usage } of check.wrong()) {
    const item = usageItem(kind, id, usage);
    if (item.type === 'put') await changes.put(volumeInode, kind, id, item.value);
    else await changes.delete(volumeInode, kind, id);
  }
  for (const { kind, id } of check.wrongLimits) await changes.delete(volumeInode, kind, id);
  await changes.flush();
  // What the open volume has looked up is out of date.
  shop.state.usage.forget();
}
