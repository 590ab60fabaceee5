/** Every profile by its name, in the order in which help lists them. */
import type { Profile } from '../workload/profile.js';
import { build } from './build.js';
import { db } from './db.js';
import { file } from './file.js';
import { mail } from './mail.js';
import { web } from './web.js';

export const profiles: readonly Profile[] = [mail, web, file, db, build];
