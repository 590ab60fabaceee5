import { expect, it } from 'vitest';
import { PracticeKernel, rootNode } from '../../fs/fuse/kernel/practice-kernel.js';
import { Rehearsal } from '../../fs/fuse/kernel/rehearsal.js';
import { ToyFileSystem } from '../support/toy-filesystem.js';

it('is work that any filesystem takes: no request of it fails', async () => {
  const filesystem = new ToyFileSystem();
  const said: string[] = [];
  const served = { filesystem: () => filesystem, nearLimit: () => false };
  const kernel = new PracticeKernel(served, (line) => said.push(line));
  const rehearsal = new Rehearsal(kernel);
  for (let i = 0; i < 64; i++) await rehearsal.act();
  kernel.end();
  expect(said).toEqual([]);
  const names: string[] = [];
  filesystem.readdir(1, 0, (name) => names.push(Buffer.from(name).toString()) > 0);
  expect(names).toEqual(['.', '..', 'folder 0', 'folder 1', 'folder 2', 'folder 3', 'db']);
});

it('hears of what breaks the loop that serves it, and nobody else does', async () => {
  const served = {
    filesystem: () => {
      throw new Error('no memory');
    },
    nearLimit: () => false,
  };
  const kernel = new PracticeKernel(served, () => undefined);
  await expect(kernel.lookup(rootNode, 'name')).rejects.toThrow('no memory');
});
