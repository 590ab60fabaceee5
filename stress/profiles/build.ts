/** A compiler and a linker at work on a source tree. */
import type { Profile } from '../workload/profile.js';

const kib = 1024;

export const build: Profile = {
  name: 'build',
  summary: 'many small headers read, objects written under another name and renamed, temporary files, links',
  source:
    'No published definition: the calls are those of a compiler driver (search for headers along a path, read them, an assembler file in a temporary directory, the object renamed to its place) and of a linker every 25 objects.',
  concurrency: 4,
  sets: {
    header: { use: 'shared', files: 2000, size: { mean: 8 * kib, shape: 1.5 }, present: 1, directoryWidth: 50 },
    source: { use: 'shared', files: 500, size: { mean: 12 * kib, shape: 1.5 }, present: 1, directoryWidth: 25 },
    object: { use: 'own', files: 500, size: { mean: 64 * kib, shape: 1.5 }, present: 0.1, directoryWidth: 25 },
    program: { use: 'own', files: 20, size: { mean: 1024 * kib, shape: 2 }, present: 0, directoryWidth: 20 },
  },
  round: [
    { step: 'read', set: 'source' },
    { step: 'miss', set: 'header', times: 30 },
    { step: 'stat', set: 'header', times: 20 },
    { step: 'read', set: 'header', times: 20 },
    { step: 'scratch', set: 'object' },
    { step: 'replace', set: 'object' },
    { step: 'read', set: 'object', times: 1 },
    { step: 'replace', set: 'program', times: 1 / 25 },
  ],
};
