/** The driver over the npm package fuse-native, which is loaded when something is mounted: see session.ts. */
import type { Driver } from '../driver.js';
import { NativeSession } from './session.js';

export const nativeDriver: Driver = {
  name: 'native',
  mount: (target, options) => new NativeSession(target, options),
};
