/** A file server: home directories of many users. */
import type { Profile } from '../workload/profile.js';

const kib = 1024;

export const file: Profile = {
  name: 'file',
  summary: 'files made, appended to, read, removed and looked at, in many directories; no fsync',
  source:
    'filebench, workloads/fileserver.f: 10,000 files of 128 KiB, 20 in a directory, 50 threads, appends of up to 16 KiB.',
  concurrency: 50,
  sets: {
    document: {
      use: 'own',
      files: 10_000,
      size: { mean: 128 * kib, shape: 1.5 },
      present: 0.8,
      directoryWidth: 20,
    },
  },
  round: [
    { step: 'make', set: 'document' },
    { step: 'append', set: 'document', upTo: 16 * kib },
    { step: 'read', set: 'document' },
    { step: 'remove', set: 'document' },
    { step: 'stat', set: 'document' },
  ],
};
