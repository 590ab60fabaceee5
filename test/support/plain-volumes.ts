/** Tests that a volume with transforms could not pass, as they lay bytes by hand or count pages that are stored as they are. */
import { beforeEach, type TestContext } from 'vitest';

const asked = process.env.VARVE_TRANSFORMS ?? '';

/** The volumes of this run store pages as they are. */
export const storedPlain = asked === '';

/** Skip the test where VARVE_TRANSFORMS asks for some; `reason`: why. */
export function plainOnly(context: Pick<TestContext, 'skip'>, reason: string): void {
  if (!storedPlain) context.skip(`${reason}; this run makes volumes with ${asked}`);
}

/** The same for all tests of the file, or of the `describe` that it is called in. */
export function onlyOnPlainVolumes(reason: string): void {
  if (!storedPlain) beforeEach((context) => plainOnly(context, reason));
}
