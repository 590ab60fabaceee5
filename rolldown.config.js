import { readFileSync, writeFileSync } from 'node:fs';

/** Characters beyond ASCII stand in literals alone: as escapes, a start has nothing to decode (bin/load.cjs). */
const ascii = {
  name: 'ascii',
  generateBundle(_, bundle) {
    const escaped = (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`;
    for (const chunk of Object.values(bundle)) chunk.code = chunk.code.replace(/[^\0-\x7f]/g, escaped);
  },
};

/**
 * One file a program, made from what the compiler made: Node takes 0.2 s to find and link 150 modules, and people wait
 * for `varve umount` and `mount` at boot. The modules stay, for who uses the library.
 */
const program = (name, input) => ({
  input,
  platform: 'node',
  external: ['koffi', '@node-rs/crc32', 'lz4', 'fuse-native'],
  output: { file: `dist/programs/${name}.cjs`, format: 'cjs', codeSplitting: false, comments: false },
  plugins: [ascii],
});

/** The page of `varve map` is one document: its style and its script are put into it. */
const onePage = {
  name: 'one-page',
  writeBundle(_, bundle) {
    const text = (name) => readFileSync(`varve/page/${name}`, 'utf8');
    const [{ code }] = Object.values(bundle);
    const page = text('map.html')
      .replace('/* map.css */', () => text('map.css'))
      .replace('/* main.js */', () => code);
    writeFileSync('dist/programs/map.html', page);
  },
};

export default [
  program('varve', 'dist/varve/main.js'),
  program('mount.varve', 'dist/fs/cli/serve.js'),
  program('mkfs.varve', 'dist/mkfs/main.js'),
  program('fsck.varve', 'dist/fsck/main.js'),
  {
    input: 'varve/page/main.ts',
    platform: 'browser',
    output: { file: 'dist/programs/map-page.js', format: 'iife', comments: false },
    plugins: [onePage],
  },
];
