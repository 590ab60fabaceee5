/** The filesystem over a MemoryVolume, as the harness of the model sees it. There is no disk, so no power to cut. */
import type { Time } from '../../fs/posix/api.js';
import { FileSystem } from '../../fs/posix/filesystem.js';
import { initialItems } from '../../fs/posix/namespace/root-directory.js';
import { run } from '../../fs/suspend.js';
import type { System, SystemMaker } from '../../stress/system/system.js';
import { MemoryVolume, type MemoryVolumeOptions } from '../support/memory-volume.js';
import { checkMap } from './check-map.js';

export class MemoryMaker implements SystemMaker {
  volume: MemoryVolume;

  constructor(
    private readonly options: MemoryVolumeOptions,
    private readonly clock: () => Time,
    private readonly cachedInodes = 40,
  ) {
    this.volume = new MemoryVolume(options);
  }

  async format(): Promise<void> {
    this.volume = new MemoryVolume(this.options);
    await run(() => this.volume.apply(initialItems(this.clock(), 0, 0, 0o755)));
  }

  async open(): Promise<System> {
    const { volume } = this;
    volume.now = () => ({ ...this.clock() });
    const api = new FileSystem(volume, { cacheBytes: 4 << 20, cachedInodes: this.cachedInodes });
    await api.recover();
    return {
      api,
      commit: () => volume.commit(),
      generation: () => volume.generation,
      counters: () => ({ suspensions: volume.suspensions, batches: volume.batches }),
      close: () => api.close(),
      abandon: async () => undefined,
    };
  }

  async generationOf(): Promise<number> {
    return this.volume.generation;
  }

  async check(): Promise<string[]> {
    return checkMap(this.volume);
  }
}
