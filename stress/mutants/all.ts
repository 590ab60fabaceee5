/** Every planted fault. */
import { durability } from './durability.js';
import type { Mutant } from './mutant.js';
import { nameMutants } from './names.js';
import { recoveryMutants } from './recovery.js';
import { snapshotMutants } from './snapshots.js';
import { spaceMutants } from './space.js';

export const mutants: readonly Mutant[] = [
  ...durability,
  ...recoveryMutants,
  ...spaceMutants,
  ...snapshotMutants,
  ...nameMutants,
];
