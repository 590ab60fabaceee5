/** A database: small random reads and synced writes in a few large files, and a log. */
import type { Profile } from '../workload/profile.js';

const kib = 1024;
const mib = 1024 * kib;

export const db: Profile = {
  name: 'db',
  summary: 'random reads and synced writes of 2 KiB in large files, and a log of 256 KiB pieces',
  source:
    'filebench, workloads/oltp.f: ten data files and one log of 10 MiB; there 200 readers, 10 writers and one that writes the log are coupled by semaphores so that 1,000 reads bring 100 writes, and 3,200 one piece of the log. Here 20 workers do all three in these proportions, each in pieces of its own.',
  concurrency: 20,
  sets: {
    table: { use: 'pages', files: 10, size: 10 * mib, present: 1, directoryWidth: 1000, piece: 2 * kib },
    log: { use: 'pages', files: 1, fixed: true, size: 10 * mib, present: 1, directoryWidth: 1000, piece: 256 * kib },
  },
  round: [
    { step: 'read-piece', set: 'table', times: 10 },
    { step: 'write-piece', set: 'table', sync: true },
    { step: 'write-piece', set: 'log', sync: true, times: 10 / 3200 },
  ],
};
