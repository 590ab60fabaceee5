/** A mail server in the manner of varmail: each message a file, everything synced. */
import type { Profile } from '../workload/profile.js';

const kib = 1024;

export const mail: Profile = {
  name: 'mail',
  summary: 'messages as files in one directory: make, append, read, remove; fsync after each write',
  source:
    "filebench, workloads/varmail.f: 1,000 files of 16 KiB in one directory, 16 threads, appends of up to 16 KiB. Sizes by gamma, shape 1.5, as in filebench 1.5's cvar-gamma.",
  concurrency: 16,
  sets: {
    message: {
      use: 'own',
      files: 1000,
      size: { mean: 16 * kib, shape: 1.5 },
      present: 0.8,
      directoryWidth: 1_000_000,
    },
  },
  round: [
    { step: 'remove', set: 'message' },
    { step: 'make', set: 'message', upTo: 16 * kib, sync: true },
    { step: 'append', set: 'message', upTo: 16 * kib, read: true, sync: true },
    { step: 'read', set: 'message' },
  ],
};
