import type { TestDatabase } from './test-database.js';

// To be imported before a spec file that was written for both databases: its tests then run on MariaDB.
globalThis.testDatabase = 'mariadb' satisfies TestDatabase;
