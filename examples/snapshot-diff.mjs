// Copy what changed from one snapshot to another out of an image: node snapshot-diff.mjs IMAGE FROM TO DIRECTORY
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Image } from 'varve';

const [path, from, to, directory] = process.argv.slice(2);
const image = await Image.open(path, { readOnly: true, snapshot: to });
try {
  for (const { change, path: changed, from: before, type } of await image.diff(from, to)) {
    console.log(before === undefined ? `${change} ${changed}` : `${change} ${before} -> ${changed}`);
    if (change === 'removed' || type !== 'file') continue;
    await mkdir(join(directory, dirname(changed)), { recursive: true });
    await writeFile(join(directory, changed), await image.files.readFile(changed));
  }
} finally {
  await image.close();
}
