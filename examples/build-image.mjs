// Make an image from a directory, without mounting it: node build-image.mjs DIRECTORY IMAGE
import { copyIn, Image } from 'varve';

const [directory, path] = process.argv.slice(2);
await Image.format(path, '1G', { label: 'release', compress: 'lz4' });
const image = await Image.open(path);
try {
  const copied = await copyIn(directory, image.filesystem, await image.files.inode('/'));
  await image.files.writeFile('/MANIFEST', `${copied.files} files\n`);
  await image.snapshot('as-built');
  console.log(`${copied.files} files, ${copied.bytes} bytes`);
} finally {
  await image.close();
}
