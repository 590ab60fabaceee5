/** What a mount has counted, as families of metrics: each with its name, what it means, and where it is found. */
import { notAbove, total } from '../fuse/latency-buckets.js';
import { pageSize } from '../units.js';
import type { SpaceByCause } from '../volume/space-by-cause.js';
import type { Activity } from './activity.js';
import type { Family, HistogramValue, Labels } from './prometheus-text.js';

/** Ends of buckets of the histograms in 100 ns: powers of two, from 3.2 us to 6.7 s. */
const [firstPower, lastPower] = [5, 26];
const bounds = Array.from({ length: lastPower - firstPower + 1 }, (_, at) => 2 ** (firstPower + at));

/** `space`: in pages. All carry the directory as label `mount`. */
export function metricFamilies(activity: Activity, space: SpaceByCause, version: string): Family[] {
  const { driver, volume, memory, space: room } = activity;
  const mount: Labels = { mount: activity.target };
  const one = (type: 'counter' | 'gauge', name: string, help: string, value: number | undefined): Family => ({
    name: `varve_${name}`,
    help,
    type,
    values: value === undefined ? [] : [[mount, value]],
  });
  const counter = (name: string, help: string, value: number | undefined) => one('counter', name, help, value);
  const gauge = (name: string, help: string, value: number) => one('gauge', name, help, value);
  const causes = Object.entries(space).filter(([name]) => shares.has(name));
  return [
    {
      name: 'varve_mount_info',
      help: 'Of the mount; always 1.',
      type: 'gauge',
      values: [[{ ...mount, image: activity.image, journal: activity.journal, version }, 1]],
    },
    gauge('mounted_seconds', 'Time since the mount.', activity.seconds),
    gauge('failed', '1 if the volume is read-only because its store failed.', activity.failure === null ? 0 : 1),
    counter('server_cpu_seconds_total', 'Processor time of the server.', activity.cpuSeconds),
    gauge('server_memory_bytes', 'Resident memory of the server.', activity.memoryBytes),
    counter('requests_total', 'Requests of the kernel.', driver.requests),
    {
      name: 'varve_request_duration_seconds',
      help: 'From when a request was read to when it was answered, by kind.',
      type: 'histogram',
      values: Object.entries(activity.latencies).map(([kind, latency]) => [{ ...mount, kind }, histogramOf(latency)]),
    },
    {
      name: 'varve_server_away_seconds',
      help: 'From one look for requests to the next, while the server was awake.',
      type: 'histogram',
      values: activity.away === null ? [] : [[mount, histogramOf(activity.away)]],
    },
    gauge('requests_waiting', 'Requests that are not answered yet.', driver.waiting ?? 0),
    counter('requests_suspended_total', 'Attempts that had to wait for a node of the tree.', driver.suspended),
    counter('request_faults_total', 'Requests that failed by a fault or an error of the store.', driver.faults),
    counter('file_read_bytes_total', 'Bytes of files that reads delivered.', driver.bytesRead),
    counter('file_written_bytes_total', 'Bytes of files that came with writes.', driver.bytesWritten),
    counter('image_read_bytes_total', 'Bytes of nodes and files read from the image.', volume.bytesRead),
    counter('image_written_bytes_total', 'Bytes written to the image, by whatever part.', volume.bytesWritten),
    counter('checkpoints_total', 'Commits.', volume.checkpoints),
    counter('journal_records_total', 'Records of the journal.', volume.records),
    counter('barriers_total', 'Barriers of the image (fdatasync).', volume.barriers),
    counter('no_space_total', 'Operations that found no space.', volume.noSpace),
    counter('cleaner_moved_bytes_total', 'Bytes of live pages that the cleaner moved.', volume.moved * pageSize),
    {
      name: 'varve_cleanings_total',
      help: 'Segments that the cleaner emptied: ahead of need, or while somebody waited.',
      type: 'counter',
      values: [
        [{ ...mount, need: 'later' }, volume.backgroundCleanings],
        [{ ...mount, need: 'now' }, volume.foregroundCleanings],
      ],
    },
    gauge('segments', 'Segments of the volume.', volume.places),
    gauge('segments_free', 'Segments that can be written to.', volume.freePlaces),
    gauge('page_cache_bytes', 'Memory for pages of files that is in use.', memory.pages * pageSize),
    gauge('page_cache_limit_bytes', 'Most memory for pages of files.', memory.mostPages * pageSize),
    gauge('dirty_bytes', 'Pages of files that are not in the log yet.', memory.dirtyPages * pageSize),
    gauge('node_cache_nodes', 'Nodes of the trees in memory.', volume.nodes),
    gauge('node_cache_limit_nodes', 'Most nodes in memory.', volume.mostNodes),
    gauge('dirty_nodes', 'Nodes that no checkpoint has yet.', volume.dirtyNodes),
    counter('node_cache_misses_total', 'Nodes that had to be read.', volume.nodeMisses),
    gauge('capacity_bytes', 'Usable size of the volume.', room.capacity * pageSize),
    gauge('available_bytes', 'Space for new data.', Math.max(0, room.available) * pageSize),
    {
      name: 'varve_space_bytes',
      help: 'The usable size by what it is used for; the parts add up to it.',
      type: 'gauge',
      values: causes.map(([cause, pages]) => [{ ...mount, cause }, pages * pageSize]),
    },
  ];
}

/** Parts of SpaceByCause that add up to the capacity. */
const shares: ReadonlySet<string> = new Set([
  'data',
  'metadata',
  'snapshots',
  'history',
  'promised',
  'copies',
  'free',
] satisfies (keyof SpaceByCause)[]);

const histogramOf = ({ counts, totalMs }: Activity['latencies'][string]): HistogramValue => ({
  below: bounds.map((ticks) => [ticks / 10_000_000, notAbove(counts, ticks / 10_000)]),
  count: total(counts),
  sum: totalMs / 1000,
});
