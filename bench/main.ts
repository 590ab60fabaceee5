/**
 * Runs the benchmarks on a volume of their own and prints a table.
 *
 *     node dist/bench/main.js [--size 2G] [--only sequential,random] [--json FILE] [--base FOLDER]
 */
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { scriptOptions } from '../scripts/script-options.js';
import { withWorkspace } from '../scripts/trial/workspace.js';
import { acl } from './acl.js';
import { allocations } from './allocations.js';
import { fsync } from './fsync.js';
import { metadata } from './metadata.js';
import { mixed } from './mixed.js';
import { mountTime } from './mount-time.js';
import { overlap } from './overlap.js';
import { random } from './random.js';
import { remote } from './remote.js';
import { sequential } from './sequential.js';
import { slowStore } from './slow-store.js';
import type { Measurement, Workload } from './workload.js';

const workloads: Readonly<Record<string, Workload>> = {
  sequential,
  random,
  metadata,
  overlap,
  fsync,
  mixed,
  'slow-store': slowStore,
  allocations,
  'mount-time': mountTime,
  acl,
  remote,
};

const { values } = scriptOptions({
  options: {
    size: { type: 'string', default: '2G' },
    only: { type: 'string', default: Object.keys(workloads).join(',') },
    json: { type: 'string' },
    base: { type: 'string' },
  },
});

const shown = ({ value, unit }: Measurement): string => {
  const digits = unit === 's' || unit === 'times' || unit === 'requests' || unit === 'ms' ? 3 : value < 100 ? 1 : 0;
  return `${value.toFixed(digits).padStart(10)} ${unit}`;
};

const all: Measurement[] = [];
for (const workload of values.only.split(',')) {
  const measure = workloads[workload];
  if (measure === undefined) throw new Error(`there is no workload '${workload}', only ${Object.keys(workloads)}`);
  await withWorkspace(async ({ volume: make }) => {
    const volume = make('bench');
    await volume.format(values.size);
    await volume.mount();
    await measure(volume, (what, value, unit) => {
      const measurement = { workload, what, value, unit };
      all.push(measurement);
      process.stdout.write(`${workload.padEnd(12)} ${what.padEnd(34)} ${shown(measurement)}\n`);
    });
    await volume.unmount();
  }, values.base);
}
if (values.json !== undefined) {
  const machine = {
    node: process.version,
    cpu: cpus()[0]?.model,
    cores: cpus().length,
    date: new Date().toISOString(),
  };
  writeFileSync(values.json, `${JSON.stringify({ machine, size: values.size, figures: all }, null, 2)}\n`);
}
