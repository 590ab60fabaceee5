/**
 * Transforms that are not built in: ES modules whose default export is a `Transform`. They run with the rights of the
 * program, so they are named on its command line; an image can't make one load.
 */
import { realpathSync, statSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { VolumeError } from '../errors.js';
import { importModule } from '../host/import-module.js';
import { firstExternalId } from './registry.js';
import type { Transform } from './transform.js';

const mostId = 65_535;

/** Throws VolumeError 'not-found', or 'usage' for what is no transform. */
export async function loadTransform(path: string): Promise<Transform> {
  if (statSync(path, { throwIfNoEntry: false }) === undefined)
    throw new VolumeError('not-found', `there is no module ${path}`);
  let found: Partial<Transform> | undefined;
  try {
    found = ((await importModule(pathToFileURL(realpathSync(path)).href)) as { default?: Partial<Transform> }).default;
  } catch (e) {
    throw new VolumeError('usage', `${path} can't be loaded: ${e instanceof Error ? e.message : String(e)}`);
  }
  const problem = shapeProblem(found);
  if (problem !== undefined) throw new VolumeError('usage', `${path} is no transform: ${problem}`);
  return found as Transform;
}

function shapeProblem(found: Partial<Transform> | undefined): string | undefined {
  if (typeof found !== 'object' || found === null) return 'it has no default export';
  const { id, name, levels } = found;
  if (!Number.isInteger(id) || Number(id) < firstExternalId || Number(id) > mostId)
    return `its id is to be a whole number from ${firstExternalId} to ${mostId}`;
  if (typeof name !== 'string' || !/^[a-z][a-z0-9-]{0,15}$/.test(name))
    return 'its name is to be of up to 16 lower-case letters, digits and dashes';
  if (typeof found.encode !== 'function' || typeof found.decode !== 'function') return 'it lacks encode or decode';
  if (levels === undefined) return undefined;
  const { least, most, usual } = levels;
  if ([least, most, usual].every(Number.isInteger) && least >= 0 && least <= usual && usual <= most) return undefined;
  return 'its levels are to be whole numbers, least <= usual <= most';
}
