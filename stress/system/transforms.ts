/**
 * What all volumes of the suites and of the stress tool are made with: nothing, or what the environment variable
 * VARVE_TRANSFORMS names, such as `lz4`, `aes-256-gcm`, `lz4+aes-256-gcm`, or in the tests `zero-runs`, the
 * example of a module of one's own (test/support/example-module.ts loads it). So every suite runs with each of them.
 */
import { incompatibleFeatures } from '../../fs/format/features.js';
import { Superblock, TransformEntry } from '../../fs/format/superblock.js';
import { aesGcmName } from '../../fs/transform/aes-gcm.js';
import { enterChain, sealedAlone } from '../../fs/transform/chain.js';
import { keep } from '../../fs/transform/keyring.js';
import { aesGcmId, VolumeKey } from '../../fs/transform/volume-key.js';
import type { OpenSuperblock } from '../../fs/volume/superblock.js';

/** Ids of what may be asked for beside encryption. */
const compressions: Readonly<Record<string, number>> = { lz4: 1, deflate: 2, zstd: 3, 'zero-runs': 256 };

const asked = (process.env.VARVE_TRANSFORMS ?? '').split('+').filter((name) => name !== '');

/** One key for all volumes of a process, as they have one UUID. */
export const suiteKey = (): Uint8Array => new Uint8Array(32).fill(9);
const key = new VolumeKey(suiteKey());

/** The fields of a superblock that say so; its key is in the keyring. Throws RangeError for a name that there is not. */
export function askedTransforms(
  uuid: Uint8Array,
  names: readonly string[] = asked,
): Pick<OpenSuperblock, 'defaultTransform' | 'incompatible' | 'transforms' | 'sealer'> {
  const transforms = new Uint8Array(Superblock.fields.transforms.size);
  const sealed = names.includes(aesGcmName);
  let last = 0;
  if (sealed) {
    enterChain(transforms, sealedAlone);
    last = sealedAlone.number;
    keep(uuid, key);
  }
  for (const name of names) {
    if (name === aesGcmName) continue;
    if (!(name in compressions)) throw new RangeError(`VARVE_TRANSFORMS: there is no '${name}'`);
    const entry = { compression: compressions[name], encryption: sealed ? aesGcmId : 0, name };
    TransformEntry.write(new DataView(transforms.buffer), ++last * TransformEntry.size, entry);
  }
  const { transforms: transformed, encryption } = incompatibleFeatures;
  return {
    defaultTransform: last,
    incompatible: (last > 0 ? transformed : 0) + (sealed ? encryption : 0),
    transforms,
    ...(sealed ? { sealer: key.opening() } : {}),
  };
}
