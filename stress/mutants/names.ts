/** Faults in names, links, attributes and sizes. */
import { type Mutant, tests } from './mutant.js';

const { names: nameTests, data, random, rules, aceOne, aceTwo } = tests;

export const nameMutants: readonly Mutant[] = [
  {
    name: 'link-not-counted',
    why: 'a second name, and the first unlink removes the file',
    file: 'fs/posix/namespace/link.ts',
    from: `edit.changed(inode, now).links++;`,
    to: `edit.changed(inode, now);`,
    tests: [nameTests, aceOne],
  },
  {
    name: 'unlink-counts-one-too-few',
    why: 'of several names, one goes and the count stays',
    file: 'fs/posix/namespace/drop-name.ts',
    from: `  record.links--;`,
    to: `  if (record.links < 2) record.links--;`,
    tests: [nameTests, aceOne],
  },
  {
    name: 'rename-over-keeps-the-victim',
    why: 'a file that another was renamed over keeps its link',
    file: 'fs/posix/namespace/rename.ts',
    from: `    after = dropName(context, edit, to.inode, now);`,
    to: `    void dropName;`,
    tests: [nameTests, aceTwo],
  },
  {
    name: 'moved-directory-keeps-its-parent',
    why: '.. of a directory that was moved leads to where it was',
    file: 'fs/posix/namespace/rename.ts',
    from: `    source.subdirectories--;\n    target.subdirectories++;\n    edit.record(inode).parent = to.directory.number;\n  }\n  edit.changed(inode, now);\n  let after`,
    to: `    source.subdirectories--;\n    target.subdirectories++;\n  }\n  edit.changed(inode, now);\n  let after`,
    tests: [nameTests, random],
  },
  {
    name: 'collision-number-ignored',
    why: 'of two names with one hash the second takes the place of the first',
    file: 'fs/posix/namespace/dirents.ts',
    from: `    if (items.offset === free) free++;\n`,
    to: ``,
    tests: [nameTests],
  },
  {
    name: 'rename-drops-attributes',
    why: 'extended attributes do not follow a file to its new name',
    file: 'fs/posix/namespace/rename.ts',
    from: `  edit.changed(inode, now);\n  let after`,
    to: `  edit.changed(inode, now).flags = 0;\n  let after`,
    tests: [rules, random],
  },
  {
    name: 'cut-keeps-the-tail',
    why: 'bytes behind the end of a file that was cut come back when it grows',
    file: 'fs/posix/inode/truncate.ts',
    from: `  makeDirty(context, inode, pagesAtEnd(inode), who);\n`,
    to: `  void makeDirty;\n  void pagesAtEnd;\n  void who;\n`,
    tests: [data, random],
  },
  {
    name: 'cut-in-memory-only',
    why: 'pages beyond a new end stay in the tree',
    file: 'fs/posix/inode/truncate.ts',
    from: `    all = cutPages(context, edit, inode, from);`,
    to: `    all = cutPages(context, edit, inode, from + 1);`,
    tests: [data, aceOne],
  },
];
