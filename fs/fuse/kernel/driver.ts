/** The driver that speaks the kernel's protocol itself: see request-loop.ts for how it serves. */
import type { Driver } from '../driver.js';
import { mountKernel } from './mount.js';
import { Session } from './session.js';

export const kernelDriver: Driver = {
  name: 'kernel',
  mount: (target, options) => new Session(target, mountKernel(target, options), options),
};
