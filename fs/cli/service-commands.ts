/** What the server of a mount answers on its control socket. */
import { VolumeError } from '../errors.js';
import type { Mounted } from '../fuse/driver.js';
import type { Roots } from '../posix/snapshots/roots.js';
import { activityOf, summarized } from './activity.js';
import { answerCompression } from './compression.js';
import type { Control } from './control.js';
import { answerDefrag } from './defrag-service.js';
import { answerFrag } from './frag-service.js';
import { adviceOf } from './full-advice.js';
import { mapCommands } from './map-service.js';
import { quotaCommands } from './quota-service.js';
import type { MountedHow } from './rollback.js';
import type { Service } from './service.js';
import { snapshotCommands } from './snapshot-service.js';
import { answerUpkeep } from './upkeep-service.js';

/** What only the mount answers that was there first. */
export function answerLive(
  { control, volume, filesystem, scrubs, views }: Service,
  options: readonly string[],
  closed: Promise<void>,
): void {
  control.on('mounted-how', (): MountedHow => ({ options, views: views.list().length }));
  control.on('remount', ({ durable, journal, readOnly }) => {
    if (readOnly === false && volume.readOnly)
      throw new VolumeError('usage', 'the volume was opened read-only: unmount it, and mount it anew');
    if (journal !== undefined && journal !== volume.journal)
      throw new VolumeError('usage', `journal=${volume.journal} stays until the volume is mounted anew`);
    filesystem.durable = durable === 'all' || durable === 'names' ? durable : undefined;
  });
  control.on('umount-wait', () => closed);
  scrubs.answer(control);
  answerFrag(control, volume, filesystem);
  answerDefrag(control, filesystem);
  answerUpkeep(control, volume, () => scrubs.running);
  const quotas = quotaCommands(volume, () => filesystem.quotasChanged());
  const more = { ...quotas, ...mapCommands(volume, filesystem) };
  for (const [command, handler] of Object.entries(more)) control.on(command, handler);
}

/** What any mount of the volume answers. */
export function answerAll(service: Service, roots: Roots, control: Control, mounted: Mounted): void {
  const { image, volume, filesystem, views, transfers } = service;
  const began = performance.now();
  control.on('ping', () => ({ pid: process.pid }));
  control.on('sync', () => volume.commit());
  transfers.answer(control);
  control.on('abort', () => mounted.abort());
  control.on('info', async () => ({
    pid: process.pid,
    image,
    target: mounted.target,
    device: mounted.device,
    readOnly: volume.readOnly,
    journal: volume.journal,
    failure: volume.failure ?? null,
    seconds: Math.floor((performance.now() - began) / 1000),
    memoryBytes: process.memoryUsage.rss(),
    volume: { ...volume.statistics(), ...volume.counters },
    autodefrag: filesystem.gatherer?.gathered ?? null,
    readAhead: filesystem.readAhead.asked,
    advice: (await adviceOf(volume.state)) ?? null,
    driver: mounted.statistics(),
    latencyMs: Object.fromEntries(
      Object.entries(mounted.latencies()).map(([kind, { counts }]) => [kind, summarized(counts)]),
    ),
  }));
  control.on('activity', ({ since }) =>
    activityOf(service, mounted, began, typeof since === 'number' ? since : Number.POSITIVE_INFINITY),
  );
  answerCompression(control, volume);
  views.answer(control);
  for (const [command, handler] of Object.entries(snapshotCommands(volume, roots))) control.on(command, handler);
}
