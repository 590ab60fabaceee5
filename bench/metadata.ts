/** Many small files in many directories: made, listed and looked at cold, renamed, removed. */
import { mkdirSync, readdirSync, renameSync, rmdirSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cold, timed, type Workload } from './workload.js';

const directories = 50;
const filesEach = 200;
const files = directories * filesEach;

export const metadata: Workload = async (volume, note) => {
  const root = join(volume.directory, 'metadata');
  const folder = (d: number): string => join(root, `d${d}`);
  const each = (work: (path: string) => void): void => {
    for (let d = 0; d < directories; d++) for (let f = 0; f < filesEach; f++) work(join(folder(d), `f${f}`));
  };
  mkdirSync(root);
  const contents = Buffer.alloc(700, 'varve');
  const create = timed(() => {
    for (let d = 0; d < directories; d++) mkdirSync(folder(d));
    each((path) => writeFileSync(path, contents));
  });
  note('create with 700 bytes', files / create, 'per s');
  note('stat, warm', files / timed(() => each((path) => statSync(path))), 'per s');
  await cold(volume);
  const list = timed(() => {
    for (let d = 0; d < directories; d++) readdirSync(folder(d), { withFileTypes: true });
  });
  note('list, cold', files / list, 'per s');
  note('stat, cold', files / timed(() => each((path) => statSync(path))), 'per s');
  note('rename', files / timed(() => each((path) => renameSync(path, `${path}-renamed`))), 'per s');
  const remove = timed(() => {
    each((path) => unlinkSync(`${path}-renamed`));
    for (let d = 0; d < directories; d++) rmdirSync(folder(d));
  });
  note('unlink', files / remove, 'per s');
};
