import { expect, it } from 'vitest';
import { Rehearsal } from '../../fs/fuse/kernel/rehearsal.js';
import { ToyFileSystem } from '../support/toy-filesystem.js';

it('is work that any filesystem takes: no request of it fails', async () => {
  const filesystem = new ToyFileSystem();
  const said: string[] = [];
  const served = { filesystem: () => filesystem, nearLimit: () => false };
  const rehearsal = new Rehearsal(served, (line) => said.push(line));
  for (let i = 0; i < 64; i++) await rehearsal.act();
  expect(said).toEqual([]);
  const names: string[] = [];
  filesystem.readdir(1, 0, (name) => names.push(Buffer.from(name).toString()) > 0);
  expect(names).toEqual(['.', '..', 'folder 0', 'folder 1', 'folder 2', 'folder 3', 'db']);
});
