/** A web server: reads of many small files, and a log that grows. */
import type { Profile } from '../workload/profile.js';

const kib = 1024;

export const web: Profile = {
  name: 'web',
  summary: 'ten whole files read for each append to a log',
  source:
    'filebench, workloads/webserver.f: 1,000 files of 16 KiB, 20 in a directory, 100 threads. There all threads append to one log; here each worker has one, so that its contents are known.',
  concurrency: 100,
  sets: {
    page: { use: 'shared', files: 1000, size: { mean: 16 * kib, shape: 1.5 }, present: 1, directoryWidth: 20 },
    log: {
      use: 'own',
      files: 1,
      fixed: true,
      size: { mean: 16 * kib, shape: 1.5 },
      present: 1,
      directoryWidth: 1000,
    },
  },
  round: [
    { step: 'read', set: 'page', times: 10 },
    { step: 'append', set: 'log', upTo: 16 * kib },
  ],
};
