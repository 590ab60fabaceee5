/** Runs before each file of tests: where volumes are to be made with the example of an external module, all registries know it. */
import { fileURLToPath } from 'node:url';

if ((process.env.VARVE_TRANSFORMS ?? '').split('+').includes('zero-runs')) {
  const { loadTransform } = await import('../../fs/transform/external.js');
  const { knowEverywhere } = await import('../../fs/transform/registry.js');
  knowEverywhere(await loadTransform(fileURLToPath(new URL('../../examples/zero-runs.mjs', import.meta.url))));
}
