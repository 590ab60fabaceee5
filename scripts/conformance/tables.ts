/** All tables, in the order in which they run. */
import type { Table } from './ground.js';
import { aclRules } from './tables/acl-rules.js';
import { attributes } from './tables/attributes.js';
import { contents } from './tables/contents.js';
import { creation } from './tables/creation.js';
import { marks } from './tables/marks.js';
import { ownership } from './tables/ownership.js';
import { paths } from './tables/paths.js';
import { removal } from './tables/removal.js';
import { renaming } from './tables/renaming.js';
import { times } from './tables/times.js';

export const tables: readonly Table[] = [
  paths,
  creation,
  removal,
  renaming,
  ownership,
  times,
  contents,
  attributes,
  aclRules,
  marks,
];
