// Print a file of a snapshot, without mounting the image: node read-file.mjs IMAGE SNAPSHOT PATH
import { Image } from 'varve';

const [path, snapshot, file] = process.argv.slice(2);
const image = await Image.open(path, { readOnly: true, snapshot });
try {
  process.stdout.write(await image.files.readFile(file));
} finally {
  await image.close();
}
